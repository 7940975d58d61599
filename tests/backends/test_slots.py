"""Slots go to who has waited longest, and none is ever lost or made."""

import asyncio
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.backends.pace import Pace
from ccproxy_cli.backends.slots import Slots
from ccproxy_cli.core.errors import ErrorKind, UpstreamError


def test_first_come_first_served() -> None:
    async def play() -> list[int]:
        slots, order = Slots("turn", 1, 10, 5), list[int]()

        async def one(number: int) -> None:
            await slots.take()
            order.append(number)
            await asyncio.sleep(0)
            slots.give_back()

        await asyncio.gather(*map(one, range(6)))
        return order

    assert asyncio.run(play()) == list(range(6))


@given(st.integers(1, 3), st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6)), max_size=12))
def test_no_slot_is_lost_or_made(most: int, requests: list[tuple[int, int]]) -> None:
    """Each request holds a slot for some turns of the loop, and loses patience after some others."""

    async def play() -> None:
        slots, holding, peak = Slots("turn", most, 99, 5), 0, 0

        async def one(hold: int) -> None:
            nonlocal holding, peak
            await slots.take()
            holding += 1
            peak = max(peak, holding)
            try:
                for _ in range(hold):
                    await asyncio.sleep(0)
            finally:
                holding -= 1
                slots.give_back()

        tasks = [asyncio.create_task(one(hold)) for hold, _ in requests]
        for turn in range(7):
            for task, (_, patience) in zip(tasks, requests, strict=True):
                if patience == turn:
                    task.cancel()
            await asyncio.sleep(0)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert peak <= most
        assert [slots.try_take() for _ in range(most + 1)] == [True] * most + [False]

    asyncio.run(play())


@pytest.mark.parametrize(("waiting", "words"), [(0, "already wait"), (1, "became free within")])
async def test_past_the_limit_it_is_told_when_to_come_back(waiting: int, words: str) -> None:
    slots = Slots("turn", 1, waiting, 0.05)
    await slots.take()
    assert slots.all_taken
    with pytest.raises(UpstreamError, match=words) as caught:
        await slots.take()
    error = caught.value.error
    assert (error.kind, error.http_status, error.should_retry) == (ErrorKind.OVERLOADED, 529, True)
    assert int(error.retry_after or 0) > 0
    slots.give_back()
    assert slots.try_take()


async def test_when_to_come_back_follows_what_is_going_on() -> None:
    clock = [0.0]
    pace = Pace(lambda: clock[0])
    slots = Slots("turn", 2, 0, 5, pace)

    async def told() -> str | None:
        with pytest.raises(UpstreamError) as caught:
            await slots.take()
        return caught.value.error.retry_after

    for request in "ab":
        await slots.take()
        pace.begin(request)
    assert await told() == "3"  # nothing is known yet: five seconds for two at once
    clock[0] = 40.0
    assert await told() == "20"
    pace.end("a")
    pace.end("b")
    for request in range(40):
        pace.begin(request)
        clock[0] += 3.0
        pace.end(request)
    assert await told() == "2"


@given(
    st.integers(1, 50),
    st.lists(st.tuples(st.integers(0, 5), st.booleans(), st.floats(0, 1e6)), max_size=30),
)
def test_a_wait_is_always_one_that_clients_understand(at_once: int, steps: list[tuple[int, bool, float]]) -> None:
    clock = [0.0]
    pace = Pace(lambda: clock[0])
    for request, begins, passes in steps:
        (pace.begin if begins else pace.end)(request)
        clock[0] += passes
        waits = [pace.wait(ahead, at_once) for ahead in range(5)]
        assert waits == sorted(waits)
        assert all(1 <= wait <= 300 for wait in waits)


async def test_a_slot_that_comes_with_the_cancellation_is_passed_on() -> None:
    slots = Slots("turn", 1, 9, 5)
    await slots.take()
    first = asyncio.create_task(slots.take())
    second = asyncio.create_task(slots.take())
    await asyncio.sleep(0)
    slots.give_back()
    first.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await first
    await asyncio.wait_for(second, 1)
