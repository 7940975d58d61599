"""Bends a request of another format to what this format can say and the target model can take.

The result is a request as if a client of this format had written it, so that there is one writer. Whatever does not come along
is recorded as a loss.
"""

import hashlib
from collections.abc import Mapping

from attrs import evolve

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.openai_chat import spelling
from ccproxy_cli.core.formats.openai_chat.tools import NO_ARGUMENTS
from ccproxy_cli.core.formats.openai_chat.turns import bend_messages
from ccproxy_cli.core.formats.openai_chat.wire import NAME
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.parts import CacheMark, Opaque, ToolKind
from ccproxy_cli.core.profile import Profile, ReasoningStyle
from ccproxy_cli.core.request import AnyTool, ChoiceMode, Output, OutputKind, Request, Sampling, Thinking, ThinkingMode, Tool, ToolChoice

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""From least to most."""

_BUDGETS = ((2_000, "low"), (8_000, "medium"), (20_000, "high"))
"""Thinking tokens below which a budget is called by the word; Google's own bridge puts its words at 1K, 8K and 24K."""
_ADAPTIVE_EFFORT = "high"
"""What Anthropic's adaptive thinking does when it is given no effort."""


def bend(request: Request, profile: Profile, losses: Losses) -> Request:
    """The request in this format's words.

    Raises:
        BadRequest: content that must not be left out, such as a document this format cannot carry.
    """
    losses.add_foreign(request.extras, NAME, "")
    tools = _tools(request, profile, losses)
    if request.cache is not None and not profile.cache_marks:
        losses.add("cache_control", "this provider caches on its own")
    if request.cache_key is not None and not profile.prompt_cache_key:
        losses.add("prompt_cache_key", "this provider has no such key")
    notes = spelling.note(spelling.MAX_TOKENS) if profile.max_tokens_field == "max_tokens" else {}
    return evolve(
        request,
        messages=bend_messages(request, profile, losses),
        instructions=(),
        tools=tools,
        tool_choice=_choice(request.tool_choice, tools, losses),
        parallel_tool_calls=_parallel(request.parallel_tool_calls, tools),
        max_tokens=_limit(request.max_tokens, profile, losses),
        sampling=_sampling(request.sampling, profile, losses),
        stop=_stop(request.stop, profile, losses),
        thinking=_thinking(request.thinking, profile, losses),
        output=_output(request.output, profile, losses),
        stream_usage=True if request.stream and profile.stream_usage else None,
        user=None if request.user is None else hashlib.sha256(request.user.encode()).hexdigest(),  # never raw to another company
        cache=request.cache if profile.cache_marks else None,
        cache_key=request.cache_key if profile.prompt_cache_key else None,
        extras={NAME: notes},
    )


# Tools


def _tools(request: Request, profile: Profile, losses: Losses) -> tuple[AnyTool, ...] | None:
    kept = []
    for index, tool in enumerate(request.tools or ()):
        path = f"tools[{index}]"
        if isinstance(tool, Opaque):
            losses.add(path, f"{NAME} has no tool of type {tool.type}")
            continue
        losses.add_foreign(tool.extras, NAME, path)
        if tool.cache is not None and not profile.cache_marks:
            losses.add(f"{path}.cache_control", "this provider caches on its own")
        cache = fit_cache(tool.cache) if profile.cache_marks else None
        parameters = _parameters(tool) if tool.kind is ToolKind.FUNCTION else None
        kept.append(evolve(tool, parameters=parameters, cache=cache, extras=spelling.ours({})))
    return tuple(kept) or None  # OpenAI refuses an empty list


def _parameters(tool: Tool) -> JSON:
    """A schema whose top level is plainly an object, as some servers demand."""
    schema = tool.parameters
    if not isinstance(schema, Mapping):
        return NO_ARGUMENTS
    if schema.get("type") != "object":
        return schema if {"type", "anyOf", "oneOf", "allOf", "$ref"} & schema.keys() else {**NO_ARGUMENTS, **schema}
    return schema if "properties" in schema else {**schema, "properties": {}}


def fit_cache(mark: CacheMark | None) -> CacheMark | None:
    """The mark without what only its own format says of it."""
    return None if mark is None else CacheMark(mark.ttl)


