"""Writes that a store has missed while it was away, until it can be told."""

from collections import OrderedDict
from collections.abc import Callable, Mapping

from attrs import frozen

from ccproxy_cli.stores.base import Store

_OVERHEAD = 200
"""Bytes that a write takes besides its key and its value, about."""


@frozen
class _Value:
    value: bytes | None
    """None if it was deleted."""
    deadline: float
    only_new: bool


@frozen
class _Amounts:
    sums: Mapping[str, float]
    lifetime: float


class Missed:
    """The last word on each key, within bounds: beyond them the oldest are given up."""

    def __init__(self, clock: Callable[[], float], max_bytes: int) -> None:
        """`clock` gives seconds that only go forward."""
        self._clock = clock
        self._max_bytes = max_bytes
        self._values: OrderedDict[str, _Value] = OrderedDict()
        self._amounts: OrderedDict[str, _Amounts] = OrderedDict()
        self._bytes = 0
        self.given_up = 0
        """Writes that the store will never hear of."""

    def put(self, key: str, value: bytes | None, lifetime: float, *, only_new: bool = False) -> None:
        """Note a value, or with None that there is none any more."""
        former = self._values.get(key)
        only_new = only_new and (former is None or former.only_new)
        self._forget_value(key)
        self._values[key] = _Value(value, self._clock() + lifetime, only_new)
        self._bytes += _size(key, value)
        while self._values and self._bytes > self._max_bytes:
            self._forget_value(next(iter(self._values)))
            self.given_up += 1

    def add(self, key: str, amounts: Mapping[str, float], lifetime: float) -> None:
        """Note amounts, together with those that wait already. Nobody asks what waits here, so there is a sum for each key at most."""
        sums = dict(self._amounts[key].sums) if key in self._amounts else {}
        for name, amount in amounts.items():
            sums[name] = sums.get(name, 0.0) + amount
        self._amounts[key] = _Amounts(sums, lifetime)

    async def make_up(self, store: Store) -> None:
        """Tell the store everything, the oldest first. Raises `StoreError` if it goes away again; what it was not told stays."""
        while self._values or self._amounts:
            if self._values:
                await self._tell_value(store, *next(iter(self._values.items())))
            else:
                await self._tell_amounts(store, *self._amounts.popitem(last=False))

    async def _tell_value(self, store: Store, key: str, missed: _Value) -> None:
        left = missed.deadline - self._clock()
        if missed.value is None:
            await store.delete(key)
        elif left > 0 and missed.only_new:
            await store.put_new(key, missed.value, left)
        elif left > 0:
            await store.put(key, missed.value, left)
        if self._values.get(key) is missed:  # nothing newer was noted meanwhile
            self._forget_value(key)

    async def _tell_amounts(self, store: Store, key: str, missed: _Amounts) -> None:
        try:
            await store.add(key, missed.sums, missed.lifetime)
        except BaseException:
            self.add(key, missed.sums, missed.lifetime)
            raise

    def _forget_value(self, key: str) -> None:
        missed = self._values.pop(key, None)
        if missed is not None:
            self._bytes -= _size(key, missed.value)


def _size(key: str, value: bytes | None) -> int:
    return len(key) + len(value or b"") + _OVERHEAD
