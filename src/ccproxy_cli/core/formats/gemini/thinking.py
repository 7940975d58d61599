"""How much to think, from another format's words into the target's: a level on Gemini 3, a number of tokens on 2.5, never both."""

from collections.abc import Mapping
from types import MappingProxyType

from attrs import evolve

from ccproxy_cli.core.efforts import EFFORTS, nearest_effort, wanted_effort
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.gemini.generation import HIDDEN, SHOWN
from ccproxy_cli.core.formats.gemini.wire import NAME
from ccproxy_cli.core.profile import Profile, ReasoningStyle
from ccproxy_cli.core.request import Request, Thinking, ThinkingMode

_BUDGETS: Mapping[str, int] = MappingProxyType(
    {"minimal": 1_024, "low": 1_024, "medium": 8_192, "high": 24_576, "xhigh": 32_768, "max": 32_768}
)
"""low, medium and high as Google's own bridge from OpenAI's words has them."""
_DEFAULT = "high"
"""What is asked for where another format only says that the model is to think."""


def adapt_thinking(request: Request, profile: Profile, losses: Losses) -> Request:
    """`request` with its thinking as the target takes it."""
    thinking = request.thinking
    if thinking is None:
        return request
    losses.add_foreign(thinking.extras, NAME, "thinking")
    off = thinking.mode is ThinkingMode.DISABLED or thinking.effort == "none"
    match profile.reasoning:
        case ReasoningStyle.NONE:
            if not off:
                losses.add("thinking", "the model does not think on request")
            return evolve(request, thinking=None)
        case ReasoningStyle.BUDGET:
            return evolve(request, thinking=_by_budget(thinking, off, profile, losses))
        case ReasoningStyle.EFFORT | ReasoningStyle.ADAPTIVE:
            return evolve(request, thinking=_by_level(thinking, off, profile, losses))


def _display(thinking: Thinking) -> str:
    """Thoughts are shown unless the client would rather not see them: clients of other formats have no other switch."""
    return HIDDEN if thinking.display == HIDDEN else SHOWN


def _by_budget(thinking: Thinking, off: bool, profile: Profile, losses: Losses) -> Thinking:
    least, most = profile.thinking_range or (0, None)
    if off:
        if profile.thinking_off:
            return Thinking(ThinkingMode.DISABLED)
        losses.add("thinking", f"the model thinks at least {least} tokens")
        return Thinking(ThinkingMode.BUDGET, least, display=HIDDEN)
    budget = thinking.budget if thinking.budget is not None else _BUDGETS.get(thinking.effort or "")
    if budget is None:
        return Thinking(ThinkingMode.ADAPTIVE, display=_display(thinking))
    fitted = max(least, budget if most is None else min(most, budget))
    if thinking.budget is not None and fitted != budget:
        losses.add("thinking.budget", f"the model takes {fitted} tokens")
    return Thinking(ThinkingMode.BUDGET, fitted, display=_display(thinking))


def _by_level(thinking: Thinking, off: bool, profile: Profile, losses: Losses) -> Thinking | None:
    wanted = "minimal" if off else wanted_effort(thinking)
    if wanted is None:
        wanted = _DEFAULT
    if wanted not in EFFORTS:
        losses.add("thinking.effort", f"the model has no level {wanted[:40]!r}")
        return None
    level = nearest_effort(wanted, profile.efforts)
    if level is None:
        losses.add("thinking.effort", "the model has no levels")
        return None
    if off:
        losses.add("thinking", f"the model cannot be kept from thinking, so it is asked for {level!r}")
        return Thinking(effort=level, display=HIDDEN)
    if level != wanted:
        losses.add("thinking.effort", f"the model has no level {wanted!r}, so it is asked for {level!r}")
    return Thinking(effort=level, display=_display(thinking))
