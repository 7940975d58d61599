"""Tools and the choice among them, both ways.

A namespace is not known elsewhere: its tools become tools of the request whose names begin with the namespace's, and are gathered
into it again on the way out.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import assert_never

from attrs import evolve

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.formats._blame import blamed
from ccproxy_cli.core.formats._wirekit import Unknown
from ccproxy_cli.core.formats.openai_responses import spelling
from ccproxy_cli.core.formats.openai_responses.hosted import kind_of, read_tool
from ccproxy_cli.core.formats.openai_responses.items import bare_name, full_name
from ccproxy_cli.core.formats.openai_responses.wire import KIT, NAME, WireCustomTool, WireFunctionTool, WireNamespace, WireTool
from ccproxy_cli.core.hosted import HostedTool
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.parts import Opaque, ToolKind
from ccproxy_cli.core.request import AnyTool, ChoiceMode, Tool, ToolChoice


def read_tools(wires: Sequence[WireTool], path: str, notes: Mapping[str, JSON]) -> list[AnyTool]:
    """All tools, those of namespaces among them, each with these notes. Raises `BadRequest` for one without a type."""
    found: list[AnyTool] = []
    for index, wire in enumerate(wires):
        match wire:
            case WireNamespace():
                found += _read_namespace(wire, index, notes)
            case Unknown(raw) if not isinstance(raw.get("type"), str):
                raise blamed(BadRequest, f"{path}[{index}].type", "Field required")
            case Unknown(raw):
                found.append(Opaque(NAME, raw, read_tool(raw)))
            case WireFunctionTool() | WireCustomTool():
                found.append(_read_tool(wire, notes))
            case _:
                assert_never(wire)
    return found


def _read_tool(wire: WireFunctionTool | WireCustomTool, notes: Mapping[str, JSON]) -> Tool:
    extras = spelling.ours(wire.extras, notes)
    if isinstance(wire, WireCustomTool):
        return Tool(wire.name, wire.description, kind=ToolKind.CUSTOM, grammar=_read_grammar(wire.format), extras=extras)
    return Tool(wire.name, wire.description, wire.parameters, wire.strict, extras=extras)


def _read_grammar(raw: JSON) -> JSON:
    """A grammar as the vocabulary has it, apart from the word that says it is one."""
    if isinstance(raw, dict) and raw.get("type") == "grammar" and "grammar" not in raw:
        return {"type": "grammar", "grammar": {name: value for name, value in raw.items() if name != "type"}}
    return raw


def _write_grammar(grammar: JSON) -> JSON:
    match grammar:
        case {"type": "grammar", "grammar": dict() as inner}:
            return {"type": "grammar", **inner}
        case _:
            return grammar


def _read_namespace(wire: WireNamespace, index: int, notes: Mapping[str, JSON]) -> list[AnyTool]:
    """The tools of a namespace; the namespace as it is if it holds none, or a kind that cannot stand alone."""
    found: list[AnyTool] = []
    inner: dict[str, JSON] = spelling.dotted("namespace", wire.extras)
    for tool in wire.tools:
        if isinstance(tool, Unknown):
            return [Opaque(NAME, KIT.write(wire))]
        read = _read_tool(tool, {**notes, **inner, spelling.NAMESPACE: wire.name, spelling.GROUP: index})
        found.append(evolve(read, name=full_name(tool.name, wire.name)))
        inner = {}
    return found or [Opaque(NAME, KIT.write(wire))]


def write_tools(tools: Iterable[AnyTool]) -> list[WireTool]:
    """The tools, without those that the input declares."""
    written: list[WireTool] = []
    group: JSON = None
    for tool in tools:
        if isinstance(tool, Opaque):
            group = None
            if tool.format == NAME:
                written.append(Unknown(tool.raw))
            continue
        if spelling.said(tool.extras, spelling.IN_INPUT):
            continue
        namespace = spelling.noted(tool.extras, spelling.NAMESPACE)
        wire = _write_tool(tool, namespace)
        if namespace is None:
            group = None
            written.append(wire)
            continue
        last = written[-1] if written else None
        if isinstance(last, WireNamespace) and group == spelling.noted(tool.extras, spelling.GROUP):
            last.tools.append(wire)
        else:
            group = spelling.noted(tool.extras, spelling.GROUP)
            written.append(WireNamespace(name=namespace, tools=[wire], extras=spelling.inner_members(tool.extras, "namespace")))
    return written


def _write_tool(tool: Tool, namespace: str | None) -> WireFunctionTool | WireCustomTool:
    name, members = bare_name(tool.name, namespace), spelling.own_members(tool.extras, "namespace")
    if tool.kind is ToolKind.CUSTOM:
        return WireCustomTool(name=name, description=tool.description, format=_write_grammar(tool.grammar), extras=members)
    return WireFunctionTool(name=name, description=tool.description, parameters=tool.parameters, strict=tool.strict, extras=members)


# The choice

_MODES = {mode.value: mode for mode in ChoiceMode}


def read_choice(raw: str | Mapping[str, JSON], tools: Sequence[AnyTool], path: str) -> ToolChoice | None:
    """What may be called, or None for a choice among hosted tools that the vocabulary has no words for.

    Raises:
        BadRequest: a word that means nothing.
    """
    match raw:
        case str():
            if raw not in _MODES:
                raise blamed(BadRequest, path, f"unknown choice {raw[:40]!r}, expected one of {sorted(_MODES)} or an object")
            return ToolChoice(_MODES[raw], extras=spelling.ours())
        case {"type": "function" | "custom", "name": str() as name}:
            choice = ToolChoice(ChoiceMode.REQUIRED, (_declared(name, raw.get("namespace"), tools),))
        case {"type": "allowed_tools", "mode": "auto" | "required" as mode, "tools": list() as allowed}:
            choice = ToolChoice(_MODES[mode], _names(allowed, tools), subset=True)
        case {"type": "function" | "custom" | "allowed_tools"}:
            raise blamed(BadRequest, path, "malformed choice")
        case {"type": str() as word} if (kind := kind_of(word)) is not None:
            choice = ToolChoice(ChoiceMode.REQUIRED, (kind.value,))
        case _:
            return None
    return evolve(choice, extras=spelling.ours({spelling.AS_WRITTEN: raw}))


def _names(allowed: Iterable[JSON], tools: Sequence[AnyTool]) -> tuple[str, ...]:
    found: list[str] = []
    for tool in allowed:
        match tool:
            case {"name": str() as name}:
                found.append(_declared(name, tool.get("namespace"), tools))
            case {"type": str() as word} if (kind := kind_of(word)) is not None:
                found.append(kind.value)
            case _:
                pass
    return tuple(found)


def _declared(name: str, namespace: JSON, tools: Sequence[AnyTool]) -> str:
    """The name a chosen tool has in the request, which begins with its namespace's."""
    if isinstance(namespace, str):
        return full_name(name, namespace)
    known = {tool.name for tool in tools if isinstance(tool, Tool)}
    inside = [tool.name for tool in tools if isinstance(tool, Tool) and full_name(name, _namespace(tool)) == tool.name]
    return inside[0] if name not in known and len(inside) == 1 else name


