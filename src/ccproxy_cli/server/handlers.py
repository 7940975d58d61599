"""The hot routes, as plain ASGI: read the request, ask the pipeline, send its answer."""

import asyncio
import functools
import time
import traceback
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Protocol, TypeAlias, assert_never

from attrs import evolve

from ccproxy_cli.backends.base import Health
from ccproxy_cli.core.errors import APIError, BadRequest, BadUpstream, ErrorKind, UpstreamError
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.pipeline.exchange import Answer, Exchange
from ccproxy_cli.pipeline.limits import Admission, Limits
from ccproxy_cli.server.asgi import Receive, Scope, Send
from ccproxy_cli.server.body import BodyRefused, ClientGone, read_body
from ccproxy_cli.server.hangup import Hangup
from ccproxy_cli.server.replies import STOPPING, error_of, send_error, send_reply, send_stream, told
from ccproxy_cli.server.routes import Action, Endpoint, find, nothing_at
from ccproxy_cli.server.visit import Visit

Work: TypeAlias = Callable[[Exchange], Awaitable[Answer]]

STRICT_HEADER = "x-ccproxy-strict"


class Pipeline(Protocol):
    """What the server asks of the pipeline. Everything raises `BadRequest`, `BadUpstream` or `UpstreamError`."""

    limits: Limits | None
    """For what makes a model work: generating, and what is passed on. The rest is free."""

    async def generate(self, exchange: Exchange) -> Answer: ...
    async def count_tokens(self, exchange: Exchange) -> Answer: ...
    async def list_models(self, exchange: Exchange) -> Answer: ...
    async def get_model(self, exchange: Exchange, model_id: str) -> Answer: ...
    async def kept(self, exchange: Exchange) -> Answer: ...
    async def pass_on(self, exchange: Exchange, holders: Collection[str]) -> Answer: ...
    async def health(self) -> Mapping[str, Health]: ...
    async def aclose(self) -> None: ...


