"""The words for how much to think. Vendors share them, though none takes them all, and some count tokens instead."""

from collections.abc import Set as AbstractSet

from ccproxy_cli.core.request import Thinking, ThinkingMode

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""From least to most."""

_BUDGETS = ((2_000, "low"), (8_000, "medium"), (20_000, "high"))
"""Thinking tokens below which a budget is called by the word; Google's own bridge puts its words at 1K, 8K and 24K."""
_ADAPTIVE = "high"
"""What Anthropic's adaptive thinking does when it is given no effort."""


def effort_of_budget(budget: int) -> str:
    """The word for a number of thinking tokens."""
    return next((word for limit, word in _BUDGETS if budget < limit), "xhigh")


def wanted_effort(thinking: Thinking) -> str | None:
    """The word for what was asked for, in whatever words; None if that is the model's own choice."""
    if thinking.mode is ThinkingMode.DISABLED:
        return "none"
    if thinking.effort is not None:
        return thinking.effort
    if thinking.budget is not None:
        return effort_of_budget(thinking.budget)
    return _ADAPTIVE if thinking.mode is ThinkingMode.ADAPTIVE else None


def nearest_effort(wanted: str, allowed: AbstractSet[str], *, up: bool = False) -> str | None:
    """The allowed word next to the wanted one. Off is never a stand-in, and has none; nor has a word that is not known.

    Args:
        up: of two as near, take the greater.
    """
    if wanted in allowed:
        return wanted
    ranked = [effort for effort in EFFORTS if effort in allowed and effort != "none"]
    if wanted == "none" or wanted not in EFFORTS or not ranked:
        return None
    rank = EFFORTS.index(wanted)
    return min(reversed(ranked) if up else ranked, key=lambda effort: abs(EFFORTS.index(effort) - rank))
