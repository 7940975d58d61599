"""Sending streams: signs of life, and the end of the server."""

import asyncio
import json
from collections.abc import AsyncGenerator

import pytest

from ccproxy_cli.core.errors import APIError, ErrorKind
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.pipeline.exchange import Answer, Exchange
from ccproxy_cli.server import replies
from ccproxy_cli.server.asgi import Message
from ccproxy_cli.server.replies import Heartbeat
from tests.server.conftest import Connection, StubPipeline, site, streaming, until


async def test_a_silent_stream_shows_that_it_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "PING_AFTER", 0.1)
    for path, name in (("/v1/messages", "anthropic"), ("/v1/chat/completions", "openai-chat")):
        async with site(StubPipeline(streaming(b"data: 1\n\n", b"data: 2\n\n", pause=0.35))) as running:
            text = (await running.ask(path=path)).body
            ping = FORMATS[name].ping
            assert text.startswith(b"data: 1\n\n" + ping)
            assert text.count(ping) >= 2
            assert text.replace(ping, b"") == b"data: 1\n\ndata: 2\n\n"


async def test_a_busy_stream_does_not() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    heartbeat = Heartbeat(send, b": alive\n\n", 0.1)
    for _ in range(20):
        await asyncio.sleep(0.02)
        heartbeat.sent()
    heartbeat.stop()
    await asyncio.sleep(0.2)
    assert not sent


async def test_a_heartbeat_that_cannot_be_sent_is_not_sent_twice() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)
        await asyncio.Event().wait()

    heartbeat = Heartbeat(send, b": alive\n\n", 0.05)
    await asyncio.sleep(0.3)
    heartbeat.stop()
    assert len(sent) == 1


async def test_a_server_that_stops_takes_nobody_new_and_lets_streams_end() -> None:
    async with site(StubPipeline(streaming(*[b"data: x\n\n"] * 8, pause=0.1)), grace=5) as running, running.connect() as connection:
        await connection.send()
        await connection.head()
        running.server.stop()
        body = await connection.chunk()
        await asyncio.sleep(0.3)
        with pytest.raises(ConnectionRefusedError):
            await running.ask("GET", "/health")
        while chunk := await connection.chunk():
            body += chunk
        assert body == b"data: x\n\n" * 8
        await until(lambda: bool(running.log))
        assert running.log[0].outcome == "ok"


@pytest.mark.parametrize(
    ("path", "frame"), [("/v1/messages", b"event: error\n"), ("/v1/chat/completions", b'data: {"error"')], ids=["anthropic", "chat"]
)
async def test_streams_that_outlast_the_grace_are_told_why_they_end(path: str, frame: bytes) -> None:
    closed = asyncio.Event()
    pipeline = StubPipeline(streaming(*[b"data: x\n\n"] * 1000, pause=0.2, closed=closed))
    async with site(pipeline, grace=0.3) as running, running.connect() as connection:
        await connection.send(path=path)
        await connection.head()
        running.server.stop()
        body = b""
        while chunk := await asyncio.wait_for(connection.chunk(), 5):
            body += chunk
        assert frame in body
        assert b"shutting down" in body
        assert await connection.is_over()
        assert closed.is_set()
        assert running.log[0].outcome == "stream_broken"


GEMINI = "/v1beta/models/m:streamGenerateContent?alt=sse"


async def cut_short(connection: Connection) -> bytes:
    """What came of an answer that has no end."""
    body = b""
    with pytest.raises(asyncio.IncompleteReadError):
        while chunk := await asyncio.wait_for(connection.chunk(), 5):
            body += chunk
    return body


async def test_a_gemini_stream_that_outlasts_the_grace_breaks_off() -> None:
    async with site(StubPipeline(streaming(*[b"data: x\n\n"] * 1000, pause=0.2)), grace=0.3) as running, running.connect() as connection:
        await connection.send(path=GEMINI)
        await connection.head()
        running.server.stop()
        assert b"shutting down" in await cut_short(connection)


async def broken(exchange: Exchange) -> Answer:
    """An answer that fails in its midst, and says so in a frame."""
    error = APIError(ErrorKind.OVERLOADED, "busy after all")

    async def chunks() -> AsyncGenerator[bytes, None]:
        yield b"data: x\n\n"
        exchange.broke_off(error)
        yield exchange.format.encode_stream_error(error, exchange.id)

    return Answer(200, {"content-type": "text/event-stream"}, ping=exchange.format.ping, chunks=chunks())


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions", "/v1/responses"])
async def test_an_answer_that_failed_ends_with_the_error_and_the_connection_lives_on(path: str) -> None:
    async with site(StubPipeline(broken)) as running, running.connect() as connection:
        for _ in range(2):
            await connection.send(path=path)
            assert b"busy after all" in (await connection.reply()).body


async def test_an_answer_to_a_gemini_client_that_failed_has_no_end(caplog: pytest.LogCaptureFixture) -> None:
    async with site(StubPipeline(broken)) as running, running.connect() as connection:
        await connection.send(path=GEMINI)
        await connection.head()
        body = await cut_short(connection)
        assert body.startswith(b"data: x\n\n")
        assert b"busy after all" in body
        await until(lambda: bool(running.log))
        assert running.log[0].outcome == "stream_broken"
    assert not caplog.records


async def test_a_whole_answer_to_a_gemini_client_has_one() -> None:
    async with site(StubPipeline(streaming(b"data: x\n\n"))) as running, running.connect() as connection:
        for _ in range(2):
            await connection.send(path=GEMINI)
            assert (await connection.reply()).body == b"data: x\n\n"


async def test_requests_that_outlast_the_grace_are_told_by_status() -> None:
    async def never(exchange: Exchange) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    async with site(StubPipeline(never), grace=0.3) as running, running.connect() as connection:
        await connection.send()
        await until(lambda: len(running.pipeline.seen) == 1)
        running.server.stop()
        reply = await asyncio.wait_for(connection.reply(), 5)
        assert (reply.status, reply.headers["connection"]) == (529, "close")
        assert json.loads(reply.body)["error"]["type"] == "overloaded_error"
        await until(lambda: bool(running.log))
        assert running.log[0].outcome == "overloaded"
