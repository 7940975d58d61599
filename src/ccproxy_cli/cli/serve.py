"""`serve`: the server in the foreground, or in the background."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from ccproxy_cli import __version__
from ccproxy_cli.cli.gather import gather
from ccproxy_cli.cli.render import complain, show
from ccproxy_cli.cli.result import Cell, Failure, Result, View
from ccproxy_cli.config.load import Loaded, check_exposure, reveal_clients
from ccproxy_cli.config.secrets import PLACEHOLDER
from ccproxy_cli.config.watch import Watched, watched_files
from ccproxy_cli.launch import register
from ccproxy_cli.launch.register import Running

if TYPE_CHECKING:
    from ccproxy_cli.pipeline.pipeline import Pipeline
    from ccproxy_cli.stores.opening import Stores

_START_SECONDS = 30.0
"""For a server in the background to take requests."""
_POLL_SECONDS = 0.05


@frozen
class Options:
    """What the command line says."""

    host: str | None = None
    port: int | None = None
    config: str | None = None
    log_level: str | None = None
    workers: int = 1

    def load(self) -> Loaded:
        """The settings of the server.

        Raises:
            ConfigError: as `load` does.
        """
        given: dict[tuple[str, ...], tuple[object, str]] = {
            ("server", "host"): (self.host, "--host"),
            ("server", "port"): (self.port, "--port"),
            ("server", "log_level"): (self.log_level, "--log-level"),
        }
        return gather(self.config, given)

    def arguments(self) -> Sequence[str]:
        """The same options, for another process."""
        pairs = (("--host", self.host), ("--port", self.port), ("--config", self.config), ("--log-level", self.log_level))
        words = [word for name, value in pairs if value is not None for word in (name, str(value))]
        return [*words, "--workers", str(self.workers)] if self.workers > 1 else words


def run(options: Options, *, as_json: bool) -> Result | int:
    """Serve until Ctrl-C or SIGTERM. Being told to stop is how a server ends, so the exit code is then 0."""
    named = Path(options.config) if options.config else None
    files = Watched.now(watched_files(os.environ, Path.cwd(), named))  # first: a change from now on is a change
    loaded = options.load()
    token_name = _variable(loaded.settings.server.token)
    loaded = _revealed(loaded)  # before anything heavy is imported: a mistake is told at once

    from ccproxy_cli.launch.serve import run as run_loop
    from ccproxy_cli.launch.socket import CannotListen, bind
    from ccproxy_cli.stores.opening import open_stores

    stores = open_stores(loaded.settings, os.environ, alone=options.workers == 1)
    for line in (*loaded.notices, *loaded.redirects, *_apart(loaded, options.workers)):
        complain(f"note: {line}")
    server = loaded.settings.server
    try:
        listener = bind(server.host, server.port)
    except CannotListen as error:
        return Result("serve", errors=(Failure("cannot_listen", str(error)),))
    parent = os.getpid()

    def work(index: int) -> int:
        run_loop(_serve(options, loaded, files, listener, stores, as_json, token_name, parent, speaks=index == 0))
        return 0

    if options.workers == 1:
        return work(0)
    from ccproxy_cli.launch.workers import Workers

    return Workers(options.workers, work).run()


def _revealed(loaded: Loaded) -> Loaded:
    """The settings with the tokens themselves. Raises `ConfigError` if the server must not listen like that."""
    server = evolve(loaded.settings.server, token=check_exposure(loaded, os.environ))
    return evolve(loaded, settings=evolve(loaded.settings, server=server, clients=reveal_clients(loaded, os.environ)))


def _apart(loaded: Loaded, workers: int) -> Sequence[str]:
    """What several processes cannot do together."""
    if workers == 1 or loaded.settings.store.url != "memory":
        return ()
    return (f"store.url is memory, so each of the {workers} processes has limits and kept answers of its own",)


def _variable(token: str | None) -> str | None:
    """The variable the token comes from, for the lines to paste."""
    return token.removeprefix("env:") if token and token.startswith("env:") else None


async def _serve(
    options: Options,
    loaded: Loaded,
    files: Watched,
    listener: Any,
    stores: "Stores",
    as_json: bool,
    token_name: str | None,
    pid: int,
    *,
    speaks: bool,
) -> None:
    """Serve in this process. `pid` is who is to be told to stop; of several processes one `speaks` for all."""
    import asyncio

    from ccproxy_cli.launch.live import serve_live
    from ccproxy_cli.launch.socket import url_of

    url, port = url_of(listener), listener.getsockname()[1]
    running = Running(pid, url, port, time.time(), __version__, os.environ.get(_LOG_VARIABLE))
    tasks: set[asyncio.Task[None]] = set()

    async def report_health(pipeline: "Pipeline") -> None:
        for name, health in (await pipeline.health()).items():
            if not health.ok:
                complain(f"{name} is not ready: {health.detail}")

    with contextlib.ExitStack() as stack:

        def ready(pipeline: "Pipeline") -> None:
            pipeline.warm_up()
            if not speaks:
                return
            try:
                stack.enter_context(register.registered(register.state_folder(os.environ), running))
            except OSError as error:  # a home that cannot be written is no reason not to serve
                complain(f"note: `ccproxy serve status` will not know of this server: {error.strerror}")
            with contextlib.suppress(BrokenPipeError):
                show(_banner(loaded, running, token_name), as_json=as_json)
                sys.stdout.flush()
            tasks.add(asyncio.get_running_loop().create_task(report_health(pipeline)))

        def say(line: str) -> None:
            if speaks:
                complain(line)

        def read() -> Loaded:
            return _for_the_same_address(options.load(), loaded, say)

        try:
            await serve_live(loaded, listener, stores, files=files, read=read, on_ready=ready, say=say)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _for_the_same_address(changed: Loaded, first: Loaded, say: Callable[[str], None]) -> Loaded:
    """Changed settings, but for what a server cannot change while it runs. Raises `ConfigError`."""
    settings, before = changed.settings, first.settings.server
    for name in ("host", "port"):
        if getattr(settings.server, name) != getattr(before, name):
            say(f"server.{name} stays {getattr(before, name)} until the server is started anew")
    if settings.store != first.settings.store:
        say("store.url stays as it was until the server is started anew")
    grace = first.settings.timeouts.grace
    if settings.timeouts.grace != grace:
        say(f"timeouts.grace stays {grace:g} until the server is started anew")
    server = evolve(settings.server, host=before.host, port=before.port)
    timeouts = evolve(settings.timeouts, grace=grace)
    return _revealed(evolve(changed, settings=evolve(settings, server=server, timeouts=timeouts, store=first.settings.store)))


def _banner(loaded: Loaded, running: Running, token_name: str | None) -> Result:
    settings = loaded.settings
    exports = environment(running.url, settings.server.token, token_name, has_clients=bool(settings.clients))
    providers = [
        {
            "name": name,
            "preset": provider.preset,
            "base_url": provider.base_url,
            "agent": provider.agent.directory if provider.agent else None,
            "source": str(loaded.origin("providers", name, "preset")),
        }
        for name, provider in settings.providers.items()
    ]
    width = max(len(str(provider["name"])) for provider in providers)
    view: list[View] = [Cell(f"ccproxy {__version__} serves {running.url}", "strong"), ""]
    for provider in providers:
        where = f" at {provider['base_url']}" if provider["base_url"] else ""
        where += f", an agent in {provider['agent']}" if provider["agent"] else ""
        view.append(f"  {provider['name']:<{width}}  {provider['preset']}{where}  ({provider['source']})")
    view += ["", Cell("To point your programs here:", "dim"), *(f"  export {name}={value}" for name, value in exports.items()), ""]
    if os.environ.get(_LOG_VARIABLE) is None:
        view.append(Cell("Ctrl-C stops it.", "dim"))
    data = {"url": running.url, "port": running.port, "pid": running.pid, "providers": providers, "environment": exports}
    return Result("serve", data, view)


def environment(url: str, token: str | None, token_name: str | None, *, has_clients: bool = False) -> dict[str, str]:
    """The variables that point programs at a server. A token is never printed, only where it is.

    Args:
        token_name: the variable the token comes from.
        has_clients: there are clients with tokens of their own.
    """
    if token is None:
        key = "<a client's token>" if has_clients else PLACEHOLDER
    else:
        key = f'"${token_name}"' if token_name else "<the server's token>"
    return {
        "ANTHROPIC_BASE_URL": url,
        "ANTHROPIC_API_KEY": key,
        "OPENAI_BASE_URL": f"{url}/v1",
        "OPENAI_API_KEY": key,
        "GOOGLE_GEMINI_BASE_URL": url,
        "GEMINI_API_KEY": key,
    }


_LOG_VARIABLE = "CCPROXY_LOG_FILE"
"""Tells a server in the background where its output goes, so that it can say so."""


def detach(options: Options) -> Result:
    """Start the server in the background and wait until it takes requests."""
    loaded = options.load()
    check_exposure(loaded, os.environ)  # better said here than in a log
    folder = register.state_folder(os.environ)
    register.make_private(folder)
    port = loaded.settings.server.port
    if any(server.port == port for server in register.running(folder)):
        return Result("serve", errors=(Failure("already_running", f"a server is running on port {port}", "See: ccproxy serve status"),))
    log = folder / f"{port or 'any-port'}.log"
    command = [sys.executable, "-m", "ccproxy_cli", "serve", *options.arguments()]
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        child = subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
            env={**os.environ, _LOG_VARIABLE: str(log)},
        )
    finally:
        os.close(file)
    running = _await_start(child, folder)
    if running is None:
        child.kill()
        code = child.wait()
        return Result("serve", errors=(Failure("not_started", _tail(log) or "the server did not start"),), code=code if code > 0 else None)
    data = {"url": running.url, "port": running.port, "pid": running.pid, "log": str(log)}
    return Result(
        "serve",
        data,
        (Cell(f"ccproxy serves {running.url}", "strong"), f"process {running.pid}, log in {log}", "Stop it with: ccproxy serve stop"),
    )


def _await_start(child: "subprocess.Popen[bytes]", folder: Path) -> Running | None:
    deadline = time.monotonic() + _START_SECONDS
    while child.poll() is None and time.monotonic() < deadline:
        for running in register.running(folder):
            if running.pid == child.pid:
                return running
        time.sleep(_POLL_SECONDS)
    return None


def _tail(log: Path) -> str:
    """What a server that did not start said last."""
    lines = log.read_text(errors="replace").strip().splitlines()
    return "\n".join(lines[-5:]).removeprefix("error: ")