def _choice(choice: ToolChoice | None, tools: tuple[AnyTool, ...] | None, losses: Losses) -> ToolChoice | None:
    if choice is None:
        return None
    losses.add_foreign(choice.extras, NAME, "tool_choice")
    declared = {tool.name for tool in tools or () if isinstance(tool, Tool)}
    names = tuple(name for name in choice.names if name in declared)
    if len(names) < len(choice.names) or (choice.mode is ChoiceMode.REQUIRED and not declared):
        losses.add("tool_choice", "it is among tools that did not come along")
    if not declared or (choice.names and not names):  # nothing to choose from, which is refused
        return None
    return evolve(choice, names=names, subset=choice.subset or len(choice.names) > 1, extras=spelling.ours({}))


def _parallel(parallel: bool | None, tools: tuple[AnyTool, ...] | None) -> bool | None:
    return False if parallel is False and tools else None


# Amounts


def _limit(limit: int | None, profile: Profile, losses: Losses) -> int | None:
    if limit is not None and profile.max_output is not None and limit > profile.max_output:
        losses.add("max_tokens", f"lowered to the model's {profile.max_output}")
        return profile.max_output
    return limit


def _sampling(sampling: Sampling, profile: Profile, losses: Losses) -> Sampling:
    if not profile.sampling:
        for name in ("temperature", "top_p"):
            if getattr(sampling, name) is not None:
                losses.add(name, "this model takes no sampling parameters")
        sampling = evolve(sampling, temperature=None, top_p=None)
    if sampling.top_k is not None and not profile.top_k:
        losses.add("top_k", f"{NAME} has no top_k")
        sampling = evolve(sampling, top_k=None)
    return sampling


def stops_taken(stop: tuple[str, ...], profile: Profile) -> tuple[str, ...]:
    """The stop sequences that can be sent: the first few, or none, as the model takes them."""
    return stop[: profile.stop_sequences]


def _stop(stop: tuple[str, ...] | None, profile: Profile, losses: Losses) -> tuple[str, ...] | None:
    if not stop:
        return None
    kept = stops_taken(stop, profile)
    for index in range(len(kept), len(stop)):
        why = f"this model takes {len(kept)} stop sequences" if kept else "this model takes no stop sequences"
        losses.add(f"stop_sequences[{index}]", why)
    return kept or None


# Thinking


def _thinking(thinking: Thinking | None, profile: Profile, losses: Losses) -> Thinking | None:
    if thinking is None:
        return None
    losses.add_foreign(thinking.extras, NAME, "thinking")
    if thinking.display is not None:
        losses.add("thinking.display", f"{NAME} cannot ask for the thinking to be shown")
    wanted = _wanted_effort(thinking)
    if wanted is None:
        return None
    if profile.reasoning is ReasoningStyle.NONE:
        if wanted != "none":  # a model that does not think has been switched off already
            losses.add("thinking", "this model has no such switch")
        return None
    given = _nearest(wanted, profile.efforts)
    if given != wanted:
        losses.add("thinking", f"effort {wanted} became {given or 'the default'}")
    return None if given is None else Thinking(effort=given)


def _wanted_effort(thinking: Thinking) -> str | None:
    if thinking.mode is ThinkingMode.DISABLED:
        return "none"
    if thinking.effort is not None:
        return thinking.effort
    if thinking.budget is not None:
        return next((word for limit, word in _BUDGETS if thinking.budget < limit), "xhigh")
    return _ADAPTIVE_EFFORT if thinking.mode is ThinkingMode.ADAPTIVE else None


def _nearest(wanted: str, allowed: frozenset[str]) -> str | None:
    """The allowed effort next to the wanted one, the lesser of two as near. Off is never a stand-in, and has none."""
    if wanted in allowed:
        return wanted
    ranked = [effort for effort in EFFORTS if effort in allowed and effort != "none"]
    if wanted == "none" or wanted not in EFFORTS or not ranked:
        return None
    rank = EFFORTS.index(wanted)
    return min(ranked, key=lambda effort: abs(EFFORTS.index(effort) - rank))


# The answer's shape


def _output(output: Output | None, profile: Profile, losses: Losses) -> Output | None:
    if output is None or output.kind is OutputKind.TEXT:
        return None
    losses.add_foreign(output.extras, NAME, "output_config.format")
    if output.kind is OutputKind.JSON_OBJECT:
        return evolve(output, extras=spelling.ours({}))
    if not profile.structured_output:
        losses.add("output_config.format", "this model takes no schema for its answer")
        return None
    return evolve(output, name=output.name or "response", extras=spelling.ours({}))
