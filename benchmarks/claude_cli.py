"""How soon a Claude Code login answers through the server, beside the CLI itself.

    python benchmarks/claude_cli.py [ROUNDS] [BURST]

One request, three ways in turn, before the same fake vendor, which answers at once: through `ccproxy serve` with a process kept ready; said
directly to the same program, started with the same arguments and just as ready; and by starting `claude -p` for it. Measured is the time
to the first words. Then BURST requests (50) come at once.
"""

import asyncio
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import psutil

from ccproxy_cli.backends.claude_code.cli import require_cli
from ccproxy_cli.backends.claude_code.command import arguments, environment

HERE = Path(__file__).parent
MODEL = "sonnet"
REST = 3.0
"""Seconds between two measurements, in which whoever keeps processes ready gets them ready."""
CHILDREN = 4
CONFIG = """
[providers.claude]
preset = "claude-code"
max_children = {children}
prewarm = ["{model}"]
environment = {{ ANTHROPIC_BASE_URL = "{url}", ANTHROPIC_API_KEY = "sk-measured", HOME = "{home}" }}
"""
REQUEST = {
    "model": f"claude/{MODEL}",
    "max_tokens": 1000,
    "stream": True,
    "system": "You are brief.",
    "thinking": {"type": "adaptive"},
    "messages": [{"role": "user", "content": "What is the time?"}],
}
CONTROLS: Sequence[dict[str, Any]] = (
    {"subtype": "initialize", "hooks": None, "systemPrompt": "You are brief."},
    {
        "subtype": "apply_flag_settings",
        "settings": {
            "env": {"CLAUDE_CODE_EXTRA_BODY": '{"max_tokens":1000,"thinking":{"type":"adaptive"}}'},
            "effortLevel": "high",
        },
    },
)
TURN = {
    "type": "user",
    "message": {"role": "user", "content": [{"type": "text", "text": "What is the time?"}]},
    "parent_tool_use_id": None,
    "session_id": "default",
}
FIRST_WORDS = b"content_block_delta"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(*command: str, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, env={**os.environ, **variables}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


class Bare:
    """The CLI, driven by the least that can drive it."""

    def __init__(self, surroundings: Mapping[str, str], folder: str) -> None:
        self._surroundings = surroundings
        self._folder = folder

    @contextlib.asynccontextmanager
    async def _started(self, *command: str) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=self._surroundings,
            cwd=self._folder,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=1 << 26,
        )
        try:
            yield process
        finally:
            process.kill()
            await process.wait()

    async def ready(self) -> float:
        """Seconds from the first control request to the first words, on a process that was waiting."""
        async with self._started(*arguments(require_cli().path, MODEL, bare=True)) as process:
            await _control(process, 0, {"subtype": "mcp_status"})
            await asyncio.sleep(REST)
            start = time.perf_counter()
            for number, request in enumerate(CONTROLS, 1):
                await _control(process, number, request)
            _write(process, TURN)
            await _until(process, FIRST_WORDS)
            return time.perf_counter() - start

    async def cold(self) -> float:
        """Seconds from the start of `claude -p` to the first words."""
        options = ("--output-format", "stream-json", "--verbose", "--include-partial-messages", "--bare", "--tools", "", "--model", MODEL)
        await asyncio.sleep(REST)
        start = time.perf_counter()
        async with self._started(require_cli().path, "-p", *options, "What is the time?") as process:
            assert process.stdin is not None
            process.stdin.close()
            await _until(process, FIRST_WORDS)
            return time.perf_counter() - start


def _write(process: asyncio.subprocess.Process, frame: Mapping[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(frame).encode() + b"\n")


async def _control(process: asyncio.subprocess.Process, number: int, request: Mapping[str, Any]) -> None:
    _write(process, {"type": "control_request", "request_id": f"c{number}", "request": request})
    await _until(process, f'"c{number}"'.encode())


async def _until(process: asyncio.subprocess.Process, words: bytes) -> None:
    assert process.stdout is not None
    while words not in (line := await process.stdout.readline()):
        assert line, "the CLI ended"


async def through_server(client: aiohttp.ClientSession, url: str) -> float:
    """Seconds from sending the request to the first words."""
    await asyncio.sleep(REST)
    start = time.perf_counter()
    async with client.post(f"{url}/v1/messages", json=REQUEST) as reply:
        assert reply.status == 200, await reply.text()
        async for chunk in reply.content:
            if FIRST_WORDS in chunk:
                took = time.perf_counter() - start
                await reply.read()
                return took
    raise AssertionError("no words")


async def burst(client: aiohttp.ClientSession, url: str, server: psutil.Process, size: int) -> str:
    """Many requests at once."""
    peak, memory, watching = 0, 0, True

    async def watch() -> None:
        nonlocal peak, memory
        while watching:
            with contextlib.suppress(psutil.NoSuchProcess):
                peak = max(peak, sum("claude" in child.name() for child in server.children()))
            memory = max(memory, server.memory_info().rss)
            await asyncio.sleep(0.05)

    async def one() -> float:
        async with client.post(f"{url}/v1/messages", json={**REQUEST, "stream": False}) as reply:
            assert reply.status == 200, await reply.text()
            await reply.read()
        return time.perf_counter() - start

    start = time.perf_counter()
    watcher = asyncio.create_task(watch())
    ends = sorted(await asyncio.gather(*(one() for _ in range(size))))
    watching = False
    await watcher
    return f"{size} at once: all answered in {ends[-1]:.1f} s, at most {peak} processes, server at most {memory >> 20} MiB"


async def until_served(client: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with client.get(f"{url}/health") as reply:
                    if reply.status == 200:
                        return
            await asyncio.sleep(0.05)


async def main(rounds: int, size: int) -> None:
    port, upstream = free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        config = Path(folder) / "ccproxy.toml"
        config.touch(mode=0o600)
        config.write_text(CONFIG.format(children=CHILDREN, model=MODEL, url=f"http://127.0.0.1:{upstream}", home=folder))
        key = {"ANTHROPIC_BASE_URL": f"http://127.0.0.1:{upstream}", "ANTHROPIC_API_KEY": "sk-measured", "HOME": folder}
        cli = Bare(environment(os.environ, key), folder)
        stack.enter_context(running(sys.executable, str(HERE / "upstream.py"), str(upstream)))
        server = stack.enter_context(running(sys.executable, "-m", "ccproxy_cli", "serve", "--port", str(port), "--config", str(config)))
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(120), connector=aiohttp.TCPConnector(limit=0)) as client:
            await until_served(client, url)
            ways: dict[str, Callable[[], Awaitable[float]]] = {
                "said to a ready process": cli.ready,
                "through ccproxy": lambda: through_server(client, url),
                "claude -p": cli.cold,
            }
            times: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(rounds):
                for name, measure in ways.items():
                    times[name].append(await measure())
            report(times)
            if size:
                print(await burst(client, url, psutil.Process(server.pid), size))


def report(times: Mapping[str, Sequence[float]]) -> None:
    unit = next(iter(times.values()))
    for name, taken in times.items():
        middle, best = statistics.median(taken), min(taken)
        ratios = f"{middle / statistics.median(unit):5.2f}   best {best * 1000:5.0f} ms {best / min(unit):5.2f}"
        print(f"{name:<24} {middle * 1000:6.0f} ms {ratios}")


if __name__ == "__main__":
    asyncio.run(main(int((sys.argv[1:] or ["7"])[0]), int((sys.argv[2:] or ["50"])[0])))
