"""Cool-downs: who is left alone, for how long, and who tries after that, in one process and in several."""

import asyncio
from pathlib import Path

import pytest

from ccproxy_cli.config.settings import RetrySettings
from ccproxy_cli.core.errors import ErrorKind, UpstreamError
from ccproxy_cli.pipeline.attempts import Attempts
from ccproxy_cli.pipeline.exchange import Answer
from ccproxy_cli.pipeline.rests import Rests
from ccproxy_cli.pipeline.route import Target
from ccproxy_cli.pipeline.verdict import Failure
from ccproxy_cli.stores.base import StoreError
from ccproxy_cli.stores.memory import MemoryStore
from ccproxy_cli.stores.sqlite import SQLiteStore
from tests.pipeline.waiting import alone
from tests.pipeline.world import ANSWER, OVERLOADED, RESET, SLOW, A, B, World, told


async def test_a_target_that_failed_is_left_alone_for_a_while() -> None:
    world = World({A: [RESET]})
    attempts = world.attempts()
    await world.ask(attempts, A, B)
    await world.ask(attempts, A, B)
    world.now += 29.0
    await world.ask(attempts, A, B)
    assert world.asked == [A, B, B, B]
    world.now += 2.0
    await world.ask(attempts, A, B)
    await world.ask(attempts, A, B)
    assert world.asked[4:] == [A, A]


@pytest.mark.parametrize(
    ("failure", "seconds"),
    [(told(ErrorKind.RATE_LIMIT, after="120"), 120), (told(ErrorKind.QUOTA), 300), (told(ErrorKind.OVERLOADED), 30), (SLOW, 30)],
    ids=lambda value: str(value),
)
async def test_how_long_depends_on_what_was_said(failure: UpstreamError, seconds: int) -> None:
    world = World({A: [failure]})
    attempts = world.attempts(RetrySettings(attempts=1))
    await world.ask(attempts, A, B)
    world.now += seconds - 1
    await world.ask(attempts, A, B)
    world.now += 2
    await world.ask(attempts, A, B)
    assert world.asked == [A, B, B, A]


@pytest.mark.parametrize("kind", [ErrorKind.NOT_FOUND, ErrorKind.AUTHENTICATION, ErrorKind.CONTEXT_OVERFLOW, ErrorKind.INVALID_REQUEST])
async def test_what_says_nothing_of_the_next_request_is_no_reason_to_rest(kind: ErrorKind) -> None:
    rests = Rests(lambda: 0.0)
    world = World({A: [told(kind)]})
    with pytest.raises(UpstreamError):
        await world.ask(world.attempts(rests=rests), A)
    assert not rests


@pytest.mark.parametrize(("kind", "rests"), [(ErrorKind.RATE_LIMIT, False), (ErrorKind.QUOTA, False), (ErrorKind.OVERLOADED, True)])
async def test_what_one_callers_key_may_not_do_keeps_nobody_else_away(kind: ErrorKind, rests: bool) -> None:
    world = World({A: [told(kind)] * 2})
    attempts = world.attempts(RetrySettings(attempts=1), keyless=["one"])
    await world.ask(attempts, A, B)
    world.scripts[A] = []
    await world.ask(attempts, A, B)
    assert world.asked == ([A, B, B] if rests else [A, B, A])


async def test_cool_downs_can_be_switched_off() -> None:
    world = World({A: [RESET] * 2})
    attempts = world.attempts(RetrySettings(cool_down=0))
    await world.ask(attempts, A, B)
    await world.ask(attempts, A, B)
    assert world.asked == [A, B, A, B]


async def test_those_that_rest_are_asked_when_nobody_else_is_left() -> None:
    world = World({A: [RESET, OVERLOADED], B: [RESET, RESET]})
    attempts = world.attempts()
    await world.refused(attempts, A, B)
    assert (await world.refused(attempts, A, B)) is OVERLOADED
    await world.ask(attempts, A, B)
    assert world.asked == [A, B, A, B, A]


async def half_open(world: World, outcome: Failure | None) -> list[Target]:
    """Three requests at once right after a rest, the first held until the others are through."""
    gate = asyncio.Event()
    attempts = world.attempts(RetrySettings(attempts=1))
    world.scripts[A] = [RESET]
    await world.ask(attempts, A, B)
    world.now += 31
    world.asked.clear()

    async def attempt(target: Target) -> Answer:
        world.asked.append(target)
        if target == A:
            await gate.wait()
            if outcome is not None:
                raise outcome
        return ANSWER

    probe = asyncio.create_task(attempts.answer(world.exchange(), [A, B], attempt))
    await asyncio.sleep(0)
    await asyncio.gather(*(attempts.answer(world.exchange(), [A, B], attempt) for _ in range(2)))
    gate.set()
    await probe
    await attempts.answer(world.exchange(), [A, B], attempt)
    return world.asked


