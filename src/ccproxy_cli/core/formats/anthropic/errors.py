"""The vendor's errors, in both directions. Errors of any other upstream come in through their own format and go out here."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from ccproxy_cli.core.errors import APIError, ErrorKind, kind_of_status
from ccproxy_cli.core.formats.anthropic.wire import NAME
from ccproxy_cli.core.framing import encode_frame
from ccproxy_cli.core.http import HTTPReply
from ccproxy_cli.core.jsontext import JSON, JSONError, dumps, loads

MAX_MESSAGE = 3500
"""Characters of a message: bodies stay below 4 KiB of plain text."""
MAX_RETRY_AFTER_LENGTH = 32
MAX_RETRY_AFTER_SECONDS = 24 * 3600
"""Nobody means longer; a client that believed it would hang for good."""

_KINDS: Mapping[str, ErrorKind] = MappingProxyType(
    {
        "invalid_request_error": ErrorKind.INVALID_REQUEST,
        "authentication_error": ErrorKind.AUTHENTICATION,
        "billing_error": ErrorKind.BILLING,
        "permission_error": ErrorKind.PERMISSION,
        "not_found_error": ErrorKind.NOT_FOUND,
        "conflict_error": ErrorKind.CONFLICT,
        "request_too_large": ErrorKind.TOO_LARGE,
        "rate_limit_error": ErrorKind.RATE_LIMIT,
        "api_error": ErrorKind.BAD_UPSTREAM,
        "overloaded_error": ErrorKind.OVERLOADED,
        "timeout_error": ErrorKind.UPSTREAM_TIMEOUT,
    }
)
_TYPES: Mapping[ErrorKind, str] = MappingProxyType(
    {kind: word for word, kind in _KINDS.items()}
    | {
        ErrorKind.CONTEXT_OVERFLOW: "invalid_request_error",
        ErrorKind.METHOD_NOT_ALLOWED: "invalid_request_error",
        ErrorKind.REQUEST_TIMEOUT: "invalid_request_error",
        ErrorKind.UNSUPPORTED_MEDIA: "invalid_request_error",
        ErrorKind.UNPROCESSABLE: "invalid_request_error",
        ErrorKind.UPGRADE_REFUSED: "invalid_request_error",
        ErrorKind.HEADERS_TOO_LARGE: "invalid_request_error",
        ErrorKind.QUOTA: "rate_limit_error",
        ErrorKind.INTERNAL: "api_error",
        ErrorKind.LOOP: "api_error",
    }
)
_VAGUE = frozenset({ErrorKind.INVALID_REQUEST, ErrorKind.BAD_UPSTREAM})
"""Kinds that a bare status means when it means nothing in particular: the vendor's word is better."""

_TOO_LONG = re.compile(r"prompt is too long", re.IGNORECASE)
_SPEND_LIMIT = re.compile(r"spend_limit|ramp_limit")
_OVERFLOW_LIMIT = re.compile(r"maximum (?:context length|number of tokens)\D{0,30}?(\d{3,})", re.IGNORECASE)
_OVERFLOW_COUNT = re.compile(r"(?:resulted in|requested(?: about)?|input token count|has|of) \(?(\d{3,})(?:\)| tokens)", re.IGNORECASE)


def decode_error(reply: HTTPReply) -> APIError:
    """Whatever an upstream of this format answered with a failing status, as an error. Pages of HTML are named, never repeated."""
    try:
        value = loads(reply.body)
    except JSONError:
        value = None
    headers = reply.headers
    retry = {"true": True, "false": False}.get(headers.get("x-should-retry", "").lower())
    return _error(
        value,
        reply.status,
        message=_message(value) or _plain_text(reply),
        request_id=headers.get("request-id") or headers.get("x-request-id"),
        retry_after=headers.get("retry-after"),
        should_retry=retry,
    )


def decode_error_object(value: JSON) -> APIError:
    """The error that an `error` event of a stream carries."""
    return _error(value, None, message=_message(value) or "the upstream broke the answer off without a reason")


def _error(
    value: JSON,
    status: int | None,
    message: str,
    request_id: str | None = None,
    retry_after: str | None = None,
    should_retry: bool | None = None,
) -> APIError:
    inner = _inner(value)
    word = inner.get("type") if isinstance(inner.get("type"), str) else None
    details = inner.get("details")
    if isinstance(value, dict) and isinstance(value.get("request_id"), str):
        request_id = request_id or value["request_id"]
    return APIError(
        _kind(status, word, message, details),
        message[:MAX_MESSAGE],
        status=status,
        type=word,
        origin=NAME,
        request_id=request_id,
        retry_after=retry_after,
        should_retry=should_retry,
        raw=value,
        details=details,
    )


