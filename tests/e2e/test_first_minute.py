"""The README's first command does what it says, and what it promises beside.

Its first two steps, a fresh environment and the installation, need minutes and a network: `.ci/run` takes them as they are written. Here
the environment that runs the tests stands in for it, and the rest runs as it is written but for the port.
"""

import json
import re
import socket
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import Machine

README = Path(__file__).parents[2] / "README.md"
PORT = "8000"
"""Where the README has the server."""


@pytest.fixture
def installed(machine: Machine) -> Machine:
    """A machine whose working folder holds an environment with the package."""
    (machine.work / ".venv").symlink_to(sys.prefix)
    return machine


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


def first_command() -> list[str]:
    """Its steps."""
    block = re.search(r"^```sh\n(.*?)\n```$", README.read_text(), re.DOTALL | re.MULTILINE)
    assert block is not None
    return block[1].split(" && ")


async def test_the_first_command_ends_with_an_answer_over_http(installed: Machine) -> None:
    environment, package, *rest = first_command()
    assert environment == "python3 -m venv .venv"
    assert package.startswith(".venv/bin/pip install ")
    port = free_port()
    line = " && ".join(rest)
    assert f"http://127.0.0.1:{PORT}/" in line
    try:
        ended = await installed.run("bash", "-euo", "pipefail", "-c", line.replace(PORT, port), environment={"PORT": port})
        status = await installed.run(".venv/bin/ccproxy", "serve", "status", environment={"PORT": port})
    finally:
        stopped = await installed.run(".venv/bin/ccproxy", "serve", "stop")
    assert (ended.code, ended.err) == (0, ""), ended
    answer, banner, *_ = ended.out.splitlines()
    assert answer == "Hello from ccproxy"
    assert f"http://127.0.0.1:{port}" in banner
    frames = [frame.removeprefix("data: ") for frame in ended.out.splitlines() if frame.startswith("data: ")]
    assert frames.pop() == "[DONE]"
    words = [choice["delta"].get("content") or "" for frame in frames for choice in json.loads(frame)["choices"]]
    assert "".join(words) == "Hello over HTTP"
    assert len([word for word in words if word]) > 1
    assert f"http://127.0.0.1:{port}" in status.out
    assert (status.code, stopped.code) == (0, 0)
    with socket.socket() as knocking:
        assert knocking.connect_ex(("127.0.0.1", int(port))) != 0


async def test_both_names_are_one_program(installed: Machine) -> None:
    runs = [await installed.run(f".venv/bin/{name}", "--version") for name in ("ccproxy", "ccproxy-cli")]
    assert [(run.code, run.err) for run in runs] == [(0, ""), (0, "")]
    assert runs[0].out == runs[1].out
    assert re.fullmatch(r"ccproxy \d+\.\d+\.\d+\S*\n", runs[0].out)
