"""Model lists and token counts."""

import math
from collections.abc import Mapping

from attrs import frozen

from ccproxy_cli.core.extras import NO_EXTRAS, Extras
from ccproxy_cli.core.response import Usage


@frozen
class Price:
    """US dollars for a million tokens."""

    input: float
    output: float
    cache_read: float | None = None
    """Of the prompt, tokens that were read from a cache; None if that is not known, and they count as any others."""
    cache_write: float | None = None
    """Of the prompt, tokens that were written to one."""
    above: int | None = None
    """Tokens of a prompt beyond which `long` is the price of all of it and of its answer."""
    long: "Price | None" = None

    def cost(self, usage: Usage) -> float:
        """US dollars for what one request took."""
        if self.long is not None and self.above is not None and usage.total_input > self.above:
            return self.long.cost(usage)
        read = self.input if self.cache_read is None else self.cache_read
        write = self.input if self.cache_write is None else self.cache_write
        return (
            (usage.input or 0) * self.input
            + (usage.cache_read or 0) * read
            + (usage.cache_write or 0) * write
            + (usage.output or 0) * self.output
        ) / 1_000_000


def told_cost(usage: Usage) -> float | None:
    """US dollars that the provider itself says an answer took; None where it does not. OpenRouter does (its usage page, 2026-11)."""
    for members in usage.extras.values():
        cost = members.get("cost")
        if isinstance(cost, int | float) and not isinstance(cost, bool) and 0 <= cost < math.inf:
            return float(cost)
    return None


CAPABILITIES = ("thinking", "tools", "images", "documents", "schema")
"""Words for what a model can do; `schema` is an answer in a given shape."""


def capabilities(said: Mapping[str, bool]) -> tuple[str, ...]:
    """Those that a vendor's list affirms, by our words."""
    return tuple(word for word in CAPABILITIES if said.get(word))


@frozen
class ModelInfo:
    """One model that can be asked for."""

    id: str
    display_name: str | None = None
    created: int | None = None
    """Unix seconds."""
    owner: str | None = None
    context_window: int | None = None
    """Input tokens."""
    max_output: int | None = None
    """Output tokens."""
    price: Price | None = None
    capabilities: tuple[str, ...] = ()
    """Those of CAPABILITIES that its provider says it has. What is not said may be there all the same."""
    extras: Extras = NO_EXTRAS


@frozen
class TokenCount:
    input_tokens: int
    estimated: bool = False
    """Counted here by rule of thumb, not by the vendor."""
    extras: Extras = NO_EXTRAS
