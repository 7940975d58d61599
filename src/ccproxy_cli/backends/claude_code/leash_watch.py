"""The watchdog: a program of its own, which outlives the server by as long as it takes to kill what the server left behind.

Reads lines on standard input, `+GROUP`, `+GROUP MARK` and `-GROUP`, and keeps the live process groups. Standard input ends when the server
ends, however it ends; then every group that is left is killed. Run by path with an isolated interpreter, so it imports nothing of ours.

A group with a mark belongs to a process that runs other programs, each in a group of its own, which only that process knows how to end. It
is asked to first. Whatever then still has the mark in its environment is killed, where the kernel shows environments (Linux).
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Collection, Iterable

MARK = "CCPROXY_MARK"
"""The variable that holds the mark."""
_POLITE = 0.5
"""Seconds between SIGTERM and SIGKILL for groups with a mark."""
_SWEEPS = 5
"""A program may start another while it is being killed."""


def watch(orders: Iterable[str]) -> dict[int, str]:
    """Follow the orders to their end; the groups that are left, and their marks."""
    groups: dict[int, str] = {}
    for order in orders:
        sign, (number, _, mark) = order[:1], order[1:].strip().partition(" ")
        if not number.isdecimal() or int(number) < 2:
            continue
        if sign == "+":
            groups[int(number)] = mark
        elif sign == "-":
            groups.pop(int(number), None)
    return groups


def sweep(mark: str) -> None:
    """Kill every process with this mark in its environment."""
    for _ in range(_SWEEPS):
        found = _marked(f"{MARK}={mark}".encode())
        for process in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
        if not found:
            return


def _marked(mark: bytes) -> list[int]:
    try:
        processes = [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    except OSError:
        return []
    found: list[int] = []
    for process in processes:
        with contextlib.suppress(OSError), open(f"/proc/{process}/environ", "rb") as environment:
            if mark in environment.read().split(b"\0"):
                found.append(process)
    return found


def _kill(groups: Collection[int], number: signal.Signals) -> None:
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, number)


def main() -> None:
    """Watch standard input, then kill."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # it ends with the server, not with the server's terminal
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    groups = watch(sys.stdin)
    marks = {group: mark for group, mark in groups.items() if mark}
    _kill(groups.keys() - marks.keys(), signal.SIGKILL)
    if marks:
        _kill(marks, signal.SIGTERM)
        time.sleep(_POLITE)
        _kill(marks, signal.SIGKILL)
        for mark in marks.values():
            sweep(mark)


if __name__ == "__main__":
    main()
