"""HTTP/1.1 on a connection, with the limits uvicorn leaves out: the size of a request's head, and how long a peer may take to send one or
to take an answer. No timer per request: the server looks at every connection once a second."""

import asyncio
from collections.abc import Callable
from typing import Any

import httptools
from typing_extensions import override
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from ccproxy_cli.core.errors import APIError, ErrorKind
from ccproxy_cli.server.hangup import LINE
from ccproxy_cli.server.routes import format_of, normal_path

MAX_HEAD = 64 * 1024
"""Bytes of request line and headers."""
HEAD_PATIENCE = 15.0
"""Seconds from the first byte of a request, or from a connection without any, to the end of its head."""
SEND_PATIENCE = 30.0
"""Seconds in which a reader that has fallen behind must take at least something."""


class Protocol(HttpToolsProtocol):
    """One connection."""

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any], _loop: asyncio.AbstractEventLoop | None = None
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.on_lost: Callable[[], None] | None = None
        """Called when the connection is lost; for whoever works on its current request."""
        self._head_since: float | None = None
        """When the head that is being read began; None between requests and while one is served."""
        self._head_bytes = 0
        self._unread_since: float | None = None
        """Since when the peer has been sending the rest of a body that was answered without it."""
        self._refused = False
        self._unsent = 0
        self._unsent_since: float | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._head_since = self.loop.time()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.on_lost is not None:
            self.on_lost()

    @override
    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # Nothing is upgraded to: the request is served as it stands, and whatever follows it is not HTTP.
            if self.cycle is not None:
                self.cycle.keep_alive = False
        except httptools.HttpParserError:
            self._refuse(APIError(ErrorKind.INVALID_REQUEST, "this is not a valid HTTP/1.1 request"))
        if self._head_since is not None and not self._refused:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD:
                self._refuse_head()

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[LINE] = self  # type: ignore[literal-required]
        self._head_since = self.loop.time()
        self._head_bytes = 0

    @override
    def on_headers_complete(self) -> None:
        self._head_since = None
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > MAX_HEAD:
            self._refuse_head()
        if not self._refused:
            super().on_headers_complete()

    @override
    def on_body(self, body: bytes) -> None:
        if not self._refused:
            super().on_body(body)

    @override
    def on_message_complete(self) -> None:
        if not self._refused:
            super().on_message_complete()

    def break_off(self) -> None:
        """Hang up in the middle of an answer, once what was said of it has gone out."""
        if self.cycle is not None:
            self.cycle.disconnected = True  # an answer without its end is no mistake of the application's
        self.transport.close()

    def sweep(self, now: float) -> None:
        """End this connection if its peer has used up our patience. `now` is the loop's time."""
        if self.transport.is_closing():
            return
        unread = self.cycle is not None and self.cycle.response_complete and self.cycle.more_body
        self._unread_since = (self._unread_since or now) if unread else None
        if now - (self._head_since or now) > HEAD_PATIENCE or now - (self._unread_since or now) > HEAD_PATIENCE:
            self.transport.close()
        elif self.flow.write_paused:
            unsent = self.transport.get_write_buffer_size()
            if self._unsent_since is None or unsent < self._unsent:
                self._unsent, self._unsent_since = unsent, now
            elif now - self._unsent_since > SEND_PATIENCE:
                self.transport.abort()
        else:
            self._unsent_since = None

    def _refuse_head(self) -> None:
        self._refuse(APIError(ErrorKind.HEADERS_TOO_LARGE, f"the request's head is larger than {MAX_HEAD >> 10} KiB"))

    def _refuse(self, error: APIError) -> None:
        """Answer below ASGI, for requests that never become one, and hang up."""
        self._refused = True
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            answering = self.pipeline or cycle.response_started
            cycle.disconnected = True  # whatever the application still says goes nowhere
            cycle.message_event.set()
            if answering:
                self.transport.close()
                return
        url = getattr(self, "url", b"")
        headers = {name.decode("latin-1"): "" for name, _ in self.headers or ()}
        reply = format_of(normal_path(url.partition(b"?")[0].decode("latin-1")), headers).encode_error(error, "")
        head = b"HTTP/1.1 %d Refused\r\ncontent-type: application/json\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        self.transport.write(head % (reply.status, len(reply.body)) + reply.body)
        self.transport.close()
