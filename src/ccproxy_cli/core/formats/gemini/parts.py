"""Parts, both ways: shared by requests, bodies and streams.

A part's kind is told by which member holds its data. A signature may sit on a part of any kind, on words, on empty words, on a call, and
goes back in the part it came in.
"""

import base64
from collections.abc import Callable, Mapping
from typing import TypeAlias, TypeVar, assert_never

from attrs import evolve

from ccproxy_cli.core.arguments import parse_arguments
from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import NOTE, Extras, Losses, extras_of
from ccproxy_cli.core.formats._blame import Blame, blamed
from ccproxy_cli.core.formats.gemini import spelling
from ccproxy_cli.core.formats.gemini.grounding import read_code
from ccproxy_cli.core.formats.gemini.media import decode_blob, decode_file, encode_media
from ccproxy_cli.core.formats.gemini.results import decode_result, encode_result
from ccproxy_cli.core.formats.gemini.wire import KIT, NAME, FunctionCall, PartWire
from ccproxy_cli.core.jsontext import JSON, JSONError, dumps_str
from ccproxy_cli.core.left_behind import own_proofs
from ccproxy_cli.core.parts import Media, Opaque, Part, Proof, Reasoning, Refusal, Text, ToolCall, ToolResult

NameCall: TypeAlias = Callable[[str | None, str], str]
"""The id of a call with that id, if it has one, and that name."""

Signable = TypeVar("Signable", ToolCall, Text, Reasoning)

STAND_IN = base64.b64encode(b"skip_thought_signature_validator").decode()
"""The vendor's documented signature for calls that another model made; recorded as accepted by gemini-3-pro and 3-flash previews."""
_STAND_INS = frozenset(
    {STAND_IN, "skip_thought_signature_validator", "context_engineering_is_the_way_to_go"}
    | {base64.b64encode(b"context_engineering_is_the_way_to_go").decode()}
)

_BESIDE = frozenset({"partMetadata", "part_metadata", "videoMetadata", "video_metadata", "mediaResolution", "media_resolution"})
"""Members that say something about a part of any kind. Any other that we do not model is a kind of its own."""


# Wire to parts


def decode_part(wire: PartWire, path: str, blame: Blame, call_id: NameCall, result_id: NameCall) -> Part:
    """The part that `wire` is. What we have no words for, code that was run above all, is kept verbatim.

    Raises:
        BadRequest or BadUpstream: as `blame` says.
    """
    data = [wire.function_call, wire.function_response, wire.inline_data, wire.file_data]
    known = sum(member is not None for member in data)
    unknown = any(value is not None and name not in _BESIDE and not name.startswith(NOTE) for name, value in wire.extras.items())
    if unknown or known + (wire.text is not None) > 1:
        raw = KIT.write(wire)
        return Opaque(NAME, raw, read_code(raw))
    if known == 0:
        return _decode_words(wire)
    extras = _extras_of_data(wire)
    if wire.function_call is not None:
        return _decode_call(wire, wire.function_call, extras, path, blame, call_id)
    if wire.inline_data is not None:
        return decode_blob(wire.inline_data, extras)
    if wire.file_data is not None:
        return decode_file(wire.file_data, extras)
    assert wire.function_response is not None
    return decode_result(wire.function_response, extras, f"{path}.functionResponse", blame, result_id)


def _decode_words(wire: PartWire) -> Part:
    if wire.text is None and wire.thought_signature is None and wire.thought is None:
        return Opaque(NAME, KIT.write(wire))
    members = dict(wire.extras)
    if wire.text is None:
        members[spelling.NO_TEXT] = True
    if wire.thought is False:
        members[spelling.THOUGHT] = False
    proofs = _proofs(wire.thought_signature, members)
    kind = Reasoning if wire.thought else Text
    return kind(text=wire.text or "", proofs=proofs, extras=extras_of(NAME, members))


def _proofs(signature: str | None, members: dict[str, JSON]) -> tuple[Proof, ...]:
    if signature is None:
        return ()
    if signature and signature not in _STAND_INS:
        return (Proof(NAME, signature),)
    members[spelling.UNSIGNED] = signature
    return ()


def _extras_of_data(wire: PartWire) -> Extras:
    """Extras of a part whose kind is neither words nor a call: a signature on it rides there too."""
    members = dict(wire.extras)
    if wire.thought is not None:
        members[spelling.THOUGHT] = wire.thought
    if wire.thought_signature is not None and wire.function_call is None:
        members["thoughtSignature"] = wire.thought_signature
    return extras_of(NAME, members)


