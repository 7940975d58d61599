"""The input, both ways: the wire's flat list of items, and messages.

What the assistant says in a row is one message, until it says a second message or thinks towards one: so two messages stay two in
formats that know no items. Every item of the client's is a message of its own.
"""

from collections.abc import Sequence
from typing import assert_never

from attrs import define, field

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.formats._blame import blamed
from ccproxy_cli.core.formats._wirekit import Unknown
from ccproxy_cli.core.formats.openai_responses import spelling
from ccproxy_cli.core.formats.openai_responses.items import OutputItem, read_item, split, write_items
from ccproxy_cli.core.formats.openai_responses.parts import INPUT_TEXT, read_content, write_content
from ccproxy_cli.core.formats.openai_responses.tools import read_tools
from ccproxy_cli.core.formats.openai_responses.wire import (
    KIT,
    NAME,
    WireCallOutput,
    WireCustomCall,
    WireFunctionCall,
    WireItem,
    WireMessage,
    WireReasoning,
    WireTool,
)
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.parts import Opaque, Part, ToolKind, ToolResult
from ccproxy_cli.core.request import AnyTool, Message, Role

_ROLES = {role.value: role for role in (Role.USER, Role.ASSISTANT, Role.SYSTEM, Role.DEVELOPER)}
_THE_MODELS_OWN = frozenset({"mcp_list_tools", "mcp_approval_request", "compaction", "program", "reasoning"})
"""Types of items that the model's side makes, besides those that end in `_call`."""
_OUTPUT_KINDS = {ToolKind.FUNCTION: "function_call_output", ToolKind.CUSTOM: "custom_tool_call_output"}


@define
class InputReader:
    """Reads the items of one input."""

    messages: list[Message] = field(factory=list)
    tools: list[AnyTool] = field(factory=list)
    """Tools that items declare."""
    references: list[tuple[str, JSON]] = field(factory=list)
    """Items that only name another one the vendor keeps: their places and their ids."""
    _said: list[Part] = field(factory=list)
    """What the assistant has said since anyone else did."""
    _in_message: bool = False
    _called: bool = False

    def read(self, wires: Sequence[WireItem]) -> None:
        """Read all items. Raises `BadRequest` with the place of what is malformed."""
        for index, wire in enumerate(wires):
            self._read(wire, f"input[{index}]")
        self._end_turn()

    def _read(self, wire: WireItem, path: str) -> None:
        match wire:
            case WireMessage(role="assistant"):
                if self._in_message:
                    self._end_turn()
                self._in_message = True
                self._say(wire, path)
            case WireMessage():
                self._end_turn()
                self.messages.append(_read_message(wire, path))
            case WireReasoning():
                if self._in_message and not self._called:
                    self._end_turn()
                self._say(wire, path)
            case WireFunctionCall() | WireCustomCall():
                self._called = True
                self._say(wire, path)
            case WireCallOutput():
                self._end_turn()
                self.messages.append(_read_output(wire, path))
            case Unknown(raw):
                self._read_unknown(raw, path)
            case _:
                assert_never(wire)

    def _say(self, wire: OutputItem, path: str) -> None:
        self._said += read_item(wire, path, BadRequest)

    def _end_turn(self) -> None:
        if self._said:
            flat = len(self._said) == 1 and not isinstance(self._said[0], Opaque) and spelling.said(self._said[0].extras, spelling.FLAT)
            self.messages.append(Message(Role.ASSISTANT, tuple(self._said), flat, extras=spelling.ours()))
        self._said = []
        self._in_message = self._called = False

    def _read_unknown(self, raw: dict[str, JSON], path: str) -> None:
        kind = raw.get("type")
        if not isinstance(kind, str):
            raise blamed(BadRequest, f"{path}.type", "expected a string")
        if kind.endswith("_call") or kind in _THE_MODELS_OWN:
            self._say(Unknown(raw), path)
            return
        self._end_turn()
        if kind == "additional_tools" and raw.get("tools") is not None:
            # The tools are the request's own for every format that declares tools in one place; the item stays for this one.
            wires: list[WireTool] = KIT.read(raw["tools"], list[WireTool], BadRequest, f"{path}.tools")
            self.tools += read_tools(wires, f"{path}.tools", spelling.note(spelling.IN_INPUT))
            self.messages.append(Message(Role.DEVELOPER, extras=spelling.ours({spelling.RAW_ITEM: raw})))
            return
        if kind == "item_reference":
            self.references.append((f"{path}.id", raw.get("id")))
        self.messages.append(Message(Role.USER, (Opaque(NAME, raw),), extras=spelling.ours(spelling.note(spelling.OWN_ITEM))))


def _read_message(wire: WireMessage, path: str) -> Message:
    role = _ROLES.get(wire.role)
    if role is None:
        raise blamed(BadRequest, f"{path}.role", f"unknown role {wire.role[:40]!r}, expected one of {sorted(_ROLES)}")
    parts, flat = read_content(wire.content, INPUT_TEXT, f"{path}.content", BadRequest)
    silent, told = split(wire.extras)
    if wire.type is not None:
        silent = {"type": wire.type, **silent}
    return Message(role, parts, flat, extras=spelling.ours(told, {spelling.ITEM: silent}))


def _read_output(wire: WireCallOutput, path: str) -> Message:
    parts, flat = read_content(wire.output, INPUT_TEXT, f"{path}.output", BadRequest)
    silent, told = split(wire.extras)
    kind = next(kind for kind, word in _OUTPUT_KINDS.items() if word == wire.type)
    result = ToolResult(wire.call_id, parts, flat=flat, kind=kind, extras=spelling.ours(told, {spelling.ITEM: silent}))
    return Message(Role.TOOL, (result,), extras=spelling.ours())


def write_input(messages: Sequence[Message]) -> list[WireItem]:
    """The items of all messages. Raises `BadRequest` for content that this format cannot say."""
    return [item for index, message in enumerate(messages) for item in _write_message(message, f"input[{index}]")]


def _write_message(message: Message, path: str) -> Sequence[WireItem]:
    raw = spelling.noted(message.extras, spelling.RAW_ITEM)
    if raw is not None:
        return (Unknown(raw),)
    if message.role is Role.ASSISTANT:
        return write_items(message.parts, f"{path}.content")
    match message.parts:
        case (Opaque(raw=raw),) if spelling.said(message.extras, spelling.OWN_ITEM):
            return (Unknown(raw),)
        case (ToolResult(), *_) as results:
            return [_write_output(result, path) for result in results if isinstance(result, ToolResult)]
        case parts:
            item = dict(spelling.noted(message.extras, spelling.ITEM) or {})
            content = write_content(parts, INPUT_TEXT, flat=message.flat, path=f"{path}.content")
            kind = item.pop("type", None)
            return (WireMessage(type=kind, role=message.role.value, content=content, extras=item | spelling.own_members(message.extras)),)


def _write_output(result: ToolResult, path: str) -> WireCallOutput:
    members = dict(spelling.noted(result.extras, spelling.ITEM) or {}) | spelling.own_members(result.extras)
    output = write_content(result.parts, INPUT_TEXT, flat=result.flat, path=f"{path}.output")
    return WireCallOutput(type=_OUTPUT_KINDS[result.kind], call_id=result.call_id, output=output, extras=members)
