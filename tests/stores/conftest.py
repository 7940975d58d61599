"""Every kind of store behind one fixture, each with a way to let time pass."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from attrs import define, frozen
from redis.asyncio import Redis

from ccproxy_cli.stores.base import Store
from ccproxy_cli.stores.memory import MemoryStore
from ccproxy_cli.stores.redis import RedisStore
from ccproxy_cli.stores.sqlite import SQLiteStore
from tests.stores.redis_server import RedisServer, running


async def nothing() -> None:
    """Nothing to close."""


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
    close: Callable[[], Awaitable[None]] = nothing


def in_memory() -> Timed:
    clock = Clock()

    async def pass_time(seconds: float) -> None:
        clock.now += seconds

    return Timed(MemoryStore(clock), pass_time)


def in_sqlite(folder: Path) -> Timed:
    clock = Clock()

    async def pass_time(seconds: float) -> None:
        clock.now += seconds

    return Timed(SQLiteStore(folder / "state" / "state.db", clock), pass_time)


def in_redis(url: str, prefix: str) -> Timed:
    """Time passes there by moving what is in the server towards its end: the server's clock cannot be moved."""
    clock = Redis.from_url(url)

    async def pass_time(seconds: float) -> None:
        async for key in clock.scan_iter(f"{prefix}*"):
            left = await clock.pttl(key) - int(seconds * 1000)
            if await clock.type(key) == b"zset":
                continue
            if left <= 0:
                await clock.delete(key)
                continue
            await clock.pexpire(key, left)
            if await clock.type(key) == b"hash" and (at := await clock.hget(key, "at")) is not None:
                await clock.hset(key, "at", str(float(at) - seconds))

    async def close() -> None:
        await clock.aclose()

    return Timed(RedisStore(url, prefix), pass_time, close)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A server for all tests that do not harm it."""
    with running(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(params=["memory", "sqlite", "redis"])
async def timed(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Timed]:
    """Every kind of store in turn."""
    match request.param:
        case "memory":
            made = in_memory()
        case "sqlite":
            made = in_sqlite(tmp_path)
        case _:
            made = in_redis(request.getfixturevalue("redis_server").url, f"{tmp_path}:")
    yield made
    await made.close()
    await made.store.aclose()
