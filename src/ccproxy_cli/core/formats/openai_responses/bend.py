"""Bends a request of another format to what this format can say and the target model can take.

The result is a request as if a client of this format had written it, so that there is one writer. Whatever does not come along
is recorded as a loss.
"""

from collections.abc import Iterator, Sequence

from attrs import evolve

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats._openai.bending import (
    bend_choice,
    bend_effort,
    bend_limit,
    bend_output,
    bend_strict,
    bend_tier,
    object_schema,
    with_the_word_json,
)
from ccproxy_cli.core.formats._openai.user import alias
from ccproxy_cli.core.formats.openai_responses import spelling
from ccproxy_cli.core.formats.openai_responses.hosted import OUTPUTS, SOURCES, write_tool
from ccproxy_cli.core.formats.openai_responses.turns import bend_instructions, bend_messages
from ccproxy_cli.core.formats.openai_responses.wire import NAME
from ccproxy_cli.core.hosted import HostedKind, HostedTool
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.left_behind import drop_cache, hosted_meaning
from ccproxy_cli.core.parts import Opaque, ToolKind
from ccproxy_cli.core.profile import Profile, ReasoningStyle
from ccproxy_cli.core.request import AnyTool, Request, Sampling, Thinking, ThinkingMode, Tool

LOGPROBS = "message.output_text.logprobs"
MIN_OUTPUT = 16
"""The least limit the vendor takes: `Expected a value >= 16` (recorded 2026-11)."""
_SHOWN = frozenset({"summarized", "auto", "concise", "detailed"})
"""Words for thinking that the client wants to see."""
_WITHOUT = ("frequency_penalty", "presence_penalty", "seed", "top_k")


def bend(request: Request, profile: Profile, losses: Losses) -> Request:
    """The request in this format's words.

    Raises:
        BadRequest: content that must not be left out, such as a recording this format cannot carry.
    """
    losses.add_foreign(request.extras, NAME, "")
    tools = _tools(request, profile, losses)
    thinking = _thinking(request.thinking, profile, losses)
    drop_cache(request.cache, "", losses)
    if request.cache_key is not None and not profile.prompt_cache_key:
        losses.add("prompt_cache_key", "this provider has no such key")
    for index in range(len(request.stop or ())):
        losses.add(f"stop_sequences[{index}]", f"{NAME} has no stop sequences")
    notes: dict[str, JSON] = {spelling.STORE: False}  # what is translated is held nowhere but at its client
    included = _included(tools)
    if profile.reasoning is ReasoningStyle.EFFORT and (thinking is None or thinking.effort != "none"):
        included.insert(0, "reasoning.encrypted_content")
    if request.logprobs is not None:
        included.append(LOGPROBS)
    if included:
        notes[spelling.INCLUDE] = included
    notes |= _uses(request, tools, losses)
    return evolve(
        request,
        messages=bend_messages(with_the_word_json(request), profile, losses),
        instructions=bend_instructions(request, losses),
        instructions_flat=True,
        tools=tools,
        tool_choice=bend_choice(request.tool_choice, tools, NAME, spelling.ours(), losses),
        parallel_tool_calls=False if request.parallel_tool_calls is False and tools else None,
        max_tokens=_limit(request.max_tokens, profile, losses),
        sampling=_sampling(request.sampling, profile, losses),
        stop=None,
        thinking=thinking,
        output=bend_output(request.output, profile, NAME, spelling.ours(), losses),
        stream_usage=None,
        user=alias(request.user),
        cache=None,
        cache_key=request.cache_key if profile.prompt_cache_key else None,
        service_tier=bend_tier(request.service_tier),
        extras={NAME: notes},
    )


def stops_taken(stop: tuple[str, ...], profile: Profile) -> tuple[str, ...]:
    """The stop sequences that can be sent, which are none."""
    return ()


# Tools


def _tools(request: Request, profile: Profile, losses: Losses) -> tuple[AnyTool, ...] | None:
    kept: list[AnyTool] = []
    for index, tool in enumerate(request.tools or ()):
        path = f"tools[{index}]"
        if isinstance(tool, Opaque):
            meaning = hosted_meaning(tool, NAME, profile, path, losses)
            if meaning is not None and _searches_already(meaning, request.tools or ()):
                losses.add(path, f"{NAME} reads pages with its search tool, which is among the tools")
            elif meaning is not None:
                kept.append(write_tool(meaning, path, losses))
            continue
        losses.add_foreign(tool.extras, NAME, path)
        drop_cache(tool.cache, path, losses)
        kept.append(_tool(tool, path, losses))
    return tuple(kept) or None


def _searches_already(meaning: HostedTool, tools: Sequence[AnyTool]) -> bool:
    if meaning.kind is not HostedKind.WEB_FETCH:
        return False
    return any(kind is HostedKind.WEB_SEARCH for kind, _ in _hosted(tools))


def _hosted(tools: Sequence[AnyTool]) -> Iterator[tuple[HostedKind, HostedTool]]:
    for tool in tools:
        if isinstance(tool, Opaque) and isinstance(tool.meaning, HostedTool):
            yield tool.meaning.kind, tool.meaning


def _included(tools: Sequence[AnyTool] | None) -> list[JSON]:
    """What has to be asked for so that what hosted tools found can be told on."""
    words = {HostedKind.WEB_SEARCH: SOURCES, HostedKind.CODE_EXECUTION: OUTPUTS}
    return [words[kind] for kind in dict(_hosted(tools or ())) if kind in words]


def _uses(request: Request, tools: Sequence[AnyTool] | None, losses: Losses) -> dict[str, JSON]:
    """How often hosted tools may be used, which this format says of all together."""
    hosted = list(_hosted(tools or ()))
    limits = [tool.max_uses for _, tool in hosted if tool.max_uses is not None]
    if not limits:
        return {}
    if len(hosted) > 1:
        losses.add("tools.max_uses", f"{NAME} has one limit for all hosted tools, so it is the sum")
    return {"max_tool_calls": sum(limits)} if len(limits) == len(hosted) else {}


def _tool(tool: Tool, path: str, losses: Losses) -> Tool:
    if tool.kind is ToolKind.CUSTOM:
        return evolve(tool, parameters=None, strict=None, cache=None, extras=spelling.ours())
    # Left unsaid, this format makes a schema strict where it can, and with it every argument a required one.
    strict = bool(bend_strict(tool, path, losses))
    return evolve(tool, parameters=object_schema(tool.parameters), strict=strict, cache=None, extras=spelling.ours())


# Amounts


def _limit(limit: int | None, profile: Profile, losses: Losses) -> int | None:
    limit = bend_limit(limit, profile, losses)
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
    effort = bend_effort(thinking, profile, losses)
    if profile.reasoning is ReasoningStyle.NONE:
        return None
    shown = "auto" if _is_shown(thinking) and effort != "none" else None
    return None if effort is None and shown is None else Thinking(effort=effort, display=shown)


def _is_shown(thinking: Thinking) -> bool:
    """Whether the client expects to read the thinking. A budget was always shown unless the client said otherwise (Anthropic)."""
    return thinking.display in _SHOWN or (thinking.display is None and thinking.mode is ThinkingMode.BUDGET)
