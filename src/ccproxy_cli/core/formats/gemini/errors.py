"""The vendor's errors, in both directions: `{"error": {"code", "message", "status", "details"}}`, in a list where the answer is one."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from ccproxy_cli.core.errors import APIError, ErrorKind, kind_of_status
from ccproxy_cli.core.formats.gemini.wire import NAME
from ccproxy_cli.core.framing import encode_frame
from ccproxy_cli.core.http import HTTPReply
from ccproxy_cli.core.jsontext import JSON, JSONError, dumps, loads
from ccproxy_cli.core.rates import Measure

MAX_MESSAGE = 3500
"""Characters of a message: bodies stay below 4 KiB of plain text."""

_KINDS: Mapping[str, ErrorKind] = MappingProxyType(
    {
        "INVALID_ARGUMENT": ErrorKind.INVALID_REQUEST,
        "FAILED_PRECONDITION": ErrorKind.INVALID_REQUEST,
        "OUT_OF_RANGE": ErrorKind.INVALID_REQUEST,
        "UNAUTHENTICATED": ErrorKind.AUTHENTICATION,
        "PERMISSION_DENIED": ErrorKind.PERMISSION,
        "NOT_FOUND": ErrorKind.NOT_FOUND,
        "ABORTED": ErrorKind.CONFLICT,
        "ALREADY_EXISTS": ErrorKind.CONFLICT,
        "RESOURCE_EXHAUSTED": ErrorKind.RATE_LIMIT,
        "DEADLINE_EXCEEDED": ErrorKind.UPSTREAM_TIMEOUT,
        "UNAVAILABLE": ErrorKind.OVERLOADED,
        "INTERNAL": ErrorKind.BAD_UPSTREAM,
        "UNKNOWN": ErrorKind.BAD_UPSTREAM,
    }
)
_STATUSES: Mapping[ErrorKind, tuple[str, int]] = MappingProxyType(
    {
        ErrorKind.INVALID_REQUEST: ("INVALID_ARGUMENT", 400),
        ErrorKind.CONTEXT_OVERFLOW: ("INVALID_ARGUMENT", 400),
        ErrorKind.AUTHENTICATION: ("UNAUTHENTICATED", 401),
        ErrorKind.BILLING: ("PERMISSION_DENIED", 402),
        ErrorKind.PERMISSION: ("PERMISSION_DENIED", 403),
        ErrorKind.NOT_FOUND: ("NOT_FOUND", 404),
        ErrorKind.METHOD_NOT_ALLOWED: ("INVALID_ARGUMENT", 405),
        ErrorKind.REQUEST_TIMEOUT: ("DEADLINE_EXCEEDED", 408),
        ErrorKind.CONFLICT: ("ABORTED", 409),
        ErrorKind.TOO_LARGE: ("INVALID_ARGUMENT", 413),
        ErrorKind.UNSUPPORTED_MEDIA: ("INVALID_ARGUMENT", 415),
        ErrorKind.UNPROCESSABLE: ("INVALID_ARGUMENT", 422),
        ErrorKind.UPGRADE_REFUSED: ("FAILED_PRECONDITION", 426),
        ErrorKind.RATE_LIMIT: ("RESOURCE_EXHAUSTED", 429),
        ErrorKind.QUOTA: ("RESOURCE_EXHAUSTED", 429),
        ErrorKind.HEADERS_TOO_LARGE: ("INVALID_ARGUMENT", 431),
        ErrorKind.INTERNAL: ("INTERNAL", 500),
        ErrorKind.BAD_UPSTREAM: ("INTERNAL", 502),
        ErrorKind.OVERLOADED: ("UNAVAILABLE", 503),
        ErrorKind.UPSTREAM_TIMEOUT: ("DEADLINE_EXCEEDED", 504),
        ErrorKind.LOOP: ("INTERNAL", 508),
    }
)
_VAGUE = frozenset({ErrorKind.INVALID_REQUEST, ErrorKind.BAD_UPSTREAM})
"""Kinds that a bare status means when it means nothing in particular: the vendor's word is better."""
_BAD_KEYS = frozenset({"API_KEY_INVALID", "API_KEY_EXPIRED", "API_KEY_SERVICE_BLOCKED", "CREDENTIALS_MISSING", "ACCESS_TOKEN_EXPIRED"})
_BAD_KEY = re.compile(r"API key (not valid|expired|not found)", re.IGNORECASE)
_TOO_LONG = re.compile(r"input token count .{0,40}exceeds the maximum number of tokens", re.IGNORECASE)
_STRANGE_SCHEMA = re.compile(
    r"Unknown name \"|Proto field is not repeating|(parameters|response)_?json_?schema|function_?declarations\[\d+\]\.parameters",
    re.IGNORECASE,
)
_DELAY = re.compile(r"(\d+(?:\.\d+)?)s")

