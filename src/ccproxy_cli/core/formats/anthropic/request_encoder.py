"""A request of the vocabulary to the vendor's body.

What came in this format is written as it was, whatever the target's profile says: the client chose its words for this vendor. What
came in another format is first adapted to the vendor's rules and the target's abilities.
"""

from typing import assert_never

from ccproxy_cli.core.arguments import parse_arguments
from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import NO_EXTRAS, Losses
from ccproxy_cli.core.formats.anthropic.adaptation import adapt
from ccproxy_cli.core.formats.anthropic.citations import without_unproven
from ccproxy_cli.core.formats.anthropic.hosted import is_unproven
from ccproxy_cli.core.formats.anthropic.media import encode_source
from ccproxy_cli.core.formats.anthropic.parts import (
    encode_cache,
    encode_call,
    encode_media,
    encode_text,
    encode_thinking,
    encode_unproven_thinking,
    own_members,
    with_extras,
    write_opaque,
)
from ccproxy_cli.core.formats.anthropic.request_decoder import BETA_NOTE, CALL_NOTE, TIERS, TYPE_NOTE
from ccproxy_cli.core.formats.anthropic.wire import NAME
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.jsontext import JSON, JSONError, dumps
from ccproxy_cli.core.leaving_out import leave_out
from ccproxy_cli.core.parts import CacheMark, Excerpts, Media, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import AnyTool, ChoiceMode, Message, OutputKind, Request, Role, Tool

VERSION = "2026-10-21"
SAMPLING_VERSION = "2023-06-01"
"""The last version whose requests may hold temperature, top_p and top_k (vendor's migration notes for 2026-10-21)."""

_UNCOUNTED = ("max_tokens", "stream", "temperature", "top_p", "top_k", "stop_sequences", "metadata", "service_tier", "container")
"""What the token counter does not take."""


def encode_request(request: Request, profile: Profile, losses: Losses) -> HTTPCall:
    """A `POST /v1/messages`.

    Raises:
        BadRequest: the vendor has no way to say it.
    """
    native = is_native(request)
    body = write_body(request if native else adapt(request, profile, losses), losses)
    if profile.without and not native:
        leave_out(body, profile.without, losses)
    return _call("/v1/messages", body, request)


def encode_count_request(request: Request, profile: Profile, losses: Losses) -> HTTPCall:
    """A `POST /v1/messages/count_tokens`. Raises as `encode_request` does."""
    native = is_native(request)
    body = write_body(request if native else adapt(request, profile, losses), losses)
    for name in _UNCOUNTED:
        body.pop(name, None)
    return _call("/v1/messages/count_tokens", body, request)


def is_native(request: Request) -> bool:
    """Whether the request came in this format."""
    return CALL_NOTE in request.extras.get(NAME, NO_EXTRAS)


def _call(path: str, body: dict[str, JSON], request: Request) -> HTTPCall:
    sampled = not body.keys().isdisjoint(("temperature", "top_p", "top_k"))
    headers = {"content-type": "application/json", "anthropic-version": SAMPLING_VERSION if sampled else VERSION}
    said = dict(request.extras.get(NAME, NO_EXTRAS).get(CALL_NOTE, {}))
    query = said.pop("query", "")
    return HTTPCall("POST", path, dumps(body), headers | said, query)


def write_body(request: Request, losses: Losses) -> dict[str, JSON]:
    """The body of a request that obeys the vendor's rules already."""
    losses.add_foreign(request.extras, NAME, "")
    body: dict[str, JSON] = {"model": request.model}
    if request.instructions or request.instructions_flat:
        body["system"] = _system(request, losses)
    messages = [_message(message, f"messages[{index}]", losses) for index, message in enumerate(request.messages)]
    body["messages"] = [message for message in messages if message is not None]
    if request.tools is not None:
        tools = [_tool(tool, f"tools[{index}]", losses) for index, tool in enumerate(request.tools)]
        body["tools"] = [tool for tool in tools if tool is not None]
    _write_choice(body, request)
    _write_thinking(body, request)
    _write_output(body, request)
    plain: dict[str, JSON] = {
        "max_tokens": request.max_tokens,
        "temperature": request.sampling.temperature,
        "top_p": request.sampling.top_p,
        "top_k": request.sampling.top_k,
        "stop_sequences": None if request.stop is None else list(request.stop),
        "cache_control": None if request.cache is None else encode_cache(request.cache),
        "stream": request.stream,
        "service_tier": next((word for word, tier in TIERS.items() if tier == request.service_tier), None),
    }
    body |= {name: value for name, value in plain.items() if value is not None}
    if request.user is not None:
        body["metadata"] = {"user_id": request.user}
    for name, value in own_members(request.extras).items():
        if isinstance(body.get(name), dict) and isinstance(value, dict):
            body[name] = {**value, **body[name]}
        else:
            body.setdefault(name, value)
    return body


def _system(request: Request, losses: Losses) -> JSON:
    if (
        request.instructions_flat
        and len(request.instructions) == 1
        and isinstance(request.instructions[0], Text)
        and not request.instructions[0].cache
    ):
        return request.instructions[0].text
    return encode_parts(request.instructions, "system", losses)


def _message(message: Message, path: str, losses: Losses) -> dict[str, JSON] | None:
    """The message; None if nothing of it can be said."""
    role = "assistant" if message.role is Role.ASSISTANT else "system" if message.role is Role.SYSTEM else "user"
    content = encode_content(message.parts, message.flat, f"{path}.content", losses)
    return with_extras({"role": role, "content": content}, None, message.extras) if content != [] or not message.parts else None