def _namespace(tool: Tool) -> str | None:
    found = spelling.noted(tool.extras, spelling.NAMESPACE)
    return found if isinstance(found, str) else None


def write_choice(choice: ToolChoice, tools: Iterable[AnyTool]) -> JSON:
    """The choice in the words of this format; of `tools` it needs the kinds."""
    written = spelling.noted(choice.extras, spelling.AS_WRITTEN)
    if written is not None:
        return written
    tools = tuple(tools)
    kinds = {tool.name: tool.kind for tool in tools if isinstance(tool, Tool)}
    hosted = {
        tool.meaning.kind.value: tool.raw["type"] for tool in tools if isinstance(tool, Opaque) and isinstance(tool.meaning, HostedTool)
    }

    def named(name: str) -> JSON:
        if name in hosted and name not in kinds:
            return {"type": hosted[name]}
        return {"type": kinds.get(name, ToolKind.FUNCTION).value, "name": name}

    match choice:
        case ToolChoice(names=()) | ToolChoice(mode=ChoiceMode.NONE):
            return choice.mode.value
        case ToolChoice(mode=ChoiceMode.REQUIRED, names=(name,)) if name in hosted and len(tools) == 1:
            return choice.mode.value  # the reference knows the choice of a hosted tool by older names alone (openai 3.51)
        case ToolChoice(mode=ChoiceMode.REQUIRED, names=(name,), subset=False) if name not in hosted:
            return named(name)
        case _:
            return {"type": "allowed_tools", "mode": choice.mode.value, "tools": [named(name) for name in choice.names]}