def _kind(status: int | None, word: str | None, message: str, details: JSON) -> ErrorKind:
    if _TOO_LONG.search(message) and status in (None, 400, 413):
        return ErrorKind.CONTEXT_OVERFLOW
    kind = kind_of_status(status) if status is not None else ErrorKind.BAD_UPSTREAM
    if kind in _VAGUE:
        kind = _KINDS.get(word or "", kind)
    if kind is ErrorKind.RATE_LIMIT and isinstance(details, dict) and _SPEND_LIMIT.search(str(details.get("error_code"))):
        return ErrorKind.QUOTA
    return kind


def _inner(value: JSON) -> dict[str, JSON]:
    """The object that says what went wrong, in whichever shape a server that claims this format wrote it."""
    if isinstance(value, list) and value:
        value = value[0]
    if not isinstance(value, dict):
        return {}
    inner = value.get("error")
    return inner if isinstance(inner, dict) else value if inner is None and value.get("type") != "error" else {}


def _message(value: JSON) -> str:
    inner = _inner(value)
    said = inner.get("message") or inner.get("detail") or (value.get("error") if isinstance(value, dict) else None)
    if isinstance(said, str):
        return said
    return dumps(said).decode() if isinstance(said, list) and said else ""


def _plain_text(reply: HTTPReply) -> str:
    text = reply.body[: 4 * MAX_MESSAGE].decode("utf-8", "replace").strip()
    if not text or text[0] in "<{[" or "html" in reply.headers.get("content-type", ""):
        return f"the upstream answered with HTTP status {reply.status} and no error message"
    return text[:MAX_MESSAGE]


def encode_error(error: APIError, request_id: str) -> HTTPReply:
    """The error as this vendor's clients know it."""
    headers = {"content-type": "application/json", "request-id": error.request_id or request_id, **(error.headers or {})}
    if error.retry_after is not None and fits_retry_after(error.retry_after):
        headers["retry-after"] = error.retry_after
    retry = error.should_retry
    if error.kind in (ErrorKind.AUTHENTICATION, ErrorKind.QUOTA):
        # Clients try a 401 or a 429 again and again (Claude Code 2.1: seven times) unless they are told that it does not help.
        retry = False
    if retry is not None:
        headers["x-should-retry"] = "true" if retry else "false"
    return HTTPReply(_status(error), dumps(_body(error, request_id)), headers)


def encode_stream_error(error: APIError, request_id: str) -> bytes:
    """The error as the last frame of a stream that had begun."""
    return encode_frame(dumps(_body(error, request_id)), b"error")


def fits_retry_after(value: str) -> bool:
    """Whether a `retry-after` is one that a client can be trusted with."""
    if not value.strip() or len(value) > MAX_RETRY_AFTER_LENGTH:
        return False
    try:
        return 0 <= float(value) <= MAX_RETRY_AFTER_SECONDS
    except ValueError:
        return True  # a date


def _status(error: APIError) -> int:
    """The upstream's own, where it gave one. Overload of ours is told as 529, this vendor's word for it."""
    return error.http_status if 400 <= error.http_status <= 599 else error.kind.status


def _body(error: APIError, request_id: str) -> dict[str, JSON]:
    own = error.origin == NAME
    inner: dict[str, JSON] = dict(_inner(error.raw)) if own and isinstance(error.raw, dict) and "error" in error.raw else {}
    inner["type"] = error.type if own and error.type else _TYPES[error.kind]
    inner["message"] = _overflow(error) if error.kind is ErrorKind.CONTEXT_OVERFLOW and not own else error.message[:MAX_MESSAGE]
    if error.details is not None and error.origin in (None, NAME):
        inner["details"] = error.details
    body: dict[str, JSON] = {"type": "error", "error": inner}
    if error.request_id or request_id:
        body["request_id"] = error.request_id or request_id
    return body


def _overflow(error: APIError) -> str:
    """Claude Code compacts a conversation when it reads these words, and only then."""
    limit = _OVERFLOW_LIMIT.search(error.message.replace(",", ""))
    count = _OVERFLOW_COUNT.search(error.message.replace(",", ""))
    if limit and count and limit[1] != count[1]:
        return f"prompt is too long: {count[1]} tokens > {limit[1]} maximum"
    if _TOO_LONG.search(error.message):
        return error.message[:MAX_MESSAGE]
    return f"prompt is too long: {error.message}"[:MAX_MESSAGE]
