"""Why an answer ended and what it cost, both ways: shared by bodies and streams.

Arithmetic, checked on recordings (2026-09): `promptTokenCount` includes the cached tokens, `candidatesTokenCount` excludes the thoughts,
and the total is prompt, candidates, thoughts and the prompts of hosted tools.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from ccproxy_cli.core.errors import BadUpstream
from ccproxy_cli.core.extras import NO_EXTRAS, Losses, extras_of
from ccproxy_cli.core.formats.gemini import spelling
from ccproxy_cli.core.formats.gemini.wire import KIT, NAME, UsageWire
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.left_behind import leave_tier
from ccproxy_cli.core.logprobs import Likely, TokenLogprob
from ccproxy_cli.core.parts import Part, Refusal, ToolCall
from ccproxy_cli.core.response import DECLINED, NO_USAGE, Finish, FinishReason, Usage

_REASONS: Mapping[str, FinishReason] = MappingProxyType(
    {
        "STOP": FinishReason.STOP,
        "MAX_TOKENS": FinishReason.LENGTH,
        "SAFETY": FinishReason.REFUSAL,
        "PROHIBITED_CONTENT": FinishReason.FILTERED,
        "BLOCKLIST": FinishReason.FILTERED,
        "SPII": FinishReason.FILTERED,
        "RECITATION": FinishReason.FILTERED,
        "IMAGE_SAFETY": FinishReason.FILTERED,
        "IMAGE_PROHIBITED_CONTENT": FinishReason.FILTERED,
        "IMAGE_RECITATION": FinishReason.FILTERED,
        "MODEL_ARMOR": FinishReason.FILTERED,
    }
)
_NUMBERS = MappingProxyType({"1": "STOP", "2": "MAX_TOKENS", "3": "SAFETY", "4": "RECITATION", "8": "PROHIBITED_CONTENT"})
"""What a client gets that asks for enums as numbers. Only those on which the vendor's two APIs agree."""
_WORDS: Mapping[FinishReason, str] = MappingProxyType(
    {
        FinishReason.STOP: "STOP",
        FinishReason.STOP_SEQUENCE: "STOP",
        FinishReason.TOOL_CALLS: "STOP",
        FinishReason.PAUSE: "STOP",
        FinishReason.LENGTH: "MAX_TOKENS",
        FinishReason.CONTEXT_FULL: "MAX_TOKENS",
        FinishReason.REFUSAL: "SAFETY",
        FinishReason.FILTERED: "PROHIBITED_CONTENT",
        FinishReason.OTHER: "OTHER",
    }
)
TIERS: Mapping[str, str] = MappingProxyType({"standard": "default", "flex": "flex", "priority": "priority"})
"""The vendor's words for service tiers, in whatever case, and the vocabulary's."""
TIER_WORDS: Mapping[str, str] = MappingProxyType({tier: word for word, tier in TIERS.items()})
_TRAFFIC: Mapping[str, str] = MappingProxyType({"ON_DEMAND": "default", "ON_DEMAND_FLEX": "flex", "ON_DEMAND_PRIORITY": "priority"})
"""How answers say it where official clients look (google-genai 3.3 does not know `serviceTier` in an answer, which was recorded there)."""
_TRAFFIC_WORDS: Mapping[str, str] = MappingProxyType({tier: word for word, tier in _TRAFFIC.items()})
CUT_SHORT = frozenset({FinishReason.LENGTH, FinishReason.CONTEXT_FULL})
_BEFORE_CALLS = frozenset({FinishReason.STOP, FinishReason.STOP_SEQUENCE, FinishReason.OTHER})
"""Reasons that mean the calls, if the answer holds some: the vendor's word for that is STOP."""


def decode_finish(raw: JSON, *, called: bool, blocked: bool = False, message: JSON = None, feedback: JSON = None) -> Finish:
    """Why the answer ended. A word that is new to us is OTHER, and kept.

    Args:
        called: the answer holds function calls.
        blocked: there is no answer, as the prompt was refused.
        message: what the vendor says of the finish.
        feedback: what it says of the prompt.
    """
    word = None if raw is None else str(raw)
    if word is None:
        reason = FinishReason.REFUSAL if blocked else FinishReason.STOP
    else:
        reason = _REASONS.get(_NUMBERS.get(word, word), FinishReason.OTHER)
    if called and reason in _BEFORE_CALLS:
        reason = FinishReason.TOOL_CALLS
    if blocked and isinstance(feedback, dict):
        message = feedback.get("blockReasonMessage")
    return Finish(reason, word, explanation=message if reason in DECLINED and isinstance(message, str) else None)