def encode_content(parts: tuple[Part, ...], flat: bool, path: str, losses: Losses) -> JSON:
    """A `content`: one bare string where it was one and still can be."""
    if flat and len(parts) == 1 and isinstance(parts[0], Text) and parts[0].cache is None:
        return parts[0].text
    return encode_parts(parts, path, losses)


def encode_parts(parts: tuple[Part, ...], path: str, losses: Losses) -> list[JSON]:
    """The blocks of `parts`, without those that only other vendors can read."""
    blocks = [_block(part, f"{path}[{index}]", losses) for index, part in enumerate(parts)]
    return [block for block in blocks if block is not None]


def _block(part: Part, path: str, losses: Losses) -> JSON | None:
    match part:
        case Text():
            return _text(part, path, losses)
        case Media():
            excerpts = (
                encode_content(part.source.parts, part.source.flat, f"{path}.source.content", losses)
                if isinstance(part.source, Excerpts)
                else None
            )
            return encode_media(part, encode_source(part, excerpts))
        case Reasoning():
            return _thinking(part, path, losses)
        case ToolCall():
            try:
                return encode_call(part, part.call_id, parse_arguments(part))
            except JSONError as error:
                # No path: the history may have been rearranged, and the id says where to look.
                raise BadRequest(f"the arguments of tool call {part.call_id[:80]!r} are not a JSON object: {error}") from error
        case ToolResult():
            return _result(part, path, losses)
        case Refusal():
            return {"type": "text", "text": part.text}
        case Opaque():
            return _opaque(part, path, "", losses)
        case _:
            assert_never(part)


def _text(part: Text, path: str, losses: Losses) -> JSON:
    block = encode_text(part)
    if not part.citations:
        return block
    proven = without_unproven(block)
    if proven is not block:
        losses.add(f"{path}.citations", f"{NAME} takes back only citations that it made itself")
    return proven


def _opaque(part: Opaque, path: str, kind: str, losses: Losses) -> JSON | None:
    block = None if is_unproven(part.raw) else write_opaque(part)
    if block is None:
        losses.add(path, f"{NAME} has no {part.type}{kind}")
    return block


def _thinking(part: Reasoning, path: str, losses: Losses) -> JSON | None:
    block = encode_thinking(part)
    if block is None and not part.proofs:
        return encode_unproven_thinking(part)
    if block is None:
        losses.add(path, f"{NAME} takes only reasoning that it signed itself")
    return block


def _result(part: ToolResult, path: str, losses: Losses) -> dict[str, JSON]:
    block: dict[str, JSON] = {"type": "tool_result", "tool_use_id": part.call_id}
    if part.parts:
        block["content"] = encode_content(part.parts, part.flat, f"{path}.content", losses)
    if part.is_error is not None:
        block["is_error"] = part.is_error
    return with_extras(block, part.cache, part.extras)


def _tool(tool: AnyTool, path: str, losses: Losses) -> JSON | None:
    if isinstance(tool, Opaque):
        return _opaque(tool, path, " tool", losses)
    block: dict[str, JSON] = {"name": tool.name}
    if tool.description is not None:
        block["description"] = tool.description
    if tool.parameters is not None:
        block["input_schema"] = tool.parameters
    if tool.strict is not None:
        block["strict"] = tool.strict
    return with_extras(_typed(block, tool), tool.cache, tool.extras)


def _typed(block: dict[str, JSON], tool: Tool) -> dict[str, JSON]:
    written = tool.extras.get(NAME, NO_EXTRAS).get(TYPE_NOTE)
    return {"type": written, **block} if written else block


def _write_choice(body: dict[str, JSON], request: Request) -> None:
    choice, parallel = request.tool_choice, request.parallel_tool_calls
    if choice is None:
        return
    written: dict[str, JSON]
    match choice.mode:
        case ChoiceMode.AUTO:
            written = {"type": "auto"}
        case ChoiceMode.NONE:
            written = {"type": "none"}
        case ChoiceMode.REQUIRED if choice.names:
            written = {"type": "tool", "name": choice.names[0]}
        case ChoiceMode.REQUIRED:
            written = {"type": "any"}
    if parallel is not None and choice.mode is not ChoiceMode.NONE:
        written["disable_parallel_tool_use"] = not parallel
    body["tool_choice"] = with_extras(written, None, choice.extras)


def _write_thinking(body: dict[str, JSON], request: Request) -> None:
    thinking = request.thinking
    if thinking is None:
        return
    written: dict[str, JSON] = {}
    if thinking.mode is not None:
        written["type"] = thinking.mode.value
    if thinking.budget is not None:
        written["budget_tokens"] = thinking.budget
    if thinking.display is not None:
        written["display"] = thinking.display
    written = with_extras(written, None, thinking.extras)
    if "type" in written:
        body["thinking"] = written
    if thinking.effort is not None:
        body["output_config"] = {"effort": thinking.effort}


def _write_output(body: dict[str, JSON], request: Request) -> None:
    output = request.output
    if output is None or output.kind is not OutputKind.JSON_SCHEMA:
        return
    written = with_extras({"type": "json_schema", "schema": output.schema}, None, output.extras)
    if BETA_NOTE in output.extras.get(NAME, NO_EXTRAS):
        body["output_format"] = written
    else:
        body.setdefault("output_config", {})["format"] = written


def cache_of(part: Part | AnyTool) -> CacheMark | None:
    """The mark on a part, where parts of its kind can have one."""
    match part:
        case Text() | Media() | ToolCall() | ToolResult() | Tool():
            return part.cache
        case _:
            return None
