"""Events to the vendor's chunks.

A chunk repeats who answers and what it costs so far. Words go out as they come; a function call goes out whole, once it has ended, and
so do words that came with a signature. Chunks are server-sent events, or the elements of a JSON array for a client that did not ask for
events.
"""

from collections.abc import Mapping
from typing import assert_never

from attrs import define, evolve, field

from ccproxy_cli.core.arguments import parse_arguments
from ccproxy_cli.core.citations import Citation, to_bytes
from ccproxy_cli.core.errors import APIError, BadUpstream
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
from ccproxy_cli.core.formats.gemini import spelling
from ccproxy_cli.core.formats.gemini.errors import encode_array_error, encode_stream_error
from ccproxy_cli.core.formats.gemini.finish import CUT_SHORT, encode_finish, encode_usage, finish_message, write_logprobs, write_tier
from ccproxy_cli.core.formats.gemini.grounding import Grounds
from ccproxy_cli.core.formats.gemini.parts import encode_call, encode_words
from ccproxy_cli.core.formats.gemini.response_encoder import encode_answer_part, head
from ccproxy_cli.core.formats.gemini.wire import NAME
from ccproxy_cli.core.framing import encode_frame
from ccproxy_cli.core.jsontext import JSON, JSONError, dumps
from ccproxy_cli.core.left_behind import is_blank, leave_ending
from ccproxy_cli.core.parts import Opaque, Part, Proof, Reasoning, Refusal, Text, ToolCall
from ccproxy_cli.core.request import Request
from ccproxy_cli.core.response import Finish, FinishReason, Usage
from ccproxy_cli.core.stream import finished_opaque, merge_extras

PING = encode_frame(b'{"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"index":0}]}')
"""A chunk of empty words, as the vendor itself sends them. A comment would break google-genai 3.3, which takes every line for JSON."""

_WORDS = b'{"candidates":[{"content":{"parts":[{"text":'
"""How every chunk of plain words begins. What stands around them is made once, so that a delta costs one string's encoding."""
_STOPPED = Finish(FinishReason.STOP)


@define
class _Lane:
    """A part on its way out."""

    part: Part
    words: list[str] | None = None
    """Words that go out together at the end; None if they go out as they come."""
    proofs: tuple[Proof, ...] = field(default=())
    said: list[str] = field(factory=list)
    """Words that have gone out."""


