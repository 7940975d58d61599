"""Conversations of other formats, brought under this one's rules."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.parts import (
    CacheMark,
    Excerpts,
    FileRef,
    Inline,
    Link,
    Media,
    MediaKind,
    Opaque,
    Part,
    PlainText,
    Proof,
    ProofKind,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolKind,
    ToolResult,
)
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import Message, Role
from tests.core.formats.openai_responses.responses import ask, assistant, encode, tool, user

PNG = Media(MediaKind.IMAGE, Inline("image/png", "AAAA"))
LINKED = Media(MediaKind.IMAGE, Link("https://example.test/a.png"), detail="low")


def items_of(*messages: Message, profile: Profile | None = None) -> tuple[list[Any], dict[str, str]]:
    body, losses = encode(ask(*messages), profile)
    return body["input"], losses


def test_words_are_told_in_the_short_form() -> None:
    items, losses = items_of(user(Text("hi")), assistant(Text("ho"), Text("!")), Message(Role.SYSTEM, (Text("be"), Text("brief"))))
    assert items == [
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "ho!"},
        {"role": "system", "content": [{"type": "input_text", "text": "be"}, {"type": "input_text", "text": "brief"}]},
    ]
    assert not losses


def test_a_target_that_prefers_developers_gets_them() -> None:
    items, _ = items_of(Message(Role.SYSTEM, (Text("be"),)), profile=Profile(developer_role=True))
    assert items == [{"role": "developer", "content": "be"}]


def test_an_empty_message_stays_and_an_empty_text_goes() -> None:
    items, _ = items_of(user(Text("")), user(Text(""), Text("a")), assistant(Text("")))
    assert items == [{"role": "user", "content": ""}, {"role": "user", "content": "a"}]


def test_media_are_told_as_this_format_does() -> None:
    pdf = Media(MediaKind.DOCUMENT, Inline("application/pdf", "JVBE"), context="Old.")
    named = Media(MediaKind.DOCUMENT, Inline("application/pdf", "JVBE"), name="b")
    words = Media(MediaKind.DOCUMENT, PlainText("words"), name="Title")
    file = Media(MediaKind.DOCUMENT, Inline("text/plain", "AAAA"))
    excerpts = Media(MediaKind.DOCUMENT, Excerpts((Text("one"), PNG)), name="E")
    linked = Media(MediaKind.DOCUMENT, Link("https://example.test/a.pdf"), name="c.pdf")
    items, losses = items_of(user(PNG, LINKED, pdf, named, words, file, excerpts, linked))
    assert items[0]["content"] == [
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"},
        {"type": "input_image", "image_url": "https://example.test/a.png", "detail": "low"},
        {"type": "input_text", "text": "Old."},
        {"type": "input_file", "file_data": "data:application/pdf;base64,JVBE", "filename": "document-1.pdf"},
        {"type": "input_file", "file_data": "data:application/pdf;base64,JVBE", "filename": "b.pdf"},
        {"type": "input_text", "text": "[Title]\nwords"},
        {"type": "input_file", "file_data": "data:text/plain;base64,AAAA", "filename": "document-2.txt"},
        {"type": "input_text", "text": "[E]\none"},
        {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"},
        {"type": "input_file", "file_url": "https://example.test/a.pdf"},
    ]
    assert not losses


@pytest.mark.parametrize(
    "media",
    [
        Media(MediaKind.AUDIO, Inline("audio/wav", "AAAA")),
        Media(MediaKind.VIDEO, Link("https://example.test/a.mp4")),
        Media(MediaKind.IMAGE, FileRef("another", "file-1")),
    ],
)
def test_media_that_cannot_be_sent_are_refused(media: Media) -> None:
    with pytest.raises(BadRequest) as caught:
        items_of(user(Text("look"), media))
    assert caught.value.param is not None
    assert caught.value.param.startswith("messages[0].content[1].source")


def test_a_call_and_its_result_agree_on_an_id_that_fits() -> None:
    long = "x" * 80
    items, _ = items_of(assistant(ToolCall(long, "f", "")), tool(ToolResult(long, (Text("a"), Text("b")))))
    assert items[0]["call_id"] == items[1]["call_id"]
    assert len(items[0]["call_id"]) <= 64
    assert items == [
        {"type": "function_call", "call_id": items[0]["call_id"], "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": items[0]["call_id"], "output": "a\nb"},
    ]


def test_images_stay_inside_the_result_they_came_in() -> None:
    items, _ = items_of(assistant(ToolCall("a", "f")), user(ToolResult("a", (Text("see"), PNG), is_error=True), Text("well?")))
    assert items[1:] == [
        {
            "type": "function_call_output",
            "call_id": "a",
            "output": [
                {"type": "input_text", "text": "Error:"},
                {"type": "input_text", "text": "see"},
                {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "auto"},
            ],
        },
        {"role": "user", "content": "well?"},
    ]


@pytest.mark.parametrize(("text", "told"), [("no file", "Error: no file"), ("error: none", "error: none")])
def test_a_failed_result_says_so_once(text: str, told: str) -> None:
    items, _ = items_of(assistant(ToolCall("a", "f")), tool(ToolResult("a", (Text(text),), is_error=True)))
    assert items[1]["output"] == told


def test_a_call_without_a_result_gets_one_before_anyone_speaks_on() -> None:
    items, losses = items_of(assistant(ToolCall("a", "f"), ToolCall("b", "g")), tool(ToolResult("b", (Text("x"),))), assistant(Text("so")))
    assert [(item.get("call_id"), item.get("output")) for item in items[2:4]] == [("b", "x"), ("a", "[no result recorded]")]
    assert items[4] == {"role": "assistant", "content": "so"}
    assert list(losses) == ["messages[0].content[0]"]


def test_a_result_without_a_call_is_dropped() -> None:
    items, losses = items_of(user(ToolResult("a", (Text("x"),)), Text("hi")))
    assert items == [{"role": "user", "content": "hi"}]
    assert list(losses) == ["messages[0].content[0]"]


def test_calls_numbered_anew_in_every_turn_are_told_apart() -> None:
    turn = (assistant(ToolCall("0", "f")), tool(ToolResult("0", (Text("x"),))))
    items, _ = items_of(*turn, *turn)
    ids = [item["call_id"] for item in items]
    assert ids[0] == ids[1] != ids[2] == ids[3]


def test_free_text_calls_are_answered_in_kind() -> None:
    made = ToolCall("a", "exec", "1 + 1", ToolKind.CUSTOM)
    items, _ = items_of(assistant(made), tool(ToolResult("a", (Text("2"),))))
    assert items == [
        {"type": "custom_tool_call", "call_id": "a", "name": "exec", "input": "1 + 1"},
        {"type": "custom_tool_call_output", "call_id": "a", "output": "2"},
    ]


def test_only_reasoning_sealed_here_goes_back() -> None:
    own = Proof("openai-responses", "sealed", ProofKind.SEALED)
    items, losses = items_of(assistant(Reasoning("mine", (own,)), Reasoning("theirs", (Proof("anthropic", "sig"),)), Text("so")))
    assert items == [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "mine"}], "encrypted_content": "sealed"},
        {"role": "assistant", "content": "so"},
    ]
    assert list(losses) == ["messages[0].content[1]"]


def test_what_cannot_be_said_is_recorded() -> None:
    marked = Text("a", CacheMark("5m"), {"another": {"citations": [1]}})
    odd = Opaque("another", {"type": "server_tool_use"})
    named = Message(Role.USER, (marked, odd), name="Ann")
    _, losses = items_of(named, assistant(PNG, odd, Refusal("no"), ToolCall("a", "f", proofs=(Proof("another", "x"),))))
    assert list(losses) == [
        "messages[0].name",
        "messages[0].content[0].citations",
        "messages[0].content[0].cache_control",
        "messages[0].content[1]",
        "messages[1].content[0]",
        "messages[1].content[1]",
        "messages[1].content[3].signature",
        "messages[1].content[3]",
    ]


MESSAGES = st.lists(
    st.one_of(
        st.builds(lambda text: user(Text(text)), st.text(max_size=3)),
        st.builds(lambda text: assistant(Text(text)), st.text(max_size=3)),
        st.builds(
            lambda ids: assistant(*[ToolCall(found, "f") for found in ids]), st.lists(st.sampled_from("abc"), min_size=1, max_size=3)
        ),
        st.builds(lambda ids: tool(*[ToolResult(found) for found in ids]), st.lists(st.sampled_from("abc"), min_size=1, max_size=3)),
    ),
    min_size=1,
    max_size=8,
)


@given(MESSAGES)
def test_every_call_has_one_output_behind_it_and_every_output_a_call(messages: list[Message]) -> None:
    items, _ = items_of(*messages)
    waiting: set[str] = set()
    seen: set[str] = set()
    for item in items:
        if item.get("type") == "function_call":
            assert item["call_id"] not in seen
            seen.add(item["call_id"])
            waiting.add(item["call_id"])
        elif item.get("type") == "function_call_output":
            waiting.remove(item["call_id"])
    assert not waiting


@given(MESSAGES, st.lists(st.sampled_from([Text("a"), Text("b")]), min_size=1, max_size=2))
def test_a_longer_conversation_begins_with_the_same_bytes(messages: list[Message], parts: list[Part]) -> None:
    """Providers cache the beginning of a prompt."""
    closed = [*messages, user(Text("and?")), assistant(Text("closing"))]
    items, _ = items_of(*closed)
    longer, _ = items_of(*closed, user(*parts))
    assert longer[: len(items)] == items
