"""The envelope of a request: enough for routing and for refusing what no server would take, without building the rest."""

import re
from typing import Annotated, Any

import msgspec

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.formats._format import Envelope
from ccproxy_cli.core.formats.openai_chat.wire import MAX_LIMIT
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.jsontext import JSONError, split_members

_NULL = msgspec.Raw(b"null")


class _Message(msgspec.Struct):
    role: str
    content: msgspec.Raw = _NULL


_decode_messages = msgspec.json.Decoder(list[_Message]).decode
_decode_parts = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode
_decode_model = msgspec.json.Decoder(str).decode
_decode_stream = msgspec.json.Decoder(bool | None).decode
_decode_limit = msgspec.json.Decoder(Annotated[int, msgspec.Meta(le=MAX_LIMIT)] | None).decode
_MISSING = re.compile(r"Object missing required field `(.*)`")
_WHERE = re.compile(r"(.*) - at `\$(.*)`")


def peek(call: HTTPCall) -> Envelope:
    """The envelope of a request's body.

    Raises:
        BadRequest: the body is no JSON object, or the model or the stream switch are not what they must be.
    """
    try:
        members = split_members(call.body)
    except JSONError as error:
        raise BadRequest(f"the request body is not a JSON object: {error}") from error
    if "model" not in members:
        raise BadRequest("model: Field required", "model")
    model = _typed(members["model"], _decode_model, "model")
    if not model:
        raise BadRequest("model: must not be empty", "model")
    return Envelope(model, "stream" in members and _typed(members["stream"], _decode_stream, "stream") is True, members)


def check(envelope: Envelope) -> None:
    """See that a request has the shape of one.

    Raises:
        BadRequest: it has not.
    """
    members = envelope.members
    if "messages" not in members:
        raise BadRequest("messages: Field required", "messages")
    messages = _typed(members["messages"], _decode_messages, "messages")
    if not messages:
        raise BadRequest("messages: must not be empty", "messages")
    for index, message in enumerate(messages):
        _check_content(message.content, f"messages[{index}].content")
    for name in ("max_tokens", "max_completion_tokens"):
        if name in members:
            _typed(members[name], _decode_limit, name)


def _check_content(raw: msgspec.Raw, path: str) -> None:
    text = bytes(memoryview(raw)[:1])
    if text == b"[":
        _typed(bytes(raw), _decode_parts, path)
    elif text not in (b'"', b"n"):
        raise BadRequest(f"{path}: expected a string or a list or null", path)


def _typed(raw: bytes, decode: Any, path: str) -> Any:
    try:
        return decode(raw)
    except msgspec.ValidationError as error:
        message, where = str(error), ""
        if found := _WHERE.fullmatch(message):
            message, where = found[1], found[2]
        where = f"{path}{where}"
        if missing := _MISSING.fullmatch(message):
            message, where = "Field required", f"{where}.{missing[1]}"
        raise BadRequest(f"{where}: {message}", where) from error
    except msgspec.MsgspecError as error:
        raise BadRequest(f"{path}: {error}", path) from error
