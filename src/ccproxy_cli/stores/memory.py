"""A store in this process. What is in it ends with the process."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

from attrs import frozen
from typing_extensions import override

from ccproxy_cli.stores import budget
from ccproxy_cli.stores.base import Bucket, Spent, Store

_OVERHEAD = 200
"""Bytes that an entry takes besides its key and its value, about."""


@frozen
class _Kept:
    value: bytes
    deadline: float


@frozen
class _Held:
    units: float
    at: float
    deadline: float


@frozen
class _Counted:
    amounts: dict[str, float]
    deadline: float


class MemoryStore(Store):
    """State of one process. When it is full, the values that were not asked for the longest make room."""

    def __init__(self, clock: Callable[[], float], *, max_entries: int = 20_000, max_bytes: int = 64 * 2**20) -> None:
        """
        Args:
            clock: seconds that only go forward.
            max_entries: how many values, and how many buckets and counters each.
            max_bytes: what the values may take; one that is larger than everything may be is not kept.
        """
        self._clock = clock
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._values: OrderedDict[str, _Kept] = OrderedDict()
        self._buckets: OrderedDict[str, _Held] = OrderedDict()
        self._counters: OrderedDict[str, _Counted] = OrderedDict()
        self.bytes = 0
        """About what the values take."""

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<MemoryStore {len(self)} values, {self.bytes} bytes>"

    @override
    async def get(self, key: str) -> bytes | None:
        kept = self._living(key)
        if kept is None:
            return None
        self._values.move_to_end(key)
        return kept.value

    @override
    async def put(self, key: str, value: bytes, lifetime: float) -> None:
        self._put(key, value, lifetime)

    @override
    async def put_new(self, key: str, value: bytes, lifetime: float) -> bool:
        if self._living(key) is not None:
            return False
        self._put(key, value, lifetime)
        return True

    @override
    async def delete(self, key: str) -> None:
        kept = self._values.pop(key, None)
        if kept is not None:
            self.bytes -= _size(key, kept)

    @override
    async def spend(self, bucket: Bucket, units: float, *, in_debt: bool = False) -> Spent:
        now = self._clock()
        held = self._buckets.pop(bucket.key, None)
        units_held, elapsed = (bucket.size, 0.0) if held is None else (held.units, now - held.at)
        left, spent = budget.spend(bucket, units_held, elapsed, units, in_debt=in_debt)
        self._buckets[bucket.key] = _Held(left, now, now + budget.seconds_to_fill(bucket, left))
        self._forget_buckets(now)
        return spent

    @override
    async def add(self, key: str, amounts: Mapping[str, float], lifetime: float) -> None:
        now = self._clock()
        counted = self._counters.pop(key, None)
        sums = {} if counted is None or counted.deadline <= now else counted.amounts
        for name, amount in amounts.items():
            sums[name] = sums.get(name, 0.0) + amount
        self._counters[key] = _Counted(sums, now + lifetime)
        while len(self._counters) > self._max_entries:
            self._counters.popitem(last=False)

    @override
    async def counters(self, prefix: str) -> Mapping[str, Mapping[str, float]]:
        now = self._clock()
        return {key: dict(counted.amounts) for key, counted in self._counters.items() if counted.deadline > now and key.startswith(prefix)}

    @override
    async def aclose(self) -> None:
        """Nothing to let go of."""

    def living(self) -> Sequence[tuple[str, bytes, float]]:
        """Every value with its key and the seconds it has left, those that were not asked for the longest first."""
        now = self._clock()
        return [(key, kept.value, kept.deadline - now) for key, kept in self._values.items() if kept.deadline > now]

    def _living(self, key: str) -> _Kept | None:
        kept = self._values.get(key)
        if kept is None or kept.deadline > self._clock():
            return kept
        del self._values[key]
        self.bytes -= _size(key, kept)
        return None

    def _put(self, key: str, value: bytes, lifetime: float) -> None:
        former = self._values.pop(key, None)
        if former is not None:
            self.bytes -= _size(key, former)
        kept = _Kept(value, self._clock() + lifetime)
        if _size(key, kept) > self._max_bytes:
            return
        self._values[key] = kept
        self.bytes += _size(key, kept)
        while len(self._values) > self._max_entries or self.bytes > self._max_bytes:
            oldest, gone = self._values.popitem(last=False)
            self.bytes -= _size(oldest, gone)

    def _forget_buckets(self, now: float) -> None:
        """Let go of full buckets, which say nothing, and of the one unused for the longest if there are too many."""
        while self._buckets:
            key, held = next(iter(self._buckets.items()))
            if held.deadline > now and len(self._buckets) <= self._max_entries:
                return
            del self._buckets[key]


def _size(key: str, kept: _Kept) -> int:
    return len(key) + len(kept.value) + _OVERHEAD
