"""How much may still be asked for, in words that no vendor owns."""

import enum
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

from attrs import frozen


class Measure(enum.StrEnum):
    """What a limit counts."""

    REQUESTS = "requests"
    """In a minute."""
    TOKENS = "tokens"
    """In a minute, input and output together."""
    INPUT_TOKENS = "input_tokens"
    OUTPUT_TOKENS = "output_tokens"
    CONCURRENCY = "concurrency"
    """Requests that run at once. No vendor tells how many more may."""


@frozen
class Allowance:
    """What is left of one limit."""

    limit: int
    remaining: int
    reset: float
    """Seconds until all of it may be asked for again."""


Rates: TypeAlias = Mapping[Measure, Allowance]

NO_RATES: Rates = MappingProxyType({})


def allowance(limit: float, left: float, per_second: float) -> Allowance:
    """What a budget that refills steadily leaves, told as vendors tell it.

    Args:
        limit: what it holds at most.
        left: what it holds now; below 0 after a debt.
    """
    whole = int(limit)
    return Allowance(whole, max(0, min(whole, math.floor(left))), max(0.0, (limit - left) / per_second))


def tighter(rates: Rates, more: Rates) -> Rates:
    """Of each limit that both speak of, the one that leaves less."""
    merged = {**rates}
    for measure, told in more.items():
        known = merged.get(measure)
        if known is None or told.remaining < known.remaining:
            merged[measure] = told
    return merged
