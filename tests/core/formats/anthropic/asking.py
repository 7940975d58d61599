"""Requests as the tests of this folder write them."""

import json
from typing import Any, TypeAlias

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import Envelope
from ccproxy_cli.core.formats.anthropic import FORMAT
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.parts import Part, Text
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import Message, Request, Role

HELLO = Message(Role.USER, (Text("hello"),), flat=True)
FOREIGN = Request("claude-x", (HELLO,), max_tokens=100)
"""A request as another format's decoder gives it."""


def body_of(**members: Any) -> dict[str, Any]:
    """A minimal body, with `members` put in; those that are `...` are left out."""
    body = {"model": "claude-x", "max_tokens": 100, "messages": [{"role": "user", "content": "hello"}], **members}
    return {name: value for name, value in body.items() if value is not ...}


def call_of(body: Any, **headers: str) -> HTTPCall:
    return HTTPCall("POST", "/v1/messages", json.dumps(body).encode(), {name.replace("_", "-"): value for name, value in headers.items()})


def decoded(**members: Any) -> Request:
    return FORMAT.decode_request(call_of(body_of(**members)), Losses())


def encoded(request: Request, profile: Profile | None = None, losses: Losses | None = None) -> dict[str, Any]:
    """The body that `request` is written as."""
    call = FORMAT.encode_request(request, profile or Profile(), losses if losses is not None else Losses())
    body: dict[str, Any] = json.loads(call.body)
    return body


def said(role: Role, *parts: Part) -> Message:
    return Message(role, parts)


def lost(losses: Losses) -> dict[str, str]:
    return {loss.field: loss.why for loss in losses}


Place: TypeAlias = tuple[str | int, ...]
"""Where something stands in a JSON value."""


def places(value: object, path: Place = ()) -> list[Place]:
    """Every place in a JSON value, the whole first."""
    inner: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [path, *(place for key, member in inner for place in places(member, (*path, key)))]


def at(value: Any, path: Place) -> Any:
    """What stands at a place."""
    for key in path:
        value = value[key]
    return value


def peek(call: HTTPCall) -> Envelope:
    """The envelope of a request that is passed on: read, and checked."""
    envelope = FORMAT.peek(call)
    assert FORMAT.check is not None
    FORMAT.check(envelope)
    return envelope
