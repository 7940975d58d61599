"""What an answer's chunks and bodies hold: shared by both decoders."""

from collections.abc import Sequence

from ccproxy_cli.core.formats.gemini import spelling
from ccproxy_cli.core.formats.gemini.wire import KIT, CandidateWire, ContentWire, PartWire, ResponseWire
from ccproxy_cli.core.jsontext import JSON


def answer_id(wire: ResponseWire) -> str:
    """What tells this answer from the others of a conversation. Older ones have no id, and are told apart by what they cost."""
    if wire.response_id:
        return wire.response_id
    usage = {} if wire.usage_metadata is None else KIT.write(wire.usage_metadata)
    return f"{wire.model_version} {wire.extras.get('createTime')} {usage.get('promptTokenCount')}"


def first_candidate(candidates: Sequence[CandidateWire]) -> tuple[CandidateWire | None, Sequence[CandidateWire]]:
    """The candidate that is the answer, and the others."""
    first = next((candidate for candidate in candidates if not candidate.index), None)
    return first, [candidate for candidate in candidates if candidate is not first]


def candidate_members(wire: CandidateWire) -> dict[str, JSON]:
    """What a candidate holds beside content and finish."""
    return wire.extras if wire.index is None else {**wire.extras, "index": wire.index}


def content_members(wire: ContentWire) -> dict[str, JSON]:
    """What a content holds beside its parts, and how those were written."""
    members = dict(wire.extras)
    if wire.role is not None:
        members["role"] = wire.role
    if wire.parts is None:
        members[spelling.NO_PARTS] = True
    elif isinstance(wire.parts, PartWire):
        members[spelling.ONE] = True
    return members


def content_parts(wire: ContentWire | None) -> Sequence[PartWire]:
    if wire is None or wire.parts is None:
        return ()
    return (wire.parts,) if isinstance(wire.parts, PartWire) else wire.parts
