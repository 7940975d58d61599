"""Requests, both ways.

A request that came in this format goes out as its client wrote it, whatever the target's profile says: the client knows what it
asks for, and the relay would send the same. One that came in another format is first bent to what this format and the target
can take; see `bend`.
"""

from attrs import evolve

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import VITAL, Losses
from ccproxy_cli.core.formats._blame import parse
from ccproxy_cli.core.formats._openai.user import USER, read_user
from ccproxy_cli.core.formats.openai_responses import spelling
from ccproxy_cli.core.formats.openai_responses.bend import LOGPROBS, bend
from ccproxy_cli.core.formats.openai_responses.history import InputReader, write_input
from ccproxy_cli.core.formats.openai_responses.hosted import OUTPUTS, SOURCES
from ccproxy_cli.core.formats.openai_responses.tools import read_choice, read_tools, write_choice, write_tools
from ccproxy_cli.core.formats.openai_responses.wire import KIT, NAME, WireOutput, WireRequest, WireTextOptions, WireThinking
from ccproxy_cli.core.http import JSON_HEADERS, HTTPCall
from ccproxy_cli.core.jsontext import JSON, dumps
from ccproxy_cli.core.leaving_out import leave_out
from ccproxy_cli.core.names import fit_name
from ccproxy_cli.core.parts import Text
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import AnyTool, Message, Output, OutputKind, Request, Role, Sampling, Thinking

PATH = "/responses"
COUNT_PATH = "/responses/input_tokens"
MAX_NAME = 64
"""Characters of a tool's name (vendor's reference, 2026-11)."""

