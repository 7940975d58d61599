"""Real sockets, found through the real /proc; and the way without one."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ccproxy_cli.doctor.listeners import Listener, listener_on

LISTEN = """
import socket, sys
listener = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
listener.bind((sys.argv[1], 0)); listener.listen()
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells who listens")
@pytest.mark.parametrize("bound", ["127.0.0.1", "0.0.0.0", "::", "::1"])
def test_a_listening_program_is_found(bound: str) -> None:
    process = subprocess.Popen([sys.executable, "-c", LISTEN, bound], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin
    assert process.stdout
    port = int(process.stdout.readline())
    found = listener_on("::1" if bound == "::1" else "127.0.0.1", port)
    assert found
    assert found.pid == process.pid
    assert found.command[:2] == (sys.executable, "-c")
    assert not found.is_ours
    process.communicate()
    assert listener_on("127.0.0.1", port) is None


def test_another_address_is_no_hindrance() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.2", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert listener_on("127.0.0.1", port) is None
        found = listener_on("0.0.0.0", port)
        assert found
        assert found.pid == os.getpid()


def test_without_a_process_file_system_somebody_is_all_that_is_known(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        assert listener_on("127.0.0.1", port, proc=tmp_path) == Listener()
    assert listener_on("127.0.0.1", port, proc=tmp_path) is None


@pytest.mark.parametrize(
    ("command", "ours"),
    [
        (("/venv/bin/python", "/venv/bin/ccproxy", "serve"), True),
        (("python3", "-m", "ccproxy_cli", "serve"), True),
        (("/usr/bin/ccproxy-cli", "serve"), True),
        (("python3", "-m", "http.server"), False),
        ((), False),
    ],
)
def test_our_own_server_is_known_by_its_command(command: tuple[str, ...], ours: bool) -> None:
    assert Listener(1, command).is_ours == ours
