"""Why an answer ended, both ways, and what it cost."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ccproxy_cli.core.formats.openai_chat.wire import NAME
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.parts import Part, Refusal, ToolCall
from ccproxy_cli.core.response import NO_USAGE, Finish, FinishReason, Usage

_REASONS: Mapping[str, FinishReason] = MappingProxyType(
    {
        "stop": FinishReason.STOP,
        "eos": FinishReason.STOP,  # Together
        "end_turn": FinishReason.STOP,
        "stop_sequence": FinishReason.STOP_SEQUENCE,
        "length": FinishReason.LENGTH,
        "max_tokens": FinishReason.LENGTH,
        "model_length": FinishReason.CONTEXT_FULL,  # Mistral
        "tool_calls": FinishReason.TOOL_CALLS,
        "tool_use": FinishReason.TOOL_CALLS,
        "function_call": FinishReason.TOOL_CALLS,
        "content_filter": FinishReason.FILTERED,
    }
)
_WORDS: Mapping[FinishReason, str] = MappingProxyType(
    {
        FinishReason.STOP: "stop",
        FinishReason.STOP_SEQUENCE: "stop",
        FinishReason.LENGTH: "length",
        FinishReason.CONTEXT_FULL: "length",
        FinishReason.TOOL_CALLS: "tool_calls",
        FinishReason.FILTERED: "content_filter",
        FinishReason.REFUSAL: "content_filter",
        FinishReason.PAUSE: "stop",
        FinishReason.OTHER: "stop",
    }
)


def read_finish(raw: JSON, *, calls: bool, refused: bool) -> Finish:
    """Why the answer ended, judged by what is in it too.

    A forced call was recorded to end with `stop` in 9 of 14 answers, and a refusal in 7 of 7 (OpenAI, 2026-09).
    """
    word = None if raw is None else str(raw)
    reason = FinishReason.OTHER if word is None else _REASONS.get(word, FinishReason.OTHER)
    if reason in (FinishReason.STOP, FinishReason.OTHER):
        if calls:
            reason = FinishReason.TOOL_CALLS
        elif refused:
            reason = FinishReason.REFUSAL
    return Finish(reason, word)


def write_finish(finish: Finish, parts: Sequence[Part]) -> str:
    """The word for an answer of another format."""
    return finish_word(finish.reason, calls=any(isinstance(p, ToolCall) for p in parts), refused=any(isinstance(p, Refusal) for p in parts))


def finish_word(reason: FinishReason, *, calls: bool, refused: bool) -> str:
    """Clients look for calls only under `tool_calls`, and for a refusal under `stop`, as OpenAI sends it."""
    if calls and reason in (FinishReason.STOP, FinishReason.OTHER):
        return "tool_calls"
    if refused and reason is FinishReason.REFUSAL:
        return "stop"
    return _WORDS[reason]


# Usage


def _count(holder: JSON, *names: str) -> int | None:
    if isinstance(holder, dict):
        for name in names:
            value = holder.get(name)
            if type(value) is int and value >= 0:
                return value
    return None


def read_usage(raw: JSON) -> Usage:
    """Tokens in disjoint buckets; the vendor's own object rides along and goes back as it came.

    OpenAI's prompt count includes cached and written tokens and its completion count the reasoning. DeepSeek, Mistral and Together
    tell cached tokens under names of their own, and xAI counts reasoning beside the completion, which the total betrays.
    """
    if not isinstance(raw, dict):
        return NO_USAGE
    prompt, output, total = _count(raw, "prompt_tokens"), _count(raw, "completion_tokens"), _count(raw, "total_tokens")
    details = raw.get("prompt_tokens_details")
    read = _count(details, "cached_tokens")
    if read is None:
        read = _count(raw, "prompt_cache_hit_tokens", "num_cached_tokens", "cached_tokens")
    written = _count(details, "cache_write_tokens", "cache_creation_tokens")
    reasoning = _count(raw.get("completion_tokens_details"), "reasoning_tokens")
    if reasoning is None:
        reasoning = _count(raw, "reasoning_tokens")
    if prompt is not None and output is not None and reasoning and total == prompt + output + reasoning:
        output += reasoning
    fresh = None if prompt is None else max(0, prompt - (read or 0) - (written or 0))
    return Usage(fresh, read, written, output, reasoning, {NAME: raw})


def write_usage(usage: Usage) -> JSON | None:
    """The usage object, or None if nothing is known."""
    raw = usage.extras.get(NAME)
    if raw is not None:
        return raw
    if usage.input is None and usage.output is None:
        return None
    output = usage.output or 0
    written: dict[str, JSON] = {
        "prompt_tokens": usage.total_input,
        "completion_tokens": output,
        "total_tokens": usage.total_input + output,
    }
    cached = {"cached_tokens": usage.cache_read, "cache_write_tokens": usage.cache_write}
    known = {name: count for name, count in cached.items() if count is not None}
    if known:
        written["prompt_tokens_details"] = known
    if usage.reasoning is not None:
        written["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning}
    return written
