"""The vendor's event stream to events.

    message_start  ( content_block_start content_block_delta* content_block_stop )*  message_delta  message_stop

`ping` may stand anywhere and `error` ends it. Blocks do not interleave on the wire, but nothing here depends on that. Three things
come only at a block's end, so that the stream folds to what the body says: arguments that no delta carried, citations in the vendor's
words, and the members that deltas added to blocks we have no words for.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec
from attrs import define, evolve, field

from ccproxy_cli.core.errors import BadUpstream
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
from ccproxy_cli.core.extras import NO_EXTRAS, extras_of
from ccproxy_cli.core.formats._wirekit import Wire
from ccproxy_cli.core.formats.anthropic.citations import read_citation
from ccproxy_cli.core.formats.anthropic.errors import decode_error_object
from ccproxy_cli.core.formats.anthropic.hosted import read_step
from ccproxy_cli.core.formats.anthropic.parts import UNSIGNED_NOTE, citations_of, decode_part
from ccproxy_cli.core.formats.anthropic.response import message_members
from ccproxy_cli.core.formats.anthropic.usage import decode_finish, decode_usage, read_tier, read_usage
from ccproxy_cli.core.formats.anthropic.wire import KIT, NAME, Block, ResponseWire
from ccproxy_cli.core.framing import Frame, SSEDecoder
from ccproxy_cli.core.jsontext import JSON, JSONError, dumps_str, loads
from ccproxy_cli.core.parts import Opaque, Part, Proof, Reasoning, Text, ToolCall


@define(kw_only=True)
class _MessageStart(Wire):
    message: ResponseWire


@define(kw_only=True)
class _BlockStart(Wire):
    content_block: Block


@define
class _Open:
    """A part that has not ended."""

    index: int
    part: Part
    words: tuple[str, str] | None
    """The kind of delta that carries its words, and the member they stand in."""
    input: JSON = None
    """The arguments its start held: they count only if no delta comes."""
    pieces: list[str] = field(factory=list)
    """Pieces of an opaque block's input."""
    members: dict[str, JSON] = field(factory=dict)
    """What its end will add."""
    spoken: bool = False
    """Some words have come."""


class _Delta(msgspec.Struct, gc=False):
    type: Literal["text_delta", "thinking_delta", "input_json_delta"]
    text: str = ""
    thinking: str = ""
    partial_json: str = ""


class _Words(msgspec.Struct, gc=False):
    type: Literal["content_block_delta"]
    index: int
    delta: _Delta


_decode_words = msgspec.json.Decoder(_Words).decode


