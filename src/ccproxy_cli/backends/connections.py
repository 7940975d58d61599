"""Connections, made safe in three ways that aiohttp 3.14 leaves open (all observed 2026-11).

One on which something arrived while it lay idle is thrown away: the next caller would take those bytes for its answer. A request that met
one its peer had just closed can be told from others: nothing of it was read there, so it may be sent again. And one that is lost in the
middle of an answer tells whoever reads it: bad framing that comes apart from the head would leave the reader waiting.
"""

import asyncio
import io
from collections.abc import Callable
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
                if protocol.closed is not None:
                    protocol.closed.add_done_callback(_heard)
                return connection
            if not protocol.should_close:
                break
            connection.close()
        body = req.body
        if isinstance(body, Body | LargeBody):
            body.on_used_connection = True
        return connection


def _heard(closed: asyncio.Future[None]) -> None:
    """Take note of how a connection ended, or the loop would complain that nobody did."""
    if not closed.cancelled():
        closed.exception()


def watch_loss(response: aiohttp.ClientResponse) -> Callable[[], None] | None:
    """From now on the loss of the connection ends the wait for more of the body. Returns what ends the watch, None if all is here."""
    connection, content = response.connection, response.content
    closed = None if connection is None or connection.protocol is None else connection.protocol.closed
    if closed is None:
        return None

    def lost(_: asyncio.Future[None]) -> None:
        if not content.is_eof() and content.exception() is None:
            content.set_exception(aiohttp.ClientPayloadError("the connection was lost"))

    def unwatch() -> None:
        closed.remove_done_callback(lost)

    closed.add_done_callback(lost)
    return unwatch
