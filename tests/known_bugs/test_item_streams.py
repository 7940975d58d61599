"""Streams to and from Responses, whose items need more care than other formats' deltas, each under the symptom of other proxies."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from ccproxy_cli.core.framing import SSEDecoder
from tests.known_bugs.frames import kinds, of_kind
from tests.known_bugs.through import SERVER_TOOL, THOUGHT, WORDS, Body, anthropic_stream, named, streamed, streamed_bytes, use

RESPONSE: Body = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "output": []}
CREATED: Body = {"type": "response.created", "response": {**RESPONSE, "status": "in_progress"}}
THOUGHT_ITEM: Body = {"type": "reasoning", "id": "rs_1", "summary": []}
CALL_ITEM: Body = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": '{"a": 1}', "status": "completed"}
SAID: Body = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "Hi", "annotations": []}],
}
AT: Body = {"output_index": 1, "content_index": 0, "item_id": "msg_1"}


def completed(*items: Body) -> Body:
    return {"type": "response.completed", "response": {**RESPONSE, "status": "completed", "output": list(items)}}


def numbered(*events: Body) -> bytes:
    return named(*({**event, "sequence_number": number} for number, event in enumerate(events)))


CASES: dict[str, tuple[str, bytes, str, Callable[[list[Any]], object], object]] = {
    "an item is added before what belongs to it": (
        "anthropic",
        anthropic_stream(THOUGHT, WORDS),
        "openai-responses",
        lambda frames: [kind for kind in kinds(frames) if "item" in kind or kind.endswith("text.delta")],
        [
            "response.output_item.added",
            "response.reasoning_summary_text.delta",
            "response.output_item.done",
            "response.output_item.added",
            "response.output_text.delta",
            "response.output_item.done",
        ],
    ),
    "an item's place and id are its own": (
        "anthropic",
        anthropic_stream(THOUGHT, WORDS, use(), stop="tool_use"),
        "openai-responses",
        lambda frames: (
            [frame["output_index"] for frame in of_kind(frames, "response.output_item.added")]
            + [
                len({frame["item_id"] for frame in frames if frame.get("output_index") == index and "item_id" in frame})
                for index in range(3)
            ]
        ),
        [0, 1, 2, 1, 1, 1],
    ),
    "the text is told whole when it ends": (
        "anthropic",
        anthropic_stream(WORDS),
        "openai-responses",
        lambda frames: [frame["text"] for frame in of_kind(frames, "response.output_text.done")],
        ["Hi"],
    ),
    "the answer completes after its items": (
        "anthropic",
        anthropic_stream(WORDS, use(), stop="tool_use"),
        "openai-responses",
        lambda frames: (kinds(frames)[-2:], [item["type"] for item in frames[-1]["response"]["output"]]),
        (["response.output_item.done", "response.completed"], ["message", "function_call"]),
    ),
    "an answer that begins with thinking is not empty": (
        "openai-responses",
        numbered(
            CREATED,
            {"type": "response.output_item.added", "output_index": 0, "item": THOUGHT_ITEM},
            {"type": "response.output_item.done", "output_index": 0, "item": THOUGHT_ITEM},
            {"type": "response.output_item.added", "output_index": 1, "item": {**SAID, "content": [], "status": "in_progress"}},
            {**AT, "type": "response.content_part.added", "part": {"type": "output_text", "text": "", "annotations": []}},
            {**AT, "type": "response.output_text.delta", "delta": "Hi", "logprobs": []},
            {"type": "response.output_item.done", "output_index": 1, "item": SAID},
            completed(),
        ),
        "anthropic",
        lambda frames: "".join(frame["delta"].get("text", "") for frame in of_kind(frames, "content_block_delta")),
        "Hi",
    ),
    "an upstream's words are read though it never opened an item for them": (
        "openai-responses",
        numbered(CREATED, {**AT, "output_index": 0, "type": "response.output_text.delta", "delta": "H", "logprobs": []}, completed(SAID)),
        "anthropic",
        lambda frames: "".join(frame["delta"].get("text", "") for frame in of_kind(frames, "content_block_delta")),
        "Hi",
    ),
    "arguments that only the last event tells arrive": (
        "openai-responses",
        numbered(
            CREATED,
            {"type": "response.output_item.added", "output_index": 0, "item": {**CALL_ITEM, "arguments": ""}},
            {"type": "response.function_call_arguments.done", "output_index": 0, "item_id": "fc_1", "arguments": '{"a": 1}'},
            {"type": "response.output_item.done", "output_index": 0, "item": CALL_ITEM},
            completed(),
        ),
        "anthropic",
        lambda frames: "".join(frame["delta"]["partial_json"] for frame in of_kind(frames, "content_block_delta")),
        '{"a": 1}',
    ),
    "no item is opened for words that never come": (
        "anthropic",
        anthropic_stream(use(), stop="tool_use"),
        "openai-responses",
        lambda frames: [frame["item"]["type"] for frame in frames if "item" in frame],
        ["function_call", "function_call"],
    ),
    "arguments are told whole when they end": (
        "anthropic",
        anthropic_stream(use(), stop="tool_use"),
        "openai-responses",
        lambda frames: [frame["arguments"] for frame in of_kind(frames, "response.function_call_arguments.done")],
        ['{"a": 1}'],
    ),
    "what a hosted tool did is no call that its client has to answer": (
        "anthropic",
        anthropic_stream(*SERVER_TOOL, WORDS),
        "openai-responses",
        lambda frames: [item["type"] for item in frames[-1]["response"]["output"] if "function" in item["type"]],
        [],
    ),
}


@pytest.mark.parametrize("symptom", CASES)
def test_a_stream_known_to_break_elsewhere(symptom: str) -> None:
    source, data, target, look, wanted = CASES[symptom]
    assert look(streamed(source, data, target)) == wanted


def test_events_are_named_numbered_and_of_one_response() -> None:
    frames = SSEDecoder().feed(streamed_bytes("anthropic", anthropic_stream(THOUGHT, WORDS, use(), stop="tool_use"), "openai-responses"))
    events = [json.loads(frame.data) for frame in frames]
    assert [event["type"] for event in events] == [frame.event.decode() for frame in frames]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    shells = [event["response"] for event in events if "response" in event]
    assert len({(shell["id"], shell["model"]) for shell in shells}) == 1
    assert shells[0]["id"].startswith("resp_")
