"""What a client's message becomes on its way to a vendor, and a vendor's on its way to a client, in a line each."""

import json
from collections.abc import Mapping
from typing import Any

from attrs import evolve

from ccproxy_cli.backends.profiles import profile_for
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.framing import SSEDecoder
from ccproxy_cli.core.http import HTTPCall, HTTPReply
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.parts import Text
from ccproxy_cli.core.request import Message, Request, Role
from ccproxy_cli.core.stream import InOrder

MODELS = {"anthropic": "claude-opus-4-8", "openai-chat": "gpt-5.4", "openai-responses": "gpt-5.4", "gemini": "gemini-3-flash"}
ASKED = Request("m", (Message(Role.USER, (Text("hi"),)),), stream=True, stream_usage=True)
Body = dict[str, Any]


def sent(source: str, body: Body, target: str, model: str | None = None, headers: Mapping[str, str] | None = None) -> HTTPCall:
    """The call that a request of a client's becomes."""
    call = HTTPCall("POST", "/models/m:generateContent" if source == "gemini" else "/", json.dumps(body).encode(), headers or {})
    named = model or MODELS[target]
    request = evolve(FORMATS[source].decode_request(call, losses := Losses()), model=named)
    return FORMATS[target].encode_request(request, profile_for(target, target, named, {}, own_host=True), losses)


def told(source: str, body: Body, target: str, model: str | None = None) -> Body:
    """The body of that call."""
    return json.loads(sent(source, body, target, model).body)  # type: ignore[no-any-return]


def answered(source: str, body: Body, target: str) -> Body:
    """What a client reads of a complete answer."""
    response = FORMATS[source].decode_response(json.dumps(body).encode())
    return json.loads(FORMATS[target].encode_response(evolve(response, created=1), ASKED))  # type: ignore[no-any-return]


def streamed_bytes(source: str, data: bytes, target: str) -> bytes:
    """What a client is sent of a stream."""
    decoder, encoder, ordering = FORMATS[source].stream_decoder(), FORMATS[target].stream_encoder(ASKED), InOrder()
    events = [*decoder.feed(data), *decoder.close()]
    ready = [one for event in events for one in ordering.feed(event)] if FORMATS[target].ordered else events
    return b"".join(encoder.encode(event) for event in ready)


def streamed(source: str, data: bytes, target: str) -> list[Any]:
    """What a client reads of a stream, frame by frame."""
    frames = SSEDecoder().feed(streamed_bytes(source, data, target))
    return [json.loads(frame.data) for frame in frames if frame.data != b"[DONE]"]


def refused(source: str, status: int, body: JSON | str, target: str, **headers: str) -> HTTPReply:
    """What a client is told of an error."""
    raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    error = FORMATS[source].decode_error(HTTPReply(status, raw, {name.replace("_", "-"): value for name, value in headers.items()}))
    return FORMATS[target].encode_error(error, "req_1")


# Streams as vendors send them


def anthropic_stream(*blocks: tuple[Body, Body], stop: str = "end_turn", start: Body | None = None, last: Body | None = None) -> bytes:
    """Blocks, each with its one delta."""
    usage = {"input_tokens": 5, "output_tokens": 1, **(start or {})}
    shell: Body = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "c",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }
    events: list[Body] = [{"type": "message_start", "message": {**shell, "usage": usage}}]
    for index, (block, delta) in enumerate(blocks):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        if delta:
            events.append({"type": "content_block_delta", "index": index, "delta": delta})
        events.append({"type": "content_block_stop", "index": index})
    delta = {"stop_reason": stop, "stop_sequence": None}
    events += [{"type": "message_delta", "delta": delta, "usage": last or {"output_tokens": 9}}, {"type": "message_stop"}]
    return named(*events)


def named(*events: Body) -> bytes:
    """Events under the name that their data tells."""
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


THOUGHT = ({"type": "thinking", "thinking": "", "signature": ""}, {"type": "thinking_delta", "thinking": "Hm."})
WORDS = ({"type": "text", "text": ""}, {"type": "text_delta", "text": "Hi"})

SERVER_TOOL: tuple[tuple[Body, Body], ...] = (
    (
        {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
        {"type": "input_json_delta", "partial_json": '{"query": "x"}'},
    ),
    ({"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}, {}),
)


def use(number: int = 1, arguments: str = '{"a": 1}') -> tuple[Body, Body]:
    """A call of a tool."""
    block = {"type": "tool_use", "id": f"toolu_{number}", "name": "f", "input": {}}
    return block, {"type": "input_json_delta", "partial_json": arguments} if arguments else {}


def chat_stream(*deltas: Body, finish: str | None = "stop", end: str = "data: [DONE]\n\n") -> bytes:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "g"}
    choices: list[Body] = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    if finish:
        choices.append({"index": 0, "delta": {}, "finish_reason": finish})
    return "".join(f"data: {json.dumps({**head, 'choices': [choice]})}\n\n" for choice in choices).encode() + end.encode()


def chat_call(index: int = 0, **members: Any) -> Body:
    """A piece of a call."""
    function = {name: value for name, value in members.items() if name in ("name", "arguments")}
    return {
        "tool_calls": [{"index": index, **({"id": members["id"], "type": "function"} if "id" in members else {}), "function": function}]
    }


def gemini_stream(*parts: Body, finish: str = "STOP", usage: Body | None = None, end: str = "\r\n") -> bytes:
    """Each part in a chunk of its own."""
    chunks: list[Body] = []
    for part in parts:
        candidate = {"content": {"role": "model", "parts": [part]}, "index": 0, **({"finishReason": finish} if part is parts[-1] else {})}
        chunks.append({"candidates": [candidate], "usageMetadata": usage or {"promptTokenCount": 5, "candidatesTokenCount": 2}})
    head = {"modelVersion": "gemini-x", "responseId": "r"}
    return "".join(f"data: {json.dumps({**chunk, **head}, ensure_ascii=False)}{2 * end}" for chunk in chunks).encode()
