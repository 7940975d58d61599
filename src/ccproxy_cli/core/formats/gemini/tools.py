"""Tools and the choice among them, both ways."""

from collections.abc import Mapping, Sequence

from attrs import frozen

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import NO_EXTRAS, extras_of
from ccproxy_cli.core.formats._wirekit import SPELLED, snake_case
from ccproxy_cli.core.formats.gemini import spelling
from ccproxy_cli.core.formats.gemini.hosted import read_tool
from ccproxy_cli.core.formats.gemini.schema import from_openapi
from ccproxy_cli.core.formats.gemini.wire import NAME, CallingConfig, FunctionDeclaration, RequestWire, ToolConfig, ToolWire
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.parts import Opaque
from ccproxy_cli.core.request import AnyTool, ChoiceMode, Tool, ToolChoice

FUNCTIONS = "functionDeclarations"

_MODES: Mapping[str, ChoiceMode] = {
    "AUTO": ChoiceMode.AUTO,
    "ANY": ChoiceMode.REQUIRED,
    "NONE": ChoiceMode.NONE,
    "VALIDATED": ChoiceMode.AUTO,
    "MODE_UNSPECIFIED": ChoiceMode.AUTO,
}
_NUMBERS = ("MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED")
_WORDS = {ChoiceMode.AUTO: "AUTO", ChoiceMode.REQUIRED: "ANY", ChoiceMode.NONE: "NONE"}


# Tools


@frozen
class Tools:
    """A request's tools one by one, and what is needed to group them again."""

    tools: tuple[AnyTool, ...] | None
    notes: Mapping[str, JSON]


def decode_tools(wire: RequestWire) -> Tools:
    """The tools of a request. Raises `BadRequest`."""
    if wire.tools is None:
        return Tools(None, {})
    groups = [wire.tools] if isinstance(wire.tools, ToolWire) else wire.tools
    tools: list[AnyTool] = []
    layout: list[JSON] = []
    for index, group in enumerate(groups):
        path = "tools" if isinstance(wire.tools, ToolWire) else f"tools[{index}]"
        members: list[JSON] = []
        if group.function_declarations is not None:
            members.append([_spelled_functions(group), len(group.function_declarations)])
            tools += [_decode_function(each, f"{path}.{FUNCTIONS}[{at}]") for at, each in enumerate(group.function_declarations)]
        for name, value in group.extras.items():
            if name != SPELLED:
                members.append([name, None])
                tools.append(Opaque(NAME, {name: value}, read_tool(name, value)))
        layout.append(members)
    notes: dict[str, JSON] = {spelling.LAYOUT: layout}
    if isinstance(wire.tools, ToolWire):
        notes[spelling.LAYOUT + spelling.ONE] = True
    return Tools(tuple(tools), notes)


def _spelled_functions(group: ToolWire) -> str:
    return snake_case(FUNCTIONS) if FUNCTIONS in group.extras.get(SPELLED, ()) else FUNCTIONS


def _decode_function(wire: FunctionDeclaration, path: str) -> Tool:
    if not wire.name:
        raise BadRequest(f"{path}.name: must not be empty", f"{path}.name")
    members = dict(wire.extras)
    for schema, name in ((wire.parameters, "parameters"), (wire.parameters_json_schema, "parametersJsonSchema")):
        if schema is not None and not isinstance(schema, dict):
            raise BadRequest(f"{path}.{name}: expected an object", f"{path}.{name}")
    parameters = wire.parameters_json_schema
    if wire.parameters is not None:
        members[spelling.SCHEMA] = wire.parameters
        if parameters is not None:
            members[spelling.BOTH] = True
        else:
            parameters = from_openapi(wire.parameters)
    # Ours even when there is nothing to note: it says that the schema is written as its client wrote it.
    return Tool(wire.name, wire.description, parameters, extras={NAME: members})


def encode_tools(tools: Sequence[AnyTool], notes: Mapping[str, JSON]) -> JSON:
    """The `tools` member: grouped as their client had them, or functions together and hosted tools one by one."""
    layout = notes.get(spelling.LAYOUT)
    groups = _regrouped(tools, layout) if layout is not None else None
    if groups is None:
        functions = [encode_function(tool) for tool in tools if isinstance(tool, Tool)]
        groups = [{FUNCTIONS: functions}] if functions else []
        groups += [tool.raw for tool in tools if isinstance(tool, Opaque) and tool.format == NAME]
    return groups[0] if len(groups) == 1 and spelling.LAYOUT + spelling.ONE in notes else groups


