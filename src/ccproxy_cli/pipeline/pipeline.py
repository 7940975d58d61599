"""The way of a request: find its target, then relay the client's bytes or translate them.

Two lanes. Where client and provider speak the same format the relay lane forwards the client's own bytes with another model name, so that
what the vendor shipped this morning works and signatures and prompt caches stay valid. Everything else is decoded, sent by a backend as
neutral events, and encoded for the client. Errors before the first content are raised; later ones travel in-band.
"""

import asyncio
import functools
import secrets
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeAlias

from attrs import evolve, frozen

from ccproxy_cli.backends.base import (
    Backend,
    EventStream,
    Health,
    ProcessStream,
    RatedStream,
    RelayBackend,
    RelayedReply,
    RelayedStream,
    WarmBackend,
)
from ccproxy_cli.config.settings import RetrySettings
from ccproxy_cli.core.catalog import ModelInfo, TokenCount
from ccproxy_cli.core.errors import BadRequest, BadUpstream, ErrorKind, UpstreamError
from ccproxy_cli.core.events import ResponseEnd, StreamError
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import Envelope, Keeping
from ccproxy_cli.core.http import HTTPCall, HTTPReply
from ccproxy_cli.core.rates import NO_RATES
from ccproxy_cli.core.request import Request
from ccproxy_cli.core.seal import KEY_LENGTH
from ccproxy_cli.pipeline.allowed import Allowed
from ccproxy_cli.pipeline.attempts import Attempts
from ccproxy_cli.pipeline.cache import AnswerCache
from ccproxy_cli.pipeline.calibration import Calibration
from ccproxy_cli.pipeline.exchange import Answer, Exchange
from ccproxy_cli.pipeline.facts import CallFacts, facts_of
from ccproxy_cli.pipeline.homing import bring_home, holds_envelopes, may_hold_envelopes, only_own
from ccproxy_cli.pipeline.joined import JoinedWords
from ccproxy_cli.pipeline.limits import Limits
from ccproxy_cli.pipeline.memory import Listener, remember, with_recalled
from ccproxy_cli.pipeline.misfit import Misfits, as_if_foreign
from ccproxy_cli.pipeline.naming import name_in_body, name_in_events
from ccproxy_cli.pipeline.outgoing import STREAM_HEADERS, encoded, folded, media_type, relayed
from ccproxy_cli.pipeline.pauses import may_pause, without_pauses
from ccproxy_cli.pipeline.proofs import KeySource, Outbound
from ccproxy_cli.pipeline.refusals import refusal_in, without_refused
from ccproxy_cli.pipeline.rests import Rests
from ccproxy_cli.pipeline.route import Route, RouteTable, Target
from ccproxy_cli.pipeline.scalestore import StoredScales
from ccproxy_cli.pipeline.stale import StaleProofs
from ccproxy_cli.pipeline.stored import Keeper, Promise
from ccproxy_cli.pipeline.turnstore import StoredTurns
from ccproxy_cli.pipeline.verdict import FAILURES, Failure, verdict
from ccproxy_cli.stores.opening import Stores, stores_here

_HEADER_LIMIT = 1024

DecodeCount: TypeAlias = Callable[[HTTPCall, Losses], Request]
EncodeCount: TypeAlias = Callable[[TokenCount], bytes]


@frozen
class Accepted:
    """A request that somebody has taken on."""

    target: Target
    losses: Losses
    stream: EventStream


