"""Answers kept for clients that go on from them by id, where their vendor would keep them and another one answers.

What is kept is text in the client's own format, by client and id: one client cannot ask for what another was answered. A request that
names a kept answer is written out in full before anything else looks at it, so that neither lane knows of it. What a provider of the
client's own format answered is that provider's to keep; of it only the issuer is remembered.
"""

import secrets
import time
from collections.abc import Callable
from typing import Protocol

from attrs import evolve, frozen

from ccproxy_cli.backends.base import EventStream
from ccproxy_cli.core.events import ResponseEnd, ResponseStart
from ccproxy_cli.core.formats import Envelope, Keeping, Kept
from ccproxy_cli.core.ids import digest_id
from ccproxy_cli.core.request import Request
from ccproxy_cli.core.stream import Fold
from ccproxy_cli.pipeline.exchange import Exchange
from ccproxy_cli.pipeline.recent import Recent

_TOKEN_BYTES = 24
_OVERHEAD = 300
"""Bytes that an entry takes besides its texts, about."""


class AnswerStore(Protocol):
    """Where answers are kept. In process by default; a store that outlives the process, or that several servers share, fits as well."""

    async def put(self, key: str, kept: Kept) -> None:
        """Keep under the key, for a while."""

    async def get(self, key: str) -> Kept | None:
        """What was kept under the key, if it still is."""

    async def delete(self, key: str) -> None:
        """Keep nothing under the key."""


class RecentAnswers:
    """The answers of the last day, in memory."""

    def __init__(
        self, clock: Callable[[], float], *, max_entries: int = 10_000, max_bytes: int = 64 * 2**20, lifetime: float = 24 * 3600
    ) -> None:
        """See `Recent`."""
        self._recent = Recent[Kept](clock, _size, max_entries=max_entries, max_bytes=max_bytes, lifetime=lifetime)

    def __repr__(self) -> str:
        return f"<RecentAnswers in {self._recent!r}>"

    async def put(self, key: str, kept: Kept) -> None:
        self._recent.put(key, kept)

    async def get(self, key: str) -> Kept | None:
        return self._recent.get(key)

    async def delete(self, key: str) -> None:
        self._recent.forget(key)


def _size(kept: Kept) -> int:
    return len(kept.body) + len(kept.asked) + _OVERHEAD


@frozen
class Promise:
    """An answer that is on its way and will be kept."""

    keeping: Keeping
    id: str
    before: str | None
    """Id of the answer that it goes on from."""


class Keeper:
    """Keeps answers, and knows who keeps the others."""

    def __init__(self, store: AnswerStore, clock: Callable[[], float]) -> None:
        self._store = store
        self._issuers = Recent[str](clock, lambda name: len(name) + _OVERHEAD, max_entries=20_000, max_bytes=2**23, lifetime=7 * 24 * 3600)

    # Before an answer

    async def written_out(self, exchange: Exchange, envelope: Envelope, *, vendor_keeps: bool) -> tuple[Envelope, Promise | None]:
        """The request saying itself what it names, and what is to be done with its answer. Changes the exchange's call.

        Args:
            vendor_keeps: it goes to a provider of the client's own format. Names that are not known here are then that provider's.

        Raises:
            BadRequest: it goes on from an answer that nobody keeps.
        """
        keeping = exchange.format.keeping
        if keeping is None:
            return envelope, None
        named = keeping.named(envelope.members)
        before = None if named.answer is None else await self._store.get(_answer_key(exchange, named.answer))
        if named.answer is not None and before is None and not vendor_keeps:
            raise keeping.unknown_before(named.answer)
        items = {item: kept.body for item in named.items if (kept := await self._store.get(_item_key(exchange, item)))}
        if before is not None or items:
            exchange.call = keeping.written_out(exchange.call, envelope.members, before, items)
            envelope = exchange.format.peek(exchange.call)
        if vendor_keeps or not named.keep:
            return envelope, None
        return envelope, Promise(keeping, keeping.new_id(secrets.token_hex(_TOKEN_BYTES)), named.answer)

    def issued(self, exchange: Exchange, answer: str | None, provider: str) -> None:
        """Remember who keeps an answer that is not kept here."""
        if answer and exchange.format.keeping is not None:
            self._issuers.put(_answer_key(exchange, answer), provider)

    # An answer on its way

    async def named_as_promised(self, exchange: Exchange, promise: Promise, stream: EventStream, request: Request) -> EventStream:
        """The events of an answer under the promised id. One that streams is kept right before its end is told."""
        folding = Fold() if exchange.stream else None
        try:
            async for batch in stream:
                events = [
                    evolve(event, id=promise.id, created=event.created or int(time.time())) if isinstance(event, ResponseStart) else event
                    for event in batch
                ]
                if folding is not None:
                    for event in events:
                        folding.feed(event)
                    if events and isinstance(events[-1], ResponseEnd):
                        await self.keep(exchange, promise, exchange.format.encode_response(folding.response, request))
                yield events
        finally:
            await stream.aclose()

    async def keep(self, exchange: Exchange, promise: Promise, body: bytes) -> None:
        """Keep an answer as promised, and each thing it said by that thing's own id."""
        kept = promise.keeping.kept(exchange.call, body)
        await self._store.put(_answer_key(exchange, promise.id), kept)
        for item, text in promise.keeping.items(kept).items():
            await self._store.put(_item_key(exchange, item), Kept(text, b""))

    # Later

    async def kept(self, exchange: Exchange, answer: str) -> Kept | None:
        """The answer of that id, if it is kept here."""
        return await self._store.get(_answer_key(exchange, answer))

    async def delete(self, exchange: Exchange, keeping: Keeping, answer: str, kept: Kept) -> None:
        """Keep the answer no longer, nor what it said. Conversations that went on from it hold it on their own."""
        await self._store.delete(_answer_key(exchange, answer))
        for item in keeping.items(kept):
            await self._store.delete(_item_key(exchange, item))

    def issuer(self, exchange: Exchange, answer: str) -> str | None:
        """The provider that keeps the answer, if it is known."""
        return self._issuers.get(_answer_key(exchange, answer))


def _answer_key(exchange: Exchange, answer: str) -> str:
    return f"{digest_id(exchange.client_key or '')}/answer/{answer}"


def _item_key(exchange: Exchange, item: str) -> str:
    return f"{digest_id(exchange.client_key or '')}/item/{item}"
