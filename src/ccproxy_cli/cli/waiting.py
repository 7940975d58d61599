"""Shows that something is going on while nothing comes. Only where somebody looks: on a terminal's standard error."""

import sys
import time
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Self

from ccproxy_cli.cli.render import console

if TYPE_CHECKING:
    from rich.status import Status


class Waiting(AbstractContextManager["Waiting"]):
    """A line with a spinner, until the first word comes."""

    def __init__(self, *, shown: bool) -> None:
        """
        Args:
            shown: False for programs, that want no such thing.
        """
        self._shown = shown and sys.stderr.isatty()
        self._status: Status | None = None

    def __enter__(self) -> Self:
        if self._shown:
            from rich.status import Status

            self._status = Status(_Line("asking"), console=console(sys.stderr), spinner_style="dim")
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def say(self, what: str) -> None:
        """Say what is being waited for."""
        if self._status is not None:
            self._status.update(_Line(what))

    def stop(self) -> None:
        """Something came: wipe the line."""
        if self._status is not None:
            self._status.stop()
            self._status = None


class _Line:
    """What is being waited for, and for how long by now."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._since = time.monotonic()

    def __rich__(self) -> Any:
        from rich.text import Text

        seconds = int(time.monotonic() - self._since)
        return Text(f"{self._what}{f' {seconds} s' if seconds else ''}", "dim")
