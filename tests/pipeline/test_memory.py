"""What a client cannot hand back is put back where it stood, and forgotten in time."""

import pytest
from attrs import define
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.parts import CacheMark, Part, Proof, ProofKind, Reasoning, Text, ToolCall, ToolResult
from ccproxy_cli.core.request import Message, Request, Role
from ccproxy_cli.core.response import Finish, FinishReason, Response
from ccproxy_cli.core.stream import explode
from ccproxy_cli.pipeline.exchange import Exchange
from ccproxy_cli.pipeline.memory import Listener, RecentTurns, Turn, remember, restored, turn_of, with_recalled

SIGNED = Proof("anthropic", "sig")
WORDS = st.text("ab ", min_size=1, max_size=5)
SPOKEN = st.builds(Text, WORDS) | st.builds(Reasoning, st.text("xy", max_size=4), st.just((SIGNED,)))


@define
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@st.composite
def turns(draw: st.DrawFn) -> list[Part]:
    """An answer that thinks, speaks and calls, in any order."""
    before = draw(st.lists(SPOKEN, max_size=4))
    calls = [ToolCall(f"call_{index}", "Read", "{}") for index in range(draw(st.integers(1, 3)))]
    parts: list[Part] = [Reasoning("first", (SIGNED,)), *before]
    for call in calls:
        parts += [call, *draw(st.lists(SPOKEN, max_size=1))]
    return parts


def as_chat_replays(parts: list[Part]) -> tuple[Part, ...]:
    """One text of all the words, then the calls."""
    words = "".join(part.text for part in parts if isinstance(part, Text))
    return (*((Text(words),) if words else ()), *(part for part in parts if isinstance(part, ToolCall)))


def asked(*messages: Message) -> Request:
    return Request("m", messages)


@given(turns())
def test_a_replayed_turn_is_as_it_was(parts: list[Part]) -> None:
    turn = turn_of(parts, "openai-chat")
    assert turn is not None
    assert restored(as_chat_replays(parts), turn) == tuple(parts)


@given(turns())
def test_reasoning_that_the_client_did_replay_is_replaced(parts: list[Part]) -> None:
    turn = turn_of(parts, "openai-chat")
    assert turn is not None
    replay: tuple[Part, ...] = (Reasoning("first"), *as_chat_replays(parts))
    assert restored(replay, turn) == tuple(parts)


@given(turns())
def test_where_words_were_changed_the_reasoning_comes_first(parts: list[Part]) -> None:
    turn = turn_of(parts, "openai-chat")
    assert turn is not None
    calls = [part for part in parts if isinstance(part, ToolCall)]
    thoughts = [part for part in parts if isinstance(part, Reasoning)]
    replay: tuple[Part, ...] = (Text("something else altogether, and longer than all of it"), *calls)
    assert restored(replay, turn) == (*thoughts, *replay)


@given(turns())
def test_what_is_heard_of_a_stream_is_what_the_answer_holds(parts: list[Part]) -> None:
    listener = Listener()
    for event in explode(Response("r", "m", tuple(parts), Finish(FinishReason.TOOL_CALLS))):
        assert not listener.done
        listener.feed(event)
    assert listener.done
    assert turn_of(listener.parts, "openai-chat") == turn_of(parts, "openai-chat")


def test_proofs_on_calls_and_on_blank_words_come_back() -> None:
    on_call, on_blank = Proof("gemini", "call"), Proof("gemini", "blank")
    parts: list[Part] = [ToolCall("a", "Read", "{}", proofs=(on_call,)), ToolCall("b", "Read", "{}"), Text("", proofs=(on_blank,))]
    turn = turn_of(parts, "openai-chat")
    assert turn is not None
    replay = (ToolCall("a", "Read", '{"x":1}'), ToolCall("b", "Read", "{}"))
    assert restored(replay, turn) == (ToolCall("a", "Read", '{"x":1}', proofs=(on_call,)), replay[1], parts[2])


