"""The frames of an agent's work, as the events of one answer.

Its turns are strung together: the model's words and thoughts as they are, each call of a tool and its result as a thought of its own. The
calls are never the client's to answer, so none is shown as one; and a client that shows no thoughts shows no activity. What the turns cost
is added up.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

from attrs import evolve

from ccproxy_cli.backends.claude_code.activity import call_in_words, result_in_words
from ccproxy_cli.backends.claude_code.answer import Answer, RawDecoder
from ccproxy_cli.core.events import PART_EVENTS, CitationDelta, Event, PartEnd, PartStart, ResponseEnd, ResponseStart, TextDelta
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.parts import Reasoning, Text, ToolCall
from ccproxy_cli.core.response import FinishReason, Usage

_GAP = "\n\n"
"""Between the words of two turns, which would run together in formats that have one text alone."""


class AgentAnswer:
    """Holds the state of one answer of several turns. Nothing may be fed once it is `done`.

    Args:
        clean: takes secrets out of what tools say.
    """

    def __init__(self, decoder: Callable[[], RawDecoder], now: Callable[[], float], clean: Callable[[str], str]) -> None:
        self.done = False
        """Complete: the process may end."""
        self._decoder = decoder
        self._now = now
        self._turn = Answer(decoder, None, now)
        self._clean = clean
        self._started = False
        self._spoken = False
        self._set_off = -1  # the newest part that begins with a gap
        self._next = 0
        self._places: dict[int, int] = {}  # of this turn's parts in the answer
        self._calls: dict[int, ToolCall] = {}  # of this turn, by part, while they are being made
        self._running: dict[str, str] = {}  # their lines, by id, until their results come
        self._early: dict[str, dict[str, JSON]] = {}  # results that overtook the end of their calls
        self._newest = ""
        self._usage: Usage | None = None

    @property
    def busy(self) -> bool:
        """A tool runs here, which may say nothing for as long as it likes."""
        return bool(self._running)

    def feed(self, frame: Mapping[str, JSON]) -> list[Event]:
        """The events that may go out now. Raises as `Answer.feed` does."""
        match frame:
            case {"type": "user", "message": {"content": list() as blocks}}:
                return [event for block in blocks for event in self._result(block)]
            case _:
                events = self._turn.feed(frame)
        told = [ready for event in events for ready in self._told(event)]
        if self._turn.done and not self.done:
            self._turn = Answer(self._decoder, None, self._now)
            self._places, self._calls = {}, {}
        return told

    def _told(self, event: Event) -> Iterator[Event]:
        match event:
            case ResponseStart():
                if not self._started:
                    self._started = True
                    yield event
                self._running, self._early = {}, {}
            case PartStart(index, ToolCall() as call):
                self._calls[index] = call
            case TextDelta(index, text) if index in self._calls:
                self._calls[index] = evolve(self._calls[index], arguments=self._calls[index].arguments + text)
            case PartEnd(index) if index in self._calls:
                yield from self._call(self._calls.pop(index))
            case PartStart(index, part):
                self._places[index] = place = self._take_place()
                yield PartStart(place, part)
                if isinstance(part, Text):
                    if self._spoken and index == min(self._places):
                        self._set_off = place
                        yield TextDelta(place, _GAP)
                    self._spoken = True
            case CitationDelta(index, citation) if self._places.get(index) == self._set_off and citation.start is not None:
                moved = evolve(citation, start=citation.start + len(_GAP), end=(citation.end or 0) + len(_GAP))
                yield CitationDelta(self._set_off, moved)
            case ResponseEnd(finish, usage):
                self._usage = usage if self._usage is None else self._usage.plus(usage)
                if finish.reason is not FinishReason.TOOL_CALLS:
                    self.done = True
                    yield evolve(event, usage=self._usage)
            case _ if isinstance(event, PART_EVENTS):
                if event.index in self._places:
                    yield evolve(event, index=self._places[event.index])
            case _:
                yield event

    def _take_place(self) -> int:
        self._next += 1
        return self._next - 1

    def _call(self, call: ToolCall) -> Iterator[Event]:
        words = call_in_words(call.name, call.arguments)
        yield from self._thought(words)
        self._running[call.call_id], self._newest = words, call.call_id
        if (early := self._early.pop(call.call_id, None)) is not None:
            yield from self._result(early)

    def _result(self, block: JSON) -> Iterator[Event]:
        if not isinstance(block, dict) or block.get("type") != "tool_result":
            return
        call_id = str(block.get("tool_use_id"))
        if call_id not in self._running:
            self._early[call_id] = block
            return
        words = self._running.pop(call_id)
        told = result_in_words(block.get("content"), block.get("is_error") is True)
        yield from self._thought(told if call_id == self._newest else words + told)
        self._newest = call_id

    def _thought(self, words: str) -> Sequence[Event]:
        place = self._take_place()
        return PartStart(place, Reasoning()), TextDelta(place, self._clean(words)), PartEnd(place)
