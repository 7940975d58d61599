"""`models`: what can be asked for right now."""

import asyncio
from collections.abc import Mapping
from typing import Any

from ccproxy_cli.cli.gather import gather, only_provider
from ccproxy_cli.cli.result import Cell, Failure, Result, Table
from ccproxy_cli.config.settings import Settings
from ccproxy_cli.core.catalog import ModelInfo, Price
from ccproxy_cli.core.errors import BadUpstream, UpstreamError

Listing = Mapping[str, tuple[ModelInfo, ...] | str]
"""By provider: its models, or why it lists none."""
Accounts = Mapping[str, str]
"""By provider, where something is known of it: the subscription and what is left of it."""


def run(provider: str | None, config: str | None) -> Result:
    """Ask every provider for its models."""
    loaded = gather(config)
    settings = only_provider(loaded.settings, provider)
    listing, accounts = asyncio.run(_list(settings))
    rows: list[tuple[str | Cell, ...]] = []
    data = []
    for name, models in listing.items():
        for model in models if isinstance(models, tuple) else ():
            sizes = (_tokens(model.context_window), _tokens(model.max_output))
            whole = model.id if model.id.startswith(f"{name}/") else f"{name}/{model.id}"
            rows.append((whole, model.display_name or "", *sizes, _dollars(model.price), ", ".join(model.capabilities)))
            data.append(
                {
                    "id": whole,
                    "provider": name,
                    "name": model.display_name,
                    "context_window": model.context_window,
                    "max_output": model.max_output,
                    "capabilities": list(model.capabilities),
                    "price": None if model.price is None else _price(model.price),
                }
            )
    rules = () if provider else settings.models
    rows.extend((Cell(rule.pattern, "dim"), Cell(f"goes to {rule.targets[0]}", "dim"), "", "", "", "") for rule in rules)
    errors = tuple(Failure("unavailable", f"{name}: {why}") for name, why in listing.items() if isinstance(why, str))
    table = (Table(("MODEL", "NAME", "CONTEXT", "OUTPUT", "$/M IN, OUT", "CAN"), tuple(rows)),) if rows else ()
    notes = tuple(Cell(f"{name}: {account}", "dim") for name, account in accounts.items())
    told = {"models": data, "rules": {rule.pattern: list(rule.targets) for rule in rules}, "accounts": dict(accounts)}
    return Result("models", told, (*table, *notes), errors=errors)


async def _list(settings: Settings) -> tuple[Listing, Accounts]:
    from ccproxy_cli.backends.base import AccountBackend
    from ccproxy_cli.wiring import build_pipeline

    pipeline = build_pipeline(settings)

    async def one(name: str) -> tuple[ModelInfo, ...] | str:
        try:
            return await pipeline.backends[name].models()
        except (UpstreamError, BadUpstream) as error:
            return error.error.message

    try:
        found = await asyncio.gather(*(one(name) for name in settings.providers))
        known = {name: backend for name in settings.providers if isinstance(backend := pipeline.backends[name], AccountBackend)}
        accounts = {name: account for name, backend in known.items() if (account := await backend.account())}
    finally:
        await pipeline.aclose()
    return dict(zip(settings.providers, found, strict=True)), accounts


def _tokens(count: int | None) -> str:
    if count is None:
        return ""
    if count >= 1_000_000:
        return f"{count / 1_000_000:g}M"
    return f"{count / 1000:g}k" if count >= 1000 else str(count)


def _dollars(price: Price | None) -> str:
    return "" if price is None else f"{price.input:g}, {price.output:g}"


def _price(price: Price) -> dict[str, Any]:
    """US dollars for a million tokens, and for prompts beyond a number of tokens."""
    told: dict[str, Any] = {
        "input": price.input,
        "output": price.output,
        "cache_read": price.cache_read,
        "cache_write": price.cache_write,
    }
    return told if price.long is None else {**told, "above": price.above, "long": _price(price.long)}