def encode_finish(finish: Finish, parts: Sequence[Part], native: bool) -> JSON:
    """The `finishReason`: the vendor's own if the answer is `native`, else what finish and parts amount to."""
    if native:
        return int(finish.raw) if finish.raw is not None and finish.raw.isdigit() else finish.raw
    refused = any(isinstance(part, Refusal) for part in parts) and not any(isinstance(part, ToolCall) for part in parts)
    if refused and finish.reason in _BEFORE_CALLS:
        return _WORDS[FinishReason.REFUSAL]
    return _WORDS[finish.reason]


def finish_message(finish: Finish) -> dict[str, JSON]:
    """The member of a candidate that explains why the model declined; none where nothing does."""
    return {} if finish.explanation is None else {"finishMessage": finish.explanation}


def decode_usage(wire: UsageWire | None) -> Usage:
    """The token counts. What a hosted tool's prompt cost counts as input, as other vendors count it."""
    if wire is None:
        return NO_USAGE
    cached, tools = wire.cached_content_token_count, wire.tool_use_prompt_token_count
    prompt = wire.prompt_token_count
    spoken, thought = wire.candidates_token_count, wire.thoughts_token_count
    return Usage(
        input=None if prompt is None else max(0, prompt - (cached or 0)) + (tools or 0),
        cache_read=cached,
        output=None if spoken is None and thought is None else (spoken or 0) + (thought or 0),
        reasoning=thought,
        extras=extras_of(NAME, {spelling.USAGE: KIT.write(wire)}),
    )


def encode_usage(usage: Usage) -> dict[str, JSON]:
    """The `usageMetadata`; empty if nothing is known. Written as the vendor wrote it while it says the same."""
    raw = usage.extras.get(NAME, NO_EXTRAS).get(spelling.USAGE)
    if raw is not None and decode_usage(KIT.read(raw, UsageWire, BadUpstream)) == usage:
        own: dict[str, JSON] = raw
        return own
    # Some providers count more reasoning than output, by another tokenizer: what is billed is the output.
    thought = usage.reasoning if usage.reasoning is None or usage.output is None else min(usage.reasoning, usage.output)
    spoken = None if usage.output is None else usage.output - (thought or 0)
    prompt = None if usage.input is None and usage.cache_read is None and usage.cache_write is None else usage.total_input
    counts = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": spoken,
        "cachedContentTokenCount": usage.cache_read,
        "thoughtsTokenCount": thought,
    }
    written: dict[str, JSON] = {name: count for name, count in counts.items() if count is not None}
    if written:
        written["totalTokenCount"] = (prompt or 0) + (usage.output or 0)
    return written


def read_tier(usage: Usage) -> str | None:
    """What the answer was served at, which stands among the counts."""
    counts = usage.extras.get(NAME, NO_EXTRAS).get(spelling.USAGE)
    if not isinstance(counts, dict):
        return None
    return TIERS.get(str(counts.get("serviceTier")).lower()) or _TRAFFIC.get(str(counts.get("trafficType")))


def write_tier(tier: str | None, losses: Losses) -> dict[str, JSON]:
    """The member of the counts that says what an answer of another format was served at."""
    if tier is None:
        return {}
    if tier not in _TRAFFIC_WORDS:
        leave_tier(tier, NAME, losses)
        return {}
    return {"trafficType": _TRAFFIC_WORDS[tier]}


# Log probabilities


def read_logprobs(candidate: Mapping[str, JSON]) -> tuple[TokenLogprob, ...]:
    """The tokens that a candidate tells of."""
    result = candidate.get("logprobsResult")
    if not isinstance(result, dict):
        return ()
    others = result.get("topCandidates")
    tops = [each.get("candidates") if isinstance(each, dict) else None for each in others] if isinstance(others, list) else []
    found: list[TokenLogprob] = []
    for number, chosen in enumerate(_read_likely(result.get("chosenCandidates"))):
        top = tuple(_read_likely(tops[number])) if number < len(tops) else ()
        found.append(TokenLogprob(chosen.token, chosen.logprob, top))
    return tuple(found)


def _read_likely(raw: JSON) -> list[Likely]:
    found: list[Likely] = []
    for each in raw if isinstance(raw, list) else ():
        match each:
            case {"token": str() as token, "logProbability": int() | float() as logprob}:
                found.append(Likely(token, logprob))
            case _:
                pass
    return found


def write_logprobs(tokens: Sequence[TokenLogprob]) -> dict[str, JSON]:
    """The member of a candidate that tells of tokens; none if there is nothing to tell."""
    if not tokens:
        return {}
    result: dict[str, JSON] = {"chosenCandidates": [_write_likely(each) for each in tokens]}
    if any(each.top for each in tokens):
        result["topCandidates"] = [{"candidates": [_write_likely(other) for other in each.top]} for each in tokens]
    return {"logprobsResult": result}


def _write_likely(likely: Likely | TokenLogprob) -> dict[str, JSON]:
    return {"token": likely.token, "logProbability": likely.logprob}
