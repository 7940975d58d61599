"""The backend for everything that speaks one of our formats over HTTP: a format, an address, credentials, and what its models can take."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from attrs import evolve

from ccproxy_cli import __version__
from ccproxy_cli.backends.base import ByteStream, EventStream, Health, Meter, RatedStream, RelayedReply, RelayedStream
from ccproxy_cli.backends.calling import PLAIN, Calling
from ccproxy_cli.backends.credentials import AuthStyle, Credentials
from ccproxy_cli.backends.incoming import Fault, incoming_events, incoming_frames, whatever_comes
from ccproxy_cli.backends.learned import Learned
from ccproxy_cli.backends.transport import MAX_ERROR_BODY, Reply, Transport
from ccproxy_cli.backends.travel import travelling_down, travelling_down_with_refusals, travelling_query, travelling_up
from ccproxy_cli.config.settings import TimeoutSettings
from ccproxy_cli.core.catalog import ModelInfo, TokenCount
from ccproxy_cli.core.errors import APIError, BadUpstream, ErrorKind, UpstreamError
from ccproxy_cli.core.estimate import estimate_tokens
from ccproxy_cli.core.extras import Losses, refuse_vital
from ccproxy_cli.core.facts import news_in, with_facts
from ccproxy_cli.core.formats import Format
from ccproxy_cli.core.http import HOP_HEADER, HTTPCall, HTTPReply
from ccproxy_cli.core.jsontext import JSONError, loads
from ccproxy_cli.core.names import fit_names, restore_names
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.rates import NO_RATES, Rates
from ccproxy_cli.core.relaytap import RelayTap
from ccproxy_cli.core.request import Request
from ccproxy_cli.core.response import Receipt, Response
from ccproxy_cli.core.stopping import StopFilter, split_stops
from ccproxy_cli.core.stream import explode
from ccproxy_cli.observe.redact import Redactor

_T = TypeVar("_T")

_HEALTH_WAIT = 2.0
_HEADERS = {
    "content-type": "application/json",
    "accept": "application/json, text/event-stream",
    "accept-encoding": "identity",  # a compressed stream arrives in lumps
    "user-agent": f"ccproxy/{__version__}",
    HOP_HEADER: "1",
}


class HTTPBackend:
    """One provider over HTTP."""

    def __init__(
        self,
        name: str,
        spoken: Format,
        base_url: str,
        credentials: Credentials,
        profile_for: Callable[[str], Profile],
        timeouts: TimeoutSettings,
        *,
        calling: Calling = PLAIN,
        learned: Learned | None = None,
        described: Callable[[ModelInfo], ModelInfo] = lambda model: model,
        redactor: Redactor | None = None,
        listed: Sequence[str] = (),
    ) -> None:
        """
        Args:
            base_url: where the vendor's own SDK would be pointed.
            profile_for: what a model of this provider can take.
            calling: what it wants of every call.
            learned: what its refusals have taught.
            described: adds to a listed model what is known of it otherwise.
            redactor: learns the keys that are sent, and cleans every error.
            listed: models to name when the provider cannot list its own.
        """
        self.name = name
        self.format = spoken
        self._credentials = credentials
        self._profile_for = profile_for
        self._redactor = Redactor() if redactor is None else redactor
        self._listed = tuple(listed)
        self._described = described
        self._calling = calling
        self._headers = {**_HEADERS, **calling.headers}
        self._counts = spoken.encode_count_request is not None
        """The vendor counts tokens, as far as is known."""
        self._transport = Transport(name, base_url, timeouts)
        self._learned = Learned() if learned is None else learned

    # The translating lane

    async def send(self, request: Request, losses: Losses, client_key: str | None = None) -> EventStream:
        """See `Backend.send`. Errors that an upstream tells in-band before any content are raised like any other."""
        request, names = fit_names(request, self.format.fit_tool_name)
        reply, events, stops = await self._sent(request, losses, client_key)
        if stops:
            events = _up_to_a_stop(events, StopFilter(stops))
        if names:
            events = _with_names(events, names)
        rates = self._rates(reply.headers)
        return RatedStream(events, rates) if rates else events

    async def _sent(self, request: Request, losses: Losses, client_key: str | None) -> tuple[Reply, EventStream, tuple[str, ...]]:
        """The answer, whole and in events, and the stop sequences that are ours to heed. A refusal that tells what the model does not take
        is learned from, and the request sent once more without that."""
        profile = await self._profile(request.model)
        call, stops = self._encoded(request, profile, losses)
        losses.refuse_if_strict()
        try:
            return *await self._answer(call, request, client_key), stops
        except UpstreamError as error:
            facts = news_in(self.format.learn(error.error), profile)
            again, stops = self._encoded(request, with_facts(profile, facts), losses)
            if again == call:
                raise
        losses.refuse_if_strict()
        reply, events = await self._answer(again, request, client_key)
        try:
            await self._learned.add(request.model, facts)
        except BaseException:  # the client has left, and nobody has begun to read
            reply.close()
            raise
        return reply, events, stops

    async def _answer(self, call: HTTPCall, request: Request, client_key: str | None) -> tuple[Reply, EventStream]:
        """An answer that has begun well. Owns the reply until then."""
        reply = await self._open(self._calling.fill(call), client_key)
        try:
            if not request.stream or reply.media_type == "application/json":
                return reply, _at_once(await self._response(reply))
            return reply, await incoming_events(reply, self.format.stream_decoder(), self._clean)
        except BaseException:
            reply.close()
            raise

    def _encoded(self, request: Request, profile: Profile, losses: Losses) -> tuple[HTTPCall, tuple[str, ...]]:
        request, stops = split_stops(request, self.format, profile)
        return self.format.encode_request(request, profile, losses), stops

    async def _profile(self, model: str) -> Profile:
        """What a model can take, as far as is known by now."""
        return with_facts(self._profile_for(model), await self._learned.of(model))

    async def _response(self, reply: Reply) -> Response:
        body = await reply.read()
        reply.close()
        return self._readable(self.format.decode_response, body)

    # The relay lane

    async def relay(self, call: HTTPCall, stream: bool, client_key: str | None = None) -> HTTPReply | RelayedStream:
        """See `RelayBackend.relay`."""
        if call.query:
            call = evolve(call, query=travelling_query(self.format.name, call.query))
        reply = await self._open(self._calling.fill(call), client_key, self._travelling(call))
        try:
            headers = travelling_down(reply.headers)
            if not stream:
                body = await reply.read()
                reply.close()
                receipt = self._readable(self._read_receipt, body)
                return RelayedReply(reply.status, body, headers, receipt.usage, receipt.id)
            if reply.media_type == "application/json":
                response = await self._response(reply)
                return RelayedStream(headers, self._streamed(call, response), Meter(response.usage, response.id, complete=True))
        except BaseException:
            reply.close()
            raise
        meter = Meter()
        frames = await incoming_frames(reply, RelayTap(self.format), self._clean, meter)
        return RelayedStream(headers, frames, meter)

    async def pass_on(self, call: HTTPCall, client_key: str | None = None) -> HTTPReply | RelayedStream:
        """See `RelayBackend.pass_on`."""
        call = evolve(call, query=travelling_query(self.format.name, call.query))
        reply = await self._open(call, client_key, self._travelling(call))
        if reply.media_type == "text/event-stream":
            return RelayedStream(travelling_down(reply.headers), whatever_comes(reply))
        try:
            body = await reply.read()
            self._readable(_checked_json, body)
            return HTTPReply(reply.status, body, travelling_down(reply.headers))
        finally:
            reply.close()

    def _read_receipt(self, body: bytes) -> Receipt | Response:
        return self.format.decode_response(body) if self.format.read_receipt is None else self.format.read_receipt(body)

    async def _streamed(self, call: HTTPCall, response: Response) -> ByteStream:
        """A complete answer as the stream that was asked for."""
        encoder = self.format.stream_encoder(self.format.decode_request(call, Losses()))
        yield b"".join(map(encoder.encode, explode(response)))

    # Beside generating

    async def count_tokens(self, request: Request, losses: Losses, client_key: str | None = None) -> TokenCount:
        """See `Backend.count_tokens`. An estimate where the vendor, or a server that only resembles it, has no counter."""
        encode, decode = self.format.encode_count_request, self.format.decode_count
        if encode is None or decode is None:
            refuse_vital(request.extras, self.format.name)
            return self._estimated(request)
        asked = request
        request, _ = fit_names(request, self.format.fit_tool_name)
        profile = await self._profile(request.model)
        request, _ = split_stops(request, self.format, profile)
        call = encode(request, profile, losses)
        losses.refuse_if_strict()
        try:
            return self._readable(decode, await self._body(call, client_key))
        except UpstreamError as error:
            if error.error.http_status in (404, 405, 501):
                self._counts = False
                return self._estimated(asked)
            raise

    def estimate(self, request: Request) -> int | None:
        """See `EstimatingBackend`."""
        return None if self._counts else estimate_tokens(request, self.format.weights)

    def _estimated(self, request: Request) -> TokenCount:
        return TokenCount(estimate_tokens(request, self.format.weights), estimated=True)

    async def models(self) -> tuple[ModelInfo, ...]:
        """See `Backend.models`. The configured names stand in for a list that cannot be had."""
        return tuple(map(self._described, await self._list()))

    async def _list(self) -> tuple[ModelInfo, ...]:
        configured = tuple(ModelInfo(name, owner=self.name) for name in self._listed)
        if not self._calling.lists_models:
            if configured:
                return configured
            message = f"{self.name} cannot list its models: name them under providers.{self.name}.models"
            raise UpstreamError(APIError(ErrorKind.NOT_FOUND, message, should_retry=False))
        try:
            return self._readable(self.format.decode_models, await self._body(self.format.models_call(), None))
        except (BadUpstream, UpstreamError):
            if not configured:
                raise
            return configured

    async def health(self) -> Health:
        """Whether there is a key and the address takes connections. Sends nothing."""
        if not self._credentials.present:
            return Health(False, "no API key")
        if missing := [name for name, secret in self._calling.secrets.items() if not secret.present]:
            return Health(False, f"no value for the header {missing[0]}")
        try:
            async with asyncio.timeout(_HEALTH_WAIT):
                _, writer = await asyncio.open_connection(self._transport.host, self._transport.port)
        except OSError:
            return Health(False, f"cannot be reached at {self._transport.host}:{self._transport.port}")
        writer.close()
        keyless = ", without a key" if self._credentials.style is AuthStyle.NONE else ""
        return Health(True, f"{self.format.name} at {self._transport.base_url}{keyless}")

    async def aclose(self) -> None:
        """End every connection."""
        await self._transport.aclose()

    # One call

    async def _body(self, call: HTTPCall, client_key: str | None) -> bytes:
        reply = await self._open(call, client_key)
        try:
            return await reply.read()
        finally:
            reply.close()

    async def _open(self, call: HTTPCall, client_key: str | None, travelling: dict[str, str] | None = None) -> Reply:
        """Send a call with our credentials and return its answer if that is a success. Of several keys each is tried at most once."""
        calling = self._calling
        if calling.model_path or calling.query:
            call = calling.place(call, self.format)
        headers = {**self._headers, **(call.headers if travelling is None else travelling)}
        for name, secret in calling.secrets.items():
            headers[name] = self._known(await secret.value() or "")
        tries = len(self._credentials.secrets)
        while True:
            secret, key = await self._credentials.key(client_key)
            if key is not None and self._credentials.style is not AuthStyle.NONE:
                name, value = self._credentials.style.header(self._known(key))
                headers[name] = value
            reply = await self._transport.open(call, headers)
            if 200 <= reply.status < 300:
                return reply
            try:
                error = await self._refusal(reply)
            finally:
                reply.close()
            tries -= 1
            if not self._credentials.refused(secret, error) or not tries:
                raise UpstreamError(error)

    def _known(self, key: str) -> str:
        """The key, which from now on is shown nowhere."""
        self._redactor.learn(key)
        return key

    def _travelling(self, call: HTTPCall) -> dict[str, str]:
        """A client's headers, as far as they go on."""
        return travelling_up(self.format.name, call.headers, self._calling.travelling)

    async def _refusal(self, reply: Reply) -> APIError:
        """What the upstream's error answer says."""
        if 300 <= reply.status < 400:
            return APIError(ErrorKind.BAD_UPSTREAM, f"{self.name} answered with a redirect, which is never followed: check its base_url")
        try:
            body = await reply.read(MAX_ERROR_BODY)
        except UpstreamError:
            body = b""
        error = self._redactor.error(self.format.decode_error(HTTPReply(reply.status, body, reply.headers)))
        return evolve(error, headers=travelling_down_with_refusals(reply.headers) or None, rates=self._rates(reply.headers))

    def _rates(self, headers: Mapping[str, str]) -> Rates:
        decode = self.format.decode_rates
        return NO_RATES if decode is None else decode(headers, time.time())

    def _readable(self, decode: Callable[[bytes], _T], body: bytes) -> _T:
        """What `decode` makes of a body. An error that travels in a success is cleaned like any other."""
        try:
            return decode(body)
        except (BadUpstream, UpstreamError) as error:
            raise self._clean(error) from error

    def _clean(self, error: Fault) -> Fault:
        match error:
            case UpstreamError():
                return UpstreamError(self._redactor.error(error.error), error.fate)
            case _:
                return BadUpstream(self._redactor.text(f"{self.name}: {error.message}"))


def _checked_json(body: bytes) -> None:
    try:
        loads(body)
    except JSONError as error:
        raise BadUpstream(f"the answer is not JSON: {error}") from error


async def _with_names(events: EventStream, names: Mapping[str, str]) -> EventStream:
    """The same events with the client's own names of its tools."""
    try:
        async for batch in events:
            yield [restore_names(event, names) for event in batch]
    finally:
        await events.aclose()


async def _up_to_a_stop(events: EventStream, stops: StopFilter) -> EventStream:
    """The same events, cut at the first stop sequence. The upstream is let go then: whatever it still says costs, and nobody reads it."""
    try:
        async for batch in events:
            passed = [ready for event in batch for ready in stops.feed(event)]
            if passed:
                yield passed
            if stops.done:
                return
    finally:
        await events.aclose()


async def _at_once(response: Response) -> EventStream:
    yield list(explode(response))
