"""The vendor's chunks to events.

    {candidates: [{content: {parts}}], usageMetadata, modelVersion, responseId}*

Each chunk is a whole answer's shape with what is new in it; the last holds the finish, and then the bytes end. Chunks come as server-sent
events or as the elements of a JSON array. Plain words and plain thoughts go on from chunk to chunk; whatever carries a signature is a part
of its own, since the signature goes back in the part it came in. Empty words without one say nothing.
"""

from collections.abc import Iterable, Sequence

from attrs import define, evolve, field

from ccproxy_cli.core.errors import BadUpstream
from ccproxy_cli.core.events import (
    CitationDelta,
    Event,
    OpaqueEvent,
    PartEnd,
    PartStart,
    ResponseEnd,
    ResponseStart,
    StreamError,
    TextDelta,
)
from ccproxy_cli.core.extras import NOTE, extras_of
from ccproxy_cli.core.formats.gemini import spelling
from ccproxy_cli.core.formats.gemini.candidates import answer_id, candidate_members, content_members, content_parts, first_candidate
from ccproxy_cli.core.formats.gemini.errors import decode_error_object, holds_error
from ccproxy_cli.core.formats.gemini.finish import decode_finish, decode_usage, read_logprobs, read_tier
from ccproxy_cli.core.formats.gemini.grounding import MEMBERS, Words, read_citations, read_steps
from ccproxy_cli.core.formats.gemini.pairing import AnswerIds
from ccproxy_cli.core.formats.gemini.partial import PartialArguments
from ccproxy_cli.core.formats.gemini.parts import decode_part
from ccproxy_cli.core.formats.gemini.wire import KIT, NAME, CandidateWire, FunctionCall, PartWire, ResponseWire, UsageWire
from ccproxy_cli.core.framing import Frame, JSONArrayDecoder, SSEDecoder
from ccproxy_cli.core.jsontext import JSON, JSONError, dumps_str, loads
from ccproxy_cli.core.parts import Part, Reasoning, Text, ToolCall
from ccproxy_cli.core.response import Response
from ccproxy_cli.core.stream import fold

_BOM = b"\xef\xbb\xbf"
_CHUNK = frozenset({"candidates", "usageMetadata", "modelVersion", "responseId"})
_PIECES = ("partialArgs", "willContinue")
_MERGED = ("citationMetadata", "logprobsResult")
"""Members of a candidate of which every chunk brings more; of all others the last counts."""


@define
class _Partial:
    """A call whose arguments are still arriving."""

    index: int
    arguments: PartialArguments = field(factory=PartialArguments)


