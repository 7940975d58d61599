"""A server's life: it starts, serves, and stops when it is told to."""

import asyncio
import contextlib
import http.client
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ccproxy_cli.launch.serve import run
from ccproxy_cli.launch.socket import CannotListen, bind, url_of

DRIVER = [sys.executable, str(Path(__file__).with_name("serve_driver.py"))]
SLOW = {"model": "echo", "max_tokens": 10**6, "stream": True, "messages": [{"role": "user", "content": "word " * 400_000}]}


@pytest.fixture
def served() -> Iterator[Callable[[float], tuple["subprocess.Popen[str]", int]]]:
    """Starts a server with this grace, and gives its process and port."""
    started: list[subprocess.Popen[str]] = []

    def start(grace: float = 5.0) -> tuple["subprocess.Popen[str]", int]:
        process = subprocess.Popen([*DRIVER, "0", str(grace)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        return process, int(process.stdout.readline().rsplit(":", 1)[1])

    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.communicate()


@contextlib.contextmanager
def stream_begun(port: int) -> Iterator[None]:
    """A stream that nobody reads, so that it does not end by itself."""
    body = json.dumps(SLOW).encode()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", port))
        connection.sendall(b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n")
        connection.sendall(b"content-length: %d\r\n\r\n" % len(body) + body)
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
        yield


def health(port: int) -> int:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
        connection.request("GET", "/health")
        return connection.getresponse().status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_without_complaint(served: Callable[..., tuple["subprocess.Popen[str]", int]], number: signal.Signals) -> None:
    process, port = served()
    assert health(port) == 200
    process.send_signal(number)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert [json.loads(line)["event"] for line in errors.splitlines()] == ["request"]


def test_a_stream_that_does_not_end_holds_it_no_longer_than_the_grace(served: Callable[..., tuple["subprocess.Popen[str]", int]]) -> None:
    process, port = served(0.5)
    with stream_begun(port):
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "Traceback" not in errors


def test_a_second_signal_ends_it_at_once(served: Callable[..., tuple["subprocess.Popen[str]", int]]) -> None:
    process, port = served(3600)
    with stream_begun(port):
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=1.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def test_a_taken_port_is_one_clear_line(served: Callable[..., tuple["subprocess.Popen[str]", int]]) -> None:
    _, port = served()
    second = subprocess.run([*DRIVER, str(port), "1"], capture_output=True, text=True, timeout=30, check=False)
    assert second.returncode == 1
    assert second.stderr == f"port {port} is in use: stop the program that listens there, or choose another with --port\n"


@pytest.mark.parametrize(
    ("host", "port", "says"),
    [("127.0.0.1", 99999, "not between"), ("203.0.113.1", 0, "not an address of this machine"), ("127.0.0.1", -1, "between")],
)
def test_what_cannot_be_listened_on(host: str, port: int, says: str) -> None:
    with pytest.raises(CannotListen, match=says):
        bind(host, port)


def test_urls_are_those_of_this_machine() -> None:
    for host, start in (("127.0.0.1", "http://127.0.0.1:"), ("0.0.0.0", "http://127.0.0.1:")):
        listener = bind(host, 0)
        assert url_of(listener).startswith(start)
        listener.close()


def test_run_gives_the_result_and_the_fast_loop() -> None:
    async def main() -> str:
        return type(asyncio.get_running_loop()).__module__

    assert run(main()).startswith("uvloop")
