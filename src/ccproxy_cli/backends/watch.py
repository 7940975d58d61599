"""Keeps an answer's limits of time with a single timer.

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
    """Watches one answer from its head to its end."""

    __slots__ = ("_begun", "_content", "_first_by", "_idle", "_loop", "_since", "_timer", "_total", "_total_by")

    def __init__(self, loop: asyncio.AbstractEventLoop, content: aiohttp.StreamReader, timeouts: TimeoutSettings, started: float) -> None:
        self._loop = loop
        self._content = content
        self._idle = timeouts.idle
        self._first_by = started + timeouts.first_byte
        self._total = timeouts.total
        self._total_by = started + timeouts.total
        self._begun = False
        self._since: float | None = None
        self._timer: asyncio.TimerHandle | None = loop.call_at(self._due(loop.time()), self._fire)

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
        self._content.set_exception(Stalled(self._total if now >= self._total_by - _TOLERANCE else self._idle))
