"""Requests and answers as the tests of this folder write them."""

import itertools
import json
from collections.abc import Iterable
from typing import Any

from ccproxy_cli.core.events import Event
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.gemini import FORMAT
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.parts import Part, Text
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import Message, Request, Role
from ccproxy_cli.core.response import Response
from ccproxy_cli.core.stream import fold

HELLO = Message(Role.USER, (Text("hello"),), flat=True)
FOREIGN = Request("gemini-x", (HELLO,))
"""A request as another format's decoder gives it."""
PATH = "/models/gemini-x:generateContent"
STREAM_PATH = "/models/gemini-x:streamGenerateContent"


def body_of(**members: Any) -> dict[str, Any]:
    """A minimal body, with `members` put in; those that are `...` are left out."""
    body = {"contents": [{"role": "user", "parts": [{"text": "hello"}]}], **members}
    return {name: value for name, value in body.items() if value is not ...}


def call_of(body: Any, path: str = PATH, query: str = "") -> HTTPCall:
    return HTTPCall("POST", path, json.dumps(body).encode(), query=query)


def decoded(**members: Any) -> Request:
    return FORMAT.decode_request(call_of(body_of(**members)), Losses())


def decoded_parts(*parts: dict[str, Any], role: str = "user") -> tuple[Part, ...]:
    return decoded(contents=[{"role": role, "parts": list(parts)}]).messages[0].parts


def written(request: Request, profile: Profile | None = None, losses: Losses | None = None) -> dict[str, Any]:
    """The body that `request` is written as."""
    call = FORMAT.encode_request(request, profile or Profile(), losses if losses is not None else Losses())
    body: dict[str, Any] = json.loads(call.body)
    return body


def conversation(*messages: Message, profile: Profile | None = None, losses: Losses | None = None) -> list[Any]:
    """The contents that a foreign conversation is written as."""
    contents: list[Any] = written(Request("gemini-x", messages), profile, losses)["contents"]
    return contents


def lost(losses: Losses) -> dict[str, str]:
    return {loss.field: loss.why for loss in losses}


# Answers


def chunk_of(*parts: dict[str, Any], finish: str | None = None, **members: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "gemini-x", "responseId": "r1", **members}


def sse(*chunks: Any, end: str = "\r\n") -> bytes:
    return b"".join(b"data: " + json.dumps(chunk).encode() + 2 * end.encode() for chunk in chunks)


def events_of(data: bytes, cuts: Iterable[int] = ()) -> list[Event]:
    decoder = FORMAT.stream_decoder()
    marks = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [event for start, end in itertools.pairwise(marks) for event in decoder.feed(data[start:end])] + decoder.close()


def folded(*chunks: Any) -> Response:
    return fold(events_of(sse(*chunks)))


def streamed(events: Iterable[Event], request: Request = FOREIGN) -> bytes:
    encoder = FORMAT.stream_encoder(request)
    return b"".join(encoder.encode(event) for event in events)


def chunks_in(data: bytes) -> list[Any]:
    return [json.loads(frame[len(b"data: ") :]) for frame in data.split(b"\n\n") if frame]
