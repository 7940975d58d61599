"""A child without a server: the driver beside this file, run on pipes or on a terminal of its own."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import psutil
import pytest

DRIVER = [sys.executable, str(Path(__file__).with_name("child_driver.py"))]


@pytest.fixture
def on_terminal() -> Iterator[Callable[..., "pexpect.spawn[str]"]]:
    """Starts a command on a terminal of its own; it is gone when the test is."""
    started: list[pexpect.spawn[str]] = []

    def start(*command: str) -> "pexpect.spawn[str]":
        process = pexpect.spawn(command[0], list(command[1:]), encoding="utf-8", timeout=20, dimensions=(24, 80))
        started.append(process)
        return process

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.close(force=True)


def wait_until(condition: Callable[[], bool], seconds: float = 15) -> None:
    """Returns once `condition` holds; fails the test if it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


def state_of(pid: int) -> str:
    """What the kernel says of a process: running, sleeping, stopped, ..., or gone."""
    try:
        return psutil.Process(pid).status()
    except psutil.NoSuchProcess:
        return "gone"