def _decode_call(wire: PartWire, call: FunctionCall, extras: Extras, path: str, blame: Blame, call_id: NameCall) -> ToolCall:
    where = f"{path}.functionCall"
    if not call.name:
        raise blamed(blame, f"{where}.name", "Field required")
    if call.args is not None and not isinstance(call.args, dict):
        raise blamed(blame, f"{where}.args", "expected an object")
    members = {**spelling.members_of(extras), **spelling.inner("functionCall", call.extras)}
    if call.id is None:
        members[spelling.NO_ID] = True
    elif not call.id:
        members[spelling.OWN_ID] = call.id
    if call.args is None:
        members[spelling.NO_ARGS] = True
    proofs = _proofs(wire.thought_signature, members)
    arguments = dumps_str(call.args) if call.args is not None else "{}"
    return ToolCall(call_id(call.id or None, call.name), call.name, arguments, proofs=proofs, extras=extras_of(NAME, members))


# Parts to wire


def encode_part(part: Part, path: str) -> dict[str, JSON] | None:
    """The part on the wire; None for what only other vendors can read.

    Raises:
        BadRequest: a call whose arguments are no JSON object.
    """
    match part:
        case Text() | Reasoning():
            return encode_words(part)
        case Refusal():
            return {"text": part.text}
        case ToolCall():
            return encode_call(part, read_arguments(part, path))
        case ToolResult(name=None):
            raise BadRequest(f"{path}: the result of tool call {part.call_id[:80]!r} does not name its function", path)
        case ToolResult():
            return finish(encode_result(part), part.extras, "functionResponse")
        case Media():
            data = encode_media(part)
            return None if data is None else finish(data, part.extras, "inlineData", "fileData")
        case Opaque():
            return part.raw if part.format == NAME else None
        case _:
            assert_never(part)


def encode_words(part: Text | Reasoning) -> dict[str, JSON]:
    """Plain words or thoughts, with their signature."""
    notes = spelling.members_of(part.extras)
    wire: dict[str, JSON] = {} if spelling.NO_TEXT in notes and not part.text else {"text": part.text}
    if isinstance(part, Reasoning):
        wire["thought"] = True
    return finish(_signed(wire, part.proofs), part.extras)


def encode_call(part: ToolCall, arguments: Mapping[str, JSON]) -> dict[str, JSON]:
    """A call with its arguments as an object."""
    notes = spelling.members_of(part.extras)
    call: dict[str, JSON] = {"name": part.name}
    if spelling.OWN_ID in notes:
        call["id"] = notes[spelling.OWN_ID]
    elif spelling.NO_ID not in notes:
        call["id"] = part.call_id
    if arguments or spelling.NO_ARGS not in notes:
        call["args"] = arguments
    wire: dict[str, JSON] = {"functionCall": spelling.complete(call, spelling.inner_members(part.extras, "functionCall"))}
    return finish(_signed(wire, part.proofs), part.extras, "functionCall")


def _signed(wire: dict[str, JSON], proofs: tuple[Proof, ...]) -> dict[str, JSON]:
    for proof in proofs:
        if proof.issuer == NAME:
            wire["thoughtSignature"] = proof.payload
    return wire


def finish(wire: dict[str, JSON], extras: Extras, *inner: str) -> dict[str, JSON]:
    """A part with what rode along beside its data, whose own members stand under `inner`."""
    notes = spelling.members_of(extras)
    if not notes:
        return wire
    if spelling.THOUGHT in notes:
        wire["thought"] = notes[spelling.THOUGHT]
    if spelling.UNSIGNED in notes:
        wire.setdefault("thoughtSignature", notes[spelling.UNSIGNED])
    return spelling.complete(wire, notes, *inner)


def read_arguments(part: ToolCall, path: str) -> dict[str, JSON]:
    """The arguments of a call that a client sent.

    Raises:
        BadRequest: they are not a JSON object.
    """
    try:
        return parse_arguments(part)
    except JSONError as error:
        message = f"{path}: the arguments of tool call {part.call_id[:80]!r} are not a JSON object: {error}"
        raise BadRequest(message, path) from error


def with_own_proofs(part: Signable, path: str, losses: Losses) -> Signable:
    """The part without the proofs that other vendors issued."""
    own = own_proofs(part, NAME, path, losses)
    return part if len(own) == len(part.proofs) else evolve(part, proofs=own)
