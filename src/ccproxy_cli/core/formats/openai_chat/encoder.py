"""Streams to a client: events to chunks.

Every chunk repeats id, time and model, so they are written once and kept; a delta costs one JSON string and two joins.
"""

from typing import assert_never

from attrs import define, field

from ccproxy_cli.core.citations import Citation
from ccproxy_cli.core.events import (
    CitationDelta,
    Event,
    OpaqueDelta,
    OpaqueEvent,
    PartEnd,
    PartStart,
    Ping,
    ProofDelta,
    ResponseEnd,
    ResponseStart,
    StreamError,
    TextDelta,
)
from ccproxy_cli.core.extras import NO_EXTRAS, NOTE, Extras, Losses
from ccproxy_cli.core.formats.openai_chat import spelling
from ccproxy_cli.core.formats.openai_chat.assistant import write_annotations
from ccproxy_cli.core.formats.openai_chat.errors import encode_stream_error
from ccproxy_cli.core.formats.openai_chat.finish import finish_word, write_usage
from ccproxy_cli.core.formats.openai_chat.response import FURTHER, made_up_id, write_answer_logprobs
from ccproxy_cli.core.formats.openai_chat.tools import is_legacy
from ccproxy_cli.core.formats.openai_chat.wire import NAME
from ccproxy_cli.core.framing import encode_comment
from ccproxy_cli.core.jsontext import JSON, dumps
from ccproxy_cli.core.left_behind import leave_ending, leave_part, media_note
from ccproxy_cli.core.parts import Media, Opaque, Reasoning, Refusal, Text, ToolCall, ToolKind, ToolResult
from ccproxy_cli.core.request import Request
from ccproxy_cli.core.stream import merge_extras

_DONE = b"data: [DONE]\n\n"
_HOLE = "\x00text\x00"
"""Stands where the text will be while a chunk's frame is written."""


@define
class _Tail:
    """A part that has begun and not ended."""

    before: bytes
    """What stands around the text of its deltas."""
    after: bytes
    said: int = 0
    """Characters that have gone out."""
    is_content: bool = False
    begins: int = 0
    """Where it began in the content, once it has ended."""
    citations: list[Citation] = field(factory=list)


