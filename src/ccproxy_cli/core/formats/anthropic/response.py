"""A complete answer, in both directions."""

import re
from collections.abc import Sequence
from typing import assert_never

from ccproxy_cli.core.arguments import parse_arguments
from ccproxy_cli.core.errors import BadUpstream
from ccproxy_cli.core.extras import Losses, extras_of
from ccproxy_cli.core.formats._blame import parse
from ccproxy_cli.core.formats.anthropic.citations import cited_blocks
from ccproxy_cli.core.formats.anthropic.hosted import Showing
from ccproxy_cli.core.formats.anthropic.parts import (
    decode_parts,
    encode_call,
    encode_text,
    encode_thinking,
    encode_unproven_thinking,
    own_members,
)
from ccproxy_cli.core.formats.anthropic.usage import (
    decode_finish,
    decode_usage,
    encode_details,
    encode_finish,
    encode_usage,
    read_tier,
    write_tier,
)
from ccproxy_cli.core.formats.anthropic.wire import KIT, NAME, ResponseWire
from ccproxy_cli.core.ids import digest_id, fit_id
from ccproxy_cli.core.jsontext import JSON, JSONError, dumps
from ccproxy_cli.core.left_behind import is_blank, leave_logprobs, leave_part, media_note
from ccproxy_cli.core.parts import Media, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from ccproxy_cli.core.request import Request
from ccproxy_cli.core.response import Finish, FinishReason, Response

MESSAGE_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,128}")
CALL_ID = re.compile(r"[a-zA-Z0-9_-]{1,128}")
CUT_SHORT = frozenset({FinishReason.LENGTH, FinishReason.CONTEXT_FULL})


def decode_response(body: bytes) -> Response:
    """The answer to a request that did not stream.

    Raises:
        BadUpstream: it is none.
    """
    value = parse(body, BadUpstream)
    if isinstance(value, dict) and value.get("type", "message") != "message":
        raise BadUpstream(f"upstream sent a {str(value['type'])[:40]!r} where a message was due")
    wire = KIT.read(value, ResponseWire, BadUpstream)
    usage = decode_usage(wire.usage)
    return Response(
        id=wire.id,
        model=wire.model,
        parts=decode_parts(wire.content, "content", BadUpstream),
        finish=decode_finish(wire.stop_reason, wire.stop_sequence, wire.extras.get("stop_details")),
        usage=usage,
        service_tier=read_tier(usage),
        extras=extras_of(NAME, message_members(wire)),
    )


def message_members(wire: ResponseWire) -> dict[str, JSON]:
    """What rides along with a message. Never empty, since `type` and `role` are among it: so it also tells that the answer is ours."""
    return {"type": "message", "role": "assistant"} | {
        name: value for name, value in wire.extras.items() if name not in ("stop_reason", "stop_sequence", "usage")
    }


def encode_response(response: Response, request: Request, losses: Losses | None = None) -> bytes:
    """The body of an answer.

    Raises:
        BadUpstream: a tool call's arguments are not a JSON object, although the model was not cut short.
    """
    native = NAME in response.extras
    own_id = message_id(response.id, response.model, response.created)
    losses = Losses() if losses is None else losses
    blocks: list[JSON] = []
    showing = Showing(own_id, losses)
    for index, part in enumerate(response.parts):
        if isinstance(part, ToolCall):
            made = call_id(part.call_id, own_id, response.parts[:index])
            blocks.append(encode_call(part, made, _arguments(part, response.finish)))
        elif native or not is_blank(part, NAME):
            blocks += _blocks(part, native, showing)
    blocks += showing.rest()
    body: dict[str, JSON] = {
        "id": own_id,
        "type": "message",
        "role": "assistant",
        "model": response.model,
        "content": blocks,
        "stop_reason": encode_finish(response.finish, response.parts, native),
        "stop_sequence": response.finish.stop_sequence,
        "usage": encode_usage(response.usage, native) | ({} if native else write_tier(response.service_tier, losses)),
    }
    if not native:
        body |= encode_details(response.finish)
    if response.logprobs:
        leave_logprobs(NAME, losses)
    for name, value in own_members(response.extras).items():
        body.setdefault(name, value)
    return dumps(body)


def message_id(given: str, model: str, created: int | None) -> str:
    """An id for the message: the upstream's own where there is one that fits."""
    return fit_id(given, MESSAGE_ID, "msg_") if given else "msg_" + digest_id(f"{model}:{created}")


def call_id(given: str, answer_id: str, told: Sequence[Part]) -> str:
    """An id for a call. Where the upstream gave none it is made of the answer's own and of the calls `told` before."""
    if given:
        return fit_id(given, CALL_ID, "toolu_")
    return "toolu_" + digest_id(f"{answer_id}/{sum(isinstance(part, ToolCall) for part in told)}")


def _blocks(part: Text | Refusal | Reasoning | Media | Opaque | ToolResult, native: bool, showing: Showing) -> list[dict[str, JSON]]:
    match part:
        case Text():
            for citation in part.citations:
                showing.cite(citation)
            return [encode_text(part)] if native or not part.citations else cited_blocks(part, showing.losses)
        case Refusal():
            return [{"type": "text", "text": part.text}]
        case Reasoning():
            return [encode_thinking(part) or encode_unproven_thinking(part)]
        case Media():
            leave_part(part, NAME, showing.losses)
            return [{"type": "text", "text": media_note(part)}]
        case Opaque():
            return [part.raw] if part.format == NAME else showing.blocks(part)
        case ToolResult():
            leave_part(part, NAME, showing.losses)
            return []
        case _:
            assert_never(part)


def _arguments(part: ToolCall, finish: Finish) -> dict[str, JSON]:
    try:
        return parse_arguments(part)
    except JSONError as error:
        if finish.reason in CUT_SHORT:
            return {}
        raise BadUpstream(f"the model called {part.name[:80]!r} with arguments that are not a JSON object: {error}") from error
