"""Whole answers, both ways."""

import json
from typing import Any

import pytest
from attrs import evolve

from ccproxy_cli.core.errors import BadUpstream, ErrorKind, UpstreamError
from ccproxy_cli.core.formats.openai_responses import FORMAT
from ccproxy_cli.core.parts import Inline, Media, MediaKind, Opaque, Part, Proof, ProofKind, Reasoning, Refusal, Text, ToolCall, ToolKind
from ccproxy_cli.core.response import Finish, FinishReason, Response, Usage
from ccproxy_cli.core.stream import explode
from tests.core.formats.openai_responses.responses import (
    ASKED,
    USAGE,
    answer,
    body_of,
    call,
    decode,
    read_answer,
    said,
    thought,
    told,
    write_answer,
    written,
)

REFUSAL = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}
SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}}
CUT: dict[str, Any] = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
ANSWERS = [
    answer(said("hello")),
    answer(said("hello", phase="final_answer", metadata={"a": 1})),
    answer(thought("one", "two", encrypted_content="x"), said("a"), call(id="fc_1", status="completed", namespace="crm")),
    answer({"type": "custom_tool_call", "id": "ctc_1", "status": "completed", "call_id": "c", "name": "exec", "input": "1"}),
    answer(SEARCH, said("found"), {"type": "function_call_output", "call_id": "c", "output": "x"}),
    answer(REFUSAL),
    answer({**said("x"), "content": []}),
    answer(
        {**said("x"), "content": [*said("a")["content"], {"type": "output_text", "text": "b", "annotations": [{"type": "url_citation"}]}]}
    ),
    answer(said("half"), **CUT),
    answer(created_at=5.5, usage=None),
    answer(status="queued", usage=None),
    {"id": "r", "object": "response", "model": "m", "output": []},
    {"id": "r", "object": "response", "model": "m", "status": "queued"},
]


@pytest.mark.parametrize("value", ANSWERS, ids=lambda value: json.dumps(value.get("output"))[:50])
def test_an_answer_is_written_as_it_was_read(value: dict[str, Any]) -> None:
    assert write_answer(read_answer(value)) == value


@pytest.mark.parametrize("value", ANSWERS, ids=lambda value: json.dumps(value.get("output"))[:50])
def test_an_answer_streams_to_itself(value: dict[str, Any]) -> None:
    events = told(written(list(explode(read_answer(value)))))
    final = events[-1]["response"]
    assert final["output"] == value.get("output", [])
    assert final["usage"] == value.get("usage")
    assert events[-1]["type"] == ("response.incomplete" if value.get("status") == "incomplete" else "response.completed")


def test_an_answer_is_read() -> None:
    response = read_answer(answer(thought("hmm", encrypted_content="x"), said("a"), call("c", "f", '{"a": 1}', id="fc_1")))
    assert [type(part) for part in response.parts] == [Reasoning, Text, ToolCall]
    assert (response.id, response.model, response.created) == ("resp_1", "m", 5)
    assert response.finish == Finish(FinishReason.TOOL_CALLS, "completed")
    assert evolve(response.usage, extras={}) == Usage(input=5, cache_read=3, cache_write=2, output=7, reasoning=4)
    made = response.parts[2]
    assert isinstance(made, ToolCall)
    assert (made.call_id, made.name, made.arguments, made.item_id) == ("c", "f", '{"a": 1}', "fc_1")


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (answer(said("x")), FinishReason.STOP),
        (answer(said("x"), status="complete"), FinishReason.STOP),
        (answer(REFUSAL), FinishReason.REFUSAL),
        (answer(**CUT), FinishReason.LENGTH),
        (answer(call(), **CUT), FinishReason.LENGTH),
        (answer(status="incomplete", incomplete_details={"reason": "content_filter"}), FinishReason.FILTERED),
        (answer(status="incomplete", incomplete_details={"reason": "steered"}), FinishReason.OTHER),
        (answer(status="incomplete"), FinishReason.OTHER),
        (answer(status="queued"), FinishReason.OTHER),
    ],
)
def test_why_an_answer_ended_is_read_from_all_it_says(value: Any, reason: FinishReason) -> None:
    assert read_answer(value).finish.reason is reason


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("server_error", ErrorKind.INTERNAL),
        ("rate_limit_exceeded", ErrorKind.RATE_LIMIT),
        ("context_length_exceeded", ErrorKind.CONTEXT_OVERFLOW),
    ],
)
def test_a_failed_answer_is_an_error(code: str, kind: ErrorKind) -> None:
    with pytest.raises(UpstreamError) as caught:
        read_answer(answer(status="failed", error={"code": code, "message": "why"}))
    assert (caught.value.error.kind, caught.value.error.message) == (kind, "why")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"x"',
        b"{}",
        b'{"output": 5}',
        b'{"output": [5]}',
        b'{"output": [{"type": "function_call"}]}',
        b'{"status": "completed"}',
    ],
)
def test_what_is_no_answer_is_the_upstreams_fault(body: bytes) -> None:
    with pytest.raises(BadUpstream):
        FORMAT.decode_response(body)


