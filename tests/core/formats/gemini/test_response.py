"""Complete answers, both ways."""

import json
from typing import Any

import pytest
from hypothesis import given

from ccproxy_cli.core.errors import BadUpstream, ErrorKind, UpstreamError
from ccproxy_cli.core.formats.gemini import FORMAT
from ccproxy_cli.core.parts import FileRef, Inline, Media, MediaKind, Opaque, Proof, Reasoning, Refusal, Text, ToolCall
from ccproxy_cli.core.response import Finish, FinishReason, Response, Usage
from tests.core.formats.gemini.asking import FOREIGN, chunk_of
from tests.strategies import JSON_VALUES

USAGE = {"promptTokenCount": 10, "candidatesTokenCount": 3, "thoughtsTokenCount": 4, "cachedContentTokenCount": 6, "totalTokenCount": 17}
BODIES: dict[str, dict[str, Any]] = {
    "words": chunk_of({"text": "hi"}, finish="STOP", usageMetadata=USAGE, createTime="2026-11-20T00:00:00Z"),
    "thoughts and signatures": chunk_of({"text": "hm", "thought": True}, {"text": "hi", "thoughtSignature": "c2ln"}, finish="STOP"),
    "a call": chunk_of({"functionCall": {"name": "f", "args": {"a": 1.50}}, "thoughtSignature": "c2ln"}, finish="STOP"),
    "empty parts": chunk_of({}, {"text": ""}, finish="STOP"),
    "no content": {"candidates": [{"finishReason": "MAX_TOKENS", "finishMessage": "m"}], "usageMetadata": {"promptTokenCount": 1}},
    "empty content": {"candidates": [{"content": {}, "finishReason": "SAFETY", "safetyRatings": [{"blocked": True}]}]},
    "no parts": {"candidates": [{"content": {"role": "model"}, "finishReason": "STOP"}]},
    "no finish": chunk_of({"text": "hi"}),
    "a finish as a number": chunk_of({"text": "hi"}, finish=1),  # type: ignore[arg-type]
    "grounding": {
        "candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP", "groundingMetadata": {"a": [1]}, "x": None}]
    },
    "a blocked prompt": {"promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": "g"},
    "a blocked prompt with an empty list": {"promptFeedback": {"blockReason": "SAFETY"}, "candidates": []},
    "several candidates": {"candidates": [{"index": 1, "content": {"parts": []}}, {"content": {"parts": [{"text": "a"}]}}]},
    "run code": chunk_of({"executableCode": {"code": "1"}}, {"codeExecutionResult": {"output": "1"}}, finish="STOP"),
    "a picture": chunk_of({"inlineData": {"mimeType": "image/png", "data": "iVBO"}}, finish="STOP"),
    "unknown counts": chunk_of({"text": "a"}, finish="STOP", usageMetadata={**USAGE, "trafficType": "X", "toolUsePromptTokenCount": 5}),
}


def decode(body: Any) -> Response:
    return FORMAT.decode_response(json.dumps(body).encode())


def encode(response: Response) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(FORMAT.encode_response(response, FOREIGN))
    return value


def foreign(*parts: Any, reason: FinishReason = FinishReason.STOP, **members: Any) -> Response:
    return Response("r1", "", parts, Finish(reason), **members)


@pytest.mark.parametrize("name", [name for name in BODIES if name != "several candidates"])
def test_a_body_is_written_as_it_was_read(name: str) -> None:
    assert encode(decode(BODIES[name])) == BODIES[name]


def test_of_several_candidates_the_first_is_the_answer_and_the_others_ride_along() -> None:
    body = BODIES["several candidates"]
    response = decode(body)
    assert response.parts == (Text("a"),)
    again = encode(response)
    assert sorted(again["candidates"], key=json.dumps) == sorted(body["candidates"], key=json.dumps)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (chunk_of({"text": "a"}, finish="STOP"), FinishReason.STOP),
        (chunk_of({"text": "a"}), FinishReason.STOP),
        (chunk_of({"functionCall": {"name": "f"}}, finish="STOP"), FinishReason.TOOL_CALLS),
        (chunk_of({"functionCall": {"name": "f"}}, finish="UNEXPECTED_TOOL_CALL"), FinishReason.TOOL_CALLS),
        (chunk_of({"functionCall": {"name": "f"}}, finish="MAX_TOKENS"), FinishReason.LENGTH),
        (chunk_of(finish="MAX_TOKENS"), FinishReason.LENGTH),
        (chunk_of(finish=2), FinishReason.LENGTH),  # type: ignore[arg-type]
        (chunk_of(finish="SAFETY"), FinishReason.REFUSAL),
        (chunk_of(finish="RECITATION"), FinishReason.FILTERED),
        (chunk_of(finish="PROHIBITED_CONTENT"), FinishReason.FILTERED),
        (chunk_of(finish="MALFORMED_FUNCTION_CALL"), FinishReason.OTHER),
        (chunk_of(finish="NEVER_HEARD_OF"), FinishReason.OTHER),
        ({"promptFeedback": {"blockReason": "BLOCKLIST"}}, FinishReason.REFUSAL),
    ],
)
def test_why_it_ended(body: Any, reason: FinishReason) -> None:
    assert decode(body).finish.reason is reason


def test_counts_are_disjoint_and_thoughts_are_output() -> None:
    usage = decode(chunk_of(finish="STOP", usageMetadata={**USAGE, "toolUsePromptTokenCount": 5})).usage
    assert (usage.input, usage.cache_read, usage.cache_write, usage.output, usage.reasoning) == (9, 6, None, 7, 4)
    assert usage.total_input == 10 + 5


