"""The assistant's message: the one object in which this format says reasoning, text, refusal and calls, whatever came first.

The same object is an answer's `message` and a conversation's history, so both are read and written here.
"""

from collections.abc import Callable, Sequence

from ccproxy_cli.core.citations import Citation
from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Extras, Losses
from ccproxy_cli.core.formats._blame import Blame, blamed
from ccproxy_cli.core.formats._openai.citations import write_annotation
from ccproxy_cli.core.formats.openai_chat import spelling
from ccproxy_cli.core.formats.openai_chat.parts import read_content, write_content
from ccproxy_cli.core.formats.openai_chat.wire import (
    NAME,
    WireCall,
    WireCustomCall,
    WireFunction,
    WireMessage,
)
from ccproxy_cli.core.jsontext import JSON, dumps_str
from ccproxy_cli.core.left_behind import leave_citation, leave_part, leave_quote, media_note
from ccproxy_cli.core.parts import Media, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolKind, ToolResult

REASONING_MEMBERS = ("reasoning_content", "reasoning")
"""Where compatible servers put the thinking: DeepSeek, xAI and Azure the first; OpenRouter, Groq and Cerebras the second."""


def read_assistant(
    wire: WireMessage, path: str, blame: Blame, new_id: Callable[[str], str]
) -> tuple[tuple[Part, ...], bool, dict[str, JSON]]:
    """The parts, whether the content was one bare string, and what else the message held.

    Args:
        new_id: an id for a call that has none, given the function's name.
    """
    members = dict(wire.extras)
    content, flat = read_content(wire.content or None, f"{path}.content", blame)
    if not wire.content and "content" not in members:
        members |= _content_note(wire.content)
    parts: list[Part] = [*_read_reasoning(members), *content]
    if wire.refusal is not None:
        parts.append(Refusal(wire.refusal, spelling.ours(spelling.note(spelling.IN_MESSAGE))))
    if wire.tool_calls is not None:
        if not wire.tool_calls:
            members["tool_calls"] = []
        parts += [_read_call(call, f"{path}.tool_calls[{index}]", blame, new_id) for index, call in enumerate(wire.tool_calls)]
    if wire.function_call is not None:
        function = wire.function_call
        arguments = _arguments(function, f"{path}.function_call", blame)
        extras = spelling.ours(spelling.dotted("function", function.extras), spelling.note(spelling.LEGACY))
        parts.append(ToolCall(new_id(function.name), function.name, arguments, extras=extras))
    return tuple(parts), flat, members


def _content_note(content: JSON) -> dict[str, JSON]:
    """How the message said nothing: many servers write an empty string beside calls."""
    if content is None:
        return spelling.note(spelling.NO_CONTENT)
    return spelling.note(spelling.EMPTY + "content") if content == "" else {}


def _read_reasoning(members: dict[str, JSON]) -> list[Reasoning]:
    """Takes the thinking out of `members`; a second telling of it stays there."""
    for name in REASONING_MEMBERS:
        text = members.get(name)
        if isinstance(text, str):
            del members[name]
            if not text:  # says nothing, and is no part: but the vendor's own clients send it back as it came
                members[spelling.EMPTY + name] = True
                continue
            notes = spelling.note(spelling.REASONING) if name == "reasoning" else {}
            return [Reasoning(text, extras=spelling.ours(notes))]
    return []


def _read_call(wire: WireCall, path: str, blame: Blame, new_id: Callable[[str], str]) -> ToolCall:
    if isinstance(wire, WireCustomCall):
        name, kind, text = wire.custom.name, ToolKind.CUSTOM, wire.custom.input or ""
        inner, notes = spelling.dotted("custom", wire.custom.extras), {}
    else:
        name, kind, text = wire.function.name, ToolKind.FUNCTION, _arguments(wire.function, f"{path}.function", blame)
        inner, notes = spelling.dotted("function", wire.function.extras), {} if wire.type else spelling.note(spelling.NO_TYPE)
    if not wire.id and blame is BadRequest:
        raise BadRequest(f"{path}.id: Field required", f"{path}.id")
    return ToolCall(wire.id or new_id(name), name, text, kind, extras=spelling.ours(wire.extras, inner, notes))


