"""Requests of other formats, bent to the vendor's rules and the target's abilities."""

import json
from typing import Any

import pytest
from attrs import evolve

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.anthropic import FORMAT
from ccproxy_cli.core.parts import CacheMark, FileRef, Inline, Link, Media, MediaKind, Opaque, PlainText, Text, ToolKind
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import ChoiceMode, Output, OutputKind, Request, Role, Sampling, Tool, ToolChoice
from tests.core.formats.anthropic.asking import FOREIGN, HELLO, encoded, lost, said

TOOL = Tool("t", parameters={"type": "object"})
OTHER = Tool("u", parameters={"type": "object"})
MARK = {"type": "ephemeral"}


def asked(profile: Profile | None = None, /, **changes: Any) -> tuple[dict[str, Any], dict[str, str]]:
    losses = Losses()
    return encoded(evolve(FOREIGN, **changes), profile, losses), lost(losses)


# Tools.


def test_tools_are_written_with_an_object_schema() -> None:
    body, losses = asked(tools=(Tool("t", "d", {"properties": {"a": {}}, "required": ["a", "a"]}, strict=True), Tool("u", strict=False)))
    assert body["tools"] == [
        {"name": "t", "description": "d", "input_schema": {"type": "object", "properties": {"a": {}}, "required": ["a"]}, "strict": True},
        {"name": "u", "input_schema": {"type": "object"}, "cache_control": MARK},
    ]
    assert losses == {}


def test_the_clients_schema_is_never_changed() -> None:
    schema = {"anyOf": [{"properties": {"a": {}}}], "required": ["b", "b"]}
    before = json.dumps(schema)
    asked(tools=(Tool("t", parameters=schema),), output=Output(OutputKind.JSON_SCHEMA, schema))
    assert json.dumps(schema) == before


def test_combinators_at_the_top_of_a_schema_are_merged() -> None:
    any_of = [{"properties": {"a": {}, "c": {}}, "required": ["a", "c"]}, {"properties": {"b": {}, "c": {}}, "required": ["b", "c"]}]
    body, losses = asked(tools=(Tool("t", parameters={"anyOf": any_of}), Tool("u", parameters={"type": "object", "allOf": any_of})))
    first, second = (tool["input_schema"] for tool in body["tools"])
    assert first == {"type": "object", "properties": {"a": {}, "b": {}, "c": {}}, "required": ["c"]}
    assert second["required"] == ["a", "b", "c"]
    assert set(losses) == {"tools[0].parameters.anyOf", "tools[1].parameters.allOf"}


@pytest.mark.parametrize("schema", ["x", [], {"type": "string"}, {"type": ["string", "null"]}])
def test_a_schema_of_no_object_is_refused(schema: object) -> None:
    with pytest.raises(BadRequest, match=r"tools\[1\]\.parameters"):
        asked(tools=(TOOL, Tool("u", parameters=schema)))


def test_a_free_text_tool_takes_one_string() -> None:
    body, losses = asked(tools=(Tool("sql", kind=ToolKind.CUSTOM, grammar={"type": "grammar"}),))
    assert body["tools"][0]["input_schema"] == {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}
    assert set(losses) == {"tools[0]", "tools[0].grammar"}


def test_another_vendors_hosted_tool_is_dropped_and_told() -> None:
    body, losses = asked(tools=(Opaque("openai-chat", {"type": "web_search"}), TOOL))
    assert [tool["name"] for tool in body["tools"]] == ["t"]
    assert set(losses) == {"tools[0]"}


