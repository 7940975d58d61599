"""Short ways to say a request, a chunk, a stream, and to have them read."""

import json
from typing import Any

from ccproxy_cli.core.events import Event
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import Envelope
from ccproxy_cli.core.formats.openai_chat import FORMAT
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.parts import Part, Text
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import Message, Request, Role
from ccproxy_cli.core.response import Response
from ccproxy_cli.core.stream import fold

DONE = b"data: [DONE]\n\n"
ASKED = Request("m", (Message(Role.USER, (Text("hi"),)),), stream=True, stream_usage=True)


def body_of(*messages: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"model": "m", "messages": list(messages) or [{"role": "user", "content": "hi"}], **members}


def decode(body: Any) -> Request:
    return FORMAT.decode_request(HTTPCall("POST", "/chat/completions", json.dumps(body).encode()), Losses())


def encode(request: Request, profile: Profile | None = None) -> tuple[dict[str, Any], dict[str, str]]:
    """The body that goes out, and the losses by field."""
    losses = Losses()
    call = FORMAT.encode_request(request, profile or Profile(), losses)
    assert (call.method, call.path) == ("POST", "/chat/completions")
    return json.loads(call.body), {loss.field: loss.why for loss in losses}


def there_and_back(body: Any) -> Any:
    written, losses = encode(decode(body))
    assert not losses
    return written


def ask(*messages: Message, **members: Any) -> Request:
    """A request as another format's client may have made it."""
    return Request("m", messages or (user(Text("hi")),), **members)


def user(*parts: Part) -> Message:
    return Message(Role.USER, parts)


def assistant(*parts: Part) -> Message:
    return Message(Role.ASSISTANT, parts)


# Answers


def answer(message: dict[str, Any], finish: str | None = "stop", **members: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 5, "model": "m", "choices": [choice], **members}


def read_answer(value: Any) -> Response:
    return FORMAT.decode_response(json.dumps(value).encode())


def write_answer(response: Response, request: Request = ASKED) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(FORMAT.encode_response(response, request))
    return value


# Streams


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **members: Any) -> bytes:
    choices = [] if delta is None else [{"index": 0, "delta": delta, "finish_reason": finish}]
    value = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 5, "model": "m", "choices": choices, **members}
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def call_delta(index: int | None, call_id: str | None = None, name: str | None = None, arguments: str | None = None) -> dict[str, Any]:
    """A delta with one fragment of a tool call."""
    fragment: dict[str, Any] = {} if index is None else {"index": index}
    if call_id is not None:
        fragment |= {"id": call_id, "type": "function"}
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return {"tool_calls": [fragment | {"function": function}]}


def events_of(*pieces: bytes) -> list[Event]:
    decoder = FORMAT.stream_decoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return [*events, *decoder.close()]


def folded(*pieces: bytes) -> Response:
    return fold(events_of(*pieces))


def written(events: list[Event], request: Request = ASKED) -> bytes:
    encoder = FORMAT.stream_encoder(request)
    return b"".join(encoder.encode(event) for event in events)


def chunks_of(stream: bytes) -> list[dict[str, Any]]:
    """The chunks of a stream that ended well."""
    frames = stream.decode().split("\n\n")
    assert frames[-2:] == ["data: [DONE]", ""]
    return [json.loads(frame.removeprefix("data: ")) for frame in frames[:-2]]


def looked_at(call: HTTPCall) -> Envelope:
    """The envelope of a request that is passed on: read, and checked."""
    envelope = FORMAT.peek(call)
    assert FORMAT.check is not None
    FORMAT.check(envelope)
    return envelope