def _arguments(function: WireFunction, path: str, blame: Blame) -> str:
    match function.arguments:
        case None:
            return ""
        case str() as text:
            return text
        case value if blame is BadRequest:
            raise blamed(blame, f"{path}.arguments", "expected a string, got an object")
        case value:
            return dumps_str(value)


def write_assistant(body: dict[str, JSON], parts: Sequence[Part], *, flat: bool, notes: Extras, path: str) -> None:
    """Add the parts to `body`, which holds what else the message says.

    Args:
        notes: the message's extras, which say how it was spelled.

    Raises:
        BadRequest: a part that an assistant's message cannot hold.
    """
    content: list[Part] = []
    calls: list[JSON] = []
    for name in REASONING_MEMBERS:
        if spelling.said(notes, spelling.EMPTY + name):
            body[name] = ""
    for part in parts:
        match part:
            case Reasoning() if not spelling.said(part.extras, spelling.IN_CONTENT):
                name = "reasoning" if spelling.said(part.extras, spelling.REASONING) else "reasoning_content"
                body[name] = body.get(name, "") + part.text
            case Refusal() if spelling.said(part.extras, spelling.IN_MESSAGE):
                body["refusal"] = (body.get("refusal") or "") + part.text
            case ToolCall():
                _write_call(body, part, calls)
            case ToolResult():
                raise BadRequest(f"{path}: a tool result cannot stand in the assistant's message", path)
            case Text() | Media() | Reasoning() | Refusal() | Opaque():
                content.append(part)
    if not content and spelling.said(notes, spelling.EMPTY + "content"):
        body["content"] = ""
    elif content or not (spelling.said(notes, spelling.NO_CONTENT) or spelling.said(notes, "content")):
        body["content"] = write_content(content, flat=flat, path=path)
    if calls:
        body["tool_calls"] = calls


def _write_call(body: dict[str, JSON], call: ToolCall, calls: list[JSON]) -> None:
    extras = call.extras
    written: dict[str, JSON] = {"id": call.call_id}
    if call.kind is ToolKind.CUSTOM:
        written["type"] = "custom"
        written["custom"] = spelling.with_inner({"name": call.name, "input": call.arguments}, extras, "custom")
    else:
        function = spelling.with_inner({"name": call.name, "arguments": call.arguments}, extras, "function")
        if spelling.said(extras, spelling.LEGACY):
            body["function_call"] = function
            return
        if not spelling.said(extras, spelling.NO_TYPE):
            written["type"] = "function"
        written["function"] = function
    calls.append(spelling.with_members(written, extras, "function", "custom"))


def write_foreign(parts: Sequence[Part], losses: Losses) -> dict[str, JSON]:
    """An answer of another format as this format's message, in the shape OpenAI gives it."""
    texts: list[str] = []
    citations: list[Citation] = []
    for part in parts:
        match part:
            case Text():
                citations += [citation.moved(sum(map(len, texts)), len(part.text)) for citation in part.citations]
                texts.append(part.text)
            case Media():
                texts.append(media_note(part))
                leave_part(part, NAME, losses)
            case _:
                leave_part(part, NAME, losses)
    refusals = [part.text for part in parts if isinstance(part, Refusal)]
    thoughts = "".join(part.text for part in parts if isinstance(part, Reasoning))
    body: dict[str, JSON] = {"role": "assistant", "content": None, "refusal": None}
    if texts or not any(isinstance(part, ToolCall | Refusal) for part in parts):
        body["content"] = "".join(texts)
    if annotations := write_annotations(citations, sum(map(len, texts)), losses):
        body["annotations"] = annotations
    if refusals:
        body["refusal"] = "".join(refusals)
    if thoughts:
        body["reasoning_content"] = thoughts
    calls: list[JSON] = []
    for part in parts:
        if isinstance(part, ToolCall):
            _write_call(body, part, calls)
    if calls:
        body["tool_calls"] = calls
    return body


def write_annotations(citations: Sequence[Citation], length: int, losses: Losses) -> list[JSON]:
    """The citations of a content of that many characters. Only addresses can be told."""
    written: list[JSON] = []
    for citation in dict.fromkeys(citations):
        annotation = None if citation.url is None else write_annotation(citation, length)
        if annotation is None:
            leave_citation(NAME, losses)
        else:
            leave_quote(citation, NAME, losses)
            kind = annotation.pop("type")
            written.append({"type": kind, kind: annotation})
    return written
