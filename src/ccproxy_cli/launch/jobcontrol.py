"""Standing between a shell and a child that may be stopped: the shell watches only us, so we stop when the child does.

On Ctrl-Z the kernel stops both of us and on `fg` the shell continues both, and nothing is left to do. But a program may stop itself
alone, and an interactive shell as the child has a process group of its own, which the shell above us knows nothing of.
"""

import contextlib
import os
import signal
import threading
import time

from ccproxy_cli.launch.terminal import give_terminal, terminal_holder

_SETTLING = 0.1
"""Seconds in which a stop that we were part of shows itself: we were stopped too, and by the time we look the child runs again."""


def wait_for_end(pid: int) -> int:
    """The child's wait status once it has ended. Blocks; stops and continues this process along with the child."""
    while True:
        _, status = os.waitpid(pid, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            return status
        change = _next_change(pid, _SETTLING)
        if change is None:
            change = _stand_still(pid)
        if change is not None and not os.WIFCONTINUED(change):
            return change


def _stand_still(pid: int) -> int | None:
    """Stop until someone continues us, then see to it that the child goes on, with the terminal if it had it."""
    group = os.getpgid(pid)
    had_terminal = group != os.getpgrp() and terminal_holder() == group
    # Sent to this thread: sent to the process, another thread may take it, and this one would run on for a moment.
    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
    if had_terminal and terminal_holder() == os.getpgrp():
        give_terminal(group)
    if group == os.getpgrp() and (change := _next_change(pid, 0)) is not None:
        return change
    with contextlib.suppress(ProcessLookupError):
        if group == os.getpgrp():
            os.kill(pid, signal.SIGCONT)
        else:
            os.killpg(group, signal.SIGCONT)
    return None


def _next_change(pid: int, seconds: float) -> int | None:
    """The status of a child that was continued or ended, seen within `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found, status = os.waitpid(pid, os.WNOHANG | os.WCONTINUED)
        if found:
            return status
        if time.monotonic() >= deadline:
            return None
        time.sleep(0.005)
