"""Requests of this format's own clients: read without loss, written as they were."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.openai_responses import FORMAT
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.parts import FileRef, Inline, Link, Media, MediaKind, Opaque, Proof, ProofKind, Reasoning, Text, ToolCall, ToolKind
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import ChoiceMode, OutputKind, Role, Thinking, Tool
from tests.core.formats.openai_responses.responses import body_of, call, decode, encode, output, said, there_and_back, thought

EASY = {"role": "user", "content": "hi"}
FUNCTION = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": None, "description": None}
CUSTOM = {"type": "custom", "name": "exec", "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"}}
NAMESPACE = {"type": "namespace", "name": "crm", "description": "Customers.", "tools": [FUNCTION, CUSTOM]}
PARTS = [
    {"type": "input_text", "text": "look", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}},
    {"type": "input_image", "image_url": "data:image/png;base64,AAAA", "detail": "high"},
    {"type": "input_image", "file_id": "file-1"},
    {"type": "input_file", "file_data": "data:application/pdf;base64,JVBERi0x", "filename": "a.pdf"},
    {"type": "input_file", "file_data": "JVBERi0x"},
    {"type": "input_file", "file_url": "https://example.test/a.pdf"},
    {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav", "speed": 2}},
    {"type": "input_smell", "smell": "rose"},
    {"type": "text", "text": "plain"},
]

WRITTEN: list[dict[str, Any]] = [
    body_of(),
    body_of(EASY, {"role": "assistant", "content": "ho"}, {"type": "message", "role": "developer", "content": [], "id": "msg_9"}),
    body_of({"role": "user", "content": PARTS}, output(value=PARTS)),
    body_of(
        said("one"), said("two", "msg_2", phase="commentary"), {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}
    ),
    body_of({"type": "message", "role": "assistant", "content": [], "id": "msg_1"}, {"role": "assistant", "content": ""}),
    body_of({"role": "assistant", "content": [{"type": "output_smell", "smell": "x"}, {"type": "output_text", "text": "a"}], "phase": "p"}),
    body_of({"role": "assistant", "content": [{"type": "output_text", "text": "a"}, {"type": "output_text", "text": "b"}]}),
    body_of(thought("a", "b", encrypted_content="sealed"), call(id="fc_1", status="completed"), output(id="fco_1")),
    body_of(thought(encrypted_content=None, content=None), {"type": "reasoning", "encrypted_content": "sealed"}),
    body_of({**thought(), "content": [{"type": "reasoning_text", "text": "hmm"}]}, said("x")),
    body_of({"type": "custom_tool_call", "call_id": "c", "name": "exec", "input": "1 + 1", "namespace": "functions"}),
    body_of({"type": "custom_tool_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "2"}]}),
    body_of({"type": "web_search_call", "id": "ws_1", "action": {"query": "x"}}, {"type": "mcp_approval_response", "approve": True}),
    body_of(
        {"type": "item_reference", "id": "msg_1"}, {"type": "compaction", "encrypted_content": "x"}, {"type": "new_thing", "a": [None]}
    ),
    body_of({"type": "additional_tools", "id": "at_1", "role": "developer", "tools": [NAMESPACE, FUNCTION]}, EASY),
    body_of({"type": "additional_tools", "role": "developer", "tools": [FUNCTION]}, EASY, tools=[]),
    body_of(tools=[NAMESPACE, FUNCTION, {**NAMESPACE, "name": "erp"}, NAMESPACE, CUSTOM, {"type": "web_search", "filters": {}}]),
    body_of(tools=[{"type": "namespace", "name": "empty", "tools": []}, {**NAMESPACE, "tools": [{"type": "mcp"}]}]),
    *[body_of(tools=[FUNCTION, CUSTOM], tool_choice=choice) for choice in ("auto", "none", "required", {"type": "function", "name": "f"})],
    body_of(tools=[FUNCTION], tool_choice={"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]}),
    body_of(tools=[{"type": "file_search"}], tool_choice={"type": "file_search"}),
    body_of(reasoning={"effort": "low", "summary": "auto", "context": "all_turns"}),
    *[body_of(reasoning=reasoning) for reasoning in ({}, {"summary": "auto"}, {"effort": None, "mode": "pro"})],
    *[body_of(text=text) for text in ({}, {"verbosity": "low"}, {"format": {"type": "text"}}, {"format": {"type": "future", "a": 1}})],
    body_of(text={"format": {"type": "json_schema", "name": "n", "schema": {}, "strict": True, "x": 1}, "verbosity": "high"}),
    body_of(store=False, include=["reasoning.encrypted_content"], stream=True, parallel_tool_calls=False, max_output_tokens=1),
    body_of(store=True, include=["message.output_text.logprobs"], client_metadata={"a": "b"}, truncation="auto", top_logprobs=2),
    body_of(user="u", safety_identifier="s", prompt_cache_key="k", metadata={}, temperature=0, top_p=0.5, instructions="Be brief."),
    body_of(user="u", background=True, tools=None, input=[], previous_response_id=None),
    {"model": "m", "previous_response_id": "resp_1"},
    {"model": "m", "prompt": {"id": "pmpt_1"}, "conversation": {"id": "conv_1"}},
]


@pytest.mark.parametrize("body", WRITTEN, ids=lambda body: json.dumps(body)[:60])
def test_a_request_is_written_as_it_was_read(body: dict[str, Any]) -> None:
    assert there_and_back(body) == body


@given(st.lists(st.sampled_from([item for body in WRITTEN if isinstance(body.get("input"), list) for item in body["input"]]), max_size=8))
def test_items_keep_their_order_whatever_stands_beside_them(items: list[Any]) -> None:
    body = {"model": "m", "input": items}
    assert there_and_back(body) == body


def test_a_profile_changes_nothing_of_what_the_client_wrote() -> None:
    body = body_of(temperature=1.5, reasoning={"effort": "max"}, max_output_tokens=10**6)
    assert encode(decode(body), Profile(sampling=False, max_output=5)) == (body, {})


def test_a_bare_string_is_what_the_user_says() -> None:
    (message,) = decode(body_of()).messages
    assert (message.role, message.parts, message.flat) == (Role.USER, (Text("hi"),), True)


def test_what_the_assistant_says_in_a_row_is_one_message() -> None:
    messages = decode(body_of(EASY, thought("hmm"), said("so"), call("a"), call("b"), output("a"), output("b"), said("done"))).messages
    assert [message.role for message in messages] == [Role.USER, Role.ASSISTANT, Role.TOOL, Role.TOOL, Role.ASSISTANT]
    assert [type(part) for part in messages[1].parts] == [Reasoning, Text, ToolCall, ToolCall]


def test_two_messages_of_the_assistant_stay_two() -> None:
    messages = decode(body_of(said("one"), thought("hmm"), said("two"), call())).messages
    assert [[type(part) for part in message.parts] for message in messages] == [[Text], [Reasoning, Text, ToolCall]]


def test_reasoning_is_its_summary_and_its_seal() -> None:
    reasoning = decode(body_of(thought("one", "two", encrypted_content="x"))).messages[0].parts[0]
    assert isinstance(reasoning, Reasoning)
    assert reasoning.text == "one\n\ntwo"
    assert reasoning.proofs == (Proof("openai-responses", "x", ProofKind.SEALED),)


def test_open_models_think_in_the_content() -> None:
    item = {**thought(), "content": [{"type": "reasoning_text", "text": "hm"}, {"type": "reasoning_text", "text": "m"}]}
    assert decode(body_of(item)).messages[0].parts[0].text == "hmm"  # type: ignore[union-attr]


def test_media_are_read_from_every_place_they_come_from() -> None:
    parts = decode(body_of({"role": "user", "content": PARTS})).messages[0].parts
    found = [(part.kind, part.source) for part in parts if isinstance(part, Media)]
    assert found == [
        (MediaKind.IMAGE, Inline("image/png", "AAAA")),
        (MediaKind.IMAGE, FileRef("openai", "file-1")),
        (MediaKind.DOCUMENT, Inline("application/pdf", "JVBERi0x")),
        (MediaKind.DOCUMENT, Inline("application/pdf", "JVBERi0x")),
        (MediaKind.DOCUMENT, Link("https://example.test/a.pdf")),
        (MediaKind.AUDIO, Inline("audio/wav", "AAAA")),
    ]


def test_a_namespace_becomes_the_beginning_of_its_tools_names() -> None:
    tools = decode(body_of(tools=[NAMESPACE])).tools
    assert tools is not None
    assert [(found.name, found.kind) for found in tools if isinstance(found, Tool)] == [
        ("crm__f", ToolKind.FUNCTION),
        ("crm__exec", ToolKind.CUSTOM),
    ]


def test_a_call_is_named_as_its_tool_is() -> None:
    found = decode(body_of(call(name="f", namespace="crm"), call("b", "get_rate", namespace="get_rate"))).messages[0].parts
    assert [part.name for part in found if isinstance(part, ToolCall)] == ["crm__f", "get_rate"]


def test_tools_declared_in_the_input_are_the_requests_own() -> None:
    request = decode(body_of({"type": "additional_tools", "role": "developer", "tools": [NAMESPACE]}, EASY, tools=[FUNCTION]))
    assert [found.name for found in request.tools or () if isinstance(found, Tool)] == ["f", "crm__f", "crm__exec"]
    assert request.messages[0].parts == ()


@pytest.mark.parametrize(
    ("choice", "mode", "names", "subset"),
    [
        ("required", ChoiceMode.REQUIRED, (), False),
        ({"type": "function", "name": "f"}, ChoiceMode.REQUIRED, ("f",), False),
        ({"type": "custom", "name": "exec"}, ChoiceMode.REQUIRED, ("crm__exec",), False),
        (
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}, {"type": "mcp"}]},
            ChoiceMode.AUTO,
            ("f",),
            True,
        ),
    ],
)
def test_a_choice_is_read_in_all_its_forms(choice: Any, mode: ChoiceMode, names: tuple[str, ...], subset: bool) -> None:
    found = decode(body_of(tools=[FUNCTION, {**NAMESPACE, "tools": [CUSTOM]}], tool_choice=choice)).tool_choice
    assert found is not None
    assert (found.mode, found.names, found.subset) == (mode, names, subset)


def test_settings_are_read() -> None:
    schema = {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}
    request = decode(
        body_of(
            instructions="Be brief.", max_output_tokens=50, temperature=1, top_p=0.5, safety_identifier="s", prompt_cache_key="k",
            reasoning={"effort": "low", "summary": "auto"}, text={"format": schema},
        )
    )  # fmt: skip
    assert (request.instructions, request.max_tokens, request.user, request.cache_key) == ((Text("Be brief."),), 50, "s", "k")
    assert (request.sampling.temperature, request.sampling.top_p) == (1, 0.5)
    assert request.thinking == Thinking(effort="low", display="auto", extras={"openai-responses": {}})
    assert request.output is not None
    assert (request.output.kind, request.output.name, request.output.schema) == (OutputKind.JSON_SCHEMA, "n", {"type": "object"})


def test_how_to_tell_of_thinking_is_no_wish_to_think() -> None:
    assert decode(body_of(reasoning={"summary": "auto"})).thinking is None


@pytest.mark.parametrize(
    ("members", "path"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"input": [EASY, {"type": "item_reference", "id": "msg_1"}]}, "input[1].id"),
    ],
)
def test_what_only_the_vendor_keeps_is_refused_elsewhere(members: dict[str, Any], path: str) -> None:
    request = decode(body_of(**members))
    with pytest.raises(BadRequest) as caught:
        Losses().add_foreign(request.extras, "another", "")
    assert caught.value.param == path
    assert encode(request)[0] == body_of(**members)


def test_what_says_nothing_to_a_model_is_no_loss_elsewhere() -> None:
    items = [said("a"), call(id="fc_1", status="completed", internal_chat_message_metadata_passthrough={"turn_id": "t"}), output(id="o")]
    request = decode(body_of(*items, store=False, include=["reasoning.encrypted_content"]))
    losses = Losses()
    losses.add_foreign(request.extras, "another", "")
    for message in request.messages:
        losses.add_foreign(message.extras, "another", "m")
        for part in message.parts:
            if not isinstance(part, Opaque):
                losses.add_foreign(part.extras, "another", "p")
    assert not list(losses)


REFUSED: list[tuple[Any, str]] = [
    ({"input": "hi"}, "model"),
    (body_of(model=""), "model"),
    ({"model": "m"}, "input"),
    (body_of(input=5), "input"),
    (body_of({"content": "hi"}), "input[0].role"),
    (body_of({"role": "user"}), "input[0].content"),
    (body_of({"role": "critic", "content": "hi"}), "input[0].role"),
    (body_of({"role": "user", "content": [{"type": "input_text"}]}), "input[0].content[0].text"),
    (body_of({"role": "user", "content": [{"text": "hi"}]}), "input[0].content[0].type"),
    (body_of({"role": "user", "content": [{"type": "input_image"}]}), "input[0].content[0]"),
    (body_of({"role": "user", "content": [{"type": "input_file", "filename": "a"}]}), "input[0].content[0]"),
    (body_of(EASY, {"type": "function_call", "call_id": "c", "name": "f"}), "input[1].arguments"),
    (body_of({"type": "function_call_output", "output": "x"}), "input[0].call_id"),
    (body_of({"type": 5}), "input[0].type"),
    (body_of(tools=[{"name": "f"}]), "tools[0].type"),
    (body_of(tools=[{"type": "function"}]), "tools[0].name"),
    (body_of({"type": "additional_tools", "tools": [{"type": "function"}]}), "input[0].tools[0].name"),
    (body_of(tool_choice="maybe"), "tool_choice"),
    (body_of(tool_choice={"type": "function"}), "tool_choice"),
    (body_of(max_output_tokens="5"), "max_output_tokens"),
    (body_of(instructions=["a"]), "instructions"),
    (body_of(text={"format": {"type": "json_schema", "name": "n"}}), "text.format.schema"),
    (body_of(reasoning="low"), "reasoning"),
]


@pytest.mark.parametrize(("body", "path"), REFUSED, ids=lambda value: json.dumps(value)[:60])
def test_a_bad_request_is_refused_with_the_place(body: Any, path: str) -> None:
    with pytest.raises(BadRequest) as caught:
        decode(body)
    assert caught.value.param == path


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"5", b'{"model": NaN}', b"\xff"])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        FORMAT.decode_request(HTTPCall("POST", "/responses", body), Losses())


def test_counting_sends_what_the_counter_takes() -> None:
    assert FORMAT.encode_count_request is not None
    request = decode(body_of(EASY, instructions="i", stream=True, store=False, max_output_tokens=5, tools=[FUNCTION]))
    sent = FORMAT.encode_count_request(request, Profile(), Losses())
    assert sent.path == "/responses/input_tokens"
    assert json.loads(sent.body) == body_of(EASY, instructions="i", tools=[FUNCTION])
