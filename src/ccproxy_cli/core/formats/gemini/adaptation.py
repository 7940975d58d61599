"""A request from another format, bent to this vendor's rules and the target's abilities. Whatever does not survive is recorded."""

from attrs import evolve

from ccproxy_cli.core.arguments import FREE_TEXT
from ccproxy_cli.core.extras import NO_EXTRAS, Losses
from ccproxy_cli.core.formats.gemini import spelling
from ccproxy_cli.core.formats.gemini.finish import TIER_WORDS
from ccproxy_cli.core.formats.gemini.history import adapt_history
from ccproxy_cli.core.formats.gemini.hosted import write_tool
from ccproxy_cli.core.formats.gemini.names import fit_name
from ccproxy_cli.core.formats.gemini.schema import fit_schema, to_openapi
from ccproxy_cli.core.formats.gemini.thinking import adapt_thinking
from ccproxy_cli.core.formats.gemini.wire import NAME
from ccproxy_cli.core.jsontext import JSON, dumps_str
from ccproxy_cli.core.left_behind import cut_billing, drop_cache, hosted_meaning
from ccproxy_cli.core.parts import Opaque, Text, ToolKind
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import AnyTool, ChoiceMode, Output, OutputKind, Request, Sampling, Tool, ToolChoice

MOST_STOPS = 5
"""google-genai 3.3, on `stopSequences`."""
MOST_TEMPERATURE = 2.0
_MAX_SEED = 2**31


def adapt(request: Request, profile: Profile, losses: Losses) -> Request:
    """The request as this vendor takes it.

    Raises:
        BadRequest: it cannot be said at all.
    """
    losses.add_foreign(request.extras, NAME, "")
    for name, value in (("user", request.user), ("cache_key", request.cache_key), ("cache_control", request.cache)):
        if value is not None:
            losses.add(name, f"{NAME} has no such thing")
    leading, messages = adapt_history(request.messages, profile, losses)
    request = evolve(
        request,
        messages=messages,
        instructions=(*_instructions(request, losses), *leading),
        instructions_flat=False,
        max_tokens=_limit(request.max_tokens, profile, losses),
        sampling=_sampling(request.sampling, profile, losses),
        stop=_stop(request.stop, profile, losses),
        user=None,
        cache=None,
        cache_key=None,
        service_tier=_tier(request.service_tier, losses),
        extras=NO_EXTRAS,
    )
    request = _adapt_tools(request, profile, losses)
    return _adapt_output(adapt_thinking(request, profile, losses), profile, losses)


def _instructions(request: Request, losses: Losses) -> list[Text | Opaque]:
    kept: list[Text | Opaque] = []
    for index, part in enumerate(request.instructions):
        path = "system" if request.instructions_flat else f"system[{index}]"
        if isinstance(part, Opaque):
            if part.format == NAME:
                kept.append(part)
            else:
                losses.add(path, f"{NAME} has no instructions of type {part.type}")
            continue
        losses.add_foreign(part.extras, NAME, path)
        drop_cache(part.cache, path, losses)
        text = cut_billing(part.text, path, losses) if index == 0 else part.text
        if text.strip():
            kept.append(Text(text))
    return kept


# Amounts


def _tier(tier: str | None, losses: Losses) -> str | None:
    """The tier, unless it says what holds anyhow."""
    if tier in (None, "auto") or tier in TIER_WORDS:
        return None if tier == "auto" else tier
    losses.add("service_tier", f"{NAME} has no tier {tier!r}")
    return None


def _limit(limit: int | None, profile: Profile, losses: Losses) -> int | None:
    if limit is not None and profile.max_output is not None and limit > profile.max_output:
        losses.add("max_tokens", f"lowered to the model's {profile.max_output}")
        return profile.max_output
    return limit


def _sampling(sampling: Sampling, profile: Profile, losses: Losses) -> Sampling:
    if not profile.sampling:
        for name in ("temperature", "top_p", "top_k"):
            if getattr(sampling, name) not in (None, 1):
                losses.add(name, "this model takes no sampling parameters")
        sampling = evolve(sampling, temperature=None, top_p=None, top_k=None)
    if sampling.temperature is not None and sampling.temperature > MOST_TEMPERATURE:
        losses.add("temperature", f"{NAME} takes at most {MOST_TEMPERATURE:g}")
        sampling = evolve(sampling, temperature=MOST_TEMPERATURE)
    if sampling.seed is not None and not -_MAX_SEED <= sampling.seed < _MAX_SEED:
        losses.add("seed", f"{NAME} takes seeds of 32 bits")
        sampling = evolve(sampling, seed=None)
    return sampling


