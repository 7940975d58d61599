"""The way of a request: find its targets, and ask one after the other until there is an answer.

How one target is asked is for the lanes to know (`lanes`), whether another try is worth it for `attempts`.
"""

import asyncio
import functools
import secrets
import time
from collections.abc import Awaitable, Collection, Mapping, Sequence

from attrs import evolve, frozen

from ccproxy_cli.backends.base import Backend, EventStream, Health, WarmBackend
from ccproxy_cli.config.settings import RetrySettings
from ccproxy_cli.core.catalog import ModelInfo
from ccproxy_cli.core.errors import BadRequest, BadUpstream, ErrorKind, UpstreamError
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import Envelope, Keeping
from ccproxy_cli.core.request import Request
from ccproxy_cli.core.seal import KEY_LENGTH
from ccproxy_cli.pipeline.allowed import Allowed
from ccproxy_cli.pipeline.attempts import Attempts
from ccproxy_cli.pipeline.cache import AnswerCache
from ccproxy_cli.pipeline.exchange import Answer, Exchange
from ccproxy_cli.pipeline.facts import CallFacts, facts_of
from ccproxy_cli.pipeline.lanes import Lanes
from ccproxy_cli.pipeline.limits import Limits
from ccproxy_cli.pipeline.outgoing import STREAM_HEADERS, media_type
from ccproxy_cli.pipeline.proofs import KeySource
from ccproxy_cli.pipeline.rests import Rests
from ccproxy_cli.pipeline.route import Route, RouteTable, Target
from ccproxy_cli.pipeline.verdict import FAILURES, Failure
from ccproxy_cli.stores.opening import Stores, stores_here


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
        self._attempts = Attempts(RetrySettings(), Rests(time.time)) if attempts is None else attempts
        self._allowed = Allowed({}) if allowed is None else allowed
        if seal_key is None:
            seal_key = functools.cache(functools.partial(secrets.token_bytes, KEY_LENGTH))
        self._lanes = Lanes(backends, seal_key, stores_here() if stores is None else stores)

    # Requests

    async def generate(self, exchange: Exchange) -> Answer:
        """Answer a request for a response, streaming or not.

        Raises:
            BadRequest, BadUpstream, UpstreamError: nothing has been committed to the client yet.
        """
        call = exchange.call
        envelope = exchange.format.peek(call)
        exchange.model, exchange.stream = envelope.model, envelope.stream

        def attempt(target: Target) -> Awaitable[Answer]:
            exchange.call = call
            return self._lanes.ask(exchange, envelope, target)

        targets = self._route(exchange, envelope).targets
        if self._cache is None:
            return await self._attempts.answer(exchange, targets, attempt)
        return await self._cache.answer(exchange, envelope, targets, lambda: self._attempts.answer(exchange, targets, attempt))

    async def count_tokens(self, exchange: Exchange) -> Answer:
        """Answer a request for the number of input tokens. Raises as `generate` does."""
        decode, encode = exchange.format.decode_count_request, exchange.format.encode_count
        if decode is None or encode is None:
            raise BadRequest("this API has no token counter", kind=ErrorKind.NOT_FOUND)
        call = exchange.call
        envelope = exchange.format.peek(call)
        exchange.model = envelope.model

        def attempt(target: Target) -> Awaitable[Answer]:
            exchange.call = call
            return self._lanes.count(exchange, envelope, target, decode, encode)

        return await self._attempts.answer(exchange, self._route(exchange, envelope).targets, attempt)

    async def ask(self, request: Request) -> Accepted:
        """Serve a neutral request without any client format: the way of `ask` and `test`. Raises as `generate` does."""
        first: Failure | None = None
        for target in self.routes.resolve(request.model, facts_of(request) if self.routes.by_content else None).targets:
            losses = Losses()
            try:
                return Accepted(target, losses, await self.backends[target.provider].send(evolve(request, model=target.model), losses))
            except FAILURES as failure:
                first = first or failure
                if not self._attempts.leads_on(target, failure):
                    break
        assert first is not None
        raise first

    async def kept(self, exchange: Exchange) -> Answer:
        """Show, delete or give up an answer that was kept, here or by the provider that gave it. Raises as `generate` does."""
        keeping = _keeping(exchange)
        wanted = keeping.wanted(exchange.call)
        if wanted is None:
            raise keeping.unknown(exchange.call.path.rpartition("/")[2])
        kept = await self._lanes.keeper.kept(exchange, wanted.answer)
        if kept is None:
            return await self._kept_elsewhere(exchange, keeping, wanted.answer)
        if exchange.call.method == "DELETE":
            await self._lanes.keeper.delete(exchange, keeping, wanted.answer, kept)
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
        issuer, alias = await self._lanes.keeper.issuer(exchange, answer)
        own = {name: relay for name, relay in self._lanes.relays.items() if relay.format is exchange.format}
        for name in [issuer] if issuer in own else own:
            exchange.route, exchange.alias = name, alias
            try:
                return await self._lanes.pass_on(exchange, own[name], exchange.call)
            except UpstreamError as error:
                if issuer in own or error.error.http_status != ErrorKind.NOT_FOUND.status:
                    raise
        raise self._lanes.keeper.unknown(keeping, answer)

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
        relay = self._lanes.relays.get(target.provider)
        if relay is None or relay.format.name not in holders:
            message = f"{exchange.call.path} is not served for this model: its provider, {target.provider}, has no such thing"
            raise BadRequest(message, kind=ErrorKind.NOT_FOUND, code="unsupported_endpoint")
        envelope, _ = await self._lanes.keeper.written_out(exchange, envelope, vendor_keeps=True)
        return await self._lanes.pass_on(exchange, relay, envelope.for_model(exchange.call, target.model))

    # Catalog and state

    async def list_models(self, exchange: Exchange) -> Answer:
        """Every model that the client may ask for, in its format."""
        models = tuple(model for model in await self.models() if self._allowed.may_ask(exchange.client, model.id))
        return Answer(200, {"content-type": "application/json"}, exchange.format.encode_models(models))

    async def get_model(self, exchange: Exchange, model_id: str) -> Answer:
        """One model, in the client's format. Raises `BadRequest` if nobody has it."""
        found = next((model for model in await self.models() if model.id == model_id), None) or self._led(model_id)
        if found is None or not self._allowed.may_ask(exchange.client, model_id):
            raise BadRequest(f"model: {model_id[:100]}", "model", ErrorKind.NOT_FOUND, "model_not_found")
        return Answer(200, {"content-type": "application/json"}, exchange.format.encode_model(found))

    def _led(self, name: str) -> ModelInfo | None:
        """What stands behind a name that nobody lists but a rule leads to another: SDKs look a model up before they ask it."""
        try:
            route = self.routes.resolve(name)
        except BadRequest:
            return None
        return ModelInfo(name, owner=route.target.provider) if route.setting and route.target.model != name else None

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

    # Routes

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


def _keeping(exchange: Exchange) -> Keeping:
    keeping = exchange.format.keeping
    if keeping is None:
        raise BadRequest("this API keeps no answers", kind=ErrorKind.NOT_FOUND)
    return keeping
