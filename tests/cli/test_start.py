"""What each command may import: starting must cost no more than the command needs."""

import re
import subprocess

import pytest

from tests.cli.conftest import PROGRAM, Cli

PARSER = {"typer", "rich"}
LIBRARIES = {"attrs", "cattrs", "msgspec", "asyncio", "yaml", "pydantic"}
SERVER = {"litestar", "uvicorn", "aiohttp", "claude_code_sdk", "claude_agent_sdk", "mcp"}
CODECS = {"ccproxy_cli.core.formats.anthropic", "ccproxy_cli.core.formats.openai_chat"}


def imported(cli: Cli, *arguments: str) -> set[str]:
    """The modules a run imports, by Python's own account."""
    command = [PROGRAM[0], "-X", "importtime", *PROGRAM[1:], *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, env=dict(cli.environ), cwd=cli.folder, stdin=subprocess.DEVNULL, check=True
    )
    found = set(re.findall(r"^import time:.*\| +(\S+)$", done.stderr, re.MULTILINE))
    assert "ccproxy_cli" in found
    return found


def test_the_version_needs_nothing(cli: Cli) -> None:
    assert not imported(cli, "--version") & (PARSER | LIBRARIES | SERVER | CODECS)


@pytest.mark.parametrize(
    "command", [(), ("serve",), ("ask",), ("wrap",), ("doctor",), ("models",), ("test",), ("config",), ("config", "show")]
)
def test_help_needs_the_parser_alone(command: tuple[str, ...], cli: Cli) -> None:
    assert not imported(cli, *command, "--help") & ({"rich"} | LIBRARIES | SERVER | CODECS)


def test_the_embedded_model_needs_no_client_no_server_and_no_codec(cli: Cli) -> None:
    assert not imported(cli, "ask", "-m", "echo", "hello") & ({"rich", "yaml", "pydantic"} | SERVER | CODECS)


def test_the_configuration_needs_no_network_library(cli: Cli) -> None:
    assert not imported(cli, "config", "show") & (SERVER | {"rich", "yaml"})
