"""Reading a request's body within its limits: of kind, of size, compressed or not, and of time."""

import asyncio
import zlib
from collections.abc import Mapping

from ccproxy_cli.core.errors import BadRequest, ErrorKind
from ccproxy_cli.server.asgi import Receive

_PATIENCE = 30.0
"""Seconds any body may take."""
_SLOWEST = 16 * 1024
"""Bytes per second beyond that."""
_INFLATE_STEP = 256 * 1024


class ClientGone(Exception):
    """The client has hung up: there is nobody to answer."""


class BodyRefused(BadRequest):
    """The rest of the body is not wanted: answer, let the client finish speaking, and hang up."""


def check_kind(headers: Mapping[str, str], limit: int) -> None:
    """Refuse by the head alone what would not be read.

    Only `application/json` is taken: a web page may send the other kinds anywhere without being asked.

    Raises:
        BadRequest, BodyRefused
    """
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise BadRequest("content-type must be application/json", kind=ErrorKind.UNSUPPORTED_MEDIA)
    if headers.get("content-encoding", "identity").strip().lower() not in ("identity", "gzip", ""):
        raise BadRequest("content-encoding must be gzip or absent", kind=ErrorKind.UNSUPPORTED_MEDIA)
    length = headers.get("content-length", "0")
    if len(length) > 15 or (length.isdigit() and int(length) > limit):
        raise _too_large(limit)


async def read_body(headers: Mapping[str, str], receive: Receive, limit: int) -> bytes:
    """The whole body, inflated.

    Raises:
        BadRequest, BodyRefused: see the message.
        ClientGone
    """
    check_kind(headers, limit)
    body = await _read(receive, limit)
    if headers.get("content-encoding", "").strip().lower() == "gzip":
        return _inflate(body, limit)
    return body


async def _read(receive: Receive, limit: int) -> bytes:
    pieces: list[bytes] = []
    size = 0
    started = asyncio.get_running_loop().time()
    deadline = _Deadline(started + _PATIENCE)
    try:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            if size > limit:
                raise _too_large(limit)
            if not message.get("more_body"):
                break
            deadline.move(started + _PATIENCE + size / _SLOWEST)
    except asyncio.CancelledError as error:
        if deadline.was_met():
            raise BodyRefused("the request body came too slowly", kind=ErrorKind.REQUEST_TIMEOUT) from error
        raise
    finally:
        deadline.stop()
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


class _Deadline:
    """Cancels the task it is made in at a moment of the loop: `asyncio.timeout_at` without its two coroutines for every request."""

    __slots__ = ("_cancelling", "_loop", "_task", "_timer")

    def __init__(self, by: float) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._cancelling: int | None = None
        """How often others had cancelled the task when we did; None if we have not."""
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_at(by, self._fire)

    def move(self, by: float) -> None:
        """Another moment instead."""
        self._timer.cancel()
        self._timer = self._loop.call_at(by, self._fire)

    def was_met(self) -> bool:
        """Whether the task was cancelled for being late, and for nothing else. To be asked once, when it was cancelled."""
        return self._cancelling is not None and self._task.uncancel() <= self._cancelling

    def stop(self) -> None:
        self._timer.cancel()

    def _fire(self) -> None:
        self._cancelling = self._task.cancelling()
        self._task.cancel()


def _inflate(body: bytes, limit: int) -> bytes:
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    pieces: list[bytes] = []
    size = 0
    try:
        while body and not inflater.eof:
            piece = inflater.decompress(body, _INFLATE_STEP)
            body = inflater.unconsumed_tail
            size += len(piece)
            if size > limit:
                raise _too_large(limit)
            pieces.append(piece)
    except zlib.error as error:
        raise BadRequest("the request body is not valid gzip") from error
    if not inflater.eof:
        raise BadRequest("the gzip request body breaks off")
    return b"".join(pieces)


def _too_large(limit: int) -> BodyRefused:
    return BodyRefused(f"the request body is larger than {limit >> 20} MiB", kind=ErrorKind.TOO_LARGE)
