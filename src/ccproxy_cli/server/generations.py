"""The application in one shape after another: a new configuration takes over while requests of the old one still run."""

import asyncio
from collections.abc import Awaitable, Callable

from attrs import define

from ccproxy_cli.server.asgi import ASGIApp, Receive, Scope, Send


@define(eq=False)
class Generation:
    """The application as one configuration has it."""

    app: ASGIApp
    close: Callable[[], Awaitable[None]]
    """Lets go of what only this generation uses. Called once, when its last request is over."""
    open: int = 0
    """Requests that run."""


class Generations:
    """An ASGI application that hands each request to the newest generation, and keeps the older ones until theirs are over."""

    def __init__(self, first: Generation) -> None:
        self._current = first
        self._retired: set[Generation] = set()
        self._closing: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        generation = self._current
        generation.open += 1
        try:
            await generation.app(scope, receive, send)
        finally:
            generation.open -= 1
            if generation in self._retired:
                self._close_if_idle(generation)

    def succeed(self, new: Generation) -> None:
        """Hand every request from now on to `new`."""
        old, self._current = self._current, new
        self._retired.add(old)
        self._close_if_idle(old)

    def _close_if_idle(self, generation: Generation) -> None:
        if generation.open == 0:
            self._retired.discard(generation)
            task = asyncio.ensure_future(_closed(generation))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await asyncio.gather(*self._closing, *(_closed(generation) for generation in (*self._retired, self._current)))
        await send({"type": "lifespan.shutdown.complete"})


async def _closed(generation: Generation) -> None:
    await generation.close()
