"""The assistant's items, one by one, both ways: each is one part, but for messages, which are as many as their content."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias, assert_never

from attrs import define, evolve, field

from ccproxy_cli.core.formats._blame import Blame
from ccproxy_cli.core.formats._wirekit import Unknown
from ccproxy_cli.core.formats.openai_responses import spelling
from ccproxy_cli.core.formats.openai_responses.hosted import read_step
from ccproxy_cli.core.formats.openai_responses.parts import OUTPUT_TEXT, read_parts, write_part
from ccproxy_cli.core.formats.openai_responses.wire import NAME, WireCustomCall, WireFunctionCall, WireMessage, WirePart, WireReasoning
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.parts import Media, Opaque, Part, Proof, ProofKind, Reasoning, Refusal, Text, ToolCall, ToolKind, ToolResult

OutputItem: TypeAlias = WireMessage | WireReasoning | WireFunctionCall | WireCustomCall | Unknown

BETWEEN_SUMMARIES = "\n\n"
"""Between the parts of a summary, where they become one text."""
_NAMESPACE_END = "__"


def split(members: Mapping[str, JSON]) -> tuple[dict[str, JSON], dict[str, JSON]]:
    """An item's members that say nothing to a model, and the others."""
    silent = {name: value for name, value in members.items() if name in spelling.SILENT}
    return silent, {name: value for name, value in members.items() if name not in spelling.SILENT}


def read_item(wire: OutputItem, path: str, blame: Blame) -> tuple[Part, ...]:
    """The parts that an item of the assistant's is. Raises `blame` if it is malformed."""
    match wire:
        case WireMessage():
            return _read_message(wire, path, blame)
        case WireReasoning():
            return (_read_reasoning(wire),)
        case WireFunctionCall():
            silent, told = split(wire.extras)
            call = ToolCall(wire.call_id, full_name(wire.name, wire.namespace), wire.arguments, item_id=wire.id)
            return (evolve(call, extras=_call_extras(silent, told, wire.namespace)),)
        case WireCustomCall():
            silent, told = split(wire.extras)
            call = ToolCall(wire.call_id, full_name(wire.name, wire.namespace), wire.input, ToolKind.CUSTOM, wire.id)
            return (evolve(call, extras=_call_extras(silent, told, wire.namespace)),)
        case Unknown(raw):
            return (Opaque(NAME, raw, read_step(raw)),)
        case _:
            assert_never(wire)


def full_name(name: str, namespace: str | None) -> str:
    """What a tool inside a namespace is called everywhere else.

    A function that was searched for is called in a namespace of its own name (recorded 2026-11), though it was declared in none.
    """
    return f"{namespace}{_NAMESPACE_END}{name}" if namespace and namespace != name else name


def bare_name(name: str, namespace: str | None) -> str:
    """Undoes `full_name`."""
    return name.removeprefix(f"{namespace}{_NAMESPACE_END}") if namespace else name


def _call_extras(silent: dict[str, JSON], told: dict[str, JSON], namespace: str | None) -> dict[str, dict[str, JSON]]:
    notes: dict[str, JSON] = {spelling.ITEM: silent}
    if namespace is not None:
        notes[spelling.NAMESPACE] = namespace
    return {NAME: told | notes}


def _read_message(wire: WireMessage, path: str, blame: Blame) -> tuple[Part, ...]:
    silent, told = split(wire.extras)
    if wire.type is not None:
        silent = {"type": wire.type, **silent}
    notes: dict[str, JSON] = {spelling.ITEM: silent, **spelling.dotted("item", told)}
    if isinstance(wire.content, str):
        return (Text(wire.content, extras=spelling.ours(notes, spelling.note(spelling.FLAT))),)
    parts = [_in_message(part) for part in read_parts(wire.content, OUTPUT_TEXT, f"{path}.content", blame)]
    match parts:
        case [Text() | Refusal() | Media() as first, *rest]:
            return (evolve(first, extras=spelling.ours(first.extras.get(NAME, {}), notes)), *rest)
        case _:
            return (Text(extras=spelling.ours(notes, spelling.note(spelling.CARRIER))), *parts)