_TYPES = "type.googleapis.com/google.rpc."


# Inward


def decode_error(reply: HTTPReply) -> APIError:
    """Whatever an upstream of this format answered with a failing status, as an error. Pages of HTML are named, never repeated."""
    try:
        value = loads(reply.body)
    except JSONError:
        value = None
    return _error(value, reply.status, _message(_inner(value), value) or _plain_text(reply), reply.headers.get("retry-after"))


def decode_error_object(value: JSON) -> APIError:
    """The error that stands where an answer, or a chunk of one, was due."""
    inner = _inner(value)
    status = inner.get("code") if type(inner.get("code")) is int and 400 <= inner["code"] <= 599 else None
    return _error(value, status, _message(inner, value) or "the upstream broke the answer off without a reason", None)


def holds_error(value: JSON) -> bool:
    """Whether a body or a chunk is an error, perhaps in a list."""
    if isinstance(value, list) and value:
        value = value[0]
    return isinstance(value, dict) and bool(value.get("error")) and "candidates" not in value


def _error(value: JSON, status: int | None, message: str, retry_after: str | None) -> APIError:
    inner = _inner(value)
    found = inner.get("details")
    details = [detail for detail in found if isinstance(detail, dict)] if isinstance(found, list) else []
    word = inner.get("status") if isinstance(inner.get("status"), str) else None
    reason = next((detail["reason"] for detail in details if isinstance(detail.get("reason"), str)), None)
    kind = _kind(status, word, reason, message, details)
    return APIError(
        kind,
        message[:MAX_MESSAGE],
        status=ErrorKind.AUTHENTICATION.status if kind is ErrorKind.AUTHENTICATION else status,
        code=reason,
        type=word,
        origin=NAME,
        retry_after=retry_after or _retry_delay(details),
        should_retry=False if kind is ErrorKind.QUOTA else None,
        raw=value,
    )


def _inner(value: JSON) -> dict[str, JSON]:
    if isinstance(value, list) and value:
        value = value[0]
    inner = value.get("error") if isinstance(value, dict) else None
    return inner if isinstance(inner, dict) else {}


def _message(inner: Mapping[str, JSON], value: JSON) -> str:
    said = inner.get("message")
    if not said and isinstance(value, dict):
        said = value.get("message") or value.get("detail") or value.get("error")
    return said if isinstance(said, str) else ""


def _plain_text(reply: HTTPReply) -> str:
    text = reply.body[: 4 * MAX_MESSAGE].decode("utf-8", "replace").strip()
    if not text or text[0] in "<{[" or "html" in reply.headers.get("content-type", ""):
        return f"the upstream answered with HTTP status {reply.status} and no error message"
    return text


def _kind(status: int | None, word: str | None, reason: str | None, message: str, details: list[dict[str, JSON]]) -> ErrorKind:
    if reason in _BAD_KEYS or (status == 400 and _BAD_KEY.search(message)):
        return ErrorKind.AUTHENTICATION  # the vendor says 400 to a bad key
    if _TOO_LONG.search(message):
        return ErrorKind.CONTEXT_OVERFLOW
    kind = ErrorKind.BAD_UPSTREAM if status is None else kind_of_status(status)
    if kind in _VAGUE:
        kind = _KINDS.get(word or "", kind)
    if kind is ErrorKind.RATE_LIMIT and _is_spent(details):
        return ErrorKind.QUOTA
    return kind


