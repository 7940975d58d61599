"""Errors as values, and who is to blame for them.

Two leaves say whose mistake it was: `BadRequest` the client's, `BadUpstream` the peer's. `UpstreamError` carries what a vendor
said about a request, as a value that every format can render.
"""

import enum
from collections.abc import Mapping

from attrs import frozen

from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.rates import NO_RATES, Measure, Rates


class ErrorKind(enum.Enum):
    """What went wrong, in words every format can render. The value is (word, usual HTTP status)."""

    INVALID_REQUEST = ("invalid_request", 400)
    CONTEXT_OVERFLOW = ("context_overflow", 400)
    """The prompt is longer than the model's window. Agents compact when they are told so in words they know."""
    AUTHENTICATION = ("authentication", 401)
    BILLING = ("billing", 402)
    PERMISSION = ("permission", 403)
    NOT_FOUND = ("not_found", 404)
    METHOD_NOT_ALLOWED = ("method_not_allowed", 405)
    REQUEST_TIMEOUT = ("request_timeout", 408)
    CONFLICT = ("conflict", 409)
    TOO_LARGE = ("too_large", 413)
    UNSUPPORTED_MEDIA = ("unsupported_media", 415)
    UNPROCESSABLE = ("unprocessable", 422)
    UPGRADE_REFUSED = ("upgrade_refused", 426)
    RATE_LIMIT = ("rate_limit", 429)
    QUOTA = ("quota", 429)
    """Out of money or out of plan: waiting does not help."""
    HEADERS_TOO_LARGE = ("headers_too_large", 431)
    INTERNAL = ("internal", 500)
    BAD_UPSTREAM = ("bad_upstream", 502)
    """The upstream could not be reached, broke off, or sent what is not an answer."""
    OVERLOADED = ("overloaded", 529)
    UPSTREAM_TIMEOUT = ("upstream_timeout", 504)
    LOOP = ("loop", 508)

    @property
    def status(self) -> int:
        return self.value[1]


_BY_STATUS = {
    400: ErrorKind.INVALID_REQUEST,
    401: ErrorKind.AUTHENTICATION,
    402: ErrorKind.BILLING,
    403: ErrorKind.PERMISSION,
    404: ErrorKind.NOT_FOUND,
    405: ErrorKind.METHOD_NOT_ALLOWED,
    408: ErrorKind.UPSTREAM_TIMEOUT,
    409: ErrorKind.CONFLICT,
    413: ErrorKind.TOO_LARGE,
    415: ErrorKind.UNSUPPORTED_MEDIA,
    422: ErrorKind.UNPROCESSABLE,
    429: ErrorKind.RATE_LIMIT,
    503: ErrorKind.OVERLOADED,
    504: ErrorKind.UPSTREAM_TIMEOUT,
    529: ErrorKind.OVERLOADED,
}


def kind_of_status(status: int) -> ErrorKind:
    """The kind that an upstream's bare HTTP status means; anything unknown below 500 is the request's fault, above it the upstream's."""
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    return ErrorKind.INVALID_REQUEST if 400 <= status < 500 else ErrorKind.BAD_UPSTREAM


@frozen
class APIError:
    """An error as every format can tell it."""

    kind: ErrorKind
    message: str
    status: int | None = None
    """HTTP status the upstream gave; None takes the kind's own."""
    param: str | None = None
    """Path of the offending field, such as `messages[1].content[0].type`."""
    code: str | None = None
    """The vendor's machine code, such as `context_length_exceeded`."""
    type: str | None = None
    """The vendor's type word, used only in the format it came from."""
    origin: str | None = None
    """Name of the format the upstream spoke; None for errors of our own."""
    request_id: str | None = None
    retry_after: str | None = None
    """Seconds or an HTTP date, as the upstream wrote it."""
    should_retry: bool | None = None
    """Whether the vendor, or we, know that trying again helps. Sent as `x-should-retry`."""
    raw: JSON | None = None
    """The upstream's error body, for the format it came from."""
    details: JSON | None = None
    """What the vendor, or we, say about it for programs; only formats with a place for it tell."""
    measure: Measure | None = None
    """Of a refusal by rate of our own, what was too much."""
    rates: Rates = NO_RATES
    """What may still be asked for. Told in the client's own headers by whoever sends the error and knows the time."""
    headers: Mapping[str, str] | None = None
    """Further reply headers the client should see, such as `allow` or rate-limit figures."""

    @property
    def http_status(self) -> int:
        return self.status or self.kind.status


class CodecError(Exception):
    """Base of the two kinds of blame; raise a leaf."""


class BadRequest(CodecError):
    """The client's request cannot be read or cannot be served.

    Attributes:
        message: one sentence for the client.
        param: path of the offending field, None when the whole is meant.
        kind: what the client is told; INVALID_REQUEST unless said otherwise.
        details: what a program that knows the vendor can act on.
    """

    def __init__(
        self,
        message: str,
        param: str | None = None,
        kind: ErrorKind = ErrorKind.INVALID_REQUEST,
        code: str | None = None,
        details: JSON | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.kind = kind
        self.code = code
        self.details = details

    @property
    def error(self) -> APIError:
        return APIError(self.kind, self.message, param=self.param, code=self.code, details=self.details)


class BadUpstream(CodecError):
    """The upstream broke its own format or the stream's grammar."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def error(self) -> APIError:
        return APIError(ErrorKind.BAD_UPSTREAM, self.message)


class Fate(enum.Enum):
    """How far a request had come when it failed: what decides whether it may be sent again."""

    TOLD = "told"
    """The error itself tells, if anything does."""
    UNSENT = "unsent"
    """It never left this machine."""
    BEGUN = "begun"
    """Its answer had begun to arrive: what it costs is spent, and nothing may be sent for it again."""


class UpstreamError(Exception):
    """The upstream answered with an error, or could not answer; `error` says which."""

    def __init__(self, error: APIError, fate: Fate = Fate.TOLD) -> None:
        super().__init__(error.message)
        self.error = error
        self.fate = fate
