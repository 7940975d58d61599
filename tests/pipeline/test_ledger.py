"""What was used adds up by day, client, provider and model, and comes back by days."""

from typing import Any

import pytest

from ccproxy_cli.core.catalog import Price
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.response import Usage
from ccproxy_cli.pipeline.exchange import Exchange
from ccproxy_cli.pipeline.ledger import OTHERS, Ledger, Used, used
from ccproxy_cli.stores.behind import WriteBehind
from ccproxy_cli.stores.memory import MemoryStore
from tests.stores.conftest import Clock

NOON = 1795176000.0
"""2026-11-20 12:00 UTC."""
DAY = 24 * 3600.0


def ended(route: str | None, *, client: str | None = None, usage: Usage | None = None, **members: Any) -> Exchange:
    call = HTTPCall("POST", "/chat/completions", b"{}", {}, "")
    return Exchange("id", FORMATS["openai-chat"], call, client=client, route=route, usage=usage, **{"tries": 1, **members})


def no_prices(provider: str, model: str) -> None:
    """Nothing is known."""


async def test_a_request_costs_what_its_model_does_at_its_provider() -> None:
    store = MemoryStore(Clock())
    later = WriteBehind(store, pause=1000)
    long = Price(20, 200)
    prices = {("up", "m"): Price(10, 100, cache_read=1, above=50_000, long=long)}
    ledger = Ledger(later, lambda provider, model: prices.get((provider, model)), Clock(NOON))
    ledger.note(ended("up/m", usage=Usage(input=1000, cache_read=10_000, output=100)), "ok")
    ledger.note(ended("up/m", usage=Usage(input=100_000, output=1000)), "upstream_error")
    ledger.note(ended("up/m"), "upstream_error")
    ledger.note(ended("up/other", usage=Usage(input=1000, output=100)), "ok")
    await later.flush()
    priced, other = await used(store, 1, NOON)
    assert priced.cost == pytest.approx((10_000 + 10_000 + 10_000 + 2_000_000 + 200_000) / 1_000_000)
    assert (priced.requests, priced.unpriced, other.cost, other.unpriced) == (3, 0, 0, 1)


async def test_what_a_provider_says_itself_comes_before_any_price() -> None:
    store = MemoryStore(Clock())
    later = WriteBehind(store, pause=1000)
    ledger = Ledger(later, lambda provider, model: Price(10, 100), Clock(NOON))
    body = b'{"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],"usage":%s}'
    for cost in (b"0.25", b"0", b'"free"', b"-1", b"true", b"null"):
        usage = b'{"prompt_tokens":1000,"completion_tokens":100,"total_tokens":1100,"cost":%s}' % cost
        ledger.note(ended("up/m", usage=FORMATS["openai-chat"].decode_response(body % usage).usage), "ok")
    await later.flush()
    (row,) = await used(store, 1, NOON)
    assert row.cost == pytest.approx(0.25 + 4 * 0.02)


async def test_amounts_add_up_for_each_client_and_model_of_a_day() -> None:
    store, clock = MemoryStore(Clock()), Clock(NOON)
    later = WriteBehind(store, pause=1000)
    ledger = Ledger(later, no_prices, clock)
    for _ in range(3):
        ledger.note(ended("up/org/m 1", usage=Usage(input=10, cache_read=100, cache_write=5, output=7, reasoning=2)), "ok")
    ledger.note(ended("up/org/m 1", usage=Usage(output=0)), "ok")
    ledger.note(ended("up/org/m 1"), "upstream_error")
    ledger.note(ended("up/org/m 1"), "ok")
    ledger.note(ended("up/org/m 1"), "client_gone")
    ledger.note(ended("up/org/m 1", client="a/b", usage=Usage(input=1, output=1)), "ok")
    clock.now += DAY
    ledger.note(ended("claude/sonnet", usage=Usage(input=1, output=1)), "ok")
    await later.flush()
    first = Used("2026-11-20", None, "up", "org/m 1", 7, 1, 30, 300, 15, 21, 6, 1, 4)
    assert await used(store, 2, NOON + DAY) == [
        first,
        Used("2026-11-20", "a/b", "up", "org/m 1", requests=1, input=1, output=1, unpriced=1),
        Used("2026-11-21", None, "claude", "sonnet", requests=1, input=1, output=1, unpriced=1),
    ]
    assert [row.day for row in await used(store, 1, NOON + DAY)] == ["2026-11-21"]
    assert await used(store, 1, NOON + 3 * DAY) == []


async def test_what_reached_no_provider_has_used_nothing() -> None:
    store = MemoryStore(Clock())
    later = WriteBehind(store, pause=1000)
    ledger = Ledger(later, no_prices, Clock(NOON))
    ledger.note(ended(None), "upstream_error")
    ledger.note(ended("up/m", tries=0), "upstream_error")
    await later.flush()
    assert await used(store, 1, NOON) == []


async def test_names_without_number_or_end_are_counted_together() -> None:
    store = MemoryStore(Clock())
    later = WriteBehind(store, pause=1000)
    ledger = Ledger(later, no_prices, Clock(NOON))
    for number in range(3000):
        ledger.note(ended(f"up/{number}"), "ok")
    ledger.note(ended("up/" + "x" * 10_000), "ok")
    ledger.note(ended("up/0"), "ok")
    await later.flush()
    rows = await used(store, 1, NOON)
    assert len(rows) == 1001
    assert {row.model: row.requests for row in rows}[OTHERS] == 2001
    assert {row.model: row.requests for row in rows}["0"] == 2


async def test_a_name_may_hold_anything() -> None:
    store = MemoryStore(Clock())
    later = WriteBehind(store, pause=1000)
    ledger = Ledger(later, no_prices, Clock(NOON))
    for name in ("ä%2f/../x", "\ud800", "x" * 200):
        ledger.note(ended(f"up/{name}", client="c\n/"), "ok")
    await later.flush()
    rows = await used(store, 1, NOON)
    assert [(row.client, row.model) for row in rows] == [("c\n/", "?"), ("c\n/", "x" * 128), ("c\n/", "ä%2f/../x")]
