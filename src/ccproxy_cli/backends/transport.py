"""HTTP to one upstream: calls as values in, status and bytes out, and every way it can fail as an `UpstreamError` that says which.

One aiohttp session per upstream. Nothing is followed (a redirect would carry the key to whoever asked), no cookie is kept, no netrc is
read, and every buffer is bounded. Limits of time are kept by one timer per answer, not one per chunk.
"""

import asyncio
import os
import zlib
from collections.abc import Mapping
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from ccproxy_cli.backends.connections import Connector, body_of, watch_loss
from ccproxy_cli.backends.watch import Stalled, Watch
from ccproxy_cli.config.settings import TimeoutSettings
from ccproxy_cli.core.errors import APIError, ErrorKind, Fate, UpstreamError
from ccproxy_cli.core.http import HTTPCall

MAX_BODY = 64 * 1024 * 1024
"""Bytes of a decoded answer. The largest honest one, with inline images, is a tenth of it."""
MAX_ERROR_BODY = 1024 * 1024
_MAX_HEADER = 16 * 1024
_MAX_HEADERS = 256
_INFLATE_STEP = 1024 * 1024
_KEEP_ALIVE = 30.0
"""Seconds an idle connection is kept. The vendors' balancers close theirs after a minute."""
_KNOWN_URLS = 256
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Reply:
    """An upstream's answer, its body still on the way. Close it, whatever happens."""

    def __init__(self, response: aiohttp.ClientResponse, transport: "Transport", watch: Watch) -> None:
        self.status = response.status
        self.ended = False
        """The whole body has been read."""
        self._response = response
        self._transport = transport
        self._watch = watch
        self._unwatch_loss = watch_loss(response)
        encoding = response.headers.get("content-encoding", "").strip().lower()
        self._inflater = _inflater(encoding, transport.name)
        self._deflated = b""

    @property
    def headers(self) -> Mapping[str, str]:
        """Names in lower case."""
        return {name.lower(): value for name, value in self._response.headers.items()}

    @property
    def media_type(self) -> str:
        """Content type without its parameters; empty if the upstream did not say."""
        return str(self._response.headers.get("content-type", "")).partition(";")[0].strip().lower()

    async def next(self) -> bytes:
        """The next piece of the body, decoded; empty at its end.

        Raises:
            UpstreamError: the body broke off, stalled, or is not what its headers promise.
        """
        if self._inflater is not None:
            return await self._next_inflated(self._inflater)
        return await self._read()

    async def read(self, limit: int = MAX_BODY) -> bytes:
        """The whole body.

        Raises:
            UpstreamError: as `next`, or it is larger than `limit` bytes. Of an answer that breaks off its fate is known.
        """
        length = self._response.headers.get("content-length", "")
        if length.isdigit() and len(length) < 20 and int(length) > limit:
            raise self._transport.broken(f"an answer of more than {limit >> 20} MiB")
        pieces: list[bytes] = []
        size = 0
        try:
            while piece := await self.next():
                size += len(piece)
                if size > limit:
                    raise self._transport.broken(f"an answer of more than {limit >> 20} MiB")
                pieces.append(piece)
        except UpstreamError as error:
            if pieces:
                error.fate = Fate.BEGUN
            raise
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def _read(self) -> bytes:
        watch = self._watch
        watch.waiting()
        try:
            piece = await self._response.content.readany()
        except (aiohttp.ClientError, HttpProcessingError, OSError, Stalled) as error:
            raise self._transport.fault(error) from error
        finally:
            watch.arrived()
        self.ended = not piece
        return piece

    async def _next_inflated(self, inflater: "zlib._Decompress") -> bytes:
        while True:
            if not self._deflated:
                self._deflated = await self._read()
            if self.ended:
                if not inflater.eof:
                    raise self._transport.broken("a compressed answer that breaks off")
                return b""
            try:
                piece = inflater.decompress(self._deflated, _INFLATE_STEP)
            except zlib.error as error:
                raise self._transport.broken("an answer whose compression is corrupt") from error
            self._deflated = inflater.unconsumed_tail
            if piece:
                return piece
            if inflater.eof:  # whatever follows is no part of it
                self._deflated = b""

    def close(self) -> None:
        """Done with it: an answer read to its end leaves its connection for the next call, any other ends it at once."""
        self._watch.stop()
        if self._unwatch_loss is not None:
            self._unwatch_loss()
        self._response.release() if self._response.content.at_eof() else self._response.close()


def _inflater(encoding: str, name: str) -> "zlib._Decompress | None":
    match encoding:
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return zlib.decompressobj(zlib.MAX_WBITS | 16)
        case "deflate":
            return zlib.decompressobj()
        case _:
            raise UpstreamError(APIError(ErrorKind.BAD_UPSTREAM, f"{name} compressed its answer in a way it was not offered"))


