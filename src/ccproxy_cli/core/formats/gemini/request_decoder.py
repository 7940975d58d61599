"""A client's request to the vocabulary. Nothing is restructured: what the client wrote can be written again, member for member."""

import re
from collections.abc import Sequence

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import VITAL, Losses, extras_of
from ccproxy_cli.core.formats._blame import parse
from ccproxy_cli.core.formats._wirekit import W, snake_case
from ccproxy_cli.core.formats.gemini import spelling
from ccproxy_cli.core.formats.gemini.envelope import STREAM, split_path, wants_array
from ccproxy_cli.core.formats.gemini.finish import TIERS
from ccproxy_cli.core.formats.gemini.generation import decode_generation
from ccproxy_cli.core.formats.gemini.pairing import Pairing
from ccproxy_cli.core.formats.gemini.parts import decode_part
from ccproxy_cli.core.formats.gemini.tools import decode_choice, decode_tools
from ccproxy_cli.core.formats.gemini.wire import KIT, NAME, ContentWire, CountRequestWire, PartWire, RequestWire
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.parts import Opaque, Text
from ccproxy_cli.core.request import Message, Request, Role

_USERS = ("user", "function", "tool")
"""`function` is what the vendor's first SDK called the role of results, and some clients still do."""
_KEPT_AS = {"model": spelling.MODEL} | {name: VITAL + name for name in spelling.VITAL_MEMBERS}
"""Members of a request that are no mere riders."""


def decode_request(call: HTTPCall, losses: Losses) -> Request:
    """A `POST /models/{model}:generateContent` or `:streamGenerateContent`.

    Raises:
        BadRequest: with the path of the field as the client wrote it.
    """
    model, action = split_path(call.path)
    body = parse(call.body, BadRequest)
    notes: dict[str, JSON] = {spelling.OWN: True}
    if action == STREAM and wants_array(call):
        notes[spelling.ARRAY] = True
    return _request(_read(body, RequestWire), model, action == STREAM, notes, body)


def decode_count_request(call: HTTPCall, losses: Losses) -> Request:
    """A `POST /models/{model}:countTokens`: the contents, or a whole request. Raises as `decode_request` does."""
    model, _ = split_path(call.path)
    body = parse(call.body, BadRequest)
    wire = _read(body, CountRequestWire)
    if wire.generate_content_request is None:
        return _request(_read(body, RequestWire), model, None, {spelling.OWN: True}, body)
    inner = next(body[name] for name in ("generateContentRequest", "generate_content_request") if name in body)
    return _request(wire.generate_content_request, model, None, {spelling.OWN: True, spelling.WHOLE: True}, inner)


def _read(body: JSON, kind: type[W]) -> W:
    try:
        return KIT.read(body, kind, BadRequest)
    except BadRequest as error:
        raise _as_written(error, body) from error


def _as_written(error: BadRequest, body: JSON) -> BadRequest:
    """The error with its path in the client's own spelling."""
    if error.param is None:
        return error
    path = written_path(error.param, body)
    return BadRequest(error.message.replace(error.param, path, 1), path, error.kind, error.code, error.details)


def written_path(path: str, body: JSON) -> str:
    """`path`, whose names may be in either spelling, as they are in `body`; what is not there is in camelCase."""
    steps: list[str] = []
    for step in path.split("."):
        name, bracket, rest = step.partition("[")
        camel = re.sub(r"_([a-z])", lambda match: match[1].upper(), name)
        name = next((each for each in (camel, name, snake_case(name)) if isinstance(body, dict) and each in body), camel)
        steps.append(name + bracket + rest)
        body = body.get(name) if isinstance(body, dict) else None
        for index in rest.removesuffix("]").split("][") if bracket else ():
            body = body[int(index)] if isinstance(body, list) and index.isdigit() and int(index) < len(body) else None
    return ".".join(steps)


