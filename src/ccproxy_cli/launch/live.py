"""A server that follows its configuration: one generation of the application after another, on one socket."""

import asyncio
import socket
from collections.abc import Callable

from ccproxy_cli.config.load import Loaded
from ccproxy_cli.config.watch import Watched
from ccproxy_cli.launch.metering import metering
from ccproxy_cli.launch.reload import Reloader
from ccproxy_cli.launch.serve import serve_app
from ccproxy_cli.observe.logging import configure_logging
from ccproxy_cli.observe.redact import Redactor
from ccproxy_cli.pipeline.ledger import Ledger
from ccproxy_cli.pipeline.pipeline import Pipeline
from ccproxy_cli.pipeline.standing import Standing
from ccproxy_cli.server.app import create_app
from ccproxy_cli.server.generations import Generation, Generations
from ccproxy_cli.stores.opening import Stores
from ccproxy_cli.wiring import Assembly, prices


async def serve_live(
    loaded: Loaded,
    listener: socket.socket,
    stores: Stores,
    *,
    files: Watched,
    read: Callable[[], Loaded],
    on_ready: Callable[[Pipeline], None],
    say: Callable[[str], None],
) -> None:
    """Serve until told to stop, with `loaded` and then with whatever the files come to say.

    Args:
        loaded: its tokens are the tokens themselves, and no references.
        stores: where the state of every generation lives. Closed at the end.
        files: those that decide the configuration, as they were when `loaded` was read.
        read: gathers it anew, for the same address.
        on_ready: called once requests are taken.
        say: tells the user about changes.

    Raises:
        ConfigError: `loaded` cannot be served.
    """
    redactor = Redactor()
    assembly = Assembly(redactor, stores)

    def generation(loaded: Loaded) -> tuple[Generation, Pipeline]:
        settings = loaded.settings
        for token in (settings.server.token, *(client.token for client in settings.clients.values())):
            redactor.learn(token)
        pipeline = assembly.build(settings)
        configure_logging(settings.server.log_level, redactor)
        observers = [metering(Ledger(stores.later, prices(settings)), Standing(stores.later, pipeline.backends))]
        app = create_app(settings, pipeline, redactor=redactor, observers=observers, trouble=lambda: reloader.problem)
        return Generation(app, lambda: assembly.release(pipeline)), pipeline

    def begin(loaded: Loaded) -> None:
        following, pipeline = generation(loaded)
        generations.succeed(following)
        pipeline.warm_up()

    reloader = Reloader(loaded, read, begin, say)
    first, pipeline = generation(loaded)
    generations = Generations(first)
    preparing = asyncio.ensure_future(_prepare(stores, assembly))
    try:
        async with reloader.following(files):
            await serve_app(generations, listener, loaded.settings.timeouts.grace, lambda: on_ready(pipeline))
    finally:
        preparing.cancel()
        await asyncio.gather(preparing, return_exceptions=True)
        await stores.aclose()


async def _prepare(stores: Stores, assembly: Assembly) -> None:
    await stores.begin()
    await assembly.agree()