async def test_after_a_rest_one_request_tries_while_the_others_go_on() -> None:
    assert await half_open(World(), None) == [A, B, B, A]


async def test_a_try_that_fails_means_another_rest() -> None:
    assert await half_open(World(), RESET) == [A, B, B, B, B]


async def test_a_try_that_is_given_up_lets_the_next_request_try() -> None:
    world = World({A: [RESET]})
    attempts = world.attempts(RetrySettings(attempts=1))
    await world.ask(attempts, A, B)
    world.now += 31

    async def hanging(_: Target) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    left = asyncio.create_task(attempts.answer(world.exchange(), [A, B], hanging))
    await asyncio.sleep(0)
    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left
    world.asked.clear()
    await world.ask(attempts, A, B)
    assert world.asked == [A]


# Several processes


def processes(world: World, store: MemoryStore, count: int = 2) -> list[Attempts]:
    settings = RetrySettings(attempts=1)
    return [world.attempts(settings, Rests(lambda: world.now, store=store)) for _ in range(count)]


async def test_one_process_learns_from_the_other() -> None:
    world = World({A: [RESET]})
    first, second = processes(world, MemoryStore(lambda: world.now))
    await world.ask(first, A, B)
    await world.ask(second, A, B)
    assert world.asked == [A, B, B]
    world.now += 31
    await world.ask(second, A, B)
    await alone()
    world.now += 1.1
    await world.ask(first, A, B)
    assert world.asked[3:] == [A, A]


async def test_one_process_alone_tries_after_a_rest() -> None:
    world = World({A: [RESET]})
    first, second = processes(world, MemoryStore(lambda: world.now))
    await world.ask(first, A, B)
    await world.ask(second, A, B)
    world.now += 31
    gate = asyncio.Event()

    async def attempt(target: Target) -> Answer:
        world.asked.append(target)
        if target == A:
            await gate.wait()
        return ANSWER

    world.asked.clear()
    probe = asyncio.create_task(first.answer(world.exchange(), [A, B], attempt))
    await asyncio.sleep(0)
    await second.answer(world.exchange(), [A, B], attempt)
    gate.set()
    await probe
    assert world.asked == [A, B]


async def test_processes_share_a_file(tmp_path: Path) -> None:
    world = World({A: [RESET]})
    stores = [SQLiteStore(tmp_path / "state.db") for _ in range(2)]
    first, second = (world.attempts(RetrySettings(attempts=1), Rests(lambda: world.now, store=store)) for store in stores)
    await world.ask(first, A, B)
    await world.ask(second, A, B)
    world.now += 31
    await world.ask(second, A, B)
    await alone()
    world.now += 1.1
    await world.ask(first, A, B)
    assert world.asked == [A, B, B, A, A]
    for store in stores:
        await store.aclose()


class Gone(MemoryStore):
    """A store nobody answers for."""

    async def get(self, key: str) -> bytes | None:
        raise StoreError("gone")

    async def put(self, key: str, value: bytes, lifetime: float) -> None:
        raise StoreError("gone")

    async def put_new(self, key: str, value: bytes, lifetime: float) -> bool:
        raise StoreError("gone")

    async def delete(self, key: str) -> None:
        raise StoreError("gone")


async def test_without_the_store_each_process_goes_on_by_itself() -> None:
    world = World({A: [RESET]})
    (attempts,) = processes(world, Gone(lambda: world.now), 1)
    await world.ask(attempts, A, B)
    await world.ask(attempts, A, B)
    world.now += 31
    await world.ask(attempts, A, B)
    assert world.asked == [A, B, B, A]


async def test_an_answer_does_not_wait_until_the_store_knows_of_it() -> None:
    gate = asyncio.Event()

    class Slow(MemoryStore):
        async def delete(self, key: str) -> None:
            await gate.wait()
            await super().delete(key)

    world, store = World(), Slow(lambda: world.now)
    rests = Rests(lambda: world.now, store=store)
    gate.set()
    await rests.failed(str(A), 30)
    gate.clear()
    await world.ask(world.attempts(rests=rests), A)
    assert not rests
    assert not await rests.leaves_alone(str(A))  # whatever the store still says
    gate.set()
    await alone()
    world.now += 1.1
    assert not await rests.leaves_alone(str(A))
    assert len(store) == 0


async def test_nobody_asks_the_store_for_a_route_of_one_target() -> None:
    world = World()
    store = MemoryStore(lambda: world.now)
    (attempts,) = processes(world, store, 1)
    store.get = None  # type: ignore[method-assign, assignment]
    await world.ask(attempts, A)
    assert world.asked == [A]
