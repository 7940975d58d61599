import contextlib
import json
from typing import Any

import pytest
from anthropic.types import Message as SDKMessage
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.errors import BadUpstream
from ccproxy_cli.core.formats.anthropic import FORMAT
from ccproxy_cli.core.parts import Inline, Media, MediaKind, Opaque, Part, Proof, Reasoning, Refusal, Text, ToolCall, ToolKind
from ccproxy_cli.core.response import Finish, FinishReason, Response, Usage
from tests.core.formats.anthropic.asking import FOREIGN, Place, at, places
from tests.strategies import JSON_VALUES, responses

ANSWER: dict[str, Any] = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-x",
    "content": [{"type": "text", "text": "a", "citations": None}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "stop_details": None,
    "container": {"id": "c"},
    "usage": {
        "input_tokens": 5,
        "cache_creation_input_tokens": 3,
        "cache_read_input_tokens": 2,
        "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 9,
        "output_tokens_details": {"thinking_tokens": 4, "more": 1},
        "service_tier": "standard",
        "inference_geo": None,
    },
}


def read(**changes: Any) -> Response:
    return FORMAT.decode_response(json.dumps({**ANSWER, **changes}).encode())


def written(response: Response) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(FORMAT.encode_response(response, FOREIGN))
    return body


def foreign(*parts: Part, reason: FinishReason = FinishReason.STOP, raw: str | None = "stop", **more: Any) -> dict[str, Any]:
    """What an answer that came in another format is written as."""
    body = written(Response("resp-1", "gpt-x", parts, Finish(reason, raw), **more))
    SDKMessage.model_validate(body, strict=True)
    return body


def test_an_answer_is_read() -> None:
    response = read()
    assert (response.id, response.model, response.parts[0]) == ("msg_1", "claude-x", Text("a", extras={"anthropic": {"citations": None}}))
    assert response.finish == Finish(FinishReason.STOP, "end_turn")
    usage = response.usage
    assert (usage.input, usage.cache_write, usage.cache_read, usage.output, usage.reasoning) == (5, 3, 2, 9, 4)
    assert usage.total_input == 10


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"stop_reason": "tool_use", "content": [{"type": "tool_use", "id": "t", "name": "n", "input": {"a": 1}}]},
        {"stop_reason": "stop_sequence", "stop_sequence": "END"},
        {"stop_reason": "compaction", "content": [{"type": "compaction", "content": "x"}]},
        {"stop_reason": "a word of tomorrow", "content": []},
        {"stop_reason": None},
        {"usage": {"input_tokens": 1, "output_tokens": 2}},
        {"usage": {"input_tokens": 1, "output_tokens": 2, "cache_read_input_tokens": None, "output_tokens_details": None}},
        {"usage": {"input_tokens": 1, "output_tokens": 2, "output_tokens_details": {}}},
        {"context_management": {"applied_edits": []}, "content": [{"type": "text", "text": ""}]},
    ],
)
def test_an_answer_of_this_format_is_written_as_it_was(changes: dict[str, Any]) -> None:
    assert written(read(**changes)) == {**ANSWER, **changes}


@given(st.dictionaries(st.sampled_from(["zz", "beta"]), JSON_VALUES), st.dictionaries(st.sampled_from(["zz", "beta"]), JSON_VALUES))
def test_unknown_members_of_an_answer_come_back(top: dict[str, Any], usage: dict[str, Any]) -> None:
    changes = {**top, "usage": {**ANSWER["usage"], **usage}}
    assert written(read(**changes)) == {**ANSWER, **changes}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"null",
        b"[]",
        b'"hello"',
        b'{"foo":1}',
        b'{"type":"error","error":{"type":"overloaded_error","message":"x"}}',
        json.dumps({**ANSWER, "content": None}).encode(),
        json.dumps({**ANSWER, "content": [{"text": "a"}]}).encode(),
        json.dumps({**ANSWER, "content": [{"type": "text"}]}).encode(),
        json.dumps({**ANSWER, "content": [{"type": "tool_use", "id": "t", "name": "n", "input": "x"}]}).encode(),
        json.dumps({**ANSWER, "id": 5}).encode(),
        json.dumps({**ANSWER, "stop_reason": 5}).encode(),
        json.dumps({**ANSWER, "usage": {"input_tokens": "5"}}).encode(),
        b"[" * 100_000,
        json.dumps(ANSWER).encode()[:-4],
    ],
)
def test_what_is_no_answer_is_the_upstreams_fault(body: bytes) -> None:
    with pytest.raises(BadUpstream):
        FORMAT.decode_response(body)


