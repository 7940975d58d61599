"""Answers given again to requests that ask for the same, where the user wants that.

What is kept is what its client was sent, in the client's own format, whichever lane it came by. Nobody is given what another one was
answered, unless the user shares answers between clients. What can be named later by its id is never shared: naming it is its owner's.
"""

import asyncio
import contextlib
import enum
import hashlib
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence

from attrs import evolve

from ccproxy_cli.config.settings import CacheSettings, Settings
from ccproxy_cli.core.errors import BadRequest, BadUpstream, UpstreamError
from ccproxy_cli.core.formats import Envelope, Sense
from ccproxy_cli.core.jsontext import JSONError, canonical
from ccproxy_cli.pipeline.exchange import Answer, Exchange
from ccproxy_cli.pipeline.replay import answer_again, packed, unpacked
from ccproxy_cli.pipeline.route import Target, compile_pattern
from ccproxy_cli.stores.base import Store, StoreError

HEADER = "x-ccproxy-cache"
_VERSION = 1
_SHARE = 8
"""No answer takes more than this part of the room."""
_OVERHEAD = 400
"""Bytes that an answer takes besides its own."""


class Wish(enum.Enum):
    """What a request says of being answered from here (`cache-control`, RFC 9111)."""

    ANY = "any"
    FRESH = "fresh"
    """It wants a new answer, which may be kept."""
    NOTHING = "nothing"
    """Nothing of it may be kept."""


