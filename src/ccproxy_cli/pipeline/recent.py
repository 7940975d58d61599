"""Values of the last hours, in memory and within bounds."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Recent(Generic[_T]):
    """Values by key. When it is full, those that were not asked for the longest make room."""

    def __init__(self, clock: Callable[[], float], size: Callable[[_T], int], *, max_entries: int, max_bytes: int, lifetime: float) -> None:
        """
        Args:
            clock: seconds that only go forward.
            size: about how many bytes a value takes; one that is larger than everything may be is not kept.
            lifetime: seconds since a value was last put in or asked for.
        """
        self._clock = clock
        self._size = size
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._lifetime = lifetime
        self._entries: OrderedDict[str, tuple[_T, int, float]] = OrderedDict()
        self.bytes = 0
        """About what it all takes."""

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<Recent {len(self)} entries, {self.bytes} bytes>"

    def put(self, key: str, value: _T) -> None:
        """Keep a value, in place of what the key had."""
        self.forget(key)
        size = len(key) + self._size(value)
        if size > self._max_bytes:
            return
        self._entries[key] = (value, size, self._clock() + self._lifetime)
        self.bytes += size
        self._make_room()

    def get(self, key: str) -> _T | None:
        """What is kept under the key, or None."""
        found = self._entries.get(key)
        if found is None:
            return None
        value, size, deadline = found
        now = self._clock()
        if deadline <= now:
            self.forget(key)
            return None
        self._entries[key] = (value, size, now + self._lifetime)
        self._entries.move_to_end(key)
        return value

    def forget(self, key: str) -> None:
        """Keep nothing under the key any more."""
        found = self._entries.pop(key, None)
        if found is not None:
            self.bytes -= found[1]

    def _make_room(self) -> None:
        """Let go of what is too old, and then of the oldest until the rest fits."""
        now = self._clock()
        while self._entries:
            key, (_, _, deadline) = next(iter(self._entries.items()))
            if deadline > now and len(self._entries) <= self._max_entries and self.bytes <= self._max_bytes:
                return
            self.forget(key)