class Handlers:
    """The vendors' routes over one pipeline."""

    def __init__(self, pipeline: Pipeline, max_body: int) -> None:
        self._pipeline = pipeline
        self._max_body = max_body

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request to any path of `ENDPOINTS`, or below a list of models."""
        visit = Visit.of(scope)
        try:
            endpoint, model_id = _endpoint(visit.path)
            _check_method(endpoint, visit)
            match endpoint.action:
                case Action.MODELS:
                    await self._models(visit, endpoint, model_id, scope, receive, send)
                case Action.KEPT:
                    await self._answer(visit, scope, receive, send, _exchange(visit, endpoint, scope, b""), self._pipeline.kept)
                case Action.GENERATE:
                    await self._post(visit, endpoint, scope, receive, send, self._pipeline.generate, self._pipeline.limits)
                case Action.COUNT_TOKENS:
                    await self._post(visit, endpoint, scope, receive, send, self._pipeline.count_tokens)
                case Action.ONLY_THERE:
                    work = functools.partial(self._pipeline.pass_on, holders=endpoint.holders)
                    await self._post(visit, endpoint, scope, receive, send, work, self._pipeline.limits)
                case _:
                    assert_never(endpoint.action)
        except ClientGone:
            # SDKs hang up on the last frame; a backend may still be tidying up then.
            if visit.exchange is None or not visit.exchange.complete:
                visit.outcome = "client_gone"
        except BodyRefused as problem:
            await send_error(send, visit, problem.error, receive)
        except (BadRequest, BadUpstream, UpstreamError) as problem:
            await send_error(send, visit, problem.error)
        except Exception as problem:  # the edge: a bug of ours must still be an answer, and must be logged
            visit.traceback = traceback.format_exc()
            if visit.status is None:
                await send_error(send, visit, error_of(problem))
            else:
                visit.failed(error_of(problem))
                raise

    async def _post(
        self, visit: Visit, endpoint: Endpoint, scope: Scope, receive: Receive, send: Send, work: Work, limits: Limits | None = None
    ) -> None:
        body = await read_body(visit.headers, receive, self._max_body)
        visit.bytes_in = len(body)
        exchange = _exchange(visit, endpoint, scope, body)
        await self._answer(visit, scope, receive, send, exchange, work, limits)

    async def _models(self, visit: Visit, endpoint: Endpoint, model_id: str | None, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = _exchange(visit, endpoint, scope, b"")
        if model_id is None:
            await self._answer(visit, scope, receive, send, exchange, self._pipeline.list_models)
        else:
            await self._answer(visit, scope, receive, send, exchange, lambda exchange: self._pipeline.get_model(exchange, model_id))

    async def _answer(
        self,
        visit: Visit,
        scope: Scope,
        receive: Receive,
        send: Send,
        exchange: Exchange,
        work: Work,
        limits: Limits | None = None,
    ) -> None:
        """Do the work and send what comes of it, unless the client leaves first."""
        visit.exchange = exchange
        hangup = Hangup(scope, receive)
        answer: Answer | None = None
        admission: Admission | None = None
        try:
            if limits is not None:
                admission = await limits.admit(exchange)
            answer = await work(exchange)
            rates = exchange.rates if admission is None else {**exchange.rates, **admission.rates}
            headers = {**answer.headers, "x-ccproxy-overhead-ms": _overhead(exchange), **told(rates, visit.format)}
            if answer.chunks is None:
                hangup.stop()
                visit.bytes_out = len(answer.body)
                await send_reply(send, answer.status, headers, answer.body)
            else:
                await send_stream(send, visit, answer, headers)
                hangup.stop()
                if exchange.error_type is not None and _breaks_off(visit, answer):
                    hangup.break_off()
                await send({"type": "http.response.body", "body": b""})
        except asyncio.CancelledError:
            if hangup.gone:
                raise ClientGone from None
            hangup.stop()
            await _stop(visit, send, answer, hangup)
        finally:
            hangup.stop()
            if limits is not None and admission is not None:
                # Who leaves before the answer has made the upstream work all the same.
                limits.settle(admission, exchange.usage, is_free=exchange.cache == "hit" or (answer is None and not hangup.gone))


async def _stop(visit: Visit, send: Send, answer: Answer | None, hangup: Hangup) -> None:
    """The server ends before the answer does: say so, by status or in-band."""
    if visit.status is None:
        await send_error(send, visit, STOPPING)
        return
    visit.outcome = "stream_broken"
    visit.error_type = STOPPING.kind.value[0]
    error = evolve(STOPPING, request_id=visit.id)
    broken_off = None if answer is None else answer.broken_off
    frame = broken_off(error) if broken_off else visit.format.encode_stream_error(error, visit.id)
    await send({"type": "http.response.body", "body": frame, "more_body": True})
    if answer is not None and _breaks_off(visit, answer):
        hangup.break_off()
    await send({"type": "http.response.body", "body": b""})


def _breaks_off(visit: Visit, answer: Answer) -> bool:
    """Whether an error at the end would be passed over. In a JSON array it is not: that is read as a whole."""
    return visit.format.breaks_off and answer.headers.get("content-type", "").startswith("text/event-stream")


def _endpoint(path: str) -> tuple[Endpoint, str | None]:
    """What is served at a path, and the model it names if it is one model of a list."""
    found = find(path)
    if found is None:
        raise BadRequest(nothing_at(path), kind=ErrorKind.NOT_FOUND, code="unsupported_endpoint")
    return found


def _check_method(endpoint: Endpoint, visit: Visit) -> None:
    if endpoint.canonical == "/responses" and visit.headers.get("upgrade", "").lower() == "websocket":
        # Codex falls back to plain HTTP at once on 426, and only on that.
        error = APIError(ErrorKind.UPGRADE_REFUSED, "WebSocket is not spoken here: use plain HTTP", headers={"upgrade": "HTTP/1.1"})
        raise UpstreamError(error)
    if visit.method not in endpoint.methods:
        raise UpstreamError(method_not_allowed(endpoint.methods))


def method_not_allowed(allowed: tuple[str, ...]) -> APIError:
    """The refusal of a method, naming those that are served."""
    return APIError(ErrorKind.METHOD_NOT_ALLOWED, f"use {' or '.join(allowed)} here", headers={"allow": ", ".join(allowed)})


def _exchange(visit: Visit, endpoint: Endpoint, scope: Scope, body: bytes) -> Exchange:
    query: bytes = scope["query_string"]
    call = HTTPCall(visit.method, endpoint.canonical, body, visit.headers, query.decode("latin-1"))
    strict = visit.headers.get(STRICT_HEADER, "").strip().lower() in ("1", "true", "yes")
    return Exchange(visit.id, visit.format, call, strict=strict, client_key=visit.key, client=visit.client, started=visit.started)


def _overhead(exchange: Exchange) -> str:
    """Milliseconds this request has spent here, the wait for the upstream left out."""
    spent = time.monotonic() - exchange.started
    if exchange.sent_upstream is not None and exchange.first_byte is not None:
        spent -= exchange.first_byte - exchange.sent_upstream
    return f"{spent * 1000:.1f}"
