"""The cheap look at a request that is passed on as it is: enough to route it, and to tell a client at once that its types are wrong.

Values are checked where they stand and not built, so that the cost is little more than that of reading the bytes twice.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.formats._format import Envelope
from ccproxy_cli.core.formats.anthropic.request_decoder import MAX_INT, refuse_threads
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.jsontext import JSONError, repair_surrogates, split_members

_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `\$(?P<where>.*)`)?$", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<name>[^`]+)`")


class _Block(msgspec.Struct, gc=False):
    type: str


class _Message(msgspec.Struct, gc=False):
    role: str
    content: str | list[_Block]


class _Tool(msgspec.Struct, gc=False):
    type: str | None = None
    name: str | None = None


class _Typed(msgspec.Struct, gc=False):
    type: str


_CHECKS: Mapping[str, msgspec.json.Decoder[Any]] = MappingProxyType(
    {
        "model": msgspec.json.Decoder(str),
        "messages": msgspec.json.Decoder(list[_Message]),
        "max_tokens": msgspec.json.Decoder(int | None),
        "stream": msgspec.json.Decoder(bool | None),
        "system": msgspec.json.Decoder(str | list[_Block] | None),
        "tools": msgspec.json.Decoder(list[_Tool] | None),
        "tool_choice": msgspec.json.Decoder(_Typed | None),
        "thinking": msgspec.json.Decoder(_Typed | None),
        "temperature": msgspec.json.Decoder(float | None),
        "top_p": msgspec.json.Decoder(float | None),
        "top_k": msgspec.json.Decoder(int | None),
        "stop_sequences": msgspec.json.Decoder(list[str] | None),
    }
)


def peek(call: HTTPCall) -> Envelope:
    """The envelope of a `POST /v1/messages` or of its token count.

    Raises:
        BadRequest: not a JSON object, or it says no model.
    """
    try:
        members = split_members(call.body)
    except JSONError as error:
        raise BadRequest(f"the request body is not a valid JSON object: {error}") from error
    if "model" not in members:
        raise BadRequest("model: Field required", "model")
    model = _checked("model", members["model"])
    if not model:
        raise BadRequest("model: String should have at least 1 character", "model")
    return Envelope(model, "stream" in members and _checked("stream", members["stream"]) is True, members)


def check(envelope: Envelope) -> None:
    """See that a request has the shape of one.

    Raises:
        BadRequest: it has not.
    """
    members = envelope.members
    values = {name: _checked(name, members[name]) for name in _CHECKS if name in members}
    if "messages" not in values:
        raise BadRequest("messages: Field required", "messages")
    if not values["messages"]:
        raise BadRequest("messages: at least one message is required", "messages")
    limit = values.get("max_tokens")
    if limit is not None and not 0 <= limit <= MAX_INT:
        raise BadRequest(f"max_tokens: must be between 0 and {MAX_INT}", "max_tokens")
    if members.get("thread", b"null") != b"null":
        refuse_threads()


def _checked(name: str, text: bytes) -> Any:
    try:
        return _CHECKS[name].decode(text)
    except msgspec.ValidationError as error:
        raise _bad_shape(name, str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        repaired = repair_surrogates(text)
        if repaired == text:
            raise BadRequest(f"{name}: {error}", name) from error
        return _checked(name, repaired)


def _bad_shape(name: str, said: str) -> BadRequest:
    """msgspec's words with the place spelled as the client would."""
    found = _PLACE.match(said)
    assert found is not None
    path = name + (found["where"] or "").replace("[...]", "[]")
    what = found["what"]
    if missing := _MISSING.search(what):
        path, what = f"{path}.{missing['name']}", "Field required"
    return BadRequest(f"{path}: {what}", path)
