"""Connections that are no honest requests end soon, with a plain answer where one can be given."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from ccproxy_cli.pipeline.exchange import Answer, Exchange
from ccproxy_cli.server import body, protocol
from tests.server.conftest import Site, StubPipeline, site, streaming, until


@pytest.fixture
async def impatient(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    """A server that waits for nobody."""
    monkeypatch.setattr(protocol, "HEAD_PATIENCE", 0.2)
    monkeypatch.setattr(protocol, "SEND_PATIENCE", 0.2)
    monkeypatch.setattr(body, "_PATIENCE", 0.2)
    async with site() as running:
        yield running


START = b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"


@pytest.mark.parametrize(
    "head",
    [
        b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        b"content-length: +5\r\n\r\nhello",
        b"content-length: -1\r\n\r\nhello",
        b"content-length: 5, 5\r\n\r\nhello",
        b"transfer-encoding: chunked, identity\r\n\r\nhello",
        b"transfer-encoding: chunked\r\n\r\nZZ\r\nxx\r\n0\r\n\r\n",
        b"bad header\r\n\r\n",
        b"x: a\x00b\r\n\r\n",
    ],
)
async def test_a_request_that_two_readers_could_read_in_two_ways_is_refused_and_hung_up_on(plain: Site, head: bytes) -> None:
    async with plain.connect() as connection:
        await connection.raw(START + head)
        reply = await asyncio.wait_for(connection.reply(), 5)
        assert (reply.status, reply.headers["connection"]) == (400, "close")
        assert reply.json["type"] == "error"
        assert await connection.is_over()
    assert not plain.pipeline.seen


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"SSH-2.0-x\r\n\r\n",
        b"GET\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example:443\r\n\r\n",
    ],
)
async def test_what_is_no_request_to_us_gets_no_further(plain: Site, data: bytes) -> None:
    async with plain.connect() as connection:
        await connection.raw(data)
        assert 400 <= (await asyncio.wait_for(connection.reply(), 5)).status < 500


async def test_an_absolute_target_names_no_other_host(plain: Site) -> None:
    async with plain.connect() as connection:
        await connection.raw(b"GET http://evil.example/health HTTP/1.1\r\nhost: evil.example\r\n\r\n")
        assert (await connection.reply()).status == 403


@pytest.mark.parametrize("pieces", [1, 16])
async def test_a_head_that_is_too_large_is_refused(plain: Site, pieces: int) -> None:
    async with plain.connect() as connection:
        await connection.raw(b"GET /health HTTP/1.1\r\nhost: localhost\r\n")
        for number in range(pieces):
            await connection.raw(b"x-%d: " % number + b"a" * (262_144 // pieces) + b"\r\n")
        await connection.raw(b"\r\n")
        reply = await asyncio.wait_for(connection.reply(), 5)
        assert (reply.status, reply.headers["connection"]) == (431, "close")
        assert await connection.is_over()
    assert (await plain.ask("GET", "/health")).status == 200


async def test_a_large_head_is_read(plain: Site) -> None:
    assert (await plain.ask("GET", "/health", headers={"x-large": "a" * 60_000})).status == 200


async def test_old_clients_are_answered_and_hung_up_on(plain: Site) -> None:
    async with plain.connect() as connection:
        await connection.raw(
            b"POST /v1/messages HTTP/1.0\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
        )
        assert (await connection.reply()).status == 200
        assert await connection.is_over()


@pytest.mark.parametrize("sent", [b"", b"G", b"POST /v1/messages HTTP/1.1\r\nhost: local"])
async def test_a_head_that_does_not_come_is_not_waited_for(impatient: Site, sent: bytes) -> None:
    async with impatient.connect() as connection:
        await connection.raw(sent)
        assert await asyncio.wait_for(connection.is_over(), 5)
    assert (await impatient.ask("GET", "/health")).status == 200


async def test_a_body_that_does_not_come_is_not_waited_for(impatient: Site) -> None:
    async with impatient.connect() as connection:
        await connection.send(headers={"content-length": "1000"})
        await connection.raw(b"{")
        reply = await asyncio.wait_for(connection.reply(), 5)
        assert (reply.status, reply.headers["connection"]) == (408, "close")


async def test_the_rest_of_a_refused_body_is_not_waited_for(impatient: Site) -> None:
    async with impatient.connect() as connection:
        await connection.send(headers={"content-length": "1000", "content-type": "text/plain"})
        assert (await connection.reply()).status == 415
        assert await asyncio.wait_for(connection.is_over(), 5)


async def test_an_idle_connection_between_requests_is_kept(impatient: Site) -> None:
    async with impatient.connect() as connection:
        for _ in range(2):
            await connection.send("GET", "/health")
            assert (await connection.reply()).status == 200
            await asyncio.sleep(1.3)


async def test_a_reader_that_never_reads_frees_everything(impatient: Site) -> None:
    closed = asyncio.Event()
    impatient.pipeline.answer = streaming(*[b"data: " + b"x" * 65536 + b"\n\n"] * 2000, closed=closed)
    async with impatient.connect() as connection:
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await connection.send()
        await asyncio.wait_for(closed.wait(), 20)
    await until(lambda: len(impatient.log) == 1)
    assert impatient.log[0].outcome == "client_gone"


async def test_a_slow_answer_is_no_idle_connection(impatient: Site) -> None:
    async def answer(exchange: Exchange) -> Answer:
        await asyncio.sleep(1.5)
        return Answer(200, {}, b"{}")

    impatient.pipeline.answer = answer
    assert (await impatient.ask()).status == 200


async def test_half_a_hangup_is_one(plain: Site) -> None:
    pipeline = StubPipeline(streaming(*[b"data: x\n\n"] * 100, pause=0.05))
    async with site(pipeline) as running, running.connect() as connection:
        await connection.send()
        connection.writer.write_eof()
        await until(lambda: len(running.log) == 1)
