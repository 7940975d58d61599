"""Turns hold what the client sent, in a form that the CLI leaves alone."""

import base64
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.backends.claude_code.conversation import Turn, conversation, guarded, note_cache_marks
from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.parts import CacheMark, Text
from ccproxy_cli.core.request import Message, Request, Role


def png(width: int, height: int) -> str:
    return base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height)).decode()


def image(data: str) -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


def user(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def call(call_id: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": "look", "input": {}}


def result(call_id: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call_id, "content": content, **more}


def turns(*messages: dict[str, Any]) -> tuple[list[Turn], list[str]]:
    losses = Losses()
    return conversation(messages, losses), [loss.field for loss in losses]


BLOCKS = st.lists(st.one_of(st.text("/ ab\n@", max_size=6).map(text), st.just(image(png(1, 1)))), max_size=4)


@given(BLOCKS)
def test_no_last_text_is_a_command_and_no_character_is_lost(content: list[dict[str, Any]]) -> None:
    kept = guarded(content)
    texts = [block["text"] for block in kept if block["type"] == "text"]
    assert "".join(texts) == "".join(block["text"] for block in content if block["type"] == "text")
    assert not texts or not texts[-1].startswith("/") or not texts[-1].strip("/").strip()
    assert [block for block in kept if block["type"] == "image"] == [block for block in content if block["type"] == "image"]


def test_a_slash_is_cut_off_its_word() -> None:
    assert guarded([text("x"), text("//config a=b")]) == [text("x"), text("//"), text("config a=b")]
    assert guarded([text("/cost"), image("")]) == [text("/"), text("cost"), image("")]
    assert guarded([text("/cost"), text("why?")]) == [text("/cost"), text("why?")]
    assert guarded([text("/")]) == [text("/")]


def test_every_user_turn_is_guarded() -> None:
    found, _ = turns(user(text("/clear")), assistant(text("/fine")), {"role": "user", "content": "/compact"})
    assert [turn.content for turn in found] == [[text("/"), text("clear")], [text("/fine")], [text("/"), text("compact")]]


def test_an_ordinary_conversation_is_untouched() -> None:
    messages = [
        user(text("look"), image(png(20, 20))),
        assistant({"type": "thinking", "thinking": "hm", "signature": "s"}, text("I will."), call("t1"), call("t2")),
        user(result("t1", "a"), result("t2", [text("b"), image(png(3, 3))]), text("and?")),
        assistant({"type": "redacted_thinking", "data": "x"}, text("Done.")),
        user({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "d"}}, text("  thanks ")),
    ]
    found, losses = turns(*messages)
    assert losses == []
    called = [{**block, "name": "mcp__client__look"} if block["type"] == "tool_use" else block for block in messages[1]["content"]]
    assert [(turn.role, turn.content) for turn in found] == [
        ("user", messages[0]["content"]),
        ("assistant", called),
        ("user", messages[2]["content"]),
        ("assistant", messages[3]["content"]),
        ("user", messages[4]["content"]),
    ]


def test_neighbours_of_one_role_are_one_turn() -> None:
    found, losses = turns(user(text("a")), {"role": "user", "content": "b"}, assistant(text("c")), assistant(text("d")), user(text("e")))
    assert [(turn.role, turn.content) for turn in found] == [
        ("user", [text("a"), text("b")]),
        ("assistant", [text("c"), text("d")]),
        ("user", [text("e")]),
    ]
    assert losses == []


def test_an_answer_cannot_be_continued() -> None:
    with pytest.raises(BadRequest) as caught:
        turns(user(text("a")), assistant(text("The answer is")))
    assert caught.value.param == "messages[1]"


@pytest.mark.parametrize("content", ["", "  ", []])
def test_a_last_message_without_content_is_refused(content: Any) -> None:
    with pytest.raises(BadRequest):
        turns({"role": "user", "content": content})


def test_cache_marks_are_taken_out() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    found, losses = turns(
        user(text("a", **mark)), assistant(call("t") | mark), user(result("t", [text("r", **mark)], **mark), text("b", **mark))
    )
    assert "cache_control" not in str(found)
    assert losses == []


def test_cache_marks_are_losses_where_the_cli_sets_none() -> None:
    marked = Message(Role.USER, (Text("a"), Text("b", CacheMark())))
    losses = Losses()
    note_cache_marks(Request("sonnet", (marked, Message(Role.ASSISTANT, (Text("c"),)), marked)), losses)
    assert [loss.field for loss in losses] == ["messages[0].content[1].cache_control"]


def test_calls_that_share_an_id_stay_apart() -> None:
    found, _ = turns(
        user(text("a")),
        assistant(call("1")),
        user(result("1", "x")),
        assistant(call("1"), call("2")),
        user(result("2", "z"), result("1", "y")),
    )
    ids = [block["id"] for turn in found for block in turn.content if block["type"] == "tool_use"]
    answers = {block["tool_use_id"]: block["content"] for turn in found for block in turn.content if block["type"] == "tool_result"}
    assert len(set(ids)) == 3
    assert [answers[call_id] for call_id in ids] == ["x", "y", "z"]


def test_what_the_cli_leaves_out_is_left_out_here_and_told() -> None:
    found, losses = turns(
        user(text("a"), text(" \n")),
        assistant({"type": "thinking", "thinking": "hm", "signature": "s"}),
        user(text("b")),
        assistant(text("c", citations=[{"type": "char_location"}]), call("t")),
        user(result("t", [text("no"), image(png(1, 1))], is_error=True)),
    )
    assert [turn.content for turn in found] == [
        [text("a"), text("b")],
        [text("c"), {**call("t"), "name": "mcp__client__look"}],
        [result("t", [text("no")], is_error=True)],
    ]
    assert losses == [
        "messages[0].content[1]",
        "messages[1]",
        "messages[3].content[0].citations",
        "messages[4].content[0].content",
    ]


def test_citations_of_the_web_are_kept() -> None:
    cited = text("c", citations=[{"type": "web_search_result_location", "url": "https://example.org"}])
    found, losses = turns(user(text("a")), assistant(cited), user(text("b")))
    assert found[1].content == [cited]
    assert losses == []


def test_a_system_message_becomes_a_reminder() -> None:
    found, losses = turns(user(text("a")), {"role": "system", "content": "be brief"}, assistant(text("b")), user(text("c")))
    assert found[0].content == [text("a"), text("<system-reminder>\nbe brief\n</system-reminder>")]
    assert losses == ["messages[1].role"]


def test_large_images_are_losses() -> None:
    _, losses = turns(
        user(image(png(2001, 3)), image(png(2000, 2000)), text("x")), assistant(call("t")), user(result("t", [image(png(9, 2500))]))
    )
    assert losses == ["messages[0].content[0]", "messages[2].content[0].content[0]"]


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(BadRequest) as caught:
        turns(user(text("x"), image("AAAA")))
    assert caught.value.param == "messages[0].content[1]"


def test_linked_images_are_the_vendors_to_fetch() -> None:
    link = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    assert turns(user(link))[0][0].content == [link]
