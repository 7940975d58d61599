"""How much to think, from another format's words into the target's."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ccproxy_cli.core.efforts import effort_of_budget, nearest_effort
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.anthropic.wire import NAME
from ccproxy_cli.core.parts import Reasoning, ToolCall
from ccproxy_cli.core.profile import Profile, ReasoningStyle
from ccproxy_cli.core.request import ChoiceMode, Message, Request, Role, Sampling, Thinking, ThinkingMode, ToolChoice

DEFAULT_MAX_TOKENS = 8192
"""For a target whose limit is not known. Every Claude model since 3.5 takes it."""
MIN_BUDGET = 1024
"""The vendor's least."""

SHOWN, HIDDEN = "summarized", "omitted"

_BUDGETS: Mapping[str, int] = MappingProxyType({"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 24576, "max": 32000})


def adapt_thinking(
    request: Request, messages: Sequence[Message], choice: ToolChoice | None, profile: Profile, losses: Losses
) -> tuple[int, Thinking | None]:
    """The token limit, and the thinking as the target takes it.

    Args:
        messages, choice: those of `request` as they will be sent.
    """
    limit = request.max_tokens if request.max_tokens is not None else profile.max_output or DEFAULT_MAX_TOKENS
    if profile.max_output is not None and limit > profile.max_output:
        losses.add("max_tokens", f"the model's limit is {profile.max_output}")
        limit = profile.max_output
    thinking = request.thinking
    if thinking is None:
        return limit, None
    losses.add_foreign(thinking.extras, NAME, "thinking")
    off = thinking.mode is ThinkingMode.DISABLED or thinking.effort == "none"
    match profile.reasoning:
        case ReasoningStyle.NONE:
            if not off:
                losses.add("thinking", "the model does not think on request")
            return limit, None
        case ReasoningStyle.EFFORT:
            effort = _fit_effort(thinking, profile, losses)
            return limit, Thinking(effort=effort) if effort else None
        case ReasoningStyle.ADAPTIVE:
            if off:
                return limit, Thinking(ThinkingMode.DISABLED)
            return limit, Thinking(ThinkingMode.ADAPTIVE, effort=_fit_effort(thinking, profile, losses), display=_display(thinking))
        case ReasoningStyle.BUDGET:
            why = None if off else _forbidden(messages, choice)
            if why is not None:
                losses.add("thinking", why)
            return (limit, None) if off or why else _with_budget(limit, request.max_tokens, thinking, profile, losses)


def _display(thinking: Thinking) -> str | None:
    """Whether thoughts are to be shown, in this vendor's words. Some of its models show none unless they are asked (recorded 2026-09)."""
    if thinking.display is None:
        return None
    return HIDDEN if thinking.display == HIDDEN else SHOWN


def _fit_effort(thinking: Thinking, profile: Profile, losses: Losses) -> str | None:
    """The target's effort word nearest to what was asked; None leaves it to the model."""
    effort = thinking.effort
    if effort is None:
        effort = None if thinking.budget is None else effort_of_budget(thinking.budget)
    if effort is None or effort in profile.efforts:
        return effort
    nearest = nearest_effort("minimal" if effort == "none" else effort, profile.efforts, up=True)
    if nearest is None:
        losses.add("thinking.effort", f"the model has no effort {effort[:40]!r}")
        return None
    if effort != "minimal":  # the vendors' words for least
        losses.add("thinking.effort", f"the model has no effort {effort!r}, so it is asked for {nearest!r}")
    return nearest


def _with_budget(limit: int, asked: int | None, thinking: Thinking, profile: Profile, losses: Losses) -> tuple[int, Thinking | None]:
    """`asked` is the limit the client set itself: only one of ours may grow."""
    budget = max(MIN_BUDGET, thinking.budget or _BUDGETS.get(thinking.effort or "medium", _BUDGETS["medium"]))
    if budget >= limit and asked is None:
        limit = min(budget + DEFAULT_MAX_TOKENS, profile.max_output or budget + DEFAULT_MAX_TOKENS)
    if budget >= limit:
        # Leave as much for the answer as the least budget where there is room, else one token: the vendor wants the budget below the limit.
        fitted = limit - MIN_BUDGET if limit >= 2 * MIN_BUDGET else limit - 1
        if fitted < MIN_BUDGET:
            losses.add("thinking", f"thinking needs more than {MIN_BUDGET} tokens and the limit is {limit}")
            return limit, None
        if thinking.budget is not None:
            losses.add("thinking.budget", f"it must be below the token limit, so it is {fitted}")
        budget = fitted
    return limit, Thinking(ThinkingMode.BUDGET, budget)


def _forbidden(messages: Sequence[Message], choice: ToolChoice | None) -> str | None:
    """Why thinking within a budget cannot be asked for now, if it cannot."""
    if choice is not None and choice.mode is ChoiceMode.REQUIRED:
        return "thinking may not be on when the choice of tool is forced"
    last = next((message for message in reversed(messages) if message.role is Role.ASSISTANT), None)
    if last is not None and _unsigned_calls(last):
        return "the last tool calls come without signed thinking, which the model wants back before it thinks on"
    return None


def _unsigned_calls(message: Message) -> bool:
    calls = any(isinstance(part, ToolCall) for part in message.parts)
    return calls and not any(isinstance(part, Reasoning) for part in message.parts)


def adapt_sampling(sampling: Sampling, thinking: Thinking | None, profile: Profile, losses: Losses) -> Sampling:
    """The sampling the target takes next to `thinking`; values that mean the default go without a word."""
    for name, value in (("frequency_penalty", sampling.frequency_penalty), ("presence_penalty", sampling.presence_penalty)):
        if value:
            losses.add(name, f"{NAME} has no {name}")
    if sampling.seed is not None:
        losses.add("seed", f"{NAME} has no seed")
    thinks = thinking is not None and thinking.mode in (ThinkingMode.BUDGET, ThinkingMode.ADAPTIVE)
    if not profile.sampling or thinks:
        why = "a thinking model takes no sampling" if thinks else "the model takes no sampling"
        for name, value in (("temperature", sampling.temperature), ("top_p", sampling.top_p)):
            if value not in (None, 1):
                losses.add(name, why)
        if sampling.top_k is not None:
            losses.add("top_k", why)
        return Sampling()
    temperature = sampling.temperature
    if temperature is not None and temperature > 1:
        losses.add("temperature", f"{NAME} takes at most 1")
        temperature = 1
    return Sampling(temperature=temperature, top_p=sampling.top_p, top_k=sampling.top_k)