# Answers of other formats


def write(*parts: Part, finish: FinishReason = FinishReason.STOP, **members: Any) -> dict[str, Any]:
    return write_answer(Response(**{"id": "msg_1", "model": "m", "parts": parts, "finish": Finish(finish), "created": 5, **members}))


def test_every_item_gets_what_official_clients_demand() -> None:
    value = write(Reasoning("hmm", (Proof("anthropic", "sig"),)), Text("a"), Refusal("no"), Text(""), ToolCall("c", "f"), Text("b"))
    ids = [item.pop("id") for item in value["output"]]
    assert [found.split("_")[0] for found in ids] == ["rs", "msg", "fc", "msg"]
    assert len(set(ids)) == 4
    part = {"type": "output_text", "annotations": [], "logprobs": []}
    assert value["output"] == [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hmm"}]},
        {
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [{**part, "text": "a"}, {"type": "refusal", "refusal": "no"}],
        },
        {"type": "function_call", "status": "completed", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "message", "status": "completed", "role": "assistant", "content": [{**part, "text": "b"}]},
    ]


def test_ids_depend_on_nothing_but_the_answer() -> None:
    assert write(Text("a")) == write(Text("a"))
    assert write(Text("a"))["id"].startswith("resp_")
    assert write(Text("a"), id="resp_x")["id"] == "resp_x"
    assert write(Text("a"), id="other")["output"][0]["id"] != write(Text("a"))["output"][0]["id"]


def test_an_empty_thought_with_a_foreign_proof_is_not_told() -> None:
    assert write(Reasoning("", (Proof("anthropic", "sig"),)))["output"] == []
    sealed = Proof("openai-responses", "x", ProofKind.SEALED)
    assert write(Reasoning("", (sealed,)))["output"][0]["encrypted_content"] == "x"


def test_an_image_comes_as_the_vendors_own_tool_would_give_it() -> None:
    value = write(Media(MediaKind.IMAGE, Inline("image/png", "AAAA")), Media(MediaKind.AUDIO, Inline("audio/wav", "AAAA")))
    assert (value["output"][0]["type"], value["output"][0]["result"]) == ("image_generation_call", "AAAA")
    assert "audio" in value["output"][1]["content"][0]["text"]


def test_what_only_another_format_knows_stays_behind() -> None:
    assert write(Opaque("anthropic", {"type": "server_tool_use"}), Text("a"))["output"][0]["type"] == "message"