class StreamDecoder:
    """One answer's stream."""

    def __init__(self) -> None:
        self.done = False
        self._frames = SSEDecoder()
        self._open: dict[int, _Open] = {}
        self._count = 0
        self._started = False
        self._usage: dict[str, JSON] = {}
        self._end: dict[str, JSON] | None = None
        self._end_members: dict[str, JSON] = {}

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completes. Raises `BadUpstream`."""
        return [] if self.done else self._read(self._frames.feed(chunk))

    def feed_frame(self, frame: Frame) -> list[Event]:
        """The events of one frame, for callers that cut the frames themselves. Raises `BadUpstream`."""
        return [] if self.done else self._read((frame,))

    def skim(self, data: bytes) -> bool:
        """Whether one frame's data is nothing but more words of a part that is open: see `StreamDecoder.skim`."""
        try:
            found = _decode_words(data)
            if not data.isascii():
                data.decode()  # of what it skips, the decoder does not check the encoding
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False
        opened, delta = self._open.get(found.index), found.delta
        if opened is None or opened.words is None or opened.words[0] != delta.type or isinstance(opened.part, Opaque):
            return False
        if not getattr(delta, opened.words[1]):
            return False
        opened.spoken = True
        return True

    def close(self) -> list[Event]:
        """The events that the end of the bytes completes. An answer whose stop reason has come is complete even without its last event.

        Raises:
            BadUpstream: the answer was not complete.
        """
        if self.done:
            return []
        events = self._read(self._frames.close())
        if self.done:
            return events
        if self._end is None or self._end.get("stop_reason") is None:
            raise BadUpstream("the stream ended before the answer did")
        return events + self._stop()

    def feed_event(self, raw: JSON) -> list[Event]:
        """The events that one parsed event of the vendor's amounts to. Raises `BadUpstream`."""
        if self.done:
            return []
        try:
            match raw["type"]:
                case "content_block_delta":
                    return self._on_delta(raw)
                case "content_block_start":
                    return self._on_start(raw)
                case "content_block_stop":
                    return self._end_part(self._open.pop(raw["index"]))
                case "message_start":
                    return [self._on_message_start(raw)]
                case "message_delta":
                    return self._on_message_delta(raw)
                case "message_stop":
                    return self._stop()
                case "ping":
                    return [Ping()]
                case "error":
                    self.done = True
                    return [StreamError(decode_error_object(raw))]
                case str():
                    return [OpaqueEvent(NAME, raw)]
                case _:
                    raise BadUpstream("upstream sent an event whose type is not a string")
        except (KeyError, TypeError, AttributeError) as error:
            raise BadUpstream(f"upstream sent a malformed event: {str(raw)[:200]}") from error

    def _read(self, frames: Sequence[Frame]) -> list[Event]:
        events: list[Event] = []
        for frame in frames:
            try:
                raw = loads(frame.data)
            except JSONError as error:
                raise BadUpstream(f"upstream sent an event that is not valid JSON: {error}") from error
            events += self.feed_event(raw)
            if self.done:
                break
        return events

    # The message.

    def _on_message_start(self, raw: JSON) -> Event:
        if self._started:
            raise BadUpstream("upstream started the message twice")
        self._started = True
        wire = KIT.read(raw, _MessageStart, BadUpstream).message
        self._usage = {} if wire.usage is None else KIT.write(wire.usage)
        return ResponseStart(wire.id, wire.model, usage=decode_usage(wire.usage), extras=extras_of(NAME, message_members(wire)))

    def _on_message_delta(self, raw: JSON) -> list[Event]:
        self._end = {**(self._end or {}), **raw["delta"]}
        self._end_members = {name: value for name, value in raw.items() if name not in ("type", "delta", "usage")}
        # Counts are totals so far: they replace what was said before, and a null says nothing.
        self._usage |= {name: value for name, value in (raw.get("usage") or {}).items() if value is not None or name not in self._usage}
        return []

    def _stop(self) -> list[Event]:
        if self._end is None:
            raise BadUpstream("upstream ended the message without a stop reason")
        self.done = True
        events = [event for part in list(self._open.values()) for event in self._end_part(part)]
        reason, sequence = self._end.get("stop_reason"), self._end.get("stop_sequence")
        if not isinstance(reason, str | None) or not isinstance(sequence, str | None):
            raise BadUpstream("upstream sent a stop reason that is not a string")
        members = {name: value for name, value in self._end.items() if name not in ("stop_reason", "stop_sequence")}
        usage = decode_usage(read_usage(self._usage or None))
        extras = extras_of(NAME, {**self._end_members, **members})
        end = ResponseEnd(decode_finish(reason, sequence, self._end.get("stop_details")), usage, extras, read_tier(usage))
        return [*events, end]

    # Parts.

    def _on_start(self, raw: JSON) -> list[Event]:
        number = raw["index"]
        if not self._started or type(number) is not int or number in self._open:
            raise BadUpstream(f"upstream started content block {str(number)[:20]} where none was due")
        if raw["content_block"].get("type") == "tool_use":
            raw = {**raw, "content_block": {"input": {}, **raw["content_block"]}}
        block = KIT.read(raw, _BlockStart, BadUpstream).content_block
        opened = _opened(decode_part(block, "content_block", BadUpstream), self._count)
        self._open[number] = opened
        self._count += 1
        return [PartStart(opened.index, opened.part)]

    def _on_delta(self, raw: JSON) -> list[Event]:
        opened, delta = self._open[raw["index"]], raw["delta"]
        kind = delta["type"]
        if opened.words is not None and kind == opened.words[0]:
            text = delta[opened.words[1]]
            if type(text) is not str:
                raise BadUpstream(f"upstream sent a {kind} that is not text")
            if not text:
                return []
            opened.spoken = True
            if isinstance(opened.part, Opaque):
                opened.pieces.append(text)
                return [OpaqueDelta(opened.index, NAME, delta)]
            return [TextDelta(opened.index, text)]
        match kind:
            case "signature_delta" if isinstance(opened.part, Reasoning):
                return [ProofDelta(opened.index, Proof(NAME, _text(delta["signature"])))] if delta["signature"] else []
            case "citations_delta" if isinstance(opened.part, Text):
                citation = delta["citation"]
                opened.members["citations"] = [*opened.members.get("citations", ()), citation]
                if isinstance(citation, dict):
                    return [OpaqueDelta(opened.index, NAME, delta), CitationDelta(opened.index, read_citation(citation))]
            case "compaction_delta" if isinstance(opened.part, Opaque):
                opened.members |= {name: value for name, value in delta.items() if name != "type"}
            case "text_delta" | "thinking_delta" | "input_json_delta" | "signature_delta":
                raise BadUpstream(f"upstream sent a {kind} for a part of another kind")
            case str():
                pass
            case _:
                raise BadUpstream("upstream sent a delta whose type is not a string")
        return [OpaqueDelta(opened.index, NAME, delta)]

    def _end_part(self, opened: _Open) -> list[Event]:
        self._open = {number: other for number, other in self._open.items() if other is not opened}
        events: list[Event] = []
        if opened.input is not None and not opened.spoken:
            # No delta came: the start's own input was all of it, be it only `{}`.
            if isinstance(opened.part, ToolCall):
                events.append(TextDelta(opened.index, dumps_str(opened.input)))
            elif opened.input:
                events.append(OpaqueDelta(opened.index, NAME, {"type": "input_json_delta", "partial_json": dumps_str(opened.input)}))
                opened.members["input"] = opened.input
        if opened.pieces:
            opened.members["input"] = _joined(opened.pieces)
        meaning = read_step({**opened.part.raw, **opened.members}) if isinstance(opened.part, Opaque) and opened.members else None
        return [*events, PartEnd(opened.index, extras_of(NAME, opened.members), meaning)]


