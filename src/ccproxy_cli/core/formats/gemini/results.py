"""Function responses, both ways.

The wire wants a JSON object, other vendors want text. A response of one member that is text is that text, whatever its client calls the
member; anything else is the object as JSON. Outward the vendor's documented names are `output` and `error`.
"""

from collections.abc import Callable

from ccproxy_cli.core.extras import Extras, extras_of
from ccproxy_cli.core.formats._blame import Blame, blamed
from ccproxy_cli.core.formats.gemini import spelling
from ccproxy_cli.core.formats.gemini.media import decode_blob, decode_file, encode_media
from ccproxy_cli.core.formats.gemini.wire import KIT, NAME, FunctionResponse, MediaPart
from ccproxy_cli.core.jsontext import JSON, JSONError, dumps_str, loads
from ccproxy_cli.core.parts import Media, Opaque, Part, Text, ToolResult


def decode_result(
    wire: FunctionResponse, extras: Extras, path: str, blame: Blame, result_id: Callable[[str | None, str], str]
) -> ToolResult:
    """The result that `wire` is.

    Args:
        extras: those of the part around it.

    Raises:
        BadRequest or BadUpstream: as `blame` says.
    """
    if not wire.name:
        raise blamed(blame, f"{path}.name", "Field required")
    members = {**spelling.members_of(extras), **spelling.inner("functionResponse", wire.extras)}
    parts: list[Part] = []
    if wire.response is None:
        members[spelling.NO_RESPONSE] = True
    else:
        if not isinstance(wire.response, dict):
            raise blamed(blame, f"{path}.response", "expected an object")
        parts.append(Text(_read_response(wire.response, members)))
    if wire.parts is not None:
        parts += [_decode_media(part) for part in wire.parts]
        if not wire.parts:
            members["functionResponse.parts"] = []
    call_id = result_id(wire.id or None, wire.name)
    if wire.id is None:
        members[spelling.NO_ID] = True
    elif wire.id != call_id:
        members[spelling.OWN_ID] = wire.id
    failed = isinstance(wire.response, dict) and list(wire.response) == ["error"]
    return ToolResult(
        call_id,
        tuple(parts),
        is_error=True if failed else None,
        flat=wire.response is not None and len(parts) == 1,
        name=wire.name,
        extras=extras_of(NAME, members),
    )


def _read_response(response: dict[str, JSON], members: dict[str, JSON]) -> str:
    if len(response) == 1:
        ((key, value),) = response.items()
        if isinstance(value, str):
            members[spelling.KEY] = key
            return value
    members[spelling.OBJECT] = True
    return dumps_str(response)


def _decode_media(wire: MediaPart) -> Part:
    extras = extras_of(NAME, wire.extras)
    if wire.inline_data is not None and wire.file_data is None:
        return decode_blob(wire.inline_data, extras)
    if wire.file_data is not None and wire.inline_data is None:
        return decode_file(wire.file_data, extras)
    return Opaque(NAME, KIT.write(wire))


def encode_result(part: ToolResult) -> dict[str, JSON]:
    """The `functionResponse` member. The result must have its name."""
    notes = spelling.members_of(part.extras)
    result: dict[str, JSON] = {"name": part.name}
    if spelling.OWN_ID in notes:
        result["id"] = notes[spelling.OWN_ID]
    elif spelling.NO_ID not in notes:
        result["id"] = part.call_id
    texts = [piece.text for piece in part.parts if isinstance(piece, Text)]
    if texts or spelling.NO_RESPONSE not in notes:
        result["response"] = _write_response("\n".join(texts), part)
    media = [written for piece in part.parts if (written := _encode_media(piece)) is not None]
    if media:
        result["parts"] = media
    return {"functionResponse": spelling.complete(result, spelling.inner_members(part.extras, "functionResponse"))}


def _write_response(text: str, part: ToolResult) -> dict[str, JSON]:
    notes = spelling.members_of(part.extras)
    if spelling.KEY in notes:
        return {notes[spelling.KEY]: text}
    if part.is_error and spelling.OBJECT not in notes:
        return {"error": text}
    if text.lstrip().startswith("{"):
        try:
            value = loads(text)
        except JSONError:
            value = None
        if isinstance(value, dict):
            return value
    return {"output": text}


def _encode_media(part: Part) -> JSON | None:
    match part:
        case Media():
            data = encode_media(part)
            return None if data is None else spelling.complete(data, spelling.members_of(part.extras), "inlineData", "fileData")
        case Opaque(format_name, raw) if format_name == NAME:
            return raw
        case _:
            return None
