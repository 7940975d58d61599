"""Events to the vendor's event stream.

Blocks are numbered anew, from 0 and without gaps, because the official SDKs look them up by position. What has nothing to say in this
format gets no block: text and reasoning of other vendors open theirs with their first word. The bytes around each kind of delta are
made once per block, so that a delta costs one string's encoding.

A block's citations mean all of it. Where another vendor tells a source after the words, the block ends there and the words that follow
begin a new one; where all sources are known before the words, the words wait until they can be cut to measure.
"""

from collections.abc import Sequence
from typing import assert_never

from attrs import evolve

from ccproxy_cli.core.arguments import wrap_text
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
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.anthropic.citations import cited_blocks, write_citation
from ccproxy_cli.core.formats.anthropic.errors import encode_stream_error
from ccproxy_cli.core.formats.anthropic.hosted import Showing
from ccproxy_cli.core.formats.anthropic.parts import citations_of, encode_text, encode_thinking, encode_unproven_thinking, own_members
from ccproxy_cli.core.formats.anthropic.response import call_id, message_id
from ccproxy_cli.core.formats.anthropic.usage import encode_details, encode_finish, encode_usage, write_tier
from ccproxy_cli.core.formats.anthropic.wire import NAME
from ccproxy_cli.core.framing import encode_frame
from ccproxy_cli.core.jsontext import JSON, dumps, dumps_str
from ccproxy_cli.core.left_behind import is_blank, leave_citation, leave_logprobs, leave_part, media_note
from ccproxy_cli.core.parts import Media, Opaque, Part, Proof, ProofKind, Reasoning, Refusal, Text, ToolCall, ToolKind, ToolResult
from ccproxy_cli.core.request import Request
from ccproxy_cli.core.stream import finished_opaque, merge_extras

PING = encode_frame(b'{"type":"ping"}', b"ping")

_DELTA_MEMBERS = ("container", "stop_details")
"""What the last delta says again about the message; clients forget what it leaves out."""
_BESIDE_DELTA = ("context_management", "input_transformations")
"""What stands beside that delta, where there is any of it."""
_DELTA_HEAD = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":"%s","%s":'
_DELTA_TAIL = b"}}\n\n"


class _Lane:
    """One part on its way out."""

    __slots__ = ("cited", "head", "held", "number", "part", "start", "words")

    def __init__(self, part: Part, start: dict[str, JSON] | None, words: tuple[bytes, bytes] | None) -> None:
        self.part = part
        self.start = start
        """The `content_block` it opens with; None if this format cannot say it."""
        self.words = words
        self.number = -1
        """Its block's number, once open."""
        self.head = b""
        """What stands before the words of each delta."""
        self.held: list[str] | None = None
        """Words that go out together at the end."""
        self.cited: dict[Citation, None] | None = None
        """Of a block that has been told sources of another vendor's: those. More words begin a new block."""


