"""Writes that nobody waits for, gathered for a moment."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from attrs import frozen

from ccproxy_cli.stores.base import Store

_T = TypeVar("_T")

_TOGETHER = 100
"""Writes that are on their way to the store at once."""


@frozen
class _Value:
    value: bytes
    lifetime: float


@frozen
class _Amounts:
    sums: dict[str, float]
    lifetime: float


class WriteBehind:
    """Passes writes to a store a moment later, several of one key as one. A process that is killed loses those of the last moment."""

    def __init__(self, store: Store, *, pause: float = 1.0, max_keys: int = 10_000) -> None:
        """
        Args:
            pause: seconds for which writes are gathered.
            max_keys: how many keys are gathered at most before the pause is over.
        """
        self._store = store
        self._pause = pause
        self._max_keys = max_keys
        self._values: dict[str, _Value] = {}
        self._amounts: dict[str, _Amounts] = {}
        self._under_way: list[Mapping[str, _Value]] = []
        """The newest first."""
        self._timer: asyncio.TimerHandle | None = None
        self._flushing: set[asyncio.Task[None]] = set()

    def put(self, key: str, value: bytes, lifetime: float) -> None:
        """As `Store.put`."""
        self._values[key] = _Value(value, lifetime)
        self._wait()

    def add(self, key: str, amounts: Mapping[str, float], lifetime: float) -> None:
        """As `Store.add`."""
        waiting = self._amounts.get(key)
        sums = {} if waiting is None else waiting.sums
        for name, amount in amounts.items():
            sums[name] = sums.get(name, 0.0) + amount
        self._amounts[key] = _Amounts(sums, lifetime)
        self._wait()

    def waiting(self, key: str) -> bytes | None:
        """A value that the store may not have yet."""
        for values in (self._values, *self._under_way):
            if key in values:
                return values[key].value
        return None

    async def flush(self) -> None:
        """Pass on what has gathered, and wait for what is on its way. Raises `StoreError`."""
        self._start()
        await asyncio.gather(*self._flushing)

    def _wait(self) -> None:
        if len(self._values) + len(self._amounts) >= self._max_keys:
            self._start()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._pause, self._start)

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        values, amounts = self._values, self._amounts
        self._values, self._amounts = {}, {}
        self._under_way.insert(0, values)
        task = asyncio.get_running_loop().create_task(self._pass_on(values, amounts))
        self._flushing.add(task)
        task.add_done_callback(self._flushing.discard)

    async def _pass_on(self, values: Mapping[str, _Value], amounts: Mapping[str, _Amounts]) -> None:
        try:
            for some in _some(values):
                await asyncio.gather(*(self._store.put(key, kept.value, kept.lifetime) for key, kept in some))
        finally:
            self._under_way = [others for others in self._under_way if others is not values]
        for few in _some(amounts):
            await asyncio.gather(*(self._store.add(key, added.sums, added.lifetime) for key, added in few))


def _some(waiting: Mapping[str, _T]) -> Iterator[Sequence[tuple[str, _T]]]:
    pairs = list(waiting.items())
    for start in range(0, len(pairs), _TOGETHER):
        yield pairs[start : start + _TOGETHER]
