"""Who may ask for how much."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccproxy_cli.config.settings import ClientSettings, GeneralLimitSettings, LimitSettings, Settings
from ccproxy_cli.core.errors import ErrorKind, UpstreamError
from ccproxy_cli.core.estimate import estimate_body
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.rates import Allowance, Measure
from ccproxy_cli.core.response import Usage
from ccproxy_cli.pipeline.exchange import Exchange
from ccproxy_cli.pipeline.limits import Admission, Limits
from ccproxy_cli.stores.memory import MemoryStore
from tests.pipeline.waiting import Clock, SlowStore, settled


def asking(client: str | None = None, size: int = 40, spoken: str = "anthropic") -> Exchange:
    return Exchange("req_1", FORMATS[spoken], HTTPCall("POST", "/v1/messages", b"x" * size), client=client)


def limits_of(
    clock: Clock, general: GeneralLimitSettings, clients: Mapping[str, LimitSettings] | None = None, store: MemoryStore | None = None
) -> Limits:
    settings = Settings(limits=general, clients={name: ClientSettings("t" * 20, limits=own) for name, own in (clients or {}).items()})
    limits = Limits.of(settings, MemoryStore(clock) if store is None else store)
    assert limits is not None
    return limits


async def let_in(limits: Limits, exchange: Exchange) -> Admission | UpstreamError:
    try:
        return await limits.admit(exchange)
    except UpstreamError as refusal:
        return refusal


# Laws


@settings(deadline=None)
@given(
    per_minute=st.integers(1, 100),
    burst=st.none() | st.integers(1, 50),
    schedule=st.lists(st.tuples(st.floats(0, 90), st.integers(1, 20)), min_size=1, max_size=8),
)
async def test_no_schedule_gets_more_requests_than_the_rate_and_one_burst(
    per_minute: int, burst: int | None, schedule: list[tuple[float, int]]
) -> None:
    clock = Clock()
    limits = limits_of(clock, GeneralLimitSettings(requests_per_minute=per_minute, burst_size=burst))
    began, granted = clock.now, list[float]()
    for pause, asked in schedule:
        clock.now += pause
        granted += [clock.now for _ in range(asked) if isinstance(await let_in(limits, asking()), Admission)]
    size = burst or per_minute
    assert len(granted) <= size + (clock.now - began) * per_minute / 60 + 1e-3
    for first, start in enumerate(granted):
        for count, end in enumerate(granted[first:], 1):
            assert count <= size + (end - start) * per_minute / 60 + 1e-3


@settings(deadline=None)
@given(
    per_minute=st.integers(50, 5000),
    schedule=st.lists(st.tuples(st.floats(0, 30), st.integers(1, 4000), st.integers(0, 6000) | st.none()), min_size=1, max_size=25),
)
async def test_tokens_that_were_used_are_paid_for_before_more_are_granted(
    per_minute: int, schedule: list[tuple[float, int, int | None]]
) -> None:
    clock = Clock()
    limits = limits_of(clock, GeneralLimitSettings(tokens_per_minute=per_minute))
    began, used = clock.now, 0.0
    for pause, size, cost in schedule:
        clock.now += pause
        exchange = asking(size=size)
        admission = await let_in(limits, exchange)
        if isinstance(admission, Admission):
            reserved = min(estimate_body(exchange.call.body), per_minute / 2)
            # Whatever was used until now, and is reserved for this one, fits in what there was.
            assert used + reserved <= per_minute + (clock.now - began) * per_minute / 60 + 1e-3
            usage = None if cost is None else Usage(input=cost // 2, cache_read=cost - cost // 2)
            limits.settle(admission, usage, is_free=False)
            await settled()
            used += reserved if cost is None else cost


@settings(deadline=None)
@given(
    most=st.integers(1, 3),
    steps=st.lists(st.sampled_from(["ask", "end", "fail", "wait"]), min_size=1, max_size=40),
    per_minute=st.none() | st.integers(2, 5),
)
async def test_slots_come_free_however_requests_end(most: int, steps: list[str], per_minute: int | None) -> None:
    clock = Clock()
    store = MemoryStore(clock)
    limits = limits_of(clock, GeneralLimitSettings(concurrency=most, requests_per_minute=per_minute), store=store)
    running: list[Admission] = []
    for step in steps:
        if step == "ask":
            admission = await let_in(limits, asking())
            if isinstance(admission, Admission):
                running.append(admission)
            elif admission.error.measure is Measure.CONCURRENCY:
                assert len(running) == most
        elif step == "wait":
            clock.now += 7
        elif running:
            limits.settle(running.pop(), None, is_free=step == "fail")
        await settled()
        assert len(running) <= most
        assert len(store) == len(running)
    await limits.aclose()


@settings(deadline=None)
@given(others=st.integers(0, 30), mine=st.integers(1, 10))
async def test_a_burst_of_one_client_takes_nothing_from_another(others: int, mine: int) -> None:
    limits = limits_of(Clock(), GeneralLimitSettings(requests_per_minute=10), {"ann": LimitSettings(), "bob": LimitSettings()})
    for _ in range(others):
        await let_in(limits, asking("bob"))
    assert [type(await let_in(limits, asking("ann"))) for _ in range(mine)] == [Admission] * mine
    assert isinstance(await let_in(limits, asking(None)), Admission)


# What is limited


async def test_without_limits_there_is_nobody_to_ask() -> None:
    assert Limits.of(Settings(clients={"ann": ClientSettings("t" * 20)}), MemoryStore(Clock())) is None


async def test_a_clients_own_limits_stand_in_place_of_the_general_ones_one_by_one() -> None:
    general = GeneralLimitSettings(requests_per_minute=2, tokens_per_minute=1000)
    limits = limits_of(Clock(), general, {"ann": LimitSettings(requests_per_minute=3), "bob": LimitSettings()})
    counts = {}
    for client in ("ann", "bob", None):
        counts[client] = sum([isinstance(await let_in(limits, asking(client)), Admission) for _ in range(5)])
    assert counts == {"ann": 3, "bob": 2, None: 2}
    refused = await let_in(limits, asking("ann", size=20_000))
    assert isinstance(refused, UpstreamError)


async def test_what_all_ask_for_together_is_limited_too_and_who_is_refused_has_spent_nothing() -> None:
    clock = Clock()
    general = GeneralLimitSettings(requests_per_minute=5, overall=LimitSettings(requests_per_minute=6, concurrency=10))
    limits = limits_of(clock, general, {"ann": LimitSettings(), "bob": LimitSettings()})
    assert sum([isinstance(await let_in(limits, asking("ann")), Admission) for _ in range(9)]) == 5
    assert sum([isinstance(await let_in(limits, asking("bob")), Admission) for _ in range(9)]) == 1
    await settled()
    clock.now += 30  # three more for everybody, and bob's own have not been used up by asking in vain
    assert sum([isinstance(await let_in(limits, asking("bob")), Admission) for _ in range(9)]) == 3


async def test_a_failed_request_costs_no_tokens_and_one_of_unknown_cost_what_was_reserved() -> None:
    limits = limits_of(Clock(), GeneralLimitSettings(tokens_per_minute=100))
    for is_free, left in ((True, 100), (False, 89)):
        admission = await limits.admit(asking(size=42))
        assert admission.rates[Measure.TOKENS].remaining == 89
        limits.settle(admission, None, is_free=is_free)
        await settled()
        follower = await limits.admit(asking(size=1))
        assert follower.rates[Measure.TOKENS].remaining == left - 1
        limits.settle(follower, Usage(input=0), is_free=False)
        await settled()


async def test_a_request_that_is_larger_than_the_budget_waits_for_half_of_it_and_leaves_a_debt() -> None:
    clock = Clock()
    limits = limits_of(clock, GeneralLimitSettings(tokens_per_minute=60))
    limits.settle(await limits.admit(asking(size=1000)), Usage(input=250, output=50), is_free=False)
    await settled()
    refused = await let_in(limits, asking(size=4))
    assert isinstance(refused, UpstreamError)
    assert refused.error.retry_after == "241"
    clock.now += 241
    assert isinstance(await let_in(limits, asking(size=4)), Admission)
    clock.now += 29
    assert isinstance(await let_in(limits, asking(size=1000)), UpstreamError)
    clock.now += 1
    assert isinstance(await let_in(limits, asking(size=1000)), Admission)


async def test_two_instances_share_what_their_store_holds() -> None:
    clock = Clock()
    store = MemoryStore(clock)
    general = GeneralLimitSettings(requests_per_minute=60, concurrency=50)
    instances = [limits_of(clock, general, store=store) for _ in range(2)]
    admitted = [await let_in(instances[turn % 2], asking()) for turn in range(80)]
    assert sum(isinstance(one, Admission) for one in admitted) == 50
    for turn, one in enumerate(admitted):
        if isinstance(one, Admission):
            instances[turn % 2].settle(one, None, is_free=True)
    await settled()
    assert sum([isinstance(await let_in(instances[turn % 2], asking()), Admission) for turn in range(20)]) == 10


async def test_a_store_that_is_lost_lets_everybody_in() -> None:
    store = SlowStore(MemoryStore(Clock()))
    settings = Settings(limits=GeneralLimitSettings(requests_per_minute=1, tokens_per_minute=1, concurrency=1))
    limits = Limits.of(settings, store)
    assert limits is not None
    store.lost = True
    admissions = [await limits.admit(asking()) for _ in range(3)]
    for admission in admissions:
        limits.settle(admission, Usage(input=5), is_free=False)
    await settled()
    assert store.asked == 9
    await limits.aclose()


# What the caller is told


async def test_a_refusal_says_when_to_come_back_and_what_there_is_left() -> None:
    limits = limits_of(Clock(), GeneralLimitSettings(requests_per_minute=2, tokens_per_minute=1000))
    first = await limits.admit(asking())
    assert {measure: told.remaining for measure, told in first.rates.items()} == {Measure.REQUESTS: 1, Measure.TOKENS: 989}
    await limits.admit(asking())
    refused = await let_in(limits, asking())
    assert isinstance(refused, UpstreamError)
    error = refused.error
    assert (error.kind, error.origin, error.retry_after, error.measure) == (ErrorKind.RATE_LIMIT, None, "30", Measure.REQUESTS)
    assert error.message == "Rate limit reached for this server: 2 requests per minute. Please try again in 30s."
    assert error.rates[Measure.REQUESTS] == Allowance(2, 0, 60.0)


async def test_a_refusal_names_whose_limit_it_is() -> None:
    limits = limits_of(Clock(), GeneralLimitSettings(concurrency=1), {"ann": LimitSettings()})
    messages = []
    for client in ("ann", None):
        await limits.admit(asking(client))
        refused = await let_in(limits, asking(client))
        assert isinstance(refused, UpstreamError)
        messages.append(refused.error.message)
    assert messages == [
        "Rate limit reached for client ann: 1 requests at once. Please try again in 1s.",
        "Rate limit reached for requests without a client's token: 1 requests at once. Please try again in 1s.",
    ]
    await limits.aclose()


# What a body weighs


@settings(deadline=None)
@given(text=st.text(max_size=3000))
def test_a_body_weighs_about_what_its_text_does(text: str) -> None:
    body = json.dumps({"messages": [{"content": text}]}).encode()
    assert 1 <= estimate_body(body) <= len(body)


@pytest.mark.parametrize("size", [10_000, 3_000_000])
def test_a_picture_does_not_weigh_what_its_base64_does(size: int) -> None:
    with_picture = json.dumps({"messages": [{"content": "look"}, {"data": "iVBORw0KGgo" * (size // 11)}]}).encode()
    assert 1000 < estimate_body(with_picture) < 2000
    prose = json.dumps({"messages": [{"content": "word " * (size // 5)}]}).encode()
    assert estimate_body(prose) > size // 5