def _regrouped(tools: Sequence[AnyTool], layout: Sequence[Sequence[tuple[str, int | None]]]) -> list[dict[str, JSON]] | None:
    """The tools in their client's groups; None if they are not the same tools any more."""
    rest = list(tools)
    groups: list[dict[str, JSON]] = []
    for members in layout:
        group: dict[str, JSON] = {}
        for name, count in members:
            taken, rest = rest[: 1 if count is None else count], rest[1 if count is None else count :]
            if count is None and len(taken) == 1 and isinstance(taken[0], Opaque) and name in taken[0].raw:
                group[name] = taken[0].raw[name]
            elif count is not None and len(taken) == count and all(isinstance(tool, Tool) for tool in taken):
                group[name] = [encode_function(tool) for tool in taken if isinstance(tool, Tool)]
            else:
                return None
        groups.append(group)
    return None if rest else groups


def encode_function(tool: Tool) -> dict[str, JSON]:
    """One function's declaration."""
    notes = spelling.members_of(tool.extras)
    written: dict[str, JSON] = {"name": tool.name}
    if tool.description is not None:
        written["description"] = tool.description
    if spelling.SCHEMA in notes:
        written["parameters"] = notes[spelling.SCHEMA]
    if tool.parameters is not None and (spelling.SCHEMA not in notes or spelling.BOTH in notes):
        written["parametersJsonSchema"] = tool.parameters
    return spelling.complete(written, notes)


# The choice


def decode_choice(wire: ToolConfig | None, declared: Sequence[AnyTool] | None, members: dict[str, JSON]) -> ToolChoice | None:
    """What of the `declared` tools may be called. What else the configuration holds goes to `members`. Raises `BadRequest`."""
    if wire is None:
        return None
    members |= spelling.inner("toolConfig", wire.extras)
    config = wire.function_calling_config
    if config is None:
        members[spelling.EMPTY + "toolConfig"] = True
        return None
    return _decode_calling(config, {tool.name for tool in declared or () if isinstance(tool, Tool)})


def _decode_calling(config: CallingConfig, declared: set[str]) -> ToolChoice:
    mode = config.mode
    word = _NUMBERS[mode] if type(mode) is int and 0 <= mode < len(_NUMBERS) else "MODE_UNSPECIFIED" if mode is None else str(mode).upper()
    if word not in _MODES:
        path = "toolConfig.functionCallingConfig.mode"
        raise BadRequest(f"{path}: expected one of {sorted(_MODES)}, got {str(mode)[:40]!r}", path)
    members = dict(config.extras)
    names = tuple(config.allowed_function_names or ())
    if config.allowed_function_names == []:
        members["allowedFunctionNames"] = []
    choice = _MODES[word]
    if word == "AUTO" or (len(names) > 1 and declared == set(names)):  # names mean nothing to AUTO, and all of them are no limit
        members |= {spelling.NAMES: names} if names else {}
        names = ()
    if mode != _mode(choice, names):
        members[spelling.MODE] = mode
    forced = choice is ChoiceMode.REQUIRED and len(names) == 1
    return ToolChoice(choice, names, subset=bool(names) and not forced, extras=extras_of(NAME, members))


def encode_choice(choice: ToolChoice | None, members: Mapping[str, JSON]) -> dict[str, JSON] | None:
    """The `toolConfig` member, if there is anything to say in it.

    Args:
        members: those of the request.
    """
    rest = spelling.inner_members({NAME: members}, "toolConfig")
    if choice is None:
        return spelling.complete({}, rest) if rest or spelling.EMPTY + "toolConfig" in members else None
    notes = choice.extras.get(NAME, NO_EXTRAS)
    mode = notes[spelling.MODE] if spelling.MODE in notes else _mode(choice.mode, choice.names)
    config: dict[str, JSON] = {} if mode is None else {"mode": mode}
    names = choice.names or notes.get(spelling.NAMES)
    if names:
        config["allowedFunctionNames"] = list(names)
    return spelling.complete({"functionCallingConfig": spelling.complete(config, notes)}, rest)


def _mode(mode: ChoiceMode, names: Sequence[str]) -> str:
    # Names go with ANY and VALIDATED; VALIDATED leaves the model free not to call.
    return "VALIDATED" if mode is ChoiceMode.AUTO and names else _WORDS[mode]
