"""What a format is: a record of pure functions, and the two state machines of its streams."""

from collections.abc import Callable, Mapping
from typing import Protocol

from attrs import evolve, field, frozen

from ccproxy_cli.core.catalog import ModelInfo, TokenCount
from ccproxy_cli.core.errors import APIError
from ccproxy_cli.core.estimate import USUAL, Weights
from ccproxy_cli.core.events import Event
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.facts import Facts
from ccproxy_cli.core.formats._keeping import Keeping
from ccproxy_cli.core.formats._outline import Outline
from ccproxy_cli.core.formats._sameness import Sameness
from ccproxy_cli.core.framing import Frame
from ccproxy_cli.core.http import HTTPCall, HTTPReply
from ccproxy_cli.core.jsontext import dumps, join_members
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.rates import Rates
from ccproxy_cli.core.request import Request
from ccproxy_cli.core.response import Receipt, Response
from ccproxy_cli.core.seal import ProofSlot


@frozen
class Envelope:
    """As much of a request as routing needs, read without building the rest."""

    model: str
    stream: bool
    members: Mapping[str, bytes]
    """The body's top-level members, each with its exact bytes."""
    relayable: bool = True
    """The client can be given the upstream's own bytes."""

    def with_members(self, changes: Mapping[str, bytes]) -> bytes:
        """The body with some members replaced or added and every other byte of every value as the client sent it."""
        return join_members({**self.members, **changes})

    def for_model(self, call: HTTPCall, model: str) -> HTTPCall:
        """The call this was read from, asking for `model` and otherwise as the client sent it."""
        return evolve(call, body=self.with_members({"model": dumps(model)}))


class StreamDecoder(Protocol):
    """Bytes of an answer's stream to events. Holds one stream's state."""

    done: bool
    """The success terminal, or an error, has been seen: whatever still comes does not count."""

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completes.

        Raises:
            BadUpstream: the bytes are not this format.
        """

    def feed_frame(self, frame: Frame) -> list[Event]:
        """The events of one frame, for callers that cut the frames themselves. Raises as `feed` does."""

    def skim(self, data: bytes) -> bool:
        """Whether one frame's data is nothing but more words of a part that is open, told without building its events: who has no use
        for those need not feed it. No is always a right answer, and the only one for what is not the format."""

    def close(self) -> list[Event]:
        """The events that the end of the bytes completes.

        Raises:
            BadUpstream: the answer was not complete.
        """


class StreamEncoder(Protocol):
    """Events to bytes of a stream. Holds one stream's state."""

    @property
    def media_type(self) -> str:
        """What the stream is called in its `content-type`."""

    @property
    def ping(self) -> bytes:
        """What keeps it alive while there is nothing to say."""

    def encode(self, event: Event) -> bytes:
        """The bytes for `event`; empty if this format says nothing here."""


class ResponseEncoder(Protocol):
    """Writes whole answers."""

    def __call__(self, response: Response, request: Request, losses: Losses | None = None) -> bytes:
        """The answer to the request. What the format cannot say is left out, and recorded in `losses`.

        Raises:
            BadUpstream: the answer makes no sense.
        """


class StreamEncoderMaker(Protocol):
    """Begins streams."""

    def __call__(self, request: Request, losses: Losses | None = None) -> StreamEncoder:
        """The encoder of the answer to the request. It records in `losses` what the format cannot say."""


