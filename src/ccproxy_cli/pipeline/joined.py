"""Texts that follow one another, as one. Gemini begins a new part where it signs its words, in the middle of a sentence at times, and
clients that show the user the last text of an answer would show the half of it."""

from typing import TypeVar

from attrs import evolve

from ccproxy_cli.core.events import CitationDelta, Event, OpaqueDelta, PartEnd, PartStart, Ping, ProofDelta, TextDelta
from ccproxy_cli.core.parts import Text

_E = TypeVar("_E", bound=PartStart | PartEnd | ProofDelta | CitationDelta | OpaqueDelta)


class JoinedWords:
    """Passes one answer's events on. Parts are numbered anew."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        """New number by old."""
        self._begins: dict[int, int] = {}
        """By old number: how many characters of its text stand before a part's own."""
        self._lengths: dict[int, int] = {}
        """Characters of each text, by old number."""
        self._joined: set[int] = set()
        """New numbers of texts that are several."""
        self._started = 0
        self._open: int | None = None
        """Old number of the text that began last, until another part begins."""
        self._end: PartEnd | None = None
        """Its end, held back: the next text may go on with it."""

    def feed(self, event: Event) -> list[Event]:
        """The events that may go out now that `event` has come."""
        if type(event) is TextDelta:  # nearly every event
            if event.index in self._lengths:
                self._lengths[event.index] += len(event.text)
            number = self._numbers[event.index]
            return [event if number == event.index else TextDelta(number, event.text)]
        match event:
            case PartStart(index, Text(citations=()) as part) if self._end is not None and self._open is not None:
                number, before = self._end.index, self._open
                self._numbers[index], self._end = number, None
                self._joined.add(number)
                self._begins[index] = self._begins[before] + self._lengths[before]
                self._lengths[index], self._open = len(part.text), index
                words: list[Event] = [TextDelta(number, part.text)] if part.text else []
                return [*words, *(ProofDelta(number, proof) for proof in part.proofs)]
            case PartStart(index, part):
                self._numbers[index], self._started = self._started, self._started + 1
                self._open = index if isinstance(part, Text) else None
                if isinstance(part, Text):
                    self._begins[index], self._lengths[index] = 0, len(part.text)
                return [*self._let_go(), _at(event, self._numbers[index])]
            case PartEnd(index) if index == self._open:
                self._end = _at(event, self._numbers[index])
                return []
            case CitationDelta(index, citation) if index in self._lengths:
                number = self._numbers[index]
                if number in self._joined:  # where nothing was joined, ranges may lie in words that are still to come
                    citation = citation.moved(self._begins[index], self._lengths[index])
                return [CitationDelta(number, citation)]
            case Ping():
                return [event]
            case ProofDelta(index) | CitationDelta(index) | OpaqueDelta(index) | PartEnd(index):
                return [_at(event, self._numbers[index])]
            case _:
                return [*self._let_go(), event]

    def _let_go(self) -> list[Event]:
        held, self._end = self._end, None
        return [] if held is None else [held]


def _at(event: _E, number: int) -> _E:
    """The event with that number, which is its own as long as nothing was joined."""
    return event if event.index == number else evolve(event, index=number)