def test_a_cache_mark_stays_at_the_end_of_its_words() -> None:
    mark = CacheMark()
    turn = turn_of([Text("ab"), Reasoning("t", (SIGNED,)), Text("c"), ToolCall("x", "Read")], "openai-chat")
    assert turn is not None
    replay = (Text("abc", mark), ToolCall("x", "Read"))
    assert restored(replay, turn) == (Text("ab"), Reasoning("t", (SIGNED,)), Text("c", mark), ToolCall("x", "Read"))


@pytest.mark.parametrize(
    "parts",
    [
        [Reasoning("no proof"), ToolCall("a", "Read")],
        [Reasoning("nothing that comes back", (SIGNED,)), Text("")],
        [Reasoning("the client's own", (Proof("openai-chat", "x"),)), ToolCall("a", "Read")],
    ],
)
def test_what_nobody_wants_back_is_not_remembered(parts: list[Part]) -> None:
    assert turn_of(parts, "openai-chat") is None


async def test_a_client_gets_its_own_reasoning_back_and_nobody_elses() -> None:
    memory = RecentTurns(Clock())
    parts: list[Part] = [Reasoning("t", (SIGNED,)), Text("words"), ToolCall("call_1", "Read", "{}")]
    await remember(parts, memory, "openai-chat", "key of Ann", ())
    replay = asked(Message(Role.USER, (Text("hi"),)), Message(Role.ASSISTANT, as_chat_replays(parts)))
    back = await with_recalled(replay, memory, "key of Ann", "anthropic")
    assert back.messages[1].parts == tuple(parts)
    assert await with_recalled(replay, memory, "key of Bob", "anthropic") == replay
    assert await with_recalled(replay, memory, "", "anthropic") == replay
    assert await with_recalled(replay, memory, "key of Ann", "gemini") == replay  # it could only lose it
    assert (await with_recalled(replay, memory, "key of Ann", None)).messages[1].parts == tuple(parts)


async def test_reasoning_that_came_with_its_proof_is_left_alone() -> None:
    memory = RecentTurns(Clock())
    parts: list[Part] = [Reasoning("t", (SIGNED,)), ToolCall("call_1", "Read", "{}")]
    await remember(parts, memory, "gemini", "Ann", ())
    replay = asked(Message(Role.ASSISTANT, (Reasoning("newer", (Proof("anthropic", "other"),)), ToolCall("call_1", "Read", "{}"))))
    assert await with_recalled(replay, memory, "Ann", "anthropic") == replay


async def test_a_turn_in_several_messages_is_one_turn() -> None:
    """google-genai's chats keep a message for every chunk of a stream."""
    memory = RecentTurns(Clock())
    parts: list[Part] = [Reasoning("t", (SIGNED,)), Text("words"), ToolCall("call_1", "Read", "{}")]
    await remember(parts, memory, "gemini", "Ann", ())
    kept = [Message(Role.ASSISTANT, (part,)) for part in parts]
    assert await with_recalled(asked(*kept), memory, "Ann", "anthropic") == asked(*kept)
    assert await with_recalled(asked(*kept[1:]), memory, "Ann", "anthropic") == asked(Message(Role.ASSISTANT, tuple(parts)))


async def test_calls_replayed_one_by_one_get_the_reasoning_once() -> None:
    memory = RecentTurns(Clock())
    thought = Reasoning("t", (Proof("openai-responses", "blob", ProofKind.SEALED),))
    calls = [ToolCall(f"call_{index}", "Read", "{}") for index in range(2)]
    await remember([thought, *calls], memory, "openai-chat", "Ann", ())
    one_by_one = [
        message
        for call in calls
        for message in (Message(Role.ASSISTANT, (call,)), Message(Role.TOOL, (ToolResult(call.call_id, (Text("done"),)),)))
    ]
    back = await with_recalled(asked(*one_by_one), memory, "Ann", "openai-responses")
    assert [message.parts for message in back.messages if message.role is Role.ASSISTANT] == [(thought, calls[0]), (calls[1],)]


# Words without a call

ASKED = Message(Role.USER, (Text("How far?"),))
MORE = Message(Role.USER, (Text("And now?"),))
THOUGHTFUL: list[Part] = [Reasoning("t", (SIGNED,)), Text("Ten "), Text("miles.")]