class StreamEncoder:
    """One answer's stream. Parts must not interleave."""

    def __init__(self, request: Request, losses: Losses | None = None) -> None:
        self._losses = Losses() if losses is None else losses
        self._grounds = Grounds(self._losses)
        self._texts: list[tuple[int, str]] = []
        """All of the answer's words, and of which part: clients join them, and places in them are counted through."""
        self._citations: list[tuple[int, Citation]] = []
        """Of which part."""
        self._array = spelling.said(request.extras, spelling.ARRAY)
        self._asked = request.model
        self._native = False
        self._start = ResponseStart("", "")
        self._head: dict[str, JSON] = {}
        self._shape: Mapping[str, JSON] = {"index": 0, "role": "model"}
        self._after_words = self._after_thoughts = b""
        self._lanes: dict[int, _Lane] = {}
        self._told: list[Part] = []
        self._broken: tuple[str, JSONError] | None = None
        """A call whose arguments are no object, which is the model's fault unless it was cut short."""
        self._chunks = 0

    @property
    def media_type(self) -> str:
        """What the stream is to be called."""
        return "application/json" if self._array else "text/event-stream"

    @property
    def ping(self) -> bytes:
        """What keeps a silent stream alive: in an array white space will do."""
        return b"\n" if self._array else PING

    def encode(self, event: Event) -> bytes:
        """The bytes for `event`; empty if this format says nothing here.

        Raises:
            BadUpstream: a function call's arguments are not a JSON object, although the model was not cut short.
        """
        match event:
            case TextDelta(index, text):
                return self._on_text(self._lanes[index], text)
            case PartStart(index, part):
                return self._on_start(index, part)
            case PartEnd(index):
                return self._on_end(self._lanes.pop(index), event)
            case ProofDelta(index, proof):
                return self._on_proof(self._lanes[index], proof)
            case ResponseStart():
                return self._on_response_start(event)
            case ResponseEnd():
                return self._on_response_end(event)
            case StreamError(error):
                return self.encode_error(error)
            case Ping():
                return self.ping
            case OpaqueEvent(format_name, raw):
                return self._chunk({**raw, **self._head}) if format_name == NAME else b""
            case CitationDelta(index, citation):
                self._citations.append((index, citation))
                return b""
            case OpaqueDelta():
                return b""
            case _:
                assert_never(event)

    def encode_error(self, error: APIError) -> bytes:
        """The error as the end of the stream, in its framing."""
        if not self._array:
            return encode_stream_error(error, "")
        return (b"[" if self._chunks == 0 else b",\r\n") + encode_array_error(error) + b"]"

    # The answer

    def _on_response_start(self, event: ResponseStart) -> bytes:
        self._native = spelling.is_own(event.extras)
        self._start = event
        notes = spelling.members_of(event.extras)
        if spelling.CANDIDATE in notes:  # the answer came whole
            content = notes.get(spelling.CONTENT) or {}
            self._shape = {"index": notes[spelling.CANDIDATE].get("index"), "role": content.get("role")}
        self._shape = notes.get(spelling.SHAPE, self._shape)
        self._set_head(event.usage)
        return b""

    def _set_head(self, usage: Usage) -> None:
        notes = spelling.members_of(self._start.extras)
        self._head = head(self._start.id, self._start.model or self._asked, notes)
        counts = encode_usage(usage)
        if counts:
            self._head["usageMetadata"] = counts
        role, index = self._shape["role"], self._shape["index"]
        rest = b"}]" if role is None else b'}],"role":' + dumps(role)
        rest += b"}" if index is None else b'},"index":' + dumps(index)
        self._after_words = rest + (b"}]," + dumps(self._head)[1:] if self._head else b"}]}")
        self._after_thoughts = b',"thought":true' + self._after_words

    def _on_response_end(self, event: ResponseEnd) -> bytes:
        if self._broken is not None and event.finish.reason not in CUT_SHORT:
            name, error = self._broken
            raise BadUpstream(f"the model called {name[:80]!r} with arguments that are not a JSON object: {error}") from error
        notes = spelling.members_of(merge_extras(self._start.extras, event.extras))
        self._set_head(event.usage)
        if not self._native and (tier := write_tier(event.service_tier, self._losses)):
            self._head["usageMetadata"] = self._head.get("usageMetadata", {}) | tier
        chunk: dict[str, JSON] = {}
        if not self._native or spelling.CANDIDATE in notes:
            chunk["candidates"] = [self._last_candidate(event.finish, notes.get(spelling.CANDIDATE), notes)]
        if not self._native:
            chunk["candidates"][0] |= write_logprobs(event.logprobs) | finish_message(event.finish)
            leave_ending(event.finish, event.usage, NAME, self._losses, cache_write=False)
        chunk = spelling.complete({**chunk, **self._head}, notes)
        return self._chunk(chunk) + (b"]" if self._array else b"")

    def _last_candidate(self, finish: Finish, members: dict[str, JSON] | None, notes: Mapping[str, JSON]) -> dict[str, JSON]:
        """The finish, beside empty words: what the vendor sends most, and what clients that look for words can bear."""
        if not self._native:
            self._tell_sources()
        candidate: dict[str, JSON] = {"content": {"parts": [{"text": ""}], "role": "model"}, "index": 0, **self._grounds.members()}
        if members is not None:
            content = notes.get(spelling.CONTENT)
            candidate = {} if content is None else {"content": spelling.complete({}, content)}
            candidate = spelling.complete(candidate, members)
        reason = encode_finish(finish, self._told, self._native)
        if reason is not None:
            candidate["finishReason"] = reason
        return candidate

    def _tell_sources(self) -> None:
        offset = 0
        for index, text in self._texts:
            for cited, citation in self._citations:
                if cited == index:
                    self._grounds.cite(citation, text, offset=offset)
            offset += to_bytes(text, len(text))

    # Parts

    def _on_start(self, index: int, part: Part) -> bytes:
        self._told.append(part)
        match part:
            case ToolCall():
                self._lanes[index] = _Lane(part, [part.arguments], part.proofs)
                return b""
            case Text() | Reasoning() | Refusal():
                proofs = () if isinstance(part, Refusal) else part.proofs
                signed = any(proof.issuer == NAME for proof in proofs) or spelling.members_of(part.extras)
                lane = self._lanes[index] = _Lane(part, [part.text] if signed else None, proofs)
                if isinstance(part, Text):
                    self._citations += [(index, citation) for citation in part.citations]
                if signed or not part.text:
                    return b""
                lane.said.append(part.text)
                return self._say(part, part.text)
            case Opaque() if part.format != NAME:
                self._lanes[index] = _Lane(part)
                return b""
            case _:
                self._lanes[index] = _Lane(part)
                written = encode_answer_part(part, _STOPPED, self._grounds)
                self._texts += [(index, each["text"]) for each in written if "text" in each]
                return b"".join(map(self._part, written))

    def _on_text(self, lane: _Lane, text: str) -> bytes:
        if lane.words is not None:
            lane.words.append(text)
            return b""
        lane.said.append(text)
        return self._say(lane.part, text)

    def _say(self, part: Part, text: str) -> bytes:
        if not text:
            return b""
        return self._framed(_WORDS + dumps(text) + (self._after_thoughts if isinstance(part, Reasoning) else self._after_words))

    def _on_proof(self, lane: _Lane, proof: Proof) -> bytes:
        if proof.issuer != NAME:
            return b""
        if lane.words is not None:
            lane.proofs = (*lane.proofs, proof)
            return b""
        # The words are out already, so the signature follows on empty ones of the same kind, as the vendor does it.
        kind = Reasoning if isinstance(lane.part, Reasoning) else Text
        return self._part(encode_words(kind(proofs=(proof,))))

    def _on_end(self, lane: _Lane, event: PartEnd) -> bytes:
        if isinstance(lane.part, Opaque) and lane.part.format != NAME:
            return b"".join(map(self._part, self._grounds.step(finished_opaque(lane.part, event))))
        if isinstance(lane.part, Text | Refusal):
            self._texts.append((event.index, "".join(lane.said if lane.words is None else lane.words)))
        if lane.words is None:
            return b""
        text = "".join(lane.words)
        match lane.part:
            case ToolCall() as call:
                return self._end_call(evolve(call, arguments=text, proofs=lane.proofs))
            case (Text() | Reasoning()) as words:
                whole = evolve(words, text=text, proofs=lane.proofs, extras=merge_extras(words.extras, event.extras))
                return b"" if is_blank(whole, NAME) and not self._native else self._part(encode_words(whole))
            case _:
                return self._say(lane.part, text)

    def _end_call(self, call: ToolCall) -> bytes:
        try:
            return self._part(encode_call(call, parse_arguments(call)))
        except JSONError as error:
            self._broken = (call.name, error)
            return b""

    # Chunks

    def _part(self, part: JSON) -> bytes:
        index, role = self._shape["index"], self._shape["role"]
        content: dict[str, JSON] = {"parts": [part]} if role is None else {"parts": [part], "role": role}
        candidate: dict[str, JSON] = {"content": content} if index is None else {"content": content, "index": index}
        return self._chunk({"candidates": [candidate], **self._head})

    def _chunk(self, chunk: JSON) -> bytes:
        return self._framed(dumps(chunk))

    def _framed(self, data: bytes) -> bytes:
        if not self._array:
            return encode_frame(data)
        self._chunks += 1
        return (b"[" if self._chunks == 1 else b",\r\n") + data
