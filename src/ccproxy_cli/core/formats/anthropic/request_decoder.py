"""A client's request to the vocabulary. Nothing is restructured: what the client wrote can be written again, member for member."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NoReturn

from attrs import evolve

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import NOTE, Losses, extras_of
from ccproxy_cli.core.formats._blame import blamed, parse
from ccproxy_cli.core.formats._wirekit import Unknown
from ccproxy_cli.core.formats.anthropic.hosted import read_tool
from ccproxy_cli.core.formats.anthropic.parts import decode_cache, decode_content, decode_opaque, decode_parts, require_object
from ccproxy_cli.core.formats.anthropic.wire import (
    KIT,
    NAME,
    JSONSchemaFormat,
    MessageWire,
    RequestWire,
    TextBlock,
    ToolChoiceWire,
    ToolWire,
)
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.parts import Opaque, Part, Reasoning, Text, ToolCall, ToolResult
from ccproxy_cli.core.request import (
    AnyTool,
    ChoiceMode,
    Message,
    Output,
    OutputKind,
    Request,
    Role,
    Sampling,
    Thinking,
    ThinkingMode,
    Tool,
    ToolChoice,
)

CALL_NOTE = NOTE + "call"
"""What the client said outside the body and the vendor should hear. Its presence tells a request that came in this format."""
TYPE_NOTE = NOTE + "type"
"""A tool's `type`, where it was written out."""
BETA_NOTE = NOTE + "output_format"
"""The schema stood in `output_format`, the older spelling of `output_config.format`."""

TIERS: Mapping[str, str] = MappingProxyType({"auto": "auto", "standard_only": "default"})
"""The vendor's words for service tiers, and the vocabulary's."""
FORWARDED_HEADERS = ("anthropic-version", "anthropic-beta")
MAX_INT = 2**53
"""Beyond it clients and vendors disagree about what number was meant."""

_ROLES: Mapping[str, Role] = MappingProxyType({role.value: role for role in (Role.USER, Role.ASSISTANT, Role.SYSTEM)})
_PLACES: Mapping[type[Part], tuple[Role, str]] = MappingProxyType(
    {
        ToolCall: (Role.ASSISTANT, "tool_use"),
        Reasoning: (Role.ASSISTANT, "thinking"),
        ToolResult: (Role.USER, "tool_result"),
    }
)
"""The user cannot call tools or think, and the model cannot answer its own calls."""
_MODES = frozenset(mode.value for mode in ThinkingMode)
_THREADS_REFUSED: Mapping[str, JSON] = MappingProxyType({"error_code": "thread_unsupported_request", "unsupported": ["thread"]})


def decode_request(call: HTTPCall, losses: Losses) -> Request:
    """A `POST /v1/messages`.

    Raises:
        BadRequest: with the path of the field as the client wrote it.
    """
    wire = _read(call)
    if wire.max_tokens is None:
        raise BadRequest("max_tokens: Field required", "max_tokens")
    return _request(wire, call)


def decode_count_request(call: HTTPCall, losses: Losses) -> Request:
    """A `POST /v1/messages/count_tokens`, which is a request without a limit. Raises as `decode_request` does."""
    return _request(_read(call), call)


def _read(call: HTTPCall) -> RequestWire:
    return KIT.read(parse(call.body, BadRequest), RequestWire, BadRequest)


def _request(wire: RequestWire, call: HTTPCall) -> Request:
    _check(wire)
    members = dict(wire.extras)
    output = _output(wire, members)
    if wire.output_config is not None:
        rest = dict(wire.output_config.extras)
        if isinstance(wire.output_config.format, Unknown):
            rest["format"] = wire.output_config.format.raw
        if rest or (wire.output_config.effort is None and wire.output_config.format is None):
            members["output_config"] = rest
    if wire.metadata is not None and (wire.metadata.extras or wire.metadata.user_id is None):
        members["metadata"] = wire.metadata.extras
    if wire.system == []:
        members["system"] = []
    members[CALL_NOTE] = {name: call.headers[name] for name in FORWARDED_HEADERS if name in call.headers}
    if call.query:
        members[CALL_NOTE]["query"] = call.query
    return Request(
        model=wire.model,
        messages=tuple([_message(message, index, len(wire.messages)) for index, message in enumerate(wire.messages)]),
        instructions=_instructions(wire),
        instructions_flat=isinstance(wire.system, str),
        tools=None if wire.tools is None else tuple([_tool(tool, index) for index, tool in enumerate(wire.tools)]),
        tool_choice=_choice(wire.tool_choice),
        parallel_tool_calls=_parallel(wire.tool_choice),
        max_tokens=wire.max_tokens,
        sampling=Sampling(temperature=wire.temperature, top_p=wire.top_p, top_k=wire.top_k),
        stop=None if wire.stop_sequences is None else tuple(wire.stop_sequences),
        thinking=_thinking(wire),
        output=output,
        stream=wire.stream,
        user=wire.metadata.user_id if wire.metadata else None,
        cache=decode_cache(wire.cache_control),
        service_tier=_tier(members),
        extras=extras_of(NAME, members),
    )


def _tier(members: dict[str, JSON]) -> str | None:
    """The service tier, taken out of `members` where it is known."""
    word = members.get("service_tier")
    if not isinstance(word, str) or word not in TIERS:
        return None
    del members["service_tier"]
    return TIERS[word]


def _check(wire: RequestWire) -> None:
    """What a request must hold beyond its types."""
    if not wire.model:
        raise BadRequest("model: String should have at least 1 character", "model")
    if not wire.messages:
        raise BadRequest("messages: at least one message is required", "messages")
    if wire.max_tokens is not None and not 0 <= wire.max_tokens <= MAX_INT:  # 0 warms the cache and answers nothing
        raise BadRequest(f"max_tokens: must be between 0 and {MAX_INT}", "max_tokens")
    if wire.extras.get("thread") is not None:
        refuse_threads()