class StreamDecoder:
    """One answer's stream."""

    def __init__(self) -> None:
        self.done = False
        self._bytes = b""
        """What came before the first byte that tells the framing."""
        self._frames: SSEDecoder | JSONArrayDecoder | None = None
        self._started = False
        self._count = 0
        self._open: int | None = None
        self._words: list[str] = []
        """Of the open part."""
        self._texts: list[tuple[int, str]] = []
        """The answer's words, of the parts that have ended."""
        self._cited = 0
        """Of how many of them the sources are told."""
        self._open_kind: type[Part] | None = None
        self._partial: _Partial | None = None
        self._ids = AnswerIds("")
        self._called = False
        self._blocked = False
        self._finish: JSON = None
        self._usage: JSON = None
        """As the vendor wrote it last."""
        self._members: dict[str, JSON] = {}
        self._candidate: dict[str, JSON] = {}
        self._content: dict[str, JSON] | None = None
        self._plain_candidate: dict[str, JSON] = {}
        """What a candidate of nothing but words holds beside its content."""

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completes. Raises `BadUpstream`."""
        if self.done:
            return []
        if self._frames is None:
            self._bytes += chunk
            chunk = self._bytes.removeprefix(_BOM)
            head = chunk.lstrip()[:1]
            if not head or (len(self._bytes) < len(_BOM) and _BOM.startswith(self._bytes)):
                return []
            self._frames = JSONArrayDecoder() if head in b"[{" else SSEDecoder()
        return self._read(self._frames.feed(chunk))

    def feed_frame(self, frame: Frame) -> list[Event]:
        """The events of one frame, for callers that cut the frames themselves. Raises `BadUpstream`."""
        return [] if self.done else self._read((frame,))

    def skim(self, data: bytes) -> bool:
        """Never: see `StreamDecoder.skim`."""
        return False

    def close(self) -> list[Event]:
        """The events that the end of the bytes completes.

        Raises:
            BadUpstream: the answer was not complete.
        """
        if self.done:
            return []
        events = [] if self._frames is None else self._read(self._frames.close())
        return events if self.done else events + self._end()

    def feed_chunk(self, chunk: JSON) -> list[Event]:
        """The events of one parsed chunk. Raises `BadUpstream`."""
        if self.done:
            return []
        words = self._only_words(chunk)
        if words is not None:
            events: list[Event] = []
            self._usage = chunk.get("usageMetadata") or self._usage
            self._say(*words, events)
            return events
        if holds_error(chunk):
            self.done = True
            return [StreamError(decode_error_object(chunk))]
        wire = KIT.read(chunk, ResponseWire, BadUpstream)
        events = []
        if wire.usage_metadata is not None:
            self._usage = chunk["usageMetadata"]
        if not self._started:
            self._start(wire, events)
        for name, value in wire.extras.items():
            if value is not None:
                self._members[name] = value
        first, others = first_candidate(wire.candidates or [])
        self._blocked = self._blocked or "promptFeedback" in wire.extras
        if first is not None:
            self._take(first, events)
        events += [OpaqueEvent(NAME, {"candidates": [KIT.write(other)]}) for other in others]
        return events

    def _only_words(self, chunk: JSON) -> tuple[type[Text] | type[Reasoning], str] | None:
        """The words of a chunk that says nothing else that is new, as nearly all do: those are not worth the wire types."""
        if self._content is None or type(chunk) is not dict or not chunk.keys() <= _CHUNK:
            return None
        match chunk.get("candidates"):
            case [{"content": {"parts": [{"text": str() as text, **part}], **content}, **candidate}]:
                pass
            case _:
                return None
        if candidate != self._plain_candidate or content != self._content:
            return None
        if not part:
            return Text, text
        return (Reasoning, text) if part == {"thought": True} else None

    def _read(self, frames: Sequence[Frame]) -> list[Event]:
        events: list[Event] = []
        for frame in frames:
            try:
                chunk = loads(frame.data)
            except JSONError as error:
                raise BadUpstream(f"upstream sent a chunk that is not valid JSON: {error}") from error
            events += self.feed_chunk(chunk)
            if self.done:
                break
        return events

    # The answer

    def _start(self, wire: ResponseWire, events: list[Event]) -> None:
        self._started = True
        self._ids = AnswerIds(answer_id(wire))
        members: dict[str, JSON] = {spelling.OWN: True}
        for name, value in (("modelVersion", wire.model_version), ("responseId", wire.response_id)):
            if value is None:
                members[spelling.EMPTY + name] = True
        first, _ = first_candidate(wire.candidates or [])
        if first is not None:
            role = first.content.role if first.content else "model"
            members[spelling.SHAPE] = {"index": first.index, "role": role}
        usage = decode_usage(wire.usage_metadata)
        events.append(ResponseStart(wire.response_id or "", wire.model_version or "", usage=usage, extras=extras_of(NAME, members)))

    def _end(self) -> list[Event]:
        if not self._started or (self._finish is None and not (self._blocked and self._content is None)):
            raise BadUpstream("the stream ended before the answer did")
        self.done = True
        events: list[Event] = []
        self._close(events)
        self._cite(events)
        members, count = dict(self._members), self._count
        for step in read_steps(self._candidate):
            self._whole(step, events)
        if self._finish is not None or self._content is not None:
            content = self._content
            if content is not None and not count:
                content = {**content, spelling.NO_PARTS: True}
            members |= {spelling.CANDIDATE: self._candidate, spelling.CONTENT: content}
        finish = decode_finish(
            self._finish,
            called=self._called,
            blocked=self._blocked,
            message=self._candidate.get("finishMessage"),
            feedback=self._members.get("promptFeedback"),
        )
        usage = None if self._usage is None else KIT.read(self._usage, UsageWire, BadUpstream, "usageMetadata")
        counts = decode_usage(usage)
        events.append(ResponseEnd(finish, counts, extras_of(NAME, members), read_tier(counts), read_logprobs(self._candidate)))
        return events

    def _take(self, wire: CandidateWire, events: list[Event]) -> None:
        if wire.finish_reason is not None:
            self._finish = wire.finish_reason
        for name, value in candidate_members(wire).items():
            if value is not None:
                self._candidate[name] = _merged(self._candidate.get(name), value) if name in _MERGED else value
        if wire.content is None:
            return
        self._plain_candidate = {} if wire.index is None else {"index": wire.index}
        said = {name: value for name, value in content_members(wire.content).items() if not name.startswith(NOTE)}
        self._content = {**(self._content or {}), **said}
        for part in content_parts(wire.content):
            self._take_part(part, events)

    # Parts

    def _take_part(self, wire: PartWire, events: list[Event]) -> None:
        call = wire.function_call
        if call is not None and (call.name is None or not call.extras.keys().isdisjoint(_PIECES)):
            self._take_pieces(wire, call, events)
        elif _is_plain(wire):
            assert wire.text is not None
            self._say(Reasoning if wire.thought else Text, wire.text, events)
        else:
            self._close(events)
            self._whole(self._decode(wire), events)

    def _decode(self, wire: PartWire) -> Part:
        return decode_part(wire, "candidates[0].content.parts", BadUpstream, self._ids.call, self._ids.result)

    def _take_pieces(self, wire: PartWire, call: FunctionCall, events: list[Event]) -> None:
        """A call whose arguments arrive piece by piece. The first piece has the name, and one without `willContinue` is the last."""
        if call.name is not None:
            self._close(events)
            rest = {name: value for name, value in call.extras.items() if name not in _PIECES}
            part = self._decode(evolve(wire, functionCall=evolve(call, args=call.args or {}, extras=rest)))
            assert isinstance(part, ToolCall)
            self._called = True
            self._partial = _Partial(self._next())
            events.append(PartStart(self._partial.index, evolve(part, arguments="")))
        elif self._partial is None:
            raise BadUpstream("upstream sent arguments of a function call that it had not begun")
        if call.extras.get("partialArgs") is not None:
            self._partial.arguments.feed(call.extras["partialArgs"])
        if call.extras.get("willContinue") is not True:
            self._close(events)

    def _say(self, kind: type[Text] | type[Reasoning], text: str, events: list[Event]) -> None:
        if not text:
            return
        if self._open is None or self._open_kind is not kind:
            self._close(events)
            self._open, self._open_kind, self._words = self._next(), kind, []
            events.append(PartStart(self._open, kind()))
        self._words.append(text)
        events.append(TextDelta(self._open, text))

    def _cite(self, events: list[Event]) -> None:
        """Tell the sources of all words so far, if they have come."""
        if not self._candidate.keys().isdisjoint(MEMBERS):
            cited = read_citations(self._candidate, [Words(None, text) for _, text in self._texts])
            for (index, _), citations in list(zip(self._texts, cited, strict=True))[self._cited :]:
                events += [CitationDelta(index, citation) for citation in citations]
            self._cited = len(self._texts)

    def _whole(self, part: Part, events: list[Event]) -> None:
        """A part that came in one piece. Its words go out as such, for those who only look at words."""
        index, words = self._next(), ""
        match part:
            case ToolCall():
                self._called = True
                words, part = part.arguments, evolve(part, arguments="")
            case Text() | Reasoning():
                words, part = part.text, evolve(part, text="")
            case _:
                pass
        events.append(PartStart(index, part))
        if words:
            events.append(TextDelta(index, words))
        if isinstance(part, Text) and words:
            self._texts.append((index, words))
            self._cite(events)
        events.append(PartEnd(index))

    def _next(self) -> int:
        self._count += 1
        return self._count - 1

    def _close(self, events: list[Event]) -> None:
        """End the part that is still open, if there is one."""
        if self._partial is not None:
            events.append(TextDelta(self._partial.index, dumps_str(self._partial.arguments.value)))
            events.append(PartEnd(self._partial.index))
            self._partial = None
        if self._open is not None:
            if self._open_kind is Text:
                self._texts.append((self._open, "".join(self._words)))
                self._cite(events)
            events.append(PartEnd(self._open))
            self._open = self._open_kind = None


def _is_plain(wire: PartWire) -> bool:
    """Words or thoughts and nothing else."""
    if wire.text is None or wire.thought_signature is not None or wire.extras or wire.thought is False:
        return False
    return wire.function_call is None and wire.function_response is None and wire.inline_data is None and wire.file_data is None


def _merged(first: JSON, second: JSON) -> JSON:
    """Both of two members whose lists grow from chunk to chunk."""
    if not isinstance(first, dict) or not isinstance(second, dict):
        return second
    joined = dict(first)
    for name, value in second.items():
        before = joined.get(name)
        joined[name] = [*before, *value] if isinstance(before, list) and isinstance(value, list) else value
    return joined


def fold_chunks(chunks: Iterable[JSON]) -> Response:
    """The answer that a stream's parsed chunks amount to.

    Raises:
        BadUpstream: they are not one whole answer.
        UpstreamError: they end in an error.
    """
    decoder = StreamDecoder()
    events = [event for chunk in chunks for event in decoder.feed_chunk(chunk)]
    return fold([*events, *decoder.close()])
