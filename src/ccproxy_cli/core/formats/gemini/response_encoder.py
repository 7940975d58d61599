"""A complete answer as this vendor's clients know it."""

from collections.abc import Mapping
from typing import assert_never

from ccproxy_cli.core.arguments import parse_arguments
from ccproxy_cli.core.errors import BadUpstream
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.gemini import spelling
from ccproxy_cli.core.formats.gemini.finish import CUT_SHORT, encode_finish, encode_usage, finish_message, write_logprobs, write_tier
from ccproxy_cli.core.formats.gemini.grounding import Grounds
from ccproxy_cli.core.formats.gemini.media import encode_media
from ccproxy_cli.core.formats.gemini.parts import encode_call, encode_part, encode_words, finish
from ccproxy_cli.core.formats.gemini.wire import NAME
from ccproxy_cli.core.jsontext import JSON, JSONError, dumps
from ccproxy_cli.core.left_behind import is_blank, leave_ending, leave_part, media_note
from ccproxy_cli.core.parts import Media, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from ccproxy_cli.core.request import Request
from ccproxy_cli.core.response import Finish, Response


def encode_response(response: Response, request: Request, losses: Losses | None = None) -> bytes:
    """The body of an answer.

    Raises:
        BadUpstream: a function call's arguments are not a JSON object, although the model was not cut short.
    """
    native = spelling.is_own(response.extras)
    notes = spelling.members_of(response.extras)
    grounds = Grounds(Losses() if losses is None else losses)
    parts: list[dict[str, JSON]] = []
    for part in response.parts:
        if native or not is_blank(part, NAME):
            if isinstance(part, Text) and not native:
                for citation in part.citations:
                    grounds.cite(citation, part.text, part=len(parts))
            parts += encode_answer_part(part, response.finish, grounds)
    body: dict[str, JSON] = {}
    if not native or spelling.CANDIDATE in notes:
        candidate = _candidate(parts, notes if native else None) | grounds.members()
        if not native:
            candidate |= write_logprobs(response.logprobs) | finish_message(response.finish)
        reason = encode_finish(response.finish, response.parts, native)
        if reason is not None:
            candidate["finishReason"] = reason
        body["candidates"] = [candidate, *notes.get(spelling.OTHERS, ())]
    body |= head(response.id, response.model or request.model, notes)
    if not native:
        leave_ending(response.finish, response.usage, NAME, grounds.losses, cache_write=False)
    usage = encode_usage(response.usage)
    if not native:
        usage = usage | write_tier(response.service_tier, grounds.losses)
    if usage:
        body["usageMetadata"] = usage
    return dumps(spelling.complete(body, notes))


def head(response_id: str, model: str, notes: Mapping[str, JSON]) -> dict[str, JSON]:
    """What every chunk of an answer says: who gave it, and which it is."""
    said: dict[str, JSON] = {}
    if spelling.EMPTY + "modelVersion" not in notes:
        said["modelVersion"] = model
    if spelling.EMPTY + "responseId" not in notes and (response_id or spelling.OWN in notes):
        said["responseId"] = response_id
    return said


def _candidate(parts: list[dict[str, JSON]], notes: Mapping[str, JSON] | None) -> dict[str, JSON]:
    if notes is None:
        return {"content": {"parts": parts, "role": "model"}, "index": 0}
    content = notes.get(spelling.CONTENT)
    if content is None:
        return spelling.complete({"content": {"parts": parts, "role": "model"}} if parts else {}, notes[spelling.CANDIDATE])
    held: dict[str, JSON] = {}
    if spelling.ONE in content and len(parts) == 1:
        held["parts"] = parts[0]
    elif parts or spelling.NO_PARTS not in content:
        held["parts"] = parts
    return spelling.complete({"content": spelling.complete(held, content)}, notes[spelling.CANDIDATE])


def encode_answer_part(part: Part, ending: Finish, grounds: Grounds) -> list[dict[str, JSON]]:
    """What a part of an answer is on the wire; nothing for what this format cannot show.

    Raises:
        BadUpstream: a call's arguments are not a JSON object, although the model was not cut short.
    """
    match part:
        case Text() | Reasoning():
            return [encode_words(part)]
        case ToolCall():
            arguments = answer_arguments(part, ending)
            return [] if arguments is None else [encode_call(part, arguments)]
        case Media():
            data = encode_media(part)
            if data is not None:
                return [finish(data, part.extras, "inlineData", "fileData")]
            leave_part(part, NAME, grounds.losses)
            return [{"text": media_note(part)}]
        case Opaque() if part.format != NAME:
            return grounds.step(part)
        case Opaque():
            return [] if part.raw is None else [part.raw]
        case Refusal() | ToolResult():
            written = encode_part(part, "content")
            return [] if written is None else [written]
        case _:
            assert_never(part)


def answer_arguments(part: ToolCall, ending: Finish) -> dict[str, JSON] | None:
    """A call's arguments; None for a call that was cut short, which nobody must run. Raises as `encode_answer_part` does."""
    try:
        return parse_arguments(part)
    except JSONError as error:
        if ending.reason in CUT_SHORT:
            return None
        raise BadUpstream(f"the model called {part.name[:80]!r} with arguments that are not a JSON object: {error}") from error
