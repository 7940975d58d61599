"""Notices that the client has hung up, and ends the work that was done for it."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from ccproxy_cli.server.asgi import Receive, Scope

LINE = "ccproxy.line"
"""Where the scope carries the connection, if it is one that calls when it is lost. Any other is watched by a task of its own."""


class Line(Protocol):
    """A connection that calls, and that can be broken off."""

    on_lost: Callable[[], None] | None

    def break_off(self) -> None: ...


class Hangup:
    """Cancels the task it was made in when the client leaves. Make it once the request's body has been read."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.gone = False
        """The client left, and the task was cancelled for it."""
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._line: Line | None = scope.get(LINE)
        self._watcher: asyncio.Task[None] | None = None
        if self._line is not None:
            self._line.on_lost = self._fire
        else:
            self._watcher = asyncio.get_running_loop().create_task(self._watch(receive))

    def stop(self) -> None:
        """Watch no longer: the answer is about to be complete."""
        if self._line is not None:
            self._line.on_lost = None
        elif self._watcher is not None:
            self._watcher.cancel()

    def break_off(self) -> None:
        """Once stopped: end the connection in the middle of the answer, after what was sent of it. One that cannot be broken off stays."""
        if self._line is not None:
            self._line.break_off()

    def _fire(self) -> None:
        self.gone = True
        self._task.cancel()

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._fire()
