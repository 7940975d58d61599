"""Connections that are used again, made safe in two ways that aiohttp 3.14 leaves open (both observed 2026-11).

A connection on which something arrived while it lay idle is thrown away: the next caller would take those bytes for its answer. And a
request that met a connection its peer had just closed can be told from others: nothing of it was read there, so it may be sent again.
"""

import io
from weakref import WeakSet

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from typing_extensions import override

_ONE_WRITE = 1024 * 1024
"""Bytes of a request body that may go out in one go; larger ones leave the loop room between their pieces."""


class Body(aiohttp.BytesPayload):
    """A request's body, which knows what it rides on. It stands for its request: aiohttp hands requests to nobody but the connector, and
    a middleware that kept hold of them would cost every call as much as the pool itself."""

    on_used_connection = False


class LargeBody(aiohttp.BytesIOPayload):
    """The same, for what must not be written at once."""

    on_used_connection = False


def body_of(data: bytes) -> Body | LargeBody | None:
    """A body for one attempt; None if there is nothing to send."""
    if not data:
        return None
    return Body(data) if len(data) <= _ONE_WRITE else LargeBody(io.BytesIO(data))


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
            if protocol not in self._known:
                self._known.add(protocol)
                return connection
            if not protocol.should_close:
                break
            connection.close()
        body = req.body
        if isinstance(body, Body | LargeBody):
            body.on_used_connection = True
        return connection
