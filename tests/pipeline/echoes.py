"""What a client of each format sends back of an answer it was given: its own format's history, echoed as it came."""

import json
from collections.abc import Sequence
from typing import Any

from ccproxy_cli.core.events import Event
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS, Format
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.parts import Text
from ccproxy_cli.core.request import Message, Request, Role
from ccproxy_cli.core.response import Response
from ccproxy_cli.core.stream import explode, fold, in_order

ASKED = Request("model-1", (Message(Role.USER, (Text("hi"),)),), stream=True, stream_usage=True)
KEY = bytes(range(32))


def key() -> bytes:
    return KEY


def streamed(spoken: Format, events: Sequence[Event]) -> Response:
    """The events as a client reads them off its stream."""
    encoder = spoken.stream_encoder(ASKED)
    data = b"".join(encoder.encode(event) for event in (in_order(events) if spoken.ordered else events))
    decoder = spoken.stream_decoder()
    return fold([*decoder.feed(data), *decoder.close()])


def bodied(spoken: Format, events: Sequence[Event]) -> Response:
    """The events as a client reads them off a body."""
    return spoken.decode_response(spoken.encode_response(fold(events), ASKED))


def echo(spoken: Format, answer: Response) -> HTTPCall:
    """A request whose history holds `answer`, as the client got it."""
    body = json.loads(spoken.encode_response(answer, ASKED))
    return HTTPCall("POST", _PATHS[spoken.name], json.dumps(_HISTORIES[spoken.name](body)).encode(), {"content-type": "application/json"})


def decoded(spoken: Format, call: HTTPCall) -> Request:
    return spoken.decode_request(call, Losses())


def whole(response: Response) -> list[Event]:
    return list(explode(response))


_PATHS = {
    "anthropic": "/v1/messages",
    "openai-chat": "/chat/completions",
    "openai-responses": "/responses",
    "gemini": "/models/model-1:generateContent",
}


def _anthropic(body: Any) -> Any:
    said = [{"role": "assistant", "content": body["content"]}] if body["content"] else []
    results = [
        {"type": "tool_result", "tool_use_id": block["id"], "content": "done"} for block in body["content"] if block["type"] == "tool_use"
    ]
    last = [*results, {"type": "text", "text": "go on"}]
    return {"model": "model-1", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}, *said, {"role": "user", "content": last}]}


def _chat(body: Any) -> Any:
    message = body["choices"][0]["message"]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "done"} for call in message.get("tool_calls") or ()]
    return {"model": "model-1", "messages": [{"role": "user", "content": "hi"}, message, *results, {"role": "user", "content": "go on"}]}


def _responses(body: Any) -> Any:
    results = [
        {"type": "function_call_output", "call_id": item["call_id"], "output": "done"}
        for item in body["output"]
        if item["type"] == "function_call"
    ]
    first, last = ({"type": "message", "role": "user", "content": words} for words in ("hi", "go on"))
    return {"model": "model-1", "store": False, "input": [first, *body["output"], *results, last]}


def _gemini(body: Any) -> Any:
    content = body["candidates"][0]["content"]
    calls = [part["functionCall"] for part in content.get("parts", ()) if "functionCall" in part]
    results = [{"functionResponse": {"id": call["id"], "name": call["name"], "response": {"output": "done"}}} for call in calls]
    first, last = {"role": "user", "parts": [{"text": "hi"}]}, {"role": "user", "parts": [*results, {"text": "go on"}]}
    return {"contents": [first, content, last] if content.get("parts") else [first, last]}


_HISTORIES = {"anthropic": _anthropic, "openai-chat": _chat, "openai-responses": _responses, "gemini": _gemini}
assert _HISTORIES.keys() == FORMATS.keys()
