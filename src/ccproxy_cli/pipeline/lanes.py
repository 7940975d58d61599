"""How one target is asked, by either of two lanes.

Where client and provider speak the same format the relay lane forwards the client's own bytes with another model name, so that what the
vendor shipped this morning works and signatures and prompt caches stay valid. Everything else is decoded, sent by a backend as neutral
events, and encoded for the client. Errors before the first content are raised; later ones travel in-band.
"""

import time
from collections.abc import Callable, Mapping
from typing import TypeAlias

from attrs import evolve

from ccproxy_cli.backends.base import (
    Backend,
    EventStream,
    ProcessStream,
    RatedStream,
    RelayBackend,
    RelayedReply,
    RelayedStream,
)
from ccproxy_cli.core.catalog import TokenCount
from ccproxy_cli.core.errors import UpstreamError
from ccproxy_cli.core.events import ResponseEnd, StreamError
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import Envelope
from ccproxy_cli.core.http import HTTPCall, HTTPReply
from ccproxy_cli.core.rates import NO_RATES
from ccproxy_cli.core.request import Request
from ccproxy_cli.core.seal import ProofSlot
from ccproxy_cli.pipeline.calibration import Calibration
from ccproxy_cli.pipeline.exchange import Answer, Exchange
from ccproxy_cli.pipeline.homing import bring_home, holds_envelopes, may_hold_envelopes, only_own
from ccproxy_cli.pipeline.joined import JoinedWords
from ccproxy_cli.pipeline.memory import Listener, remember, with_recalled
from ccproxy_cli.pipeline.misfit import Misfits, as_if_foreign
from ccproxy_cli.pipeline.naming import name_in_body, name_in_events
from ccproxy_cli.pipeline.outgoing import STREAM_HEADERS, encoded, folded, media_type, relayed
from ccproxy_cli.pipeline.pauses import may_pause, without_pauses
from ccproxy_cli.pipeline.proofs import KeySource, Outbound
from ccproxy_cli.pipeline.refusals import refusal_in, without_refused
from ccproxy_cli.pipeline.route import Target
from ccproxy_cli.pipeline.scalestore import StoredScales
from ccproxy_cli.pipeline.stale import StaleProofs
from ccproxy_cli.pipeline.stored import Keeper, Promise
from ccproxy_cli.pipeline.turnstore import StoredTurns
from ccproxy_cli.stores.opening import Stores

DecodeCount: TypeAlias = Callable[[HTTPCall, Losses], Request]
EncodeCount: TypeAlias = Callable[[TokenCount], bytes]


