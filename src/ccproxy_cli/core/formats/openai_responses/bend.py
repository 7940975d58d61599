"""Bends a request of another format to what this format can say and the target model can take.

The result is a request as if a client of this format had written it, so that there is one writer. Whatever does not come along
is recorded as a loss.
"""

import hashlib
from collections.abc import Mapping

from attrs import evolve

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.openai_responses import spelling
from ccproxy_cli.core.formats.openai_responses.tools import NO_ARGUMENTS
from ccproxy_cli.core.formats.openai_responses.turns import bend_instructions, bend_messages
from ccproxy_cli.core.formats.openai_responses.wire import NAME
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.parts import Opaque, ToolKind
from ccproxy_cli.core.profile import Profile, ReasoningStyle
from ccproxy_cli.core.request import AnyTool, Output, OutputKind, Request, Sampling, Thinking, ThinkingMode, Tool, ToolChoice

MIN_OUTPUT = 16
"""The least limit the vendor takes: `Expected a value >= 16` (recorded 2026-11)."""
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""From least to most."""

_BUDGETS = ((2_000, "low"), (8_000, "medium"), (20_000, "high"))
"""Thinking tokens below which a budget is called by the word; Google's own bridge puts its words at 1K, 8K and 24K."""
_ADAPTIVE_EFFORT = "high"
"""What Anthropic's adaptive thinking does when it is given no effort."""
_SHOWN = frozenset({"summarized", "auto", "concise", "detailed"})
"""Words for thinking that the client wants to see."""
_WITHOUT = ("frequency_penalty", "presence_penalty", "seed", "top_k")


def bend(request: Request, profile: Profile, losses: Losses) -> Request:
    """The request in this format's words.

    Raises:
        BadRequest: content that must not be left out, such as a recording this format cannot carry.
    """
    losses.add_foreign(request.extras, NAME, "")
    tools = _tools(request, losses)
    thinking = _thinking(request.thinking, profile, losses)
    if request.cache is not None:
        losses.add("cache_control", "this provider caches on its own")
    if request.cache_key is not None and not profile.prompt_cache_key:
        losses.add("prompt_cache_key", "this provider has no such key")
    for index in range(len(request.stop or ())):
        losses.add(f"stop_sequences[{index}]", f"{NAME} has no stop sequences")
    notes: dict[str, JSON] = {spelling.STORE: False}  # what is translated is held nowhere but at its client
    if profile.reasoning is ReasoningStyle.EFFORT and (thinking is None or thinking.effort != "none"):
        notes[spelling.INCLUDE] = ["reasoning.encrypted_content"]
    return evolve(
        request,
        messages=bend_messages(request, profile, losses),
        instructions=bend_instructions(request, losses),
        instructions_flat=True,
        tools=tools,
        tool_choice=_choice(request.tool_choice, tools, losses),
        parallel_tool_calls=False if request.parallel_tool_calls is False and tools else None,
        max_tokens=_limit(request.max_tokens, profile, losses),
        sampling=_sampling(request.sampling, profile, losses),
        stop=None,
        thinking=thinking,
        output=_output(request.output, profile, losses),
        stream_usage=None,
        user=None if request.user is None else hashlib.sha256(request.user.encode()).hexdigest(),  # never raw to another company
        cache=None,
        cache_key=request.cache_key if profile.prompt_cache_key else None,
        extras={NAME: notes},
    )


def stops_taken(stop: tuple[str, ...], profile: Profile) -> tuple[str, ...]:
    """The stop sequences that can be sent, which are none."""
    return ()


# Tools


def _tools(request: Request, losses: Losses) -> tuple[AnyTool, ...] | None:
    kept = []
    for index, tool in enumerate(request.tools or ()):
        path = f"tools[{index}]"
        if isinstance(tool, Opaque):
            losses.add(path, f"{NAME} has no tool of type {tool.type}")
            continue
        losses.add_foreign(tool.extras, NAME, path)
        if tool.cache is not None:
            losses.add(f"{path}.cache_control", "this provider caches on its own")
        kept.append(_tool(tool))
    return tuple(kept) or None


