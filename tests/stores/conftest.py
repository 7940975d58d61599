"""Every kind of store behind one fixture, each with a way to let time pass."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from attrs import define, frozen

from ccproxy_cli.stores.base import Store
from ccproxy_cli.stores.memory import MemoryStore


@define
class Clock:
    """A clock that stands until it is moved."""

    now: float = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@frozen
class Timed:
    """A store, and time in a test's hands."""

    store: Store
    pass_time: Callable[[float], Awaitable[None]]


async def in_memory() -> Timed:
    clock = Clock()

    async def pass_time(seconds: float) -> None:
        clock.now += seconds

    return Timed(MemoryStore(clock), pass_time)


@pytest.fixture(params=["memory"])
async def timed(request: pytest.FixtureRequest) -> AsyncIterator[Timed]:
    """Every kind of store in turn."""
    made = await in_memory()
    yield made
    await made.store.aclose()
