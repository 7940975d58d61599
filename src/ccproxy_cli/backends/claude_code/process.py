"""One CLI process: bytes in, lines out, and an end that leaves nothing behind.

The process leads a session of its own, so that its whole group, helpers included, can be signalled at once. asyncio's own stream
classes are not used: they wait for pipes that a grandchild may hold open, and they buffer a line's limit twice over.
"""

import asyncio
import contextlib
import os
import secrets
import signal
from collections import deque
from collections.abc import Mapping, Sequence
from typing import cast

from ccproxy_cli.backends.claude_code.leash import Leash
from ccproxy_cli.backends.claude_code.leash_watch import MARK, sweep
from ccproxy_cli.backends.claude_code.lines import LineSplitter
from ccproxy_cli.core.errors import APIError, BadUpstream, ErrorKind, UpstreamError

_STDIN, _STDOUT, _STDERR = 0, 1, 2
_HIGH_WATER = 4 * 1024 * 1024
"""Bytes of unread lines at which the child is made to wait, so that a slow client slows the CLI and not our memory."""
_STDERR_TAIL = 4096
_POLITE = 0.5
"""Seconds between SIGTERM and SIGKILL. The real CLI ends within 20 ms and takes its files away (2.1.329)."""
_REAPED = 5.0
"""Seconds after SIGKILL within which the kernel surely reports the end."""


class Child(asyncio.SubprocessProtocol):
    """A running CLI. Made by `start`, ended by `end`."""

    def __init__(self, leash: Leash, mark: str = "") -> None:
        self._leash = leash
        self._mark = mark
        self._splitter = LineSplitter()
        self._lines: deque[bytes] = deque()
        self._unread = 0
        self._eof = False
        self._fault: BadUpstream | None = None
        self._stderr = b""
        self._readable = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._exited = asyncio.Event()
        self._transport: asyncio.SubprocessTransport | None = None
        self._group = 0

    @classmethod
    async def start(
        cls, arguments: Sequence[str], environment: Mapping[str, str], directory: str, leash: Leash, *, has_helpers: bool = False
    ) -> "Child":
        """Run `arguments` with exactly `environment`.

        Args:
            has_helpers: it runs other programs in groups of their own, which are to end with it. They find a mark in their environment.

        Raises:
            UpstreamError: the program cannot be run.
        """
        child = cls(leash, secrets.token_hex(8) if has_helpers else "")
        variables = {**environment, MARK: child._mark} if has_helpers else dict(environment)
        try:
            await asyncio.get_running_loop().subprocess_exec(
                lambda: child, *arguments, env=variables, cwd=directory, start_new_session=True
            )
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise UpstreamError(APIError(ErrorKind.BAD_UPSTREAM, f"Claude Code could not be started: {reason}")) from error
        except BaseException:
            await child.end()
            raise
        return child

    @property
    def pid(self) -> int:
        """Of the process, and of its group and session."""
        return self._group

    @property
    def exit_status(self) -> int | None:
        """As `subprocess` reports it; None while it runs."""
        return None if self._transport is None else self._transport.get_returncode()

    @property
    def last_words(self) -> str:
        """The end of what it wrote to standard error. Unredacted: may hold keys."""
        return self._stderr.decode("utf-8", "replace").strip()

    async def next_line(self) -> bytes | None:
        """The next line, or None after the last one. A last line without its end is no line: it was cut off.

        Raises:
            BadUpstream: a line outgrew the limit.
        """
        while not self._lines:
            if self._fault is not None:
                raise self._fault
            if self._eof:
                return None
            self._readable.clear()
            await self._readable.wait()
        line = self._lines.popleft()
        self._unread -= len(line)
        if self._unread <= _HIGH_WATER // 2:
            self._set_reading(True)
        return line

    async def write(self, data: bytes) -> None:
        """Write to standard input. Silent once the process is gone: the end of its output says so better."""
        if self._transport is None or (pipe := self._transport.get_pipe_transport(_STDIN)) is None:
            return
        cast("asyncio.WriteTransport", pipe).write(data)
        await self._writable.wait()

    def kill(self) -> None:
        """Ask the whole group to end, now. `end` makes sure of it."""
        if not self._exited.is_set():
            self._signal(signal.SIGTERM)

    async def end(self) -> None:
        """Return when the process is gone and reaped, its group with it. May be called twice."""
        if self._transport is None:
            return
        self.kill()
        if not await self.exited(_POLITE):
            self._signal(signal.SIGKILL)
            await self.exited(_REAPED)
        self._signal(signal.SIGKILL)  # helpers that outlived their leader
        if self._mark:
            await asyncio.to_thread(sweep, self._mark)
        self._leash.release(self._group)
        self._transport.close()

    async def exited(self, seconds: float) -> bool:
        """Whether the process ends within that time."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._exited.wait(), seconds)
        return self._exited.is_set()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._group, number)

    def _set_reading(self, wanted: bool) -> None:
        pipe = None if self._transport is None else self._transport.get_pipe_transport(_STDOUT)
        if pipe is not None:
            reader = cast("asyncio.ReadTransport", pipe)
            if wanted and not reader.is_reading():
                reader.resume_reading()
            elif not wanted and reader.is_reading():
                reader.pause_reading()

    # asyncio.SubprocessProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.SubprocessTransport", transport)
        self._group = self._transport.get_pid()
        self._leash.hold(self._group, self._mark)

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:
        assert isinstance(data, bytes)
        if fd == _STDERR:
            self._stderr = (self._stderr + data)[-_STDERR_TAIL:]
            return
        if self._fault is not None:
            return
        try:
            lines = self._splitter.feed(data)
        except BadUpstream as fault:
            self._fault = fault
            self.kill()
        else:
            self._lines += lines
            self._unread += sum(map(len, lines))
            if self._unread > _HIGH_WATER:
                self._set_reading(False)
        self._readable.set()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == _STDOUT:
            self._eof = True
            self._readable.set()
        elif fd == _STDIN:
            self._writable.set()

    def process_exited(self) -> None:
        self._exited.set()
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()
