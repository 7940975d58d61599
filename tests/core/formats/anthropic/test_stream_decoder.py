import contextlib
import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.citations import Citation
from ccproxy_cli.core.errors import BadUpstream, ErrorKind, UpstreamError
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
from ccproxy_cli.core.formats.anthropic import FORMAT, StreamDecoder
from ccproxy_cli.core.hosted import Found, HostedKind, HostedStep
from ccproxy_cli.core.parts import Opaque, Part, Proof, ProofKind, Reasoning, Text, ToolCall
from ccproxy_cli.core.response import Finish, FinishReason, Response, Usage
from ccproxy_cli.core.stream import Fold, fold
from tests.core.formats.anthropic.asking import FOREIGN, Place, at, places
from tests.strategies import JSON_VALUES

START: dict[str, Any] = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-x",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 5, "cache_read_input_tokens": 2, "output_tokens": 1, "service_tier": "standard"},
    },
}
FINISH: dict[str, Any] = {
    "type": "message_delta",
    "delta": {"stop_reason": "end_turn", "stop_sequence": None},
    "usage": {"output_tokens": 9},
}
STOP = {"type": "message_stop"}


def opened(block: dict[str, Any], index: int = 0) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(kind: str, index: int = 0, **members: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **members}}


def closed(index: int = 0) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def sse(*events: dict[str, Any]) -> bytes:
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n".encode() for event in events)


def read(*events: dict[str, Any]) -> list[Event]:
    decoder = StreamDecoder()
    found = [*decoder.feed(sse(*events)), *decoder.close()]
    assert decoder.done
    return found


def answer(*blocks: dict[str, Any]) -> Response:
    return fold(read(START, *blocks, FINISH, STOP))


def body(*content: dict[str, Any]) -> Response:
    """The same answer as it comes when it does not stream."""
    message = {
        **START["message"],
        "content": list(content),
        "stop_reason": "end_turn",
        "usage": {**START["message"]["usage"], "output_tokens": 9},
    }
    return FORMAT.decode_response(json.dumps(message).encode())


