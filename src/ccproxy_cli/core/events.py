"""A response as it happens: the steps of a stream, and the grammar they obey.

    ResponseStart  ( PartStart Delta* PartEnd )*  ResponseEnd

Parts are numbered from 0 in the order they start and may interleave. A `CitationDelta` may also come after its part has ended.
`Ping` and `OpaqueEvent` may stand anywhere, before the start too. `StreamError` may end the stream at any point after the start and is
its last event.
"""

from typing import TypeAlias

from attrs import frozen

from ccproxy_cli.core.citations import Citation
from ccproxy_cli.core.errors import APIError
from ccproxy_cli.core.extras import NO_EXTRAS, Extras
from ccproxy_cli.core.hosted import HostedStep
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.logprobs import TokenLogprob
from ccproxy_cli.core.parts import Part, Proof
from ccproxy_cli.core.response import NO_USAGE, Finish, Usage


@frozen
class ResponseStart:
    id: str
    model: str
    created: int | None = None
    usage: Usage = NO_USAGE
    """What is known of the input side already."""
    extras: Extras = NO_EXTRAS


@frozen
class PartStart:
    index: int
    part: Part
    """The part as far as it is known: usually empty, complete where the vendor sends it whole."""


@frozen
class TextDelta:
    """More of the part's text: the words of a text, reasoning or refusal, the arguments of a tool call."""

    index: int
    text: str


@frozen
class ProofDelta:
    """A complete proof for the part: proofs are never split."""

    index: int
    proof: Proof


@frozen
class CitationDelta:
    """A source of words of a text. Its range may lie in words that are still to come; Gemini tells all of them when the words are said."""

    index: int
    citation: Citation


@frozen
class OpaqueDelta:
    """A step of a part that only one format knows: for that format's encoder. What the steps amount to comes with `PartEnd`, so that
    whoever folds the stream need not know them."""

    index: int
    format: str
    raw: JSON


@frozen
class PartEnd:
    index: int
    extras: Extras = NO_EXTRAS
    """Members of the part that were only known at its end; of an `Opaque` part, members of its raw value."""
    meaning: HostedStep | None = None
    """Of an `Opaque` part: what it amounts to now that all of it is known, if that is more than its start said."""


@frozen
class ResponseEnd:
    finish: Finish
    usage: Usage = NO_USAGE
    """Final and complete: it replaces what `ResponseStart` said."""
    extras: Extras = NO_EXTRAS
    service_tier: str | None = None
    logprobs: tuple[TokenLogprob, ...] = ()
    """See `Response`, as for the others."""


@frozen
class StreamError:
    """The answer broke off. Errors before the first content are raised instead, so that the caller may still try again."""

    error: APIError


@frozen
class Ping:
    """Nothing new; the stream is alive."""


@frozen
class OpaqueEvent:
    """A whole event that only one format knows."""

    format: str
    raw: JSON


Event: TypeAlias = (
    ResponseStart
    | PartStart
    | TextDelta
    | ProofDelta
    | CitationDelta
    | OpaqueDelta
    | PartEnd
    | ResponseEnd
    | StreamError
    | Ping
    | OpaqueEvent
)
PART_EVENTS = (PartStart, TextDelta, ProofDelta, CitationDelta, OpaqueDelta, PartEnd)
CONTENT_EVENTS = (*PART_EVENTS, ResponseEnd)
"""From the first of these on the answer is under way, and a request is never sent again."""