def stops_taken(stop: tuple[str, ...], profile: Profile) -> tuple[str, ...]:
    """The stop sequences that can be sent: the first few that are not empty."""
    return tuple(word for word in stop if word)[:MOST_STOPS]


def _stop(stop: tuple[str, ...] | None, profile: Profile, losses: Losses) -> tuple[str, ...] | None:
    if not stop:
        return None
    kept = stops_taken(stop, profile)
    for index, word in enumerate(stop):
        if word and word not in kept:
            losses.add(f"stop[{index}]", f"{NAME} takes {MOST_STOPS} stop sequences")
    return kept or None


# Tools


def _adapt_tools(request: Request, profile: Profile, losses: Losses) -> Request:
    if not profile.hosted_beside_functions and any(isinstance(tool, Tool) for tool in request.tools or ()):
        profile = evolve(profile, web_search=False, web_fetch=False, code_execution=False)
    tools = tuple(
        fitted for index, tool in enumerate(request.tools or ()) if (fitted := _fit_tool(tool, f"tools[{index}]", profile, losses))
    )
    if request.parallel_tool_calls is False and tools:
        losses.add("parallel_tool_calls", f"{NAME} cannot be asked for one call at a time")
    request = evolve(request, tools=tools or None, parallel_tool_calls=None)
    choice = request.tool_choice
    if choice is None:
        return request
    losses.add_foreign(choice.extras, NAME, "tool_choice")
    declared = {tool.name for tool in tools if isinstance(tool, Tool)}
    names = tuple(name for name in map(fit_name, choice.names) if name in declared)
    if not declared or (choice.names and not names and choice.mode is ChoiceMode.REQUIRED):
        if tools and choice.mode is ChoiceMode.REQUIRED:
            losses.add("tool_choice", f"{NAME} cannot be made to use a hosted tool")
        return evolve(request, tool_choice=None)
    if choice.mode is ChoiceMode.NONE:
        names = ()
    return evolve(request, tool_choice=ToolChoice(choice.mode, names, choice.subset))


def _fit_tool(tool: AnyTool, path: str, profile: Profile, losses: Losses) -> AnyTool | None:
    if isinstance(tool, Opaque):
        if tool.format == NAME:
            return tool
        meaning = hosted_meaning(tool, NAME, profile, path, losses)
        return None if meaning is None else write_tool(meaning, path, losses)
    losses.add_foreign(tool.extras, NAME, path)
    drop_cache(tool.cache, path, losses)
    if tool.strict:
        losses.add(f"{path}.strict", f"{NAME} has no strict tools")
    parameters = tool.parameters
    if tool.kind is ToolKind.CUSTOM:
        losses.add(path, f"{NAME} has no free-text tools, so this one takes its text as the string `input`")
        if tool.grammar is not None:
            losses.add(f"{path}.grammar", f"{NAME} has no grammars")
        parameters = FREE_TEXT
    return _declared(fit_name(tool.name), tool.description, parameters, profile)


def _declared(name: str, description: str | None, parameters: JSON | None, profile: Profile) -> Tool:
    """A tool as it is declared. One without arguments goes without a schema: older models refuse an object that holds nothing."""
    if not isinstance(parameters, dict) or not parameters.get("properties", parameters.keys() - {"type", "properties", "$schema"}):
        empty = not isinstance(parameters, dict) or not (parameters.keys() & {"anyOf", "oneOf", "allOf", "$ref"})
        if empty:
            return Tool(name, description)
    if profile.json_schema:
        return Tool(name, description, fit_schema(parameters))
    return Tool(name, description, parameters, extras={NAME: {spelling.SCHEMA: to_openapi(parameters)}})


# The answer's shape


def _adapt_output(request: Request, profile: Profile, losses: Losses) -> Request:
    output = request.output
    if output is None or output.kind is OutputKind.TEXT:
        return evolve(request, output=None)
    losses.add_foreign(output.extras, NAME, "output")
    if output.kind is OutputKind.JSON_SCHEMA and output.description:
        losses.add("output.description", f"{NAME} has no description of the output")
    beside_tools = request.tools is not None and not profile.output_with_tools
    if profile.structured_output and not beside_tools:
        older = {} if profile.json_schema or output.schema is None else {NAME: {spelling.SCHEMA: to_openapi(output.schema)}}
        return evolve(request, output=Output(output.kind, fit_schema(output.schema), extras=older))
    why = "the model takes no shape for its answer next to tools" if beside_tools else "the model takes no shape for its answer"
    losses.add("output", f"{why}, so it is only told")
    words = "Answer with one JSON object and nothing else."
    if output.kind is OutputKind.JSON_SCHEMA:
        words += f" It must fit this JSON Schema: {dumps_str(output.schema)}"
    return evolve(request, output=None, instructions=(*request.instructions, Text(words)))
