"""An HTTP backend that serves so many requests at once, and lets the others wait their turn."""

from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Any, TypeVar

from attrs import evolve

from ccproxy_cli.backends.base import EventStream, Health, RatedStream, RelayedStream
from ccproxy_cli.backends.http import HTTPBackend
from ccproxy_cli.backends.pace import Pace
from ccproxy_cli.backends.slots import Slots
from ccproxy_cli.core.catalog import ModelInfo, TokenCount
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.http import HTTPCall, HTTPReply
from ccproxy_cli.core.request import Request

_T = TypeVar("_T")


class QueuedBackend:
    """One provider's backend behind a queue: first come, first served. What only counts or lists does not wait."""

    def __init__(self, inner: HTTPBackend, most: int, most_waiting: int, patience: float) -> None:
        """
        Args:
            most: answers on their way at once.
            most_waiting: requests that may wait for that; further ones are told when to come again.
            patience: seconds that they wait at most.
        """
        self.name = inner.name
        self.format = inner.format
        self._inner = inner
        self._pace = Pace()
        self._slots = Slots(f"turn at {inner.name}", most, most_waiting, patience, self._pace)

    async def send(self, request: Request, losses: Losses, client_key: str | None = None) -> EventStream:
        """See `Backend.send`. Raises also when there is no turn to be had."""
        turn = await self._turn()
        try:
            stream = await self._inner.send(request, losses, client_key)
            held = _Held(stream, turn)
            return RatedStream(held, stream.rates) if isinstance(stream, RatedStream) else held
        except BaseException:
            turn.end()
            raise

    async def relay(self, call: HTTPCall, stream: bool, client_key: str | None = None) -> HTTPReply | RelayedStream:
        """See `RelayBackend.relay`. Raises also when there is no turn to be had."""
        turn = await self._turn()
        try:
            return turn.held_by(await self._inner.relay(call, stream, client_key))
        except BaseException:
            turn.end()
            raise

    async def pass_on(self, call: HTTPCall, client_key: str | None = None) -> HTTPReply | RelayedStream:
        """See `RelayBackend.pass_on`. Raises also when there is no turn to be had."""
        turn = await self._turn()
        try:
            return turn.held_by(await self._inner.pass_on(call, client_key))
        except BaseException:
            turn.end()
            raise

    async def count_tokens(self, request: Request, losses: Losses, client_key: str | None = None) -> TokenCount:
        """See `Backend.count_tokens`."""
        return await self._inner.count_tokens(request, losses, client_key)

    def estimate(self, request: Request) -> int | None:
        """See `EstimatingBackend`."""
        return self._inner.estimate(request)

    async def models(self) -> tuple[ModelInfo, ...]:
        """See `Backend.models`."""
        return await self._inner.models()

    async def health(self) -> Health:
        """See `Backend.health`."""
        return await self._inner.health()

    async def aclose(self) -> None:
        """End every connection."""
        await self._inner.aclose()

    async def _turn(self) -> "_Turn":
        await self._slots.take()
        return _Turn(self._slots, self._pace)


class _Turn:
    """One request's turn, which ends once."""

    def __init__(self, slots: Slots, pace: Pace) -> None:
        self._slots: Slots | None = slots
        self._pace = pace
        pace.begin(self)

    def end(self) -> None:
        slots, self._slots = self._slots, None
        if slots is not None:
            self._pace.end(self)
            slots.give_back()

    def held_by(self, reply: HTTPReply | RelayedStream) -> HTTPReply | RelayedStream:
        """The reply, which ends the turn: a stream when it is over, anything else has ended it."""
        if isinstance(reply, RelayedStream):
            return evolve(reply, chunks=_Held(reply.chunks, self))
        self.end()
        return reply


class _Held(AsyncGenerator[_T, None]):
    """A stream that holds a turn. No generator, for one that nobody has begun to read would not notice that it is closed."""

    def __init__(self, inner: AsyncGenerator[_T, None], turn: _Turn) -> None:
        self._inner = inner
        self._turn = turn

    async def asend(self, value: None) -> _T:
        try:
            return await self._inner.asend(value)
        except BaseException:  # its end among them
            self._turn.end()
            raise

    async def athrow(self, kind: Any, value: Any = None, trace: TracebackType | None = None) -> _T:
        try:
            return await self._inner.athrow(kind, value, trace)
        finally:
            self._turn.end()

    async def aclose(self) -> None:
        try:
            await self._inner.aclose()
        finally:
            self._turn.end()
