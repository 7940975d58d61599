"""The real CLI, kept ready: what serves, what it costs when things go wrong, and that nothing of it is left."""

import asyncio
import contextlib
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from ccproxy_cli.backends.base import ProcessStream
from ccproxy_cli.backends.claude_code.backend import ClaudeCodeBackend
from ccproxy_cli.backends.claude_code.cli import require_cli
from ccproxy_cli.core.errors import ErrorKind, UpstreamError
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.parts import Text
from tests.backends.claude_code.conftest import Make, fetch, ready, say
from tests.backends.claude_code.test_lifetime import alive, all_gone
from tests.backends.claude_code.test_real_conversation import pretend_login
from tests.fake_anthropic import FakeAnthropic, text

pytestmark = pytest.mark.real_cli


@pytest.fixture
def backend_class() -> type[ClaudeCodeBackend]:
    """As the product has it."""
    return ClaudeCodeBackend


async def served_by(backend: ClaudeCodeBackend, words: str = "hi") -> int:
    """The process that answers a request."""
    stream = await backend.send(say(words, model="sonnet"), Losses())
    assert isinstance(stream, ProcessStream)
    async with contextlib.aclosing(stream):
        assert [event async for batch in stream for event in batch]
    return stream.child_pid


async def test_each_process_serves_one_request(make: Make, api: FakeAnthropic) -> None:
    backend = make(prewarm=["sonnet"])
    backend.warm_up()
    pids = []
    for words in ("one", "two", "three"):
        waiting = await ready(backend)
        pids.append(await served_by(backend, words))
        assert pids[-1] == waiting
    assert len(set(pids)) == 3
    assert [body["messages"][0]["content"][0]["text"] for body in api.bodies] == ["one", "two", "three"]
    assert not any("two" in str(body["messages"]) for body in (api.bodies[0], api.bodies[2]))
    await backend.aclose()
    assert await all_gone(*pids)


async def test_one_that_hangs_or_died_is_replaced_unseen(make: Make) -> None:
    backend = make(prewarm=["sonnet"])
    backend.warm_up()
    for number in (signal.SIGSTOP, signal.SIGKILL):
        waiting = await ready(backend)
        os.kill(waiting, number)
        assert await served_by(backend) != waiting
        assert not alive(waiting)
        backend._pool._rest_until = 0.0
        backend._pool._refill_all()


async def test_a_login_while_it_waits_is_used_and_a_logout_is_told(make: Make, api: FakeAnthropic, tmp_path: Path) -> None:
    backend = make(environment={"ANTHROPIC_API_KEY": None}, prewarm=["sonnet"])
    backend.warm_up()
    waiting = await ready(backend)
    pretend_login(tmp_path / "home")
    assert await served_by(backend) == waiting
    assert api.headers[0]["Authorization"] == "Bearer sk-ant-oat01-made-up"

    await ready(backend)
    (tmp_path / "home" / ".claude" / ".credentials.json").unlink()
    with pytest.raises(UpstreamError, match="claude auth login") as caught:
        await backend.send(say("hi", model="sonnet"), Losses())
    assert caught.value.error.kind is ErrorKind.AUTHENTICATION
    assert len(api.bodies) == 1


async def test_a_new_version_on_disk_serves_the_next_request(make: Make, tmp_path: Path) -> None:
    program = tmp_path / "claude"
    program.symlink_to(require_cli().path)
    backend = make(executable=str(program), prewarm=["sonnet"])
    backend.warm_up()
    old = await ready(backend)
    newer = tmp_path / "newer"
    newer.write_text(f'#!/bin/sh\nexec {require_cli().path} "$@"\n')
    newer.chmod(0o755)
    program.unlink()
    program.symlink_to(newer)
    assert await served_by(backend) != old
    assert not alive(old)
    program.unlink()
    with pytest.raises(UpstreamError, match="does not exist"):
        await served_by(backend)


