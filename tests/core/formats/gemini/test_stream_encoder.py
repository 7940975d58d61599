"""Events to the vendor's chunks."""

import json
from typing import Any

import pytest
from attrs import evolve

from ccproxy_cli.core.errors import APIError, BadUpstream, ErrorKind
from ccproxy_cli.core.events import (
    Event,
    OpaqueDelta,
    OpaqueEvent,
    PartEnd,
    PartStart,
    Ping,
    ProofDelta,
    ResponseEnd,
    ResponseStart,
    StreamError,
    TextDelta,
)
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.gemini import FORMAT
from ccproxy_cli.core.parts import Inline, Media, MediaKind, Opaque, Proof, Reasoning, Refusal, Text, ToolCall
from ccproxy_cli.core.request import Request
from ccproxy_cli.core.response import Finish, FinishReason, Usage
from ccproxy_cli.core.stream import fold
from tests.core.formats.gemini.asking import STREAM_PATH, body_of, call_of, chunk_of, chunks_in, events_of, sse, streamed

START = ResponseStart("r1", "claude-x", usage=Usage(input=3))
END = ResponseEnd(Finish(FinishReason.STOP), Usage(input=3, output=2))
HEAD = {"modelVersion": "claude-x", "responseId": "r1", "usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3}}
LAST = {
    "candidates": [{"content": {"parts": [{"text": ""}], "role": "model"}, "index": 0, "finishReason": "STOP"}],
    **HEAD,
    "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 2, "totalTokenCount": 5},
}
SIGNED = Proof("gemini", "c2ln")


def part_of(*parts: dict[str, Any]) -> dict[str, Any]:
    return {**chunk_of(*parts), **HEAD}


def array_request() -> Request:
    return FORMAT.decode_request(call_of(body_of(), STREAM_PATH), Losses())


# Events of one part, and the parts that chunks carry for it.
CASES: dict[str, tuple[list[Event], list[dict[str, Any]]]] = {
    "words": ([PartStart(0, Text()), TextDelta(0, "a"), TextDelta(0, "b"), PartEnd(0)], [{"text": "a"}, {"text": "b"}]),
    "words at the start": ([PartStart(0, Text("a")), PartEnd(0)], [{"text": "a"}]),
    "thoughts": ([PartStart(0, Reasoning()), TextDelta(0, "a"), PartEnd(0)], [{"text": "a", "thought": True}]),
    "nothing": ([PartStart(0, Text()), PartEnd(0)], []),
    "a call in pieces": (
        [PartStart(0, ToolCall("c1", "f")), TextDelta(0, '{"a"'), TextDelta(0, ": 1}"), PartEnd(0)],
        [{"functionCall": {"name": "f", "id": "c1", "args": {"a": 1}}}],
    ),
    "a call without arguments": (
        [PartStart(0, ToolCall("c1", "f")), PartEnd(0)],
        [{"functionCall": {"name": "f", "id": "c1", "args": {}}}],
    ),
    "a signed call": (
        [PartStart(0, ToolCall("c1", "f", "{}")), ProofDelta(0, SIGNED), PartEnd(0)],
        [{"functionCall": {"name": "f", "id": "c1", "args": {}}, "thoughtSignature": "c2ln"}],
    ),
    "signed words": (
        [PartStart(0, Text(proofs=(SIGNED,))), TextDelta(0, "a"), TextDelta(0, "b"), PartEnd(0)],
        [{"text": "ab", "thoughtSignature": "c2ln"}],
    ),
    "a signature after the words": (
        [PartStart(0, Reasoning()), TextDelta(0, "a"), ProofDelta(0, SIGNED), PartEnd(0)],
        [{"text": "a", "thought": True}, {"text": "", "thought": True, "thoughtSignature": "c2ln"}],
    ),
    "a foreign signature": (
        [PartStart(0, Reasoning()), TextDelta(0, "a"), ProofDelta(0, Proof("anthropic", "x")), PartEnd(0)],
        [{"text": "a", "thought": True}],
    ),
    "a picture": (
        [PartStart(0, Media(MediaKind.IMAGE, Inline("image/png", "iVBO"))), PartEnd(0)],
        [{"inlineData": {"mimeType": "image/png", "data": "iVBO"}}],
    ),
    "our own opaque part": (
        [PartStart(0, Opaque("gemini", {"executableCode": {"code": "1"}})), PartEnd(0)],
        [{"executableCode": {"code": "1"}}],
    ),
    "a foreign opaque part": ([PartStart(0, Opaque("anthropic", {"type": "x"})), OpaqueDelta(0, "anthropic", {}), PartEnd(0)], []),
    "foreign events": ([OpaqueEvent("anthropic", {"type": "x"})], []),
}


@pytest.mark.parametrize(("events", "parts"), CASES.values(), ids=CASES)
def test_each_part_in_chunks(events: list[Event], parts: list[dict[str, Any]]) -> None:
    assert chunks_in(streamed([START, *events, END])) == [*(part_of(part) for part in parts), LAST]


@pytest.mark.parametrize(("events", "parts"), CASES.values(), ids=CASES)
def test_an_array_holds_the_same_chunks(events: list[Event], parts: list[dict[str, Any]]) -> None:
    request = array_request()
    encoder = FORMAT.stream_encoder(request)
    data = b"".join(encoder.encode(event) for event in [START, *events, Ping(), END])
    assert json.loads(data) == chunks_in(streamed([START, *events, END]))
    assert encoder.media_type == "application/json"  # type: ignore[attr-defined]
    assert fold(events_of(data)) == fold(events_of(streamed([START, *events, END])))


def test_a_refusal_is_words_and_a_finish_of_its_own() -> None:
    first, last = chunks_in(streamed([START, PartStart(0, Refusal()), TextDelta(0, "no"), PartEnd(0), END]))
    assert first == part_of({"text": "no"})
    assert last["candidates"][0]["finishReason"] == "SAFETY"


def test_counts_that_are_not_known_are_not_claimed() -> None:
    (chunk, _) = chunks_in(streamed([evolve(START, usage=Usage()), PartStart(0, Text("a")), PartEnd(0), END]))
    assert "usageMetadata" not in chunk


def test_a_call_that_was_cut_short_is_never_shown() -> None:
    call: list[Event] = [START, PartStart(0, ToolCall("c1", "f")), TextDelta(0, '{"a"'), PartEnd(0)]
    short = evolve(END, finish=Finish(FinishReason.LENGTH))
    (chunk,) = chunks_in(streamed([*call, short]))
    assert chunk["candidates"][0]["finishReason"] == "MAX_TOKENS"
    with pytest.raises(BadUpstream, match="'f'"):
        streamed([*call, END])


def test_errors_end_the_stream_in_its_framing() -> None:
    error = StreamError(APIError(ErrorKind.OVERLOADED, "busy"))
    words: list[Event] = [START, PartStart(0, Text("a")), PartEnd(0)]
    body = {"error": {"code": 503, "message": "busy", "status": "UNAVAILABLE"}}
    assert chunks_in(streamed([*words, error])) == [part_of({"text": "a"}), body]
    assert json.loads(streamed([*words, error], array_request())) == [part_of({"text": "a"}), body]
    assert json.loads(streamed([START, error], array_request())) == [body]


def test_a_ping_changes_nothing() -> None:
    data = sse(chunk_of({"text": "a"})) + FORMAT.ping + sse(chunk_of({"text": "b"}, finish="STOP"))
    assert fold(events_of(data)).parts == (Text("ab"),)
    assert streamed([Ping()]) == FORMAT.ping


def test_chunks_of_our_own_keep_what_rode_along() -> None:
    first = chunk_of({"text": "a"})
    last = chunk_of({"text": "b"}, finish="STOP", createTime="t", promptFeedback={"x": 1})
    last["candidates"][0] |= {"groundingMetadata": {"a": 1}, "finishMessage": "m"}
    del first["candidates"][0]["index"]
    del last["candidates"][0]["index"]
    events = events_of(sse(first, last))
    again = chunks_in(streamed(events))
    assert again[:2] == [first, chunk_of({"text": "b"}) | {"candidates": [{"content": {"parts": [{"text": "b"}], "role": "model"}}]}]
    assert again[2]["candidates"][0] == {**last["candidates"][0], "content": {"role": "model"}}
    assert again[2]["createTime"] == "t"
    assert fold(events_of(streamed(events))) == fold(events)
