"""Errors as OpenAI words them in all its formats, both ways. Each format says which one it is by its name.

What the vendor and servers like it were recorded to send (2026-09): `{"error": {...}}` with or without `param`, numbers for codes,
`{"detail": ...}` and `{"message": ...}` at the top level, plain text and HTML from whatever stands in front of them.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from attrs import evolve

from ccproxy_cli.core.errors import APIError, ErrorKind, kind_of_status
from ccproxy_cli.core.http import HTTPReply
from ccproxy_cli.core.jsontext import JSON, JSONError, dumps, loads
from ccproxy_cli.core.rates import Measure

MAX_MESSAGE = 2_000
"""Characters of an error message that are passed on: enough for any honest one, and below 4 KiB with its frame."""
_MAX_RAW = 3_500

_INVALID = "invalid_request_error"
_SERVER = "server_error"
_WORDS: Mapping[ErrorKind, tuple[str, str | None]] = MappingProxyType(
    {
        ErrorKind.INVALID_REQUEST: (_INVALID, None),
        ErrorKind.CONTEXT_OVERFLOW: (_INVALID, "context_length_exceeded"),
        ErrorKind.AUTHENTICATION: (_INVALID, "invalid_api_key"),
        ErrorKind.BILLING: ("insufficient_quota", "insufficient_quota"),
        ErrorKind.PERMISSION: (_INVALID, None),
        ErrorKind.NOT_FOUND: (_INVALID, "model_not_found"),
        ErrorKind.METHOD_NOT_ALLOWED: (_INVALID, None),
        ErrorKind.REQUEST_TIMEOUT: (_INVALID, "request_timeout"),
        ErrorKind.CONFLICT: (_INVALID, None),
        ErrorKind.TOO_LARGE: (_INVALID, "request_too_large"),
        ErrorKind.UNSUPPORTED_MEDIA: (_INVALID, None),
        ErrorKind.UNPROCESSABLE: (_INVALID, None),
        ErrorKind.UPGRADE_REFUSED: (_INVALID, None),
        ErrorKind.RATE_LIMIT: ("rate_limit_error", "rate_limit_exceeded"),
        ErrorKind.QUOTA: ("insufficient_quota", "insufficient_quota"),
        ErrorKind.HEADERS_TOO_LARGE: (_INVALID, None),
        ErrorKind.INTERNAL: (_SERVER, None),
        ErrorKind.BAD_UPSTREAM: (_SERVER, "upstream_error"),
        ErrorKind.OVERLOADED: (_SERVER, "overloaded"),
        ErrorKind.UPSTREAM_TIMEOUT: (_SERVER, "upstream_timeout"),
        ErrorKind.LOOP: (_SERVER, "loop_detected"),
    }
)
"""Type and code by kind: the contract of these formats."""

_CODES: Mapping[str, ErrorKind] = MappingProxyType(
    {
        "context_length_exceeded": ErrorKind.CONTEXT_OVERFLOW,
        "insufficient_quota": ErrorKind.QUOTA,
        "billing_hard_limit_reached": ErrorKind.QUOTA,
        "rate_limit_exceeded": ErrorKind.RATE_LIMIT,
        "invalid_api_key": ErrorKind.AUTHENTICATION,
        "model_not_found": ErrorKind.NOT_FOUND,
        "overloaded": ErrorKind.OVERLOADED,
        "server_error": ErrorKind.INTERNAL,
        "upstream_error": ErrorKind.BAD_UPSTREAM,
        "upstream_timeout": ErrorKind.UPSTREAM_TIMEOUT,
    }
)
_TYPES: Mapping[str, ErrorKind] = MappingProxyType(
    {
        _INVALID: ErrorKind.INVALID_REQUEST,
        _SERVER: ErrorKind.INTERNAL,
        "tokens": ErrorKind.RATE_LIMIT,
        "requests": ErrorKind.RATE_LIMIT,
        "rate_limit_error": ErrorKind.RATE_LIMIT,
        "overloaded_error": ErrorKind.OVERLOADED,
    }
)
_OVERFLOW_WORDS = ("maximum context length", "context window", "prompt is too long", "context length exceeded", "too many tokens")
_MARKUP = re.compile(r"<(?:!doctype|html|head|body|script)\b", re.IGNORECASE)
_RETRY_SOON = "x-should-retry"


def decode_error(reply: HTTPReply, name: str) -> APIError:
    """What an upstream's reply with an error status says. Any body will do."""
    error = _read_body(reply.body, reply.status, name)
    return evolve(
        error,
        request_id=reply.headers.get("x-request-id"),
        retry_after=_retry_after(reply.headers),
        should_retry=_should_retry(error.kind, reply.headers),
    )


def _read_body(body: bytes, status: int, name: str) -> APIError:
    try:
        value = loads(body)
    except JSONError:
        return _plain(body, status, name)
    if isinstance(value, list) and value:  # Google's bridge wraps it in a list
        value = value[0]
    match value:
        case {"error": dict() | str()}:
            return _describe(value, status, name)
        case {"detail": detail}:  # FastAPI servers
            return _describe({"error": {"message": _words(detail)}}, status, name)
        case {"message": str() | dict() | list()}:  # in Mistral's the message is what its framework said
            return _describe({"error": value}, status, name)
        case _:
            return _plain(b"", status, name)


