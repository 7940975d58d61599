"""What every store can do: a handful of steps, each of them atomic, so that several processes can share one.

Values are bytes and die by themselves. A store may forget early, when it is full or restarted: nothing may need it for more than comfort.
Keys are text in parts, `/` between them, the first naming what it is for.
"""

from collections.abc import Mapping
from typing import Protocol

from attrs import field, frozen, validators


@frozen
class Bucket:
    """A budget that refills steadily."""

    key: str
    rate: float = field(validator=validators.gt(0))
    """Units per second."""
    size: float = field(validator=validators.gt(0))
    """Units it holds at most, and at first."""


@frozen
class Spent:
    """What became of a spending."""

    granted: bool
    wait: float
    """Seconds until it would be granted; 0 if it was, infinite if the bucket can never hold that much."""
    left: float
    """Units in the bucket now, rounded down to no fraction by whoever shows it; below 0 after a debt."""


class StoreError(Exception):
    """The store cannot be reached or does not answer; the message says which and why, without its password."""


class Store(Protocol):
    """One place for state. Everything raises `StoreError`."""

    @property
    def whole(self) -> bool:
        """All that was kept can be asked for: what is not there now is not kept any more."""
        return True

    async def get(self, key: str) -> bytes | None:
        """What is kept under the key."""

    async def put(self, key: str, value: bytes, lifetime: float) -> None:
        """Keep a value for `lifetime` seconds, in place of what the key had."""

    async def put_new(self, key: str, value: bytes, lifetime: float) -> bool:
        """Keep a value only if the key has none, and tell whether it was kept: of several who ask, one wins."""

    async def delete(self, key: str) -> None:
        """Keep nothing under the key."""

    async def spend(self, bucket: Bucket, units: float, *, in_debt: bool = False) -> Spent:
        """Take units from a bucket if it holds them.

        Args:
            units: below 0 gives back.
            in_debt: take them in any case, below zero if need be: what is known only afterwards has been used up already.
        """

    async def add(self, key: str, amounts: Mapping[str, float], lifetime: float) -> None:
        """Add to counters under one key, each by its own name; a new one starts at 0."""

    async def counters(self, prefix: str) -> Mapping[str, Mapping[str, float]]:
        """All counters whose key begins with `prefix`, by key and name."""

    async def aclose(self) -> None:
        """Let go of connections and files."""
