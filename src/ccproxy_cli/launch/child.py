"""A child that cannot tell it is being watched: our file descriptors, our process group, and the signals meant for it.

There is no terminal in between. Ctrl-C, Ctrl-Z and size changes come from the kernel to the whole foreground group, so the child has
them already; what is left to do is to outlive them, to pass on what was sent to us alone, and to end as the child ended.
"""

import asyncio
import contextlib
import ctypes
import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn, Self, TypeAlias, assert_never

from attrs import frozen

from ccproxy_cli.launch.jobcontrol import wait_for_end
from ccproxy_cli.launch.terminal import TerminalModes


@frozen
class Exited:
    code: int
    """0 to 255."""


@frozen
class Killed:
    signal: int
    """The signal that ended it."""


Ending: TypeAlias = Exited | Killed


class CannotStart(Exception):
    """The program is not there (code 127) or cannot be executed (126): what a shell would say."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


_NOT_FOUND = 127
NOT_EXECUTABLE = 126
_SIGNALLED = 128
"""A shell adds the signal to it, so what lies above is how a child tells that its own child was killed."""

_SHARED = (signal.SIGINT, signal.SIGQUIT)
"""From the keyboard these reach the child by itself; we only have to survive them."""
_ENDING = (signal.SIGTERM, signal.SIGHUP)
"""Sent to us alone: passed on, and the child has to be gone soon after."""
_PASSED_ON = (signal.SIGUSR1, signal.SIGUSR2)

SECONDS_TO_END = 4.5
"""From passing on the first ending signal to SIGKILL."""


def find_program(name: str, path: str | None) -> str:
    """The file that `name` means, looked for as a shell does.

    Args:
        name: a file name, or a path when there is a slash in it.
        path: the value of PATH; None for the system's default.

    Raises:
        CannotStart: there is none, or it is not an executable file.
    """
    if os.sep in name:
        candidates = [name]
    else:
        candidates = [os.path.join(folder or os.curdir, name) for folder in (os.defpath if path is None else path).split(os.pathsep)]
    present = [file for file in candidates if os.path.exists(file)] if name else []
    for file in present:
        if os.path.isfile(file) and os.access(file, os.X_OK):
            return file
    if os.sep in name and present:
        raise CannotStart(f"{name}: {'is a directory' if os.path.isdir(name) else 'permission denied'}", NOT_EXECUTABLE)
    if any(os.path.isfile(file) for file in present):
        raise CannotStart(f"{name}: permission denied", NOT_EXECUTABLE)
    raise CannotStart(f"{name}: {'no such file' if os.sep in name else 'command not found'}", _NOT_FOUND)


class ChildSignals:
    """Who gets which signal: as a context manager it holds this process's signals, from before the child starts until all is cleaned up."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._taken: list[signal.Signals] = []
        self._child: int | None = None
        self._asked: signal.Signals | None = None
        self._forced = False
        self._deadline: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        for number in (*_SHARED, *_ENDING, *_PASSED_ON):
            # What was ignored when we were started stays so, for us and for the child: that is how nohup and background jobs work.
            if signal.getsignal(number) is not signal.SIG_IGN:
                # A handler, since an ignored signal would be inherited by the child as ignored.
                self._loop.add_signal_handler(number, self._receive, number)
                self._taken.append(number)
        return self

    def __exit__(self, *_: object) -> None:
        for number in self._taken:
            self._loop.remove_signal_handler(number)

    def attach(self, child: int) -> None:
        self._child = child
        if self._asked is not None:
            self._send(self._asked)

    def detach(self) -> None:
        self._child = None
        if self._deadline is not None:
            self._deadline.cancel()

    def as_asked(self, ending: Ending) -> Ending:
        """A child that had to be killed ended because of the signal we were sent."""
        return Killed(self._asked) if self._forced and self._asked is not None else ending

    def _receive(self, number: signal.Signals) -> None:
        if number in _PASSED_ON:
            self._send(number)
        elif number in _ENDING and self._asked is None:
            self._asked = number
            self._deadline = self._loop.call_later(SECONDS_TO_END, self._force)
            self._send(number)
            # A stopped child acts on it only when it runs again.
            self._send(signal.SIGCONT)

    def _force(self) -> None:
        self._forced = True
        self._send(signal.SIGKILL)

    def _send(self, number: signal.Signals) -> None:
        if self._child is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._child, number)


async def run_child(arguments: Sequence[str], environment: Mapping[str, str], signals: ChildSignals) -> Ending:
    """Run a program on our own terminal and descriptors, and wait for it. Call it from the main thread, with `signals` entered.

    Raises:
        CannotStart: it could not be executed.
    """
    terminal = TerminalModes()
    terminal.save()
    process = _start(arguments, environment)
    signals.attach(process.pid)
    status = await asyncio.to_thread(wait_for_end, process.pid)
    signals.detach()
    process.returncode = code = os.waitstatus_to_exitcode(status)
    if code < 0 or code > _SIGNALLED:
        terminal.restore()
    return signals.as_asked(Killed(-code) if code < 0 else Exited(code))


def end_as(ending: Ending) -> NoReturn:
    """End this process as the child ended; of a signal it dies too, so that a shell sees the same."""
    match ending:
        case Exited(code):
            sys.exit(code)
        case Killed(number):
            with contextlib.suppress(OSError, ValueError):
                sys.stdout.flush()
            # The child has left its core already, if it was to leave one; ours would hold keys.
            resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
            with contextlib.suppress(OSError, ValueError):
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
            os.kill(os.getpid(), number)
            sys.exit(_SIGNALLED + number)
        case _:
            assert_never(ending)


def _start(arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    file = find_program(arguments[0], environment.get("PATH"))
    try:
        try:
            return _spawn(list(arguments), file, environment)
        except OSError as error:
            if error.errno != errno.ENOEXEC or _is_binary(file):
                raise
            # A script without a first line that names its interpreter: execvp(3) gives it to the shell, and so do shells.
            return _spawn(["sh", file, *arguments[1:]], "/bin/sh", environment)
    except OSError as error:
        raise CannotStart(f"{arguments[0]}: {(error.strerror or str(error)).lower()}", NOT_EXECUTABLE) from error


def _is_binary(file: str) -> bool:
    with open(file, "rb") as opened:
        return b"\0" in opened.read(128)


def _spawn(arguments: list[str], file: str, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(arguments, executable=file, env=environment, preexec_fn=_leash())  # noqa: S603 - what the user asked to run


def _leash() -> Callable[[], None] | None:
    """Makes the kernel end the child when this process dies without ending it (Linux only, prctl(2))."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()
    set_parent_death_signal = 1

    def arm() -> None:
        prctl(set_parent_death_signal, signal.SIGTERM)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)

    return arm