def _is_spent(details: list[dict[str, JSON]]) -> bool:
    """Whether a quota is gone for the day: then the vendor says so in the quota's name and waiting seconds does not help."""
    for detail in details:
        violations = detail.get("violations")
        if str(detail.get("@type")).endswith("QuotaFailure") and isinstance(violations, list):
            return any("PerDay" in str(each.get("quotaId")) for each in violations if isinstance(each, dict))
    return False


def _retry_delay(details: list[dict[str, JSON]]) -> str | None:
    for detail in details:
        found = _DELAY.fullmatch(str(detail.get("retryDelay")))
        if found:
            return found[1]
    return None


def refuses_json_schema(error: APIError) -> bool:
    """Whether the vendor stumbled over a word of JSON Schema, or over the member that holds one. Worded by a parser that knows its
    own dialect's words alone (errors quoted in public issues, 2025 and 2026)."""
    return error.http_status == 400 and bool(_STRANGE_SCHEMA.search(error.message))


# Outward


def encode_error(error: APIError, request_id: str) -> HTTPReply:
    """The error as this vendor's clients know it. It has no place for our request id but a header."""
    body = _body(error)
    headers = {"content-type": "application/json", **(error.headers or {}), "x-request-id": error.request_id or request_id}
    if error.retry_after is not None:
        headers["retry-after"] = error.retry_after
    return HTTPReply(body["error"]["code"], dumps(body), headers)


def encode_stream_error(error: APIError, request_id: str) -> bytes:
    """The error as the last frame of a stream that had begun."""
    return encode_frame(dumps(_body(error)))


def encode_array_error(error: APIError) -> bytes:
    """The error as an element of a JSON array."""
    return dumps(_body(error))


def _body(error: APIError) -> dict[str, JSON]:
    own = _inner(error.raw) if error.origin == NAME else {}
    word, usual = _STATUSES[error.kind]
    status = usual if error.kind in (ErrorKind.OVERLOADED, ErrorKind.INTERNAL) or not 400 <= error.http_status <= 599 else error.http_status
    message = _overflow(error.message) if error.kind is ErrorKind.CONTEXT_OVERFLOW and not own else error.message
    inner: dict[str, JSON] = {
        "code": own.get("code") if type(own.get("code")) is int and 400 <= own["code"] <= 599 else status,
        "message": message[:MAX_MESSAGE],
        "status": (error.type if own else None) or word,
    }
    details = own.get("details") if own else _details(error) or None
    if details is not None:
        inner["details"] = details
    return {"error": inner}


def _overflow(message: str) -> str:
    """The vendor's words, by which agents know that it is time to compact, before those of the upstream."""
    if _TOO_LONG.search(message):
        return message
    counts = sorted({int(number) for number in re.findall(r"\d{4,}", message.replace(",", ""))})
    if len(counts) < 2:
        return f"The input token count exceeds the maximum number of tokens allowed. {message}"
    return f"The input token count ({counts[-1]}) exceeds the maximum number of tokens allowed ({counts[0]}). {message}"


def _details(error: APIError) -> list[JSON]:
    """What programs read: which field, and when to come back."""
    details: list[JSON] = []
    if error.param is not None:
        details.append({"@type": f"{_TYPES}BadRequest", "fieldViolations": [{"field": error.param, "description": error.message[:200]}]})
    if error.kind is ErrorKind.AUTHENTICATION:
        details.append({"@type": f"{_TYPES}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"})
    if error.measure is not None:
        span = "" if error.measure is Measure.CONCURRENCY else "PerMinute"
        quota = {"quotaId": error.measure.title().replace("_", "") + span, "description": error.message[:200]}
        details.append({"@type": f"{_TYPES}QuotaFailure", "violations": [quota]})
    if error.retry_after is not None and re.fullmatch(r"\d+(\.\d+)?", error.retry_after):
        details.append({"@type": f"{_TYPES}RetryInfo", "retryDelay": f"{error.retry_after}s"})
    return details
