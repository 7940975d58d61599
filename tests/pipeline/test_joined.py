"""Neighbouring texts become one, and nothing else changes."""

from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from ccproxy_cli.core.citations import Citation
from ccproxy_cli.core.events import CitationDelta, Event, Ping
from ccproxy_cli.core.parts import Part, Proof, Reasoning, Text, ToolCall
from ccproxy_cli.core.response import Finish, FinishReason, Response
from ccproxy_cli.core.stream import explode, fold
from ccproxy_cli.pipeline.joined import JoinedWords

PROOFS = st.lists(st.builds(Proof, st.just("gemini"), st.text("ab", min_size=1)), max_size=1).map(tuple)
PARTS = st.one_of(
    st.builds(Text, st.text("ab 🎉", max_size=5), proofs=PROOFS),
    st.builds(Reasoning, st.text("xy", max_size=5)),
    st.builds(ToolCall, st.just("c"), st.just("Read"), st.just("{}"), proofs=PROOFS),
)


def joined(events: list[Event]) -> list[Event]:
    joining = JoinedWords()
    return [ready for event in events for ready in joining.feed(event)]


def answer(*parts: Part) -> Response:
    return Response("r", "m", parts, Finish(FinishReason.STOP))


@given(st.lists(PARTS, max_size=7))
@settings(max_examples=100)
def test_neighbouring_texts_are_one_with_all_their_words_and_proofs(parts: list[Part]) -> None:
    expected: list[Part] = []
    for part in parts:
        if isinstance(part, Text) and expected and isinstance(before := expected[-1], Text):
            expected[-1] = evolve(before, text=before.text + part.text, proofs=before.proofs + part.proofs)
        else:
            expected.append(part)
    assert fold(joined(list(explode(answer(*parts))))).parts == tuple(expected)


def test_sources_stay_with_their_words() -> None:
    events = list(explode(answer(Text("Paris. "), Text("Rome."), Reasoning("x"))))
    end = events.pop()
    rome, all_of_it = Citation(url="http://r", start=0, end=4), Citation(url="http://p")
    events += [CitationDelta(1, rome), CitationDelta(0, all_of_it), end]
    (text, _) = fold(joined(events)).parts
    assert isinstance(text, Text)
    assert text.text == "Paris. Rome."
    assert [(source.url, source.start, source.end) for source in text.citations] == [("http://r", 7, 11), ("http://p", 0, 7)]


def test_a_ping_between_them_is_no_matter() -> None:
    events = [ready for event in explode(answer(Text("a"), Text("b"))) for ready in (event, Ping())]
    assert fold([event for event in joined(events) if not isinstance(event, Ping)]).parts == (Text("ab"),)