def _in_message(part: Part) -> Part:
    return Opaque(NAME, {**part.raw, spelling.IN_MESSAGE: True}) if isinstance(part, Opaque) else part


def _read_reasoning(wire: WireReasoning) -> Reasoning:
    silent, told = split(wire.extras)
    notes: dict[str, JSON] = {spelling.ITEM: silent}
    if wire.summary is not None:
        notes[spelling.SUMMARY] = wire.summary
    content = told.get("content")
    if "content" in told:
        notes[spelling.CONTENT] = told.pop("content")
    text = BETWEEN_SUMMARIES.join(_texts(wire.summary)) or "".join(_texts(content))
    proofs = () if wire.encrypted_content is None else (Proof(NAME, wire.encrypted_content, ProofKind.SEALED),)
    return Reasoning(text, proofs, spelling.ours(told, notes))


def _texts(parts: JSON) -> Iterator[str]:
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            yield part["text"]


# Writing


@define
class _Message:
    """A message item under way."""

    wire: WireMessage
    content: list[WirePart] = field(factory=list)


def write_items(parts: Sequence[Part], path: str) -> list[OutputItem]:
    """The items that the assistant's parts are. Raises `BadRequest` for what cannot stand among them."""
    items: list[OutputItem] = []
    message: _Message | None = None
    for index, part in enumerate(parts):
        match part:
            case Reasoning():
                message = None
                items.append(_write_reasoning(part))
            case ToolCall():
                message = None
                items.append(_write_call(part))
            case Opaque(raw=raw) if not (isinstance(raw, dict) and spelling.IN_MESSAGE in raw):
                message = None
                items.append(Unknown(raw))
            case _:
                if message is None or spelling.begins_item(part):
                    message = _begin_message(part)
                    items.append(message.wire)
                _add(message, part, f"{path}[{index}]")
    return items


def _begin_message(part: Part) -> _Message:
    content: list[WirePart] = []
    wire = WireMessage(role="assistant", content=content)
    if not isinstance(part, Opaque):
        item = dict(spelling.noted(part.extras, spelling.ITEM) or {})
        wire.type = item.pop("type", None)
        wire.extras = item | spelling.inner_members(part.extras, "item")
    return _Message(wire, content)


def _add(message: _Message, part: Part, path: str) -> None:
    wire = message.wire
    if not isinstance(part, Opaque | ToolResult):
        wire.extras |= spelling.noted(part.extras, spelling.ITEM_END) or {}
        if spelling.said(part.extras, spelling.CARRIER):
            return
        if isinstance(part, Text) and spelling.said(part.extras, spelling.FLAT) and not message.content:
            wire.content = part.text
            return
    message.content.append(write_part(part, OUTPUT_TEXT, path))


def _write_reasoning(part: Reasoning) -> WireReasoning:
    members = dict(spelling.noted(part.extras, spelling.ITEM) or {}) | spelling.own_members(part.extras)
    if spelling.said(part.extras, spelling.CONTENT):
        members["content"] = spelling.noted(part.extras, spelling.CONTENT)
    if spelling.is_own(part.extras):
        summary = spelling.noted(part.extras, spelling.SUMMARY)
    else:
        summary = [{"type": "summary_text", "text": part.text}] if part.text else []
    sealed = next((proof.payload for proof in part.proofs if proof.issuer == NAME), None)
    return WireReasoning(summary=summary, encrypted_content=sealed, extras=members)


def _write_call(part: ToolCall) -> WireFunctionCall | WireCustomCall:
    namespace = spelling.noted(part.extras, spelling.NAMESPACE)
    name = bare_name(part.name, namespace)
    members = dict(spelling.noted(part.extras, spelling.ITEM) or {}) | spelling.own_members(part.extras)
    if part.kind is ToolKind.CUSTOM:
        return WireCustomCall(id=part.item_id, call_id=part.call_id, name=name, input=part.arguments, namespace=namespace, extras=members)
    return WireFunctionCall(id=part.item_id, call_id=part.call_id, name=name, arguments=part.arguments, namespace=namespace, extras=members)
