"""Workers are replaced, told to stop, and never outlive their parent."""

import contextlib
import http.client
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

DRIVER = [sys.executable, str(Path(__file__).with_name("workers_driver.py"))]


@pytest.fixture
def parent() -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(DRIVER, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    workers = psutil.Process(process.pid).children
    yield process
    for child in workers() if process.poll() is None else []:
        child.kill()
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    process.communicate()


def started(parent: "subprocess.Popen[str]") -> tuple[int, psutil.Process, int]:
    """Number, process and port of the next worker that is ready."""
    assert parent.stdout is not None
    index, pid, port = map(int, parent.stdout.readline().split())
    return index, psutil.Process(pid), port


def health(port: int) -> int:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", "/health")
        return connection.getresponse().status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_they_serve_one_socket_and_stop_with_their_parent(parent: "subprocess.Popen[str]", number: signal.Signals) -> None:
    (first, one, port), (second, other, same_port) = started(parent), started(parent)
    assert ({first, second}, port) == ({0, 1}, same_port)
    assert [health(port) for _ in range(8)] == [200] * 8
    one.suspend()  # the other one serves alone
    assert [health(port) for _ in range(1)] == [200]
    one.resume()
    parent.send_signal(number)
    assert parent.wait(timeout=20) == 0
    assert not one.is_running()
    assert not other.is_running()


def test_when_the_parent_dies_they_do(parent: "subprocess.Popen[str]") -> None:
    workers = [started(parent)[1] for _ in range(2)]
    parent.kill()
    gone, alive = psutil.wait_procs(workers, timeout=20)
    assert (len(gone), alive) == (2, [])


def test_one_that_dies_at_once_ends_them_all_with_its_code() -> None:
    assert subprocess.run([*DRIVER, "fails"], timeout=30, check=False).returncode == 7
