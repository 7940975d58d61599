"""Conversations of other formats, under this vendor's rules."""

import json
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.parts import (
    Inline,
    Media,
    MediaKind,
    Opaque,
    Part,
    Proof,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolKind,
    ToolResult,
)
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import Message, Role
from tests.core.formats.anthropic.asking import FOREIGN, HELLO, encoded, lost, said

IMAGE = Media(MediaKind.IMAGE, Inline("image/png", "iVBORw0KGgo="))
LATE = Profile(late_system=True)
OWN = Proof("anthropic", "sig")


def history(*messages: Message, profile: Profile | None = None) -> tuple[list[dict[str, Any]], Any, dict[str, str]]:
    """The messages and the system blocks that `messages` become, without cache marks, and the losses."""
    losses = Losses()
    body = encoded(evolve(FOREIGN, messages=messages), profile, losses)
    bare = json.loads(json.dumps(body).replace(', "cache_control": {"type": "ephemeral"}', ""))
    return bare["messages"], bare.get("system"), lost(losses)


def call(call_id: str = "c1", arguments: str = "{}", **more: Any) -> ToolCall:
    return ToolCall(call_id, "t", arguments, **more)


def result(call_id: str = "c1", text: str = "ok") -> Message:
    return Message(Role.TOOL, (ToolResult(call_id, (Text(text),), flat=True),))


