"""Bends a request of another format to what this format can say and the target model can take.

The result is a request as if a client of this format had written it, so that there is one writer. Whatever does not come along
is recorded as a loss.
"""

from typing import TypeGuard

from attrs import evolve

from ccproxy_cli.core.efforts import wanted_effort
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
from ccproxy_cli.core.formats._openai.user import USER, alias
from ccproxy_cli.core.formats.openai_chat import spelling
from ccproxy_cli.core.formats.openai_chat.hosted import write_search
from ccproxy_cli.core.formats.openai_chat.turns import bend_messages
from ccproxy_cli.core.formats.openai_chat.wire import NAME
from ccproxy_cli.core.hosted import HostedKind, HostedTool
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.left_behind import drop_cache, hosted_meaning
from ccproxy_cli.core.parts import CacheMark, Opaque, ToolKind
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import AnyTool, Request, Sampling, Thinking, ThinkingMode, Tool


def bend(request: Request, profile: Profile, losses: Losses) -> Request:
    """The request in this format's words.

    Raises:
        BadRequest: content that must not be left out, such as a document this format cannot carry.
    """
    losses.add_foreign(request.extras, NAME, "")
    tools, own = _tools(request, profile, losses), spelling.ours({})
    search, choice = _search(request, profile, losses), request.tool_choice
    if search is not None and choice is not None and choice.names == (HostedKind.WEB_SEARCH.value,):
        choice = None  # the models that take the setting search always
    if not profile.cache_marks:
        drop_cache(request.cache, "", losses)
    if request.cache_key is not None and not profile.prompt_cache_key:
        losses.add("prompt_cache_key", "this provider has no such key")
    notes: dict[str, JSON] = dict(spelling.note(spelling.MAX_TOKENS)) if profile.max_tokens_field == "max_tokens" else {}
    if search is not None:
        notes[spelling.SEARCH] = search
    if profile.user_field == "user" and request.user is not None:
        notes |= spelling.note(USER)
    thinking, sampling = request.thinking, _sampling(request.sampling, profile, losses)
    if profile.reasoning_object and thinking is not None:
        notes |= _reasoning(thinking, profile, losses)
        thinking = None
    if profile.seed_field != "seed" and sampling.seed is not None:
        notes[profile.seed_field] = sampling.seed
        sampling = evolve(sampling, seed=None)
    return Request(
        model=request.model,
        messages=bend_messages(with_the_word_json(request, request.instructions), profile, losses),
        tools=tools,
        tool_choice=bend_choice(choice, tools, NAME, own, losses),
        parallel_tool_calls=_parallel(request.parallel_tool_calls, tools),
        max_tokens=bend_limit(request.max_tokens, profile, losses),
        sampling=sampling,
        stop=_stop(request.stop, profile, losses),
        thinking=_thinking(thinking, profile, losses),
        output=bend_output(request.output, profile, NAME, own, losses),
        stream=request.stream,
        stream_usage=True if request.stream and profile.stream_usage else None,
        user=alias(request.user),
        cache=request.cache if profile.cache_marks else None,
        cache_key=request.cache_key if profile.prompt_cache_key else None,
        service_tier=bend_tier(request.service_tier),
        logprobs=request.logprobs,
        extras={NAME: notes},
    )


# Tools


def _tools(request: Request, profile: Profile, losses: Losses) -> tuple[AnyTool, ...] | None:
    kept: list[AnyTool] = []
    for index, tool in enumerate(request.tools or ()):
        if isinstance(tool, Opaque):
            if not _is_search(tool):
                losses.add(f"tools[{index}]", f"{NAME} has no tool of type {tool.type}")
            continue
        parameters = object_schema(tool.parameters) if tool.kind is ToolKind.FUNCTION else None
        strict = bend_strict(tool, f"tools[{index}]", losses)
        if tool.cache is None and not tool.extras and parameters is tool.parameters and strict == tool.strict:
            kept.append(tool)
            continue
        losses.add_foreign(tool.extras, NAME, f"tools[{index}]")
        if not profile.cache_marks:
            drop_cache(tool.cache, f"tools[{index}]", losses)
        cache = fit_cache(tool.cache) if profile.cache_marks else None
        kept.append(Tool(tool.name, tool.description, parameters, strict, tool.kind, tool.grammar, cache))
    return tuple(kept) or None  # OpenAI refuses an empty list


def _is_search(tool: AnyTool) -> TypeGuard[Opaque]:
    return isinstance(tool, Opaque) and isinstance(tool.meaning, HostedTool) and tool.meaning.kind is HostedKind.WEB_SEARCH


def _search(request: Request, profile: Profile, losses: Losses) -> dict[str, JSON] | None:
    """The setting that a hosted search among the tools amounts to."""
    for index, tool in enumerate(request.tools or ()):
        if _is_search(tool):
            meaning = hosted_meaning(tool, NAME, profile, f"tools[{index}]", losses)
            return None if meaning is None else write_search(meaning, f"tools[{index}]", losses)
    return None


def fit_cache(mark: CacheMark | None) -> CacheMark | None:
    """The mark without what only its own format says of it."""
    return None if mark is None else CacheMark(mark.ttl)


def _parallel(parallel: bool | None, tools: tuple[AnyTool, ...] | None) -> bool | None:
    return False if parallel is False and tools else None


# Amounts


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
    effort = bend_effort(thinking, profile, losses)
    return None if effort is None else Thinking(effort=effort)


def _reasoning(thinking: Thinking, profile: Profile, losses: Losses) -> dict[str, JSON]:
    """The same as a member of its own: a number of tokens stays one, and it can be asked not to show what was thought."""
    losses.add_foreign(thinking.extras, NAME, "thinking")
    said: dict[str, JSON] = {}
    if thinking.budget is not None and thinking.effort is None and thinking.mode is not ThinkingMode.DISABLED:
        said["max_tokens"] = thinking.budget
    elif wanted_effort(thinking) is not None and (effort := bend_effort(thinking, profile, losses)) is not None:
        said["effort"] = effort
    if thinking.display == "omitted":
        said["exclude"] = True
    return {"reasoning": said} if said else {}
