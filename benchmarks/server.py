"""What the whole server costs, as a multiple of the least a relay in Python can do.

    python benchmarks/server.py [ROUNDS]

A fake upstream, a bare relay and `ccproxy serve`, each a process of its own on loopback, take the same requests in turn. Compared is the
CPU time each server spends on one of them, which other programs on the machine change little.
"""

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
from attrs import frozen
from samples import MODEL, agent_request, as_client_of, small_request

HERE = Path(__file__).parent
CONNECTIONS = 16
SECONDS = 1.0
CHAT, MESSAGES = "/v1/chat/completions", "/v1/messages"
CONFIG = """
[providers.oai]
preset = "openai"
base_url = "{url}/v1"
api_key = "sk-measured"

[providers.ant]
preset = "anthropic"
base_url = "{url}"
api_key = "sk-measured"
"""


@frozen
class Case:
    """One kind of request, to both servers."""

    name: str
    path: str
    body: bytes
    direct: str
    """What the bare relay is asked for instead of `path`, so that both upstreams give the same answer."""


def cases() -> Iterator[Case]:
    def body(client: str, provider: str, request: Mapping[str, object]) -> bytes:
        said = json.loads(as_client_of(client, request).body)
        return json.dumps({**said, "model": f"{provider}/{MODEL}"}, separators=(",", ":")).encode()

    small, stream, agent = small_request(), small_request(stream=True), agent_request(150_000)
    yield Case("relay, JSON", CHAT, body("openai-chat", "oai", small), CHAT)
    yield Case("relay, JSON, 150 KB", CHAT, body("openai-chat", "oai", agent), CHAT)
    yield Case("relay, stream", MESSAGES, body("anthropic", "ant", stream), MESSAGES)
    yield Case("Anthropic to Chat, JSON", MESSAGES, body("anthropic", "oai", small), CHAT)
    yield Case("Chat to Anthropic, JSON", CHAT, body("openai-chat", "ant", small), MESSAGES)
    yield Case("Anthropic to Chat, JSON, 150 KB", MESSAGES, body("anthropic", "oai", agent), CHAT)
    yield Case("Anthropic to Chat, stream", MESSAGES, body("anthropic", "oai", stream), CHAT)
    yield Case("Chat to Anthropic, stream", CHAT, body("openai-chat", "ant", stream), MESSAGES)


def main(rounds: int) -> None:
    with ExitStack() as stack:
        upstream = stack.enter_context(running(1, sys.executable, str(HERE / "upstream.py"), "{port}"))
        url = f"http://127.0.0.1:{upstream.port}"
        bare = stack.enter_context(running(0, sys.executable, str(HERE / "bare_relay.py"), "{port}", url))
        config = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "ccproxy.toml"
        config.write_text(CONFIG.format(url=url))
        serve = (sys.executable, "-m", "ccproxy_cli", "serve", "--port", "{port}", "--config", str(config), "--log-level", "warning")
        ours = stack.enter_context(running(0, *serve))
        pin(os.getpid(), 1)
        print(f"{'':34}{'x bare relay':>12}{'best':>8}   {'bare, us':>9}")
        for case in cases():
            pairs = [asyncio.run(both(case, bare, ours)) for _ in range(rounds)]
            ratio = statistics.median(own / base for base, own in pairs)
            base, own = min(base for base, _ in pairs), min(own for _, own in pairs)
            print(f"{case.name:34}{ratio:12.2f}{own / base:8.2f}   {base * 1e6:9.0f}", flush=True)


@frozen
class Program:
    port: int
    process: psutil.Process

    def cpu(self) -> float:
        """Seconds it has spent."""
        spent = self.process.cpu_times()
        return float(spent.user + spent.system)


@contextmanager
def running(core: int, *command: str) -> Iterator[Program]:
    """A server on a free port, which takes the place of `{port}` in the command."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([word.replace("{port}", str(port)) for word in command], stdout=subprocess.DEVNULL)
    pin(process.pid, core)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield Program(port, psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait()


def pin(pid: int, core: int) -> None:
    """Where the system lets us choose, the measured servers have one core and everything else another."""
    if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(pid, {core})


async def both(case: Case, bare: Program, ours: Program) -> tuple[float, float]:
    """What one request costs the bare relay, and what it costs us, measured right after."""
    return await cost(bare, case.direct, case.body), await cost(ours, case.path, case.body)


async def cost(server: Program, path: str, body: bytes) -> float:
    """CPU seconds of one request, with several connections at once."""
    await load(server, path, body, 0.2)
    before = server.cpu()
    count = await load(server, path, body, SECONDS)
    return (server.cpu() - before) / count


async def load(server: Program, path: str, body: bytes, seconds: float) -> int:
    """Ask as fast as answers come; the number of answers."""
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    until = time.monotonic() + seconds
    counts: Sequence[int] = await asyncio.gather(*(_client(server.port, head.encode() + body, until) for _ in range(CONNECTIONS)))
    return sum(counts)


async def _client(port: int, request: bytes, until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    count = 0
    while time.monotonic() < until:
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 200"):
            raise RuntimeError(f"the server answered {head!r} {await reader.read(1000)!r}")
        length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
        if length:
            await reader.readexactly(int(length))
        else:
            await reader.readuntil(b"0\r\n\r\n")
        count += 1
    writer.close()
    await writer.wait_closed()
    return count


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
