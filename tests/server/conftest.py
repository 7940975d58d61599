"""A server on loopback over a pipeline that does as it is told, and a client that writes bytes."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection, Mapping
from typing import Any

import pytest
from attrs import Factory, define

from ccproxy_cli.backends.base import Health
from ccproxy_cli.config.settings import ClientSettings, ServerSettings, Settings
from ccproxy_cli.core.errors import BadRequest, ErrorKind
from ccproxy_cli.launch.serve import RunningServer, serving
from ccproxy_cli.observe.logging import RequestLine
from ccproxy_cli.pipeline.exchange import Answer, Exchange
from ccproxy_cli.pipeline.limits import Limits
from ccproxy_cli.server.app import create_app

SSE = {"content-type": "text/event-stream"}
NO_CLIENTS: Mapping[str, ClientSettings] = {}


@define
class StubPipeline:
    """Answers every request with what `answer` makes of it."""

    answer: Callable[[Exchange], Awaitable[Answer]] | None = None
    seen: list[Exchange] = Factory(list)
    cancelled: asyncio.Event = Factory(asyncio.Event)
    closed: bool = False
    limits: Limits | None = None
    states: Mapping[str, Health] = Factory(lambda: {"up": Health(True, "fine")})

    async def generate(self, exchange: Exchange) -> Answer:
        self.seen.append(exchange)
        try:
            return await (self.answer or whole)(exchange)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise

    async def count_tokens(self, exchange: Exchange) -> Answer:
        self.seen.append(exchange)
        return Answer(200, {"content-type": "application/json"}, b'{"input_tokens":3}')

    async def list_models(self, exchange: Exchange) -> Answer:
        self.seen.append(exchange)
        return Answer(200, {"content-type": "application/json"}, json.dumps({"for": exchange.format.name}).encode())

    async def get_model(self, exchange: Exchange, model_id: str) -> Answer:
        if model_id == "missing":
            raise BadRequest("no such model", "model", ErrorKind.NOT_FOUND)
        return Answer(200, {"content-type": "application/json"}, json.dumps({"id": model_id, "for": exchange.format.name}).encode())

    async def kept(self, exchange: Exchange) -> Answer:
        self.seen.append(exchange)
        return Answer(200, {"content-type": "application/json"}, json.dumps({"kept": exchange.call.path}).encode())

    async def pass_on(self, exchange: Exchange, holders: Collection[str]) -> Answer:
        self.seen.append(exchange)
        told = {"passed on": exchange.call.path, "to": list(holders)}
        return Answer(200, {"content-type": "application/json"}, json.dumps(told).encode())

    async def health(self) -> Mapping[str, Health]:
        return self.states

    async def aclose(self) -> None:
        self.closed = True


async def whole(exchange: Exchange) -> Answer:
    return Answer(200, {"content-type": "application/json", "x-ccproxy-route": "up/m"}, b'{"ok":true}')


def streaming(*chunks: bytes, pause: float = 0.0, closed: asyncio.Event | None = None) -> Callable[[Exchange], Awaitable[Answer]]:
    """Answers with these chunks; `closed` is set once nobody wants more."""

    async def chunks_of() -> AsyncGenerator[bytes, None]:
        try:
            for chunk in chunks:
                yield chunk
                await asyncio.sleep(pause)
        finally:
            if closed is not None:
                closed.set()

    async def answer(exchange: Exchange) -> Answer:
        return Answer(200, SSE, ping=exchange.format.ping, chunks=chunks_of())

    return answer


@define
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Connection:
    """One connection of a client that can misbehave."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self.reader = reader
        self.writer = writer
        self._host = host

    async def send(
        self,
        method: str = "POST",
        path: str = "/v1/messages",
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        drop: tuple[str, ...] = (),
    ) -> None:
        """A request, whose usual headers can be replaced or dropped."""
        usual = {"host": self._host}
        if method == "POST":
            usual |= {"content-type": "application/json", "content-length": str(len(body))}
        lines = {name: value for name, value in (usual | dict(headers or {})).items() if name not in drop}
        await self.raw(
            f"{method} {path} HTTP/1.1\r\n".encode()
            + b"".join(f"{n}: {v}\r\n".encode("latin-1") for n, v in lines.items())
            + b"\r\n"
            + body
        )

    async def raw(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> Reply:
        """The next reply's head."""
        text = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = text.strip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return Reply(int(first.split(" ")[1]), headers, b"")

    async def reply(self, *, of_head: bool = False) -> Reply:
        """The next reply, whole."""
        reply = await self.head()
        while 100 <= reply.status < 200:
            reply = await self.head()
        if of_head:
            return reply
        if reply.headers.get("transfer-encoding") == "chunked":
            chunks = []
            while chunk := await self.chunk():
                chunks.append(chunk)
            reply.body = b"".join(chunks)
        else:
            reply.body = await self.reader.readexactly(int(reply.headers["content-length"]))
        return reply

    async def chunk(self) -> bytes:
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        return (await self.reader.readexactly(size + 2))[:-2]

    async def is_over(self) -> bool:
        """The server has hung up. Fails the test if it does not."""
        with contextlib.suppress(ConnectionError):
            return await self.reader.read() == b""
        return True


@define
class Site:
    """A running server, its pipeline, and its log."""

    server: RunningServer
    pipeline: StubPipeline
    log: list[RequestLine]

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[Connection]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port, limit=2**26)
        try:
            yield Connection(reader, writer, f"127.0.0.1:{self.server.port}")
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def ask(self, method: str = "POST", path: str = "/v1/messages", body: bytes = b"{}", **more: Any) -> Reply:
        """One request on a connection of its own."""
        async with self.connect() as connection:
            await connection.send(method, path, body if method == "POST" else b"", **more)
            return await connection.reply(of_head=method == "HEAD")


@contextlib.asynccontextmanager
async def site(
    pipeline: StubPipeline | None = None,
    grace: float = 1.0,
    max_body_mb: int = 1,
    clients: Mapping[str, ClientSettings] = NO_CLIENTS,
    **settings: Any,
) -> AsyncIterator[Site]:
    pipeline = pipeline or StubPipeline()
    log: list[RequestLine] = []
    app = create_app(Settings(server=ServerSettings(max_body_mb=max_body_mb, **settings), clients=clients), pipeline, log=log.append)
    async with serving(app, grace=grace) as server:
        yield Site(server, pipeline, log)
    assert pipeline.closed


@pytest.fixture
async def plain() -> AsyncIterator[Site]:
    """Without a token."""
    async with site() as running:
        yield running


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Returns once `condition` holds; fails the test if it does not in time."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)
