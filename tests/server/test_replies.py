"""Sending streams: signs of life, and the end of the server."""

import asyncio
import json

import pytest

from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.pipeline.exchange import Answer, Exchange
from ccproxy_cli.server import replies
from ccproxy_cli.server.asgi import Message
from ccproxy_cli.server.replies import Heartbeat
from tests.server.conftest import StubPipeline, site, streaming, until


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
