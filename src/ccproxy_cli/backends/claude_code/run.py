"""One request's life in one process: from the first frame to a process that is gone.

A task of its own drives the SDK, because the SDK's task group must be left by the task that entered it, while an answer may be closed
from anywhere. Whatever ends a run first ends the process; the task then sees the end of its output and finishes by itself.
"""

import asyncio
import contextlib
import importlib
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Protocol

from ccproxy_cli.backends.base import ProcessStream
from ccproxy_cli.backends.claude_code.answer import ended_early
from ccproxy_cli.backends.claude_code.process import Child
from ccproxy_cli.backends.claude_code.session import Session
from ccproxy_cli.config.settings import TimeoutSettings
from ccproxy_cli.core.errors import APIError, BadUpstream, ErrorKind, UpstreamError
from ccproxy_cli.core.events import Event
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.observe.redact import Redactor

_MOST_READY = 2000
"""Events that wait for a slow client before the CLI is made to wait as well."""
_LET_FINISH = 2.0
"""Seconds for a process that has closed its output to end, and for the driving task to see the end of one that is gone."""


class Converse(Protocol):
    """`sdk.converse`."""

    def __call__(self, session: Session) -> AsyncIterator[Mapping[str, JSON]]:
        """Frames until the process ends."""


async def load_sdk() -> Converse:
    """The SDK's half of a run, loaded in a thread the first time: it takes most of a second."""
    module = await asyncio.to_thread(importlib.import_module, "ccproxy_cli.backends.claude_code.sdk")
    converse: Converse = module.converse
    return converse


class Answering(Protocol):
    """`Answer`, or `AgentAnswer`."""

    @property
    def done(self) -> bool:
        """Complete."""

    @property
    def busy(self) -> bool:
        """A tool runs here, so silence is no sign of trouble."""

    def feed(self, frame: Mapping[str, JSON]) -> list[Event]:
        """The events that may go out now."""


class Run(ProcessStream):
    """An `EventStream` that owns a process. Not a generator function: closing one that was never started would close nothing.

    Args:
        finished: called once, when no more is wanted of the process.
        gone: called once, when it has ended.
    """

    def __init__(
        self,
        child: Child,
        session: Session,
        answer: Answering,
        timeouts: TimeoutSettings,
        redactor: Redactor,
        *,
        finished: Callable[["Run"], None],
        gone: Callable[["Run"], None],
    ) -> None:
        self.session = session
        self.child_pid = child.pid
        self._child = child
        self._answer = answer
        self._timeouts = timeouts
        self._redactor = redactor
        self._finished = finished
        self._gone = gone
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + timeouts.total
        self._ready: list[Event] = []
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._over = False
        self._failure: BadUpstream | UpstreamError | None = None
        self._driver: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    async def begin(self, converse: Awaitable[Converse], within: float) -> None:
        """Say the request, and return once there is content, or a complete answer without any.

        Args:
            within: seconds for that.

        Raises:
            UpstreamError, BadUpstream: refused, broken or too slow; the process is gone.
        """
        try:
            self._driver = self._loop.create_task(self._drive(await converse))
            await self._wait(within)
            self._raise_failure()
        except BaseException:
            await self.aclose()
            raise

    async def asend(self, value: None) -> list[Event]:
        """The next events, as many as there are.

        Raises:
            UpstreamError, BadUpstream: the answer broke off, or nothing came for too long.
        """
        await self._wait(self._timeouts.idle)
        if self._ready:
            events, self._ready = self._ready, []
            self._room.set()
            return events
        await self.aclose()
        self._raise_failure()
        raise StopAsyncIteration

    async def athrow(self, kind: Any, value: BaseException | object = None, traceback: TracebackType | None = None, /) -> list[Event]:
        """Close, and let the exception go on."""
        await self.aclose()
        raise kind if isinstance(kind, BaseException) else value if isinstance(value, BaseException) else kind()

    async def aclose(self) -> None:
        """End the process. Returns when it is gone, and may be called by anyone, at any time, more than once."""
        self._finish(None)
        if self._ending is not None:
            await asyncio.shield(self._ending)

    def _raise_failure(self) -> None:
        if self._failure is not None and not self._ready:
            raise self._failure

    async def _wait(self, seconds: float) -> None:
        """Until there are events, or no more to come."""
        while not self._ready and not self._over:
            self._news.clear()
            left = self._deadline - self._loop.time()
            patience = math.inf if self._answer.busy else seconds
            try:
                async with asyncio.timeout(min(patience, left)):
                    await self._news.wait()
            except TimeoutError:
                waited = self._timeouts.total if left < patience else seconds
                self._finish(UpstreamError(APIError(ErrorKind.UPSTREAM_TIMEOUT, f"Claude Code did not answer within {waited:g} seconds")))

    async def _drive(self, converse: Converse) -> None:
        try:
            async for frame in converse(self.session):
                if not self._over:
                    self._take(frame)
                    await self._room.wait()
        except BadUpstream as failure:
            self._finish(self.session.failure or failure)
        if not self._over:
            await self._child.exited(_LET_FINISH)
            self._finish(self.session.failure or ended_early(self._child.exit_status, self._child.last_words))

    def _take(self, frame: Mapping[str, JSON]) -> None:
        try:
            self._ready += self._answer.feed(frame)
        except (BadUpstream, UpstreamError) as failure:
            self._finish(failure)
        else:
            if len(self._ready) > _MOST_READY:
                self._room.clear()
            if self._answer.done:
                self._finish(None)
        self._news.set()

    def _finish(self, failure: BadUpstream | UpstreamError | None) -> None:
        """No more events are to come. The first reason counts."""
        if self._over:
            return
        self._over = True
        self._failure = None if failure is None else self._clean(failure)
        self._room.set()
        self._news.set()
        # At once, whatever the client still has to read: the slot is wanted, and the CLI may be about to go on by itself.
        self._child.kill()
        self._finished(self)
        self._ending = self._loop.create_task(self._end())

    def _clean(self, failure: BadUpstream | UpstreamError) -> BadUpstream | UpstreamError:
        cleaned: BadUpstream | UpstreamError
        if isinstance(failure, BadUpstream):
            cleaned = BadUpstream(self._redactor.text(failure.message))
        else:
            cleaned = UpstreamError(self._redactor.error(failure.error))
        cleaned.__cause__ = failure.__cause__
        return cleaned

    async def _end(self) -> None:
        await self._child.end()
        if self._driver is not None:
            with contextlib.suppress(TimeoutError, asyncio.CancelledError):
                await asyncio.wait_for(self._driver, _LET_FINISH)
        self._gone(self)
