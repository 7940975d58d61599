"""Several processes that serve one listening socket, and the one that looks after them.

They are forked after the imports and before any loop or thread, so they share what is loaded. One that dies is replaced; when the parent
is told to stop, so are they; and when the parent dies, whatever of, they notice by the end of a pipe and stop too.
"""

import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable

from attrs import define

from ccproxy_cli.launch.terminal import has_terminal

_TOO_SOON = 5.0
"""A worker that dies within these seconds of its start would only die again."""


@define
class _Worker:
    index: int
    started: float


class Workers:
    """The parent's view."""

    def __init__(self, count: int, work: Callable[[int], int]) -> None:
        """`work` is what each process does, given its number from 0; its result is the process's exit code."""
        self._count = count
        self._work = work
        self._alive: dict[int, _Worker] = {}
        self._stopping = False

    def run(self) -> int:
        """Start the workers and look after them until SIGINT or SIGTERM. Returns the exit code: 0 if they were told to stop."""
        reader, writer = os.pipe()
        for index in range(self._count):
            self._start(index, reader, writer)
        former = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        if not has_terminal():
            former[signal.SIGHUP] = signal.signal(signal.SIGHUP, self._pass_on)
        try:
            return self._look_after(reader, writer)
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)
            os.close(reader)
            os.close(writer)

    def _look_after(self, reader: int, writer: int) -> int:
        result = 0
        while self._alive:
            pid, status = os.wait()
            worker = self._alive.pop(pid, None)
            if worker is None or self._stopping:
                continue
            if time.monotonic() - worker.started < _TOO_SOON:
                result = os.waitstatus_to_exitcode(status) or 1
                self._stop()
            else:
                self._start(worker.index, reader, writer)
        return result if result >= 0 else 1

    def _start(self, index: int, reader: int, writer: int) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            self._become_worker(index, reader, writer)
        self._alive[pid] = _Worker(index, time.monotonic())

    def _become_worker(self, index: int, reader: int, writer: int) -> None:
        code = 1
        try:
            os.close(writer)
            os.setpgid(0, 0)  # Ctrl-C is the parent's, who passes it on once
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            if not has_terminal():
                signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until it knows what to do about it
            threading.Thread(target=_stop_with_parent, args=(reader,), daemon=True).start()
            code = self._work(index)
        except BaseException:  # noqa: BLE001 - the edge: nothing may escape into the parent's frames
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _on_signal(self, number: int, frame: object) -> None:
        self._stop()

    def _pass_on(self, number: int, frame: object) -> None:
        self._tell(number)

    def _stop(self) -> None:
        self._stopping = True
        self._tell(signal.SIGTERM)

    def _tell(self, number: int) -> None:
        for pid in self._alive:
            with contextlib.suppress(ProcessLookupError):  # it has ended, and has not been missed yet
                os.kill(pid, number)


def _stop_with_parent(reader: int) -> None:
    os.read(reader, 1)  # nothing is ever written: this returns when the last writer is gone
    os.kill(os.getpid(), signal.SIGTERM)
