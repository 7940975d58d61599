"""Answers kept for clients that go on from them by id, where their vendor would keep them and another one answers.

What is kept is text in the client's own format, by client and id: one client cannot ask for what another was answered. A request that
names a kept answer is written out in full before anything else looks at it, so that neither lane knows of it. What a provider of the
client's own format answered is that provider's to keep; of it only the issuer is remembered.
"""

import asyncio
import secrets
import time
import zlib

import msgspec
from attrs import evolve, frozen

from ccproxy_cli.backends.base import EventStream
from ccproxy_cli.core.errors import APIError, BadRequest, ErrorKind, UpstreamError
from ccproxy_cli.core.events import ResponseEnd, ResponseStart
from ccproxy_cli.core.formats import Envelope, Keeping, Kept
from ccproxy_cli.core.ids import digest_id
from ccproxy_cli.core.request import Request
from ccproxy_cli.core.stream import Fold
from ccproxy_cli.pipeline.exchange import Exchange
from ccproxy_cli.stores.base import Store
from ccproxy_cli.stores.opening import Stores

_TOKEN_BYTES = 24
_ALIAS = "\0"
"""Between a provider and what its client calls the model."""
_ISSUER_SECONDS = 30 * 24 * 3600.0


class StoredAnswers:
    """Kept answers in a store."""

    def __init__(self, store: Store, lifetime: float = 30 * 24 * 3600) -> None:
        """`lifetime` is in seconds; OpenAI keeps answers for 30 days (platform.openai.com/docs/guides/conversation-state, 2026-11)."""
        self._store = store
        self._lifetime = lifetime

    @property
    def whole(self) -> bool:
        """What is not found is not kept; else it may be somewhere that cannot be reached now."""
        return self._store.whole

    async def put(self, key: str, kept: Kept) -> None:
        """Keep under the key, for a while."""
        await self._store.put(_stored_key(key), await _packed(kept), self._lifetime)

    async def get(self, key: str) -> Kept | None:
        """What was kept under the key, if it still is."""
        packed = await self._store.get(_stored_key(key))
        return None if packed is None else await _unpacked(packed)

    async def delete(self, key: str) -> None:
        """Keep nothing under the key."""
        await self._store.delete(_stored_key(key))


def _stored_key(key: str) -> str:
    return f"answer/{digest_id(key)}"  # clients choose what they ask for, at any length


_PLAIN, _DEFLATED = b"\x01", b"\x02"
"""First byte of a kept answer: how the rest is written. What begins with another is of another version, and as good as not kept."""
_LARGE = 16 * 1024
"""Bytes from which on an answer is made smaller. Every answer holds its whole conversation, and conversations repeat themselves."""


async def _packed(kept: Kept) -> bytes:
    data = msgspec.msgpack.encode((kept.body, kept.asked))
    if len(data) < _LARGE:
        return _PLAIN + data
    return _DEFLATED + await asyncio.to_thread(zlib.compress, data, 1)


async def _unpacked(packed: bytes) -> Kept | None:
    data = packed[1:]
    match packed[:1]:
        case b"\x01":
            pass
        case b"\x02":
            data = await asyncio.to_thread(zlib.decompress, data)
        case _:
            return None
    return Kept(*msgspec.msgpack.decode(data, type=tuple[bytes, bytes]))


@frozen
class Promise:
    """An answer that is on its way and will be kept."""

    keeping: Keeping
    id: str
    before: str | None
    """Id of the answer that it goes on from."""


class Keeper:
    """Keeps answers, and knows who keeps the others."""

    def __init__(self, stores: Stores) -> None:
        self._store = StoredAnswers(stores.kept)
        self._stores = stores

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
            raise self._not_here(keeping.unknown_before(named.answer))
        items = {item: kept.body for item in named.items if (kept := await self._store.get(_item_key(exchange, item)))}
        if before is not None or items:
            exchange.call = keeping.written_out(exchange.call, envelope.members, before, items)
            envelope = exchange.format.peek(exchange.call)
        if vendor_keeps or not named.keep:
            return envelope, None
        return envelope, Promise(keeping, keeping.new_id(secrets.token_hex(_TOKEN_BYTES)), named.answer)

    def issued(self, exchange: Exchange, answer: str | None, provider: str) -> None:
        """Remember who keeps an answer that is not kept here, and what its client calls the model."""
        if answer and exchange.format.keeping is not None:
            self._stores.later.put(_issuer_key(exchange, answer), f"{provider}{_ALIAS}{exchange.alias or ''}".encode(), _ISSUER_SECONDS)

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
        puts = [self._store.put(_item_key(exchange, item), Kept(text, b"")) for item, text in promise.keeping.items(kept).items()]
        await asyncio.gather(self._store.put(_answer_key(exchange, promise.id), kept), *puts)

    # Later

    async def kept(self, exchange: Exchange, answer: str) -> Kept | None:
        """The answer of that id, if it is kept here."""
        return await self._store.get(_answer_key(exchange, answer))

    async def delete(self, exchange: Exchange, keeping: Keeping, answer: str, kept: Kept) -> None:
        """Keep the answer no longer, nor what it said. Conversations that went on from it hold it on their own."""
        keys = [_answer_key(exchange, answer), *(_item_key(exchange, item) for item in keeping.items(kept))]
        await asyncio.gather(*map(self._store.delete, keys))

    async def issuer(self, exchange: Exchange, answer: str) -> tuple[str | None, str | None]:
        """The provider that keeps the answer, if it is known, and what it is to call the model."""
        key = _issuer_key(exchange, answer)
        found = self._stores.later.waiting(key) or await self._stores.kept.get(key)
        provider, _, alias = (found or b"").decode().partition(_ALIAS)
        return provider or None, alias or None

    def unknown(self, keeping: Keeping, answer: str) -> BadRequest | UpstreamError:
        """What to raise about an answer that nobody has."""
        return self._not_here(keeping.unknown(answer))

    def _not_here(self, unknown: BadRequest) -> BadRequest | UpstreamError:
        """The refusal, unless what is missed may be in a store that cannot be reached: then clients must not give it up for lost."""
        if self._store.whole:
            return unknown
        message = "kept answers cannot be reached right now; try again in a moment"
        return UpstreamError(APIError(ErrorKind.OVERLOADED, message, status=503, retry_after="5"))


def _answer_key(exchange: Exchange, answer: str) -> str:
    return f"{exchange.owner}/answer/{answer}"


def _issuer_key(exchange: Exchange, answer: str) -> str:
    return f"issuer/{digest_id(_answer_key(exchange, answer))}"


def _item_key(exchange: Exchange, item: str) -> str:
    return f"{exchange.owner}/item/{item}"
