"""Sending answers: complete ones, streams, and errors in the caller's own format."""

import asyncio
import time
from collections.abc import Mapping

from ccproxy_cli.core.errors import APIError, BadRequest, BadUpstream, ErrorKind, UpstreamError
from ccproxy_cli.core.formats import Format
from ccproxy_cli.core.http import NO_HEADERS, HTTPReply
from ccproxy_cli.core.rates import Rates
from ccproxy_cli.pipeline.exchange import Answer
from ccproxy_cli.server.asgi import Receive, Send
from ccproxy_cli.server.visit import Visit

PING_AFTER = 15.0
"""Seconds of silence after which a stream is shown to be alive: proxies on the way give up at 30 or 60."""
_CHECKPOINT = 32
"""Chunks after which the loop gets a turn even if nothing has to be waited for: or a hang-up would never be noticed."""
_LINGER = 2.0
"""Seconds a client that was refused may go on sending: closing at once would reset the connection and lose the answer."""

STOPPING = APIError(ErrorKind.OVERLOADED, "ccproxy is shutting down", retry_after="5", headers={"connection": "close"})
INTERNAL = APIError(ErrorKind.INTERNAL, "internal error in ccproxy; its log tells more under this request id")


def error_of(problem: BaseException) -> APIError:
    """What the caller is told of an exception."""
    match problem:
        case BadRequest() | BadUpstream() | UpstreamError():
            return problem.error
        case _:
            return INTERNAL


def told(rates: Rates, spoken: Format) -> Mapping[str, str]:
    """What may still be asked for, in the headers of the caller's format."""
    return spoken.encode_rates(rates, time.time()) if rates and spoken.encode_rates is not None else NO_HEADERS


async def send_reply(send: Send, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """One complete reply."""
    await send({"type": "http.response.start", "status": status, "headers": [*_encoded(headers), (b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


async def send_error(send: Send, visit: Visit, error: APIError, receive: Receive | None = None) -> None:
    """An error in the caller's format. With `receive`, the connection is closed after the client has finished speaking."""
    visit.failed(error)
    reply: HTTPReply = visit.format.encode_error(error, visit.id)
    exchange = visit.exchange
    route = exchange.told if exchange is not None and exchange.route is not None else NO_HEADERS
    headers = {**route, **told(error.rates, visit.format), **reply.headers, **(error.headers or {})}
    if receive is None:
        await send_reply(send, reply.status, headers, reply.body)
        return
    start = [*_encoded({**headers, "connection": "close"}), (b"content-length", b"%d" % len(reply.body))]
    await send({"type": "http.response.start", "status": reply.status, "headers": start})
    await send({"type": "http.response.body", "body": reply.body, "more_body": True})
    try:
        async with asyncio.timeout(_LINGER):
            while (message := await receive())["type"] != "http.disconnect" and message.get("more_body"):
                pass
    except TimeoutError:
        pass
    await send({"type": "http.response.body", "body": b""})


async def send_stream(send: Send, visit: Visit, answer: Answer, headers: Mapping[str, str]) -> None:
    """A streaming answer, until it ends, the client leaves, or the server stops. Always closes `answer.chunks`."""
    chunks = answer.chunks
    assert chunks is not None
    heartbeat: Heartbeat | None = None
    try:
        chunk = await anext(chunks, b"")
        await send({"type": "http.response.start", "status": answer.status, "headers": _encoded(headers)})
        heartbeat = Heartbeat(send, answer.ping, PING_AFTER)
        count = 0
        while chunk:
            visit.bytes_out += len(chunk)
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            heartbeat.sent()
            count += 1
            if not count % _CHECKPOINT:
                await asyncio.sleep(0)
            chunk = await anext(chunks, b"")
    finally:
        if heartbeat is not None:
            heartbeat.stop()
        await chunks.aclose()


class Heartbeat:
    """Sends a frame whenever a stream has been silent for a while. One timer, which looks when it fires; nothing per chunk."""

    def __init__(self, send: Send, frame: bytes, interval: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._send = send
        self._frame = frame
        self._interval = interval
        self._last = self._loop.time()
        self._beat: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(interval, self._look)

    def sent(self) -> None:
        """Something went out."""
        self._last = self._loop.time()

    def stop(self) -> None:
        """The stream is about to end: nothing may come between its last frames."""
        self._timer.cancel()
        if self._beat is not None:
            self._beat.cancel()

    def _look(self) -> None:
        now = self._loop.time()
        if now - self._last >= self._interval and (self._beat is None or self._beat.done()):
            self._beat = self._loop.create_task(self._send_frame())
            self._last = now
        self._timer = self._loop.call_at(self._last + self._interval, self._look)

    async def _send_frame(self) -> None:
        await self._send({"type": "http.response.body", "body": self._frame, "more_body": True})


def _encoded(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
