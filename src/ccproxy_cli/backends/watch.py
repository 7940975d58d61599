"""Keeps a call's limits of time with a single timer, from the request to the end of the answer.

The reader only notes when it begins to wait. When the timer fires it looks at that note, and either ends the wait or sets itself for
the moment that could be too late next. So a chunk costs two assignments, and a slow reader on our side is never taken for a stalled
upstream.
"""

import asyncio

import aiohttp

from ccproxy_cli.config.settings import TimeoutSettings

_TOLERANCE = 0.01
"""Seconds by which a timer may come early."""


class Stalled(Exception):
    """The upstream has not sent anything for `after` seconds."""

    def __init__(self, after: float) -> None:
        super().__init__(after)
        self.after = after


class Watch:
    """Watches one call: the wait for the answer's head, which it ends by cancelling the task it was made in, then the answer itself."""

    __slots__ = ("_begun", "_cancelling", "_content", "_first_by", "_idle", "_loop", "_since", "_task", "_timer", "_total", "_total_by")

    def __init__(self, loop: asyncio.AbstractEventLoop, timeouts: TimeoutSettings) -> None:
        now = loop.time()
        task = asyncio.current_task(loop)
        assert task is not None
        self._loop = loop
        self._task = task
        self._cancelling: int | None = None
        """How often others had cancelled the task when we did; None if we have not."""
        self._content: aiohttp.StreamReader | None = None
        self._idle = timeouts.idle
        self._first_by = now + timeouts.first_byte
        self._total = timeouts.total
        self._total_by = now + timeouts.total
        self._begun = False
        self._since: float | None = now
        self._timer: asyncio.TimerHandle | None = loop.call_at(min(self._first_by, now + self._idle, self._total_by), self._fire)

    def begin(self, content: aiohttp.StreamReader) -> None:
        """The answer's head has come."""
        self._content = content
        self._since = None

    def ended_the_wait(self) -> bool:
        """Whether the task was cancelled for want of a head, and for nothing else. To be asked once, when it was cancelled."""
        return self._cancelling is not None and self._task.uncancel() <= self._cancelling

    def waiting(self) -> None:
        """The reader begins to wait for the upstream."""
        self._since = self._loop.time()

    def arrived(self) -> None:
        """The wait is over."""
        self._since = None
        self._begun = True

    def stop(self) -> None:
        """The answer is complete or given up."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _due(self, now: float) -> float:
        """When it would be too late for the wait that is on, or for one that began now."""
        if self._content is None:
            return self._first_by
        by = (now if self._since is None else self._since) + self._idle
        if not self._begun:
            by = max(by, self._first_by)
        return min(by, self._total_by)

    def _fire(self) -> None:
        now = self._loop.time()
        due = self._due(now)
        if due > now + _TOLERANCE:
            self._timer = self._loop.call_at(due, self._fire)
            return
        self._timer = None
        if self._content is None:
            self._cancelling = self._task.cancelling()
            self._task.cancel()
            return
        self._content.set_exception(Stalled(self._total if now >= self._total_by - _TOLERANCE else self._idle))