class AnswerCache:
    """Keeps answers in a store, and gives them again."""

    def __init__(
        self, settings: CacheSettings, store: Store, clock: Callable[[], float] = time.monotonic, acting: frozenset[str] = frozenset()
    ) -> None:
        """
        Args:
            clock: seconds that only go forward.
            acting: providers that do something for each request besides answering it.
        """
        self._settings = settings
        self._acting = acting
        self._store = store
        self._clock = clock
        self._models = [compile_pattern(pattern) for pattern in settings.models]
        self._kept: OrderedDict[str, tuple[int, float]] = OrderedDict()
        """What this process has put into the store: how large it is, and until when it is there."""
        self._bytes = 0
        self._on_their_way: dict[str, asyncio.Event] = {}
        """Whole answers that are being made: who asks for the same meanwhile waits for them."""

    @classmethod
    def of(cls, settings: Settings, store: Store) -> "AnswerCache | None":
        """None if nothing is to be kept. What an agent does is never left undone because it was done before."""
        acting = frozenset(name for name, provider in settings.providers.items() if provider.agent is not None)
        return cls(settings.cache, store, acting=acting) if settings.cache.models else None

    async def answer(
        self, exchange: Exchange, envelope: Envelope, targets: Sequence[Target], ask: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """The answer that is kept, or a new one.

        Args:
            targets: where the request leads. An answer that a later one gave in place of the first is not kept.
            ask: gets a new answer. Raises `BadRequest`, `BadUpstream` or `UpstreamError`, as this does.
        """
        wish = _wish(exchange.call.headers)
        acts = any(target.provider in self._acting for target in targets)
        sense = None if wish is Wish.NOTHING or acts else self._sense(exchange, envelope)
        if sense is None:
            return self._told(exchange, "off", await ask())
        key = self._key(exchange, envelope, targets, sense)
        if wish is Wish.ANY and (again := await self._again(exchange, key, sense) or await self._awaited(exchange, key, sense)) is not None:
            return again
        if exchange.stream:
            answer = self._told(exchange, "miss", await ask())
            return answer if answer.chunks is None else evolve(answer, chunks=self._recorded(exchange, key, sense, str(targets[0]), answer))
        made = asyncio.Event()
        self._on_their_way.setdefault(key, made)
        try:
            answer = self._told(exchange, "miss", await ask())
            if answer.status == 200 and exchange.route == str(targets[0]):
                await self._keep(key, packed(exchange, answer.headers, sense.shape, answer.body, streamed=False, cut=False))
            return answer
        finally:
            made.set()
            if self._on_their_way.get(key) is made:
                del self._on_their_way[key]

    def _sense(self, exchange: Exchange, envelope: Envelope) -> Sense | None:
        """What counts of the request, None if its answer is not to be kept."""
        if not any(pattern.fullmatch(envelope.model) for pattern in self._models):
            return None
        try:
            return exchange.format.sameness.sense(exchange.call, envelope.members)
        except JSONError:
            return None

    def _key(self, exchange: Exchange, envelope: Envelope, targets: Sequence[Target], sense: Sense) -> str:
        keeping = exchange.format.keeping
        is_named = keeping is not None and keeping.named(envelope.members).keep
        whose = "" if self._settings.shared and not is_named else exchange.owner
        about = canonical([_VERSION, whose, exchange.format.name, envelope.model, [*map(str, targets)], exchange.strict])
        return f"cache/{hashlib.sha256(about + sense.asked).hexdigest()}"

    async def _again(self, exchange: Exchange, key: str, sense: Sense) -> Answer | None:
        try:
            data = await self._store.get(key)
        except StoreError:
            return None
        recording = None if data is None else unpacked(data)
        if recording is None:
            return None
        try:
            answer = answer_again(exchange, recording, sense.shape)
        except (BadRequest, BadUpstream, UpstreamError, JSONError):
            return None  # whoever answers anew also says what is wrong
        exchange.route = recording.headers.get("x-ccproxy-route")
        exchange.complete = True
        return self._told(exchange, "hit", answer)

    async def _awaited(self, exchange: Exchange, key: str, sense: Sense) -> Answer | None:
        """The answer that somebody else is waiting for already. A stream is not kept waiting for the end of another answer."""
        made = self._on_their_way.get(key)
        if made is None or exchange.stream:
            return None
        await made.wait()
        return await self._again(exchange, key, sense)

    async def _recorded(self, exchange: Exchange, key: str, sense: Sense, wanted: str, answer: Answer) -> AsyncGenerator[bytes, None]:
        """The chunks of a stream, which is kept once it is over."""
        chunks, pieces, size, cut = answer.chunks, list[bytes](), 0, True
        assert chunks is not None
        try:
            async for chunk in chunks:
                size += len(chunk)
                if size <= self._largest:
                    pieces.append(chunk)
                else:
                    pieces.clear()
                yield chunk
            cut = False
        finally:
            await chunks.aclose()
            # Official clients hang up on the last frame, so a stream that is let go of may be over all the same.
            if exchange.route == wanted and size <= self._largest:
                await self._keep(key, packed(exchange, answer.headers, sense.shape, b"".join(pieces), streamed=True, cut=cut))

    async def _keep(self, key: str, data: bytes | None) -> None:
        if data is None or len(data) > self._largest:
            return
        with contextlib.suppress(StoreError):
            await self._make_room(key, len(data) + _OVERHEAD)
            await self._store.put(key, data, self._settings.ttl)

    @property
    def _largest(self) -> int:
        return (self._settings.max_mb << 20) // _SHARE

    async def _make_room(self, key: str, size: int) -> None:
        """Note a new answer, and let go of the oldest until all fit."""
        now = self._clock()
        self._forget(key)
        self._kept[key] = (size, now + self._settings.ttl)
        self._bytes += size
        while self._kept:
            oldest, (_, until) = next(iter(self._kept.items()))
            if until > now and self._bytes <= self._settings.max_mb << 20:
                return
            self._forget(oldest)
            await self._store.delete(oldest)

    def _forget(self, key: str) -> None:
        if key in self._kept:
            self._bytes -= self._kept.pop(key)[0]

    @staticmethod
    def _told(exchange: Exchange, how: str, answer: Answer) -> Answer:
        exchange.cache = how
        return evolve(answer, headers={**answer.headers, HEADER: how})


def _wish(headers: Mapping[str, str]) -> Wish:
    words = {word.strip().lower() for word in headers.get("cache-control", "").split(",")}
    if "no-store" in words:
        return Wish.NOTHING
    return Wish.FRESH if words & {"no-cache", "max-age=0"} else Wish.ANY
