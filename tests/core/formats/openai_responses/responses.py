"""Short ways to say a request, an item, an event, a stream, and to have them read."""

import itertools
import json
from typing import Any

from ccproxy_cli.core.events import Event
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.openai_responses import FORMAT
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.parts import Part, Text
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import Message, Request, Role
from ccproxy_cli.core.response import Response
from ccproxy_cli.core.stream import fold

ASKED = Request("m", (Message(Role.USER, (Text("hi"),)),), stream=True)


def body_of(*items: Any, **members: Any) -> dict[str, Any]:
    return {"model": "m", "input": list(items) or "hi", **members}


def decode(body: Any) -> Request:
    return FORMAT.decode_request(HTTPCall("POST", "/responses", json.dumps(body).encode()), Losses())


def encode(request: Request, profile: Profile | None = None) -> tuple[dict[str, Any], dict[str, str]]:
    """The body that goes out, and the losses by field."""
    losses = Losses()
    call = FORMAT.encode_request(request, profile or Profile(), losses)
    assert (call.method, call.path) == ("POST", "/responses")
    return json.loads(call.body), {loss.field: loss.why for loss in losses}


def there_and_back(body: Any) -> Any:
    written, losses = encode(decode(body))
    assert not losses
    return written


def ask(*messages: Message, **members: Any) -> Request:
    """A request as another format's client may have made it."""
    return Request("m", messages or (user(Text("hi")),), **members)


def user(*parts: Part, flat: bool = False) -> Message:
    return Message(Role.USER, parts, flat)


def assistant(*parts: Part) -> Message:
    return Message(Role.ASSISTANT, parts)


def tool(*parts: Part) -> Message:
    return Message(Role.TOOL, parts)


# Items


def said(text: str, item_id: str = "msg_1", **members: Any) -> dict[str, Any]:
    """A message item of the assistant's, in full."""
    part = {"type": "output_text", "text": text, "annotations": [], "logprobs": []}
    return {"type": "message", "id": item_id, "status": "completed", "role": "assistant", "content": [part], **members}


def call(call_id: str = "call_1", name: str = "f", arguments: str = "{}", **members: Any) -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments, **members}


def output(call_id: str = "call_1", value: Any = "done", **members: Any) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": value, **members}


def thought(*summaries: str, item_id: str = "rs_1", **members: Any) -> dict[str, Any]:
    return {"type": "reasoning", "id": item_id, "summary": [{"type": "summary_text", "text": text} for text in summaries], **members}


# Answers


USAGE = {
    "input_tokens": 10,
    "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 4},
    "total_tokens": 17,
}


def answer(*items: dict[str, Any], status: str = "completed", **members: Any) -> dict[str, Any]:
    shell = {
        "id": "resp_1",
        "object": "response",
        "created_at": 5,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": "m",
    }
    echo = {"parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "metadata": {}, "temperature": 1.0}
    return {**shell, **echo, "output": list(items), "usage": USAGE, **members}


def read_answer(value: Any) -> Response:
    return FORMAT.decode_response(json.dumps(value).encode())


def write_answer(response: Response, request: Request = ASKED) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(FORMAT.encode_response(response, request))
    return value


# Streams


def frames(*events: dict[str, Any]) -> bytes:
    """Events as a stream, numbered from 0."""
    numbered = ({**event, "sequence_number": number} for event, number in zip(events, itertools.count(), strict=False))
    return b"".join(b"event: %s\ndata: %s\n\n" % (event["type"].encode(), json.dumps(event).encode()) for event in numbered)


def created(**members: Any) -> dict[str, Any]:
    return {"type": "response.created", "response": answer(status="in_progress", usage=None, **members)}


def added(number: int, item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "response.output_item.added", "output_index": number, "item": item}


def done(number: int, item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "response.output_item.done", "output_index": number, "item": item}


def delta(kind: str, number: int, text: str, **members: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}.delta", "output_index": number, "item_id": "x", "delta": text, **members}


def completed(*items: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"type": "response.completed", "response": answer(*items, **members)}


def events_of(*pieces: bytes) -> list[Event]:
    decoder = FORMAT.stream_decoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return [*events, *decoder.close()]


def folded(*events: dict[str, Any]) -> Response:
    return fold(events_of(frames(*events)))


def written(events: list[Event], request: Request = ASKED) -> bytes:
    encoder = FORMAT.stream_encoder(request)
    return b"".join(encoder.encode(event) for event in events)


def told(stream: bytes) -> list[dict[str, Any]]:
    """The events of a stream, each named as its data says and numbered without a gap."""
    found = []
    for number, frame in enumerate(stream.decode().removesuffix("\n\n").split("\n\n")):
        name, data = frame.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        assert event["sequence_number"] == number
        found.append(event)
    return found
