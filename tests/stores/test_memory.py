"""The bounds of the store in this process."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ccproxy_cli.stores.base import Bucket
from ccproxy_cli.stores.memory import MemoryStore
from tests.stores.conftest import Clock


async def test_the_values_asked_for_last_stay() -> None:
    store = MemoryStore(Clock(), max_entries=3)
    for key in "abc":
        await store.put(key, b"v", 60)
    await store.get("a")
    await store.put("d", b"v", 60)
    assert [await store.get(key) for key in "abcd"] == [b"v", None, b"v", b"v"]


async def test_a_value_larger_than_everything_may_be_replaces_nothing_but_its_own_key() -> None:
    store = MemoryStore(Clock(), max_bytes=1000)
    await store.put("a", b"v", 60)
    await store.put("b", b"v", 60)
    await store.put("b", bytes(2000), 60)
    assert await store.get("a") == b"v"
    assert await store.get("b") is None


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers(0, 400), st.integers(0, 3)), max_size=40))
@settings(max_examples=100)
async def test_it_never_takes_more_than_it_may(puts: list[tuple[str, int, int]]) -> None:
    clock = Clock()
    store = MemoryStore(clock, max_entries=4, max_bytes=1500)
    for key, size, seconds in puts:
        await store.put(key, bytes(size), 2)
        clock.now += seconds
        await store.get("a")
        assert len(store) <= 4
        assert 0 <= store.bytes <= 1500
    for key in "abcde":
        await store.delete(key)
    assert (len(store), store.bytes) == (0, 0)


async def test_too_many_buckets_and_counters_are_forgotten_from_the_oldest_on() -> None:
    store = MemoryStore(Clock(), max_entries=2)
    for key in "abc":
        await store.spend(Bucket(key, 1, 10), 10)
        await store.add(key, {"n": 1}, 60)
    assert [(await store.spend(Bucket(key, 1, 10), 0)).left for key in "cb"] == [0, 0]
    assert set(await store.counters("")) == {"b", "c"}
