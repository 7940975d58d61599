"""What was used, counted by day, client, provider and model as requests end. Never what was said, and no keys."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeAlias
from urllib.parse import quote, unquote

from attrs import frozen

from ccproxy_cli.core.catalog import Price, told_cost
from ccproxy_cli.core.response import Usage
from ccproxy_cli.pipeline.exchange import Exchange
from ccproxy_cli.stores.base import Store
from ccproxy_cli.stores.behind import WriteBehind

_ROOT = "usage"
_SECONDS_KEPT = 400 * 24 * 3600.0
_DAY = 24 * 3600
_MOST_MODELS = 1000
"""Models that are told apart within a day: clients may ask for any name."""
_NO_FAILURE = ("ok", "client_gone")
OTHERS = "(others)"
"""What further models are counted as."""
_LONGEST_NAME = 128


@frozen
class Used:
    """What one client used of one model on one day."""

    day: str
    """As in 2026-11-20, by UTC: instances need not stand in one time zone."""
    client: str | None
    """Name of the client; None for those without a token of their own."""
    provider: str
    model: str
    """As its provider knows it."""
    requests: int = 0
    """Those that reached the provider."""
    errors: int = 0
    input: int = 0
    """Prompt tokens neither read from nor written to a cache."""
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    """Generated tokens, reasoning included."""
    reasoning: int = 0
    untold: int = 0
    """Complete answers whose tokens their provider did not tell."""
    unpriced: int = 0
    """Answers whose tokens are told but have no price that is known, or none by the token."""
    cost: float = 0.0
    """US dollars for the others, as their provider told or by the prices of their day."""


_COUNTS = ("requests", "errors", "input", "cache_read", "cache_write", "output", "reasoning", "untold", "unpriced")

Prices: TypeAlias = Callable[[str, str], Price | None]
"""What a model costs, by its provider's name and its own."""


class Ledger:
    """Takes down what requests have used."""

    def __init__(self, later: WriteBehind, prices: Prices, clock: Callable[[], float] = time.time) -> None:
        """`clock` gives Unix seconds."""
        self._later = later
        self._prices = prices
        self._clock = clock
        self._day = -1
        self._rows: dict[tuple[str | None, str], tuple[str, Price | None]] = {}
        """Keys and prices of this day, by client and route."""

    def note(self, exchange: Exchange, outcome: str) -> None:
        """Count a request that is over, if it reached a provider.

        Args:
            outcome: in the words of `Exchange.outcome`.
        """
        if exchange.route is None or not exchange.tries:
            return
        key, price = self._row(exchange.client, exchange.route)
        amounts = {"requests": 1.0}
        if outcome not in _NO_FAILURE:
            amounts["errors"] = 1.0
        if exchange.usage is not None and exchange.usage.output is not None:
            amounts |= _tokens(exchange.usage)
            cost = told_cost(exchange.usage)
            if cost is None and price is not None:
                cost = price.cost(exchange.usage)
            amounts |= {"unpriced": 1.0} if cost is None else {"cost": cost}
        elif outcome == "ok":
            amounts["untold"] = 1.0
        self._later.add(key, amounts, _SECONDS_KEPT)

    def _row(self, client: str | None, route: str) -> tuple[str, Price | None]:
        day = int(self._clock()) // _DAY
        if day != self._day:
            self._day, self._rows = day, {}
        row = self._rows.get((client, route))
        if row is None:
            provider, _, model = route.partition("/")
            name = OTHERS if len(self._rows) >= _MOST_MODELS else model[:_LONGEST_NAME]
            key = "/".join((_ROOT, _name_of(day * _DAY), *map(_quoted, (client or "", provider, name))))
            row = key, self._prices(provider, model)
            if len(self._rows) < 2 * _MOST_MODELS:
                self._rows[client, route] = row
        return row


def _tokens(usage: Usage) -> dict[str, float]:
    told = {
        "input": usage.input,
        "cache_read": usage.cache_read,
        "cache_write": usage.cache_write,
        "output": usage.output,
        "reasoning": usage.reasoning,
    }
    return {name: float(count) for name, count in told.items() if count}


async def used(store: Store, days: int, now: float) -> Sequence[Used]:
    """What was used on this day and those before it, the oldest first.

    Args:
        days: how many, this one included.
        now: Unix seconds.

    Raises:
        StoreError: the store cannot be read.
    """
    first = (datetime.fromtimestamp(now, UTC) - timedelta(days=days - 1)).date().isoformat()
    found = await store.counters(f"{_ROOT}/")
    return sorted(
        (
            Used(
                day,
                unquote(client) or None,
                unquote(provider),
                unquote(model),
                **{name: int(amounts.get(name, 0)) for name in _COUNTS},
                cost=amounts.get("cost", 0.0),
            )
            for key, amounts in found.items()
            for _, day, client, provider, model in [key.split("/")]
            if day >= first
        ),
        key=lambda row: (row.day, row.client or "", row.provider, row.model),
    )


def _name_of(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def _quoted(name: str) -> str:
    return quote(name, safe=" ", errors="replace")
