"""Whether anything of a Claude Code login outlives its request or its server.

    python benchmarks/claude_orphans.py [DISCONNECTS] [KILLS]

Clients of one server leave at random moments, DISCONNECTS (500) of them: before there is a process, before the first words, between two
words, after the last. Then KILLS (50) servers are killed, by SIGKILL or SIGTERM, while they answer and keep processes ready. Counted are
processes that are still there two seconds later. The program fails if there are any.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

import aiohttp
import psutil
from claude_cli import CONFIG, HERE, MODEL, REQUEST, free_port, running, until_served

CHILDREN = 4
AT_ONCE = 4
"""Clients side by side."""
LONGEST_STAY = 4.0
"""Seconds after which a client leaves, at most; a whole answer takes one and a half, and longer while all are busy."""
READY = 2
"""Processes that a server keeps for its next request, at most."""
GONE_WITHIN = 2.0
PAUSE = 0.02
"""Seconds between two writes of the vendor."""


@contextlib.contextmanager
def serving(folder: Path, upstream: int, port: int) -> Iterator["subprocess.Popen[bytes]"]:
    """`ccproxy serve`, its log in `folder`."""
    config, log = folder / "ccproxy.toml", folder / "serve.log"
    config.touch(mode=0o600)
    config.write_text(CONFIG.format(children=CHILDREN, model=MODEL, url=f"http://127.0.0.1:{upstream}", home=folder))
    command = [sys.executable, "-m", "ccproxy_cli", "serve", "--port", str(port), "--config", str(config)]
    with log.open("wb") as file, subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=file) as process:
        try:
            yield process
        finally:
            process.kill()


async def leave(client: aiohttp.ClientSession, url: str, after: float) -> None:
    """Ask, and hang up."""
    with contextlib.suppress(TimeoutError, aiohttp.ClientError):
        async with asyncio.timeout(after), client.post(f"{url}/v1/messages", json=REQUEST) as reply:
            async for _ in reply.content:
                pass


def outcomes(log: Path) -> Counter[str]:
    """How the requests ended, by the server's own word."""
    lines = (json.loads(line) for line in log.read_text().splitlines() if line.startswith("{"))
    return Counter(line["outcome"] for line in lines if line.get("event") == "request")


def clis(server: psutil.Process) -> set[int]:
    """The CLI's processes below a server."""
    found: set[int] = set()
    for child in server.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if "claude" in child.name():
                found.add(child.pid)
    return found


def alive(pids: Collection[int]) -> list[int]:
    found = []
    for pid in pids:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            if process.status() != psutil.STATUS_ZOMBIE and "claude" in process.name():
                found.append(pid)
    return found


async def disconnects(folder: Path, upstream: int, count: int) -> int:
    """How many processes were left behind."""
    port, chance = free_port(), random.Random(4711)
    url = f"http://127.0.0.1:{port}"
    with serving(folder, upstream, port) as process:
        server = psutil.Process(process.pid)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True)) as client:
            await until_served(client, url)
            memory: list[int] = []
            seen: set[int] = set()
            left = list(range(count))

            async def watch() -> None:
                while True:
                    seen.update(clis(server))
                    await asyncio.sleep(0.05)

            async def keep_leaving() -> None:
                while left:
                    if left.pop() % (count // 5 or 1) == 0:
                        memory.append(server.memory_info().rss >> 20)
                    await leave(client, url, chance.uniform(0, LONGEST_STAY))

            watching = asyncio.create_task(watch())
            await asyncio.gather(*(keep_leaving() for _ in range(AT_ONCE)))
            watching.cancel()
            await asyncio.sleep(GONE_WITHIN)
            kept = alive(seen | clis(server))
            how = ", ".join(f"{number} {outcome}" for outcome, number in outcomes(folder / "serve.log").most_common())
            print(f"{count} disconnects ({how}): {len(seen)} processes, of which {len(kept)} are left, {READY} being kept ready")
            print(f"the server's memory meanwhile, in MiB: {memory}", flush=True)
        process.terminate()
        await asyncio.to_thread(process.wait, 30)
        await asyncio.sleep(GONE_WITHIN)
        return max(0, len(kept) - READY) + len(alive(seen))


async def kills(folder: Path, upstream: int, count: int) -> int:
    """How many processes outlived their server."""
    chance = random.Random(4711)
    survivors, killed, longest = 0, 0, 0.0
    for _ in range(count):
        port = free_port()
        with serving(folder, upstream, port) as process:
            url = f"http://127.0.0.1:{port}"
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True)) as client:
                await until_served(client, url)
                asking = [asyncio.create_task(leave(client, url, 30.0)) for _ in range(2)]
                await asyncio.sleep(chance.uniform(0.2, LONGEST_STAY))
                below = [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
                process.send_signal(chance.choice((signal.SIGKILL, signal.SIGTERM)))
                for task in asking:
                    task.cancel()
                await asyncio.gather(*asking, return_exceptions=True)
            await asyncio.to_thread(process.wait)
            start = time.monotonic()
            while alive(below) and time.monotonic() < start + GONE_WITHIN:
                await asyncio.sleep(0.02)
            longest = max(longest, time.monotonic() - start)
            killed += len(below)
            survivors += len(alive(below))
    print(f"{count} servers killed: {killed} processes below them, {survivors} left, all gone after {longest:.2f} s at the latest")
    return survivors


async def main(leaving: int, dying: int) -> int:
    upstream = free_port()
    with tempfile.TemporaryDirectory() as folder, running(sys.executable, str(HERE / "upstream.py"), str(upstream), str(PAUSE)):
        os.chmod(folder, 0o700)
        left = await disconnects(Path(folder), upstream, leaving) if leaving else 0
        left += await kills(Path(folder), upstream, dying) if dying else 0
    return left


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    sys.exit(asyncio.run(main(*(numbers + [500, 50][len(numbers) :]))) > 0)
