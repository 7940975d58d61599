"""What every backend can do. The pipeline knows no more of them than this."""

from collections.abc import AsyncGenerator, Coroutine, Mapping
from typing import Any, Protocol, TypeAlias, runtime_checkable

from attrs import Factory, define, frozen
from typing_extensions import override

from ccproxy_cli.core.catalog import ModelInfo, TokenCount
from ccproxy_cli.core.events import Event
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import Format
from ccproxy_cli.core.http import HTTPCall, HTTPReply
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.rates import Rates
from ccproxy_cli.core.request import Request
from ccproxy_cli.core.response import Usage

EventStream: TypeAlias = AsyncGenerator[list[Event], None]
"""Events in the batches they arrive in. Whoever holds it closes it (`aclose`), which also ends the upstream request."""

ByteStream: TypeAlias = AsyncGenerator[bytes, None]


@define
class Meter:
    """What a relayed answer cost."""

    usage: Usage | None = None
    """Final once the answer is complete."""
    answer: str | None = None
    """The vendor's id of the answer, known from its first content on."""
    complete: bool = False
    """Whether it came to its end. Known once the answer is closed."""


@frozen
class RelayedStream:
    """A streaming answer, as the upstream sends it."""

    headers: Mapping[str, str]
    """The upstream's reply headers that the client should see; names in lower case."""
    chunks: ByteStream
    """Whole frames, checked one by one. What breaks the answer is raised from it."""
    meter: Meter = Factory(Meter)


@frozen
class RelayedReply(HTTPReply):
    """A complete answer, as the upstream sent it, and what it cost."""

    usage: Usage | None = None
    answer: str | None = None
    """The vendor's id of it."""


@frozen
class Health:
    """Whether a backend could serve a request now, as far as can be told without sending one."""

    ok: bool
    detail: str


class Backend(Protocol):
    """One configured provider."""

    name: str
    """The provider's name in the configuration."""

    async def send(self, request: Request, losses: Losses, client_key: str | None = None) -> EventStream:
        """Send the request and return once the upstream has accepted it.

        The stream is in the grammar of `core.events` and ends with `ResponseEnd`. Whatever goes wrong after this call is raised from
        it as `UpstreamError` or `BadUpstream`. A request that is not to stream yields the same events from the complete answer.
        `losses` is complete, and asked to refuse if strict, before anything is sent.

        Args:
            client_key: the caller's own key, for providers configured to pass it through.

        Raises:
            BadRequest: the request cannot be said to this backend.
            UpstreamError: refused, unreachable, too slow.
        """

    async def count_tokens(self, request: Request, losses: Losses, client_key: str | None = None) -> TokenCount:
        """The request's input tokens by the vendor's own counter, or by estimate where it has none. Raises as `send` does."""

    async def models(self) -> tuple[ModelInfo, ...]:
        """The models that can be asked for. Raises `UpstreamError`."""

    async def health(self) -> Health:
        """Quick and free of side effects."""

    async def aclose(self) -> None:
        """End every connection and child process."""


@runtime_checkable
class RelayBackend(Protocol):
    """A backend that also takes a client's own bytes, when the client speaks its format."""

    format: Format

    async def relay(self, call: HTTPCall, stream: bool, client_key: str | None = None) -> HTTPReply | RelayedStream:
        """Send a client's call as it is, with this backend's credentials, and return the upstream's successful answer.

        Path and query of `call` are those of the format's own API, below the base URL; headers are already reduced to what may travel.

        Raises:
            UpstreamError: the upstream answered with anything but success, or could not.
        """

    async def pass_on(self, call: HTTPCall, client_key: str | None = None) -> HTTPReply | RelayedStream:
        """Send a call that no codec reads, as `relay` does, and return whatever JSON comes back, or whatever stream. Raises as `relay`
        does."""


@runtime_checkable
class WarmBackend(Protocol):
    """A backend that can get ready for requests before they come."""

    def warm_up(self) -> None:
        """Its owner means to stay and serve, so getting ready is worth its cost. Returns at once; raises nothing."""


@runtime_checkable
class AccountBackend(Protocol):
    """A backend that knows something of the account that pays."""

    async def account(self) -> str | None:
        """The subscription and what is left of it, in one clause for people; None if nothing is known. Raises nothing."""

    @property
    def told_last(self) -> Mapping[str, JSON]:
        """What is left of it as answers told it last, in the vendor's words; empty if they did not. Asks nobody."""


@runtime_checkable
class EstimatingBackend(Protocol):
    """A backend whose counts are estimates, of some models at least."""

    def estimate(self, request: Request) -> int | None:
        """The request's input tokens by rule of thumb, as `count_tokens` tells them; None if the vendor counts them itself."""


class RatedStream(AsyncGenerator[list[Event], None]):
    """An `EventStream` whose upstream has told what may still be asked for."""

    def __init__(self, events: EventStream, rates: Rates) -> None:
        self._events = events
        self.rates = rates

    @override
    def __anext__(self) -> Coroutine[Any, Any, list[Event]]:
        return self._events.__anext__()

    @override
    def asend(self, value: None) -> Coroutine[Any, Any, list[Event]]:
        return self._events.asend(value)

    @override
    def athrow(self, *error: Any) -> Coroutine[Any, Any, list[Event]]:
        return self._events.athrow(*error)

    @override
    def aclose(self) -> Coroutine[Any, Any, None]:
        return self._events.aclose()


class ProcessStream(AsyncGenerator[list[Event], None]):
    """An `EventStream` that comes from a process of its own."""

    child_pid: int
    """The process, for the log."""