ENCRYPTED_REASONING = "reasoning.encrypted_content"
TOLD_ANYHOW = frozenset({ENCRYPTED_REASONING, LOGPROBS, SOURCES, OUTPUTS})
"""What may be asked for with `include` that other formats tell without it, or say in another way."""
_OUTPUTS = {kind.value: kind for kind in OutputKind}
_COUNTED = frozenset(
    {"model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "reasoning", "text", "truncation", "conversation"}
    | {"previous_response_id"}
)
"""What the token counter takes (vendor's reference, 2026-11)."""


def decode_request(call: HTTPCall, losses: Losses) -> Request:
    """A client's request.

    Raises:
        BadRequest: naming the field as the client wrote it.
    """
    wire = KIT.read(parse(call.body, BadRequest), WireRequest, BadRequest)
    if not wire.model:
        raise BadRequest("model: must not be empty", "model")
    members: dict[str, JSON] = dict(wire.extras)
    reader = InputReader()
    messages = _read_input(wire, reader, members)
    tools = _read_tools(wire, reader, members)
    choice = None if wire.tool_choice is None else read_choice(wire.tool_choice, tools or (), "tool_choice")
    if choice is None and wire.tool_choice is not None:
        members["tool_choice"] = wire.tool_choice
    request = Request(
        model=wire.model,
        messages=messages,
        instructions=() if wire.instructions is None else (Text(wire.instructions),),
        instructions_flat=wire.instructions is not None,
        tools=tools,
        tool_choice=choice,
        parallel_tool_calls=wire.parallel_tool_calls,
        max_tokens=wire.max_output_tokens,
        sampling=Sampling(wire.temperature, wire.top_p),
        thinking=_read_thinking(wire, members),
        output=_read_output(wire, members),
        stream=wire.stream,
        user=read_user(wire.user, wire.safety_identifier, members),
        cache_key=wire.prompt_cache_key,
        service_tier=wire.service_tier,
        logprobs=wire.top_logprobs if wire.top_logprobs is not None else 0 if LOGPROBS in (wire.include or ()) else None,
    )
    _note_state(wire, reader, members)
    return evolve(request, extras={NAME: members})


decode_count_request = decode_request


def _read_input(wire: WireRequest, reader: InputReader, members: dict[str, JSON]) -> tuple[Message, ...]:
    match wire.input:
        case None:
            if not any((wire.previous_response_id, wire.conversation, wire.prompt)):
                raise BadRequest("input: Field required", "input")
            members[spelling.NO_INPUT] = True
        case str() as text:
            members[spelling.BARE] = True
            return (Message(Role.USER, (Text(text),), flat=True, extras=spelling.ours()),)
        case items:
            reader.read(items)
    return tuple(reader.messages)


def _read_tools(wire: WireRequest, reader: InputReader, members: dict[str, JSON]) -> tuple[AnyTool, ...] | None:
    if wire.tools is None:
        if not reader.tools:
            return None
        members[spelling.NO_TOOLS] = True
    return (*read_tools(wire.tools or (), "tools", {}), *reader.tools)


def _read_thinking(wire: WireRequest, members: dict[str, JSON]) -> Thinking | None:
    asked = wire.reasoning
    if asked is None:
        return None
    if asked.effort is None:  # how to tell of the thinking is no wish for it
        members["reasoning"] = KIT.write(asked)
        return None
    return Thinking(effort=asked.effort, display=asked.summary, extras=spelling.ours(asked.extras))


def _read_output(wire: WireRequest, members: dict[str, JSON]) -> Output | None:
    if wire.text is None:
        return None
    members |= spelling.dotted("text", wire.text.extras)
    written = wire.text.format
    if written is None:
        if not wire.text.extras:
            members["text"] = {}
        return None
    kind = _OUTPUTS.get(written.type)
    if kind is OutputKind.JSON_SCHEMA and written.schema is None:
        raise BadRequest("text.format.schema: Field required", "text.format.schema")
    if kind is None:
        members["text.format"] = KIT.write(written)
        return None
    return Output(kind, written.schema, written.name, written.description, written.strict, spelling.ours(written.extras))


def _note_state(wire: WireRequest, reader: InputReader, members: dict[str, JSON]) -> None:
    """What asks for, or relies on, something that the vendor keeps."""
    if wire.include is not None and TOLD_ANYHOW.issuperset(wire.include):
        members[spelling.INCLUDE] = wire.include
    elif wire.include is not None:
        members["include"] = wire.include
    if wire.top_logprobs == 0:
        members[spelling.TOP] = True
    if wire.store is not None:
        members[spelling.STORE] = wire.store
    for name in spelling.KEPT_ELSEWHERE:
        value = getattr(wire, name)
        if value is not None:
            members[VITAL + name] = value
    for path, item_id in reader.references:
        members[VITAL + path] = item_id


def encode_request(request: Request, profile: Profile, losses: Losses) -> HTTPCall:
    """The request as a call below a base URL that ends in `/v1`.

    Raises:
        BadRequest: something that must not be left out cannot be said.
    """
    return HTTPCall("POST", PATH, dumps(_body(request, profile, losses)), JSON_HEADERS)


def encode_count_request(request: Request, profile: Profile, losses: Losses) -> HTTPCall:
    """A call to the token counter. Raises as `encode_request` does."""
    body = _body(request, profile, losses)
    return HTTPCall("POST", COUNT_PATH, dumps({name: value for name, value in body.items() if name in _COUNTED}), JSON_HEADERS)


def fit_tool_name(name: str) -> str:
    """A tool's name as the vendor takes it."""
    return fit_name(name, MAX_NAME)


def _body(request: Request, profile: Profile, losses: Losses) -> dict[str, JSON]:
    own = spelling.is_own(request.extras)
    if not own:
        request = bend(request, profile, losses)
    wire = write_settings(request)
    if spelling.said(request.extras, spelling.BARE) and len(request.messages) == 1 and request.messages[0].flat:
        wire.input = "".join(part.text for part in request.messages[0].parts if isinstance(part, Text))
    elif not spelling.said(request.extras, spelling.NO_INPUT):
        wire.input = write_input(request.messages)
    body: dict[str, JSON] = KIT.write(wire)
    if profile.without and not own:
        leave_out(body, profile.without, losses)
    return body


def write_settings(request: Request) -> WireRequest:
    """All of a request but its input."""
    notes = request.extras
    wire = WireRequest(
        model=request.model,
        instructions="\n\n".join(part.text for part in request.instructions if isinstance(part, Text)) if request.instructions else None,
        parallel_tool_calls=request.parallel_tool_calls,
        max_output_tokens=request.max_tokens,
        temperature=request.sampling.temperature,
        top_p=request.sampling.top_p,
        reasoning=_write_thinking(request.thinking),
        text=_write_text(request),
        include=spelling.noted(notes, spelling.INCLUDE),
        store=spelling.noted(notes, spelling.STORE),
        stream=request.stream,
        prompt_cache_key=request.cache_key,
        service_tier=request.service_tier,
        top_logprobs=request.logprobs or (0 if spelling.said(notes, spelling.TOP) else None),
        extras=spelling.own_members(notes, "text"),
    )
    if spelling.said(notes, USER):
        wire.user = request.user
    else:
        wire.safety_identifier = request.user
    if request.tools is not None and not spelling.said(notes, spelling.NO_TOOLS):
        wire.tools = write_tools(request.tools)
    if request.tool_choice is not None:
        wire.tool_choice = write_choice(request.tool_choice, request.tools or ())
    for name in spelling.KEPT_ELSEWHERE:
        setattr(wire, name, spelling.noted(notes, VITAL + name))
    return wire


def _write_thinking(thinking: Thinking | None) -> WireThinking | None:
    if thinking is None:
        return None
    return WireThinking(effort=thinking.effort, summary=thinking.display, extras=spelling.own_members(thinking.extras))


def _write_text(request: Request) -> WireTextOptions | None:
    members, output = spelling.inner_members(request.extras, "text"), request.output
    if output is None and not members:
        return None
    wire = WireTextOptions(extras=members)
    if output is not None:
        wire.format = WireOutput(
            type=output.kind.value,
            name=output.name,
            description=output.description,
            schema=output.schema,
            strict=output.strict,
            extras=spelling.own_members(output.extras),
        )
    return wire
