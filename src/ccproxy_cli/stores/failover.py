"""A store that may go away, and what takes its place until it is back."""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from typing_extensions import override

from ccproxy_cli.stores.base import Bucket, Spent, Store, StoreError
from ccproxy_cli.stores.memory import MemoryStore
from ccproxy_cli.stores.missed import Missed

_T = TypeVar("_T")

_LONGEST_PAUSE = 15.0
_MARK = "here"
"""Key of a random value that stays the same until the store loses its memory."""
_MARK_LIFETIME = 365 * 24 * 3600.0
_log = logging.getLogger(__name__)


class Failover(Store):
    """Goes on in this process while a store cannot be reached. Never raises `StoreError`.

    What this process has put lately is then still there, buckets begin full, and what is written meanwhile reaches the store once it is
    back, with what is left of its lifetime. A store that comes back without its memory is given all that each process has put lately. One
    line in the log tells of the loss and one of the return.
    """

    def __init__(
        self,
        store: Store,
        clock: Callable[[], float],
        *,
        patience: float = 3.0,
        first_pause: float = 0.5,
        max_bytes: int = 32 * 2**20,
    ) -> None:
        """
        Args:
            clock: seconds that only go forward.
            patience: seconds to wait for a step, beyond the store's own bounds.
            first_pause: seconds until the store is tried again; they double from try to try, up to a quarter of a minute.
            max_bytes: what the values kept here may take, and again what those that the store has missed may take.
        """
        self._store = store
        self._patience = patience
        self._first_pause = first_pause
        self._here = MemoryStore(clock, max_bytes=max_bytes)
        self._missed = Missed(clock, max_bytes)
        self._mending: asyncio.Task[None] | None = None
        self._mark: bytes | None = None
        """What the store was known by."""

    def __repr__(self) -> str:
        return f"<Failover {self._store!r}{'' if self.whole else ' lost'}>"

    async def begin(self) -> None:
        """Reach for the store before it is needed, and learn to know it from one without its memory."""
        with contextlib.suppress(StoreError):
            self._mark = await self._asked(_marked)

    @property
    @override
    def whole(self) -> bool:
        return self._mending is None

    @override
    async def get(self, key: str) -> bytes | None:
        return await self._either(lambda store: store.get(key))

    @override
    async def put(self, key: str, value: bytes, lifetime: float) -> None:
        await self._here.put(key, value, lifetime)
        if not await self._reaches(lambda store: store.put(key, value, lifetime)):
            self._missed.put(key, value, lifetime)

    @override
    async def put_new(self, key: str, value: bytes, lifetime: float) -> bool:
        if self.whole:
            with contextlib.suppress(StoreError):
                won = await self._asked(lambda store: store.put_new(key, value, lifetime))
                if won:
                    await self._here.put(key, value, lifetime)
                return won
        won = await self._here.put_new(key, value, lifetime)
        if won:
            self._missed.put(key, value, lifetime, only_new=True)
        return won

    @override
    async def delete(self, key: str) -> None:
        await self._here.delete(key)
        if not await self._reaches(lambda store: store.delete(key)):
            self._missed.put(key, None, 0.0)

    @override
    async def spend(self, bucket: Bucket, units: float, *, in_debt: bool = False) -> Spent:
        return await self._either(lambda store: store.spend(bucket, units, in_debt=in_debt))

    @override
    async def add(self, key: str, amounts: Mapping[str, float], lifetime: float) -> None:
        if not await self._reaches(lambda store: store.add(key, amounts, lifetime)):
            await self._here.add(key, amounts, lifetime)
            self._missed.add(key, amounts, lifetime)

    @override
    async def counters(self, prefix: str) -> Mapping[str, Mapping[str, float]]:
        return await self._either(lambda store: store.counters(prefix))

    @override
    async def aclose(self) -> None:
        """Tell the store what it has missed, if it can be reached now, and close it."""
        if self._mending is not None:
            self._mending.cancel()
            await asyncio.gather(self._mending, return_exceptions=True)
            with contextlib.suppress(StoreError):
                await self._make_up()
            self._mending = None
        await self._store.aclose()

    async def _either(self, step: Callable[[Store], Awaitable[_T]]) -> _T:
        """The step done by the store or, where it cannot be reached, here."""
        if self.whole:
            with contextlib.suppress(StoreError):
                return await self._asked(step)
        return await step(self._here)

    async def _reaches(self, step: Callable[[Store], Awaitable[object]]) -> bool:
        """Whether the store has done the step."""
        if self.whole:
            with contextlib.suppress(StoreError):
                await self._asked(step)
                return True
        return False

    async def _asked(self, step: Callable[[Store], Awaitable[_T]]) -> _T:
        """The step done by the store. Raises `StoreError`, and sees to it that the store is looked after, where that fails."""
        try:
            return await self._in_time(step)
        except StoreError as error:
            if self._mending is None:
                _log.warning("%s; going on with what is in this process until it is back", error)
                self._mending = asyncio.get_running_loop().create_task(self._mend())
            raise

    async def _in_time(self, step: Callable[[Store], Awaitable[_T]]) -> _T:
        try:
            async with asyncio.timeout(self._patience):
                return await step(self._store)
        except TimeoutError as error:
            raise StoreError(f"{self._store} does not answer") from error

    async def _mend(self) -> None:
        """Try the store until it answers and has been told what it missed."""
        pause = self._first_pause
        while True:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            with contextlib.suppress(StoreError):
                await self._make_up()
                break
        lost = self._missed.given_up
        self._missed.given_up = 0
        self._mending = None
        _log.warning("%s is back%s", self._store, f"; {lost} writes were too many to be made up for" if lost else "")

    async def _make_up(self) -> None:
        mark = await self._in_time(_marked)
        await self._missed.make_up(self._store)
        if mark != self._mark:
            for key, value, left in self._here.living():
                await self._store.put_new(key, value, left)
            self._mark = mark
            await self._missed.make_up(self._store)


async def _marked(store: Store) -> bytes | None:
    """The store's mark, made if it has none."""
    await store.put_new(_MARK, secrets.token_bytes(8), _MARK_LIFETIME)
    return await store.get(_MARK)
