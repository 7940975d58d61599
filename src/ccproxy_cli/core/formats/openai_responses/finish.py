"""Why an answer ended, both ways, and what it cost."""

from collections.abc import Mapping, Sequence

from ccproxy_cli.core.formats.openai_responses.wire import NAME
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.parts import Part, Refusal, ToolCall
from ccproxy_cli.core.response import NO_USAGE, Finish, FinishReason, Usage

COMPLETED = "completed"
INCOMPLETE = "incomplete"
_CUT = {"max_output_tokens": FinishReason.LENGTH, "content_filter": FinishReason.FILTERED}
_WHOLE = frozenset({COMPLETED, "complete", "in_progress", None})
"""Statuses of a whole answer: the reference's, one seen at a compatible server (2026-09), and what stands where nobody updated it."""


def read_finish(status: JSON, details: JSON, *, calls: bool, refused: bool) -> Finish:
    """Why the answer ended: this format says no more than whether it is complete, so what is in it decides the rest."""
    if status == INCOMPLETE or (isinstance(details, Mapping) and details.get("reason")):
        reason = details.get("reason") if isinstance(details, Mapping) else None
        return Finish(_CUT.get(str(reason), FinishReason.OTHER), str(reason or status))
    if status not in _WHOLE:
        return Finish(FinishReason.OTHER, str(status))
    if calls:
        return Finish(FinishReason.TOOL_CALLS, COMPLETED)
    return Finish(FinishReason.REFUSAL if refused else FinishReason.STOP, COMPLETED)


def finish_of(status: JSON, details: JSON, parts: Sequence[Part]) -> Finish:
    """Why the answer of these parts ended."""
    calls = any(isinstance(part, ToolCall) for part in parts)
    return read_finish(status, details, calls=calls, refused=any(isinstance(part, Refusal) for part in parts))


def write_finish(finish: Finish, *, refused: bool) -> tuple[str, JSON]:
    """`status` and `incomplete_details` of an answer of another format; `refused` if a refusal is among its parts."""
    match finish.reason:
        case FinishReason.LENGTH | FinishReason.CONTEXT_FULL:
            return INCOMPLETE, {"reason": "max_output_tokens"}
        case FinishReason.FILTERED:
            return INCOMPLETE, {"reason": "content_filter"}
        case FinishReason.REFUSAL if not refused:
            return INCOMPLETE, {"reason": "content_filter"}
        case _:
            return COMPLETED, None


# Usage


def _count(holder: JSON, name: str) -> int | None:
    value = holder.get(name) if isinstance(holder, dict) else None
    return value if type(value) is int and value >= 0 else None


def read_usage(raw: JSON) -> Usage:
    """Tokens in disjoint buckets; the vendor's own object rides along and goes back as it came.

    The vendor's input count includes cached and written tokens and its output count the reasoning.
    """
    if not isinstance(raw, dict):
        return NO_USAGE
    total, output = _count(raw, "input_tokens"), _count(raw, "output_tokens")
    details = raw.get("input_tokens_details")
    read, written = _count(details, "cached_tokens"), _count(details, "cache_write_tokens")
    fresh = None if total is None else max(0, total - (read or 0) - (written or 0))
    return Usage(fresh, read, written, output, _count(raw.get("output_tokens_details"), "reasoning_tokens"), {NAME: raw})


def write_usage(usage: Usage) -> JSON | None:
    """The usage object, or None if nothing is known. Official clients demand every count, so what is unknown is 0."""
    raw = usage.extras.get(NAME)
    if raw is not None:
        return raw
    if usage.input is None and usage.output is None:
        return None
    output = usage.output or 0
    return {
        "input_tokens": usage.total_input,
        "input_tokens_details": {"cached_tokens": usage.cache_read or 0, "cache_write_tokens": usage.cache_write or 0},
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning or 0},
        "total_tokens": usage.total_input + output,
    }
