"""The controlling terminal's modes, kept so that they can be given back when a program dies without doing so itself."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from typing import Any

if sys.platform != "win32":
    import termios

# Only what does no harm where it was never changed: cursor shown, mouse reports off, bracketed paste off (xterm control sequences).
# Leaving the alternate screen is not among them, since where there was none it moves the cursor.
_PLAIN = b"\x1b[?25h\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l"


class TerminalModes:
    """The modes as they were at `save`; without a controlling terminal nothing happens."""

    def __init__(self) -> None:
        self._saved: list[Any] | None = None  # as termios gives it

    def save(self) -> None:
        with _controlling_terminal() as fd:
            if fd is not None:
                self._saved = termios.tcgetattr(fd)

    def restore(self) -> None:
        """Give the modes back, and the terminal to our own process group if the group that held it is gone."""
        with _controlling_terminal() as fd:
            if fd is None or self._saved is None:
                return
            holder = os.tcgetpgrp(fd)
            if holder != os.getpgrp():
                if _alive(holder):
                    return
                _set_holder(fd, os.getpgrp())
            if termios.tcgetattr(fd) != self._saved:
                termios.tcsetattr(fd, termios.TCSANOW, self._saved)
            os.write(fd, _PLAIN)


def has_terminal() -> bool:
    """Whether a terminal controls this process: there SIGHUP means that it was closed, and that everything ends."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True


def terminal_holder() -> int | None:
    """The process group in the foreground of the controlling terminal; None without a terminal."""
    holder: int | None = None
    with _controlling_terminal() as fd:
        if fd is not None:
            holder = os.tcgetpgrp(fd)
    return holder


def give_terminal(group: int) -> None:
    """Put a process group in the foreground; nothing happens without a terminal."""
    with _controlling_terminal() as fd:
        if fd is not None:
            _set_holder(fd, group)


@contextlib.contextmanager
def _controlling_terminal() -> Iterator[int | None]:
    if sys.platform == "win32":
        yield None
        return
    try:
        fd = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        yield None
        return
    try:
        # A terminal that hung up answers with EIO from here on, and then there is nothing to keep.
        with contextlib.suppress(OSError, termios.error):
            yield fd
    finally:
        os.close(fd)


def _set_holder(fd: int, group: int) -> None:
    # A process in the background that does this is stopped by SIGTTOU unless it blocks it (POSIX, tcsetpgrp).
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
    try:
        os.tcsetpgrp(fd, group)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
