"""Every kind of block, read and written: one list of cases, both directions."""

from typing import Any

import pytest

from ccproxy_cli.core.citations import Citation
from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.anthropic import FORMAT
from ccproxy_cli.core.formats.anthropic.parts import SOURCE_NOTE, UNSIGNED_NOTE
from ccproxy_cli.core.hosted import Found, HostedKind, HostedStep
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
    Text,
    ToolCall,
    ToolResult,
)
from tests.core.formats.anthropic.asking import body_of, call_of, decoded, encoded

PNG = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}

FROM_USER: list[tuple[str, dict[str, Any], Part]] = [
    ("text", {"type": "text", "text": "a"}, Text("a")),
    ("no text", {"type": "text", "text": ""}, Text("")),
    ("marked", {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}, Text("a", cache=CacheMark())),
    ("marked long", {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}, Text("a", cache=CacheMark("1h"))),
    (
        "marked anew",
        {"type": "text", "text": "a", "cache_control": {"type": "lasting", "scope": "global"}},
        Text("a", cache=CacheMark(extras={"anthropic": {"type": "lasting", "scope": "global"}})),
    ),
    ("null mark", {"type": "text", "text": "a", "cache_control": None}, Text("a", extras={"anthropic": {"cache_control": None}})),
    (
        "cited",
        {"type": "text", "text": "a", "citations": [{"cited_text": "b", "x": 1}]},
        Text("a", extras={"anthropic": {"citations": [{"cited_text": "b", "x": 1}]}}, citations=(Citation(quote="b"),)),
    ),
    ("image", {"type": "image", "source": PNG}, Media(MediaKind.IMAGE, Inline("image/png", "iVBORw0KGgo="))),
    ("image link", {"type": "image", "source": {"type": "url", "url": "http://x/y"}}, Media(MediaKind.IMAGE, Link("http://x/y"))),
    ("image file", {"type": "image", "source": {"type": "file", "file_id": "f1"}}, Media(MediaKind.IMAGE, FileRef("anthropic", "f1"))),
    (
        "image source with more",
        {"type": "image", "source": {**PNG, "page": 3}},
        Media(MediaKind.IMAGE, Inline("image/png", "iVBORw0KGgo="), extras={"anthropic": {SOURCE_NOTE: {"page": 3}}}),
    ),
    (
        "image source of tomorrow",
        {"type": "image", "source": {"type": "orb"}},
        Opaque("anthropic", {"type": "image", "source": {"type": "orb"}}),
    ),
    (
        "document",
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
            "title": "T",
            "context": "C",
        },
        Media(MediaKind.DOCUMENT, Inline("application/pdf", "JVBERi0="), name="T", context="C"),
    ),
    (
        "text document",
        {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "abc"}, "citations": {"enabled": True}},
        Media(MediaKind.DOCUMENT, PlainText("abc"), extras={"anthropic": {"citations": {"enabled": True}}}),
    ),
    (
        "document in parts",
        {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "p"}, {"type": "image", "source": PNG}]}},
        Media(MediaKind.DOCUMENT, Excerpts((Text("p"), Media(MediaKind.IMAGE, Inline("image/png", "iVBORw0KGgo="))))),
    ),
    (
        "document in one part",
        {"type": "document", "source": {"type": "content", "content": "p"}},
        Media(MediaKind.DOCUMENT, Excerpts((Text("p"),), flat=True)),
    ),
    ("result", {"type": "tool_result", "tool_use_id": "t", "content": "ok"}, ToolResult("t", (Text("ok"),), flat=True)),
    ("bare result", {"type": "tool_result", "tool_use_id": "t"}, ToolResult("t")),
    ("empty result", {"type": "tool_result", "tool_use_id": "t", "content": []}, ToolResult("t", extras={"anthropic": {"content": []}})),
    ("null result", {"type": "tool_result", "tool_use_id": "t", "content": None}, ToolResult("t", extras={"anthropic": {"content": None}})),
    (
        "failed result",
        {"type": "tool_result", "tool_use_id": "t", "content": "no", "is_error": True},
        ToolResult("t", (Text("no"),), True, True),
    ),
    (
        "good result",
        {"type": "tool_result", "tool_use_id": "t", "content": "ok", "is_error": False},
        ToolResult("t", (Text("ok"),), False, True),
    ),
    (
        "result in parts",
        {
            "type": "tool_result",
            "tool_use_id": "t",
            "content": [{"type": "image", "source": PNG}, {"type": "tool_reference", "tool_name": "x"}],
        },
        ToolResult(
            "t",
            (
                Media(MediaKind.IMAGE, Inline("image/png", "iVBORw0KGgo=")),
                Opaque("anthropic", {"type": "tool_reference", "tool_name": "x"}),
            ),
        ),
    ),
    ("upload", {"type": "container_upload", "file_id": "f"}, Opaque("anthropic", {"type": "container_upload", "file_id": "f"})),
]
FROM_MODEL: list[tuple[str, dict[str, Any], Part]] = [
    ("thinking", {"type": "thinking", "thinking": "hm", "signature": "s"}, Reasoning("hm", (Proof("anthropic", "s"),))),
    ("thinking unseen", {"type": "thinking", "thinking": "", "signature": "s"}, Reasoning("", (Proof("anthropic", "s"),))),
    ("thinking unproven", {"type": "thinking", "thinking": "hm", "signature": ""}, Reasoning("hm")),
    ("thinking unsigned", {"type": "thinking", "thinking": "hm"}, Reasoning("hm", extras={"anthropic": {UNSIGNED_NOTE: True}})),
    (
        "thinking null",
        {"type": "thinking", "thinking": "hm", "signature": None},
        Reasoning("hm", extras={"anthropic": {"signature": None}}),
    ),
    ("redacted", {"type": "redacted_thinking", "data": "d"}, Reasoning("", (Proof("anthropic", "d", ProofKind.SEALED),))),
    (
        "call",
        {"type": "tool_use", "id": "t", "name": "n", "input": {"b": 1, "a": [2.5, None]}},
        ToolCall("t", "n", '{"b":1,"a":[2.5,null]}'),
    ),
    ("call of nothing", {"type": "tool_use", "id": "t", "name": "n", "input": {}}, ToolCall("t", "n", "{}")),
    (
        "call by code",
        {"type": "tool_use", "id": "t", "name": "n", "input": {}, "caller": {"type": "direct"}},
        ToolCall("t", "n", "{}", extras={"anthropic": {"caller": {"type": "direct"}}}),
    ),
    (
        "hosted call",
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
        Opaque(
            "anthropic",
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
            HostedStep(HostedKind.WEB_SEARCH, "s", ("q",)),
        ),
    ),
    (
        "hosted result",
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
        Opaque(
            "anthropic",
            {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
            HostedStep(HostedKind.WEB_SEARCH, "s", found=Found()),
        ),
    ),
]
CASES = [("user", *case) for case in FROM_USER] + [("assistant", *case) for case in FROM_MODEL]


@pytest.mark.parametrize(("role", "block", "part"), [case[:1] + case[2:] for case in CASES], ids=[case[1] for case in CASES])
def test_a_block_is_its_part(role: str, block: dict[str, Any], part: Part) -> None:
    request = decoded(messages=[{"role": role, "content": [block]}])
    assert request.messages[0].parts == (part,)
    assert encoded(request)["messages"] == [{"role": role, "content": [block]}]


@pytest.mark.parametrize(("block", "part"), [case[1:] for case in FROM_MODEL], ids=[case[0] for case in FROM_MODEL])
def test_an_answers_block_is_the_same_part(block: dict[str, Any], part: Part) -> None:
    body = {"id": "m", "type": "message", "role": "assistant", "model": "x", "content": [block], "stop_reason": "end_turn", "usage": {}}
    assert FORMAT.decode_response(call_of(body).body).parts == (part,)


@pytest.mark.parametrize(
    ("role", "block", "param"),
    [
        ("user", {}, "messages[0].content[0].type"),
        ("user", {"type": 5}, "messages[0].content[0].type"),
        ("user", {"type": "text"}, "messages[0].content[0].text"),
        ("user", {"type": "text", "text": 5}, "messages[0].content[0].text"),
        ("user", {"type": "image"}, "messages[0].content[0].source"),
        ("user", {"type": "image", "source": {"type": "url"}}, "messages[0].content[0].source.url"),
        ("user", {"type": "tool_result", "content": "x"}, "messages[0].content[0].tool_use_id"),
        (
            "user",
            {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": 1}]},
            "messages[0].content[0].content[0].text",
        ),
        ("user", {"type": "tool_result", "tool_use_id": "t", "content": [{}]}, "messages[0].content[0].content[0].type"),
        ("user", {"type": "tool_use", "id": "t", "name": "n", "input": {}}, "messages[0].content[0]"),
        ("user", {"type": "thinking", "thinking": "x", "signature": "s"}, "messages[0].content[0]"),
        ("assistant", {"type": "tool_result", "tool_use_id": "t"}, "messages[0].content[0]"),
        ("assistant", {"type": "tool_use", "id": "t", "name": "n"}, "messages[0].content[0].input"),
        ("assistant", {"type": "tool_use", "id": "t", "name": "n", "input": "{}"}, "messages[0].content[0].input"),
        ("assistant", {"type": "tool_use", "name": "n", "input": {}}, "messages[0].content[0].id"),
    ],
)
def test_a_bad_block_is_named(role: str, block: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        FORMAT.decode_request(call_of(body_of(messages=[{"role": role, "content": [block]}])), Losses())
    assert caught.value.param == param
