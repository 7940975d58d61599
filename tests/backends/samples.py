"""One small answer in each format, whole and streamed, and the request it answers."""

import json

from ccproxy_cli.core.parts import Text
from ccproxy_cli.core.request import Message, Request, Role

WORDS = ["Hello ", "wörld ", "你好 ", "😀"]
TEXT = "".join(WORDS)

ASKED = Request("some-model", (Message(Role.USER, (Text("Say hello"),)),), max_tokens=99)
ASKED_STREAMING = Request("some-model", (Message(Role.USER, (Text("Say hello"),)),), max_tokens=99, stream=True)

ANTHROPIC_BODY = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "some-model",
    "content": [{"type": "text", "text": TEXT}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 5, "output_tokens": 7},
}
CHAT_BODY = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "some-model",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": TEXT}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12},
}
BODIES = {"anthropic": ANTHROPIC_BODY, "openai-chat": CHAT_BODY}


def frame(value: object, event: str | None = None) -> bytes:
    data = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
    return (f"event: {event}\n".encode() if event else b"") + b"data: " + data + b"\n\n"


def anthropic_frames() -> list[bytes]:
    start = ANTHROPIC_BODY | {"content": [], "stop_reason": None}
    events: list[dict[str, object]] = [
        {"type": "message_start", "message": start},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": word}} for word in WORDS),
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {"input_tokens": 5, "output_tokens": 7},
        },
        {"type": "message_stop"},
    ]
    return [frame(event, str(event["type"])) for event in events]


def chat_frames() -> list[bytes]:
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "some-model"}

    def chunk(delta: dict[str, object], finish: str | None = None) -> dict[str, object]:
        return base | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    return [
        frame(chunk({"role": "assistant", "content": ""})),
        *(frame(chunk({"content": word})) for word in WORDS),
        frame(chunk({}, "stop")),
        frame(base | {"choices": [], "usage": CHAT_BODY["usage"]}),
        frame(b"[DONE]"),
    ]


FRAMES = {"anthropic": anthropic_frames(), "openai-chat": chat_frames()}
ERRORS = {
    "anthropic": {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
    "openai-chat": {"error": {"message": "Overloaded", "type": "server_error", "param": None, "code": "overloaded"}},
}


def error_frame(format_name: str) -> bytes:
    return frame(ERRORS[format_name], "error" if format_name == "anthropic" else None)