@frozen
class Format:
    """One wire format: how each of its messages is read and written.

    Every `decode_*` of a client's message raises `BadRequest`, of an upstream's `BadUpstream`, and nothing else.
    """

    name: str
    """As configuration and headers spell it."""
    ordered: bool
    """Parts of a stream must not interleave."""
    peek: Callable[[HTTPCall], Envelope] = field(repr=False)
    """Read the envelope of a call."""
    check: Callable[[Envelope], None] | None = field(default=None, kw_only=True, repr=False)
    """Refuse by its envelope a request that is passed on without being read, if its shape is not what every request has. None where
    `peek` has looked at all of it."""
    outline: Callable[[Envelope], Outline] = field(kw_only=True, repr=False)
    """What routing rules ask of a request. Raises nothing."""
    decode_request: Callable[[HTTPCall, Losses], Request] = field(repr=False)
    encode_request: Callable[[Request, Profile, Losses], HTTPCall] = field(repr=False)
    """Also gets what the target model can take; what it cannot is bent or dropped, and recorded."""
    decode_response: Callable[[bytes], Response] = field(repr=False)
    read_receipt: Callable[[bytes], Receipt] | None = field(default=None, kw_only=True, repr=False)
    """The same in short, for answers that are passed on: accepts and refuses what `decode_response` does. None where that is all there
    is."""
    encode_response: ResponseEncoder = field(repr=False)
    stream_decoder: Callable[[], StreamDecoder] = field(repr=False)
    stream_encoder: StreamEncoderMaker = field(repr=False)
    decode_error: Callable[[HTTPReply], APIError] = field(repr=False)
    encode_error: Callable[[APIError, str], HTTPReply] = field(repr=False)
    """The error, and our request id for those that carry none."""
    encode_stream_error: Callable[[APIError, str], bytes] = field(repr=False)
    """The error as the last frame of a stream that had begun."""
    breaks_off: bool = field(default=False, kw_only=True)
    """The vendor's clients pass over that frame: only a connection that breaks off tells them that the answer is not whole."""
    sameness: Sameness = field(kw_only=True, repr=False)
    """Which requests one answer serves."""
    ping: bytes = field(repr=False)
    """The frame that keeps a silent stream alive."""
    models_call: Callable[[], HTTPCall] = field(repr=False)
    decode_models: Callable[[bytes], tuple[ModelInfo, ...]] = field(repr=False)
    encode_models: Callable[[tuple[ModelInfo, ...]], bytes] = field(repr=False)
    encode_model: Callable[[ModelInfo], bytes] = field(repr=False)
    fit_tool_name: Callable[[str], str] = field(repr=False)
    """The name a tool goes by in this format: itself if it may, else one that depends on nothing but it."""
    decode_count_request: Callable[[HTTPCall, Losses], Request] | None = field(default=None, repr=False)
    """None where the vendor has no token counter."""
    encode_count_request: Callable[[Request, Profile, Losses], HTTPCall] | None = field(default=None, repr=False)
    decode_count: Callable[[bytes], TokenCount] | None = field(default=None, repr=False)
    encode_count: Callable[[TokenCount], bytes] | None = field(default=None, repr=False)
    stops_taken: Callable[[tuple[str, ...], Profile], tuple[str, ...]] | None = field(default=None, repr=False)
    """Of a request's stop sequences, those that can be sent; None if all can. Whoever sends the request enforces the others."""
    model_in_body: tuple[str, ...] = ("model",)
    """Where an answer names its model: the members that lead there."""
    model_in_frame: tuple[str, ...] = ("model",)
    """The same for the data of those frames of a stream that name it."""
    weights: Weights = USUAL
    """What its models are told besides what a request says, for estimates."""
    proof_slot: ProofSlot | None = None
    """Where this format's clients carry state that other vendors want back; None if they have no place for it."""
    learn: Callable[[APIError], Facts] = field(kw_only=True, repr=False)
    """The facts of a profile that an upstream's refusal of a request tells of its model; none if it tells none."""
    encode_rates: Callable[[Rates, float], Mapping[str, str]] | None = field(default=None, repr=False)
    """Reply headers that tell what may still be asked for, at a Unix time; None where the vendor tells nothing."""
    decode_rates: Callable[[Mapping[str, str], float], Rates] | None = field(default=None, repr=False)
    """The same from an upstream's headers. Raises nothing: what cannot be read is left out."""
    keeping: Keeping | None = field(default=None, repr=False)
    """For a format whose clients go on from earlier answers by their ids."""
