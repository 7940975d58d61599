"""Makes sure that no child outlives the server, not even when the server is killed with -9 and can do nothing about it.

One small watchdog process per backend holds the reading end of a pipe. The kernel closes the writing end with the server, on every
POSIX system and for every kind of death; Linux's parent-death signal would fire as well when a mere thread ends.
"""

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import IO

_WATCH = Path(__file__).with_name("leash_watch.py")


class Leash:
    """The process groups that must not outlive us. Starts its watchdog with the first group, and again should someone kill it."""

    def __init__(self) -> None:
        self._groups: dict[int, str] = {}
        self._watchdog: subprocess.Popen[bytes] | None = None

    @property
    def watchdog_id(self) -> int | None:
        """Process id of the watchdog, while there is one."""
        return None if self._watchdog is None else self._watchdog.pid

    def hold(self, group: int, mark: str = "") -> None:
        """From now on `group` dies with us.

        Args:
            mark: what every process that comes from it has in its environment, in groups of their own too (`leash_watch`).
        """
        self._groups[group] = mark
        if self._watchdog is None or not self._tell(_order(group, mark)):
            self._start()

    def release(self, group: int) -> None:
        """`group` has ended; its number may soon belong to someone else."""
        if group in self._groups and self._watchdog is not None:
            del self._groups[group]
            self._tell(f"-{group}\n")

    def close(self) -> None:
        """End the watchdog, which kills whatever is still held."""
        if self._watchdog is not None:
            with contextlib.suppress(OSError):
                self._pipe.close()
            self._watchdog.wait()
            self._watchdog = None

    def _start(self) -> None:
        self.close()
        # -I and -S: neither the user's site packages nor a module planted in the current directory is ever imported.
        self._watchdog = subprocess.Popen(  # noqa: S603  both arguments are ours
            [sys.executable, "-I", "-S", str(_WATCH)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
        self._tell("".join(_order(group, mark) for group, mark in self._groups.items()))

    def _tell(self, orders: str) -> bool:
        try:
            self._pipe.write(orders.encode())
            self._pipe.flush()
        except OSError:
            return False
        return True

    @property
    def _pipe(self) -> IO[bytes]:
        assert self._watchdog is not None
        assert self._watchdog.stdin is not None
        return self._watchdog.stdin


def _order(group: int, mark: str) -> str:
    return f"+{group} {mark}\n" if mark else f"+{group}\n"
