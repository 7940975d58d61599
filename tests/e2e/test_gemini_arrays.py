"""Gemini streams of clients that do not ask for events: one JSON array, whatever happens on the way."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from attrs import frozen

from ccproxy_cli.config.settings import ProviderSettings, Settings
from ccproxy_cli.launch.serve import serving
from ccproxy_cli.server import replies
from ccproxy_cli.server.app import create_app
from ccproxy_cli.wiring import build_pipeline
from tests.e2e.conftest import Machine
from tests.raw_upstream import RawUpstream, Script, raw, stream_reply
from tests.server.conftest import Connection

PATH = "/v1beta/models/{model}:streamGenerateContent"
ASKED = json.dumps({"contents": [{"role": "user", "parts": [{"text": "one two"}]}]}).encode()


def chat(**delta: Any) -> bytes:
    finish = delta.pop("finish", None)
    chunk = {"id": "c", "object": "chat.completion.chunk"} | {"created": 1, "model": "m"}
    return b"data: %b\n\n" % json.dumps(chunk | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}).encode()


WORDS = (chat(role="assistant", content="one"), chat(content=" two"), chat(finish="stop"), b"data: [DONE]\n\n")


@frozen
class House:
    port: int
    upstream: RawUpstream

    @contextlib.asynccontextmanager
    async def asking(self, query: str = "", model: str = "up/m") -> AsyncIterator[Connection]:
        """A connection on which the question has gone out."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        connection = Connection(reader, writer, f"127.0.0.1:{self.port}")
        await connection.send("POST", PATH.format(model=model) + query, ASKED)
        try:
            yield connection
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def house() -> AsyncIterator[House]:
    async with RawUpstream() as upstream:
        provider = ProviderSettings("openai-compatible", base_url=upstream.url, format="openai-chat", api_key="k-0123456789")
        settings = Settings(providers={"up": provider})
        app = create_app(settings, build_pipeline(settings), log=lambda line: None)
        async with serving(app) as server:
            yield House(server.port, upstream)


@pytest.fixture
async def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[House]:
    monkeypatch.setenv("HOME", str(tmp_path))
    async with house() as made:
        yield made


def words_of(chunks: Any) -> str:
    return "".join(part["text"] for chunk in chunks for part in chunk["candidates"][0]["content"]["parts"])


async def test_without_alt_the_stream_is_one_array(served: House) -> None:
    served.upstream.will(stream_reply(*WORDS))
    async with served.asking() as connection:
        reply = await connection.reply()
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    assert reply.headers["cache-control"] == "no-cache"
    assert words_of(reply.json) == "one two"
    assert [chunk["candidates"][0].get("finishReason") for chunk in reply.json][-1] == "STOP"


async def test_with_alt_it_is_events(served: House) -> None:
    served.upstream.will(stream_reply(*WORDS))
    async with served.asking("?alt=sse") as connection:
        reply = await connection.reply()
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert words_of([json.loads(line[6:]) for line in reply.body.decode().splitlines() if line]) == "one two"


async def test_the_array_arrives_piece_by_piece(served: House) -> None:
    go_on = asyncio.Event()

    async def script(heard: Any) -> bool:
        await stream_reply(WORDS[0], end=False)(heard)
        await go_on.wait()
        await heard.say(b"".join(b"%x\r\n%b\r\n" % (len(word), word) for word in (*WORDS[1:], b"")))
        return True

    served.upstream.will(script)
    async with served.asking() as connection:
        await connection.head()
        first = await connection.chunk()
        assert json.loads(first + b"]")[0]["candidates"][0]["content"]["parts"] == [{"text": "one"}]
        go_on.set()
        rest = [first]
        while chunk := await connection.chunk():
            rest.append(chunk)
    assert words_of(json.loads(b"".join(rest))) == "one two"


async def test_pings_are_white_space(served: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replies, "PING_AFTER", 0.02)
    served.upstream.will(stream_reply(*WORDS, pause=0.2))
    async with served.asking() as connection:
        await connection.head()
        chunks = []
        while chunk := await connection.chunk():
            chunks.append(chunk)
    assert b"\n" in chunks
    assert words_of(json.loads(b"".join(chunks))) == "one two"


@pytest.mark.parametrize(
    "script",
    [stream_reply(*WORDS[:2], end=False), stream_reply(*WORDS[:2], b'data: {"error": {"message": "broken", "type": "server_error"}}\n\n')],
    ids=["cut", "told"],
)
async def test_an_answer_that_breaks_off_is_an_array_that_ends_in_an_error(served: House, script: Script) -> None:
    served.upstream.will(script)
    async with served.asking() as connection:
        reply = await connection.reply()
    *told, last = reply.json
    assert words_of(told) == "one two"
    assert last["error"]["code"] >= 500


async def test_what_fails_before_the_first_word_is_told_by_status(served: House) -> None:
    served.upstream.will(raw(b"HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n"))
    async with served.asking() as connection:
        reply = await connection.reply()
    assert (reply.status, reply.json["error"]["status"]) == (503, "UNAVAILABLE")


async def test_a_server_that_stops_ends_the_array(machine: Machine) -> None:
    async with RawUpstream() as upstream:
        upstream.will(stream_reply(*WORDS[:2], hold=True))
        config = f'[providers.up]\npreset = "openai-compatible"\nbase_url = "{upstream.url}"\n[timeouts]\ngrace = 0.2\n'
        with machine.serve(config) as server:
            port = urlsplit(server.url).port
            assert port
            async with House(port, upstream).asking() as connection:
                await connection.head()
                rest = [await connection.chunk()]
                server.process.terminate()
                while chunk := await connection.chunk():
                    rest.append(chunk)
    *told, last = json.loads(b"".join(rest))
    assert words_of(told)
    assert last["error"]["status"] == "UNAVAILABLE"


async def test_the_embedded_model_answers_the_same_way(served: House) -> None:
    async with served.asking(model="echo") as connection:
        reply = await connection.reply()
    assert words_of(reply.json) == "one two"
    async with served.asking("?alt=json", model="echo") as connection:
        assert words_of((await connection.reply()).json) == "one two"
