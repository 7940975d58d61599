import json
from typing import Any

from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import RawMessageStreamEvent
from hypothesis import given
from pydantic import TypeAdapter

from ccproxy_cli.core.errors import APIError, ErrorKind
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
from ccproxy_cli.core.framing import SSEDecoder
from ccproxy_cli.core.parts import Inline, Media, MediaKind, Opaque, Part, Proof, ProofKind, Reasoning, Refusal, Text, ToolCall, ToolKind
from ccproxy_cli.core.response import Finish, FinishReason, Response, Usage
from ccproxy_cli.core.stream import explode, fold, in_order
from tests.core.formats.anthropic.asking import FOREIGN
from tests.strategies import streams

SDK_EVENT: TypeAdapter[Any] = TypeAdapter(RawMessageStreamEvent)
START = ResponseStart("resp-1", "gpt-x")
END = ResponseEnd(Finish(FinishReason.STOP, "stop"), Usage(5, 0, None, 7))


def frames(*events: Event) -> list[dict[str, Any]]:
    encoder, decoder = FORMAT.stream_encoder(FOREIGN), SSEDecoder()
    found = []
    for event in events:
        for frame in decoder.feed(encoder.encode(event)):
            value = json.loads(frame.data)
            assert frame.event.decode() == value["type"]
            found.append(value)
    return found


def blocks(*events: Event) -> list[dict[str, Any]]:
    """The frames between the message's start and its end."""
    return frames(START, *events, END)[1:-2]


def part_frames(part: Part, *steps: Event) -> list[dict[str, Any]]:
    return blocks(PartStart(0, part), *steps, PartEnd(0))


def deltas(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [frame["delta"] for frame in found if frame["type"] == "content_block_delta"]


def accumulated(found: list[dict[str, Any]]) -> Any:
    """What the official SDK makes of the frames, each of which must be of its own types."""
    message: Any = None
    pieces: dict[int, bytes] = {}
    for frame in found:
        if frame["type"] != "ping":
            message = accumulate_event(event=SDK_EVENT.validate_python(frame), current_snapshot=message, json_bufs=pieces)
    return message


def test_a_message_begins_and_ends() -> None:
    assert frames(START, END) == [
        {
            "type": "message_start",
            "message": {
                "id": "resp-1",
                "type": "message",
                "role": "assistant",
                "model": "gpt-x",
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": {"input_tokens": 0, "output_tokens": 0},
            },
        },
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"input_tokens": 5, "cache_read_input_tokens": 0, "output_tokens": 7},
        },
        {"type": "message_stop"},
    ]


def test_text_opens_with_its_first_word() -> None:
    assert part_frames(Text()) == []
    assert part_frames(Text(), TextDelta(0, 'He said "\n'), TextDelta(0, "\u2028🙂")) == [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": 'He said "\n'}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "\u2028🙂"}},
        {"type": "content_block_stop", "index": 0},
    ]


def test_blocks_are_numbered_without_gaps() -> None:
    found = blocks(
        PartStart(0, Text()),
        PartEnd(0),
        PartStart(1, Opaque("openai-chat", {"type": "audio"})),
        PartEnd(1),
        PartStart(2, Text()),
        TextDelta(2, "a"),
        PartEnd(2),
        PartStart(3, ToolCall("c", "n")),
        TextDelta(3, "{}"),
        PartEnd(3),
    )
    assert [frame["index"] for frame in found if frame["type"] == "content_block_start"] == [0, 1]
    assert [frame["index"] for frame in found if frame["type"] == "content_block_stop"] == [0, 1]


def test_reasoning_shows_its_own_vendors_proof_only() -> None:
    sealed = Proof("anthropic", "d", ProofKind.SEALED)
    assert part_frames(Reasoning("", (sealed,)))[0]["content_block"] == {"type": "redacted_thinking", "data": "d"}
    assert deltas(part_frames(Reasoning(), TextDelta(0, "hm"), ProofDelta(0, Proof("anthropic", "s")))) == [
        {"type": "thinking_delta", "thinking": "hm"},
        {"type": "signature_delta", "signature": "s"},
    ]
    assert deltas(part_frames(Reasoning(), TextDelta(0, "hm"), ProofDelta(0, Proof("openai-chat", "s")))) == [
        {"type": "thinking_delta", "thinking": "hm"}
    ]
    assert deltas(part_frames(Reasoning(), ProofDelta(0, Proof("anthropic", "s")))) == [{"type": "signature_delta", "signature": "s"}]
    assert part_frames(Reasoning(), ProofDelta(0, Proof("openai-chat", "s"))) == []


def test_arguments_stream_as_partial_json() -> None:
    found = part_frames(ToolCall("call:1", "n"), TextDelta(0, '{"a"'), TextDelta(0, ":1}"))
    block = found[0]["content_block"]
    assert (block["type"], block["name"], block["input"]) == ("tool_use", "n", {})
    assert ":" not in block["id"]
    assert [delta["partial_json"] for delta in deltas(found)] == ['{"a"', ":1}"]
    assert deltas(part_frames(ToolCall("c", "n"))) == []


