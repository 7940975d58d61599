"""Requests of this format's clients: read, and written again unchanged."""

import contextlib
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import NO_EXTRAS, Losses
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.formats.openai_chat import FORMAT
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.parts import CacheMark, FileRef, Inline, Link, Media, MediaKind, Opaque, Reasoning, Refusal, Text, ToolCall, ToolKind
from ccproxy_cli.core.profile import Profile, ReasoningStyle
from ccproxy_cli.core.request import ChoiceMode, OutputKind, Role, Thinking, ThinkingMode, Tool, ToolChoice
from tests.core.formats.openai_chat.chat import body_of, decode, there_and_back
from tests.strategies import JSON_VALUES

PIXEL = "data:image/png;base64,iVBORw0KGgo="
WEATHER = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}

# Round trips

UNKNOWN = st.dictionaries(st.sampled_from(["x_new", "metadata", "annotations"]), JSON_VALUES, max_size=2)


def objects(required: dict[str, Any], optional: dict[str, Any] | None = None) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with these members, some of the optional ones, and a few that nobody knows."""
    known = st.fixed_dictionaries(required, optional=optional or {})
    return st.builds(lambda known, unknown: {**unknown, **known}, known, UNKNOWN)


WORDS = st.text(max_size=8)
NAMES = st.text("abc_", min_size=1, max_size=6)
NULL = st.none()
MARKS = st.sampled_from([None, {"type": "ephemeral"}, {"type": "ephemeral", "ttl": "1h"}, {"type": "odd"}, {"type": "ephemeral", "x": 1}])
TEXT_PARTS = objects({"type": st.just("text"), "text": WORDS}, {"cache_control": MARKS})
URLS = st.sampled_from(["https://a.test/b.png", PIXEL, "data:,x", "data:text/plain;charset=utf-8;base64,aGk="])
PARTS = (
    TEXT_PARTS
    | objects(
        {"type": st.just("image_url"), "image_url": objects({"url": URLS}, {"detail": st.sampled_from(["low", "high"])}) | URLS},
        {"cache_control": MARKS},
    )
    | objects(
        {"type": st.just("input_audio"), "input_audio": objects({"data": st.just("aGk="), "format": st.sampled_from(["wav", "mp3"])})}
    )
    | objects({"type": st.just("input_audio"), "input_audio": st.just("aGk=")})
    | objects({"type": st.just("file"), "file": objects({"file_id": NAMES}, {"filename": WORDS})})
    | objects(
        {
            "type": st.just("file"),
            "file": objects({"file_data": URLS | st.sampled_from(["JVBERi0xLjQ=", "odd"])}, {"filename": WORDS, "file_id": NAMES}),
        }
    )
    | objects({"type": st.just("video_url"), "video_url": objects({"url": URLS})})
)
FUNCTIONS = objects({"name": NAMES, "arguments": WORDS})
CALLS = objects({"type": st.just("function"), "id": NAMES, "function": FUNCTIONS}) | objects(
    {"type": st.just("custom"), "id": NAMES, "custom": objects({"name": NAMES, "input": WORDS})}
)
MESSAGES = st.one_of(
    objects({"role": st.sampled_from(["system", "developer", "user"]), "content": WORDS | st.lists(PARTS, max_size=3)}, {"name": NAMES}),
    objects(
        {"role": st.just("assistant")},
        {
            "content": NULL | WORDS | st.lists(TEXT_PARTS | objects({"type": st.just("refusal"), "refusal": WORDS}), max_size=3),
            "tool_calls": NULL | st.lists(CALLS, max_size=2),
            "function_call": NULL | FUNCTIONS,
            "refusal": NULL | WORDS,
            "reasoning_content": NULL | WORDS,
            "reasoning": NULL | WORDS,
            "reasoning_details": st.lists(JSON_VALUES, max_size=1),
            "name": NAMES,
            "audio": objects({"id": NAMES}),
        },
    ),
    objects({"role": st.just("tool"), "tool_call_id": NAMES, "content": NULL | WORDS | st.lists(TEXT_PARTS, max_size=2)}, {"name": NAMES}),
    objects({"role": st.just("function"), "name": NAMES, "content": NULL | WORDS}),
)
OBJECTS = st.dictionaries(WORDS, JSON_VALUES, max_size=3)
SPECS = objects({"name": NAMES}, {"description": NULL | WORDS, "parameters": NULL | OBJECTS, "strict": NULL | st.booleans()})
TOOLS = (
    objects({"type": st.just("function"), "function": SPECS}, {"cache_control": MARKS})
    | objects({"function": SPECS})
    | objects({"type": st.just("custom"), "custom": objects({"name": NAMES}, {"description": WORDS, "format": JSON_VALUES})})
    | objects({"type": st.just("hosted:search"), "parameters": JSON_VALUES})
)
NAMED = st.fixed_dictionaries({"type": st.just("function"), "function": st.fixed_dictionaries({"name": NAMES})})
CHOICES = (
    st.sampled_from(["auto", "none", "required", "any"])
    | NAMED
    | st.fixed_dictionaries({"type": st.just("custom"), "custom": st.fixed_dictionaries({"name": NAMES})})
    | st.fixed_dictionaries(
        {
            "type": st.just("allowed_tools"),
            "allowed_tools": st.fixed_dictionaries({"mode": st.sampled_from(["auto", "required"]), "tools": st.lists(NAMED, max_size=2)}),
        }
    )
    | st.fixed_dictionaries({"type": st.just("web_search_preview")})
)
SCHEMAS = objects({"name": NAMES}, {"schema": NULL | OBJECTS, "strict": NULL | st.booleans(), "description": NULL | WORDS})
AMOUNTS = st.floats(0, 2) | st.integers(0, 2)
REQUESTS = objects(
    {"model": NAMES, "messages": st.lists(MESSAGES, min_size=1, max_size=4)},
    {
        "tools": NULL | st.lists(TOOLS, max_size=3),
        "functions": NULL | st.lists(SPECS, max_size=2),
        "tool_choice": NULL | CHOICES,
        "function_call": NULL | st.sampled_from(["none", "auto"]) | st.fixed_dictionaries({"name": NAMES}),
        "parallel_tool_calls": NULL | st.booleans(),
        "max_tokens": NULL | st.integers(1, 9),
        "max_completion_tokens": NULL | st.integers(1, 9),
        "temperature": NULL | AMOUNTS,
        "top_p": NULL | AMOUNTS,
        "top_k": NULL | st.integers(1, 9),
        "frequency_penalty": NULL | AMOUNTS,
        "presence_penalty": NULL | AMOUNTS,
        "seed": NULL | st.integers(),
        "stop": NULL | WORDS | st.lists(WORDS, max_size=2),
        "n": NULL | st.just(1),
        "reasoning_effort": NULL | st.sampled_from(["none", "low", "max"]),
        "reasoning": NULL
        | objects(
            {},
            {
                "effort": NULL | st.sampled_from(["none", "low", "max"]),
                "max_tokens": NULL | st.integers(-1, 9),
                "enabled": NULL | st.booleans(),
                "exclude": NULL | st.booleans(),
            },
        ),
        "response_format": NULL
        | objects({"type": st.sampled_from(["text", "json_object", "grammar"])})
        | objects({"type": st.just("json_schema"), "json_schema": SCHEMAS}),
        "stream": NULL | st.booleans(),
        "stream_options": NULL | objects({}, {"include_usage": NULL | st.booleans()}),
        "user": NULL | WORDS,
        "safety_identifier": NULL | WORDS,
        "prompt_cache_key": NULL | WORDS,
        "cache_control": MARKS,
        "logit_bias": JSON_VALUES,
    },
)


@given(REQUESTS)
def test_a_request_is_written_as_it_was_read(body: dict[str, Any]) -> None:
    assert there_and_back(body) == body


# What is understood


def test_parts_keep_their_places_and_their_marks() -> None:
    content = [
        {"type": "text", "text": "look", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
        {"type": "image_url", "image_url": {"url": PIXEL, "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://a.test/b.png"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}},
        {"type": "video_url", "video_url": {"url": "https://a.test/v.mp4"}},
    ]
    text, image, linked, document, uploaded, audio, video = decode(body_of({"role": "user", "content": content})).messages[0].parts
    assert isinstance(text, Text)
    assert text.cache == CacheMark("1h")
    assert isinstance(image, Media)
    assert (image.kind, image.source, image.detail) == (MediaKind.IMAGE, Inline("image/png", "iVBORw0KGgo="), "low")
    assert isinstance(linked, Media)
    assert linked.source == Link("https://a.test/b.png")
    assert isinstance(document, Media)
    assert (document.kind, document.source, document.name) == (MediaKind.DOCUMENT, Inline("application/pdf", "JVBERi0="), "a.pdf")
    assert isinstance(uploaded, Media)
    assert uploaded.source == FileRef("openai", "file-1")
    assert isinstance(audio, Media)
    assert (audio.kind, audio.source) == (MediaKind.AUDIO, Inline("audio/wav", "aGk="))
    assert isinstance(video, Opaque)
    assert video.type == "video_url"


def test_bare_bytes_of_a_pdf_are_a_document() -> None:
    part = decode(body_of({"role": "user", "content": [{"type": "file", "file": {"file_data": "JVBERi0xLjQ="}}]})).messages[0].parts[0]
    assert isinstance(part, Media)
    assert part.source == Inline("application/pdf", "JVBERi0xLjQ=")


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_the_assistants_message_holds_reasoning_text_refusal_and_calls(name: str) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    message = {"role": "assistant", name: "hmm", "content": "so", "refusal": "no", "tool_calls": [call]}
    reasoning, text, refusal, made = decode(body_of(message)).messages[0].parts
    assert isinstance(reasoning, Reasoning)
    assert (reasoning.text, reasoning.proofs) == ("hmm", ())
    assert text == Text("so")
    assert isinstance(refusal, Refusal)
    assert isinstance(made, ToolCall)
    assert (made.call_id, made.name, made.arguments) == ("call_1", "f", '{"a": 1}')


def test_an_empty_string_beside_calls_is_no_part() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": "", "reasoning_content": "", "tool_calls": [call]}
    assert [type(part) for part in decode(body_of(message)).messages[0].parts] == [ToolCall]


def test_calls_of_before_tools_get_ids_that_join_them_with_their_results() -> None:
    call = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}
    result = {"role": "function", "name": "f", "content": "1"}
    request = decode(body_of(call, result, call, result, functions=[{"name": "f"}], function_call={"name": "f"}))
    ids = [getattr(message.parts[0], "call_id", None) for message in request.messages]
    assert ids == ["call_fn_0", "call_fn_0", "call_fn_1", "call_fn_1"]
    assert [message.role for message in request.messages] == [Role.ASSISTANT, Role.TOOL] * 2
    assert request.tools is not None
    assert [tool.name for tool in request.tools if isinstance(tool, Tool)] == ["f"]
    assert request.tool_choice is not None
    assert (request.tool_choice.mode, request.tool_choice.names) == (ChoiceMode.REQUIRED, ("f",))


@pytest.mark.parametrize(
    ("written", "mode", "names", "subset"),
    [
        ("auto", ChoiceMode.AUTO, (), False),
        ("none", ChoiceMode.NONE, (), False),
        ("required", ChoiceMode.REQUIRED, (), False),
        ("any", ChoiceMode.REQUIRED, (), False),
        ({"type": "function", "function": {"name": "f"}}, ChoiceMode.REQUIRED, ("f",), False),
        ({"type": "custom", "custom": {"name": "f"}}, ChoiceMode.REQUIRED, ("f",), False),
        (
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]}},
            ChoiceMode.AUTO,
            ("f",),
            True,
        ),
    ],
)
def test_every_choice_among_tools_is_understood(written: Any, mode: ChoiceMode, names: tuple[str, ...], subset: bool) -> None:
    choice = decode(body_of(tools=[WEATHER], tool_choice=written)).tool_choice
    assert isinstance(choice, ToolChoice)
    assert (choice.mode, choice.names, choice.subset) == (mode, names, subset)


def test_settings_are_understood() -> None:
    request = decode(
        body_of(
            max_tokens=7,
            stop="END",
            temperature=1,
            top_k=3,
            reasoning_effort="low",
            user="me",
            prompt_cache_key="k",
            parallel_tool_calls=False,
            stream=True,
            stream_options={"include_usage": True},
            response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True}},
            tools=[{"type": "custom", "custom": {"name": "t", "format": {"type": "text"}}}],
        )
    )
    assert (request.max_tokens, request.stop, request.sampling.temperature, request.sampling.top_k) == (7, ("END",), 1, 3)
    assert request.thinking is not None
    assert request.thinking.effort == "low"
    assert (request.user, request.cache_key, request.parallel_tool_calls) == ("me", "k", False)
    assert (request.stream, request.stream_usage) == (True, True)
    assert request.output is not None
    assert (request.output.kind, request.output.name, request.output.strict) == (OutputKind.JSON_SCHEMA, "n", True)
    assert request.tools is not None
    assert isinstance(request.tools[0], Tool)
    assert request.tools[0].kind is ToolKind.CUSTOM


# What is refused

CONTENT = "messages[0].content"
REFUSED = [
    ([], None),
    ({"messages": [{"role": "user", "content": "hi"}]}, "model"),
    ({"model": "m"}, "messages"),
    (body_of() | {"model": ""}, "model"),
    (body_of() | {"model": 5}, "model"),
    (body_of() | {"messages": []}, "messages"),
    (body_of() | {"messages": {}}, "messages"),
    (body_of() | {"messages": ["hi"]}, "messages[0]"),
    (body_of({"content": "hi"}), "messages[0].role"),
    (body_of({"role": "robot", "content": "hi"}), "messages[0].role"),
    (body_of({"role": "user"}), CONTENT),
    (body_of({"role": "user", "content": None}), CONTENT),
    (body_of({"role": "user", "content": 5}), CONTENT),
    (body_of({"role": "user", "content": ["hi"]}), f"{CONTENT}[0]"),
    (body_of({"role": "user", "content": [{"text": "hi"}]}), f"{CONTENT}[0].type"),
    (body_of({"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": 5}]}), f"{CONTENT}[1].text"),
    (body_of({"role": "user", "content": [{"type": "image_url", "image_url": {}}]}), f"{CONTENT}[0].image_url.url"),
    (body_of({"role": "tool", "content": "1"}), "messages[0].tool_call_id"),
    (body_of({"role": "function", "content": "1"}), "messages[0].name"),
    (body_of({"role": "assistant", "tool_calls": [{"function": {"name": "f"}}]}), "messages[0].tool_calls[0].id"),
    (body_of({"role": "assistant", "tool_calls": [{"id": "a", "function": {}}]}), "messages[0].tool_calls[0].function.name"),
    (
        body_of({"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": {}}}]}),
        "messages[0].tool_calls[0].function.arguments",
    ),
    (body_of(n=2), "n"),
    (body_of(temperature="hot"), "temperature"),
    (body_of(stream="yes"), "stream"),
    (body_of(stop=[5]), "stop[0]"),
    (body_of(max_tokens=True), "max_tokens"),
    (body_of(tools={}), "tools"),
    (body_of(tools=[{"type": "function"}]), "tools[0].function"),
    (body_of(tools=[{"type": "function", "function": {"name": "f", "parameters": "p"}}]), "tools[0].function.parameters"),
    (body_of(tools=[WEATHER], tool_choice="sometimes"), "tool_choice"),
    (body_of(tools=[WEATHER], tool_choice={"type": "function"}), "tool_choice.function"),
    (body_of(functions=[{"name": "f"}], function_call="sometimes"), "function_call"),
    (body_of(response_format={"type": "json_schema"}), "response_format.json_schema"),
    (body_of(response_format={"type": "json_schema", "json_schema": {"name": "s", "schema": []}}), "response_format.json_schema.schema"),
    (body_of(stream_options={"include_usage": 1}), "stream_options.include_usage"),
]


@pytest.mark.parametrize(("body", "param"), REFUSED, ids=[f"{number}-{param}" for number, (_, param) in enumerate(REFUSED)])
def test_a_bad_request_names_its_field_as_the_client_wrote_it(body: Any, param: str | None) -> None:
    with pytest.raises(BadRequest) as caught:
        decode(body)
    assert caught.value.param == param
    assert caught.value.message


@pytest.mark.parametrize("body", [b"", b"{", b"nan", b'{"model": NaN}', b"\xff", b"[" * 100_000])
def test_what_is_not_json_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadRequest, match="JSON"):
        FORMAT.decode_request(HTTPCall("POST", "/", body), Losses())


@given(
    JSON_VALUES, st.sampled_from(["model", "messages", "tools", "tool_choice", "stop", "response_format", "stream_options", "functions"])
)
def test_any_json_is_read_or_refused(value: Any, name: str) -> None:
    for body in (value, body_of() | {name: value}, body_of({"role": "assistant", "content": value, "tool_calls": value})):
        with contextlib.suppress(BadRequest):
            assert decode(body).messages


@pytest.mark.parametrize(
    ("asked", "thinking"),
    [
        ({"effort": "high"}, Thinking(effort="high", display="summarized")),
        ({"max_tokens": 2000, "exclude": False}, Thinking(ThinkingMode.BUDGET, 2000, display="summarized")),
        ({"enabled": True}, Thinking(effort="medium", display="summarized")),
        ({"enabled": False}, Thinking(ThinkingMode.DISABLED)),
        ({"effort": "none"}, Thinking(effort="none", display="summarized")),
        ({"exclude": True}, Thinking(display="omitted")),
    ],
)
def test_thinking_may_be_asked_for_by_an_object(asked: Any, thinking: Thinking) -> None:
    request = decode(body_of(reasoning=asked))
    assert request.thinking is not None
    assert evolve(request.thinking, extras=NO_EXTRAS) == thinking
    losses = Losses()
    FORMATS["anthropic"].encode_request(request, Profile(reasoning=ReasoningStyle.ADAPTIVE), losses)
    assert not list(losses)


def test_of_an_object_for_thinking_nothing_is_lost_in_silence() -> None:
    losses = Losses()
    FORMATS["anthropic"].encode_request(decode(body_of(reasoning={"effort": "low", "more": 1})), Profile(), losses)
    FORMATS["anthropic"].encode_request(decode(body_of(reasoning={"effort": 3})), Profile(), losses)
    FORMATS["anthropic"].encode_request(decode(body_of(reasoning={"exclude": True}, reasoning_effort="low")), Profile(), losses)
    assert [loss.field for loss in losses] == ["thinking.more", "thinking", "reasoning"]