def _opened(part: Part, index: int) -> _Open:
    match part:
        case Text():
            cited = citations_of(part)
            return _Open(index, part, ("text_delta", "text"), members={"citations": cited} if cited else {})
        case Reasoning():
            # A start says nothing of the signature yet, so a missing one is not a spelling worth keeping.
            members = {name: value for name, value in part.extras.get(NAME, NO_EXTRAS).items() if name != UNSIGNED_NOTE}
            return _Open(index, evolve(part, extras=extras_of(NAME, members)), ("thinking_delta", "thinking"))
        case ToolCall():
            return _Open(index, evolve(part, arguments=""), ("input_json_delta", "partial_json"), input=loads(part.arguments))
        case Opaque() if isinstance(part.raw.get("input"), dict):
            emptied = evolve(part, raw={**part.raw, "input": {}})
            return _Open(index, emptied, ("input_json_delta", "partial_json"), input=part.raw["input"])
        case _:
            return _Open(index, part, None)


def _text(value: JSON) -> str:
    if not isinstance(value, str):
        raise BadUpstream("upstream sent a signature that is not a string")
    return value


def _joined(pieces: Sequence[str]) -> JSON:
    """The input that pieces of JSON spell; one cut short by the token limit is kept as far as it is an object, which is not at all."""
    try:
        return loads("".join(pieces))
    except JSONError:
        return {}
