"""Conversations of other formats, rearranged to this one's rules."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.parts import (
    CacheMark,
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
    ToolResult,
)
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import Message, Request, Role
from tests.core.formats.openai_chat.chat import ask, assistant, encode, user

PICTURE = Media(MediaKind.IMAGE, Inline("image/png", "aGk="))
PICTURE_PART = {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}
BILLING = "x-anthropic-billing-header: cc_version=1.2.3; cc_entrypoint=cli;"


def call(call_id: str, name: str = "f", arguments: str = "{}") -> ToolCall:
    return ToolCall(call_id, name, arguments)


def result(call_id: str, *parts: Part, is_error: bool | None = None) -> ToolResult:
    return ToolResult(call_id, parts or (Text("done"),), is_error)


def called(call_id: str, name: str = "f", arguments: str = "{}") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def tool(call_id: str, content: str = "done") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def messages_of(request: Request, profile: Profile | None = None) -> tuple[list[dict[str, Any]], dict[str, str]]:
    body, losses = encode(request, profile)
    messages: list[dict[str, Any]] = body["messages"]
    return messages, losses


# Instructions


def test_instructions_lead_as_one_message() -> None:
    messages, losses = messages_of(ask(instructions=(Text("Be kind."), Text("Be brief."))))
    assert messages == [{"role": "system", "content": "Be kind.\n\nBe brief."}, {"role": "user", "content": "hi"}]
    assert not losses


def test_instructions_are_a_developers_where_the_model_prefers_it() -> None:
    messages, _ = messages_of(ask(instructions=(Text("Be kind."),)), Profile(developer_role=True))
    assert messages[0] == {"role": "developer", "content": "Be kind."}


def test_marks_for_the_cache_keep_instructions_apart_where_they_count() -> None:
    request = ask(instructions=(Text("a", CacheMark("1h")), Text("b")))
    messages, losses = messages_of(request, Profile(cache_marks=True))
    marked = {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    assert messages[0]["content"] == [marked, {"type": "text", "text": "b"}]
    assert not losses
    messages, losses = messages_of(request)
    assert messages[0]["content"] == "a\n\nb"
    assert list(losses) == ["system[0].cache_control"]


def test_the_billing_line_of_claude_code_goes_to_nobody_else() -> None:
    messages, losses = messages_of(ask(instructions=(Text(BILLING), Text("Be kind."))))
    assert messages[0] == {"role": "system", "content": "Be kind."}
    assert list(losses) == ["system[0]"]
    messages, _ = messages_of(ask(instructions=(Text(f"{BILLING}\nBe kind."),)))
    assert messages[0] == {"role": "system", "content": "Be kind."}
    messages, _ = messages_of(ask(instructions=(Text(BILLING),)))
    assert messages == [{"role": "user", "content": "hi"}]


def test_system_text_stays_where_it_was_but_never_between_a_call_and_its_result() -> None:
    late = Message(Role.SYSTEM, (Text("Now be brief."),))
    messages, _ = messages_of(ask(user(Text("hi")), late, assistant(call("a")), late, user(result("a"))))
    assert [message["role"] for message in messages] == ["user", "system", "assistant", "tool", "system"]


# Tools


def test_results_come_first_and_right_after_the_calls() -> None:
    turn = user(Text("and now?"), result("b"), result("a", Text("1"), Text("2")))
    messages, losses = messages_of(ask(user(Text("go")), assistant(Text("sure"), call("a"), call("b")), turn))
    assert messages[1:] == [
        {"role": "assistant", "content": "sure", "tool_calls": [called("a"), called("b")]},
        tool("b"),
        tool("a", "1\n2"),
        {"role": "user", "content": "and now?"},
    ]
    assert not losses


def test_results_in_several_messages_are_one_turn() -> None:
    messages, _ = messages_of(ask(user(Text("go")), assistant(call("a"), call("b")), user(result("a"), Text("x")), user(result("b"))))
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool", "user"]


def test_an_assistant_that_only_calls_has_null_for_content() -> None:
    messages, _ = messages_of(ask(user(Text("go")), assistant(call("a")), user(result("a"))))
    assert messages[1] == {"role": "assistant", "content": None, "tool_calls": [called("a")]}


def test_pictures_in_results_follow_behind_all_results_of_the_turn() -> None:
    turn = user(result("a", Text("here"), PICTURE), result("b", PICTURE), Text("which one?"))
    messages, _ = messages_of(ask(user(Text("go")), assistant(call("a"), call("b")), turn))
    assert messages[2:] == [
        tool("a", "here\n[image 1 attached below]"),
        tool("b", "[image 2 attached below]"),
        {"role": "user", "content": [PICTURE_PART, PICTURE_PART, {"type": "text", "text": "which one?"}]},
    ]


def test_an_error_says_so_once() -> None:
    turn = user(result("a", Text("no such file"), is_error=True), result("b", Text("Error: none"), is_error=True))
    messages, _ = messages_of(ask(user(Text("go")), assistant(call("a"), call("b")), turn))
    assert messages[2:] == [tool("a", "Error: no such file"), tool("b", "Error: none")]


def test_calls_and_results_without_each_other_are_repaired_and_told() -> None:
    request = ask(user(result("x")), assistant(call("a")), user(Text("never mind")), assistant(call("b")))
    messages, losses = messages_of(request)
    assert messages == [
        {"role": "assistant", "content": None, "tool_calls": [called("a")]},
        tool("a", "[no result recorded]"),
        {"role": "user", "content": "never mind"},
        {"role": "assistant", "content": None, "tool_calls": [called("b")]},
        tool("b", "[no result recorded]"),
    ]
    assert list(losses) == ["messages[0].content[0]", "messages[1]", "messages[3]"]


def test_two_messages_of_the_assistant_are_one_turn_when_the_first_calls() -> None:
    messages, losses = messages_of(
        ask(user(Text("go")), assistant(call("a")), assistant(Text("and"), call("b")), user(result("a"), result("b")))
    )
    assert messages[1:] == [{"role": "assistant", "content": "and", "tool_calls": [called("a"), called("b")]}, tool("a"), tool("b")]
    assert not losses


def test_long_ids_are_fitted_on_both_sides_alike() -> None:
    long = "toolu_" + "x" * 60
    messages, _ = messages_of(ask(user(Text("go")), assistant(call(long)), user(result(long))))
    fitted = messages[1]["tool_calls"][0]["id"]
    assert messages[2]["tool_call_id"] == fitted
    assert len(fitted) <= 40


def test_a_call_without_arguments_has_an_empty_object() -> None:
    messages, _ = messages_of(ask(user(Text("go")), assistant(call("a", arguments="")), user(result("a"))))
    assert messages[1]["tool_calls"][0]["function"]["arguments"] == "{}"


# The assistant's other parts


def test_reasoning_goes_back_only_where_it_is_wanted_and_proofs_never() -> None:
    thought = Reasoning("hmm", (Proof("anthropic", "sig"),))
    request = ask(user(Text("go")), assistant(thought, Text("so")), user(Text("and?")))
    messages, losses = messages_of(request)
    assert messages[1] == {"role": "assistant", "content": "so"}
    assert list(losses) == ["messages[1].content[0]"]
    messages, losses = messages_of(request, Profile(reasoning_replay=True))
    assert messages[1] == {"role": "assistant", "content": "so", "reasoning_content": "hmm"}
    assert list(losses) == ["messages[1].content[0].signature"]


def test_a_refusal_keeps_its_own_place() -> None:
    messages, _ = messages_of(ask(user(Text("go")), assistant(Refusal("no")), user(Text("why?"))))
    assert messages[1] == {"role": "assistant", "content": None, "refusal": "no"}


def test_what_only_another_format_knows_is_told_as_lost() -> None:
    hosted = Opaque("anthropic", {"type": "server_tool_use", "id": "s"})
    cited = Text("so", extras={"anthropic": {"citations": [1]}})
    messages, losses = messages_of(ask(user(Text("go")), assistant(hosted, cited, PICTURE), user(Text("and?"), hosted)))
    assert messages[1:] == [{"role": "assistant", "content": "so"}, {"role": "user", "content": "and?"}]
    lost = ["messages[1].content[0]", "messages[1].content[1].citations", "messages[1].content[2]", "messages[2].content[1]"]
    assert list(losses) == lost


def test_an_assistant_that_says_nothing_is_left_out() -> None:
    messages, _ = messages_of(ask(user(Text("go")), assistant(Text("")), user(Text("well?"), Text(""))))
    assert messages == [{"role": "user", "content": "go"}, {"role": "user", "content": "well?"}]


# Laws

IDS = st.sampled_from("abcd")
USERS_PARTS = (
    st.builds(Text, st.sampled_from(["", "x"])) | st.builds(result, IDS) | st.builds(lambda i: result(i, PICTURE), IDS) | st.just(PICTURE)
)
ASSISTANTS_PARTS = st.builds(Text, st.sampled_from(["", "y"])) | st.builds(Reasoning, st.just("z"))


@st.composite
def conversations(draw: st.DrawFn) -> Request:
    """Any order of turns; calls have an id each, results may be anywhere or nowhere."""
    messages, ids = [user(Text("hi"))], iter(f"{letter}{number}" for number in range(9) for letter in "abcd")
    made: list[str] = []
    for _ in range(draw(st.integers(0, 5))):
        kind = draw(st.sampled_from(["user", "assistant", "system", "results"]))
        if kind == "assistant":
            new = [next(ids) for _ in range(draw(st.integers(0, 2)))]
            made += new
            messages.append(assistant(*draw(st.lists(ASSISTANTS_PARTS, max_size=2)), *map(call, new)))
        elif kind == "system":
            messages.append(Message(Role.SYSTEM, (Text("s"),)))
        else:
            answered = [result(one) for one in made] if kind == "results" else []
            made = [] if answered else made
            messages.append(user(*answered, *draw(st.lists(USERS_PARTS, max_size=2))))
    return ask(*messages)


@given(conversations())
def test_every_call_is_answered_at_once_and_every_result_was_called_for(request: Request) -> None:
    open_calls: list[str] = []
    for message in messages_of(request)[0]:
        if message["role"] == "tool":
            open_calls.remove(message["tool_call_id"])
            assert isinstance(message["content"], str)
            continue
        assert not open_calls
        open_calls = [made["id"] for made in message.get("tool_calls", ())]
        assert message["content"] or open_calls
    assert not open_calls


@given(conversations(), conversations())
def test_what_was_said_before_is_written_as_before(first: Request, second: Request) -> None:
    """Providers cache by prefix: a longer conversation must begin with the bytes of the shorter one."""
    whole = ask(*first.messages, assistant(Text("end")), *second.messages)
    short = ask(*first.messages, assistant(Text("end")))
    assert messages_of(whole)[0][: len(messages_of(short)[0])] == messages_of(short)[0]


def test_a_conversation_of_nothing_is_an_empty_message() -> None:
    assert encode(ask(user(Text(""))))[0]["messages"] == [{"role": "user", "content": ""}]
