"""Stop sequences enforced here: the cut is where a vendor would have made it, however the stream comes."""

from collections.abc import Iterable

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.events import Event, PartEnd, PartStart, Ping, ResponseEnd, ResponseStart, TextDelta
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.parts import Part, Reasoning, Text, ToolCall
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import Message, Request, Role
from ccproxy_cli.core.response import Finish, FinishReason, Response, Usage
from ccproxy_cli.core.stopping import StopFilter, split_stops
from ccproxy_cli.core.stream import explode, fold

WORDS = st.text("ab\n", max_size=8)
PARTS = st.builds(Text, WORDS) | st.builds(Reasoning, WORDS) | st.builds(ToolCall, st.just("call_1"), st.just("run"), WORDS)
SEQUENCES = st.lists(st.text("ab\n", min_size=1, max_size=4), min_size=1, max_size=3).map(tuple)
KNOWN = Usage(input=3)


@st.composite
def cut_streams(draw: st.DrawFn) -> tuple[Response, list[Event]]:
    """A response, and a stream of it whose texts are cut anywhere."""
    parts = draw(st.lists(PARTS, max_size=4))
    response = Response("r", "m", tuple(parts), Finish(FinishReason.STOP), Usage(input=3, output=9))
    events: list[Event] = []
    for event in explode(response):
        match event:
            case TextDelta(index, text):
                while text:
                    at = draw(st.integers(1, len(text)))
                    events.append(TextDelta(index, text[:at]))
                    text = text[at:]
            case ResponseStart():
                events.append(evolve(event, usage=KNOWN))
            case _:
                events.append(event)
    return response, events


def expected(response: Response, sequences: tuple[str, ...]) -> Response:
    """The response as it would be if the vendor stopped: by the first end of a sequence in the first text that has one."""
    parts: list[Part] = []
    for part in response.parts:
        if isinstance(part, Text):
            for end in range(len(part.text) + 1):
                matches = [sequence for sequence in sequences if part.text[:end].endswith(sequence)]
                if matches:
                    sequence = max(matches, key=len)
                    parts.append(Text(part.text[: end - len(sequence)]))
                    finish = Finish(FinishReason.STOP_SEQUENCE, stop_sequence=sequence)
                    return evolve(response, parts=tuple(parts), finish=finish, usage=KNOWN)
        parts.append(part)
    return response


def filtered(events: Iterable[Event], *sequences: str) -> list[Event]:
    stops = StopFilter(sequences)
    return [ready for event in events for ready in stops.feed(event)]


@given(cut_streams(), SEQUENCES)
def test_the_stream_is_cut_where_the_whole_text_would_be(case: tuple[Response, list[Event]], sequences: tuple[str, ...]) -> None:
    response, events = case
    assert fold(filtered(events, *sequences)) == expected(response, sequences)


@given(cut_streams(), SEQUENCES)
def test_a_whole_answer_is_cut_alike(case: tuple[Response, list[Event]], sequences: tuple[str, ...]) -> None:
    response, _ = case
    cut = fold(filtered(explode(response), *sequences))
    assert evolve(cut, usage=response.usage) == evolve(expected(response, sequences), usage=response.usage)


@given(cut_streams())
def test_nothing_changes_where_nothing_stops(case: tuple[Response, list[Event]]) -> None:
    response, events = case
    assert fold(filtered(events, "nowhere in it")) == response
    assert filtered(events, "") == events


def test_nothing_is_held_back_longer_than_it_may_be_a_beginning() -> None:
    stops = StopFilter(("END",))
    stops.feed(ResponseStart("r", "m"))
    stops.feed(PartStart(0, Text()))
    assert stops.feed(TextDelta(0, "abcd")) == [TextDelta(0, "ab")]
    assert stops.feed(Ping()) == [Ping()]
    assert stops.feed(TextDelta(0, "e")) == [TextDelta(0, "c")]
    assert stops.feed(PartEnd(0)) == [TextDelta(0, "de"), PartEnd(0)]


def test_the_answer_ends_with_every_open_part_closed_and_nothing_follows() -> None:
    stops = StopFilter(("END",))
    start: list[Event] = [ResponseStart("r", "m", usage=KNOWN), PartStart(0, ToolCall("c", "run")), PartStart(1, Text("wor"))]
    before = [ready for event in start for ready in stops.feed(event)]
    last = stops.feed(TextDelta(1, "dsEND and more"))
    assert stops.done
    assert last[-1] == ResponseEnd(Finish(FinishReason.STOP_SEQUENCE, stop_sequence="END"), KNOWN)
    response = fold([*before, *last])
    assert response.parts == (ToolCall("c", "run"), Text("words"))
    assert stops.feed(TextDelta(1, "x")) == []


@pytest.mark.parametrize(
    ("format_name", "profile", "sent", "enforced"),
    [
        ("anthropic", Profile(), ("a", "b", "c", "d", "e", "f"), (" ",)),
        ("openai-chat", Profile(), ("a", "b", " ", "c"), ("d", "e", "f")),
        ("openai-chat", Profile(stop_sequences=0), None, ("a", "b", " ", "c", "d", "e", "f")),
        ("openai-chat", Profile(stop_sequences=None), ("a", "b", " ", "c", "d", "e", "f"), ()),
        ("openai-responses", Profile(), None, ("a", "b", " ", "c", "d", "e", "f")),
        ("gemini", Profile(), ("a", "b", " ", "c", "d"), ("e", "f")),
    ],
)
def test_what_a_format_does_not_take_is_enforced(
    format_name: str, profile: Profile, sent: tuple[str, ...] | None, enforced: tuple[str, ...]
) -> None:
    request = Request("m", (Message(Role.USER, (Text("hi"),)),), stop=("a", "b", " ", "c", "d", "e", "f"))
    split, rest = split_stops(request, FORMATS[format_name], profile)
    assert (split.stop, rest) == (sent, enforced)