WHOLE = {**ANSWER, "content": [*ANSWER["content"], {"type": "tool_use", "id": "t", "name": "n", "input": {"a": 1}}]}


@given(st.sampled_from(places(WHOLE)), JSON_VALUES)
def test_any_value_anywhere_is_read_or_the_upstreams_fault(path: Place, value: object) -> None:
    body = [json.loads(json.dumps(WHOLE))]
    place = (0, *path)
    at(body, place[:-1])[place[-1]] = value
    with contextlib.suppress(BadUpstream):
        written(FORMAT.decode_response(json.dumps(body[0]).encode()))


FINISHES: list[tuple[FinishReason, list[Part], str]] = [
    (FinishReason.STOP, [Text("a")], "end_turn"),
    (FinishReason.STOP, [ToolCall("t", "n", "{}")], "tool_use"),
    (FinishReason.TOOL_CALLS, [ToolCall("t", "n", "{}")], "tool_use"),
    (FinishReason.LENGTH, [ToolCall("t", "n", '{"a')], "max_tokens"),
    (FinishReason.LENGTH, [Text("a")], "max_tokens"),
    (FinishReason.CONTEXT_FULL, [Text("a")], "model_context_window_exceeded"),
    (FinishReason.STOP_SEQUENCE, [Text("a")], "stop_sequence"),
    (FinishReason.STOP, [Refusal("no")], "refusal"),
    (FinishReason.REFUSAL, [Text("no")], "refusal"),
    (FinishReason.FILTERED, [], "refusal"),
    (FinishReason.PAUSE, [Text("a")], "pause_turn"),
    (FinishReason.OTHER, [Text("a")], "end_turn"),
]


@pytest.mark.parametrize(("reason", "parts", "word"), FINISHES)
def test_a_foreign_finish_is_told_in_the_vendors_words(reason: FinishReason, parts: list[Part], word: str) -> None:
    assert foreign(*parts, reason=reason, raw="eos")["stop_reason"] == word


def test_foreign_parts_are_told_as_blocks() -> None:
    body = foreign(
        Reasoning("hm", (Proof("openai-chat", "x"),)),
        Reasoning("", (Proof("openai-responses", "x"),)),
        Text(""),
        Text("a", extras={"openai-chat": {"annotations": []}}),
        Refusal("no"),
        Opaque("openai-chat", {"type": "audio"}),
        Media(MediaKind.IMAGE, Inline("image/png", "AAAA")),
        ToolCall("call:1", "n", '{"a": 1}'),
        ToolCall("c2", "sql", "SELECT", kind=ToolKind.CUSTOM),
    )
    kinds = [block["type"] for block in body["content"]]
    assert kinds == ["thinking", "text", "text", "text", "tool_use", "tool_use"]
    assert body["content"][0] == {"type": "thinking", "thinking": "hm", "signature": ""}
    assert body["content"][4]["input"] == {"a": 1}
    assert ":" not in body["content"][4]["id"]
    assert body["content"][5]["input"] == {"input": "SELECT"}
    assert body["id"] == "resp-1"


def test_foreign_usage_claims_nothing_it_does_not_know() -> None:
    assert foreign(Text("a"))["usage"] == {"input_tokens": 0, "output_tokens": 0}
    assert foreign(Text("a"), usage=Usage(5, 0, None, 7, 3))["usage"] == {
        "input_tokens": 5,
        "cache_read_input_tokens": 0,
        "output_tokens": 7,
        "output_tokens_details": {"thinking_tokens": 3},
    }


def test_an_answer_without_an_id_gets_one_that_stays() -> None:
    response = Response("", "m", (ToolCall("", "n", "{}"), ToolCall("", "n", "{}")), Finish(FinishReason.TOOL_CALLS), created=5)
    body = written(response)
    assert body["id"].startswith("msg_")
    assert len({block["id"] for block in body["content"]}) == 2
    assert written(response) == body


@pytest.mark.parametrize("arguments", ["{", "[1]", "nonsense"])
def test_arguments_that_are_no_object_break_the_answer_unless_it_was_cut_short(arguments: str) -> None:
    with pytest.raises(BadUpstream, match="'n'"):
        foreign(ToolCall("t", "n", arguments))
    assert foreign(ToolCall("t", "n", arguments), reason=FinishReason.LENGTH)["content"][0]["input"] == {}


@given(responses())
def test_every_answer_parses_with_the_official_sdk(response: Response) -> None:
    SDKMessage.model_validate(written(response), strict=True)