@pytest.mark.parametrize(
    ("finish", "parts", "status", "reason"),
    [
        (FinishReason.STOP, (), "completed", None),
        (FinishReason.STOP_SEQUENCE, (), "completed", None),
        (FinishReason.LENGTH, (), "incomplete", "max_output_tokens"),
        (FinishReason.CONTEXT_FULL, (), "incomplete", "max_output_tokens"),
        (FinishReason.FILTERED, (), "incomplete", "content_filter"),
        (FinishReason.REFUSAL, (), "incomplete", "content_filter"),
        (FinishReason.REFUSAL, (Refusal("no"),), "completed", None),
        (FinishReason.PAUSE, (), "completed", None),
    ],
)
def test_why_it_ended_is_told(finish: FinishReason, parts: tuple[Part, ...], status: str, reason: str | None) -> None:
    value = write(*parts, finish=finish)
    assert (value["status"], value["incomplete_details"]) == (status, reason and {"reason": reason})


def test_usage_has_every_count() -> None:
    assert write(usage=Usage(input=5, cache_read=3, cache_write=2, output=7, reasoning=4))["usage"] == USAGE
    assert write(usage=Usage(input=5, output=7))["usage"]["input_tokens_details"] == {"cached_tokens": 0, "cache_write_tokens": 0}
    assert write()["usage"] is None


def test_the_request_is_told_again() -> None:
    tools = [{"type": "function", "name": "f", "parameters": {}, "strict": False}]
    said_of_it = {
        "instructions": "i", "tools": tools, "tool_choice": "required", "temperature": 0.5, "max_output_tokens": 50, "metadata": {"a": "b"},
        "parallel_tool_calls": False, "reasoning": {"effort": "low"}, "text": {"verbosity": "low"},
    }  # fmt: skip
    value = write_answer(Response("r", "m", (), Finish(FinishReason.STOP)), decode(body_of(**said_of_it)))
    expected = {**said_of_it, "reasoning": {"effort": "low", "summary": None}, "text": {"format": {"type": "text"}, "verbosity": "low"}}
    assert {name: value[name] for name in expected} == expected
    assert (value["object"], value["error"], value["store"]) == ("response", None, False)
    assert "input" not in value


NAMESPACED = body_of(
    tools=[
        {"type": "namespace", "name": "crm", "tools": [{"type": "function", "name": "f"}, {"type": "custom", "name": "exec"}]},
        {"type": "custom", "name": "plain"},
    ]
)


@pytest.mark.parametrize(
    ("made", "told_as"),
    [
        (ToolCall("c", "crm__f", "{}"), {"type": "function_call", "name": "f", "namespace": "crm", "arguments": "{}"}),
        (
            ToolCall("c", "crm__exec", '{"input": "1 + 1"}'),
            {"type": "custom_tool_call", "name": "exec", "namespace": "crm", "input": "1 + 1"},
        ),
        (ToolCall("c", "plain", '{"input": "half'), {"type": "custom_tool_call", "name": "plain", "input": '{"input": "half'}),
        (ToolCall("c", "plain", "1", ToolKind.CUSTOM), {"type": "custom_tool_call", "name": "plain", "input": "1"}),
        (ToolCall("c", "unknown", "{}"), {"type": "function_call", "name": "unknown", "arguments": "{}"}),
    ],
)
def test_a_call_is_told_as_the_client_declared_its_tool(made: ToolCall, told_as: dict[str, Any]) -> None:
    response = Response("r", "m", (made,), Finish(FinishReason.TOOL_CALLS), created=5)
    request = decode(NAMESPACED)
    item = write_answer(response, request)["output"][0]
    streamed = told(written(list(explode(response)), request))[-1]["response"]["output"][0]
    assert item == streamed
    assert {name: member for name, member in item.items() if name not in ("id", "status", "call_id")} == told_as


def test_a_call_without_an_id_gets_one() -> None:
    assert write(ToolCall("", "f"))["output"][0]["call_id"].startswith("call_")


def test_the_shell_needs_no_request_of_this_format() -> None:
    value = write_answer(Response("r", "m", (Text("a"),), Finish(FinishReason.STOP)), ASKED)
    assert (value["tools"], value["tool_choice"], value["parallel_tool_calls"], value["created_at"]) == ([], "auto", True, 0)
