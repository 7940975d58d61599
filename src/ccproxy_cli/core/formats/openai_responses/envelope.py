"""The envelope of a request: enough for routing and for refusing what no server would take, without building the rest."""

import re
from typing import Annotated, Any

import msgspec

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.formats._format import Envelope
from ccproxy_cli.core.formats.openai_responses.spelling import KEPT_ELSEWHERE
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.jsontext import JSONError, repair_surrogates, split_members


class _Item(msgspec.Struct):
    type: str | None = None
    role: str | None = None


class _Tool(msgspec.Struct):
    type: str


_CHECKS: dict[str, msgspec.json.Decoder[Any]] = {
    "model": msgspec.json.Decoder(str),
    "input": msgspec.json.Decoder(str | list[_Item] | None),
    "stream": msgspec.json.Decoder(bool | None),
    "instructions": msgspec.json.Decoder(str | None),
    "tools": msgspec.json.Decoder(list[_Tool] | None),
    "max_output_tokens": msgspec.json.Decoder(Annotated[int, msgspec.Meta(le=2**53)] | None),  # beyond is an attack on somebody's parser
    "temperature": msgspec.json.Decoder(float | None),
    "top_p": msgspec.json.Decoder(float | None),
}
_WHERE = re.compile(r"(.*) - at `\$(.*)`", re.DOTALL)


def peek(call: HTTPCall) -> Envelope:
    """The envelope of a request's body.

    Raises:
        BadRequest: the body is no JSON object, or what every request has is not what it must be.
    """
    try:
        members = split_members(call.body)
    except JSONError as error:
        raise BadRequest(f"the request body is not a JSON object: {error}") from error
    values = {name: _checked(name, members[name]) for name in _CHECKS if name in members}
    if "model" not in values:
        raise BadRequest("model: Field required", "model")
    if not values["model"]:
        raise BadRequest("model: must not be empty", "model")
    if values.get("input") is None and all(members.get(name, b"null") == b"null" for name in KEPT_ELSEWHERE):
        raise BadRequest("input: Field required", "input")
    return Envelope(values["model"], values.get("stream") is True, members)


def _checked(name: str, text: bytes) -> Any:
    try:
        return _CHECKS[name].decode(text)
    except msgspec.ValidationError as error:
        message, where = str(error), name
        if found := _WHERE.fullmatch(message):
            message, where = found[1], name + found[2].replace("[...]", "[]")
        raise BadRequest(f"{where}: {message}", where) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        repaired = repair_surrogates(text)
        if repaired == text:
            raise BadRequest(f"{name}: {error}", name) from error
        return _checked(name, repaired)