def refuse_threads() -> NoReturn:
    """Raise `BadRequest` for a conversation that the vendor keeps.

    The official SDK's tool runner resends the whole history when it is told so in these words (seen 2026-11-20).
    """
    raise BadRequest(
        "thread: message threads are kept by the vendor and cannot be served here; send the whole history",
        "thread",
        code="thread_unsupported_request",
        details=dict(_THREADS_REFUSED),
    )


def _message(wire: MessageWire, index: int, count: int) -> Message:
    role, path = _ROLES.get(wire.role), f"messages[{index}]"
    if role is None:
        raise BadRequest(f"{path}.role: expected `user`, `assistant` or `system`, got {wire.role[:40]!r}", f"{path}.role")
    if not wire.content and not (wire.role == "assistant" and index == count - 1):
        raise BadRequest(
            f"{path}: all messages must have non-empty content except for the optional final assistant message", f"{path}.content"
        )
    parts, flat = decode_content(wire.content, f"{path}.content", BadRequest)
    for position, part in enumerate(parts):
        if (place := _PLACES.get(type(part))) is not None and place[0] is not role:
            at = f"{path}.content[{position}]"
            raise BadRequest(f"{at}: `{place[1]}` blocks can only be in `{place[0].value}` messages", at)
    return Message(role, parts, flat, extras=extras_of(NAME, wire.extras))


def _instructions(wire: RequestWire) -> tuple[Text | Opaque, ...]:
    if wire.system is None:
        return ()
    if isinstance(wire.system, str):
        return (Text(wire.system),)
    blocks: list[Text | Opaque] = []
    for index, block in enumerate(wire.system):
        (part,) = (
            decode_parts([block], "system", BadRequest)
            if isinstance(block, TextBlock)
            else (decode_opaque(block, f"system[{index}]", BadRequest),)
        )
        assert isinstance(part, Text | Opaque)
        blocks.append(part)
    return tuple(blocks)


def _tool(wire: ToolWire | Unknown, index: int) -> AnyTool:
    if isinstance(wire, Unknown):
        return evolve(decode_opaque(wire, f"tools[{index}]", BadRequest), meaning=read_tool(wire.raw))
    if not wire.name:
        raise BadRequest(f"tools[{index}].name: String should have at least 1 character", f"tools[{index}].name")
    if wire.input_schema is not None and type(wire.input_schema) is not dict:
        raise blamed(BadRequest, f"tools[{index}].input_schema", "expected an object")
    return Tool(
        wire.name,
        wire.description,
        wire.input_schema,
        wire.strict,
        cache=None if wire.cache_control is None else decode_cache(wire.cache_control),
        extras=extras_of(NAME, wire.extras if wire.type is None else {**wire.extras, TYPE_NOTE: wire.type}),
    )


def _choice(wire: ToolChoiceWire | None) -> ToolChoice | None:
    if wire is None:
        return None
    extras = extras_of(NAME, wire.extras)
    match wire.type:
        case "auto":
            return ToolChoice(ChoiceMode.AUTO, extras=extras)
        case "any":
            return ToolChoice(ChoiceMode.REQUIRED, extras=extras)
        case "none":
            return ToolChoice(ChoiceMode.NONE, extras=extras)
        case "tool":
            if not wire.name:
                raise BadRequest("tool_choice.name: Field required", "tool_choice.name")
            return ToolChoice(ChoiceMode.REQUIRED, (wire.name,), extras=extras)
        case _:
            raise BadRequest(f"tool_choice.type: expected `auto`, `any`, `tool` or `none`, got {wire.type[:40]!r}", "tool_choice.type")


def _parallel(wire: ToolChoiceWire | None) -> bool | None:
    if wire is None or wire.disable_parallel_tool_use is None:
        return None
    return not wire.disable_parallel_tool_use


def _thinking(wire: RequestWire) -> Thinking | None:
    effort = wire.output_config.effort if wire.output_config else None
    if wire.thinking is None:
        return None if effort is None else Thinking(effort=effort)
    if wire.thinking.type == ThinkingMode.BUDGET and wire.thinking.budget_tokens is None:
        raise BadRequest("thinking.budget_tokens: Field required", "thinking.budget_tokens")
    known = wire.thinking.type in _MODES
    members = wire.thinking.extras if known else {**wire.thinking.extras, "type": wire.thinking.type}
    return Thinking(
        ThinkingMode(wire.thinking.type) if known else None,
        wire.thinking.budget_tokens,
        effort,
        wire.thinking.display,
        extras_of(NAME, members),
    )


def _output(wire: RequestWire, members: dict[str, JSON]) -> Output | None:
    """The schema the answer must fit, from whichever of its two places it stands in; what is left of the other goes to `members`."""
    chosen = wire.output_config.format if wire.output_config else None
    if isinstance(chosen, JSONSchemaFormat):
        if wire.output_format is not None:
            members["output_format"] = wire.output_format.raw if isinstance(wire.output_format, Unknown) else KIT.write(wire.output_format)
        require_object(chosen.schema, "output_config.format.schema", BadRequest)
        return Output(OutputKind.JSON_SCHEMA, chosen.schema, extras=extras_of(NAME, chosen.extras))
    match wire.output_format:
        case JSONSchemaFormat(schema=schema, extras=extras):
            require_object(schema, "output_format.schema", BadRequest)
            return Output(OutputKind.JSON_SCHEMA, schema, extras=extras_of(NAME, {**extras, BETA_NOTE: True}))
        case Unknown(raw):
            members["output_format"] = raw
        case None:
            pass
    return None