class Transport:
    """The connections to one upstream."""

    def __init__(self, name: str, base_url: str, timeouts: TimeoutSettings) -> None:
        self.name = name
        self.timeouts = timeouts
        parts = urlsplit(base_url)
        self.host, self.port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        self.base_url = base_url.rstrip("/")
        self._session: aiohttp.ClientSession | None = None
        self._urls: dict[str, URL] = {}

    async def open(self, call: HTTPCall, headers: Mapping[str, str]) -> Reply:
        """Send a call and wait for the head of its answer, whatever its status.

        Raises:
            UpstreamError: no answer, or not HTTP.
        """
        session = self._session or self._connect()
        watch = Watch(asyncio.get_running_loop(), self.timeouts)
        try:
            response = await self._send(session, call, headers)
        except (aiohttp.ClientError, HttpProcessingError, OSError, ValueError) as error:
            watch.stop()
            raise self.fault(error) from error
        except asyncio.CancelledError as error:
            watch.stop()
            if watch.ended_the_wait():
                raise self.fault(TimeoutError()) from error
            raise
        watch.begin(response.content)
        try:
            return Reply(response, self, watch)
        except UpstreamError:
            watch.stop()
            response.close()
            raise

    async def _send(self, session: aiohttp.ClientSession, call: HTTPCall, headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        """One attempt, and a second if the first met a connection its peer had left. A reset is none of our business: then the request may
        have been read."""
        url, body = self._url(call), body_of(call.body)
        try:
            return await session.request(call.method, url, data=body, headers=headers, allow_redirects=False)
        except aiohttp.ServerDisconnectedError:
            if body is None or not body.on_used_connection:
                raise
        return await session.request(call.method, url, data=body_of(call.body), headers=headers, allow_redirects=False)

    async def aclose(self) -> None:
        """End every connection, answers on the way included."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def broken(self, what: str) -> UpstreamError:
        """The error of an upstream that sent `what`."""
        return UpstreamError(APIError(ErrorKind.BAD_UPSTREAM, f"{self.name} sent {what}"))

    def fault(self, error: Exception) -> UpstreamError:
        """What a failure of the client library means, in words that hold no URL, header or key."""
        kind, fate = ErrorKind.BAD_UPSTREAM, Fate.TOLD
        match error:
            case Stalled(after=seconds):
                kind, message = ErrorKind.UPSTREAM_TIMEOUT, f"{self.name} stopped answering for {seconds:g} seconds"
            case aiohttp.ConnectionTimeoutError():
                fate = Fate.UNSENT
                kind, message = ErrorKind.UPSTREAM_TIMEOUT, f"{self.name} could not be reached within {self.timeouts.connect:g} seconds"
            case TimeoutError():
                kind, message = ErrorKind.UPSTREAM_TIMEOUT, f"{self.name} did not answer within {self.timeouts.first_byte:g} seconds"
            case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError():
                message = f"{self.name} has no valid TLS certificate for {self.host}"
            case aiohttp.ClientConnectorError():
                fate = Fate.UNSENT
                reason = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else "no such host"
                message = f"{self.name} cannot be reached at {self.host}:{self.port}: {reason}"
            case aiohttp.ClientPayloadError():
                # Agents try again by words: pi by these two (0.73.1, seen 2026-11-20).
                message = f"connection lost: {self.name} broke off its answer"
            case aiohttp.ClientResponseError() | HttpProcessingError():
                message = f"{self.name} sent what is not HTTP"
            case aiohttp.ClientError() | OSError():
                message = f"{self.name} closed the connection before answering"
            case _:
                message = f"{self.name} cannot be called: {type(error).__name__}"
        return UpstreamError(APIError(kind, message), fate)

    def _url(self, call: HTTPCall) -> URL:
        key = f"{call.path}?{call.query}" if call.query else call.path
        url = self._urls.get(key)
        if url is None:
            base = self.base_url
            if base.endswith("/v1") and key.startswith("/v1/"):  # given as other SDKs of the same vendor want it
                base = base.removesuffix("/v1")
            url = URL(base + key)
            if len(self._urls) < _KNOWN_URLS:
                self._urls[key] = url
        return url

    def _connect(self) -> aiohttp.ClientSession:
        self._session = aiohttp.ClientSession(
            connector=Connector(keep_alive=_KEEP_ALIVE),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self.timeouts.connect),
            max_line_size=_MAX_HEADER,
            max_field_size=_MAX_HEADER,
            max_headers=_MAX_HEADERS,
            proxy=_proxy_for(self.base_url, self.host),
        )
        return self._session


def _proxy_for(url: str, host: str) -> str | None:
    """The user's own HTTP proxy, if one is set for this address. Never for loopback, where it could only harm."""
    if host in _LOOPBACK or proxy_bypass(host):
        return None
    return getproxies().get(urlsplit(url).scheme)
