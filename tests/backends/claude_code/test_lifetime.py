"""No process outlives its request, whatever happens to either of them."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from ccproxy_cli.backends.claude_code.backend import ClaudeCodeBackend
from ccproxy_cli.config.settings import TimeoutSettings
from ccproxy_cli.core.errors import BadUpstream, ErrorKind, UpstreamError
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.parts import Text
from ccproxy_cli.core.stream import fold
from tests.backends.claude_code.conftest import Make, fetch, say
from tests.fake_anthropic import FakeAnthropic, text

GONE_WITHIN = 2.0


@pytest.fixture
def scripted(tmp_path: Path, make: Make) -> Callable[..., ClaudeCodeBackend]:
    """Backends over the misbehaving stand-in; the model says how."""
    program = tmp_path / "claude"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__).with_name("scripted_cli.py")} "$@"\n')
    program.chmod(0o755)

    def build(limits: dict[str, int] | None = None, **timeouts: float) -> ClaudeCodeBackend:
        patient = TimeoutSettings(**{"first_byte": 20, "idle": 20, "total": 40, **timeouts})
        return make(executable=str(program), timeouts=patient, **(limits or {}))

    return build


def children() -> set[int]:
    """Living processes below this one, the watchdogs apart."""
    found: set[int] = set()
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE and "leash_watch.py" not in " ".join(process.cmdline()):
                found.add(process.pid)
    return found


async def all_gone(*pids: int) -> bool:
    async with asyncio.timeout(GONE_WITHIN):
        while any(alive(pid) for pid in pids) or children():
            await asyncio.sleep(0.01)
    return True


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


async def test_noise_and_frames_of_later_versions_are_ignored(scripted: Callable[..., ClaudeCodeBackend]) -> None:
    response, _ = await fetch(scripted(), say("hi", model="noise"))
    assert response.parts == (Text("some words"),)
    assert await all_gone()


async def test_leave_to_run_a_tool_is_never_given(scripted: Callable[..., ClaudeCodeBackend]) -> None:
    response, _ = await fetch(scripted(), say("hi", model="asks"))
    assert response.parts == (Text("some words deny"),)


@pytest.mark.parametrize("mode", ["garbage", "bad-utf8", "exits", "killed", "half-line", "no-result", "old"])
async def test_a_broken_cli_is_never_a_success(scripted: Callable[..., ClaudeCodeBackend], mode: str) -> None:
    backend = scripted()
    with pytest.raises((BadUpstream, UpstreamError)) as caught:
        await fetch(backend, say("hi", model=mode))
    assert isinstance(caught.value, BadUpstream | UpstreamError)
    assert caught.value.error.kind is ErrorKind.BAD_UPSTREAM
    assert "NEVERSHOWTHIS" not in caught.value.error.message
    if mode == "exits":
        assert "failed with 3" in caught.value.error.message
        assert "rejected" in caught.value.error.message
    assert await all_gone()
    assert not backend._runs


@pytest.mark.parametrize("mode", ["stubborn", "helper"])
async def test_closing_ends_the_whole_group(scripted: Callable[..., ClaudeCodeBackend], mode: str) -> None:
    stream = await scripted().send(say("hi", model=mode), Losses())
    assert children()
    await stream.aclose()
    assert await all_gone()


async def test_silence_is_bounded(scripted: Callable[..., ClaudeCodeBackend]) -> None:
    with pytest.raises(UpstreamError) as first:
        await scripted(first_byte=0.5).send(say("hi", model="deaf"), Losses())
    assert first.value.error.kind is ErrorKind.UPSTREAM_TIMEOUT
    with pytest.raises(UpstreamError) as idle:
        await fetch(scripted(idle=0.3), say("hi", model="stubborn"))
    assert idle.value.error.kind is ErrorKind.UPSTREAM_TIMEOUT
    with pytest.raises(UpstreamError, match=r"0\.7 seconds"):
        await fetch(scripted(total=0.7), say("hi", model="stubborn"))
    assert await all_gone()


async def test_processes_are_bounded_and_the_rest_waits_its_turn(scripted: Callable[..., ClaudeCodeBackend]) -> None:
    backend = scripted({"max_children": 2})
    streams = [await backend.send(say("hi", model="stubborn"), Losses()) for _ in range(2)]
    third = asyncio.create_task(backend.send(say("hi", model="stubborn"), Losses()))
    await asyncio.sleep(0.3)
    assert not third.done()
    assert len(backend._runs) == 2
    await streams[0].aclose()
    await (await third).aclose()
    await streams[1].aclose()
    assert await all_gone()


async def test_a_full_queue_is_told_at_once(scripted: Callable[..., ClaudeCodeBackend]) -> None:
    backend = scripted({"max_children": 1, "max_waiting": 0})
    await backend.send(say("hi", model="stubborn"), Losses())
    with pytest.raises(UpstreamError) as caught:
        await backend.send(say("hi", model="noise"), Losses())
    assert (caught.value.error.kind, caught.value.error.http_status) == (ErrorKind.OVERLOADED, 529)
    assert caught.value.error.retry_after


async def test_a_client_that_leaves_while_it_waits_leaves_nothing(scripted: Callable[..., ClaudeCodeBackend]) -> None:
    backend = scripted()
    for delay in (0.0, 0.01, 0.1, 0.4):
        sending = asyncio.create_task(backend.send(say("hi", model="deaf"), Losses()))
        await asyncio.sleep(delay)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
    assert await all_gone()
    assert not backend._runs
    response, _ = await fetch(backend, say("hi", model="noise"))
    assert response.parts


async def test_a_missing_cli_says_how_to_get_it(make: Make) -> None:
    with pytest.raises(UpstreamError, match="ccproxy-cli\\[claude\\]"):
        await make(executable="/nowhere/claude").send(say("hi"), Losses())
    health = await make(executable="/nowhere/claude").health()
    assert not health.ok


async def test_an_answer_that_is_read_to_its_end_needs_no_closing(scripted: Callable[..., ClaudeCodeBackend]) -> None:
    backend = scripted({"max_children": 1})
    for _ in range(2):
        stream = await backend.send(say("hi", model="noise"), Losses())
        assert [event async for batch in stream for event in batch]
    assert await all_gone()


async def test_a_slow_client_holds_no_slot(scripted: Callable[..., ClaudeCodeBackend]) -> None:
    backend = scripted({"max_children": 1})
    unread = await backend.send(say("hi", model="noise"), Losses())
    response, _ = await fetch(backend, say("hi", model="noise"))
    assert response.parts == (Text("some words"),)
    assert fold([event async for batch in unread for event in batch]) == response


async def test_closing_the_backend_ends_everything(scripted: Callable[..., ClaudeCodeBackend]) -> None:
    backend = scripted()
    for mode in ("stubborn", "helper"):
        await backend.send(say("hi", model=mode), Losses())
    watchdog = backend._leash.watchdog_id
    assert watchdog is not None
    assert alive(watchdog)
    await backend.aclose()
    assert await all_gone(watchdog)


@pytest.mark.real_cli
async def test_a_client_that_leaves_ends_the_real_cli_and_its_request(backend: ClaudeCodeBackend, api: FakeAnthropic) -> None:
    api.will_say(text("on and on"), stall=True)
    stream = await backend.send(say("hi"), Losses())
    assert children()
    await stream.aclose()
    assert await all_gone()
    async with asyncio.timeout(GONE_WITHIN):
        await api.gone.wait()


DRIVER = """
import asyncio, os, sys
from ccproxy_cli.backends.claude_code.backend import ClaudeCodeBackend
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.stream import fold
from tests.backends.claude_code.conftest import say

async def main():
    backend = ClaudeCodeBackend("claude", environment={"ANTHROPIC_BASE_URL": sys.argv[1], "ANTHROPIC_API_KEY": "k", "HOME": sys.argv[2]})
    await backend.send(say("hi"), Losses())
    print(*(run._child.pid for run in backend._runs), backend._leash.watchdog_id, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


@pytest.fixture
async def server(api: FakeAnthropic, tmp_path: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A program of its own that holds an answer open."""
    api.will_say(text("on and on"), stall=True)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", DRIVER, api.url, str(tmp_path), stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    yield process
    if process.returncode is None:
        process.kill()
    await process.wait()


@pytest.mark.real_cli
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_server_that_is_killed_takes_the_real_cli_with_it(server: asyncio.subprocess.Process, number: signal.Signals) -> None:
    assert server.stdout is not None
    pids = [int(word) for word in (await server.stdout.readline()).split()]
    assert len(pids) == 2
    assert all(map(alive, pids))
    os.kill(server.pid, number)
    await server.wait()
    assert await all_gone(*pids)
