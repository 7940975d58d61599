"""An upstream on raw sockets: it says exactly the bytes it is told to, rightly framed or not, and remembers what it was sent.

    async with RawUpstream() as upstream:
        upstream.will(json_reply({"id": ...}))
        ...
        assert upstream.heard[0].headers["x-api-key"] == "secret"

A script is a coroutine over the connection; without one left, the last is played again.
"""

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self, TypeAlias

from attrs import define, field


@define
class Heard:
    """One request as it came, and its connection."""

    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    writer: asyncio.StreamWriter = field(repr=False)
    gone: asyncio.Event = field(factory=asyncio.Event, repr=False)
    """The peer has hung up."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def reset(self) -> None:
        """Hang up rudely."""
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


Script: TypeAlias = Callable[[Heard], Awaitable[bool | None]]
"""Answers a request; returns True to hang up."""


class RawUpstream:
    """Listens on a port of its own as long as the block lasts."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.connections = 0
        self._scripts: list[Script] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def will(self, *scripts: Script) -> None:
        """Play these, one for each request, in turn."""
        self._scripts = list(scripts)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**26)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            while await self._one(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        heard = Heard(method, path, headers, body, writer)
        self.heard.append(heard)
        script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
        answering = asyncio.ensure_future(script(heard))
        watching = asyncio.ensure_future(self._watch(reader, heard))
        try:
            return not await answering
        except ConnectionError:
            heard.gone.set()
            raise
        finally:
            watching.cancel()

    async def _watch(self, reader: asyncio.StreamReader, heard: Heard) -> None:
        """Notice the end of the connection without taking anything from it."""
        while not (reader.at_eof() or reader.exception()):
            await asyncio.sleep(0.01)
        heard.gone.set()


def reply(body: bytes, status: int = 200, **headers: str) -> Script:
    """A whole reply with its length."""

    async def script(heard: Heard) -> None:
        extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        await heard.say(f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n{extra}\r\n".encode() + body)

    return script


def json_reply(value: Any, status: int = 200, **headers: str) -> Script:
    return reply(json.dumps(value).encode(), status, content_type="application/json", **headers)


def stream_reply(*pieces: bytes, pause: float = 0.0, end: bool = True, hold: bool = False, **headers: str) -> Script:
    """A stream, each piece in a chunk of its own. Without its end the connection is cut; held, it stays open until the peer leaves."""

    async def script(heard: Heard) -> bool:
        extra = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        await heard.say(f"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n{extra}\r\n".encode())
        for piece in pieces:
            await heard.say(b"%x\r\n%s\r\n" % (len(piece), piece))
            await asyncio.sleep(pause)
        if hold:
            await heard.gone.wait()
        if end:
            await heard.say(b"0\r\n\r\n")
        return not end or hold

    return script


def raw(data: bytes, *, reset: bool = False, stall: bool = False) -> Script:
    """Just these bytes, and the end of the connection, or nothing more until the peer leaves."""

    async def script(heard: Heard) -> bool:
        if data:
            await heard.say(data)
        if stall:
            await heard.gone.wait()
        if reset:
            heard.reset()
        return True

    return script
