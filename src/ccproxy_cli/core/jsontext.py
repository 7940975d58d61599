"""Strict JSON (RFC 8259) between bytes and plain values.

Law: whatever `loads` accepts, `dumps` writes as valid UTF-8 JSON. NaN, infinities, comments and trailing text are refused in
both directions, integers keep every digit, and a lone surrogate escape, which some models emit by cutting an emoji in half,
becomes U+FFFD instead of an error.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

JSON: TypeAlias = Any
"""A value as it came out of, or will go into, JSON: None, bool, int, float, str, list or dict of these. Treated as immutable."""

_decode = msgspec.json.Decoder().decode
_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode
_encode_in_order = msgspec.json.Encoder(order="deterministic").encode

_EXACT = 2.0**53
"""From here on floats leave out whole numbers."""

_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a proper pair
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"  # half of one
    rb"|\\."
)


class JSONError(ValueError):
    """The text is not JSON, not UTF-8, or nested or numbered beyond what any honest peer sends."""


def loads(text: bytes | str) -> JSON:
    """Parse strict JSON.

    Raises:
        JSONError: with a message that says where, fit to be shown to whoever sent the text.
    """
    try:
        return _decode(text)
    except RecursionError:
        raise JSONError("JSON is nested too deeply") from None
    except UnicodeDecodeError:
        raise JSONError("JSON is not valid UTF-8") from None
    except msgspec.MsgspecError as error:
        repaired = repair_surrogates(text)
        if repaired == text:
            raise JSONError(_said(error) if text else "empty body, expected JSON") from None
        return loads(repaired)


def dumps(value: JSON) -> bytes:
    """Write compact UTF-8 JSON in the order the values hold. The value must have come from `loads` or be made of the same types."""
    return _encode(value)


def canonical(value: JSON) -> bytes:
    """The one text that equal values have: members in order, whole numbers without a fraction.

    Raises:
        JSONError: nested too deeply.
    """
    try:
        return _encode_in_order(_whole(value))
    except RecursionError:
        raise JSONError("JSON is nested too deeply") from None


def _whole(value: JSON) -> JSON:
    match value:
        case dict():
            return {name: _whole(member) for name, member in value.items()}
        case list():
            return [_whole(item) for item in value]
        case float() if value.is_integer() and abs(value) < _EXACT:
            return int(value)
        case _:
            return value


def dumps_str(value: JSON) -> str:
    """As `dumps`, for JSON that travels inside a JSON string, such as tool arguments."""
    return _encode(value).decode()


def split_members(text: bytes) -> Mapping[str, bytes]:
    """Slice a JSON object into its members' names and the exact bytes of their values.

    The values are checked to be JSON but not built, so this is cheap even for megabytes. Of a repeated name the last value counts.

    Raises:
        JSONError: not a JSON object.
    """
    try:
        members = {name: bytes(value) for name, value in _decode_members(text).items()}
        if not text.isascii():
            text.decode()
    except RecursionError:
        raise JSONError("JSON is nested too deeply") from None
    except UnicodeDecodeError:
        raise JSONError("JSON is not valid UTF-8") from None
    except msgspec.MsgspecError as error:
        repaired = repair_surrogates(text)
        if repaired == text:
            raise JSONError(_said(error) if text else "empty body, expected JSON") from None
        return split_members(repaired)
    return members


def join_members(members: Mapping[str, bytes]) -> bytes:
    """Undo `split_members`; every value keeps its exact bytes."""
    return b"{" + b",".join(_encode(name) + b":" + value for name, value in members.items()) + b"}"


def _said(error: msgspec.MsgspecError) -> str:
    """Without the place, which the parser knows only in outline and spells in its own way."""
    return str(error).partition(" - at `")[0]


def repair_surrogates(text: bytes | str) -> bytes:
    """Replace each `\\udXXX` escape that is not half of a pair by the replacement character."""
    if isinstance(text, str):
        text = text.encode("utf-8", "replace")
    if b"\\ud" not in text and b"\\uD" not in text:
        return text
    return _ESCAPE.sub(lambda match: b"\\ufffd" if match[1] else match[0], text)
