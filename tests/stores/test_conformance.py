"""What every store promises, asked of each kind."""

import asyncio
import math

import pytest

from ccproxy_cli.stores.base import Bucket
from tests.stores.conftest import Timed

SLOW = Bucket("limit/a", rate=0.1, size=10)


async def test_a_value_is_what_was_last_put(timed: Timed) -> None:
    assert await timed.store.get("k/1") is None
    await timed.store.put("k/1", b"one", 60)
    await timed.store.put("k/2", bytes(range(256)), 60)
    await timed.store.put("k/1", b"", 60)
    assert await timed.store.get("k/1") == b""
    assert await timed.store.get("k/2") == bytes(range(256))


async def test_keys_may_hold_any_text(timed: Timed) -> None:
    for key in ("k/ä*?[x]%_'\"", "k/\N{ROCKET}", "k/a b\nc"):
        await timed.store.put(key, key.encode(), 60)
    assert await timed.store.get("k/ä*?[x]%_'\"") == "k/ä*?[x]%_'\"".encode()
    assert await timed.store.get("k/\N{ROCKET}") == "k/\N{ROCKET}".encode()
    assert await timed.store.get("k/a b\nc") == b"k/a b\nc"


async def test_a_value_dies_after_its_lifetime(timed: Timed) -> None:
    await timed.store.put("k", b"v", 100)
    await timed.pass_time(90)
    assert await timed.store.get("k") == b"v"
    await timed.pass_time(11)
    assert await timed.store.get("k") is None


async def test_putting_again_starts_a_new_lifetime(timed: Timed) -> None:
    await timed.store.put("k", b"v", 100)
    await timed.pass_time(90)
    await timed.store.put("k", b"w", 100)
    await timed.pass_time(90)
    assert await timed.store.get("k") == b"w"


async def test_what_is_deleted_is_gone(timed: Timed) -> None:
    await timed.store.put("k", b"v", 100)
    await timed.store.delete("k")
    await timed.store.delete("never there")
    assert await timed.store.get("k") is None


async def test_of_several_who_put_something_new_one_wins(timed: Timed) -> None:
    won = await asyncio.gather(*(timed.store.put_new("k", b"%d" % index, 100) for index in range(20)))
    assert won.count(True) == 1
    assert await timed.store.get("k") == b"%d" % won.index(True)


async def test_what_has_died_can_be_put_anew(timed: Timed) -> None:
    assert await timed.store.put_new("k", b"v", 100)
    await timed.pass_time(101)
    assert await timed.store.put_new("k", b"w", 100)
    assert await timed.store.get("k") == b"w"


async def test_what_was_deleted_can_be_put_anew(timed: Timed) -> None:
    await timed.store.put("k", b"v", 100)
    await timed.store.delete("k")
    assert await timed.store.put_new("k", b"w", 100)


async def test_a_bucket_gives_what_it_holds(timed: Timed) -> None:
    spent = await timed.store.spend(SLOW, 4)
    assert (spent.granted, spent.wait) == (True, 0)
    assert spent.left == pytest.approx(6, abs=0.2)
    refused = await timed.store.spend(SLOW, 7)
    assert not refused.granted
    assert refused.left == pytest.approx(6, abs=0.2)
    assert refused.wait == pytest.approx(10, abs=2)
    assert (await timed.store.spend(SLOW, 5.5)).granted


async def test_a_bucket_refills_to_its_size_and_no_further(timed: Timed) -> None:
    await timed.store.spend(SLOW, 10)
    await timed.pass_time(50)
    assert (await timed.store.spend(SLOW, 0)).left == pytest.approx(5, abs=0.2)
    await timed.pass_time(10_000)
    assert (await timed.store.spend(SLOW, 0)).left == 10


async def test_a_bucket_gives_at_the_time_it_said(timed: Timed) -> None:
    await timed.store.spend(SLOW, 10)
    refused = await timed.store.spend(SLOW, 3)
    await timed.pass_time(refused.wait - 5)
    assert not (await timed.store.spend(SLOW, 3)).granted
    await timed.pass_time(6)
    assert (await timed.store.spend(SLOW, 3)).granted


