"""What is known of well-known models: how much they read and write, and what a million tokens cost, as rows with source and date.

A vendor's own list comes first wherever it says something. Prices are those of the vendor's standard tier, in US dollars.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from attrs import evolve, frozen

from ccproxy_cli.core.catalog import ModelInfo, Price

_K, _M = 1_000, 1_000_000


@frozen
class Known:
    """Some models of one vendor that are alike in all of this."""

    presets: tuple[str, ...]
    names: tuple[str, ...]
    """Without dates and other suffixes; see `plain_name`."""
    source: str
    price: Price | None = None
    context_window: int | None = None
    """Tokens."""
    max_output: int | None = None
    """Tokens."""


_CLAUDE = "Claude API docs, pricing and model pages, 2026-11"
_GPT = "OpenAI API docs, pricing and model pages, 2026-11"
_GOOGLE = "Gemini API docs, pricing page, 2026-11"
_GROK = "xAI docs, model pages, 2026-11"
_SEEK = "DeepSeek API docs, models and pricing, 2026-11"


def _claude(*names: str, price: Price, context: int | None = None, output: int | None = None) -> Known:
    return Known(("anthropic",), names, _CLAUDE, price, context, output)


def _gpt(*names: str, price: Price, context: int | None = None, output: int | None = None) -> Known:
    return Known(("openai", "openai-responses"), names, _GPT, price, context, output)


def _gemini(*names: str, price: Price) -> Known:
    return Known(("gemini", "vertex"), names, _GOOGLE, price, 1_048_576, 65_536)


ROWS: tuple[Known, ...] = (
    # Cache writes at the price of five minutes
    _claude("claude-fable-5-1", price=Price(10, 50, 0.25, 12.5), context=_M, output=128 * _K),
    _claude("claude-fable-5", price=Price(10, 50, 1, 12.5), context=_M, output=128 * _K),
    _claude("claude-opus-5-5", price=Price(4, 20, 0.2, 5), context=_M, output=128 * _K),
    _claude("claude-opus-5", price=Price(5, 25, 0.5, 6.25), context=_M, output=128 * _K),
    _claude("claude-opus-4-6", "claude-opus-4-7", "claude-opus-4-8", price=Price(5, 25, 0.5, 6.25), output=128 * _K),
    _claude("claude-opus-4-5", price=Price(5, 25, 0.5, 6.25), context=200 * _K, output=64 * _K),
    _claude("claude-opus-4-1", "claude-opus-4-0", "claude-opus-4", price=Price(15, 75, 1.5, 18.75), context=200 * _K, output=32 * _K),
    _claude("claude-sonnet-5-5", price=Price(2, 10, 0.1, 2.5), context=_M, output=128 * _K),
    _claude("claude-sonnet-5", price=Price(2, 10, 0.2, 2.5), context=_M, output=128 * _K),
    _claude("claude-sonnet-4-6", price=Price(3, 15, 0.3, 3.75)),
    _claude(
        "claude-sonnet-4-5",
        "claude-sonnet-4-0",
        "claude-sonnet-4",
        "claude-3-7-sonnet",
        price=Price(3, 15, 0.3, 3.75),
        context=200 * _K,
        output=64 * _K,
    ),
    _claude(
        "claude-haiku-5-5",
        price=Price(0.1, 0.5, 0.01, 0.125, above=100 * _K, long=Price(0.5, 2.5, 0.05, 0.625)),
        context=_M,
        output=128 * _K,
    ),
    _claude("claude-haiku-4-5", price=Price(1, 5, 0.1, 1.25), context=200 * _K, output=64 * _K),
    _claude("claude-3-5-haiku", price=Price(0.8, 4, 0.08, 1), context=200 * _K, output=8_192),
    _claude("claude-3-haiku", price=Price(0.25, 1.25, 0.03, 0.3), context=200 * _K, output=4_096),
    _gpt("gpt-4o", price=Price(2.5, 10, 1.25), context=128 * _K, output=16_384),
    _gpt("gpt-4o-mini", price=Price(0.15, 0.6, 0.075), context=128 * _K, output=16_384),
    _gpt("gpt-4.1", price=Price(2, 8, 0.5), context=1_047_576, output=32_768),
    _gpt("gpt-4.1-mini", price=Price(0.4, 1.6, 0.1), context=1_047_576, output=32_768),
    _gpt("gpt-4.1-nano", price=Price(0.1, 0.4, 0.025), context=1_047_576, output=32_768),
    _gpt("o1", price=Price(15, 60, 7.5), context=200 * _K, output=100 * _K),
    _gpt("o3", price=Price(2, 8, 0.5), context=200 * _K, output=100 * _K),
    _gpt("o3-mini", price=Price(1.1, 4.4, 0.55), context=200 * _K, output=100 * _K),
    _gpt("o4-mini", price=Price(1.1, 4.4, 0.275), context=200 * _K, output=100 * _K),
    _gpt("gpt-5", "gpt-5.1", "gpt-5-codex", "gpt-5.1-codex", price=Price(1.25, 10, 0.125), context=400 * _K, output=128 * _K),
    _gpt("gpt-5-mini", price=Price(0.25, 2, 0.025), context=400 * _K, output=128 * _K),
    _gpt("gpt-5-nano", price=Price(0.05, 0.4, 0.005), context=400 * _K, output=128 * _K),
    _gpt("gpt-5-pro", price=Price(15, 120), context=400 * _K, output=272 * _K),
    _gpt("gpt-5.2", "gpt-5.2-codex", "gpt-5.3-codex", price=Price(1.75, 14, 0.175), context=400 * _K, output=128 * _K),
    _gpt(
        "gpt-5.4",
        price=Price(2.5, 15, 0.25, above=272 * _K, long=Price(5, 22.5, 0.5)),
        context=1_050_000,
        output=128 * _K,
    ),
    _gpt("gpt-5.4-mini", price=Price(0.75, 4.5, 0.075)),
    _gpt("gpt-5.4-nano", price=Price(0.2, 1.25, 0.02)),
    _gpt("gpt-5.4-pro", "gpt-5.5-pro", price=Price(30, 180), context=1_050_000, output=128 * _K),
    _gpt("gpt-5.5", price=Price(5, 30, 0.5)),
    _gemini("gemini-3.8-flash", price=Price(0.75, 3.75)),  # until the end of 2026
    _gemini("gemini-3.5-flash", price=Price(1.5, 9)),
    _gemini("gemini-3.1-pro", "gemini-3-pro", price=Price(2, 12, 0.2, above=200 * _K, long=Price(4, 18, 0.4))),
    _gemini("gemini-3.1-flash-lite", price=Price(0.25, 1.5)),
    _gemini("gemini-3-flash", price=Price(0.5, 3)),
    _gemini("gemini-2.5-pro", price=Price(1.25, 10, 0.125, above=200 * _K, long=Price(2.5, 15, 0.25))),
    _gemini("gemini-2.5-flash", price=Price(0.3, 2.5, 0.03)),
    _gemini("gemini-2.5-flash-lite", price=Price(0.1, 0.4, 0.01)),
    Known(("xai",), ("grok-4.5",), _GROK, Price(2, 6, 0.5), 500 * _K),
    Known(
        ("xai",),
        ("grok-4.3", "grok-4.20", "grok-4.20-reasoning", "grok-4.20-non-reasoning"),
        _GROK,
        Price(1.25, 2.5, 0.2, above=200 * _K, long=Price(2.5, 5, 0.4)),
        _M,
    ),
    Known(("deepseek",), ("deepseek-v4-flash",), _SEEK, Price(0.14, 0.28, 0.0028), _M, 384 * _K),
    Known(("deepseek",), ("deepseek-v4-pro",), _SEEK, Price(0.435, 0.87, 0.003625), _M, 384 * _K),
)

_BY_NAME: Mapping[tuple[str, str], Known] = MappingProxyType(
    {(preset, name): known for known in ROWS for preset in known.presets for name in known.names}
)
_SUFFIX = re.compile(r"-(?:preview.*|latest|20\d{6}|20\d\d-\d\d-\d\d|0\d{2,3})$")


def plain_name(model: str) -> str:
    """A model's name without the date, and whatever else only says which day's model it is."""
    return _SUFFIX.sub("", model.rpartition("/")[2].lower())


def known_of(preset: str, model: str) -> Known | None:
    """What is known of a model behind its own vendor's preset."""
    return _BY_NAME.get((preset, plain_name(model)))


def price_of(preset: str, model: str) -> Price | None:
    """What a model costs at its own vendor; None where that is not known, or it costs nothing by the token."""
    known = known_of(preset, model)
    return None if known is None else known.price


def described(model: ModelInfo, preset: str) -> ModelInfo:
    """A listed model with what its vendor's list leaves out."""
    known = known_of(preset, model.id)
    if known is None:
        return model
    return evolve(
        model,
        context_window=model.context_window or known.context_window,
        max_output=model.max_output or known.max_output,
        price=model.price or known.price,
    )
