"""One request as the server sees it: from its head to its log line."""

import time

from attrs import define, field

from ccproxy_cli.core.errors import APIError, ErrorKind
from ccproxy_cli.core.formats import Format
from ccproxy_cli.observe.logging import RequestLine
from ccproxy_cli.pipeline.exchange import Exchange
from ccproxy_cli.server.asgi import Scope

SCOPE_KEY = "ccproxy.visit"
"""Where the scope carries it."""


@define
class Visit:
    """What has happened so far. The front makes it, handlers fill it."""

    id: str
    """Sent as `x-request-id`."""
    format: Format
    """What the caller speaks, as well as can be told."""
    method: str
    path: str
    headers: dict[str, str]
    key: str | None
    """The first key the caller offered that is no token of ours."""
    client: str | None
    """Name of the client whose token it sent."""
    started: float = field(factory=time.monotonic)
    exchange: Exchange | None = None
    """For requests that reach the pipeline."""
    status: int | None = None
    outcome: str | None = None
    """Why it failed, where the exchange does not know."""
    error_type: str | None = None
    traceback: str | None = None
    sent: float | None = None
    """When the first byte of the answer went out."""
    bytes_in: int = 0
    bytes_out: int = 0

    @staticmethod
    def of(scope: Scope) -> "Visit":
        visit = scope[SCOPE_KEY]
        assert isinstance(visit, Visit)
        return visit

    def failed(self, error: APIError) -> None:
        """Note an error that the caller is told by status."""
        self.error_type = error.kind.value[0]
        exchange = self.exchange
        sent_upstream = exchange is not None and exchange.sent_upstream is not None
        match error.kind:
            case ErrorKind.INTERNAL:
                self.outcome = "internal"
            case ErrorKind.UPSTREAM_TIMEOUT:
                self.outcome = "upstream_timeout"
            case ErrorKind.OVERLOADED if error.origin is None:
                self.outcome = "overloaded"
            case _ if error.origin is not None or error.kind is ErrorKind.BAD_UPSTREAM or sent_upstream:
                self.outcome = "upstream_error"
            case _:
                self.outcome = "rejected"
        if exchange is not None and exchange.upstream_status is None and error.origin is not None:
            exchange.upstream_status = error.status

    def line(self) -> RequestLine:
        """What the log says of it, now that it is over."""
        exchange = self.exchange
        now = time.monotonic()
        return RequestLine(
            id=self.id,
            client_format=self.format.name,
            status=self.status,
            outcome=self.outcome or ("ok" if exchange is None else exchange.outcome),
            method=self.method,
            path=self.path,
            backend=None if exchange is None or exchange.route is None else exchange.route.partition("/")[0],
            client=self.client,
            model=None if exchange is None else exchange.model,
            stream=exchange is not None and exchange.stream,
            cache=None if exchange is None else exchange.cache,
            upstream_status=None if exchange is None else exchange.upstream_status,
            error_type=self.error_type or (None if exchange is None else exchange.error_type),
            tries=0 if exchange is None else exchange.tries,
            failures=", ".join(exchange.failures) if exchange is not None and exchange.tries > 1 and exchange.failures else None,
            losses=",".join(loss.field for loss in exchange.losses) if exchange is not None and exchange.losses else None,
            ttfb_ms=None if self.sent is None else _milliseconds(self.sent - self.started),
            dur_ms=_milliseconds(now - self.started),
            bytes_in=self.bytes_in,
            bytes_out=self.bytes_out,
            child_pid=None if exchange is None else exchange.child_pid,
            traceback=self.traceback,
        )


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 1)
