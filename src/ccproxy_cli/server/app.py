"""The application: Litestar tells about the server itself, plain ASGI handlers serve the vendors' paths, and the front guards them all."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from litestar import Litestar, Request, Response, get
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.handlers import HTTPRouteHandler

from ccproxy_cli import __version__
from ccproxy_cli.config.secrets import reveal
from ccproxy_cli.config.settings import ClientSettings, ServerSettings, Settings
from ccproxy_cli.core.errors import APIError, ErrorKind
from ccproxy_cli.core.jsontext import dumps
from ccproxy_cli.observe.logging import RequestLine, RequestLog
from ccproxy_cli.observe.redact import Redactor
from ccproxy_cli.server.asgi import ASGIApp
from ccproxy_cli.server.front import Front, Observer
from ccproxy_cli.server.guard import Guard
from ccproxy_cli.server.handlers import Handlers, Pipeline, method_not_allowed
from ccproxy_cli.server.routes import nothing_at
from ccproxy_cli.server.schema import openapi_document
from ccproxy_cli.server.visit import Visit

_Request: TypeAlias = Request[Any, Any, Any]


def create_app(
    settings: Settings,
    pipeline: Pipeline,
    *,
    log: Callable[[RequestLine], None] | None = None,
    observers: Sequence[Observer] = (),
    redactor: Redactor | None = None,
    trouble: Callable[[], str | None] = lambda: None,
) -> ASGIApp:
    """The whole server as one ASGI application. It closes the pipeline when it shuts down.

    Args:
        log: takes each finished request's line; stderr by default.
        redactor: cleans the lines that go to stderr.
        observers: told of each finished request, after the log.
        trouble: what is wrong with the configuration's files, where it is an older one that is in force.

    Raises:
        ValueError: the settings name a token that is not there.
    """
    handlers = Handlers(pipeline, settings.server.max_body_mb << 20)
    routes = Litestar(
        _status(pipeline, trouble),
        exception_handlers={HTTPException: _http_error, Exception: _internal_error},
        on_shutdown=[pipeline.aclose],
        openapi_config=None,
        logging_config=None,
    )
    guard = Guard.of(settings.server, server_token(settings.server), client_tokens(settings.clients))
    if log is None:
        log = RequestLog(sys.stderr.buffer, settings.server.log_level, redactor)
    return Front(handlers.serve, routes, guard, log, observers)  # type: ignore[arg-type]


def server_token(settings: ServerSettings, environ: Mapping[str, str] = os.environ) -> str | None:
    """The token clients must send, None if anyone who reaches the port may ask.

    Raises:
        ValueError: it is to be read from a variable that is not set. An empty one must not open the door.
    """
    return _token("server.token", settings.token, environ) if settings.token else None


def client_tokens(clients: Mapping[str, ClientSettings], environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Each client's token, by the client's name.

    Raises:
        ValueError: one is missing, or two clients have the same.
    """
    tokens = {name: _token(f"clients.{name}.token", client.token, environ) for name, client in clients.items()}
    if len({*tokens.values()}) < len(tokens):
        raise ValueError("two clients have the same token: nobody could tell them apart")
    return tokens


def _token(name: str, reference: str, environ: Mapping[str, str]) -> str:
    token = reveal(reference, environ)
    if not token:
        raise ValueError(f"{name}: {f'the environment variable {reference[4:]} is not set' if reference else 'it is empty'}")
    return token


def _status(pipeline: Pipeline, trouble: Callable[[], str | None]) -> list[HTTPRouteHandler]:
    """What tells about the server itself."""

    @get("/")
    async def root() -> dict[str, str]:
        return {"name": "ccproxy", "health": "/health", "schema": "/schema"}

    @get("/api/hello")
    async def hello() -> dict[str, str]:
        return {"message": "hello"}

    @get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok", "version": __version__}

    @get("/ready")
    async def ready() -> Response[bytes]:
        states = await pipeline.health()
        is_ready = any(state.ok for state in states.values())
        backends = {name: {"ok": state.ok, "detail": state.detail} for name, state in states.items()}
        body = dumps(
            {"ready": is_ready, "backends": backends, "configuration": {"ok": trouble() is None, "detail": trouble() or "in force"}}
        )
        return Response(body, status_code=200 if is_ready else 503, media_type="application/json")

    @get("/schema")
    async def schema() -> Response[bytes]:
        return Response(dumps(openapi_document()), media_type="application/json")

    return [root, hello, health, ready, schema]


def _http_error(request: _Request, problem: HTTPException) -> Response[bytes]:
    match problem:
        case NotFoundException():
            return _error(request, APIError(ErrorKind.NOT_FOUND, nothing_at(request.scope["path"]), code="unsupported_endpoint"))
        case MethodNotAllowedException():
            return _error(request, method_not_allowed(("GET", "HEAD")))
        case _:
            return _error(request, APIError(ErrorKind.INVALID_REQUEST, problem.detail))


def _internal_error(request: _Request, problem: Exception) -> Response[bytes]:
    raise problem


def _error(request: _Request, error: APIError) -> Response[bytes]:
    visit = Visit.of(request.scope)  # type: ignore[arg-type]
    visit.failed(error)
    reply = visit.format.encode_error(error, visit.id)
    return Response(reply.body, status_code=reply.status, headers={**reply.headers, **(error.headers or {})})