@pytest.mark.parametrize(
    ("usage", "counts"),
    [
        (Usage(), None),
        (
            Usage(input=1, cache_read=2, cache_write=3, output=9, reasoning=4),
            {
                "promptTokenCount": 6,
                "candidatesTokenCount": 5,
                "cachedContentTokenCount": 2,
                "thoughtsTokenCount": 4,
                "totalTokenCount": 15,
            },
        ),
        (Usage(input=1, output=2), {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3}),
        (Usage(output=2, reasoning=5), {"candidatesTokenCount": 0, "thoughtsTokenCount": 2, "totalTokenCount": 2}),
    ],
)
def test_counts_of_other_vendors(usage: Usage, counts: dict[str, int] | None) -> None:
    assert encode(foreign(Text("a"), usage=usage)).get("usageMetadata") == counts


def test_calls_without_ids_get_ids_that_no_other_answer_has() -> None:
    parts = [{"functionCall": {"name": "f", "args": {}}}, {"functionCall": {"name": "f", "args": {}}}]

    def ids(body: Any) -> list[str]:
        return [part.call_id for part in decode(body).parts if isinstance(part, ToolCall)]

    first, again, second = ids(chunk_of(*parts)), ids(chunk_of(*parts)), ids(chunk_of(*parts) | {"responseId": "r2"})
    assert first == again
    assert len({*first, *second}) == 4
    assert all(call_id.startswith("call_") and len(call_id) == 29 for call_id in first)


def test_another_vendors_answer_in_this_vendors_words() -> None:
    body = encode(
        foreign(
            Reasoning("hm", (Proof("anthropic", "sig"),)),
            Reasoning("", (Proof("anthropic", "sealed"),)),
            Text(""),
            Text("hi"),
            ToolCall("c1", "f", '{"a": 1}'),
            Media(MediaKind.IMAGE, Inline("image/png", "iVBO")),
            Media(MediaKind.IMAGE, FileRef("anthropic", "file_1")),
            Opaque("anthropic", {"type": "server_tool_use"}),
            reason=FinishReason.TOOL_CALLS,
        )
    )
    assert body == {
        "candidates": [
            {
                "content": {
                    "parts": [
                        {"text": "hm", "thought": True},
                        {"text": "hi"},
                        {"functionCall": {"name": "f", "id": "c1", "args": {"a": 1}}},
                        {"inlineData": {"mimeType": "image/png", "data": "iVBO"}},
                        {"text": "[image left out: the answer's format cannot hold it]"},
                    ],
                    "role": "model",
                },
                "index": 0,
                "finishReason": "STOP",
            }
        ],
        "modelVersion": "gemini-x",
        "responseId": "r1",
    }


@pytest.mark.parametrize(
    ("response", "word"),
    [
        (foreign(Text("a"), reason=FinishReason.STOP_SEQUENCE), "STOP"),
        (foreign(Text("a"), reason=FinishReason.LENGTH), "MAX_TOKENS"),
        (foreign(Text("a"), reason=FinishReason.CONTEXT_FULL), "MAX_TOKENS"),
        (foreign(reason=FinishReason.REFUSAL), "SAFETY"),
        (foreign(Refusal("no")), "SAFETY"),
        (foreign(Text("a"), reason=FinishReason.FILTERED), "PROHIBITED_CONTENT"),
        (foreign(Text("a"), reason=FinishReason.OTHER), "OTHER"),
    ],
)
def test_the_finish_in_this_vendors_words(response: Response, word: str) -> None:
    assert encode(response)["candidates"][0]["finishReason"] == word


def test_a_call_that_was_cut_short_is_never_shown() -> None:
    call = ToolCall("c1", "f", '{"a": ')
    body = encode(foreign(Text("so"), call, reason=FinishReason.LENGTH))
    assert body["candidates"][0]["content"]["parts"] == [{"text": "so"}]
    with pytest.raises(BadUpstream, match="'f'"):
        encode(foreign(call, reason=FinishReason.TOOL_CALLS))


@pytest.mark.parametrize("wrap", [lambda error: error, lambda error: [error]], ids=["object", "list"])
def test_an_error_that_comes_as_a_success_is_an_error(wrap: Any) -> None:
    with pytest.raises(UpstreamError) as caught:
        decode(wrap({"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}}))
    assert caught.value.error.kind is ErrorKind.RATE_LIMIT


def test_a_list_of_chunks_is_the_answer_they_amount_to() -> None:
    response = decode([chunk_of({"text": "a"}), chunk_of({"text": "b"}, finish="STOP", usageMetadata=USAGE)])
    assert response.parts == (Text("ab"),)
    assert response.usage.output == 7


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b"[]", b"3", b'{"candidates": 3}', b'{"candidates": []}', b"<html>", b"[{}]"])
def test_what_is_no_answer_is_the_upstreams_fault(body: bytes) -> None:
    with pytest.raises(BadUpstream):
        FORMAT.decode_response(body)


@given(JSON_VALUES)
def test_any_json_is_read_or_the_upstreams_fault(value: object) -> None:
    for body in (value, {"candidates": value}, {"candidates": [{"content": value}]}, chunk_of(usageMetadata=value)):
        try:
            response = decode(body)
        except (BadUpstream, UpstreamError):
            continue
        encode(response)