async def test_what_users_connect_is_never_kept_ready(make: Make, tmp_path: Path) -> None:
    program = tmp_path / "claude"
    server = '{"mcpServers":{"mine":{"command":"false"}}}'
    real = require_cli().path
    program.write_text(f'#!/bin/sh\n[ $1 = auth ] && exec {real} "$@"\nexec {real} --mcp-config \'{server}\' "$@"\n')
    program.chmod(0o755)
    backend = make(executable=str(program), prewarm=["sonnet"])
    backend.warm_up()
    assert await ready(backend, 10) == 0
    assert "keeps no process ready: Claude Code does not confirm" in (await backend.health()).detail
    assert await served_by(backend)


async def test_leaving_at_any_moment_leaves_nothing(make: Make, api: FakeAnthropic) -> None:
    backend = make(prewarm=["sonnet"], max_children=3)
    backend.warm_up()
    await ready(backend)
    chance, process = random.Random(5), psutil.Process()
    await leave(backend, api, 0.2)
    files, threads = process.num_fds(), process.num_threads()
    for _ in range(12):
        await asyncio.gather(*(leave(backend, api, chance.random() * 0.8) for _ in range(2)))
        assert len(process.children()) <= 3 + 1  # and the watchdog
    await backend._pool.aclose()
    assert await all_gone()
    assert backend._runs == set()
    assert process.num_fds() <= files
    assert process.num_threads() <= threads + 2
    api._script.clear()
    assert await served_by(backend)


async def leave(backend: ClaudeCodeBackend, api: FakeAnthropic, seconds: float) -> None:
    """Ask, and be gone after some time, wherever the request is by then."""
    api.will_say(text("on and on"), stall=True)
    asking = asyncio.create_task(served_by(backend))
    await asyncio.sleep(seconds)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_a_burst_is_answered_to_the_last(make: Make, api: FakeAnthropic) -> None:
    backend = make(prewarm=["sonnet"], max_children=2)
    backend.warm_up()
    peak = 0

    async def watch() -> None:
        nonlocal peak
        while True:
            peak = max(peak, len(psutil.Process().children()) - 1)  # less the watchdog
            await asyncio.sleep(0.02)

    watching = asyncio.create_task(watch())
    answers = await asyncio.gather(*(fetch(backend, say(f"question {number}", model="sonnet")) for number in range(10)))
    watching.cancel()
    assert [response.parts for response, _ in answers] == [(Text("hello"),)] * 10
    asked = [body["messages"][0]["content"][0]["text"] for body in api.bodies]
    assert sorted(asked) == sorted(f"question {number}" for number in range(10))
    assert peak <= 2


DRIVER = """
import asyncio, sys
from ccproxy_cli.backends.claude_code.backend import ClaudeCodeBackend
from ccproxy_cli.core.extras import Losses
from tests.backends.claude_code.conftest import ready, say

async def main():
    environment = {"ANTHROPIC_BASE_URL": sys.argv[1], "ANTHROPIC_API_KEY": "k", "HOME": sys.argv[2]}
    backend = ClaudeCodeBackend("claude", environment=environment, prewarm=["sonnet"])
    backend.warm_up()
    await ready(backend, 20)
    stream = await backend.send(say("hi", model="sonnet"), Losses())
    print(stream.child_pid, await ready(backend, 20), backend._leash.watchdog_id, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.fixture
async def server(api: FakeAnthropic, tmp_path: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program of its own that holds an answer open and a process ready."""
    api.will_say(text("on and on"), stall=True)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DRIVER, api.url, str(tmp_path), stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    yield process
    if process.returncode is None:
        process.kill()
    await process.wait()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_killed_server_takes_those_that_wait_along(server: asyncio.subprocess.Process, number: signal.Signals) -> None:
    assert server.stdout is not None
    busy, waiting, watchdog = (int(word) for word in (await server.stdout.readline()).split())
    assert all(map(alive, (busy, waiting, watchdog)))
    os.kill(server.pid, number)
    await server.wait()
    assert await all_gone(busy, waiting, watchdog)
