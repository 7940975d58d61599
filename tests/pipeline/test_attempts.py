"""Tries and chains over scripted targets, by a clock of the tests' own."""

import asyncio
import itertools
from collections.abc import Sequence
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.config.settings import RetrySettings
from ccproxy_cli.core.errors import BadRequest, BadUpstream, ErrorKind, UpstreamError
from ccproxy_cli.pipeline.attempts import Attempts
from ccproxy_cli.pipeline.exchange import Answer
from ccproxy_cli.pipeline.rests import Rests
from ccproxy_cli.pipeline.route import Target
from ccproxy_cli.pipeline.verdict import FAILURES, VERDICTS, Failure, verdict
from tests.pipeline.world import ANSWER, BROKEN, FULL, OVERLOADED, PASSING, REFUSED, RESET, SLOW, A, B, C, World, told

# One target


@pytest.mark.parametrize(
    "failure",
    [
        OVERLOADED,
        told(ErrorKind.RATE_LIMIT, after="3"),
        told(ErrorKind.BAD_UPSTREAM, status=500),
        told(ErrorKind.BAD_UPSTREAM, status=502),
        told(ErrorKind.INTERNAL),
        told(ErrorKind.OVERLOADED, status=503),
        told(ErrorKind.QUOTA, should_retry=True),
        REFUSED,
    ],
    ids=lambda failure: failure.error.message + str(failure.error.status),
)
async def test_what_may_pass_is_tried_again(failure: UpstreamError) -> None:
    world = World({A: [failure]})
    exchange = await world.ask(world.attempts(), A)
    assert (world.asked, exchange.tries, exchange.route) == ([A, A], 2, "one/a")


@pytest.mark.parametrize(
    "failure",
    [
        RESET,
        SLOW,
        BROKEN,
        FULL,
        BadUpstream("not an answer"),
        BadRequest("cannot be said"),
        told(ErrorKind.RATE_LIMIT, should_retry=False),
        told(ErrorKind.UPSTREAM_TIMEOUT),
        *(told(kind) for kind in ErrorKind if kind not in PASSING),
    ],
    ids=lambda failure: failure.error.message,
)
async def test_what_may_have_been_read_or_would_be_said_again_is_not(failure: Failure) -> None:
    world = World({A: [failure]})
    assert await world.refused(world.attempts(), A) is failure
    assert (world.asked, world.waits) == ([A], [])


async def test_the_last_error_goes_through_as_it_is() -> None:
    first, last = told(ErrorKind.RATE_LIMIT, after="1"), told(ErrorKind.RATE_LIMIT, after="2")
    world = World({A: [first, last]})
    assert await world.refused(world.attempts(), A) is last


async def test_waits_double_and_end() -> None:
    world = World({A: [OVERLOADED] * 9})
    await world.ask(world.attempts(RetrySettings(attempts=10, first_wait=1.0, longest_wait=5.0)), A)
    assert world.waits == [0.5, 1.0, 2.0, 2.5, 2.5, 2.5, 2.5, 2.5, 2.5]  # the lower half of what may be waited


@pytest.mark.parametrize("after", ["2", "2.0", formatdate(1002.0, usegmt=True)])
async def test_what_the_upstream_says_comes_first(after: str) -> None:
    world = World({A: [told(ErrorKind.RATE_LIMIT, after=after)]})
    await world.ask(world.attempts(), A)
    assert world.waits == [2.0]


@pytest.mark.parametrize("after", ["6", "9" * 400, "inf", formatdate(2000.0)])
async def test_nobody_waits_longer_than_they_are_told_to(after: str) -> None:
    world = World({A: [told(ErrorKind.RATE_LIMIT, after=after)]})
    await world.refused(world.attempts(), A)
    assert (world.asked, world.waits) == ([A], [])