class StreamEncoder:
    """One answer's stream. Parts must not interleave."""

    media_type = "text/event-stream"
    ping = PING

    def __init__(self, request: Request, losses: Losses | None = None) -> None:
        self._losses = Losses() if losses is None else losses
        self._native = False
        self._start: ResponseStart | None = None
        self._id = ""
        self._showing = Showing("", self._losses)
        self._lanes: dict[int, _Lane] = {}
        self._blocks = 0
        self._told: list[Part] = []

    def encode(self, event: Event) -> bytes:
        """The bytes for `event`; empty if this format says nothing here."""
        match event:
            case TextDelta(index, text):
                return self._on_text(self._lanes[index], text)
            case PartStart(index, part):
                return self._on_start(index, part)
            case PartEnd(index):
                return self._on_end(self._lanes.pop(index), event)
            case CitationDelta(index, citation):
                return b"" if self._native else self._on_citation(self._lanes.get(index), citation)
            case ProofDelta(index, proof):
                return self._on_proof(self._lanes[index], proof)
            case OpaqueDelta(index, format_name, raw):
                return self._delta(self._lanes[index], raw) if format_name == NAME else b""
            case ResponseStart():
                return self._on_response_start(event)
            case ResponseEnd():
                return self._on_response_end(event)
            case StreamError(error):
                return encode_stream_error(error, error.request_id or "")
            case Ping():
                return PING
            case OpaqueEvent(format_name, raw):
                return encode_frame(dumps(raw), str(raw["type"]).encode()) if format_name == NAME else b""
            case _:
                assert_never(event)

    # The message.

    def _on_response_start(self, event: ResponseStart) -> bytes:
        self._native = NAME in event.extras
        self._start = event
        self._id = self._showing.answer_id = message_id(event.id, event.model, event.created)
        message: dict[str, JSON] = {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": event.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": encode_usage(event.usage, self._native),
        }
        for name, value in own_members(event.extras).items():
            message.setdefault(name, value)
        return _frame({"type": "message_start", "message": message})

    def _on_response_end(self, event: ResponseEnd) -> bytes:
        assert self._start is not None
        due = self._whole(self._showing.rest())
        delta: dict[str, JSON] = {
            "stop_reason": encode_finish(event.finish, self._told, self._native),
            "stop_sequence": event.finish.stop_sequence,
        }
        beside: dict[str, JSON] = {}
        said = own_members(event.extras)
        for name, value in own_members(merge_extras(self._start.extras, event.extras)).items():
            if name in _DELTA_MEMBERS:
                delta[name] = value
            elif name in said or (name in _BESIDE_DELTA and value is not None):
                beside[name] = value
        usage = encode_usage(event.usage, self._native)
        if not self._native:
            delta |= encode_details(event.finish)
            usage |= write_tier(event.service_tier, self._losses)
        if event.logprobs:
            leave_logprobs(NAME, self._losses)
        final = {"type": "message_delta", "delta": delta, "usage": usage, **beside}
        return due + _frame(final) + _frame({"type": "message_stop"})

    # Parts.

    def _on_start(self, index: int, part: Part) -> bytes:
        lane = _lane(part, self._id, self._told)
        self._lanes[index] = lane
        self._told.append(part)
        if isinstance(part, Media):
            leave_part(part, NAME, self._losses)
        if isinstance(part, Text) and part.citations and not self._native:
            for citation in part.citations:
                self._showing.cite(citation)
            lane.held = [part.text]
            return b""
        if lane.start is None or (is_blank(part, NAME) and not self._native):
            return b""
        return self._open(lane)

    def _open(self, lane: _Lane) -> bytes:
        assert lane.start is not None
        lane.number = self._blocks
        self._blocks += 1
        if lane.words is not None:
            lane.head = _DELTA_HEAD % (lane.number, *lane.words)
        opening = _frame({"type": "content_block_start", "index": lane.number, "content_block": lane.start})
        return opening + b"".join(self._delta(lane, delta) for delta in _opening_deltas(lane.part))

    def _on_text(self, lane: _Lane, text: str) -> bytes:
        if lane.held is not None:
            lane.held.append(text)
            return b""
        if lane.cited is not None and text:
            return self._stop(lane) + self._open(lane) + lane.head + dumps(text) + _DELTA_TAIL
        if lane.number < 0:
            if lane.start is None:
                return b""
            return self._open(lane) + lane.head + dumps(text) + _DELTA_TAIL
        return lane.head + dumps(text) + _DELTA_TAIL

    def _on_citation(self, lane: _Lane | None, citation: Citation) -> bytes:
        self._showing.cite(citation)
        if lane is None:
            leave_citation(NAME, self._losses, late=True)
            return b""
        if lane.held is not None and isinstance(lane.part, Text):
            lane.part = evolve(lane.part, citations=(*lane.part.citations, citation))
            return b""
        told, whole = lane.cited or {}, evolve(citation, start=None, end=None)
        written = None if whole in told else write_citation(whole, self._losses)
        if written is None or lane.number < 0:  # a source of no words is one of no block
            return b""
        lane.cited = {**told, whole: None}
        return self._delta(lane, {"type": "citations_delta", "citation": written})

    def _stop(self, lane: _Lane) -> bytes:
        number, lane.number, lane.cited = lane.number, -1, None
        return _frame({"type": "content_block_stop", "index": number})

    def _whole(self, blocks: Sequence[dict[str, JSON]]) -> bytes:
        """Blocks that are known whole."""
        frames: list[dict[str, JSON]] = []
        for number, block in enumerate(blocks, self._blocks):
            start, deltas = _unfolded(block)
            frames.append({"type": "content_block_start", "index": number, "content_block": start})
            frames += [{"type": "content_block_delta", "index": number, "delta": delta} for delta in deltas]
            frames.append({"type": "content_block_stop", "index": number})
        self._blocks += len(blocks)
        return b"".join(map(_frame, frames))

    def _on_proof(self, lane: _Lane, proof: Proof) -> bytes:
        if proof.issuer != NAME or proof.kind is not ProofKind.SIGNATURE or not isinstance(lane.part, Reasoning):
            return b""
        opening = self._open(lane) if lane.number < 0 else b""
        return opening + self._delta(lane, {"type": "signature_delta", "signature": proof.payload})

    def _delta(self, lane: _Lane, delta: JSON) -> bytes:
        if lane.number < 0:
            return b""
        return _frame({"type": "content_block_delta", "index": lane.number, "delta": delta})

    def _on_end(self, lane: _Lane, event: PartEnd) -> bytes:
        match lane.part:
            case Text() if lane.held is not None:
                text = "".join(lane.held)
                return self._whole(cited_blocks(evolve(lane.part, text=text), self._losses)) if text else b""
            case Opaque() if lane.part.format != NAME:
                return self._whole(self._showing.blocks(finished_opaque(lane.part, event)))
            case ToolResult():
                leave_part(lane.part, NAME, self._losses)
            case _:
                pass
        if lane.number < 0:
            return b""
        last = b""
        if lane.held is not None:
            last = lane.head + dumps(wrap_text("".join(lane.held))) + _DELTA_TAIL
        return last + self._stop(lane)


