"""A complete answer to the vocabulary."""

from ccproxy_cli.core.errors import BadUpstream, UpstreamError
from ccproxy_cli.core.extras import extras_of
from ccproxy_cli.core.formats._blame import parse
from ccproxy_cli.core.formats.gemini import spelling
from ccproxy_cli.core.formats.gemini.candidates import answer_id, candidate_members, content_members, content_parts, first_candidate
from ccproxy_cli.core.formats.gemini.errors import decode_error_object, holds_error
from ccproxy_cli.core.formats.gemini.finish import decode_finish, decode_usage, read_logprobs, read_tier
from ccproxy_cli.core.formats.gemini.grounding import with_citations
from ccproxy_cli.core.formats.gemini.pairing import AnswerIds
from ccproxy_cli.core.formats.gemini.parts import decode_part
from ccproxy_cli.core.formats.gemini.stream_decoder import fold_chunks
from ccproxy_cli.core.formats.gemini.wire import KIT, NAME, ResponseWire
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.parts import Part, ToolCall
from ccproxy_cli.core.response import Response


def decode_response(body: bytes) -> Response:
    """The answer to a request. A JSON array, which is a stream that came whole, is the answer it amounts to.

    Raises:
        BadUpstream: it is none.
        UpstreamError: it is an error that came as a success.
    """
    value = parse(body, BadUpstream)
    if holds_error(value):
        raise UpstreamError(decode_error_object(value))
    if isinstance(value, list):
        return fold_chunks(value)
    return _decode(KIT.read(value, ResponseWire, BadUpstream))


def _decode(wire: ResponseWire) -> Response:
    blocked = "promptFeedback" in wire.extras
    if not wire.candidates and not blocked:
        raise BadUpstream("upstream sent an answer without candidates")
    members: dict[str, JSON] = {**wire.extras, spelling.OWN: True}
    first, others = first_candidate(wire.candidates or [])
    if wire.candidates == []:
        members["candidates"] = []
    if others:
        members[spelling.OTHERS] = [KIT.write(other) for other in others]
    for name, value in (("modelVersion", wire.model_version), ("responseId", wire.response_id)):
        if value is None:
            members[spelling.EMPTY + name] = True
    ids = AnswerIds(answer_id(wire))
    parts: tuple[Part, ...] = ()
    if first is not None:
        members[spelling.CANDIDATE] = beside = candidate_members(first)
        members[spelling.CONTENT] = None if first.content is None else content_members(first.content)
        where = "candidates[0].content.parts"
        parts = tuple(
            decode_part(part, f"{where}[{index}]", BadUpstream, ids.call, ids.result)
            for index, part in enumerate(content_parts(first.content))
        )
        parts = with_citations(parts, beside)
    usage = decode_usage(wire.usage_metadata)
    called = any(isinstance(part, ToolCall) for part in parts)
    return Response(
        id=wire.response_id or "",
        model=wire.model_version or "",
        parts=parts,
        finish=decode_finish(
            first.finish_reason if first else None,
            called=called,
            blocked=first is None,
            message=first.extras.get("finishMessage") if first else None,
            feedback=wire.extras.get("promptFeedback"),
        ),
        usage=usage,
        service_tier=read_tier(usage),
        logprobs=() if first is None else read_logprobs(first.extras),
        extras=extras_of(NAME, members),
    )