def _plain(body: bytes, status: int, name: str) -> APIError:
    """A body that is no JSON. Text is told, markup is not: it was written for browsers, and could be run by one."""
    text = " ".join(body.decode("utf-8", "replace").split())
    if not text or "<" in text or not text.isprintable():
        text = f"upstream answered with status {status}"
    return APIError(kind_of_status(status), text[:MAX_MESSAGE], status=status, origin=name)


def error_in_answer(value: Mapping[str, JSON], name: str) -> APIError:
    """The `error` that stands where an answer should, in a body or a stream's chunk whose status said success."""
    return _describe(value, None, name)


def _describe(value: Mapping[str, JSON], status: int | None, name: str) -> APIError:
    inner = value["error"]
    error = inner if isinstance(inner, dict) else {"message": inner}
    code, kind_word = error.get("code"), error.get("type")
    if status is None:
        status = _status_within(code, error.get("status_code"), error.get("status"))
    message = _words(error.get("message")) or f"upstream answered with status {status or 'unknown'}"
    kind = _kind(code, kind_word, message, status)
    return APIError(
        kind,
        message[:MAX_MESSAGE],
        status=status,
        param=_text(error.get("param")),
        code=_text(code),
        type=_text(kind_word),
        origin=name,
        should_retry=False if kind is ErrorKind.QUOTA else None,
        raw=dict(value),
    )


def _kind(code: JSON, type_word: JSON, message: str, status: int | None) -> ErrorKind:
    """By the code, which says most; else by the status; by the type only where there is no status, as in a stream."""
    if isinstance(code, str) and code in _CODES:
        return _CODES[code]
    if type_word == "insufficient_quota":
        return ErrorKind.QUOTA
    if status is None:
        return _TYPES.get(type_word, ErrorKind.BAD_UPSTREAM) if isinstance(type_word, str) else ErrorKind.BAD_UPSTREAM
    kind = kind_of_status(status)
    if kind is ErrorKind.INVALID_REQUEST and any(words in message.lower() for words in _OVERFLOW_WORDS):
        return ErrorKind.CONTEXT_OVERFLOW
    return kind


def _status_within(*candidates: JSON) -> int | None:
    """OpenRouter and Groq tell a status inside an error that came with 200."""
    for candidate in candidates:
        if type(candidate) is int and 400 <= candidate <= 599:
            return candidate
    return None


def _words(message: JSON) -> str:
    """Any message as text."""
    if isinstance(message, str):
        return "" if _MARKUP.search(message) else message
    return "" if message is None else dumps(message).decode()


def _text(value: JSON) -> str | None:
    if isinstance(value, str):
        return value or None
    return str(value) if type(value) is int else None


def _retry_after(headers: Mapping[str, str]) -> str | None:
    """Seconds or a date as the upstream wrote it; the finer `retry-after-ms` wins, as it does in the official clients."""
    try:
        return f"{float(headers['retry-after-ms']) / 1000:g}"
    except (KeyError, ValueError):
        return headers.get("retry-after")


def _should_retry(kind: ErrorKind, headers: Mapping[str, str]) -> bool | None:
    said = headers.get(_RETRY_SOON)
    if said in ("true", "false"):
        return said == "true"
    return False if kind is ErrorKind.QUOTA else None


def encode_error(error: APIError, request_id: str, name: str) -> HTTPReply:
    """The error as a reply to a client."""
    headers = {"content-type": "application/json", **(error.headers or {}), "x-request-id": error.request_id or request_id}
    if error.retry_after is not None:
        headers["retry-after"] = error.retry_after
    should_retry = False if error.kind in (ErrorKind.AUTHENTICATION, ErrorKind.QUOTA) else error.should_retry
    if should_retry is not None:
        headers[_RETRY_SOON] = "true" if should_retry else "false"
    return HTTPReply(_status(error), dumps(error_body(error, name)), headers)


def _status(error: APIError) -> int:
    """Anthropic's 529 is unknown to this format's clients."""
    return 503 if error.http_status == 529 else error.http_status


def error_body(error: APIError, name: str) -> JSON:
    """The body that tells `error` to a client of the format `name`."""
    if error.origin == name and _is_proper(error.raw):
        return error.raw
    word, code = _WORDS[error.kind]
    if error.measure is not None:
        word = "tokens" if error.measure is Measure.TOKENS else "requests"
    own = error.origin in (name, None)
    return {
        "error": {
            "message": error.message,
            "type": (error.type if error.origin == name else None) or word,
            "param": error.param,
            "code": (error.code if own else None) or code,
        }
    }


def _is_proper(raw: JSON) -> bool:
    """Whether an upstream's own body may go to a client as it is: the shape clients parse, and no larger than any honest error."""
    match raw:
        case {"error": {"message": str() as message, "type": str() as word}} if word and not _MARKUP.search(message):
            return len(dumps(raw)) <= _MAX_RAW
        case _:
            return False
