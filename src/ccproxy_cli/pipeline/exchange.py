"""One request's life, and the answer it gets."""

import time
from collections.abc import AsyncGenerator, Callable, Mapping

from attrs import Factory, define, field, frozen

from ccproxy_cli.core.errors import APIError, ErrorKind
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import Format
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.ids import digest_id
from ccproxy_cli.core.rates import NO_RATES, Rates
from ccproxy_cli.core.response import Usage

_HEADER_LIMIT = 1024


@define
class Exchange:
    """One request on its way through. The server makes it, the pipeline fills it, the log line is drawn from it."""

    id: str
    """Ours; sent to the client as `x-request-id`."""
    format: Format
    """What the client speaks."""
    call: HTTPCall
    """The client's call: canonical path of its format, headers in lower case."""
    strict: bool = False
    """Any loss is to be refused (`x-ccproxy-strict`)."""
    client_key: str | None = None
    """The key the client sent, for providers that pass it through. No token of this server."""
    client: str | None = None
    """The client's name, where it showed a token of its own."""
    losses: Losses = field(default=Factory(lambda self: Losses(strict=self.strict), takes_self=True))
    model: str | None = None
    """What the client asked for."""
    stream: bool = False
    route: str | None = None
    """`provider/model` that serves it, or failed to."""
    rule: str | None = None
    """The rule that led it there and all its targets, where it did so by what is in the request or names several."""
    alias: str | None = None
    """What the answer is to call the model: what the client called it, where the route leads to another name."""
    tries: int = 0
    """Requests sent upstream for it."""
    failures: list[str] = field(factory=list)
    """Each try that failed: its target, what kind of error it was, and the status if there was one."""
    relayed: bool = False
    """Went through as bytes, not through the vocabulary."""
    rates: Rates = NO_RATES
    """What an upstream of another format has told of its limits."""
    cache: str | None = None
    """hit, miss or off, where answers are kept to be given again."""
    usage: Usage | None = None
    """Known once the answer is complete. None if it cost nothing, because it was there already."""
    complete: bool = False
    """The upstream has said its last word, so a client that leaves from now on has missed nothing."""
    started: float = field(factory=time.monotonic)
    sent_upstream: float | None = None
    first_byte: float | None = None
    outcome: str = "ok"
    """ok, rejected, upstream_error, upstream_timeout, stream_broken, client_gone, overloaded or internal."""
    error_type: str | None = None
    upstream_status: int | None = None
    child_pid: int | None = None
    """The process that answers, where it is one of ours."""

    @property
    def owner(self) -> str:
        """Whose request this is, fit for keys of what is kept for nobody else. Says neither key nor name."""
        key = digest_id(self.client_key or "")
        return key if self.client is None else f"{digest_id(self.client)}-{key}"  # which no key alone amounts to

    def turns_to(self, route: str, model: str) -> None:
        """It is to be served by `route`, which knows its model by that name: whatever was noted of another one is void."""
        if self.tries or self.losses:
            self.losses = Losses(strict=self.strict)
        self.route = route
        self.alias = None if model == self.model else self.model
        self.relayed = False
        self.rates = NO_RATES
        self.upstream_status = None
        self.child_pid = None

    def sent(self, now: float) -> None:
        """A request goes upstream. Waits between tries count as the upstream's time, not as ours."""
        self.tries += 1
        if self.sent_upstream is None:
            self.sent_upstream = now

    @property
    def told(self) -> dict[str, str]:
        """Headers that tell the client what became of its request."""
        headers = {"x-ccproxy-route": _header_safe(self.route or "")}
        if self.rule is not None:
            headers["x-ccproxy-rule"] = _header_safe(self.rule[:_HEADER_LIMIT])
        if self.tries > 1:
            headers["x-ccproxy-attempts"] = str(self.tries)
        if self.losses:
            fields = ",".join(loss.field for loss in self.losses)
            headers["x-ccproxy-losses"] = _header_safe(fields[:_HEADER_LIMIT])
        return headers

    def broke_off(self, error: APIError) -> None:
        """Note how an answer ended that had begun, in the words of the request log."""
        self.error_type = error.kind.value[0]
        match error.kind:
            case ErrorKind.UPSTREAM_TIMEOUT:
                self.outcome = "upstream_timeout"
            case ErrorKind.INTERNAL:
                self.outcome = "internal"
            case _:
                self.outcome = "stream_broken"


def _header_safe(text: str) -> str:
    """Header values are visible ASCII: anything else, line ends first of all, becomes a question mark."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if " " <= char <= "~" else "?" for char in text)


@frozen
class Answer:
    """What goes back to the client: headers, and a body that is either complete or still arriving."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    ping: bytes = b""
    """What keeps the stream alive while nothing comes."""
    chunks: AsyncGenerator[bytes, None] | None = None
    """Whole frames of a stream, ready to send; errors are already in-band. Whoever takes it closes it (`aclose`)."""
    broken_off: Callable[[APIError], bytes] | None = None
    """The end of a stream that whoever sends it has to break off; None where the format's own frame for that will do."""
