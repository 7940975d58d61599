"""Token counts and stop reasons, in both directions: shared by bodies and streams."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ccproxy_cli.core.errors import BadUpstream
from ccproxy_cli.core.extras import Losses, extras_of
from ccproxy_cli.core.formats.anthropic.parts import own_members
from ccproxy_cli.core.formats.anthropic.wire import KIT, NAME, UsageWire
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.left_behind import leave_tier
from ccproxy_cli.core.parts import Part, Refusal, ToolCall
from ccproxy_cli.core.response import DECLINED, NO_USAGE, Finish, FinishReason, Usage

_REASONS: Mapping[str, FinishReason] = MappingProxyType(
    {
        "end_turn": FinishReason.STOP,
        "stop_sequence": FinishReason.STOP_SEQUENCE,
        "max_tokens": FinishReason.LENGTH,
        "model_context_window_exceeded": FinishReason.CONTEXT_FULL,
        "tool_use": FinishReason.TOOL_CALLS,
        "refusal": FinishReason.REFUSAL,
        "pause_turn": FinishReason.PAUSE,
    }
)
_WORDS: Mapping[FinishReason, str] = MappingProxyType(
    {reason: word for word, reason in _REASONS.items()} | {FinishReason.FILTERED: "refusal", FinishReason.OTHER: "end_turn"}
)
_TIERS: Mapping[str, str] = MappingProxyType({"standard": "default", "priority": "priority", "batch": "batch"})
_TIER_WORDS: Mapping[str, str] = MappingProxyType({tier: word for word, tier in _TIERS.items()})
_BEYOND_CALLS = frozenset({FinishReason.LENGTH, FinishReason.CONTEXT_FULL, FinishReason.REFUSAL, FinishReason.FILTERED})
"""Reasons that stand even though the answer holds tool calls."""


def decode_finish(reason: str | None, stop_sequence: str | None, details: JSON) -> Finish:
    """Why the answer ended. A word that is new to us is OTHER, and kept.

    Args:
        details: the `stop_details`.
    """
    found = _REASONS.get(reason or "", FinishReason.OTHER)
    why = details.get("explanation") if found in DECLINED and isinstance(details, dict) else None
    return Finish(found, reason, stop_sequence, why if isinstance(why, str) and why else None)


def encode_details(finish: Finish) -> dict[str, JSON]:
    """The member that explains a refusal of another format; none where nothing does."""
    if finish.explanation is None:
        return {}
    return {"stop_details": {"type": "refusal", "category": None, "explanation": finish.explanation}}


def encode_finish(finish: Finish, parts: Sequence[Part], native: bool) -> str | None:
    """The `stop_reason`: the vendor's own word if the answer is `native`, else what the finish and the parts amount to.

    Other vendors end answers with tool calls, or with a refusal, in their word for an ordinary stop; clients of this format run tools
    only on `tool_use`.
    """
    if native:
        return finish.raw
    if finish.reason not in _BEYOND_CALLS:
        if any(isinstance(part, ToolCall) for part in parts):
            return "tool_use"
        if any(isinstance(part, Refusal) for part in parts):
            return "refusal"
    return _WORDS[finish.reason]


def read_usage(value: JSON) -> UsageWire | None:
    """The wire form of a stream event's `usage`.

    Raises:
        BadUpstream: it is none.
    """
    return None if value is None else KIT.read(value, UsageWire, BadUpstream, "usage")


def decode_usage(wire: UsageWire | None) -> Usage:
    if wire is None:
        return NO_USAGE
    members = wire.extras
    details = wire.output_tokens_details
    if details is not None and (details.extras or details.thinking_tokens is None):
        members = {**members, "output_tokens_details": details.extras}
    return Usage(
        input=wire.input_tokens,
        cache_read=wire.cache_read_input_tokens,
        cache_write=wire.cache_creation_input_tokens,
        output=wire.output_tokens,
        reasoning=None if details is None else details.thinking_tokens,
        extras=extras_of(NAME, members),
    )


def encode_usage(usage: Usage, native: bool) -> dict[str, JSON]:
    """The `usage` object. To a client of ours both totals are always there; cache figures only where known, since 0 is a claim."""
    counts = {
        "input_tokens": usage.input,
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output,
    }
    written: dict[str, JSON] = {name: count for name, count in counts.items() if count is not None}
    if not native:
        written = {"input_tokens": 0, **written}
        written.setdefault("output_tokens", 0)
    rest = own_members(usage.extras)
    if usage.reasoning is not None:
        written["output_tokens_details"] = {"thinking_tokens": usage.reasoning, **(rest.get("output_tokens_details") or {})}
    for name, value in rest.items():
        written.setdefault(name, value)
    return written


def read_tier(usage: Usage) -> str | None:
    """What the answer was served at, which stands among the counts."""
    word = usage.extras.get(NAME, {}).get("service_tier")
    return _TIERS.get(word) if isinstance(word, str) else None


def write_tier(tier: str | None, losses: Losses) -> dict[str, JSON]:
    """The member of the counts that says what an answer of another format was served at."""
    if tier is None:
        return {}
    if tier not in _TIER_WORDS:
        leave_tier(tier, NAME, losses)
        return {}
    return {"service_tier": _TIER_WORDS[tier]}
