"""Slots: never too many, and none is lost, however requests and processes end."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccproxy_cli.pipeline.slots import LEASE, Slots
from ccproxy_cli.stores.memory import MemoryStore
from tests.pipeline.waiting import Clock, SlowStore, settled

KEY = "limits/all/slots"


@settings(deadline=None)
@given(most=st.integers(1, 4), steps=st.lists(st.tuples(st.integers(0, 2), st.booleans()), max_size=40))
async def test_processes_that_share_a_store_never_run_more_than_there_are_slots(most: int, steps: list[tuple[int, bool]]) -> None:
    store = MemoryStore(Clock())
    processes = [Slots(store, KEY, most) for _ in range(3)]
    running: list[list[int]] = [[], [], []]
    for process, starts in steps:
        if starts:
            slot = await processes[process].take()
            assert (slot is None) == (sum(map(len, running)) == most)
            if slot is not None:
                running[process].append(slot)
        elif running[process]:
            processes[process].give_back(running[process].pop())
            await settled()
    for slots in processes:
        await slots.aclose()
    assert len(store) == 0


@settings(deadline=None)
@given(leaving=st.lists(st.integers(0, 4), min_size=1, max_size=12))
async def test_no_slot_is_lost_when_clients_leave_while_they_are_let_in(leaving: list[int]) -> None:
    store = SlowStore(MemoryStore(Clock()))
    slots = Slots(store, KEY, 2)
    for turns in leaving:
        taking = asyncio.ensure_future(slots.take())
        for _ in range(turns):
            await asyncio.sleep(0)
        taking.cancel()
        done = (await asyncio.gather(taking, return_exceptions=True))[0]
        if isinstance(done, int):
            slots.give_back(done)
    await settled()
    assert sorted([await slots.take(), await slots.take()], key=str) == [0, 1]
    assert await slots.take() is None
    await slots.aclose()


@pytest.mark.parametrize("turns", range(6))
async def test_who_asks_again_at_once_finds_what_was_just_given_back(turns: int) -> None:
    store = SlowStore(MemoryStore(Clock()))
    slots, other = Slots(store, KEY, 1), Slots(store, KEY, 1)
    for _ in range(5):
        slot = await slots.take()
        assert slot == 0
        slots.give_back(slot)
        for _ in range(turns):
            await asyncio.sleep(0)
    assert await slots.take() == 0
    await settled()
    assert await other.take() is None
    await slots.aclose()
    assert await other.take() == 0
    await other.aclose()


async def test_what_a_dead_process_held_comes_free_and_what_a_living_one_holds_does_not() -> None:
    clock = Clock()
    store = MemoryStore(clock)
    dead, living, other = (Slots(store, KEY, 2) for _ in range(3))
    assert await dead.take() is not None
    assert await living.take() is not None
    assert await other.take() is None
    clock.now += LEASE / 2
    await living.renew()
    clock.now += LEASE / 2
    assert await other.take() is not None
    assert await other.take() is None
    for slots in (dead, living, other):
        await slots.aclose()


@pytest.mark.parametrize("turns", range(12))
async def test_what_is_given_back_while_leases_are_renewed_stays_free(turns: int) -> None:
    store = MemoryStore(Clock())
    slots = Slots(SlowStore(store), KEY, 3)
    taken = [await slots.take() for _ in range(3)]
    renewing = asyncio.ensure_future(slots.renew())
    for _ in range(turns):
        await asyncio.sleep(0)
    for slot in taken[1:]:
        assert slot is not None
        slots.give_back(slot)
    await renewing
    await settled()
    assert len(store) == 1
    await slots.aclose()


async def test_renewals_go_on_as_long_as_there_is_something_to_renew() -> None:
    slots = Slots(MemoryStore(Clock()), KEY, 1)
    slot = await slots.take()
    assert slot is not None
    assert [task.get_coro().__name__ for task in asyncio.all_tasks() - {asyncio.current_task()}] == ["_renew_all"]  # type: ignore[union-attr]
    await slots.aclose()
    await settled()
    assert asyncio.all_tasks() == {asyncio.current_task()}
