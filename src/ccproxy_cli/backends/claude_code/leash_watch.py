"""The watchdog: a program of its own, which outlives the server by as long as it takes to kill what the server left behind.

Reads lines on standard input, `+GROUP` and `-GROUP`, and keeps the set of live process groups. Standard input ends when the server
ends, however it ends; then every group still in the set is killed. Run by path with an isolated interpreter, so it imports nothing of
ours.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Iterable


def watch(orders: Iterable[str]) -> set[int]:
    """Follow the orders to their end; the groups that are left."""
    groups: set[int] = set()
    for order in orders:
        sign, number = order[:1], order[1:].strip()
        if not number.isdecimal() or int(number) < 2:
            continue
        if sign == "+":
            groups.add(int(number))
        elif sign == "-":
            groups.discard(int(number))
    return groups


def main() -> None:
    """Watch standard input, then kill."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # it ends with the server, not with the server's terminal
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    for group in watch(sys.stdin):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
