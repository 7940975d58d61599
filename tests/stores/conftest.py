"""Every kind of store behind one fixture, each with a way to let time pass."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from attrs import define, frozen

from ccproxy_cli.stores.base import Store
from ccproxy_cli.stores.memory import MemoryStore
from ccproxy_cli.stores.sqlite import SQLiteStore


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


async def in_sqlite(folder: Path) -> Timed:
    clock = Clock()

    async def pass_time(seconds: float) -> None:
        clock.now += seconds

    return Timed(SQLiteStore(folder / "state" / "state.db", clock), pass_time)


@pytest.fixture(params=["memory", "sqlite"])
async def timed(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Timed]:
    """Every kind of store in turn."""
    made = await in_memory() if request.param == "memory" else await in_sqlite(tmp_path)
    yield made
    await made.store.aclose()