def _request(wire: RequestWire, model: str, stream: bool | None, notes: dict[str, JSON], body: JSON) -> Request:
    try:
        return _decode(wire, model, stream, notes)
    except BadRequest as error:
        raise _as_written(error, body) from error
    except RecursionError as error:
        raise BadRequest("the request is nested too deeply") from error


def _decode(wire: RequestWire, model: str, stream: bool | None, notes: dict[str, JSON]) -> Request:
    contents = wire.contents
    if contents is None:
        raise BadRequest("contents: Field required", "contents")
    if isinstance(contents, ContentWire):
        notes[spelling.ONE] = True
        contents = [contents]
    if not contents:
        raise BadRequest("contents: must not be empty", "contents")
    members = {_KEPT_AS.get(name, name): value for name, value in wire.extras.items()} | notes
    generation = decode_generation(wire.generation_config)
    tools = decode_tools(wire)
    choice = decode_choice(wire.tool_config, tools.tools, members)
    members |= {**generation.members, **tools.notes}
    return Request(
        model=model,
        messages=_messages(contents),
        instructions=_instructions(wire.system_instruction, members),
        tools=tools.tools,
        tool_choice=choice,
        max_tokens=generation.max_tokens,
        sampling=generation.sampling,
        stop=generation.stop,
        thinking=generation.thinking,
        output=generation.output,
        stream=stream,
        service_tier=_tier(members),
        logprobs=generation.logprobs,
        extras=extras_of(NAME, members),
    )


def _tier(members: dict[str, JSON]) -> str | None:
    """The service tier, taken out of `members` where it is known."""
    for name in ("serviceTier", "service_tier"):
        word = members.get(name)
        if isinstance(word, str) and word.lower() in TIERS:
            members[spelling.TIER] = {name: members.pop(name)}
            return TIERS[word.lower()]
    return None


def _messages(contents: Sequence[ContentWire]) -> tuple[Message, ...]:
    pairing = Pairing()
    return tuple(_message(content, f"contents[{index}]", pairing) for index, content in enumerate(contents))


def _message(wire: ContentWire, path: str, pairing: Pairing) -> Message:
    members = dict(wire.extras)
    if wire.role is None:
        members[spelling.NO_ROLE] = True
    elif wire.role not in ("user", "model"):
        if wire.role not in _USERS:
            raise BadRequest(f"{path}.role: Please use a valid role: user, model.", f"{path}.role")
        members[spelling.ROLE] = wire.role
    role = Role.ASSISTANT if wire.role == "model" else Role.USER
    pairing.start_turn(role is Role.ASSISTANT)
    parts = tuple(
        decode_part(part, f"{path}.parts[{index}]", BadRequest, pairing.call, pairing.result)
        for index, part in enumerate(_parts(wire, members))
    )
    return Message(role, parts, extras=extras_of(NAME, members))


def _parts(wire: ContentWire, members: dict[str, JSON]) -> Sequence[PartWire]:
    """The parts of a content, how they were written going to `members`."""
    match wire.parts:
        case None:
            members[spelling.NO_PARTS] = True
            return ()
        case PartWire():
            members[spelling.ONE] = True
            return (wire.parts,)
        case parts:
            return parts


def _instructions(wire: ContentWire | None, members: dict[str, JSON]) -> tuple[Text | Opaque, ...]:
    """The system text. The role beside it means nothing to the vendor."""
    if wire is None:
        return ()
    rest = dict(wire.extras)
    if wire.role is not None:
        rest["role"] = wire.role
    pairing = Pairing()
    found: list[Text | Opaque] = []
    for index, each in enumerate(_parts(wire, rest)):
        part = decode_part(each, f"systemInstruction.parts[{index}]", BadRequest, pairing.call, pairing.result)
        found.append(part if isinstance(part, Text | Opaque) else Opaque(NAME, KIT.write(each)))
    members[spelling.SYSTEM] = rest
    return tuple(found)
