"""Where a turn stands depends on what was visibly said, and on nothing else."""

from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.parts import Inline, Link, Media, MediaKind, Opaque, Part, Reasoning, Text, ToolCall, ToolResult
from ccproxy_cli.core.request import Message, Role
from ccproxy_cli.pipeline.trail import Trail

WORDS = st.text("ab \n\0", max_size=4)
PARTS = st.one_of(
    st.builds(Text, WORDS),
    st.builds(ToolCall, st.sampled_from(["c1", "c2"]), st.just("f")),
    st.builds(lambda call, text: ToolResult(call, (Text(text),)), st.sampled_from(["c1", "c2"]), WORDS),
    st.sampled_from([Media(MediaKind.IMAGE, Inline("image/png", "abc")), Media(MediaKind.IMAGE, Link("https://a.test"))]),
)
TURNS = st.lists(st.tuples(st.sampled_from([Role.USER, Role.ASSISTANT]), st.lists(PARTS, max_size=3)), max_size=5)
Turns = list[tuple[Role, list[Part]]]


def place(messages: list[Message]) -> str:
    trail = Trail()
    trail.follow(messages)
    return trail.place


def whole(turns: Turns) -> list[Message]:
    return [Message(role, tuple(parts)) for role, parts in turns]


@given(TURNS, st.data())
def test_how_it_is_cut_makes_no_difference(turns: Turns, data: st.DataObject) -> None:
    cut: list[Message] = []
    for role, parts in turns:
        for part in parts:
            at = data.draw(st.integers(0, len(part.text))) if isinstance(part, Text) else 0
            pieces: list[Part] = [Text(part.text[:at]), Text(part.text[at:])] if isinstance(part, Text) else [part]
            cut += [Message(role, (piece,)) for piece in pieces]
    assert place(cut) == place(whole(turns))


@given(st.lists(WORDS, max_size=4))
def test_space_around_words_makes_no_difference(words: list[str]) -> None:
    def said(texts: list[str]) -> list[Message]:
        return [Message(Role.ASSISTANT if number % 2 else Role.USER, (Text(text),)) for number, text in enumerate(texts)]

    assert place(said([text.strip() for text in words])) == place(said([f" {text}\n" for text in words]))


@given(TURNS, st.text("xy", min_size=1, max_size=3))
def test_what_is_not_said_to_everybody_makes_no_difference(turns: Turns, words: str) -> None:
    told = [(role, [Reasoning(words), Opaque("anthropic", {"type": words}), *parts]) for role, parts in turns]
    between = [message for said in whole(told) for message in (Message(Role.SYSTEM, (Text(words),)), said)]
    assert place(between) == place(whole(turns))


def test_every_difference_that_can_be_seen_makes_one() -> None:
    question, answer = Message(Role.USER, (Text("a"),)), Message(Role.ASSISTANT, (Text("b"),))
    conversations: list[list[Message]] = [
        [],
        [question],
        [question, answer],
        [answer, question],
        [question, Message(Role.USER, (Text("b"),))],
        [question, Message(Role.ASSISTANT, (Text("b"), ToolCall("c1", "f")))],
        [question, Message(Role.ASSISTANT, (Text("b"), ToolCall("c2", "f")))],
        [question, answer, Message(Role.TOOL, (ToolResult("c1", (Text("r"),)),))],
        [question, answer, Message(Role.TOOL, (ToolResult("c1", (Text("s"),)),))],
        [Message(Role.USER, (Text("a"), Media(MediaKind.IMAGE, Inline("image/png", "abc")))), answer],
        [Message(Role.USER, (Text("a"), Media(MediaKind.IMAGE, Inline("image/png", "abcd")))), answer],
        [Message(Role.USER, (Text("a"), Media(MediaKind.IMAGE, Link("https://a.test")))), answer],
    ]
    assert len({place(conversation) for conversation in conversations}) == len(conversations)


@given(TURNS)
def test_a_place_may_be_asked_for_on_the_way(turns: Turns) -> None:
    trail, messages = Trail(), whole(turns)
    places = []
    for message in messages:
        trail.follow([message])
        places.append(trail.place)
    again = [place(messages[: count + 1]) for count in range(len(messages))]
    assert places == again
