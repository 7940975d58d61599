"""The outermost layer: gives every request an id, asks the guard, and writes its log line when it is over."""

import random
import time
import traceback
from collections.abc import Callable, Sequence

from ccproxy_cli.observe.logging import RequestLine
from ccproxy_cli.server.asgi import ASGIApp, Head, Message, Receive, Scope, Send
from ccproxy_cli.server.guard import Caller, Guard
from ccproxy_cli.server.replies import INTERNAL, send_error, send_reply
from ccproxy_cli.server.routes import find, format_of, normal_path
from ccproxy_cli.server.visit import SCOPE_KEY, Visit

Observer = Callable[[Visit], None]
"""Told of every request when it is over."""

_PREFLIGHT = {
    "access-control-allow-methods": "GET, POST, OPTIONS",
    "access-control-allow-headers": "*, authorization",  # the star does not cover this one
    "access-control-max-age": "600",
}
_EXPOSED = (
    b"x-request-id, request-id, retry-after, x-ccproxy-route, x-ccproxy-rule, x-ccproxy-attempts, x-ccproxy-losses, x-ccproxy-cache,"
    b" x-ccproxy-overhead-ms"
)


class Front:
    """An ASGI application around the routes."""

    def __init__(
        self, hot: ASGIApp, rest: ASGIApp, guard: Guard, log: Callable[[RequestLine], None], observers: Sequence[Observer] = ()
    ) -> None:
        """
        Args:
            hot: serves the paths that `routes.find` knows; asked at once, since a router would cost more than all that is done here.
            rest: serves every other path.
        """
        self._hot = hot
        self._rest = rest
        self._guard = guard
        self._log = log
        self._observers = tuple(observers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._rest(scope, receive, send)
            return
        head = Head.of(scope, normal_path(scope["path"]))
        caller = self._guard.caller(head)
        visit = _visit(head, caller)
        scope[SCOPE_KEY] = visit
        scope["path"] = head.path
        send = self._noting(visit, head, send)
        try:
            await self._admit(visit, head, caller, scope, receive, send)
        except Exception:  # noqa: BLE001 - the edge: nothing may reach the server library, which would log it in its own way
            visit.traceback = traceback.format_exc()
            visit.failed(INTERNAL)
            if visit.status is None:
                await send_error(send, visit, INTERNAL)
        finally:
            self._log(visit.line())
            for observer in self._observers:
                observer(visit)

    async def _admit(self, visit: Visit, head: Head, caller: Caller, scope: Scope, receive: Receive, send: Send) -> None:
        error = self._guard.refuse(head, caller)
        if error is not None:
            closing = bool(error.headers and "connection" in error.headers)
            await send_error(send, visit, error, receive if closing else None)
            return
        if self._guard.is_preflight(head):
            await send_reply(send, 204, _PREFLIGHT, b"")
            return
        if visit.method == "HEAD":
            scope = {**scope, "method": "GET"}  # the server drops the body by its own copy of the method
        await (self._rest if find(head.path) is None else self._hot)(scope, receive, send)

    def _noting(self, visit: Visit, head: Head, send: Send) -> Send:
        """`send`, which also notes when the answer began and adds what every answer carries."""
        extra = [(b"x-request-id", visit.id.encode())]
        if self._guard.origins and (origin := self._guard.allowed_origin(head)) is not None:
            extra += [
                (b"access-control-allow-origin", origin.encode("latin-1")),
                (b"vary", b"origin"),
                (b"access-control-expose-headers", _EXPOSED),
            ]

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                visit.status = message["status"]
                visit.sent = time.monotonic()
                # A codec may have named the request too; one answer has one id.
                message["headers"] = [*(header for header in message["headers"] if header[0] != b"x-request-id"), *extra]
            await send(message)

        return noting


def _visit(head: Head, caller: Caller) -> Visit:
    return Visit(
        id=f"req_{random.getrandbits(96):024x}",  # a name, not a secret
        format=format_of(head.path, head.headers),
        method=head.method,
        path=head.path,
        headers=head.headers,
        key=caller.key,
        client=None if caller.token is None else caller.token.client,
    )
