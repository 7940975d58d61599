"""A model's answer, in words that no vendor owns."""

import enum

from attrs import frozen

from ccproxy_cli.core.extras import NO_EXTRAS, Extras
from ccproxy_cli.core.logprobs import TokenLogprob
from ccproxy_cli.core.parts import Part


class FinishReason(enum.StrEnum):
    STOP = "stop"
    """Said all it had to say."""
    STOP_SEQUENCE = "stop_sequence"
    LENGTH = "length"
    """Ran into the token limit."""
    CONTEXT_FULL = "context_full"
    """Ran into the model's context window."""
    TOOL_CALLS = "tool_calls"
    FILTERED = "filtered"
    """A filter cut the answer."""
    REFUSAL = "refusal"
    """The model declined."""
    PAUSE = "pause"
    """A hosted tool loop paused: sent back unchanged, it goes on."""
    OTHER = "other"


@frozen
class Finish:
    reason: FinishReason
    raw: str | None = None
    """The vendor's word, re-emitted only into the format it came from."""
    stop_sequence: str | None = None
    """The sequence that matched, where the vendor says."""
    explanation: str | None = None
    """Why the model declined or a filter cut, in words, where the vendor says so beside the answer."""


DECLINED = frozenset({FinishReason.REFUSAL, FinishReason.FILTERED})


@frozen
class Usage:
    """Billed tokens. The input buckets are disjoint, and each format computes its totals from them. None is unknown, 0 is a claim."""

    input: int | None = None
    """Prompt tokens neither read from nor written to a cache."""
    cache_read: int | None = None
    cache_write: int | None = None
    """All prompt tokens written to a cache, whatever their lifetime; the vendor's breakdown rides in `extras`."""
    output: int | None = None
    """All generated tokens, reasoning included."""
    reasoning: int | None = None
    """Of `output`, those spent on reasoning."""
    extras: Extras = NO_EXTRAS

    @property
    def total_input(self) -> int:
        """Every prompt token, cached or not."""
        return (self.input or 0) + (self.cache_read or 0) + (self.cache_write or 0)

    def plus(self, other: "Usage") -> "Usage":
        """Both together. The vendor's own breakdown is of one request, so it stays behind."""

        def sums(one: int | None, two: int | None) -> int | None:
            return None if one is None and two is None else (one or 0) + (two or 0)

        return Usage(
            input=sums(self.input, other.input),
            cache_read=sums(self.cache_read, other.cache_read),
            cache_write=sums(self.cache_write, other.cache_write),
            output=sums(self.output, other.output),
            reasoning=sums(self.reasoning, other.reasoning),
        )


NO_USAGE = Usage()


@frozen
class Response:
    id: str
    model: str
    parts: tuple[Part, ...]
    finish: Finish
    usage: Usage = NO_USAGE
    created: int | None = None
    """Unix seconds, where the vendor says."""
    service_tier: str | None = None
    """What it was served at, in the words of `Request.service_tier`, where the vendor says."""
    logprobs: tuple[TokenLogprob, ...] = ()
    """Of its words, one token after the other."""
    extras: Extras = NO_EXTRAS


@frozen
class Receipt:
    """What there is to note of a complete answer that is passed on."""

    id: str
    usage: Usage
