"""Connections that are used again, made safe in two ways that aiohttp 3.14 leaves open (both observed 2026-11).

A connection on which something arrived while it lay idle is thrown away: the next caller would take those bytes for its answer. And a
request that met a connection its peer had just closed is sent once more: nothing of it was read there.
"""

from weakref import WeakSet

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from typing_extensions import override


class Request(aiohttp.ClientRequest):
    """A request that knows what it rides on."""

    on_used_connection = False


class Connector(aiohttp.TCPConnector):
    """The pool."""

    def __init__(self, *, keep_alive: float) -> None:
        """`keep_alive`: seconds an idle connection is kept."""
        super().__init__(limit=0, keepalive_timeout=keep_alive)
        self._known: WeakSet[ResponseHandler] = WeakSet()

    @override
    async def connect(self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout) -> Connection:
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            assert protocol is not None
            used = protocol in self._known
            if used and protocol.should_close:
                connection.close()
                continue
            self._known.add(protocol)
            if isinstance(req, Request):
                req.on_used_connection = used
            return connection


async def resend_if_stale(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Client middleware: the second try. A reset is none of its business: then the request may have been read."""
    try:
        return await handler(request)
    except aiohttp.ServerDisconnectedError:
        if not (isinstance(request, Request) and request.on_used_connection):
            raise
    return await handler(request)
