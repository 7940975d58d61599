"""The real nginx with the configuration in `deploy/`, in front of two real instances."""

import asyncio
import contextlib
import io
import json
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from attrs import frozen

from tests.e2e.conftest import Machine, Served
from tests.stores.redis_server import free_port, listens, running

CONFIG = Path(__file__).parents[2] / "deploy" / "nginx.conf"
TOKEN = "8f14e45fceea167a5a36dedd4bea2543"


@frozen
class Behind:
    """Two instances, and the address they share."""

    url: str
    instances: tuple[Served, Served]
    upstream_port: int


@contextlib.contextmanager
def nginx(folder: Path, ports: list[int]) -> Iterator[str]:
    """The configuration as it is but for addresses and folders."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    assert program, "the tests need nginx"
    port, run = free_port(), folder / "nginx"
    run.mkdir()
    text = CONFIG.read_text().replace("/tmp/nginx", str(run)).replace("listen 8080", f"listen 127.0.0.1:{port}")
    for number, instance in enumerate(ports, 1):
        text = text.replace(f"ccproxy-{number}:8000", f"127.0.0.1:{instance}")
    path = folder / "nginx.conf"
    path.write_text(text)
    subprocess.run([program, "-t", "-q", "-c", str(path)], check=True)
    with subprocess.Popen([program, "-c", str(path), "-g", "daemon off; master_process off;"]) as process:
        try:
            deadline = time.monotonic() + 20
            while not listens(port):
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@contextlib.contextmanager
def two_behind(folder: Path, upstream_port: int) -> Iterator[Behind]:
    """Instances that share a store, and whose provider `up` is at that port."""
    with contextlib.ExitStack() as stack:
        store_folder = folder / "redis"
        store_folder.mkdir()
        store = stack.enter_context(running(store_folder))
        config = f"""
[server]
token = "env:CCPROXY_TOKEN"
[providers.echo]
preset = "echo"
[providers.up]
preset = "openai"
base_url = "http://127.0.0.1:{upstream_port}/v1"
api_key = "sk-test-0123456789"
[store]
url = "{store.url}"
"""
        served = []
        for name in ("one", "other"):
            machine = Machine(folder / name)
            machine.work.mkdir(parents=True)
            served.append(stack.enter_context(machine.serve(config, CCPROXY_TOKEN=TOKEN)))
        ports = [int(one.url.rpartition(":")[2]) for one in served]
        yield Behind(stack.enter_context(nginx(folder, ports)), (served[0], served[1]), upstream_port)


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    """For tests that do no harm."""
    with two_behind(tmp_path_factory.mktemp("behind"), free_port()) as made:
        yield made


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(headers={"authorization": f"Bearer {TOKEN}"}) as session:
        yield session


async def test_a_stream_passes_as_it_comes(behind: Behind, http: aiohttp.ClientSession) -> None:
    first_was_read = asyncio.Event()

    def frame(delta: Any, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
        return b"data: " + json.dumps(chunk).encode() + b"\n\n"

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        writer.write(frame({"role": "assistant", "content": "early"}))
        await first_was_read.wait()
        writer.write(frame({}, "stop") + b"data: [DONE]\n\n")
        writer.close()

    upstream = await asyncio.start_server(say, "127.0.0.1", behind.upstream_port)
    body = {"model": "up/m", "stream": True, "messages": [{"role": "user", "content": "hi"}]}
    async with upstream, http.post(f"{behind.url}/v1/chat/completions", json=body) as reply, asyncio.timeout(30):
        read = b""
        while b"early" not in read:
            read += await reply.content.readany()
        assert b"[DONE]" not in read
        first_was_read.set()
        assert (await reply.content.read()).endswith(b"data: [DONE]\n\n")


async def test_both_serve_and_go_on_from_each_other(behind: Behind, http: aiohttp.ClientSession) -> None:
    before: str | None = None
    for number in range(10):
        async with http.post(
            f"{behind.url}/v1/responses", json={"model": "echo", "input": str(number), "previous_response_id": before}
        ) as reply:
            assert reply.status == 200, await reply.text()
            before = (await reply.json())["id"]
    assert all(len(instance.log) >= 1 for instance in behind.instances)


async def test_strangers_are_kept_out(behind: Behind) -> None:
    async with aiohttp.ClientSession() as stranger, stranger.get(f"{behind.url}/v1/models") as reply:
        assert reply.status == 401


async def test_large_bodies_pass(behind: Behind, http: aiohttp.ClientSession) -> None:
    words = "x" * 10_000_000
    body = io.BytesIO(json.dumps({"model": "echo", "messages": [{"role": "user", "content": words}]}).encode())
    async with http.post(f"{behind.url}/v1/chat/completions", data=body, headers={"content-type": "application/json"}) as reply:
        assert reply.status == 200
        assert len((await reply.json())["choices"][0]["message"]["content"]) == len(words)


async def test_an_instance_that_dies_is_left_out(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    with two_behind(tmp_path, free_port()) as behind:
        behind.instances[0].process.kill()
        behind.instances[0].process.wait()
        body = {"model": "echo", "messages": [{"role": "user", "content": "hi"}]}
        for _ in range(10):
            async with http.post(f"{behind.url}/v1/chat/completions", json=body) as reply:
                assert reply.status == 200, await reply.text()
