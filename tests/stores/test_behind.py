"""Writes that nobody waits for arrive, each key's last value and the sum of its amounts."""

import asyncio

from ccproxy_cli.stores.behind import WriteBehind
from ccproxy_cli.stores.memory import MemoryStore
from tests.stores.conftest import Clock
from tests.stores.shaky import Shaky


async def test_several_writes_of_one_key_are_one() -> None:
    store = Shaky(MemoryStore(Clock()))
    behind = WriteBehind(store, pause=1000)
    for number in range(10):
        behind.put("k", b"%d" % number, 60)
        behind.add("c", {"n": 1, str(number % 2): 2}, 60)
    assert store.calls == 0
    await behind.flush()
    assert store.calls == 2
    assert await store.get("k") == b"9"
    assert await store.counters("c") == {"c": {"n": 10, "0": 10, "1": 10}}


async def test_they_arrive_after_the_pause() -> None:
    store = MemoryStore(Clock())
    behind = WriteBehind(store, pause=0.001)
    behind.put("k", b"v", 60)
    async with asyncio.timeout(20):
        while await store.get("k") is None:
            await asyncio.sleep(0)
    behind.put("k", b"w", 60)
    async with asyncio.timeout(20):
        while await store.get("k") != b"w":
            await asyncio.sleep(0)
    await behind.flush()


async def test_too_many_keys_do_not_wait() -> None:
    store = MemoryStore(Clock())
    behind = WriteBehind(store, pause=1000, max_keys=150)
    for number in range(350):
        behind.put(f"k/{number}", b"v", 60)
    async with asyncio.timeout(20):
        while len(store) < 300:
            await asyncio.sleep(0)
    await behind.flush()
    assert len(store) == 350


async def test_flushing_waits_for_what_is_on_its_way() -> None:
    store = MemoryStore(Clock())
    behind = WriteBehind(store, pause=1000, max_keys=2)
    for number in range(3):
        behind.put(f"k/{number}", b"v", 60)
    await behind.flush()
    assert len(store) == 3


async def test_what_waits_can_be_seen_until_it_has_arrived() -> None:
    behind = WriteBehind(MemoryStore(Clock()), pause=1000)
    assert behind.waiting("k") is None
    behind.put("k", b"v", 60)
    assert behind.waiting("k") == b"v"
    flushing = asyncio.ensure_future(behind.flush())
    await asyncio.sleep(0)
    assert behind.waiting("k") == b"v"
    behind.put("k", b"w", 60)
    assert behind.waiting("k") == b"w"
    await flushing
    assert behind.waiting("k") == b"w"
    await behind.flush()
    assert behind.waiting("k") is None
