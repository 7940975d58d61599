"""Runs the application: for `serve`, until it is told to stop; for `wrap` and tests, as long as a block lasts."""

import asyncio
import contextlib
import gc
import signal
import socket
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from typing import Any, TypeVar

import uvicorn
from attrs import field, frozen
from typing_extensions import override

from ccproxy_cli.launch.socket import bind, url_of
from ccproxy_cli.server.asgi import ASGIApp
from ccproxy_cli.server.protocol import Protocol

_T = TypeVar("_T")

_KEEP_ALIVE = 75
"""Seconds an idle connection is kept: longer than the pools of the SDKs keep theirs, so that they never write into a closed one."""
_NEW_OBJECTS = 5_000
"""Objects after which the collector looks for cycles among the new ones."""
_LAST_WORDS = 1.0
"""Seconds for streams that are cut at the end of the grace to say so."""


@frozen
class RunningServer:
    """A server that takes requests."""

    url: str
    port: int
    task: asyncio.Task[None] = field(repr=False)
    """Done once the server has stopped, by itself only if it failed."""
    stop: Callable[[], None] = field(repr=False)
    """Stop taking requests and let those that run finish; asked again, do not wait for them."""


class Server(uvicorn.Server):
    """uvicorn with our limits on connections and our way to stop: drain within the grace, then tell whoever is left."""

    def __init__(self, app: ASGIApp, grace: float) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=Protocol,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE,
            )
        )
        self._grace = grace

    def stop(self) -> None:
        """Stop taking requests and let those that run finish; asked again, do not wait for them."""
        self.force_exit = self.should_exit
        self.should_exit = True

    @override
    async def on_tick(self, counter: int) -> bool:
        if counter % 10 == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, Protocol):
                    connection.sweep(now)
        return await super().on_tick(counter)

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await self._drain(self._grace)
        for task in list(self.server_state.tasks):
            task.cancel()
        await self._drain(_LAST_WORDS, hurry=True)
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        await self._drain(_LAST_WORDS, hurry=True)
        await self.lifespan.shutdown()

    async def _drain(self, seconds: float, *, hurry: bool = False) -> None:
        """Wait for the requests that run, at most this long."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while self.server_state.tasks and loop.time() < end and (hurry or not self.force_exit):
            await asyncio.wait(self.server_state.tasks, timeout=0.1)


async def serve_app(app: ASGIApp, listener: socket.socket, grace: float, on_ready: Callable[[], None] | None = None) -> None:
    """Serve on a bound socket until SIGINT or SIGTERM, and then until its streams have ended, at most `grace` seconds; a second signal
    ends them at once. Closes the socket and, through the application, the pipeline."""
    server = Server(app, grace)
    _let_the_collector_rest()
    with _stopping_on_signals(server):
        await _run(server, listener, on_ready)


@contextlib.asynccontextmanager
async def serving(app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0, grace: float = 1.0) -> AsyncGenerator[RunningServer]:
    """Serve in the running loop as long as the block lasts.

    Raises:
        CannotListen: the address cannot be had.
    """
    listener = bind(host, port)
    url, port = url_of(listener), listener.getsockname()[1]
    server = Server(app, grace)
    ready = asyncio.Event()
    task = asyncio.get_running_loop().create_task(_run(server, listener, ready.set))
    waiting = asyncio.get_running_loop().create_task(ready.wait())
    try:
        await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        yield RunningServer(url, port, task, server.stop)
    finally:
        waiting.cancel()
        server.should_exit = True
        await task


def _let_the_collector_rest() -> None:
    """What has been built up to now stays for good, and requests free by reference what they build.

    Looking through all modules again and again, as many new objects as one large body holds make the collector do, was a quarter of the
    cost of a 150 KB request and a tenth of a small one's (measured 2026-11).
    """
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS)


async def _run(server: Server, listener: socket.socket, on_ready: Callable[[], None] | None) -> None:
    config = server.config
    if not config.loaded:
        config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    if on_ready is not None:
        on_ready()
    try:
        await server.main_loop()
    finally:
        await server.shutdown(sockets=[listener])


@contextlib.contextmanager
def _stopping_on_signals(server: Server) -> Iterator[None]:
    """SIGINT and SIGTERM stop the server instead of the process. Only the main thread hears signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, server.stop)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run `main` in a fresh event loop, the fastest one there is."""
    try:
        import uvloop
    except ImportError:  # not built for this platform
        return asyncio.run(main)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)