CHOICES: list[tuple[ToolChoice | None, bool | None, dict[str, Any] | None]] = [
    (None, None, None),
    (None, True, None),
    (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
    (ToolChoice(ChoiceMode.AUTO), True, {"type": "auto"}),
    (ToolChoice(ChoiceMode.NONE), False, {"type": "none"}),
    (ToolChoice(ChoiceMode.REQUIRED), False, {"type": "any", "disable_parallel_tool_use": True}),
    (ToolChoice(ChoiceMode.REQUIRED, ("u",)), None, {"type": "tool", "name": "u"}),
]


@pytest.mark.parametrize(("choice", "parallel", "written"), CHOICES)
def test_tool_choice(choice: ToolChoice | None, parallel: bool | None, written: dict[str, Any] | None) -> None:
    body, losses = asked(tools=(TOOL, OTHER), tool_choice=choice, parallel_tool_calls=parallel)
    assert body.get("tool_choice") == written
    assert [tool["name"] for tool in body["tools"]] == ["t", "u"]
    assert losses == {}


@pytest.mark.parametrize(("mode", "word"), [(ChoiceMode.AUTO, "auto"), (ChoiceMode.REQUIRED, "any")])
def test_a_choice_among_some_tools_is_those_tools(mode: ChoiceMode, word: str) -> None:
    body, _ = asked(tools=(TOOL, OTHER), tool_choice=ToolChoice(mode, ("u",), subset=True))
    assert [tool["name"] for tool in body["tools"]] == ["u"]
    assert body["tool_choice"] == {"type": word}


@pytest.mark.parametrize("tools", [None, (), (Opaque("openai-chat", {"type": "web_search"}),)])
def test_without_tools_there_is_no_choice(tools: Any) -> None:
    body, _ = asked(tools=tools, tool_choice=ToolChoice(ChoiceMode.AUTO), parallel_tool_calls=False)
    assert "tools" not in body
    assert "tool_choice" not in body


# Sampling, limits, output.


def test_a_limit_is_always_sent() -> None:
    assert asked(max_tokens=None)[0]["max_tokens"] == 8192
    assert asked(Profile(max_output=64000), max_tokens=None)[0]["max_tokens"] == 64000
    body, losses = asked(Profile(max_output=64000), max_tokens=100_000)
    assert body["max_tokens"] == 64000
    assert set(losses) == {"max_tokens"}


def test_sampling_is_clamped_and_chooses_the_version() -> None:
    losses = Losses()
    call = FORMAT.encode_request(evolve(FOREIGN, sampling=Sampling(1.7, 0.9, 5, 0.5, 0, 7)), Profile(), losses)
    body = json.loads(call.body)
    assert (body["temperature"], body["top_p"], body["top_k"]) == (1, 0.9, 5)
    assert call.headers["anthropic-version"] == "2023-06-01"
    assert set(lost(losses)) == {"temperature", "frequency_penalty", "seed"}
    assert FORMAT.encode_request(FOREIGN, Profile(), losses).headers["anthropic-version"] == "2026-10-21"


def test_a_model_without_sampling_is_sent_none() -> None:
    body, losses = asked(Profile(sampling=False), sampling=Sampling(0.5, 1, 5))
    assert body.keys().isdisjoint({"temperature", "top_p", "top_k"})
    assert set(losses) == {"temperature", "top_k"}


def test_stop_words_of_spaces_are_dropped() -> None:
    body, losses = asked(stop=("a", "\n"))
    assert body["stop_sequences"] == ["a"]
    assert set(losses) == {"stop"}
    assert "stop_sequences" not in asked(stop=())[0]


def test_a_schema_for_the_answer_is_closed_and_its_limits_are_told_in_words() -> None:
    schema = {
        "type": "object",
        "properties": {
            "list": {"type": "array", "items": {"type": "object", "properties": {}}, "minItems": 1},
            "n": {"type": "integer", "minimum": 1, "description": "count"},
            "either": {"anyOf": [{"$ref": "#/$defs/D"}, {"type": "null"}]},
            "minimum": {"type": "string", "pattern": "x"},
        },
        "$defs": {"D": {"properties": {"q": {"const": 1}}, "additionalProperties": True}},
    }
    body, losses = asked(output=Output(OutputKind.JSON_SCHEMA, schema, name="answer", strict=True))
    assert body["output_config"] == {
        "format": {
            "type": "json_schema",
            "schema": {
                "type": "object",
                "properties": {
                    "list": {"type": "array", "items": {"type": "object", "properties": {}, "additionalProperties": False}, "minItems": 1},
                    "n": {"type": "integer", "description": "count (minimum: 1)"},
                    "either": {"anyOf": [{"$ref": "#/$defs/D"}, {"type": "null"}]},
                    "minimum": {"type": "string", "description": 'pattern: "x"'},
                },
                "$defs": {"D": {"properties": {"q": {"const": 1}}, "additionalProperties": False}},
                "additionalProperties": False,
            },
        }
    }
    assert losses == {}


def test_any_json_object_is_asked_for_in_words() -> None:
    body, losses = asked(output=Output(OutputKind.JSON_OBJECT), messages=(said(Role.SYSTEM, Text("s")), HELLO))
    assert [block["text"] for block in body["system"]] == ["s", "Answer with one JSON object and nothing else."]
    assert "output_config" not in body
    assert losses == {}


def test_a_model_without_structured_output_is_told_the_schema() -> None:
    body, losses = asked(Profile(structured_output=False), output=Output(OutputKind.JSON_SCHEMA, {"type": "object"}))
    assert '{"type":"object"}' in body["system"][0]["text"]
    assert set(losses) == {"output"}


def test_the_users_id_is_metadata_if_it_fits() -> None:
    assert asked(user="u")[0]["metadata"] == {"user_id": "u"}
    body, losses = asked(user="u" * 257)
    assert "metadata" not in body
    assert set(losses) == {"user"}


def test_members_of_other_formats_are_told() -> None:
    _, losses = asked(extras={"openai-chat": {"logprobs": True, "store": None, "metadata": {}, "$note": 1}}, cache_key="k")
    assert set(losses) == {"logprobs", "cache_key"}


# Cache marks.


def marks(body: dict[str, Any]) -> list[tuple[str, int]]:
    """Where the marks stand: tools, system, or the number of a message."""
    found = [("tools", i) for i, tool in enumerate(body.get("tools", [])) if "cache_control" in tool]
    found += [("system", i) for i, block in enumerate(body.get("system", [])) if "cache_control" in block]
    return found + [
        (f"messages[{n}]", i) for n, m in enumerate(body["messages"]) for i, b in enumerate(m["content"]) if "cache_control" in b
    ]


def test_marks_are_set_after_tools_instructions_and_the_last_two_user_messages() -> None:
    talk = (said(Role.SYSTEM, Text("s"), Text("s")), HELLO, said(Role.ASSISTANT, Text("a")), HELLO, said(Role.ASSISTANT, Text("b")), HELLO)
    body, _ = asked(messages=talk, tools=(TOOL, OTHER))
    assert marks(body) == [("tools", 1), ("system", 1), ("messages[2]", 0), ("messages[4]", 0)]


def test_the_clients_own_marks_are_kept_and_none_added() -> None:
    body, losses = asked(messages=(said(Role.SYSTEM, Text("s", cache=CacheMark("1h"))), HELLO), tools=(TOOL,))
    assert marks(body) == [("system", 0)]
    assert body["system"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert losses == {}


def test_of_too_many_marks_the_last_four_are_kept() -> None:
    body, losses = asked(messages=(said(Role.USER, *(Text("a", cache=CacheMark()) for _ in range(6))),))
    assert marks(body) == [("messages[0]", index) for index in range(2, 6)]
    assert set(losses) == {"messages"}


# Media.


def sent(part: Media) -> tuple[dict[str, Any], dict[str, str]]:
    body, losses = asked(messages=(said(Role.USER, part),))
    block = body["messages"][0]["content"][0]
    del block["cache_control"]
    return block, losses


@pytest.mark.parametrize(
    ("media_type", "data", "true_type"),
    [
        ("image/png", "/9j/4AAQ", "image/jpeg"),
        ("image/jpg", "AAAA", "image/jpeg"),
        ("image/jpeg", "iVBORw0KGgoAAA", "image/png"),
        ("image/webp", "R0lGODlh", "image/gif"),
        ("image/png", "UklGRgAA", "image/webp"),
        ("image/bmp", "AAAA", "image/bmp"),
    ],
)
def test_an_image_is_labelled_by_its_bytes(media_type: str, data: str, true_type: str) -> None:
    block, losses = sent(Media(MediaKind.IMAGE, Inline(media_type, data)))
    assert block == {"type": "image", "source": {"type": "base64", "media_type": true_type, "data": data}}
    assert losses == {}


def test_documents() -> None:
    text = Media(MediaKind.DOCUMENT, Inline("text/markdown", "YWJj"), name="n.md", context="c")
    assert sent(text)[0] == {
        "type": "document",
        "source": {"type": "text", "media_type": "text/plain", "data": "abc"},
        "title": "n.md",
        "context": "c",
    }
    assert sent(Media(MediaKind.DOCUMENT, Link("http://x/y.pdf")))[0]["source"] == {"type": "url", "url": "http://x/y.pdf"}
    assert sent(Media(MediaKind.DOCUMENT, PlainText("abc")))[0]["source"]["data"] == "abc"
    assert sent(Media(MediaKind.DOCUMENT, Inline("application/pdf", "JVBERi0=")))[0]["source"]["media_type"] == "application/pdf"


def test_a_resolution_hint_is_told() -> None:
    assert set(sent(Media(MediaKind.IMAGE, Link("http://x"), detail="high"))[1]) == {"messages[0].content[0].detail"}
    assert sent(Media(MediaKind.IMAGE, Link("http://x"), detail="auto"))[1] == {}


@pytest.mark.parametrize(
    "part",
    [
        Media(MediaKind.AUDIO, Inline("audio/wav", "AAAA")),
        Media(MediaKind.VIDEO, Link("http://x")),
        Media(MediaKind.IMAGE, FileRef("openai", "file-1")),
        Media(MediaKind.DOCUMENT, Inline("application/zip", "AAAA")),
        Media(MediaKind.DOCUMENT, Inline("text/plain", "%%%")),
    ],
)
def test_what_the_vendor_cannot_read_is_refused_by_its_place(part: Media) -> None:
    with pytest.raises(BadRequest) as caught:
        sent(part)
    assert caught.value.param == "messages[0].content[0]"


def test_the_token_counter_is_asked_with_what_it_takes() -> None:
    assert FORMAT.encode_count_request is not None
    request: Request = evolve(FOREIGN, max_tokens=None, stream=True, sampling=Sampling(0.5), user="u", stop=("x",), tools=(TOOL,))
    body = json.loads(FORMAT.encode_count_request(request, Profile(), Losses()).body)
    assert set(body) == {"model", "messages", "tools"}