def _tool(tool: Tool) -> Tool:
    if tool.kind is ToolKind.CUSTOM:
        return evolve(tool, parameters=None, strict=None, cache=None, extras=spelling.ours())
    # Left unsaid, this format makes a schema strict where it can, and with it every argument a required one.
    return evolve(tool, parameters=_parameters(tool.parameters), strict=bool(tool.strict), cache=None, extras=spelling.ours())


def _parameters(schema: JSON) -> JSON:
    """A schema whose top level is plainly an object."""
    if not isinstance(schema, Mapping):
        return NO_ARGUMENTS
    if schema.get("type") != "object":
        return schema if {"type", "anyOf", "oneOf", "allOf", "$ref"} & schema.keys() else {**NO_ARGUMENTS, **schema}
    return schema if "properties" in schema else {**schema, "properties": {}}


def _choice(choice: ToolChoice | None, tools: tuple[AnyTool, ...] | None, losses: Losses) -> ToolChoice | None:
    if choice is None:
        return None
    losses.add_foreign(choice.extras, NAME, "tool_choice")
    if tools is None:  # nothing to choose from, and refused without tools
        return None
    declared = {tool.name for tool in tools if isinstance(tool, Tool)}
    names = tuple(name for name in choice.names if name in declared)
    if len(names) < len(choice.names):
        losses.add("tool_choice", f"{NAME} was not given all tools it names")
        if not names:
            return None
    return evolve(choice, names=names, extras=spelling.ours())


# Amounts


def _limit(limit: int | None, profile: Profile, losses: Losses) -> int | None:
    if limit is not None and profile.max_output is not None and limit > profile.max_output:
        losses.add("max_tokens", f"lowered to the model's {profile.max_output}")
        return profile.max_output
    if limit is not None and limit < MIN_OUTPUT:
        losses.add("max_tokens", f"raised to {MIN_OUTPUT}, the least {NAME} takes")
        return MIN_OUTPUT
    return limit


def _sampling(sampling: Sampling, profile: Profile, losses: Losses) -> Sampling:
    for name in _WITHOUT:
        if getattr(sampling, name):
            losses.add(name, f"{NAME} has no {name}")
    if not profile.sampling:
        for name in ("temperature", "top_p"):
            if getattr(sampling, name) not in (None, 1):
                losses.add(name, "this model takes no sampling parameters")
        return Sampling()
    return Sampling(temperature=sampling.temperature, top_p=sampling.top_p)


# Thinking


def _thinking(thinking: Thinking | None, profile: Profile, losses: Losses) -> Thinking | None:
    if thinking is None:
        return None
    losses.add_foreign(thinking.extras, NAME, "thinking")
    wanted = _wanted_effort(thinking)
    if profile.reasoning is ReasoningStyle.NONE:
        if wanted not in (None, "none"):  # a model that does not think has been switched off already
            losses.add("thinking", "this model has no such switch")
        return None
    given = None if wanted is None else _nearest(wanted, profile.efforts)
    if given != wanted:
        losses.add("thinking", f"effort {wanted} became {given or 'the default'}")
    shown = "auto" if _is_shown(thinking) and given != "none" else None
    return None if given is None and shown is None else Thinking(effort=given, display=shown)


def _wanted_effort(thinking: Thinking) -> str | None:
    if thinking.mode is ThinkingMode.DISABLED:
        return "none"
    if thinking.effort is not None:
        return thinking.effort
    if thinking.budget is not None:
        return next((word for limit, word in _BUDGETS if thinking.budget < limit), "xhigh")
    return _ADAPTIVE_EFFORT if thinking.mode is ThinkingMode.ADAPTIVE else None


def _is_shown(thinking: Thinking) -> bool:
    """Whether the client expects to read the thinking. A budget was always shown unless the client said otherwise (Anthropic)."""
    return thinking.display in _SHOWN or (thinking.display is None and thinking.mode is ThinkingMode.BUDGET)


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
        return Output(OutputKind.JSON_OBJECT, extras=spelling.ours())
    if not profile.structured_output:
        losses.add("output_config.format", "this model takes no schema for its answer")
        return None
    return evolve(output, name=output.name or "response", extras=spelling.ours())
