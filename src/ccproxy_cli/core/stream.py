"""A response is its event stream: `fold(explode(r)) == r`.

The grammar is the table in this file, and a step that is not in the table is the one error. Everything here is a state machine
fed event by event, so that the same code serves a stream that is still arriving and one that is complete.
"""

import enum
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import assert_never

from attrs import evolve

from ccproxy_cli.core.errors import BadUpstream, UpstreamError
from ccproxy_cli.core.events import (
    CONTENT_EVENTS,
    PART_EVENTS,
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
from ccproxy_cli.core.extras import Extras
from ccproxy_cli.core.parts import Media, Opaque, Part, Proof, Reasoning, Refusal, Text, ToolCall, ToolResult
from ccproxy_cli.core.response import Response


class State(enum.Enum):
    WAITING = "before the response started"
    OPEN = "inside the response"
    ENDED = "after the response ended"
    BROKEN = "after an error"


_OPEN_STEPS: Mapping[type, State] = MappingProxyType(
    dict.fromkeys(PART_EVENTS, State.OPEN)
    | {Ping: State.OPEN, OpaqueEvent: State.OPEN, ResponseEnd: State.ENDED, StreamError: State.BROKEN}
)

TRANSITIONS: Mapping[State, Mapping[type, State]] = MappingProxyType(
    {
        State.WAITING: {ResponseStart: State.OPEN, Ping: State.WAITING, OpaqueEvent: State.WAITING},
        State.OPEN: _OPEN_STEPS,
        State.ENDED: {Ping: State.ENDED, OpaqueEvent: State.ENDED},
        State.BROKEN: {},
    }
)
"""Which event may come in which state, and where it leads. What is missing is illegal."""


class Fold:
    """Consumes an event stream, holds it to the grammar, and builds the response it amounts to."""

    def __init__(self) -> None:
        self.state = State.WAITING
        self._start: ResponseStart | None = None
        self._end: ResponseEnd | None = None
        self._error: StreamError | None = None
        self._parts: list[Part] = []
        self._texts: list[list[str]] = []
        self._open: set[int] = set()

    def __repr__(self) -> str:
        return f"<Fold {self.state.value}, {len(self._parts)} parts, open {sorted(self._open)}>"

    def feed(self, event: Event) -> None:
        """Take the next event.

        Raises:
            BadUpstream: the event does not belong here.
        """
        state = TRANSITIONS[self.state].get(type(event))
        if state is None:
            raise BadUpstream(f"{type(event).__name__} {self.state.value}")
        match event:
            case ResponseStart():
                self._start = event
            case PartStart(index, part):
                if index != len(self._parts):
                    raise BadUpstream(f"part {index} started where part {len(self._parts)} was due")
                self._parts.append(part)
                self._texts.append([])
                self._open.add(index)
            case TextDelta(index, text):
                self._require_open(index, event)
                self._texts[index].append(text)
            case ProofDelta(index, proof):
                self._require_open(index, event)
                part = self._parts[index]
                if not isinstance(part, Text | Reasoning | ToolCall):
                    raise BadUpstream(f"a proof cannot belong to {type(part).__name__}")
                self._parts[index] = evolve(part, proofs=(*part.proofs, proof))
            case CitationDelta(index, citation):
                if index >= len(self._parts) or not isinstance(cited := self._parts[index], Text):
                    raise BadUpstream(f"a citation for part {index}, which is no text")
                self._parts[index] = evolve(cited, citations=(*cited.citations, citation))
            case OpaqueDelta(index):  # what such steps amount to comes with the part's end
                self._require_open(index, event)
            case PartEnd(index):
                self._require_open(index, event)
                self._open.remove(index)
                self._parts[index] = _finished(self._parts[index], "".join(self._texts[index]), event)
            case ResponseEnd():
                if self._open:
                    raise BadUpstream(f"the response ended with parts still open: {sorted(self._open)}")
                self._end = event
            case StreamError():
                self._error = event
            case Ping() | OpaqueEvent():
                pass
        self.state = state

    def _require_open(self, index: int, event: Event) -> None:
        if index not in self._open:
            raise BadUpstream(f"{type(event).__name__} for part {index}, which is not open")

    @property
    def response(self) -> Response:
        """The complete response.

        Raises:
            UpstreamError: the stream ended in an error.
            BadUpstream: it has not ended.
        """
        if self._error is not None:
            raise UpstreamError(self._error.error)
        if self._start is None or self._end is None:
            raise BadUpstream("the stream ended before the response did")
        start, end = self._start, self._end
        return Response(
            id=start.id,
            model=start.model,
            parts=tuple(self._parts),
            finish=end.finish,
            usage=end.usage,
            created=start.created,
            service_tier=end.service_tier,
            logprobs=end.logprobs,
            extras=merge_extras(start.extras, end.extras),
        )


def _finished(part: Part, text: str, end: PartEnd) -> Part:
    match part:
        case Text() | Reasoning() | Refusal():
            part = evolve(part, text=part.text + text) if text else part
        case ToolCall():
            part = evolve(part, arguments=part.arguments + text) if text else part
        case _ if text:
            raise BadUpstream(f"{type(part).__name__} takes no text")
        case _:
            pass
    if isinstance(part, Opaque):
        return finished_opaque(part, end)
    return evolve(part, extras=merge_extras(part.extras, end.extras)) if end.extras else part


def finished_opaque(part: Opaque, end: PartEnd) -> Opaque:
    """The part with what its end added."""
    added, meaning = end.extras.get(part.format), part.meaning if end.meaning is None else end.meaning
    return Opaque(part.format, {**part.raw, **added} if added else part.raw, meaning) if added or meaning is not part.meaning else part


def merge_extras(first: Extras, second: Extras) -> Extras:
    """Both; where they meet, the second wins."""
    if not second:
        return first
    if not first:
        return second
    return {name: {**first.get(name, {}), **second.get(name, {})} for name in (*first, *(set(second) - set(first)))}


def fold(events: Iterable[Event]) -> Response:
    """The response that a complete stream amounts to. Raises as `Fold` does."""
    folding = Fold()
    for event in events:
        folding.feed(event)
    return folding.response


def explode(response: Response) -> Iterator[Event]:
    """The shortest stream that folds to `response`."""
    yield ResponseStart(response.id, response.model, response.created, response.usage, response.extras)
    for index, part in enumerate(response.parts):
        shell, text = _split_text(part)
        proofs: tuple[Proof, ...] = ()
        if isinstance(shell, Reasoning) and text:  # a proof vouches for text that must have come before it
            shell, proofs = evolve(shell, proofs=()), shell.proofs
        yield PartStart(index, shell)
        if text:
            yield TextDelta(index, text)
        for proof in proofs:
            yield ProofDelta(index, proof)
        yield PartEnd(index)
    yield ResponseEnd(response.finish, response.usage, service_tier=response.service_tier, logprobs=response.logprobs)


def _split_text(part: Part) -> tuple[Part, str]:
    """The part without its text, and the text."""
    match part:
        case Text() | Reasoning() | Refusal():
            return evolve(part, text=""), part.text
        case ToolCall():
            return evolve(part, arguments=""), part.arguments
        case Media() | ToolResult() | Opaque():
            return part, ""
        case _:
            assert_never(part)


class InOrder:
    """Serialises interleaved parts for formats that forbid interleaving: part N+1 is held back until part N has ended.

    Holding costs nothing in practice: a client acts on a tool call only when it is complete.
    """

    def __init__(self) -> None:
        self._current = 0
        self._held: dict[int, list[Event]] = {}

    def feed(self, event: Event) -> Sequence[Event]:
        """The events that may go out now that `event` has come."""
        index = getattr(event, "index", None)
        if index is None:
            if isinstance(event, StreamError):
                self._held.clear()
            return (event,)
        if index > self._current:
            self._held.setdefault(index, []).append(event)
            return ()
        if type(event) is not PartEnd:
            return (event,)
        ready: list[Event] = [event]
        while isinstance(ready[-1], PartEnd):
            self._current += 1
            held = self._held.pop(self._current, None)
            if not held:
                break
            ready += held
        return ready


def in_order(events: Iterable[Event]) -> Iterator[Event]:
    """The same stream with no two parts open at once."""
    ordering = InOrder()
    for event in events:
        yield from ordering.feed(event)


def is_content(event: Event) -> bool:
    """Whether `event` commits us to this answer: after it no retry is possible."""
    return isinstance(event, CONTENT_EVENTS)