BLOCKS: list[tuple[str, list[dict[str, Any]], dict[str, Any], Part]] = [
    (
        "text",
        [opened({"type": "text", "text": ""}), delta("text_delta", text="He"), delta("text_delta", text="llo 🙂"), closed()],
        {"type": "text", "text": "Hello 🙂"},
        Text("Hello 🙂"),
    ),
    ("no text", [opened({"type": "text", "text": ""}), closed()], {"type": "text", "text": ""}, Text("")),
    ("text at once", [opened({"type": "text", "text": "Hi"}), closed()], {"type": "text", "text": "Hi"}, Text("Hi")),
    (
        "cited",
        [
            opened({"type": "text", "text": "", "citations": []}),
            delta("citations_delta", citation={"n": 1, "cited_text": "b"}),
            delta("text_delta", text="a"),
            delta("citations_delta", citation={"n": 2}),
            closed(),
        ],
        {"type": "text", "text": "a", "citations": [{"n": 1, "cited_text": "b"}, {"n": 2}]},
        Text(
            "a",
            extras={"anthropic": {"citations": [{"n": 1, "cited_text": "b"}, {"n": 2}]}},
            citations=(Citation(quote="b"), Citation()),
        ),
    ),
    (
        "thinking",
        [
            opened({"type": "thinking", "thinking": "", "signature": ""}),
            delta("thinking_delta", thinking="hm"),
            delta("signature_delta", signature="sig"),
            closed(),
        ],
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        Reasoning("hm", (Proof("anthropic", "sig"),)),
    ),
    (
        "thinking unseen",
        [opened({"type": "thinking", "thinking": ""}), delta("signature_delta", signature="sig"), closed()],
        {"type": "thinking", "thinking": "", "signature": "sig"},
        Reasoning("", (Proof("anthropic", "sig"),)),
    ),
    (
        "redacted",
        [opened({"type": "redacted_thinking", "data": "d"}), closed()],
        {"type": "redacted_thinking", "data": "d"},
        Reasoning("", (Proof("anthropic", "d", ProofKind.SEALED),)),
    ),
    (
        "call",
        [
            opened({"type": "tool_use", "id": "t", "name": "n", "input": {}}),
            delta("input_json_delta", partial_json=""),
            delta("input_json_delta", partial_json='{"a"'),
            delta("input_json_delta", partial_json=":1}"),
            closed(),
        ],
        {"type": "tool_use", "id": "t", "name": "n", "input": {"a": 1}},
        ToolCall("t", "n", '{"a":1}'),
    ),
    (
        "call without deltas",
        [opened({"type": "tool_use", "id": "t", "name": "n", "input": {}}), closed()],
        {"type": "tool_use", "id": "t", "name": "n", "input": {}},
        ToolCall("t", "n", "{}"),
    ),
    (
        "call at once",
        [opened({"type": "tool_use", "id": "t", "name": "n", "input": {"a": 1}, "caller": {"type": "direct"}}), closed()],
        {"type": "tool_use", "id": "t", "name": "n", "input": {"a": 1}, "caller": {"type": "direct"}},
        ToolCall("t", "n", '{"a":1}', extras={"anthropic": {"caller": {"type": "direct"}}}),
    ),
    (
        "call whose deltas count more than its start",
        [
            opened({"type": "tool_use", "id": "t", "name": "n", "input": {"a": 0}}),
            delta("input_json_delta", partial_json='{"a":1}'),
            closed(),
        ],
        {"type": "tool_use", "id": "t", "name": "n", "input": {"a": 1}},
        ToolCall("t", "n", '{"a":1}'),
    ),
    (
        "hosted call",
        [
            opened({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}),
            delta("input_json_delta", partial_json='{"query":'),
            delta("input_json_delta", partial_json='"q"}'),
            closed(),
        ],
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
        Opaque(
            "anthropic",
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
            HostedStep(HostedKind.WEB_SEARCH, "s", ("q",)),
        ),
    ),
    (
        "hosted call at once",
        [opened({"type": "server_tool_use", "id": "s", "name": "x", "input": {"q": 1}}), closed()],
        {"type": "server_tool_use", "id": "s", "name": "x", "input": {"q": 1}},
        Opaque("anthropic", {"type": "server_tool_use", "id": "s", "name": "x", "input": {"q": 1}}),
    ),
    (
        "hosted result",
        [opened({"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"x": 1}]}), closed()],
        {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"x": 1}]},
        Opaque(
            "anthropic",
            {"type": "web_search_tool_result", "tool_use_id": "s", "content": [{"x": 1}]},
            HostedStep(HostedKind.WEB_SEARCH, "s", found=Found()),
        ),
    ),
    (
        "compaction",
        [opened({"type": "compaction", "content": None}), delta("compaction_delta", content="short", encrypted_content="e"), closed()],
        {"type": "compaction", "content": "short", "encrypted_content": "e"},
        Opaque("anthropic", {"type": "compaction", "content": "short", "encrypted_content": "e"}),
    ),
]


@pytest.mark.parametrize(("events", "block", "part"), [case[1:] for case in BLOCKS], ids=[case[0] for case in BLOCKS])
def test_a_streamed_block_is_the_same_part_as_the_whole_one(events: list[dict[str, Any]], block: dict[str, Any], part: Part) -> None:
    assert answer(*events).parts == (part,)
    assert answer(*events) == body(block)


@given(st.lists(st.sampled_from(BLOCKS), max_size=5), st.lists(st.integers(0, 10**6), max_size=5))
def test_any_blocks_however_cut_are_the_body(cases: list[Any], cuts: list[int]) -> None:
    events = [{**event, "index": number} for number, case in enumerate(cases) for event in case[1]]
    data = sse(START, {"type": "ping"}, *events, FINISH, STOP)
    decoder = StreamDecoder()
    found: list[Event] = []
    marks = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
    for start, end in itertools.pairwise(marks):
        found += decoder.feed(data[start:end])
    assert fold([*found, *decoder.close()]) == body(*(case[2] for case in cases))


def test_the_events_of_a_stream_in_full() -> None:
    events = read(START, {"type": "ping"}, *BLOCKS[4][1], {"type": "news", "n": 1}, FINISH, STOP)
    assert events == [
        ResponseStart(
            "msg_1",
            "claude-x",
            usage=Usage(5, 2, None, 1, extras={"anthropic": {"service_tier": "standard"}}),
            extras={"anthropic": {"type": "message", "role": "assistant"}},
        ),
        Ping(),
        PartStart(0, Reasoning()),
        TextDelta(0, "hm"),
        ProofDelta(0, Proof("anthropic", "sig")),
        PartEnd(0),
        OpaqueEvent("anthropic", {"type": "news", "n": 1}),
        ResponseEnd(
            Finish(FinishReason.STOP, "end_turn"),
            Usage(5, 2, None, 9, extras={"anthropic": {"service_tier": "standard"}}),
            service_tier="default",
        ),
    ]


def test_a_step_only_this_format_knows_is_passed_on_while_it_happens() -> None:
    citation = {"type": "citations_delta", "citation": {"n": 1, "cited_text": "b"}}
    assert OpaqueDelta(0, "anthropic", citation) in read(START, *BLOCKS[3][1], FINISH, STOP)
    assert OpaqueDelta(0, "anthropic", {"type": "mood_delta", "mood": 1}) in read(
        START, opened({"type": "text", "text": ""}), delta("mood_delta", mood=1), closed(), FINISH, STOP
    )


def test_counts_replace_what_was_said_before_and_nulls_say_nothing() -> None:
    finish = {
        **FINISH,
        "usage": {"input_tokens": 7, "cache_read_input_tokens": None, "output_tokens": 9, "output_tokens_details": {"thinking_tokens": 4}},
    }
    usage = fold(read(START, finish, STOP)).usage
    assert (usage.input, usage.cache_read, usage.output, usage.reasoning) == (7, 2, 9, 4)


def test_what_the_last_delta_says_rides_along() -> None:
    finish = {**FINISH, "delta": {**FINISH["delta"], "stop_details": {"x": 1}}, "context_management": {"applied_edits": []}}
    extras = fold(read(START, finish, STOP)).extras["anthropic"]
    assert extras == {"type": "message", "role": "assistant", "stop_details": {"x": 1}, "context_management": {"applied_edits": []}}


def test_what_comes_after_the_end_does_not_count() -> None:
    data = sse(START, FINISH, STOP)
    decoder = StreamDecoder()
    whole = decoder.feed(data + sse(START) + b"data: {broken\n\n")
    assert decoder.feed(b"data: {broken\n\n") == []
    assert decoder.feed_event({"type": "ping"}) == []
    assert decoder.close() == []
    assert whole == read(START, FINISH, STOP)


def test_an_error_ends_the_stream() -> None:
    events = read(START, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, STOP)
    assert isinstance(events[-1], StreamError)
    assert events[-1].error.kind is ErrorKind.OVERLOADED
    with pytest.raises(UpstreamError, match="Overloaded"):
        fold(events)


def test_an_answer_whose_reason_to_stop_has_come_is_complete() -> None:
    assert read(START, *BLOCKS[0][1], FINISH) == read(START, *BLOCKS[0][1], FINISH, STOP)
    decoder = StreamDecoder()
    events = decoder.feed(sse(START, FINISH, STOP).rstrip(b"\n"))
    assert fold([*events, *decoder.close()]).finish.reason is FinishReason.STOP


def test_a_block_nobody_closed_is_closed_at_the_end() -> None:
    assert answer(*BLOCKS[8][1][:-1]).parts == (ToolCall("t", "n", "{}"),)


def test_events_need_no_event_line() -> None:
    decoder = StreamDecoder()
    data = b"".join(b"data:" + json.dumps(event).encode() + b"\r\n\r\n" for event in (START, FINISH, STOP))
    assert decoder.feed(data) == read(START, FINISH, STOP)


@pytest.mark.parametrize(
    "events",
    [
        [],
        [START],
        [START, *BLOCKS[0][1]],
        [START, {**FINISH, "delta": {}}],
        [START, STOP],
        [START, START],
        [opened({"type": "text", "text": ""})],
        [START, opened({"type": "text"})],
        [START, opened({"type": "text", "text": 5})],
        [START, opened({"type": "text", "text": ""}), opened({"type": "text", "text": ""})],
        [START, opened({"text": ""})],
        [START, {"type": "content_block_start", "index": "0", "content_block": {"type": "text", "text": ""}}],
        [START, {"type": "content_block_start", "index": 0}],
        [START, delta("text_delta", text="a")],
        [START, closed()],
        [START, opened({"type": "text", "text": ""}), delta("text_delta")],
        [START, opened({"type": "text", "text": ""}), delta("text_delta", text=5)],
        [START, opened({"type": "text", "text": ""}), delta("thinking_delta", thinking="a")],
        [START, opened({"type": "tool_use", "id": "t", "name": "n", "input": {}}), delta("text_delta", text="a")],
        [START, opened({"type": "tool_use", "id": "t", "name": "n", "input": "x"})],
        [START, opened({"type": "text", "text": ""}), delta("signature_delta", signature="a")],
        [START, opened({"type": "thinking", "thinking": "", "signature": ""}), delta("signature_delta", signature=5)],
        [{"type": "message_start"}],
        [{"type": "message_start", "message": {"id": 5}}],
        [START, {"type": "message_delta"}],
        [START, {"type": "message_delta", "delta": [], "usage": {}}],
        [START, {**FINISH, "usage": {"output_tokens": "9"}}, STOP],
        [START, {**FINISH, "delta": {"stop_reason": 5}}, STOP],
        [START, {"type": 5}],
    ],
)
def test_what_breaks_the_format_is_the_upstreams_fault(events: list[dict[str, Any]]) -> None:
    with pytest.raises(BadUpstream):
        fold(read(*events))


@pytest.mark.parametrize(
    "data", [b"data: {\n\n", b"data: 5\n\n", b"data: null\n\n", b"data: []\n\n", b"data: {}\n\n", b"data: \xff\n\n", b"<html>"]
)
def test_what_is_no_event_is_the_upstreams_fault(data: bytes) -> None:
    decoder = StreamDecoder()
    with pytest.raises(BadUpstream):
        fold([*decoder.feed(data), *decoder.close()])


FUZZED = [START, *BLOCKS[3][1], *({**event, "index": 1} for event in (*BLOCKS[7][1], *BLOCKS[4][1], *BLOCKS[11][1])), FINISH, STOP]


@given(st.sampled_from(places(FUZZED)[1:]), JSON_VALUES)
def test_any_value_anywhere_is_read_or_the_upstreams_fault(path: Place, value: object) -> None:
    events = json.loads(json.dumps(FUZZED))
    at(events, path[:-1])[path[-1]] = value
    decoder, folding, encoder = StreamDecoder(), Fold(), FORMAT.stream_encoder(FOREIGN)
    with contextlib.suppress(BadUpstream):
        for event in events:
            for step in decoder.feed_event(event):
                folding.feed(step)
                encoder.encode(step)
        decoder.close()