class ChatStreamEncoder:
    """One stream's state."""

    media_type = "text/event-stream"
    ping = encode_comment(b"ping")

    def __init__(self, request: Request, losses: Losses | None = None) -> None:
        self._usage = bool(request.stream_usage)
        self._legacy = any(is_legacy(tool) for tool in request.tools or ())
        self._own = False
        self._role_due = False
        self._empty = False  # the upstream began with an empty content
        self._extras: Extras = NO_EXTRAS
        self._further: list[JSON] = []  # whole choices after the first
        self._members: dict[str, JSON] = {}  # of a chunk, without its choices
        self._head = b""  # the same as bytes, up to the choices
        self._tails: dict[int, _Tail] = {}
        self._texts: dict[int, _Tail] = {}  # of the content, those that have ended
        self._said = 0  # characters of the content up to there
        self._losses = Losses() if losses is None else losses
        self._calls = 0
        self._refused = False

    def encode(self, event: Event) -> bytes:
        """The bytes for `event`; empty if this format says nothing here."""
        match event:
            case TextDelta(index, text):
                tail = self._tails.get(index)
                if tail is None:
                    return b""
                tail.said += len(text)
                return tail.before + dumps(text) + tail.after
            case PartStart():
                return self._begin(event)
            case PartEnd(index):
                tail = self._tails.pop(index, None)
                if tail is not None and tail.is_content:
                    tail.begins, self._said = self._said, self._said + tail.said
                    self._texts[index] = tail
                return b""
            case CitationDelta(index, citation):
                tail = self._tails.get(index) or self._texts.get(index)
                if tail is not None:
                    tail.citations.append(citation)
                return b""
            case ResponseStart():
                self._begin_response(event)
                return b""
            case ResponseEnd():
                return self._end(event)
            case StreamError(error):
                return encode_stream_error(error, "")
            case OpaqueEvent(format_name, raw):
                return self._opaque(raw) if format_name == NAME else b""
            case OpaqueDelta() | ProofDelta() | Ping():
                return b""
            case _:
                assert_never(event)

    def _begin_response(self, start: ResponseStart) -> None:
        """Nothing goes out yet: what the first chunk says depends on what comes first."""
        self._own, self._role_due = spelling.is_own(start.extras), True
        self._empty = spelling.said(start.extras, spelling.EMPTY + "content")
        self._extras = start.extras
        own = spelling.own_members(start.extras, "choice", "message")
        self._further = own.pop(FURTHER, [])
        self._members = {
            "id": start.id or made_up_id(start.model, start.created),
            "object": own.pop("object", None) or "chat.completion.chunk",
            "created": start.created or 0,
            "model": start.model,
            **own,
        }
        if self._usage:
            self._members["usage"] = None
        self._head = _head(self._members)

    def _chunk(self, delta: JSON, finish: str | None = None) -> bytes:
        return self._head + dumps({"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}) + b"]}\n\n"

    def _role(self, content: str | None) -> bytes:
        """The first chunk, if it has not gone out."""
        if not self._role_due:
            return b""
        self._role_due = False
        return self._chunk({"role": "assistant", "content": "" if self._empty else content, "refusal": None})

    # Parts

    def _begin(self, event: PartStart) -> bytes:
        index, part = event.index, event.part
        match part:
            case Text(text):
                out = self._role("") + self._open_text(index, "content", text)
                self._tails[index].is_content = True
                self._tails[index].citations += part.citations
                return out
            case Reasoning(text):
                name = "reasoning" if spelling.said(part.extras, spelling.REASONING) else "reasoning_content"
                return self._role(None) + self._open_text(index, name, text)
            case Refusal(text):
                self._refused = True
                return self._role(None) + self._open_text(index, "refusal", text)
            case ToolCall():
                return self._role(None) + self._open_call(index, part)
            case Opaque(format_name, raw) if format_name == NAME:
                return self._role(None) + self._chunk({"content": [raw]})
            case Media():
                note = media_note(part)
                self._said += len(note)
                leave_part(part, NAME, self._losses)
                return self._role("") + self._chunk({"content": note})
            case Opaque() | ToolResult():
                leave_part(part, NAME, self._losses)
                return b""
            case _:
                assert_never(part)

    def _open_text(self, index: int, name: str, text: str) -> bytes:
        tail = self._tails[index] = self._around({name: _HOLE})
        tail.said = len(text)
        return tail.before + dumps(text) + tail.after if text else b""

    def _open_call(self, index: int, call: ToolCall) -> bytes:
        if self._legacy or spelling.said(call.extras, spelling.LEGACY):
            return self._open_function(index, call)
        number, self._calls = self._calls, self._calls + 1
        kind, member = (call.kind.value, "input" if call.kind is ToolKind.CUSTOM else "arguments")
        self._tails[index] = self._around({"tool_calls": [{"index": number, kind: {member: _HOLE}}]})
        first = {
            **spelling.own_members(call.extras, kind),
            "index": number,
            "id": call.call_id,
            "type": kind,
            kind: {"name": call.name, member: call.arguments, **spelling.inner_members(call.extras, kind)},
        }
        return self._chunk({"tool_calls": [first]})

    def _open_function(self, index: int, call: ToolCall) -> bytes:
        """A call in the words of before tools, which have no place for a second."""
        self._calls += 1
        if self._calls > 1:
            return b""
        self._legacy = True
        self._tails[index] = self._around({"function_call": {"arguments": _HOLE}})
        return self._chunk({"function_call": {"name": call.name, "arguments": call.arguments}})

    def _around(self, delta: JSON) -> "_Tail":
        """What stands before and behind a text in a chunk of this form."""
        before, _, after = self._chunk(delta).rpartition(dumps(_HOLE))
        return _Tail(before, after)

    # The end

    def _opaque(self, raw: JSON) -> bytes:
        choices = raw.get("choices") if isinstance(raw, dict) else None
        return b"".join(self._head + dumps(choice) + b"]}\n\n" for choice in choices or ())

    def _end(self, end: ResponseEnd) -> bytes:
        word = end.finish.raw if self._own else None
        if word is None:
            word = finish_word(end.finish.reason, calls=self._calls > 0, refused=self._refused)
            if self._legacy and self._calls and word == "tool_calls":
                word = "function_call"
        extras = merge_extras(self._extras, end.extras)  # an answer that came whole says all of it at the start
        message = spelling.inner_members(extras, "message")
        out = self._role(None if "content" in message else "")
        delta = {name: value for name, value in message.items() if name not in ("role", "content") and not name.startswith(NOTE)}
        if not self._own:
            leave_ending(end.finish, end.usage, NAME, self._losses)
            if end.finish.explanation is not None and not self._refused:
                delta["refusal"] = end.finish.explanation
            # In one piece: the official client cannot add up lists whose entries are not numbered (openai 3.51).
            citations = [citation.moved(text.begins, text.said) for text in self._texts.values() for citation in text.citations]
            if annotations := write_annotations(citations, self._said, self._losses):
                delta["annotations"] = annotations
        logprobs = write_answer_logprobs(end.logprobs) if end.logprobs else None
        choice = {"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": word, **spelling.inner_members(extras, "choice")}
        late = spelling.own_members(end.extras, "choice", "message")
        if end.service_tier is not None and not self._own:
            late["service_tier"] = end.service_tier
        out += _head(self._members | late) + dumps(choice) + b"]}\n\n"
        for further in self._further:
            whole = {"delta" if name == "message" else name: value for name, value in further.items()}
            out += self._head + dumps(whole) + b"]}\n\n"
        usage = write_usage(end.usage)
        if self._usage and usage is not None:
            out += b"data: " + dumps({**self._members, "choices": [], "usage": usage}) + b"\n\n"
        return out + _DONE


def _head(members: dict[str, JSON]) -> bytes:
    return b"data: " + dumps(members)[:-1] + b',"choices":['
