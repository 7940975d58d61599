"""Streams that other proxies are known to have broken, each under its symptom.

What holds for all streams is proven elsewhere: that they say what the body says however they are cut (`tests/core/test_laws.py`), and that
the SDKs' accumulators, which raise on every breach of a vendor's grammar, read them (`tests/corpus/test_between_formats.py`).
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.known_bugs.frames import chat_calls, deltas, finishes, gemini_parts, kinds, last_usage, of_kind
from tests.known_bugs.through import (
    SERVER_TOOL,
    THOUGHT,
    WORDS,
    anthropic_stream,
    chat_call,
    chat_stream,
    gemini_stream,
    streamed,
    use,
)

SIGNATURE = "c2lnbmF0dXJl"
CALL = chat_call(id="call_1", name="f", arguments='{"a": 1}')
CHAT_USAGE = {"prompt_tokens": 12, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": 7}}


CASES: dict[str, tuple[str, bytes, str, Callable[[list[Any]], object], object]] = {
    "tool calls are counted from 0, whatever blocks came before": (
        "anthropic",
        anthropic_stream(THOUGHT, WORDS, use(1), use(2), stop="tool_use"),
        "openai-chat",
        lambda frames: sorted({index for index, _ in chat_calls(frames)}),
        [0, 1],
    ),
    "there is one choice, whatever blocks came before": (
        "anthropic",
        anthropic_stream(THOUGHT, WORDS, use(), stop="tool_use"),
        "openai-chat",
        lambda frames: {choice["index"] for frame in frames for choice in frame["choices"]},
        {0},
    ),
    "no empty text block opens before the thinking": (
        "openai-chat",
        chat_stream({"role": "assistant", "content": ""}, {"reasoning_content": "Hm."}, {"content": "Hi"}),
        "anthropic",
        lambda frames: [frame["content_block"]["type"] for frame in of_kind(frames, "content_block_start")],
        ["thinking", "text"],
    ),
    "the thinking is not told in the block's start": (
        "openai-chat",
        chat_stream({"reasoning_content": "Hm."}, {"content": "Hi"}),
        "anthropic",
        lambda frames: of_kind(frames, "content_block_start")[0]["content_block"]["thinking"],
        "",
    ),
    "a message starts once, and each delta fits its block": (
        "openai-chat",
        chat_stream({"role": "assistant"}, {"reasoning_content": "Hm."}, {"role": "assistant", "content": "Hi"}, CALL),
        "anthropic",
        lambda frames: (
            [frame["delta"]["type"] for frame in of_kind(frames, "content_block_delta")]
            + kinds(frames)[:1] * kinds(frames).count("message_start")
        ),
        ["thinking_delta", "text_delta", "input_json_delta", "message_start"],
    ),
    "text never goes into an open tool block": (
        "openai-chat",
        chat_stream(chat_call(id="call_1", name="f", arguments="{}"), {"content": "Hi"}),
        "anthropic",
        lambda frames: [
            (frame["index"], frame["delta"]["type"]) for frame in of_kind(frames, "content_block_delta") if frame["delta"].get("text")
        ],
        [(1, "text_delta")],
    ),
    "chunks of nothing but thinking are not dropped": (
        "openai-chat",
        chat_stream({"reasoning_content": "H"}, {"reasoning_content": "m."}, {"content": "Hi"}),
        "gemini",
        lambda frames: "".join(part["text"] for part in gemini_parts(frames) if part.get("thought")),
        "Hm.",
    ),
    "thinking by a compatible server's other name is not dropped": (
        "openai-chat",
        chat_stream({"reasoning": "Hm."}, {"content": "Hi"}),
        "anthropic",
        lambda frames: [frame["delta"]["thinking"] for frame in of_kind(frames, "content_block_delta") if "thinking" in frame["delta"]],
        ["Hm."],
    ),
    "a turn that calls a tool ends as one, though the upstream says stop": (
        "openai-chat",
        chat_stream(CALL, finish="stop"),
        "anthropic",
        lambda frames: of_kind(frames, "message_delta")[0]["delta"]["stop_reason"],
        "tool_use",
    ),
    "an answer that calls a tool ends as one for Gemini's STOP": (
        "gemini",
        gemini_stream({"functionCall": {"name": "f", "args": {}}}),
        "openai-chat",
        finishes,
        ["tool_calls"],
    ),
    "a finish that calls tools comes with the calls": (
        "anthropic",
        anthropic_stream(use(arguments=""), stop="tool_use"),
        "openai-chat",
        lambda frames: (finishes(frames), "".join(piece for _, piece in chat_calls(frames)) or "{}", len(chat_calls(frames)) > 0),
        (["tool_calls"], "{}", True),
    ),
    "the vendor's word for the finish does not leak": (
        "anthropic",
        anthropic_stream(use(), stop="tool_use"),
        "openai-chat",
        finishes,
        ["tool_calls"],
    ),
    "every parallel call arrives": (
        "anthropic",
        anthropic_stream(use(1, '{"a": 1}'), use(2, '{"b": 2}'), stop="tool_use"),
        "gemini",
        lambda frames: [part["functionCall"]["args"] for part in gemini_parts(frames) if "functionCall" in part],
        [{"a": 1}, {"b": 2}],
    ),
    "a signature at the end of a stream is kept": (
        "gemini",
        gemini_stream({"text": "Hi"}, {"text": "", "thoughtSignature": SIGNATURE}),
        "gemini",
        lambda frames: [part["thoughtSignature"] for part in gemini_parts(frames) if "thoughtSignature" in part],
        [SIGNATURE],
    ),
    "a call's signature is kept, and not inside its id": (
        "gemini",
        gemini_stream({"functionCall": {"name": "f", "args": {}}, "thoughtSignature": SIGNATURE}),
        "openai-chat",
        lambda frames: [
            len(piece["id"]) <= 40 and SIGNATURE not in piece["id"]
            for delta in deltas(frames)
            for piece in delta.get("tool_calls") or ()
            if "id" in piece
        ],
        [True],
    ),
    "thoughts do not leak into the answer's text": (
        "gemini",
        gemini_stream({"text": "Hm.", "thought": True}, {"text": '{"a": 1}'}),
        "openai-responses",
        lambda frames: "".join(frame["delta"] for frame in of_kind(frames, "response.output_text.delta")),
        '{"a": 1}',
    ),
    "what a hosted tool does is not a call for the client": (
        "anthropic",
        anthropic_stream(*SERVER_TOOL, WORDS),
        "openai-chat",
        lambda frames: (chat_calls(frames), finishes(frames)),
        ([], ["stop"]),
    ),
    "a hosted tool's result is not appended to arguments": (
        "anthropic",
        anthropic_stream(*SERVER_TOOL, use(), stop="tool_use"),
        "openai-chat",
        lambda frames: "".join(piece for _, piece in chat_calls(frames)),
        '{"a": 1}',
    ),
    "cache reads are not told as input": (
        "anthropic",
        anthropic_stream(WORDS, start={"cache_read_input_tokens": 7}),
        "openai-chat",
        lambda frames: (frames[-1]["usage"]["prompt_tokens"], frames[-1]["usage"]["prompt_tokens_details"]["cached_tokens"]),
        (12, 7),
    ),
    "what is known of the cache is told at the start": (
        "anthropic",
        anthropic_stream(WORDS, start={"cache_read_input_tokens": 7, "cache_creation_input_tokens": 3}),
        "anthropic",
        lambda frames: (
            frames[0]["message"]["usage"]["cache_read_input_tokens"],
            frames[0]["message"]["usage"]["cache_creation_input_tokens"],
        ),
        (7, 3),
    ),
    "what is not known of the cache yet is not told as none": (
        "openai-chat",
        chat_stream({"content": "Hi"}),
        "anthropic",
        lambda frames: [name for name in frames[0]["message"]["usage"] if "cache" in name],
        [],
    ),
    "usage that is told twice is not added up": (
        "anthropic",
        anthropic_stream(
            WORDS, start={"cache_read_input_tokens": 7}, last={"input_tokens": 5, "cache_read_input_tokens": 7, "output_tokens": 9}
        ),
        "openai-chat",
        lambda frames: (frames[-1]["usage"]["prompt_tokens"], frames[-1]["usage"]["completion_tokens"]),
        (12, 9),
    ),
    "usage in a chunk with content is kept": (
        "openai-chat",
        chat_stream({"content": "Hi"}).replace(
            b'"finish_reason": "stop"}]',
            b'"finish_reason": "stop"}], "usage": ' + json.dumps(CHAT_USAGE).encode(),
        ),
        "anthropic",
        lambda frames: (
            last_usage(frames)["input_tokens"],
            last_usage(frames)["cache_read_input_tokens"],
            last_usage(frames)["output_tokens"],
        ),
        (5, 7, 9),
    ),
    "cumulative usage of every chunk counts once": (
        "gemini",
        gemini_stream({"text": "H"}, {"text": "i"}, usage={"promptTokenCount": 5, "candidatesTokenCount": 2}),
        "anthropic",
        lambda frames: (last_usage(frames)["input_tokens"], last_usage(frames)["output_tokens"]),
        (5, 2),
    ),
    "lines are not cut at separators of other alphabets": (
        "gemini",
        gemini_stream({"text": "a\u2028b\u0085c"}),
        "openai-chat",
        lambda frames: "".join(delta.get("content") or "" for delta in deltas(frames)),
        "a\u2028b\u0085c",
    ),
    "comments of the upstream do not come through": (
        "openai-chat",
        b": OPENROUTER PROCESSING\n\n" + chat_stream({"content": "Hi"}),
        "anthropic",
        lambda frames: any("PROCESSING" in json.dumps(frame) for frame in frames),
        False,
    ),
    "a stop reason is told": (
        "openai-chat",
        chat_stream({"content": "Hi"}, finish="eos"),
        "anthropic",
        lambda frames: of_kind(frames, "message_delta")[0]["delta"]["stop_reason"],
        "end_turn",
    ),
    "a tool's arguments reach a client that needs them whole": (
        "openai-chat",
        chat_stream(chat_call(id="call_1", name="Bash", arguments='{"comm'), chat_call(arguments='and": "ls"}'), finish="tool_calls"),
        "anthropic",
        lambda frames: json.loads("".join(frame["delta"]["partial_json"] for frame in of_kind(frames, "content_block_delta"))),
        {"command": "ls"},
    ),
    "calls that interleave come one after another": (
        "openai-chat",
        chat_stream(
            chat_call(0, id="call_1", name="f", arguments='{"a"'),
            chat_call(1, id="call_2", name="g", arguments="{}"),
            chat_call(0, arguments=": 1}"),
            finish="tool_calls",
        ),
        "anthropic",
        lambda frames: (
            [frame["index"] for frame in frames if "index" in frame] == sorted(frame["index"] for frame in frames if "index" in frame)
        ),
        True,
    ),
}


@pytest.mark.parametrize("symptom", CASES)
def test_a_stream_known_to_break_elsewhere(symptom: str) -> None:
    source, data, target, look, wanted = CASES[symptom]
    assert look(streamed(source, data, target)) == wanted
