"""Time that stands still until it is told to go on, and a store that takes its time."""

import asyncio
from collections.abc import Mapping

from attrs import define

from ccproxy_cli.stores.base import Bucket, Spent, Store, StoreError


@define
class Clock:
    """Seconds."""

    now: float = 1_790_000_000.0

    def __call__(self) -> float:
        return self.now


async def settled() -> None:
    """Every task has done what it can without anything from outside."""
    for _ in range(50):
        await asyncio.sleep(0)


async def alone() -> None:
    """No other task is at work any more."""
    if others := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(others)


class SlowStore(Store):
    """A store that answers some turns of the loop later, as one across a network does, or not at all."""

    def __init__(self, store: Store, turns: int = 2) -> None:
        self._store = store
        self._turns = turns
        self.lost = False
        self.asked = 0

    async def get(self, key: str) -> bytes | None:
        await self._travel()
        return await self._store.get(key)

    async def put(self, key: str, value: bytes, lifetime: float) -> None:
        await self._travel()
        await self._store.put(key, value, lifetime)

    async def put_new(self, key: str, value: bytes, lifetime: float) -> bool:
        await self._travel()
        done = await self._store.put_new(key, value, lifetime)
        await self._travel()
        return done

    async def delete(self, key: str) -> None:
        await self._travel()
        await self._store.delete(key)

    async def spend(self, bucket: Bucket, units: float, *, in_debt: bool = False) -> Spent:
        await self._travel()
        return await self._store.spend(bucket, units, in_debt=in_debt)

    async def add(self, key: str, amounts: Mapping[str, float], lifetime: float) -> None:
        await self._travel()
        await self._store.add(key, amounts, lifetime)

    async def counters(self, prefix: str) -> Mapping[str, Mapping[str, float]]:
        await self._travel()
        return await self._store.counters(prefix)

    async def aclose(self) -> None:
        await self._store.aclose()

    async def _travel(self) -> None:
        self.asked += 1
        if self.lost:
            raise StoreError("nobody is there")
        for _ in range(self._turns):
            await asyncio.sleep(0)