class Lanes:
    """The ways to every backend, and what has been learned on them. Everything raises as `Pipeline.generate` does."""

    def __init__(self, backends: Mapping[str, Backend], seal_key: KeySource, stores: Stores) -> None:
        self.keeper = Keeper(stores)
        """Keeps answers that clients go on from."""
        # Asked once: checking a runtime protocol costs more than routing a request.
        self.relays = {name: backend for name, backend in backends.items() if isinstance(backend, RelayBackend)}
        """By name, the backends that take a client's own bytes."""
        self._backends = backends
        self._seal_key = seal_key
        self._memory = StoredTurns(stores.kept, time.monotonic)
        self._calibration = Calibration(backends, StoredScales(stores))
        self._misfits = Misfits()
        self._stale = StaleProofs(time.monotonic)

    async def ask(self, exchange: Exchange, envelope: Envelope, target: Target) -> Answer:
        """The answer of one target, by whichever lane leads there. Leaves the exchange's call as it was sent."""
        relay = self.relays.get(target.provider)
        is_own = relay is not None and relay.format is exchange.format
        envelope, promise = await self.keeper.written_out(exchange, envelope, vendor_keeps=is_own)
        refused: UpstreamError | None = None
        is_led = target.model != envelope.model
        is_misfit = is_own and is_led and not self._misfits.suits(target, envelope.members)
        is_whole = envelope.relayable and not may_hold_envelopes(envelope.members)
        # Mostly nothing has been refused, and then nobody need be told whose request it is, which takes a digest.
        is_stale = bool(self._stale) and self._stale.among(exchange.owner, target.provider, envelope.members)
        if relay is not None and is_own and not is_misfit and is_whole and (exchange.strict or not is_stale):
            if exchange.format.check is not None:
                exchange.format.check(envelope)
            exchange.relayed = True
            try:
                # Written anew even when nothing changes: of a member given twice the upstream must see the one that was checked.
                return await self._relay(exchange, relay, envelope.for_model(exchange.call, target.model))
            except UpstreamError as error:
                if refusal_in(error.error) is not None:
                    refused = error
                elif not (is_misfit := is_led and self._misfits.learn(target, error.error, envelope.members)):
                    raise
                exchange.relayed = False
        request = exchange.format.decode_request(exchange.call, exchange.losses)
        if is_misfit:
            request = as_if_foreign(request, exchange.format.name, exchange.losses)
        request = await self._incoming(exchange, _asking(request, target.model), relay)
        if refused is None and not exchange.strict and self._stale:
            request = self._stale.left_out(exchange.owner, target.provider, request, exchange.losses)
        if promise is not None:
            request = promise.keeping.marked(request, promise.before)
        return await self._translate(exchange, self._backends[target.provider], request, refused, promise)

    async def count(self, exchange: Exchange, envelope: Envelope, target: Target, decode: DecodeCount, encode: EncodeCount) -> Answer:
        """The input tokens of a request, as one target counts them."""
        relay = self.relays.get(target.provider)
        if exchange.format.keeping is not None:
            await self.keeper.written_out(exchange, envelope, vendor_keeps=relay is not None and relay.format is exchange.format)
        request = decode(exchange.call, exchange.losses)
        exchange.sent(time.monotonic())
        request = await self._incoming(exchange, _asking(request, target.model), relay)
        count = await self._backends[target.provider].count_tokens(request, exchange.losses, exchange.client_key)
        count = await self._calibration.scaled(str(target), count)
        exchange.first_byte = time.monotonic()
        headers = {"x-token-count": "estimate"} if count.estimated else {}
        return Answer(200, {"content-type": "application/json", **exchange.told, **headers}, encode(count))

    async def pass_on(self, exchange: Exchange, relay: RelayBackend, call: HTTPCall) -> Answer:
        """What a backend says to a call that no codec reads."""
        exchange.relayed = True
        exchange.sent(time.monotonic())
        reply = await relay.pass_on(call, exchange.client_key)
        exchange.first_byte = time.monotonic()
        if isinstance(reply, RelayedStream):
            exchange.stream, exchange.upstream_status = True, 200
            headers = {**reply.headers, "content-type": media_type("text/event-stream"), **STREAM_HEADERS, **exchange.told}
            return Answer(200, headers, chunks=relayed(exchange, reply))
        exchange.upstream_status = reply.status
        return self._relayed_whole(exchange, reply)

    async def _incoming(self, exchange: Exchange, request: Request, relay: RelayBackend | None) -> Request:
        """The client's conversation with the proofs that its vendors want back, where they hung."""
        spoken, slot = exchange.format, exchange.format.proof_slot
        if slot is not None and holds_envelopes(request, spoken.name):
            request = bring_home(request, spoken.name, self._seal_key, exchange.losses, None if relay is None else relay.format.name)
            if relay is not None and relay.format is spoken:
                request = only_own(request, spoken.name, exchange.losses)
        if _forgets(slot, relay):
            issuer = None if relay is None else relay.format.name
            request = await with_recalled(request, self._memory, exchange.owner, issuer)
        return request

    async def _outgoing(self, exchange: Exchange, stream: EventStream, request: Request, relay: RelayBackend | None) -> EventStream:
        """The events with their proofs in the client's own place for such, or remembered where it has none."""
        slot, foreign = exchange.format.proof_slot, relay is None or relay.format is not exchange.format
        forgets = _forgets(slot, relay)
        outbound = Outbound(exchange.format, self._seal_key, foreign=foreign, losses=None if forgets else exchange.losses)
        joined = JoinedWords() if foreign and slot is not None and not slot.may_end else None
        listener = Listener() if forgets else None
        try:
            async for batch in stream:
                if listener is not None:
                    for event in batch:
                        listener.feed(event)
                    if listener.done:
                        await remember(listener.parts, self._memory, exchange.format.name, exchange.owner, request.messages)
                        listener = None
                if batch and isinstance(end := batch[-1], ResponseEnd):
                    await self._calibration.learn(exchange.route or "", request, end.usage)
                if joined is not None:
                    batch = [ready for event in batch for ready in joined.feed(event)]
                yield batch if slot is None else [ready for event in batch for ready in outbound.feed(event)]
        finally:
            await stream.aclose()

    async def _relay(self, exchange: Exchange, backend: RelayBackend, call: HTTPCall) -> Answer:
        exchange.sent(time.monotonic())
        reply = await backend.relay(call, exchange.stream, exchange.client_key)
        exchange.first_byte = time.monotonic()
        exchange.upstream_status = 200
        provider = (exchange.route or "").partition("/")[0]
        if isinstance(reply, RelayedStream):
            self.keeper.issued(exchange, reply.meter.answer, provider)
            headers = {**reply.headers, "content-type": media_type("text/event-stream"), **STREAM_HEADERS, **exchange.told}
            return Answer(200, headers, chunks=relayed(exchange, reply), ping=exchange.format.ping)
        if isinstance(reply, RelayedReply):
            exchange.usage = reply.usage
            self.keeper.issued(exchange, reply.answer, provider)
        return self._relayed_whole(exchange, reply)

    def _relayed_whole(self, exchange: Exchange, reply: HTTPReply) -> Answer:
        body = reply.body if exchange.alias is None else name_in_body(exchange.format, reply.body, exchange.alias)
        return Answer(reply.status, {**reply.headers, "content-type": "application/json", **exchange.told}, body)

    async def _translate(
        self, exchange: Exchange, backend: Backend, request: Request, refused: UpstreamError | None, promise: Promise | None
    ) -> Answer:
        accepted = await _accepted(exchange, backend, request, refused, self._stale)
        exchange.child_pid = accepted.child_pid if isinstance(accepted, ProcessStream) else None
        exchange.rates = accepted.rates if isinstance(accepted, RatedStream) else NO_RATES
        relay = self.relays.get(backend.name)
        foreign = relay is None or relay.format is not exchange.format
        if foreign and may_pause(request):
            accepted = without_pauses(accepted, request, lambda again: backend.send(again, exchange.losses, exchange.client_key))
        stream = self._outgoing(exchange, accepted, request, relay)
        if exchange.alias is not None:
            stream = name_in_events(stream, exchange.alias)
        if promise is not None:
            stream = self.keeper.named_as_promised(exchange, promise, stream, request)
        exchange.first_byte = time.monotonic()
        exchange.upstream_status = 200
        if exchange.stream:
            encoder = exchange.format.stream_encoder(request, exchange.losses)
            headers = {"content-type": media_type(encoder.media_type), **STREAM_HEADERS, **exchange.told}
            chunks = encoded(exchange, stream, encoder)
            return Answer(200, headers, ping=encoder.ping, chunks=chunks, broken_off=lambda error: encoder.encode(StreamError(error)))
        response = await folded(exchange, stream)
        body = exchange.format.encode_response(response, request, exchange.losses)
        if promise is not None:
            await self.keeper.keep(exchange, promise, body)
        return Answer(200, {"content-type": "application/json", **exchange.told}, body)


def _forgets(slot: ProofSlot | None, relay: RelayBackend | None) -> bool:
    """Whether there are proofs of that backend's that the client cannot hand back: that have to be remembered."""
    if slot is None or not slot.thoughts_return:
        return True
    signs = None if relay is None else relay.format.proof_slot
    return not slot.may_end and signs is not None and signs.on_words


def _asking(request: Request, model: str) -> Request:
    return request if request.model == model else evolve(request, model=model)


async def _accepted(
    exchange: Exchange, backend: Backend, request: Request, refused: UpstreamError | None, stale: StaleProofs
) -> EventStream:
    """The answer to the request, or to one without its reasoning if that is what the upstream refuses, or has `refused` already."""
    if refused is None:
        exchange.sent(time.monotonic())
        try:
            return await backend.send(request, exchange.losses, exchange.client_key)
        except UpstreamError as error:
            refused = error
    refusal = None if exchange.strict else refusal_in(refused.error)
    again = None if refusal is None else without_refused(request, refusal, exchange.losses)
    if refusal is None or again is None:
        raise refused
    exchange.sent(time.monotonic())
    stream = await backend.send(again, exchange.losses, exchange.client_key)
    stale.note(exchange.owner, backend.name, request, refusal)
    return stream