def _frame(event: dict[str, JSON]) -> bytes:
    return encode_frame(dumps(event), event["type"].encode())


def _lane(part: Part, answer_id: str, told: Sequence[Part]) -> _Lane:
    """The part with the block it opens with: whatever comes in deltas is left out of that."""
    match part:
        case Text():
            start = encode_text(part)
            if citations_of(part):
                start["citations"] = []
            return _Lane(part, {**start, "text": ""}, (b"text_delta", b"text"))
        case Refusal():
            return _Lane(part, {"type": "text", "text": ""}, (b"text_delta", b"text"))
        case Reasoning():
            start = encode_thinking(part) or encode_unproven_thinking(part)
            if start["type"] == "thinking":
                start = {**start, "thinking": "", "signature": ""}
            return _Lane(part, start, (b"thinking_delta", b"thinking"))
        case ToolCall():
            start = {
                "type": "tool_use",
                "id": call_id(part.call_id, answer_id, told),
                "name": part.name,
                "input": {},
                **own_members(part.extras),
            }
            lane = _Lane(part, start, (b"input_json_delta", b"partial_json"))
            if part.kind is ToolKind.CUSTOM:
                lane.held = [part.arguments]
            return lane
        case Media():
            return _Lane(part, {"type": "text", "text": media_note(part)}, None)
        case Opaque() if part.format == NAME:
            start = {**part.raw, "input": {}} if isinstance(part.raw.get("input"), dict) else part.raw
            return _Lane(part, start, None)
        case Opaque() | ToolResult():
            return _Lane(part, None, None)
        case _:
            assert_never(part)


def _unfolded(block: dict[str, JSON]) -> tuple[dict[str, JSON], list[dict[str, JSON]]]:
    """A whole block as the start and the deltas that clients build it from."""
    match block:
        case {"type": "text", "text": text}:
            cited = block.get("citations", ())
            deltas = [{"type": "citations_delta", "citation": each} for each in cited]
            start = {**block, "text": "", "citations": []} if cited else {**block, "text": ""}
            return start, [*deltas, {"type": "text_delta", "text": text}]
        case {"input": asked}:
            return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": dumps_str(asked)}]
        case _:
            return block, []


def _opening_deltas(part: Part) -> list[dict[str, JSON]]:
    """What the part held from the start, as the deltas clients expect it in: they build arguments and citations from deltas alone."""
    deltas: list[dict[str, JSON]] = []
    match part:
        case Text():
            deltas = [{"type": "citations_delta", "citation": each} for each in citations_of(part)]
            if part.text:
                deltas.append({"type": "text_delta", "text": part.text})
        case Refusal() if part.text:
            deltas = [{"type": "text_delta", "text": part.text}]
        case Reasoning():
            if part.text:
                deltas.append({"type": "thinking_delta", "thinking": part.text})
            proof = next((p for p in part.proofs if p.issuer == NAME and p.kind is ProofKind.SIGNATURE), None)
            if proof is not None:
                deltas.append({"type": "signature_delta", "signature": proof.payload})
        case ToolCall() if part.arguments and part.kind is not ToolKind.CUSTOM:
            deltas = [{"type": "input_json_delta", "partial_json": part.arguments}]
        case Opaque() if part.raw.get("input") and isinstance(part.raw["input"], dict):
            deltas = [{"type": "input_json_delta", "partial_json": dumps_str(part.raw["input"])}]
        case _:
            pass
    return deltas