async def reminded(*messages: Message, owner: str = "Ann") -> tuple[Part, ...]:
    """The second message of a conversation, after one was remembered to have gone from the question to the thoughtful answer."""
    memory = RecentTurns(Clock())
    await remember(THOUGHTFUL, memory, "openai-chat", "Ann", (Message(Role.SYSTEM, (Text("It is noon."),)), ASKED))
    return (await with_recalled(asked(*messages), memory, owner, "anthropic")).messages[1].parts


async def test_words_alone_bring_their_reasoning_back() -> None:
    assert await reminded(ASKED, Message(Role.ASSISTANT, (Text("Ten miles."),)), MORE) == tuple(THOUGHTFUL)


async def test_what_clients_change_by_the_way_makes_no_difference() -> None:
    replayed, late = Message(Role.ASSISTANT, (Text("Ten miles.\n"),)), Message(Role.SYSTEM, (Text("It is one."),))
    assert await reminded(ASKED, replayed, late, MORE) == (Reasoning("t", (SIGNED,)), Text("Ten miles.\n"))


@pytest.mark.parametrize(
    "messages",
    [
        (Message(Role.USER, (Text("How long?"),)), Message(Role.ASSISTANT, (Text("Ten miles."),))),
        (ASKED, Message(Role.ASSISTANT, (Text("Ten smiles."),))),
        (Message(Role.USER, (Text("How far? Ten miles."),)), Message(Role.ASSISTANT, (Text(""),))),
        (Message(Role.USER, (Text("Hi"), *ASKED.parts)), Message(Role.ASSISTANT, (Text("Ten miles."),))),
    ],
)
async def test_the_same_words_elsewhere_do_not(messages: tuple[Message, ...]) -> None:
    assert await reminded(*messages) == messages[1].parts


async def test_nor_do_another_clients() -> None:
    assert await reminded(ASKED, Message(Role.ASSISTANT, (Text("Ten miles."),)), owner="Bob") == (Text("Ten miles."),)


# The memory itself


def turn(size: int = 0) -> Turn:
    return Turn((Reasoning("t" * size, (SIGNED,)),))


async def test_turns_are_forgotten_when_nobody_asked_for_long() -> None:
    clock = Clock()
    memory = RecentTurns(clock, lifetime=10)
    await memory.remember("a", turn())
    clock.now = 9
    assert await memory.recall("a") == turn()
    clock.now = 18
    assert await memory.recall("a") == turn()
    clock.now = 28
    assert await memory.recall("a") is None
    assert (len(memory), memory.bytes) == (0, 0)


async def test_the_least_wanted_makes_room() -> None:
    memory = RecentTurns(Clock(), max_entries=2)
    for key in ("a", "b"):
        await memory.remember(key, turn())
    await memory.recall("a")
    await memory.remember("c", turn())
    assert [await memory.recall(key) is not None for key in "abc"] == [True, False, True]


async def test_it_never_holds_more_than_it_may() -> None:
    memory = RecentTurns(Clock(), max_bytes=20_000)
    for number in range(50):
        await memory.remember(f"call_{number}", turn(number * 100))
        assert memory.bytes <= 20_000
    assert 0 < len(memory) < 50
    await memory.remember("huge", turn(50_000))
    assert await memory.recall("huge") is None
    assert await memory.recall("call_49") is not None


async def test_remembering_again_replaces_and_counts_once() -> None:
    memory = RecentTurns(Clock())
    await memory.remember("a", turn(10))
    once = memory.bytes
    await memory.remember("a", turn(10))
    assert (len(memory), memory.bytes) == (1, once)


def test_whose_a_request_is_says_neither_key_nor_name_and_no_two_are_alike() -> None:
    call = HTTPCall("POST", "/chat/completions", b"{}", {}, "")
    asking = [(None, None), ("sk-secret", None), ("other", None), (None, "ann"), ("sk-secret", "ann"), ("ann", None)]
    owners = {Exchange("id", FORMATS["openai-chat"], call, client_key=key, client=client).owner for key, client in asking}
    assert len(owners) == len(asking)
    assert not any(word in owner for owner in owners for word in ("secret", "ann", "/"))
