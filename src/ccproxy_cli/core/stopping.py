"""Stop sequences that the target cannot be told: the answer is cut here, where the target would have cut it."""

from attrs import evolve

from ccproxy_cli.core.events import Event, PartEnd, PartStart, ResponseEnd, ResponseStart, TextDelta
from ccproxy_cli.core.formats import Format
from ccproxy_cli.core.parts import Text
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import Request
from ccproxy_cli.core.response import NO_USAGE, Finish, FinishReason, Usage


def split_stops(request: Request, spoken: Format, profile: Profile) -> tuple[Request, tuple[str, ...]]:
    """The request with those of its stop sequences that the target can be told, and the others, which are for a `StopFilter`."""
    if not request.stop or spoken.stops_taken is None:
        return request, ()
    taken = spoken.stops_taken(request.stop, profile)
    if taken == request.stop:
        return request, ()
    return evolve(request, stop=taken or None), tuple(word for word in request.stop if word and word not in taken)


class StopFilter:
    """Passes a stream on up to the first stop sequence in one of its texts.

    As at a vendor, the sequence that is complete first wins, however the stream is cut, and of several that end together the longest.
    Reasoning and tool arguments are not looked at, and no sequence reaches from one text into the next.
    """

    def __init__(self, sequences: tuple[str, ...]) -> None:
        self._sequences = tuple(dict.fromkeys(sequence for sequence in sequences if sequence))
        self._holdback = max(map(len, self._sequences), default=1) - 1
        self._held: dict[int, str] = {}
        """By open text: its last characters, which may be the beginning of a sequence."""
        self._open: list[int] = []
        self._usage: Usage = NO_USAGE
        self.done = False
        """A sequence has come: nothing more will be passed on, so the upstream may be let go."""

    def feed(self, event: Event) -> list[Event]:
        """The events that may go out now that `event` has come."""
        if self.done:
            return []
        match event:
            case TextDelta(index, text) if index in self._held:
                return self._scan(index, self._held[index] + text)
            case PartStart(index, part):
                self._open.append(index)
                if not isinstance(part, Text):
                    return [event]
                self._held[index] = ""
                return [PartStart(index, evolve(part, text="")), *self._scan(index, part.text)] if part.text else [event]
            case PartEnd(index):
                self._open.remove(index)
                return [*self._release(index), event]
            case ResponseStart():
                self._usage = event.usage
                return [event]
            case _:
                return [event]

    def _scan(self, index: int, text: str) -> list[Event]:
        ends = [(start + len(sequence), start, sequence) for sequence in self._sequences if (start := text.find(sequence)) >= 0]
        if ends:
            _, start, sequence = min(ends)
            self._held[index] = text[:start]
            return self._finish(sequence)
        kept = len(text) - min(len(text), self._holdback)
        self._held[index] = text[kept:]
        return [TextDelta(index, text[:kept])] if kept else []

    def _release(self, index: int) -> list[Event]:
        held = self._held.pop(index, "")
        return [TextDelta(index, held)] if held else []

    def _finish(self, sequence: str) -> list[Event]:
        """The end of the answer. What it cost is what was known when it began: the upstream counts only answers that it ends itself."""
        self.done = True
        events: list[Event] = []
        for index in self._open:
            events += [*self._release(index), PartEnd(index)]
        return [*events, ResponseEnd(Finish(FinishReason.STOP_SEQUENCE, stop_sequence=sequence), self._usage)]
