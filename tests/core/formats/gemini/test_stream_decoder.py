"""The vendor's chunks to events."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.errors import BadUpstream, ErrorKind, UpstreamError
from ccproxy_cli.core.events import OpaqueEvent, PartEnd, PartStart, ResponseEnd, ResponseStart, StreamError, TextDelta
from ccproxy_cli.core.formats.gemini import FORMAT
from ccproxy_cli.core.hosted import HostedKind, HostedStep
from ccproxy_cli.core.parts import Inline, Media, Opaque, Proof, Reasoning, Text, ToolCall
from ccproxy_cli.core.response import FinishReason
from ccproxy_cli.core.stream import fold
from tests.core.formats.gemini.asking import FOREIGN, chunk_of, events_of, folded, sse
from tests.strategies import JSON_VALUES

USAGE = {"promptTokenCount": 5, "candidatesTokenCount": 1, "totalTokenCount": 6}
STREAM = [
    chunk_of({"text": "let me ", "thought": True}, usageMetadata={"promptTokenCount": 5, "totalTokenCount": 5}),
    chunk_of({"text": "think", "thought": True}),
    chunk_of({"text": "Hé"}),
    chunk_of({"text": "llo\u2028 "}, {"text": "you"}),
    chunk_of({"functionCall": {"name": "f", "args": {"a": '"{[\\'}}, "thoughtSignature": "c2ln"}),
    chunk_of({"text": "", "thoughtSignature": "c2ln"}, finish="STOP", usageMetadata=USAGE),
]
FRAMINGS = {
    "CRLF": sse(*STREAM),
    "LF": sse(*STREAM, end="\n"),
    "CR": sse(*STREAM, end="\r"),
    "array": json.dumps(STREAM, ensure_ascii=False, indent=1).encode(),
    "array as the vendor writes it": b"[" + b"\r\n,\r\n".join(json.dumps(chunk).encode() for chunk in STREAM) + b"]",
}


def test_parts_begin_and_end_where_kinds_change() -> None:
    response = folded(*STREAM)
    thought, words, call, last = response.parts
    assert thought == Reasoning("let me think")
    assert words == Text("Héllo\u2028 you")
    assert isinstance(call, ToolCall)
    assert (call.name, json.loads(call.arguments), call.proofs) == ("f", {"a": '"{[\\'}, (Proof("gemini", "c2ln"),))
    assert isinstance(last, Text)
    assert (last.text, last.proofs) == ("", (Proof("gemini", "c2ln"),))
    assert (response.id, response.model, response.finish.reason) == ("r1", "gemini-x", FinishReason.TOOL_CALLS)
    assert (response.usage.input, response.usage.output) == (5, 1)


@pytest.mark.parametrize("data", FRAMINGS.values(), ids=FRAMINGS)
@given(st.lists(st.integers(0, 10**6), max_size=6))
def test_framing_and_cuts_change_nothing(data: bytes, cuts: list[int]) -> None:
    whole = events_of(FRAMINGS["CRLF"])
    assert events_of(data, cuts) == whole


@pytest.mark.parametrize("data", FRAMINGS.values(), ids=FRAMINGS)
def test_bytes_may_come_one_by_one(data: bytes) -> None:
    assert events_of(data, range(len(data))) == events_of(FRAMINGS["CRLF"])
    assert events_of(b"\xef\xbb\xbf" + data, range(9)) == events_of(FRAMINGS["CRLF"])


@pytest.mark.parametrize("data", FRAMINGS.values(), ids=FRAMINGS)
@given(st.integers(0, 10**6))
def test_half_a_stream_is_never_a_whole_answer(data: bytes, cut: int) -> None:
    try:
        response = fold(events_of(data[: cut % len(data)]))
    except BadUpstream:
        return
    assert response == fold(events_of(data))


def test_words_go_out_as_they_come() -> None:
    decoder = FORMAT.stream_decoder()
    first = decoder.feed(sse(chunk_of({"text": "a"}, usageMetadata=USAGE)))
    assert [type(event) for event in first] == [ResponseStart, PartStart, TextDelta]
    assert isinstance(first[0], ResponseStart)
    assert first[0].usage.input == 5
    assert decoder.feed(sse(chunk_of({"text": "b"}))) == [TextDelta(0, "b")]
    assert decoder.feed(sse(chunk_of({"text": ""}, finish="STOP"))) == []
    assert not decoder.done
    assert [type(event) for event in decoder.close()] == [PartEnd, ResponseEnd]
    assert decoder.done


def test_words_with_a_signature_are_a_part_of_their_own() -> None:
    response = folded(chunk_of({"text": "a"}), chunk_of({"text": "b", "thoughtSignature": "c2ln"}), chunk_of({"text": "c"}, finish="STOP"))
    assert [(part.text, len(part.proofs)) for part in response.parts if isinstance(part, Text)] == [("a", 0), ("b", 1), ("c", 0)]


def test_the_last_word_on_finish_and_counts_counts() -> None:
    response = folded(
        chunk_of({"text": "a"}, finish="STOP", usageMetadata=USAGE),
        chunk_of({"text": "b"}, finish="MAX_TOKENS", usageMetadata={**USAGE, "candidatesTokenCount": 9}),
        {"usageMetadata": {**USAGE, "candidatesTokenCount": 10}},
    )
    assert response.parts == (Text("ab"),)
    assert (response.finish.reason, response.usage.output) == (FinishReason.LENGTH, 10)


def test_what_rides_along_is_gathered() -> None:
    def cited(start: int, **members: Any) -> dict[str, Any]:
        chunk = chunk_of({"text": "a"}, finish="STOP", createTime="t")
        chunk["candidates"][0] |= {"citationMetadata": {"citations": [{"startIndex": start}]}, "groundingMetadata": members}
        return chunk

    body = json.loads(FORMAT.encode_response(folded(cited(1), cited(2, a=1)), FOREIGN))
    assert body["createTime"] == "t"
    assert body["candidates"][0]["citationMetadata"] == {"citations": [{"startIndex": 1}, {"startIndex": 2}]}
    assert body["candidates"][0]["groundingMetadata"] == {"a": 1}


def test_parts_of_other_kinds_come_whole() -> None:
    picture, code = {"inlineData": {"mimeType": "image/png", "data": "iVBO"}}, {"executableCode": {"code": "1"}}
    media, opaque = folded(chunk_of(picture, code, finish="STOP")).parts
    assert isinstance(media, Media)
    assert media.source == Inline("image/png", "iVBO")
    assert opaque == Opaque("gemini", code, HostedStep(HostedKind.CODE_EXECUTION, asked=("1",)))


def test_an_answer_without_content_is_empty() -> None:
    response = folded({"candidates": [{"finishReason": "MAX_TOKENS"}], "usageMetadata": {"promptTokenCount": 3, "thoughtsTokenCount": 7}})
    assert (response.parts, response.finish.reason, response.usage.output) == ((), FinishReason.LENGTH, 7)


def test_a_blocked_prompt_is_a_refusal() -> None:
    response = folded({"promptFeedback": {"blockReason": "SAFETY"}})
    assert (response.parts, response.finish.reason) == ((), FinishReason.REFUSAL)


def test_other_candidates_are_kept_apart() -> None:
    second = {"index": 1, "content": {"parts": [{"text": "other"}], "role": "model"}}
    chunk = chunk_of({"text": "a"}, finish="STOP")
    chunk["candidates"].append(second)
    events = events_of(sse(chunk))
    assert OpaqueEvent("gemini", {"candidates": [second]}) in events
    assert fold(events).parts == (Text("a"),)


# Arguments in pieces


def piece(*pieces: dict[str, Any], more: bool = True, **members: Any) -> dict[str, Any]:
    call: dict[str, Any] = {**members, **({"partialArgs": list(pieces)} if pieces else {}), **({"willContinue": True} if more else {})}
    return chunk_of({"functionCall": call})


def test_arguments_may_come_in_pieces() -> None:
    response = folded(
        piece(name="f", id="1"),
        piece({"jsonPath": "$.city", "stringValue": "New ", "willContinue": True}),
        piece({"jsonPath": "$.city", "stringValue": "Delhi"}, {"jsonPath": "$.days[1].n", "numberValue": 2}),
        piece({"jsonPath": "$['a b']", "boolValue": True}, {"jsonPath": "$.days[0]", "nullValue": "NULL_VALUE"}),
        piece(more=False),
        piece({"jsonPath": "$.x", "numberValue": 1}, name="g", more=False),
        chunk_of({"text": "done"}, finish="STOP"),
    )
    first, second, words = response.parts
    assert isinstance(first, ToolCall)
    assert isinstance(second, ToolCall)
    assert (first.call_id, json.loads(first.arguments)) == ("1", {"city": "New Delhi", "days": [None, {"n": 2}], "a b": True})
    assert (second.name, json.loads(second.arguments)) == ("g", {"x": 1})
    assert words == Text("done")
    assert response.finish.reason is FinishReason.TOOL_CALLS


def test_pieces_end_with_the_answer() -> None:
    (call,) = folded(piece({"jsonPath": "$.a", "numberValue": 1}, name="f"), chunk_of(finish="STOP")).parts
    assert isinstance(call, ToolCall)
    assert json.loads(call.arguments) == {"a": 1}


@pytest.mark.parametrize(
    "pieces",
    [
        3,
        [3],
        [{"stringValue": "x"}],
        *([{"jsonPath": path, "stringValue": "x"}] for path in ("", "$", "$[0]", "$.a[", "$.a[0", "$.a.b.", "$.l[999999999]")),
    ],
)
def test_pieces_that_fit_nowhere_are_the_upstreams_fault(pieces: Any) -> None:
    with pytest.raises(BadUpstream):
        folded(chunk_of({"functionCall": {"name": "f", "partialArgs": pieces, "willContinue": True}}), chunk_of(finish="STOP"))


@pytest.mark.parametrize(
    "chunks",
    [
        [piece({"jsonPath": "$.a", "numberValue": 1})],
        [piece({"jsonPath": "$.a", "numberValue": 1}, name="f"), piece({"jsonPath": "$.a.b", "numberValue": 1})],
        [piece({"jsonPath": "$.a[0]", "numberValue": 1}, name="f"), piece({"jsonPath": "$.a.b", "numberValue": 1})],
    ],
)
def test_pieces_that_contradict_are_the_upstreams_fault(chunks: list[Any]) -> None:
    with pytest.raises(BadUpstream):
        folded(*chunks, chunk_of(finish="STOP"))


# Errors

ERROR = {"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}


@pytest.mark.parametrize(
    "data", [sse(ERROR), json.dumps(ERROR).encode(), json.dumps([ERROR], indent=1).encode(), b"\r\n" + json.dumps(ERROR).encode()]
)
def test_an_error_may_stand_where_the_answer_was_due(data: bytes) -> None:
    (event,) = events_of(data, range(len(data)))
    assert isinstance(event, StreamError)
    assert (event.error.kind, event.error.message) == (ErrorKind.OVERLOADED, "overloaded")


def test_an_error_ends_the_stream() -> None:
    events = events_of(sse(chunk_of({"text": "a"}), ERROR, chunk_of({"text": "b"}, finish="STOP")))
    assert isinstance(events[-1], StreamError)
    with pytest.raises(UpstreamError, match="overloaded"):
        fold(events)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" \r\n ",
        sse(),
        sse(chunk_of({"text": "a"})),
        sse({"usageMetadata": USAGE}),
        b"data: {\r\n\r\n",
        b"data: 3\r\n\r\n",
        b"<html>",
        b"[3]",
        json.dumps(STREAM).encode()[:-30],
        sse({"candidates": {}}),
        sse(chunk_of({"text": 3})),
        sse(chunk_of({"functionCall": {"name": "f", "args": [1]}})),
        sse(chunk_of({"functionCall": {}}, finish="STOP")),
    ],
)
def test_what_is_no_whole_answer_is_the_upstreams_fault(data: bytes) -> None:
    with pytest.raises(BadUpstream):
        fold(events_of(data))


@given(JSON_VALUES)
def test_any_chunk_is_read_or_the_upstreams_fault(value: object) -> None:
    for chunk in (value, {"candidates": value}, chunk_of(value, finish="STOP"), chunk_of({"functionCall": value}, finish="STOP")):  # type: ignore[arg-type]
        try:
            fold(events_of(sse(chunk)))
        except (BadUpstream, UpstreamError):
            continue