def use(call_id: str = "c1", **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": "t", "input": arguments}


def answer(call_id: str = "c1", text: str = "ok", **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call_id, "content": text, **more}


def words(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def test_leading_instructions_are_the_system_text_one_block_each() -> None:
    messages, system, losses = history(said(Role.SYSTEM, Text("a")), said(Role.DEVELOPER, Text("b"), Text("c")), HELLO)
    assert system == [words("a"), words("b"), words("c")]
    assert messages == [{"role": "user", "content": [words("hello")]}]
    assert losses == {}


def test_a_late_instruction_is_a_message_of_its_own_where_the_model_takes_one() -> None:
    messages, system, _ = history(
        HELLO, said(Role.ASSISTANT, Text("a")), said(Role.USER, Text("b")), said(Role.SYSTEM, Text("s")), profile=LATE
    )
    assert [message["role"] for message in messages] == ["user", "assistant", "user", "system"]
    assert messages[-1]["content"] == [words("s")]
    assert system is None


def test_a_late_instruction_never_stands_before_the_users_words() -> None:
    messages, _, _ = history(HELLO, said(Role.ASSISTANT, call()), said(Role.SYSTEM, Text("s")), result(), profile=LATE)
    assert [message["role"] for message in messages] == ["user", "assistant", "user", "system"]
    assert messages[2]["content"] == [answer()]


def test_a_late_instruction_is_else_a_reminder_after_the_results() -> None:
    messages, _, losses = history(HELLO, said(Role.ASSISTANT, call()), said(Role.SYSTEM, Text("s")), result(), said(Role.USER, Text("b")))
    assert messages[2]["content"] == [answer(), words("<system-reminder>\ns\n</system-reminder>"), words("b")]
    assert losses == {}


def test_a_late_instruction_alone_is_a_users_message() -> None:
    messages, _, _ = history(HELLO, said(Role.ASSISTANT, Text("a")), said(Role.SYSTEM, Text("s")), profile=LATE)
    assert messages[2] == {"role": "user", "content": [words("<system-reminder>\ns\n</system-reminder>")]}


def test_instructions_alone_keep_one_for_the_user() -> None:
    messages, system, losses = history(said(Role.SYSTEM, Text("a")), said(Role.SYSTEM, Text("b")))
    assert system == [words("a")]
    assert messages == [{"role": "user", "content": [words("b")]}]
    assert list(losses) == ["messages[1].role"]


def test_neighbours_of_one_role_are_one_message() -> None:
    messages, _, losses = history(HELLO, HELLO, said(Role.ASSISTANT, Text("a")), said(Role.ASSISTANT, Text("b")), HELLO)
    assert messages[0]["content"] == [words("hello"), words("hello")]
    assert messages[1]["content"] == [words("a"), words("b")]
    assert len(messages) == 3
    assert losses == {}


def test_results_come_first_in_one_message_and_in_the_order_of_the_calls() -> None:
    messages, _, losses = history(
        HELLO, said(Role.ASSISTANT, call("c1"), call("c2")), result("c2", "two"), said(Role.USER, IMAGE), result("c1", "one")
    )
    content = messages[2]["content"]
    assert content[:2] == [answer("c1", "one"), answer("c2", "two")]
    assert content[2]["type"] == "image"
    assert losses == {}


def test_a_result_that_comes_too_late_is_put_where_it_belongs() -> None:
    messages, _, losses = history(
        HELLO, said(Role.ASSISTANT, call()), said(Role.USER, Text("wait")), said(Role.ASSISTANT, Text("sure")), result()
    )
    assert messages[2]["content"] == [answer(), words("wait")]
    assert [message["role"] for message in messages] == ["user", "assistant", "user", "assistant"]
    assert losses == {}


def test_a_call_without_a_result_gets_one_that_says_so() -> None:
    messages, _, losses = history(HELLO, said(Role.ASSISTANT, call("c1"), call("c2")), result("c2"), HELLO)
    assert messages[2]["content"] == [answer("c1", "[no result recorded]", is_error=True), answer("c2"), words("hello")]
    assert list(losses) == ["messages[c1]"]


def test_a_history_that_ends_in_a_call_gets_its_result_too() -> None:
    messages, _, _ = history(HELLO, said(Role.ASSISTANT, call()))
    assert messages[2] == {"role": "user", "content": [answer("c1", "[no result recorded]", is_error=True)]}


def test_a_result_of_no_call_is_dropped() -> None:
    messages, _, losses = history(HELLO, result("zz"), said(Role.ASSISTANT, call()), result(), result("c1", "again"))
    assert messages[0]["content"] == [words("hello")]
    assert messages[2]["content"] == [answer()]
    assert set(losses) == {"messages[1].content", "messages[4].content"}


def test_what_is_left_around_a_dropped_result_is_one_message() -> None:
    messages, _, _ = history(HELLO, said(Role.ASSISTANT, Text("a")), result("zz"), said(Role.ASSISTANT, Text("b")))
    assert messages[1:] == [{"role": "assistant", "content": [words("a"), words("b")]}]


def test_ids_that_do_not_fit_are_mapped_the_same_on_both_sides() -> None:
    messages, _, _ = history(HELLO, said(Role.ASSISTANT, call("functions.t:0")), result("functions.t:0"))
    given_id = messages[1]["content"][0]["id"]
    assert given_id == messages[2]["content"][0]["tool_use_id"]
    assert given_id.isascii()
    assert given_id.replace("_", "").replace("-", "").isalnum()


def test_calls_numbered_anew_in_every_turn_stay_apart() -> None:
    messages, _, losses = history(
        HELLO,
        said(Role.ASSISTANT, call("0", '{"a":1}')),
        result("0", "one"),
        said(Role.ASSISTANT, call("0", '{"a":2}')),
        result("0", "two"),
    )
    ids = [messages[1]["content"][0]["id"], messages[3]["content"][0]["id"]]
    assert len(set(ids)) == 2
    assert [messages[2]["content"], messages[4]["content"]] == [[answer(ids[0], "one")], [answer(ids[1], "two")]]
    assert losses == {}


def test_a_lost_result_is_not_taken_from_a_later_call_of_the_same_id() -> None:
    messages, _, losses = history(HELLO, said(Role.ASSISTANT, call("0")), HELLO, said(Role.ASSISTANT, call("0")), result("0", "two"))
    assert messages[2]["content"][0]["content"] == "[no result recorded]"
    assert messages[4]["content"][0]["content"] == "two"
    assert list(losses) == ["messages[0]"]


def test_arguments_that_are_no_object_are_refused_by_the_calls_id() -> None:
    for bad in ("{", "[]", '"x"', "5"):
        with pytest.raises(BadRequest, match="'c9'"):
            history(HELLO, said(Role.ASSISTANT, call("c9", bad)), result("c9"))


@pytest.mark.parametrize(
    ("text", "value"), [("", {}), (" ", {}), ('{"a": 1.0}', {"a": 1.0}), ('{"n":123456789012345678901}', {"n": 123456789012345678901})]
)
def test_arguments_are_the_object_they_spell(text: str, value: dict[str, Any]) -> None:
    messages, _, _ = history(HELLO, said(Role.ASSISTANT, call("c1", text)), result())
    assert messages[1]["content"] == [use(**value)]


def test_a_custom_tools_text_is_its_input() -> None:
    messages, _, _ = history(HELLO, said(Role.ASSISTANT, call("c1", "SELECT 1;", kind=ToolKind.CUSTOM)), result())
    assert messages[1]["content"] == [use(input="SELECT 1;")]


def test_empty_text_goes_and_so_does_a_message_of_nothing_else() -> None:
    messages, _, losses = history(
        HELLO, said(Role.ASSISTANT, Text("")), said(Role.ASSISTANT), said(Role.USER, Text(""), Text("b"), Text(" \n"))
    )
    assert messages == [{"role": "user", "content": [words("hello"), words("b")]}]
    assert list(losses) == ["messages[3].content[2]"]


def test_nothing_left_to_say_is_refused() -> None:
    with pytest.raises(BadRequest) as caught:
        history(said(Role.USER, Text("")))
    assert caught.value.param == "messages"


def test_an_unfinished_answer_ends_without_space() -> None:
    messages, _, _ = history(HELLO, said(Role.ASSISTANT, Text("I think \n")))
    assert messages[1]["content"] == [words("I think")]


def test_a_refusal_is_what_it_says() -> None:
    messages, _, losses = history(HELLO, said(Role.ASSISTANT, Refusal("no")), HELLO)
    assert messages[1]["content"] == [words("no")]
    assert losses == {}


def test_reasoning_goes_back_only_to_whom_signed_it() -> None:
    mine = Reasoning("mine", (Proof("openai-chat", "x"), OWN))
    messages, _, losses = history(
        HELLO, said(Role.ASSISTANT, Reasoning("foreign", (Proof("openai-responses", "enc"),)), Reasoning("bare"), mine, Text("a")), HELLO
    )
    assert messages[1]["content"] == [{"type": "thinking", "thinking": "mine", "signature": "sig"}, words("a")]
    assert set(losses) == {"messages[1].content[0]", "messages[1].content[1]"}


def test_proofs_on_words_and_calls_go_back_only_to_their_issuer() -> None:
    foreign = (Proof("gemini", "x"),)
    messages, _, losses = history(
        HELLO, said(Role.ASSISTANT, Text("a", proofs=foreign), Text("", proofs=foreign), call(proofs=foreign)), result()
    )
    assert messages[1]["content"] == [words("a"), use()]
    assert set(losses) == {"messages[1].content[0].signature", "messages[1].content[1]", "messages[1].content[2].signature"}


def test_a_models_own_image_comes_back_with_the_user() -> None:
    messages, _, _ = history(HELLO, said(Role.ASSISTANT, Text("look"), IMAGE), HELLO)
    assert messages[1]["content"] == [words("look")]
    assert [block["type"] for block in messages[2]["content"]] == ["image", "text"]


def test_what_only_others_know_is_dropped_and_told() -> None:
    message = Message(
        Role.USER,
        (Text("a", extras={"openai-chat": {"x": 1, "y": None}}), Opaque("openai-chat", {"type": "blob"})),
        name="Ann",
        extras={"openai-chat": {"z": 1}},
    )
    messages, _, losses = history(message)
    assert messages == [{"role": "user", "content": [words("a")]}]
    assert set(losses) == {"messages[0].name", "messages[0].z", "messages[0].content[0].x", "messages[0].content[1]"}


def test_a_result_keeps_its_error_its_image_and_its_shape() -> None:
    failed = ToolResult("c1", (Text(""), Text("no"), IMAGE), is_error=True)
    fine = ToolResult("c2", (Text("ok"),), is_error=False, flat=True)
    empty = ToolResult("c3", (Text(""),), flat=True)
    messages, _, losses = history(HELLO, said(Role.ASSISTANT, call("c1"), call("c2"), call("c3")), said(Role.USER, failed, fine, empty))
    first, second, third = messages[2]["content"]
    assert [part["type"] for part in first["content"]] == ["text", "image"]
    assert first["is_error"] is True
    assert second == answer("c2")
    assert third == {"type": "tool_result", "tool_use_id": "c3"}
    assert losses == {}


# Laws over whatever history.

TEXTS = st.sampled_from(["", " ", "a", "b\n"]).map(Text)
IDS = st.sampled_from(["c1", "c2", "x:y", ""])
CALLS = st.builds(ToolCall, IDS, st.just("t"), st.sampled_from(["", "{}", '{"a":1}']))
RESULTS = st.builds(ToolResult, IDS, st.tuples(TEXTS), flat=st.booleans())
REASONINGS = st.builds(Reasoning, st.just("r"), st.sampled_from([(), (OWN,), (Proof("x", "p"),)]))
PARTS: dict[Role, st.SearchStrategy[Part]] = {
    Role.SYSTEM: TEXTS,
    Role.DEVELOPER: TEXTS,
    Role.USER: TEXTS | RESULTS | st.just(IMAGE),
    Role.TOOL: RESULTS,
    Role.ASSISTANT: TEXTS | CALLS | REASONINGS | st.just(Refusal("no")),
}


@st.composite
def messages_(draw: st.DrawFn) -> Message:
    role = draw(st.sampled_from(list(Role)))
    return Message(role, tuple(draw(st.lists(PARTS[role], max_size=3))))


HISTORIES = st.lists(messages_(), max_size=8).map(lambda found: (HELLO, *found))


@given(HISTORIES, st.booleans())
def test_every_history_obeys_the_vendors_rules(found: tuple[Message, ...], late_system: bool) -> None:
    messages, _, _ = history(*found, profile=Profile(late_system=late_system))
    spoken = [message for message in messages if message["role"] != "system"]
    assert spoken == messages or late_system
    pairs = list(zip(spoken, [*spoken[1:], None], strict=True))
    for message, following in pairs:
        assert message["content"]
        assert all(block.get("text", "x").strip() for block in message["content"])
        uses = [block["id"] for block in message["content"] if block["type"] == "tool_use"]
        if uses:
            assert message["role"] == "assistant"
            assert following is not None
            results = following["content"][: len(uses)]
            assert [block.get("tool_use_id") for block in results] == uses
    every_use = [block["id"] for message in spoken for block in message["content"] if block["type"] == "tool_use"]
    every_result = [block["tool_use_id"] for message in spoken for block in message["content"] if block["type"] == "tool_result"]
    assert len(set(every_use)) == len(every_use)
    assert every_result == every_use
    if not late_system:
        assert all(first["role"] != second["role"] for first, second in pairs if second)


@given(HISTORIES)
def test_a_longer_history_begins_as_the_shorter_one_did(found: tuple[Message, ...]) -> None:
    """So that the vendor's prompt cache holds from turn to turn."""
    settled = (*found, said(Role.USER, Text("and")))
    shorter, _, _ = history(*settled)
    longer, _, _ = history(*settled, said(Role.ASSISTANT, Text("so")), said(Role.USER, Text("next")))
    assert longer[: len(shorter)] == shorter
