"""`usage`: what was used, by model, client or day."""

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

from attrs import asdict

from ccproxy_cli.backends.claude_code.limits import limits_in_words
from ccproxy_cli.cli.gather import gather
from ccproxy_cli.cli.result import Cell, Failure, Result, Table, View
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.pipeline.ledger import Used, used
from ccproxy_cli.pipeline.standing import standing
from ccproxy_cli.stores.base import StoreError
from ccproxy_cli.stores.opening import file_of, is_file, named_store

By: TypeAlias = Literal["model", "client", "day"]

_HEADINGS: Mapping[By, str] = {"model": "MODEL", "client": "CLIENT", "day": "DAY"}
_NAMES: Mapping[By, Callable[[Used], str]] = {
    "model": lambda row: f"{row.provider}/{row.model}",
    "client": lambda row: row.client or "(no token of its own)",
    "day": lambda row: row.day,
}
_SUMMED = ("requests", "errors", "input", "cache_read", "cache_write", "output", "reasoning", "untold", "unpriced", "cost")


def run(days: int, by: By, config: str | None) -> Result:
    """Read what servers have counted in the store that the settings name."""
    settings = gather(config, look_for_servers=False).settings
    url = settings.store.url
    if url == "memory":
        return Result("usage", errors=(Failure("not_kept", "store.url is memory, so usage ends with each server", "Set it to sqlite."),))
    if is_file(url) and not file_of(url, os.environ).exists():
        return Result("usage", _data([], by), ("nothing has been used yet",))
    try:
        rows, told = asyncio.run(_read(url, days, settings.providers))
    except StoreError as error:
        return Result("usage", errors=(Failure("store", str(error)),))
    view: tuple[View, ...] = (_table(rows, by),) if rows else (f"nothing was used in {_span(days)}",)
    accounts = {name: words for name, limits in told.items() if (words := limits_in_words(limits, time.time()))}
    notes = tuple(Cell(f"{name}: {words}", "dim") for name, words in accounts.items())
    return Result("usage", {**_data(rows, by), "accounts": accounts}, (*view, *notes), tuple(_gaps(_sums(rows))))


def _gaps(total: Mapping[str, float]) -> Iterator[str]:
    """What the sums leave out."""
    if untold := total["untold"]:
        yield f"the tokens of {untold:,} answers are not among them: their providers did not tell"
    if (unpriced := total["unpriced"]) and total["cost"]:
        yield f"the cost of {unpriced:,} answers is not among them: they have no known price by the token"


async def _read(url: str, days: int, providers: Iterable[str]) -> tuple[Sequence[Used], Mapping[str, Mapping[str, JSON]]]:
    """What was used, and what providers told last of their accounts."""
    store = named_store(url, os.environ)
    try:
        return await used(store, days, time.time()), {name: await standing(store, name) for name in providers}
    finally:
        await store.aclose()


def _data(rows: Sequence[Used], by: By) -> Mapping[str, object]:
    return {
        "by": by,
        "groups": [{by: name, **_sums(group)} for name, group in _grouped(rows, by).items()],
        "total": _sums(rows),
        "rows": [asdict(row) for row in rows],
    }


def _grouped(rows: Iterable[Used], by: By) -> Mapping[str, Sequence[Used]]:
    groups: dict[str, list[Used]] = {}
    for row in rows:
        groups.setdefault(_NAMES[by](row), []).append(row)
    return dict(sorted(groups.items()))


def _sums(rows: Iterable[Used]) -> dict[str, float]:
    rows = list(rows)
    return {name: sum(getattr(row, name) for row in rows) for name in _SUMMED}


def _table(rows: Sequence[Used], by: By) -> Table:
    groups = _grouped(rows, by)
    lines: list[tuple[str | Cell, ...]] = [(name, *_columns(_sums(group), "plain")) for name, group in groups.items()]
    if len(groups) > 1:
        lines.append((Cell("all", "strong"), *_columns(_sums(rows), "strong")))
    return Table((_HEADINGS[by], "REQUESTS", "FAILED", "INPUT", "FROM CACHE", "TO CACHE", "OUTPUT", "COST"), tuple(lines))


def _columns(sums: Mapping[str, float], tone: Literal["plain", "strong"]) -> tuple[Cell, ...]:
    failed = Cell(f"{sums['errors']:,}", "warning" if sums["errors"] else tone)
    tokens = (sums["input"], sums["cache_read"], sums["cache_write"], sums["output"])
    cost = Cell(_dollars(sums["cost"]) if sums["cost"] else "", tone)
    return (Cell(f"{sums['requests']:,}", tone), failed, *(Cell(f"{count:,}", tone) for count in tokens), cost)


def _dollars(cost: float) -> str:
    return f"${cost:,.2f}" if cost >= 0.01 else f"${cost:.4f}"


def _span(days: int) -> str:
    return "the day so far" if days == 1 else f"the last {days} days"