@pytest.mark.parametrize("after", ["soon", "nan", "", "-3", "31 Feb"])
async def test_a_wait_that_means_nothing_is_none(after: str) -> None:
    world = World({A: [told(ErrorKind.RATE_LIMIT, after=after)]})
    await world.ask(world.attempts(), A)
    assert world.waits in ([0.25], [0.0])


async def test_the_clients_patience_bounds_all_tries_together() -> None:
    world = World({A: [OVERLOADED] * 100})
    await world.refused(world.attempts(RetrySettings(attempts=100, first_wait=4.0, longest_wait=4.0), patience=10.0), A)
    assert sum(world.waits) < 10.0
    assert len(world.asked) == 5


async def test_a_later_try_ends_when_patience_does() -> None:
    world = World()
    exchange = world.exchange()

    async def attempt(target: Target) -> Answer:
        exchange.sent(world.now)
        if exchange.tries == 1:
            world.now += 9.99
            raise REFUSED
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(UpstreamError, match="no answer within 10 seconds, after 2 tries"):
        await world.attempts(RetrySettings(first_wait=0), patience=10.0).answer(exchange, [A], attempt)


async def test_who_fails_all_the_time_is_not_asked_twice_each_time() -> None:
    world = World({A: [OVERLOADED] * 20})
    attempts = world.attempts()
    for _ in range(19):
        await world.refused(attempts, A)
    assert len(world.asked) == 20
    await world.ask(attempts, A)
    world.scripts[A] = [OVERLOADED]
    world.asked.clear()
    await world.ask(attempts, A)
    assert world.asked == [A, A]  # it has answered, so it is trusted again


async def test_what_failed_long_ago_is_forgotten() -> None:
    world = World({A: [OVERLOADED] * 3})
    attempts = world.attempts()
    await world.refused(attempts, A)
    world.now += 91
    await world.ask(attempts, A)
    assert world.asked == [A] * 4


