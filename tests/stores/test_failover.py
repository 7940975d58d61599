"""A store that goes away is missed by nobody who asks this process, and hears later what it missed."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccproxy_cli.stores.base import Bucket
from ccproxy_cli.stores.failover import Failover
from ccproxy_cli.stores.memory import MemoryStore
from ccproxy_cli.stores.redis import RedisStore
from tests.stores.conftest import Clock
from tests.stores.redis_server import running
from tests.stores.shaky import Shaky

BUCKET = Bucket("b", 0.0001, 10)


@pytest.fixture
def shaky() -> Shaky:
    return Shaky(MemoryStore(Clock()))


@pytest.fixture
async def store(shaky: Shaky) -> AsyncIterator[Failover]:
    made = Failover(shaky, Clock(), first_pause=0)
    yield made
    shaky.is_there = True
    await made.aclose()


async def back(store: Failover) -> None:
    """Wait until the store is used again."""
    async with asyncio.timeout(20):
        while not store.whole:
            await asyncio.sleep(0)


async def test_what_was_put_here_is_here_when_the_store_goes_away(store: Failover, shaky: Shaky) -> None:
    await store.put("a", b"1", 60)
    assert await store.put_new("b", b"2", 60)
    await shaky.store.put("c", b"somebody else's", 60)
    shaky.is_there = False
    assert [await store.get(key) for key in "abc"] == [b"1", b"2", None]
    assert not store.whole


async def test_a_step_that_fails_is_done_here(store: Failover, shaky: Shaky) -> None:
    shaky.is_there = False
    await store.put("a", b"1", 60)
    assert await store.get("a") == b"1"
    assert not await store.put_new("a", b"2", 60)
    assert await store.put_new("b", b"2", 60)
    assert (await store.spend(BUCKET, 10)).granted
    assert not (await store.spend(BUCKET, 1)).granted
    await store.add("c", {"n": 1}, 60)
    assert await store.counters("") == {"c": {"n": 1}}
    await store.delete("a")
    assert await store.get("a") is None


async def test_the_store_hears_what_it_missed(store: Failover, shaky: Shaky) -> None:
    for key in "abcd":
        await store.put(key, b"old", 60)
    await store.add("sum", {"n": 1}, 60)
    shaky.is_there = False
    await store.put("a", b"new", 60)
    await store.put("a", b"newer", 60)
    await store.delete("b")
    await store.put("c", b"new", 60)
    await store.delete("c")
    await store.delete("d")
    assert await store.put_new("d", b"again", 60)
    await store.add("sum", {"n": 1}, 60)
    await store.add("sum", {"n": 1, "m": 2}, 60)
    shaky.is_there = True
    await back(store)
    assert [await shaky.store.get(key) for key in "abcd"] == [b"newer", None, None, b"again"]
    assert await store.counters("") == {"sum": {"n": 3, "m": 2}}


async def test_a_store_without_its_memory_is_given_what_was_put_lately(store: Failover, shaky: Shaky) -> None:
    await store.begin()
    await store.put("a", b"1", 60)
    assert await store.put_new("b", b"2", 60)
    await store.put("c", b"gone", 60)
    await store.delete("c")
    shaky.is_there = False
    await store.put("a", b"3", 60)
    shaky.store = MemoryStore(Clock())
    await shaky.store.put("b", b"somebody else was faster", 60)
    shaky.is_there = True
    await back(store)
    assert [await shaky.store.get(key) for key in "abc"] == [b"3", b"somebody else was faster", None]


async def test_each_process_gives_a_store_without_its_memory_its_own(shaky: Shaky) -> None:
    stores = [Failover(shaky, Clock(), first_pause=0) for _ in range(2)]
    for number, store in enumerate(stores):
        await store.begin()
        await store.put(f"k/{number}", b"v", 60)
    shaky.is_there = False
    for store in stores:
        await store.get("a")
    shaky.store, shaky.is_there = MemoryStore(Clock()), True
    for store in stores:
        await back(store)
    assert [await shaky.store.get(f"k/{number}") for number in range(2)] == [b"v", b"v"]
    for store in stores:
        await store.aclose()


async def test_a_store_that_remembers_is_not_given_again_what_others_have_deleted(store: Failover, shaky: Shaky) -> None:
    await store.begin()
    await store.put("a", b"1", 60)
    await shaky.store.delete("a")
    shaky.is_there = False
    await store.get("a")
    shaky.is_there = True
    await back(store)
    assert await store.get("a") is None


async def test_of_two_who_put_something_new_meanwhile_the_first_to_tell_wins(store: Failover, shaky: Shaky) -> None:
    shaky.is_there = False
    assert await store.put_new("k", b"ours", 60)
    await shaky.store.put("k", b"theirs", 60)
    shaky.is_there = True
    await back(store)
    assert await store.get("k") == b"theirs"


async def test_what_has_died_meanwhile_is_not_told() -> None:
    clock, there = Clock(), Clock()
    shaky = Shaky(MemoryStore(there), is_there=False)
    store = Failover(shaky, clock, first_pause=0)
    await store.put("a", b"1", 100)
    await store.put("b", b"1", 30)
    clock.now += 60
    shaky.is_there = True
    await back(store)
    assert (await shaky.store.get("a"), await shaky.store.get("b")) == (b"1", None)
    there.now += 41
    assert await shaky.store.get("a") is None
    await store.aclose()


async def test_it_closes_with_everything_told(shaky: Shaky) -> None:
    store = Failover(shaky, Clock(), first_pause=1000)
    shaky.is_there = False
    await store.put("a", b"1", 60)
    shaky.is_there = True
    await store.aclose()
    assert await shaky.store.get("a") == b"1"


async def test_a_store_that_is_gone_is_not_asked_by_requests(shaky: Shaky) -> None:
    store = Failover(shaky, Clock(), first_pause=1000)
    shaky.is_there = False
    for _ in range(100):
        await store.get("a")
    assert shaky.calls == 1
    await store.aclose()


async def test_one_line_tells_of_the_loss_and_one_of_the_return(store: Failover, shaky: Shaky, caplog: pytest.LogCaptureFixture) -> None:
    shaky.is_there = False
    await asyncio.gather(*(store.put(f"k/{index}", b"v", 60) for index in range(50)))
    shaky.is_there = True
    await back(store)
    messages = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert [message.partition(";")[0] for message in messages] == ["the store is gone", f"{shaky} is back"]


async def test_too_much_to_be_made_up_for_is_told(shaky: Shaky, caplog: pytest.LogCaptureFixture) -> None:
    store = Failover(shaky, Clock(), first_pause=0, max_bytes=1000)
    shaky.is_there = False
    for key in "abcdef":
        await store.put(key, bytes(100), 60)
    shaky.is_there = True
    await back(store)
    assert [await shaky.store.get(key) is not None for key in "abcdef"] == [False, False, False, True, True, True]
    assert "; 3 writes were too many to be made up for" in caplog.records[-1].getMessage()
    await store.aclose()


async def test_a_store_that_does_not_answer_is_as_good_as_gone(shaky: Shaky, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(key: str) -> bytes | None:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(shaky.store, "get", hang)
    store = Failover(shaky, Clock(), patience=0.01, first_pause=1000)
    assert await store.get("a") is None
    assert not store.whole
    await store.aclose()


STEPS = st.one_of(
    st.tuples(st.just("put"), st.sampled_from("abc"), st.binary(max_size=2)),
    st.tuples(st.just("delete"), st.sampled_from("abc"), st.just(b"")),
    st.tuples(st.just("goes"), st.just(""), st.just(b"")),
    st.tuples(st.just("comes"), st.just(""), st.just(b"")),
    st.tuples(st.just("time for others"), st.just(""), st.just(b"")),
)


@given(st.lists(STEPS, max_size=40))
@settings(max_examples=100)
async def test_whenever_it_comes_and_goes_nothing_of_this_process_is_lost(steps: list[tuple[str, str, bytes]]) -> None:
    shaky, expected = Shaky(MemoryStore(Clock())), dict[str, bytes]()
    store = Failover(shaky, Clock(), first_pause=0)
    for kind, key, value in steps:
        match kind:
            case "put":
                await store.put(key, value, 60)
                await store.add("sum", {key: 1}, 60)
                expected[key] = value
            case "delete":
                await store.delete(key)
                expected.pop(key, None)
            case "time for others":
                await asyncio.sleep(0)
            case _:
                shaky.is_there = kind == "comes"
        for name in "abc":
            assert await store.get(name) == expected.get(name)
    shaky.is_there = True
    await back(store)
    assert {name: await shaky.store.get(name) for name in "abc"} == {name: expected.get(name) for name in "abc"}
    puts = [key for kind, key, _ in steps if kind == "put"]
    assert await store.counters("sum") == ({"sum": {name: puts.count(name) for name in set(puts)}} if puts else {})
    await store.aclose()


async def test_a_server_killed_and_started_again(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        store = Failover(RedisStore(server.url), Clock(), first_pause=0.01)
        await store.put("a", b"1", 60)
        server.kill()
        assert await store.get("a") == b"1"
        await store.put("b", b"2", 60)
        server.start()
        await back(store)
        other = RedisStore(server.url)
        assert await other.get("b") == b"2"
        await other.aclose()
        await store.aclose()
