"""A real Redis or Valkey server on loopback, started and ended by tests."""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from attrs import define, field

PROGRAMS = ("redis-server", "valkey-server")


@define
class RedisServer:
    """A server that can be killed and started again on the same port, with nothing left in it."""

    folder: Path
    port: int
    options: tuple[str, ...] = ()
    _process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it listens."""
        command = [program(), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(self.folder), *self.options]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while not listens(self._listening_port):
            assert self._process.poll() is None, "the server did not start"
            assert time.monotonic() < deadline, "the server does not listen"
            time.sleep(0.02)

    def kill(self) -> None:
        """End it as a crash would."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    @property
    def _listening_port(self) -> int:
        return int(self.options[self.options.index("--tls-port") + 1]) if "--tls-port" in self.options else self.port


def program() -> str:
    """The server's program."""
    found = next(filter(None, map(shutil.which, PROGRAMS)), None)
    assert found, f"the tests need one of: {', '.join(PROGRAMS)}"
    return found


@contextlib.contextmanager
def running(folder: Path, *options: str) -> Iterator[RedisServer]:
    """A server as long as the block lasts."""
    server = RedisServer(folder, free_port(), options)
    server.start()
    try:
        yield server
    finally:
        server.kill()


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