async def test_a_client_that_leaves_during_a_wait_is_served_no_more() -> None:
    world = World({A: [OVERLOADED] * 2})
    waiting = asyncio.Event()

    async def sleep(_: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    attempts = Attempts(RetrySettings(), Rests(lambda: world.now), clock=lambda: world.now, sleep=sleep)
    task = asyncio.create_task(world.ask(attempts, A, B))
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert world.asked == [A]


# Chains


@pytest.mark.parametrize(
    "failure",
    [RESET, SLOW, REFUSED, FULL, BadUpstream("no answer"), BadRequest("cannot be said here"), *(told(kind) for kind in VERDICTS)],
    ids=lambda failure: failure.error.message,
)
async def test_the_next_target_stands_in(failure: Failure) -> None:
    world = World({A: [failure] * 2})
    exchange = await world.ask(world.attempts(), A, B)
    assert world.asked in ([A, B], [A, A, B])
    assert exchange.route == "two/b"


@pytest.mark.parametrize(
    "failure", [BROKEN, *(told(kind) for kind in ErrorKind if kind not in VERDICTS)], ids=lambda failure: failure.error.message
)
async def test_what_every_target_would_find_or_has_been_answered_is_told_at_once(failure: Failure) -> None:
    world = World({A: [failure]})
    assert await world.refused(world.attempts(), A, B) is failure
    assert world.asked == [A]


@pytest.mark.parametrize("failure", [OVERLOADED, REFUSED, RESET, BadUpstream("no answer")], ids=lambda failure: failure.error.message)
async def test_what_somebody_may_have_done_already_is_asked_of_nobody_else(failure: Failure) -> None:
    world = World({A: [failure]})
    assert await world.refused(world.attempts(acting=["one"]), A, B) is failure
    assert world.asked == [A]
    world = World({A: [failure] * 2})
    await world.ask(world.attempts(acting=["two"]), A, B)
    assert world.asked[-1] == B


async def test_when_all_fail_the_client_hears_of_what_it_asked_for() -> None:
    first = told(ErrorKind.RATE_LIMIT, after="60")
    world = World({A: [first], B: [RESET], C: [BadUpstream("nonsense")]})
    exchange = world.exchange()

    async def attempt(target: Target) -> Answer:
        exchange.sent(world.now)
        raise world.scripts[target].pop(0)  # type: ignore[misc]

    with pytest.raises(UpstreamError) as caught:
        await world.attempts().answer(exchange, [A, B, C], attempt)
    assert caught.value is first
    assert (exchange.route, exchange.tries) == ("one/a", 3)
    assert exchange.failures == ["one/a rate_limit 429", "two/b bad_upstream", "three/c bad_upstream"]


async def test_nobody_waits_long_while_there_is_another_target() -> None:
    world = World({A: [told(ErrorKind.RATE_LIMIT, after="3")], B: [told(ErrorKind.RATE_LIMIT, after="3")]})
    await world.ask(world.attempts(), A, B)
    assert (world.asked, world.waits) == ([A, B, B], [3.0])


async def test_each_try_begins_with_a_clean_slate() -> None:
    world = World()
    exchange = world.exchange()
    seen: list[tuple[int, bool, int | None]] = []

    async def attempt(target: Target) -> Answer:
        seen.append((len(exchange.losses), exchange.relayed, exchange.upstream_status))
        exchange.losses.add(f"top_k.{target}", "not there")
        exchange.relayed, exchange.upstream_status = True, 529
        exchange.sent(world.now)
        if target != C:
            raise RESET
        return ANSWER

    await world.attempts().answer(exchange, [A, B, C], attempt)
    assert seen == [(0, False, None)] * 3
    assert [loss.field for loss in exchange.losses] == [f"top_k.{C}"]


# Any course of events

FAILING = st.sampled_from(
    [
        RESET,
        SLOW,
        REFUSED,
        BROKEN,
        FULL,
        BadUpstream("x"),
        BadRequest("x"),
        *map(told, ErrorKind),
        told(ErrorKind.RATE_LIMIT, after="1"),
        told(ErrorKind.RATE_LIMIT, after="40"),
        told(ErrorKind.OVERLOADED, should_retry=False),
    ]
)
STEP = FAILING | st.just(ANSWER)


@given(
    scripts=st.lists(st.lists(STEP, max_size=6), min_size=1, max_size=3),
    pauses=st.lists(st.sampled_from([0.0, 1.5, 31.0, 400.0]), min_size=1, max_size=6),
    tries=st.integers(1, 3),
)
def test_every_request_ends_once_and_within_bounds(scripts: Sequence[list[Failure | Answer]], pauses: list[float], tries: int) -> None:
    targets = [A, B, C][: len(scripts)]
    world = World({target: list(script) for target, script in zip(targets, scripts, strict=True)})
    attempts = world.attempts(RetrySettings(attempts=tries))

    async def run() -> None:
        for pause in pauses:
            world.now += pause
            world.asked.clear()
            told: Failure | None = None
            left = {target: list(script) for target, script in world.scripts.items()}
            try:
                await world.ask(attempts, *targets)
            except FAILURES as failure:
                told = failure
            outcomes = [left[target].pop(0) if left[target] else ANSWER for target in world.asked]
            assert 1 <= len(outcomes) <= tries * len(targets)
            assert all(len(list(run)) <= tries for _, run in itertools.groupby(world.asked))
            assert all(not isinstance(outcome, Answer) for outcome in outcomes[:-1]), "an answer is the end"
            assert (told is None) == isinstance(outcomes[-1], Answer)
            assert told is None or told in outcomes
            for before, outcome, after in zip(world.asked, outcomes, world.asked[1:], strict=False):
                assert not isinstance(outcome, Answer)
                assert outcome.error.kind in VERDICTS or isinstance(outcome, BadRequest | BadUpstream)
                assert outcome is not BROKEN
                assert before != after or verdict(outcome).again

    asyncio.run(run())