def test_what_a_part_held_from_the_start_comes_in_deltas() -> None:
    """Clients build arguments and citations from deltas alone (Claude Code 2.1, 2026-11-20)."""
    assert deltas(part_frames(ToolCall("c", "n", '{"a":1}'))) == [{"type": "input_json_delta", "partial_json": '{"a":1}'}]
    assert deltas(part_frames(Text("a"))) == [{"type": "text_delta", "text": "a"}]
    assert deltas(part_frames(Reasoning("r", (Proof("anthropic", "s"),)))) == [
        {"type": "thinking_delta", "thinking": "r"},
        {"type": "signature_delta", "signature": "s"},
    ]
    cited = part_frames(Text("", extras={"anthropic": {"citations": [{"n": 1}]}}), TextDelta(0, "a"))
    assert cited[0]["content_block"]["citations"] == []
    assert deltas(cited) == [{"type": "citations_delta", "citation": {"n": 1}}, {"type": "text_delta", "text": "a"}]
    hosted = part_frames(Opaque("anthropic", {"type": "server_tool_use", "id": "s", "name": "n", "input": {"q": 1}}))
    assert hosted[0]["content_block"]["input"] == {}
    assert deltas(hosted) == [{"type": "input_json_delta", "partial_json": '{"q":1}'}]


def test_a_free_text_call_is_one_string() -> None:
    found = part_frames(ToolCall("c", "sql", kind=ToolKind.CUSTOM), TextDelta(0, "SELECT "), TextDelta(0, '"x"'))
    assert json.loads(deltas(found)[0]["partial_json"]) == {"input": 'SELECT "x"'}


def test_a_refusal_is_text_and_a_reason_to_stop() -> None:
    found = frames(START, PartStart(0, Refusal()), TextDelta(0, "no"), PartEnd(0), END)
    assert deltas(found) == [{"type": "text_delta", "text": "no"}]
    assert found[-2]["delta"]["stop_reason"] == "refusal"


def test_calls_are_a_reason_to_stop_whatever_the_upstream_said() -> None:
    found = frames(START, PartStart(0, ToolCall("c", "n")), PartEnd(0), END)
    assert found[-2]["delta"]["stop_reason"] == "tool_use"


def test_what_only_others_know_is_left_out() -> None:
    assert part_frames(Text(), OpaqueDelta(0, "openai-chat", {"x": 1})) == []
    assert blocks(OpaqueEvent("openai-chat", {"x": 1})) == []
    assert deltas(part_frames(Media(MediaKind.IMAGE, Inline("image/png", "AAAA")))) == []


def test_signs_of_life_and_of_failure() -> None:
    assert blocks(Ping()) == [{"type": "ping"}]
    assert blocks(OpaqueEvent("anthropic", {"type": "news", "n": 1})) == [{"type": "news", "n": 1}]
    error = APIError(ErrorKind.BAD_UPSTREAM, "gone", request_id="r")
    assert frames(START, StreamError(error))[-1] == {"type": "error", "error": {"type": "api_error", "message": "gone"}, "request_id": "r"}


def test_an_answer_of_this_format_keeps_its_empty_blocks_and_what_rode_along() -> None:
    message: dict[str, Any] = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "x",
        "content": [{"type": "text", "text": ""}, {"type": "thinking", "thinking": "", "signature": ""}],
        "stop_reason": "a word of tomorrow",
        "stop_sequence": None,
        "stop_details": {"a": 1},
        "container": {"id": "c", "expires_at": "2026-01-01T00:00:00Z"},
        "context_management": {"applied_edits": []},
        "usage": {"input_tokens": 1, "output_tokens": 2, "service_tier": "standard"},
    }
    response = FORMAT.decode_response(json.dumps(message).encode())
    found = frames(*explode(response))
    assert [frame["content_block"]["type"] for frame in found if frame["type"] == "content_block_start"] == ["text", "thinking"]
    assert found[-2]["delta"] == {
        "stop_reason": "a word of tomorrow",
        "stop_sequence": None,
        "stop_details": {"a": 1},
        "container": {"id": "c", "expires_at": "2026-01-01T00:00:00Z"},
    }
    assert found[-2]["context_management"] == {"applied_edits": []}


def test_calls_without_ids_are_the_same_calls_in_a_stream_and_in_a_body() -> None:
    response = Response("", "m", (Text("a"), ToolCall("", "n", "{}"), ToolCall("", "n", "{}")), Finish(FinishReason.TOOL_CALLS), created=5)
    content = json.loads(FORMAT.encode_response(response, FOREIGN))["content"]
    started = [frame["content_block"] for frame in frames(*explode(response)) if frame["type"] == "content_block_start"]
    assert [block.get("id") for block in started] == [block.get("id") for block in content]


@given(streams())
def test_the_official_sdk_reads_every_stream(case: tuple[Response, list[Event]]) -> None:
    response, events = case
    message = accumulated(frames(*in_order(events)))
    kinds = {Text: "text", Refusal: "text", Reasoning: "thinking", ToolCall: "tool_use"}
    assert [block.type for block in message.content] == [kinds[type(part)] for part in response.parts]
    for block, part in zip(message.content, response.parts, strict=True):
        match part:
            case Text() | Refusal():
                assert block.text == part.text
            case Reasoning():
                assert block.thinking == part.text
            case ToolCall():
                assert (block.id, block.name, block.input) == (part.call_id, part.name, json.loads(part.arguments))
            case _:
                raise AssertionError(part)
    assert message.usage.output_tokens == response.usage.output
    assert message.usage.input_tokens == response.usage.input


@given(streams())
def test_a_stream_of_this_format_is_written_as_it_was_read(case: tuple[Response, list[Event]]) -> None:
    def passed(data: bytes) -> tuple[bytes, Response]:
        decoder, encoder = StreamDecoder(), FORMAT.stream_encoder(FOREIGN)
        events = [*decoder.feed(data), *decoder.close()]
        return b"".join(encoder.encode(event) for event in events), fold(events)

    encoder = FORMAT.stream_encoder(FOREIGN)
    data = b"".join(encoder.encode(event) for event in in_order(case[1]))
    again, response = passed(data)
    assert again == data
    assert passed(again)[1] == response
