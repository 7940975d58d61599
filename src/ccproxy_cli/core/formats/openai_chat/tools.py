"""Tools and the choice among them, both ways."""

from collections.abc import Iterable, Mapping

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.formats._blame import blamed
from ccproxy_cli.core.formats._wirekit import Unknown
from ccproxy_cli.core.formats.openai_chat import spelling
from ccproxy_cli.core.formats.openai_chat.parts import read_cache, write_cache
from ccproxy_cli.core.formats.openai_chat.wire import (
    NAME,
    WireCustomTool,
    WireFunctionSpec,
    WireFunctionTool,
    WireTool,
)
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.parts import Opaque, ToolKind
from ccproxy_cli.core.request import AnyTool, ChoiceMode, Tool, ToolChoice


def read_tool(wire: WireTool, path: str) -> AnyTool:
    """One tool. Raises `BadRequest` if it has no type and is no function."""
    match wire:
        case WireFunctionTool():
            members = dict(wire.extras)
            cache = read_cache(wire.cache_control, members)
            notes = {} if wire.type else spelling.note(spelling.NO_TYPE)
            spec = wire.function
            extras = spelling.ours(members, spelling.dotted("function", spec.extras), notes)
            return Tool(spec.name, spec.description, spec.parameters, spec.strict, cache=cache, extras=extras)
        case WireCustomTool():
            members = dict(wire.extras)
            cache = read_cache(wire.cache_control, members)
            extras = spelling.ours(members, spelling.dotted("custom", wire.custom.extras))
            custom = wire.custom
            return Tool(custom.name, custom.description, kind=ToolKind.CUSTOM, grammar=custom.format, cache=cache, extras=extras)
        case Unknown(raw):
            if not isinstance(raw.get("type"), str):
                raise blamed(BadRequest, f"{path}.type", "Field required")
            return Opaque(NAME, raw)


def read_function(wire: WireFunctionSpec) -> Tool:
    """A function as it was declared before tools."""
    notes = spelling.note(spelling.LEGACY)
    extras = spelling.ours(spelling.dotted("function", wire.extras), notes)
    return Tool(wire.name, wire.description, wire.parameters, wire.strict, extras=extras)


def is_legacy(tool: AnyTool) -> bool:
    return isinstance(tool, Tool) and spelling.said(tool.extras, spelling.LEGACY)


def write_tool(tool: AnyTool) -> JSON:
    if isinstance(tool, Opaque):
        return tool.raw
    kind = tool.kind.value
    body: dict[str, JSON] = {"type": kind, kind: _write_custom(tool) if tool.kind is ToolKind.CUSTOM else write_function(tool)}
    if tool.cache is not None:
        body["cache_control"] = write_cache(tool.cache)
    if not tool.extras:
        return body
    if spelling.said(tool.extras, spelling.NO_TYPE):
        del body["type"]
    return spelling.with_members(body, tool.extras, "function", "custom")


def _write_custom(tool: Tool) -> dict[str, JSON]:
    body: dict[str, JSON] = {"name": tool.name}
    if tool.description is not None:
        body["description"] = tool.description
    if tool.grammar is not None:
        body["format"] = tool.grammar
    return spelling.with_inner(body, tool.extras, "custom")


def write_function(tool: Tool) -> dict[str, JSON]:
    body: dict[str, JSON] = {"name": tool.name}
    if tool.description is not None:
        body["description"] = tool.description
    if tool.parameters is not None:
        body["parameters"] = tool.parameters
    if tool.strict is not None:
        body["strict"] = tool.strict
    return spelling.with_inner(body, tool.extras, "function") if tool.extras else body


# The choice

_MODES = {mode.value: mode for mode in ChoiceMode} | {"any": ChoiceMode.REQUIRED}


def read_choice(raw: str | Mapping[str, JSON], path: str) -> ToolChoice | None:
    """What may be called, or None for a choice among hosted tools, which the vocabulary has no words for.

    Raises:
        BadRequest: a word that means nothing.
    """
    match raw:
        case str():
            if raw not in _MODES:
                raise blamed(BadRequest, path, f"unknown choice {raw[:40]!r}, expected one of {sorted(_MODES)} or an object")
            return ToolChoice(_MODES[raw], extras=spelling.ours(spelling.note(spelling.ANY) if raw == "any" else {}))
        case {"type": "function", "function": {"name": str() as name}} | {"type": "custom", "custom": {"name": str() as name}}:
            choice = ToolChoice(ChoiceMode.REQUIRED, (name,))
        case {"type": "allowed_tools", "allowed_tools": {"mode": "auto" | "required" as mode, "tools": list() as tools}}:
            choice = ToolChoice(_MODES[mode], _names(tools), subset=True)
        case {"type": "function" | "custom" | "allowed_tools" as kind}:
            raise blamed(BadRequest, f"{path}.{kind}", "malformed choice")
        case _:
            return None
    return ToolChoice(choice.mode, choice.names, choice.subset, spelling.ours({spelling.AS_WRITTEN: raw}))


def _names(tools: Iterable[JSON]) -> tuple[str, ...]:
    found = []
    for tool in tools:
        match tool:
            case {"function": {"name": str() as name}} | {"custom": {"name": str() as name}} | {"name": str() as name}:
                found.append(name)
            case _:
                pass
    return tuple(found)


def write_choice(choice: ToolChoice, tools: Iterable[AnyTool]) -> JSON:
    """The choice in the words of this format; of `tools` it needs the kinds."""
    written = choice.extras.get(NAME, {}).get(spelling.AS_WRITTEN)
    if written is not None:
        return written
    kinds = {tool.name: tool.kind for tool in tools if isinstance(tool, Tool)}

    def named(name: str) -> JSON:
        kind = kinds.get(name, ToolKind.FUNCTION).value
        return {"type": kind, kind: {"name": name}}

    match choice:
        case ToolChoice(names=()):
            return "any" if spelling.said(choice.extras, spelling.ANY) else choice.mode.value
        case ToolChoice(mode=ChoiceMode.REQUIRED, names=(name,), subset=False):
            return named(name)
        case ToolChoice(mode=ChoiceMode.NONE):
            return "none"
        case _:
            allowed = {"mode": choice.mode.value, "tools": [named(name) for name in choice.names]}
            return {"type": "allowed_tools", "allowed_tools": allowed}


def read_legacy_choice(raw: str | Mapping[str, JSON], path: str) -> ToolChoice:
    """`function_call` of a request: `none`, `auto`, or the one function to call."""
    notes = spelling.ours(spelling.note(spelling.LEGACY))
    match raw:
        case "none" | "auto":
            return ToolChoice(_MODES[raw], extras=notes)
        case {"name": str() as name}:
            return ToolChoice(ChoiceMode.REQUIRED, (name,), extras=notes)
        case _:
            raise blamed(BadRequest, path, "expected 'none', 'auto' or an object with a name")


def write_legacy_choice(choice: ToolChoice) -> JSON:
    return {"name": choice.names[0]} if choice.names else choice.mode.value
