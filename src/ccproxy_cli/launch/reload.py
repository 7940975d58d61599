"""Keeps a running server in step with its configuration files. A bad edit changes nothing but what is said about it."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncGenerator, Callable

from ccproxy_cli.config.load import Loaded
from ccproxy_cli.config.origin import ConfigError
from ccproxy_cli.config.watch import Watched, changes
from ccproxy_cli.launch.terminal import has_terminal


class Reloader:
    """Reads the configuration again when told to, and hands it on if it can be used."""

    def __init__(self, current: Loaded, read: Callable[[], Loaded], begin: Callable[[Loaded], None], say: Callable[[str], None]) -> None:
        """
        Args:
            current: the configuration in force.
            read: gathers it anew, away from the loop. Raises `ConfigError`.
            begin: lets the server go on with it. Raises `ConfigError`, and has then changed nothing.
            say: tells the user what became of it.
        """
        self._current = current
        self._read = read
        self._begin = begin
        self._say = say
        self._turn = asyncio.Lock()
        self.problem: str | None = None
        """What is wrong with the files as they are, while an older configuration stays in force."""

    async def reload(self) -> None:
        """Read everything again and go on with it, or say why not."""
        async with self._turn:
            try:
                loaded = await asyncio.to_thread(self._read)
                if loaded.settings != self._current.settings:
                    self._begin(loaded)
                    self._say("the configuration has changed and is in force")
                elif self.problem is not None:
                    self._say("the configuration is as it was, and in force")
                self._current, self.problem = loaded, None
            except ConfigError as error:
                self.problem = str(error)
                for problem in error.problems:
                    self._say(f"the configuration stays as it was: {problem}")
            except Exception as error:  # noqa: BLE001 - the edge: whatever is wrong now, the next change is to be followed
                self.problem = f"it cannot be read: {error}"
                self._say(f"the configuration stays as it was: {self.problem}")

    @contextlib.asynccontextmanager
    async def following(self, files: Watched) -> AsyncGenerator[None]:
        """Reload whenever one of the files changes, as long as the block lasts, and on SIGHUP where no terminal could mean it otherwise."""
        stop = asyncio.Event()
        following = asyncio.ensure_future(self._follow(files, stop))
        hangups: set[asyncio.Task[None]] = set()
        loop = asyncio.get_running_loop()
        is_told_by_signal = not has_terminal()

        def look_again() -> None:
            task = loop.create_task(self.reload())
            hangups.add(task)
            task.add_done_callback(hangups.discard)

        if is_told_by_signal:
            loop.add_signal_handler(signal.SIGHUP, look_again)
        try:
            yield
        finally:
            stop.set()
            if is_told_by_signal:
                loop.remove_signal_handler(signal.SIGHUP)
            await asyncio.gather(following, *hangups, return_exceptions=True)

    async def _follow(self, files: Watched, stop: asyncio.Event) -> None:
        async with contextlib.aclosing(changes(files, stop)) as changed:
            async for _ in changed:
                await self.reload()