async def test_a_bucket_can_be_overdrawn_and_be_given_back_to(timed: Timed) -> None:
    overdrawn = await timed.store.spend(SLOW, 25, in_debt=True)
    assert overdrawn.granted
    assert overdrawn.left == pytest.approx(-15, abs=0.2)
    refused = await timed.store.spend(SLOW, 1)
    assert not refused.granted
    assert refused.wait == pytest.approx(160, abs=2)
    assert (await timed.store.spend(SLOW, -16)).left == pytest.approx(1, abs=0.2)
    assert (await timed.store.spend(SLOW, -1000)).left == 10


async def test_what_a_bucket_can_never_hold_is_never_granted(timed: Timed) -> None:
    spent = await timed.store.spend(SLOW, 11)
    assert (spent.granted, spent.wait, spent.left) == (False, math.inf, 10)


async def test_a_debt_is_not_forgotten_early(timed: Timed) -> None:
    await timed.store.spend(SLOW, 1000, in_debt=True)
    await timed.pass_time(9000)
    assert not (await timed.store.spend(SLOW, 1)).granted


async def test_of_many_at_once_a_bucket_grants_what_it_holds(timed: Timed) -> None:
    spent = await asyncio.gather(*(timed.store.spend(SLOW, 1) for _ in range(40)))
    assert sum(one.granted for one in spent) == 10


async def test_buckets_are_apart(timed: Timed) -> None:
    await timed.store.spend(SLOW, 10)
    assert (await timed.store.spend(Bucket("limit/b", 0.1, 10), 10)).granted


async def test_amounts_add_up_by_name(timed: Timed) -> None:
    await asyncio.gather(*(timed.store.add("usage/1/a", {"requests": 1, "cost": 0.25}, 100) for _ in range(20)))
    await timed.store.add("usage/1/a", {"errors": 1}, 100)
    await timed.store.add("usage/1/b", {"requests": 2}, 100)
    await timed.store.add("usage/2/a", {"requests": 3}, 100)
    assert await timed.store.counters("usage/1/") == {
        "usage/1/a": {"requests": 20, "cost": 5, "errors": 1},
        "usage/1/b": {"requests": 2},
    }
    assert await timed.store.counters("usage/") == {
        "usage/1/a": {"requests": 20, "cost": 5, "errors": 1},
        "usage/1/b": {"requests": 2},
        "usage/2/a": {"requests": 3},
    }
    assert await timed.store.counters("usage/%") == {}


async def test_counters_live_from_their_last_addition(timed: Timed) -> None:
    await timed.store.add("usage/1", {"n": 1}, 100)
    await timed.pass_time(90)
    await timed.store.add("usage/1", {"n": 1}, 100)
    await timed.pass_time(90)
    assert await timed.store.counters("usage/") == {"usage/1": {"n": 2}}
    await timed.pass_time(11)
    assert await timed.store.counters("usage/") == {}
    await timed.store.add("usage/1", {"n": 1}, 100)
    assert await timed.store.counters("usage/") == {"usage/1": {"n": 1}}


async def test_the_kinds_of_state_do_not_meet_under_one_key(timed: Timed) -> None:
    bucket = Bucket("same", 0.1, 10)
    await timed.store.put("same", b"v", 100)
    await timed.store.spend(bucket, 10)
    await timed.store.add("same", {"n": 1}, 100)
    assert await timed.store.get("same") == b"v"
    assert not (await timed.store.spend(bucket, 5)).granted
    assert await timed.store.counters("same") == {"same": {"n": 1}}
    await timed.store.delete("same")
    assert await timed.store.counters("same") == {"same": {"n": 1}}


async def test_large_values_come_back_whole(timed: Timed) -> None:
    value = bytes(range(256)) * 4096
    await timed.store.put("k", value, 100)
    assert await timed.store.get("k") == value