class Pipeline:
    """Serves requests of every client format from every backend."""

    def __init__(
        self,
        routes: RouteTable,
        backends: Mapping[str, Backend],
        *,
        seal_key: KeySource | None = None,
        stores: Stores | None = None,
        attempts: Attempts | None = None,
        allowed: Allowed | None = None,
        limits: Limits | None = None,
        cache: AnswerCache | None = None,
    ) -> None:
        """
        Args:
            seal_key: the key under which proofs travel through clients of other formats; by default one that ends with this process.
            stores: where answers are kept that clients go on from by id, reasoning that they cannot hand back, and what was learned of
                estimates; by default in this process. Whoever gives them closes them.
            attempts: what is done about upstreams that fail; by default what the default settings say.
            allowed: which models clients may ask for; all of them by default.
            limits: how much may be asked for; whoever takes requests in asks them. None for no limits.
            cache: answers to be given again. None for giving each once.
        """
        self.routes = routes
        self.backends = backends
        self.limits = limits
        self._cache = cache
        self._seal_key = functools.cache(functools.partial(secrets.token_bytes, KEY_LENGTH)) if seal_key is None else seal_key
        stores = stores_here() if stores is None else stores
        self._memory = StoredTurns(stores.kept, time.monotonic)
        self._keeper = Keeper(stores)
        self._calibration = Calibration(backends, StoredScales(stores))
        self._attempts = Attempts(RetrySettings(), Rests(time.time)) if attempts is None else attempts
        self._misfits = Misfits()
        self._stale = StaleProofs(time.monotonic)
        self._allowed = Allowed({}) if allowed is None else allowed
        # Asked once: checking a runtime protocol costs more than routing a request.
        self._relays = {name: backend for name, backend in backends.items() if isinstance(backend, RelayBackend)}

    # Requests

    async def generate(self, exchange: Exchange) -> Answer:
        """Answer a request for a response, streaming or not.

        Raises:
            BadRequest, BadUpstream, UpstreamError: nothing has been committed to the client yet.
        """
        call = exchange.call
        envelope = exchange.format.peek(call)
        exchange.model, exchange.stream = envelope.model, envelope.stream

        async def attempt(target: Target) -> Answer:
            exchange.call = call
            return await self._ask(exchange, envelope, target)

        targets = self._route(exchange, envelope).targets
        if self._cache is None:
            return await self._attempts.answer(exchange, targets, attempt)
        return await self._cache.answer(exchange, envelope, targets, lambda: self._attempts.answer(exchange, targets, attempt))

    async def _ask(self, exchange: Exchange, envelope: Envelope, target: Target) -> Answer:
        """The answer of one target, by whichever lane leads there. Leaves the exchange's call as it was sent."""
        relay = self._relays.get(target.provider)
        is_own = relay is not None and relay.format is exchange.format
        envelope, promise = await self._keeper.written_out(exchange, envelope, vendor_keeps=is_own)
        refused: UpstreamError | None = None
        is_led = target.model != envelope.model
        is_misfit = is_own and is_led and not self._misfits.suits(target, envelope.members)
        is_whole = envelope.relayable and not may_hold_envelopes(envelope.members)
        is_stale = self._stale.among(exchange.owner, target.provider, envelope.members)
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
        if refused is None and not exchange.strict:
            request = self._stale.left_out(exchange.owner, target.provider, request, exchange.losses)
        if promise is not None:
            request = promise.keeping.marked(request, promise.before)
        return await self._translate(exchange, self.backends[target.provider], request, refused, promise)

    async def count_tokens(self, exchange: Exchange) -> Answer:
        """Answer a request for the number of input tokens. Raises as `generate` does."""
        decode, encode = exchange.format.decode_count_request, exchange.format.encode_count
        if decode is None or encode is None:
            raise BadRequest("this API has no token counter", kind=ErrorKind.NOT_FOUND)
        call = exchange.call
        envelope = exchange.format.peek(call)
        exchange.model = envelope.model

        async def attempt(target: Target) -> Answer:
            exchange.call = call
            return await self._count(exchange, envelope, target, decode, encode)

        return await self._attempts.answer(exchange, self._route(exchange, envelope).targets, attempt)

    async def _count(self, exchange: Exchange, envelope: Envelope, target: Target, decode: DecodeCount, encode: EncodeCount) -> Answer:
        relay = self._relays.get(target.provider)
        if exchange.format.keeping is not None:
            await self._keeper.written_out(exchange, envelope, vendor_keeps=relay is not None and relay.format is exchange.format)
        request = decode(exchange.call, exchange.losses)
        exchange.sent(time.monotonic())
        request = await self._incoming(exchange, _asking(request, target.model), relay)
        count = await self.backends[target.provider].count_tokens(request, exchange.losses, exchange.client_key)
        count = await self._calibration.scaled(str(target), count)
        exchange.first_byte = time.monotonic()
        headers = {"x-token-count": "estimate"} if count.estimated else {}
        return Answer(200, {"content-type": "application/json", **self._headers(exchange), **headers}, encode(count))

    async def ask(self, request: Request) -> Accepted:
        """Serve a neutral request without any client format: the way of `ask` and `test`. Raises as `generate` does."""
        first: Failure | None = None
        for target in self.routes.resolve(request.model, facts_of(request) if self.routes.by_content else None).targets:
            losses = Losses()
            try:
                return Accepted(target, losses, await self.backends[target.provider].send(_asking(request, target.model), losses))
            except FAILURES as failure:
                first = first or failure
                if not verdict(failure).elsewhere:
                    break
        assert first is not None
        raise first

    async def kept(self, exchange: Exchange) -> Answer:
        """Show, delete or give up an answer that was kept, here or by the provider that gave it. Raises as `generate` does."""
        keeping = _keeping(exchange)
        wanted = keeping.wanted(exchange.call)
        if wanted is None:
            raise keeping.unknown(exchange.call.path.rpartition("/")[2])
        kept = await self._keeper.kept(exchange, wanted.answer)
        if kept is None:
            return await self._kept_elsewhere(exchange, keeping, wanted.answer)
        if exchange.call.method == "DELETE":
            await self._keeper.delete(exchange, keeping, wanted.answer, kept)
            body = keeping.encode_deleted(wanted.answer)
        elif wanted.cancelled:
            raise keeping.over()
        elif wanted.after is not None:
            headers = {"content-type": media_type("text/event-stream"), **STREAM_HEADERS}
            return Answer(200, headers, keeping.encode_streamed(kept, wanted.after))
        else:
            body = keeping.encode_asked(kept, exchange.call.query) if wanted.asked else kept.body
        return Answer(200, {"content-type": "application/json"}, body)

    async def _kept_elsewhere(self, exchange: Exchange, keeping: Keeping, answer: str) -> Answer:
        """Ask the provider that issued the answer or, where that is forgotten, those that may have."""
        issuer, alias = await self._keeper.issuer(exchange, answer)
        own = {name: relay for name, relay in self._relays.items() if relay.format is exchange.format}
        for name in [issuer] if issuer in own else own:
            exchange.route, exchange.alias = name, alias
            try:
                return await self._pass_on(exchange, own[name], exchange.call)
            except UpstreamError as error:
                if issuer in own or error.error.http_status != ErrorKind.NOT_FOUND.status:
                    raise
        raise self._keeper.unknown(keeping, answer)

    async def pass_on(self, exchange: Exchange, holders: Collection[str]) -> Answer:
        """Answer a request that no codec reads, by passing it on.

        Args:
            holders: formats whose providers have what is asked for.

        Raises:
            BadRequest: the model's provider has another one.
            UpstreamError: as from `generate`.
        """
        envelope = exchange.format.peek(exchange.call)
        exchange.model = envelope.model
        target = self._first(exchange, envelope)
        relay = self._relays.get(target.provider)
        if relay is None or relay.format.name not in holders:
            message = f"{exchange.call.path} is not served for this model: its provider, {target.provider}, has no such thing"
            raise BadRequest(message, kind=ErrorKind.NOT_FOUND, code="unsupported_endpoint")
        envelope, _ = await self._keeper.written_out(exchange, envelope, vendor_keeps=True)
        return await self._pass_on(exchange, relay, envelope.for_model(exchange.call, target.model))

    async def _pass_on(self, exchange: Exchange, relay: RelayBackend, call: HTTPCall) -> Answer:
        exchange.relayed = True
        exchange.sent(time.monotonic())
        reply = await relay.pass_on(call, exchange.client_key)
        exchange.first_byte = time.monotonic()
        if isinstance(reply, RelayedStream):
            exchange.stream, exchange.upstream_status = True, 200
            headers = {**reply.headers, "content-type": media_type("text/event-stream"), **STREAM_HEADERS, **self._headers(exchange)}
            return Answer(200, headers, chunks=relayed(exchange, reply))
        exchange.upstream_status = reply.status
        return self._relayed_whole(exchange, reply)

    # Catalog and state

    async def list_models(self, exchange: Exchange) -> Answer:
        """Every model that the client may ask for, in its format."""
        models = tuple(model for model in await self.models() if self._allowed.may_ask(exchange.client, model.id))
        return Answer(200, {"content-type": "application/json"}, exchange.format.encode_models(models))

    async def get_model(self, exchange: Exchange, model_id: str) -> Answer:
        """One model, in the client's format. Raises `BadRequest` if nobody has it."""
        for model in await self.models():
            if model.id == model_id and self._allowed.may_ask(exchange.client, model_id):
                return Answer(200, {"content-type": "application/json"}, exchange.format.encode_model(model))
        raise BadRequest(f"model: {model_id[:100]}", "model", ErrorKind.NOT_FOUND, "model_not_found")

    async def models(self) -> tuple[ModelInfo, ...]:
        """What all backends list, and the exact names that the user's rules add. A backend that cannot answer lists nothing."""
        listed = await asyncio.gather(*(self.models_of(name) for name in self.backends))
        found: dict[str, ModelInfo] = {}
        for rule in self.routes.rules:
            if "*" not in rule.pattern:
                found[rule.pattern] = ModelInfo(rule.pattern, owner=rule.targets[0].partition("/")[0])
        for models in listed:
            for model in models:
                found.setdefault(model.id, model)
        return tuple(found.values())

    async def models_of(self, provider: str) -> Sequence[ModelInfo]:
        """What one backend lists; nothing if it cannot answer."""
        try:
            return await self.backends[provider].models()
        except (UpstreamError, BadUpstream):
            return ()

    async def health(self) -> Mapping[str, Health]:
        """The state of every backend, by name."""
        states = await asyncio.gather(*(backend.health() for backend in self.backends.values()))
        return dict(zip(self.backends, states, strict=True))

    def warm_up(self) -> None:
        """Let every backend get ready: whoever holds the pipeline is up and means to stay."""
        for backend in self.backends.values():
            if isinstance(backend, WarmBackend):
                backend.warm_up()

    async def aclose(self) -> None:
        """End every backend."""
        await asyncio.gather(*(backend.aclose() for backend in self.backends.values()))
        if self.limits is not None:
            await self.limits.aclose()

    # The two lanes

    def _route(self, exchange: Exchange, envelope: Envelope) -> Route:
        self._allowed.check(exchange.client, envelope.model)
        by_content = bool(self.routes.by_content)
        facts = CallFacts(exchange.client, exchange.format, exchange.call, envelope) if by_content else None
        route = self.routes.resolve(envelope.model, facts)
        if by_content or len(route.targets) > 1:
            exchange.rule = f"{route.why} -> {', '.join(map(str, route.targets))}"
        return route

    def _first(self, exchange: Exchange, envelope: Envelope) -> Target:
        """The target that is asked for what is not about generating: there it is the one, others count and keep in their own ways."""
        target = self._route(exchange, envelope).target
        exchange.route = str(target)
        exchange.alias = None if target.model == exchange.model else exchange.model
        return target

    async def _incoming(self, exchange: Exchange, request: Request, relay: RelayBackend | None) -> Request:
        """The client's conversation with the proofs that its vendors want back, where they hung."""
        spoken, slot = exchange.format, exchange.format.proof_slot
        if slot is not None and holds_envelopes(request, spoken.name):
            request = bring_home(request, spoken.name, self._seal_key, exchange.losses, None if relay is None else relay.format.name)
            if relay is not None and relay.format is spoken:
                request = only_own(request, spoken.name, exchange.losses)
        if slot is None or not slot.thoughts_return:
            issuer = None if relay is None else relay.format.name
            request = await with_recalled(request, self._memory, exchange.owner, issuer)
        return request

    async def _outgoing(self, exchange: Exchange, stream: EventStream, request: Request, *, foreign: bool) -> EventStream:
        """The events with their proofs in the client's own place for such, or remembered where it has none."""
        slot = exchange.format.proof_slot
        outbound = Outbound(exchange.format, self._seal_key, foreign=foreign, losses=exchange.losses)
        joined = JoinedWords() if foreign and slot is not None and not slot.may_end else None
        listener = Listener() if slot is None or not slot.thoughts_return else None
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
            self._keeper.issued(exchange, reply.meter.answer, provider)
            headers = {**reply.headers, "content-type": media_type("text/event-stream"), **STREAM_HEADERS, **self._headers(exchange)}
            return Answer(200, headers, chunks=relayed(exchange, reply), ping=exchange.format.ping)
        if isinstance(reply, RelayedReply):
            exchange.usage = reply.usage
            self._keeper.issued(exchange, reply.answer, provider)
        return self._relayed_whole(exchange, reply)

    def _relayed_whole(self, exchange: Exchange, reply: HTTPReply) -> Answer:
        body = reply.body if exchange.alias is None else name_in_body(exchange.format, reply.body, exchange.alias)
        return Answer(reply.status, {**reply.headers, "content-type": "application/json", **self._headers(exchange)}, body)

    async def _translate(
        self, exchange: Exchange, backend: Backend, request: Request, refused: UpstreamError | None, promise: Promise | None
    ) -> Answer:
        accepted = await _accepted(exchange, backend, request, refused, self._stale)
        exchange.child_pid = accepted.child_pid if isinstance(accepted, ProcessStream) else None
        exchange.rates = accepted.rates if isinstance(accepted, RatedStream) else NO_RATES
        relay = self._relays.get(backend.name)
        foreign = relay is None or relay.format is not exchange.format
        if foreign and may_pause(request):
            accepted = without_pauses(accepted, request, lambda again: backend.send(again, exchange.losses, exchange.client_key))
        stream = self._outgoing(exchange, accepted, request, foreign=foreign)
        if exchange.alias is not None:
            stream = name_in_events(stream, exchange.alias)
        if promise is not None:
            stream = self._keeper.named_as_promised(exchange, promise, stream, request)
        exchange.first_byte = time.monotonic()
        exchange.upstream_status = 200
        if exchange.stream:
            encoder = exchange.format.stream_encoder(request, exchange.losses)
            headers = {"content-type": media_type(encoder.media_type), **STREAM_HEADERS, **self._headers(exchange)}
            chunks = encoded(exchange, stream, encoder)
            return Answer(200, headers, ping=encoder.ping, chunks=chunks, broken_off=lambda error: encoder.encode(StreamError(error)))
        response = await folded(exchange, stream)
        body = exchange.format.encode_response(response, request, exchange.losses)
        if promise is not None:
            await self._keeper.keep(exchange, promise, body)
        return Answer(200, {"content-type": "application/json", **self._headers(exchange)}, body)

    @staticmethod
    def _headers(exchange: Exchange) -> dict[str, str]:
        headers = {"x-ccproxy-route": _header_safe(exchange.route or "")}
        if exchange.rule is not None:
            headers["x-ccproxy-rule"] = _header_safe(exchange.rule[:_HEADER_LIMIT])
        if exchange.tries > 1:
            headers["x-ccproxy-attempts"] = str(exchange.tries)
        if exchange.losses:
            fields = ",".join(loss.field for loss in exchange.losses)
            headers["x-ccproxy-losses"] = _header_safe(fields[:_HEADER_LIMIT])
        return headers


def _asking(request: Request, model: str) -> Request:
    return request if request.model == model else evolve(request, model=model)


def _keeping(exchange: Exchange) -> Keeping:
    keeping = exchange.format.keeping
    if keeping is None:
        raise BadRequest("this API keeps no answers", kind=ErrorKind.NOT_FOUND)
    return keeping


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


def _header_safe(text: str) -> str:
    """Header values are visible ASCII: anything else, line ends first of all, becomes a question mark."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(char if " " <= char <= "~" else "?" for char in text)
