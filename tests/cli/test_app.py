"""The command line as a whole: help, usage errors, exit codes, envelopes."""

import re
from collections.abc import Iterator

import pytest

from ccproxy_cli import __version__
from ccproxy_cli.cli.completions import Command, command_tree, walk
from tests.cli.conftest import Cli

COMMANDS = [command for command in walk(command_tree()) if command.path]
RUNNABLE = [command for command in COMMANDS if not command.subcommands or command.path == ("serve",)]
LIST_OF_COMMANDS = ("serve", "ask", "wrap", "doctor", "models", "usage", "test", "config")


def options(command: Command) -> Iterator[str]:
    for option in command.options:
        yield from option.names


def test_the_commands_in_the_order_people_meet_them() -> None:
    assert tuple(command.path[0] for command in COMMANDS if len(command.path) == 1) == LIST_OF_COMMANDS


@pytest.mark.parametrize("command", RUNNABLE, ids=lambda command: " ".join(command.path))
def test_every_command_explains_itself(command: Command, cli: Cli) -> None:
    ran = cli(*command.path, "--help")
    assert ran.code == 0
    assert "Examples:" in ran.out
    assert re.search(rf"^    .*ccproxy {' '.join(command.path)}", ran.out, re.MULTILINE)
    assert max(map(len, ran.out.split("\n"))) <= 80
    assert "-h" in options(command)


@pytest.mark.parametrize(
    "command", [command for command in RUNNABLE if command.path != ("wrap",)], ids=lambda command: " ".join(command.path)
)
def test_every_command_speaks_to_programs(command: Command) -> None:
    assert "--json" in options(command)


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_the_version(flag: str, cli: Cli) -> None:
    assert cli(flag).out == f"ccproxy {__version__}\n"


def test_the_version_among_other_words_is_the_same(cli: Cli) -> None:
    assert cli("--version", "serve").out == f"ccproxy {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [("nonsense",), ("ask", "--nonsense"), ("serve", "--port", "70000"), ("serve", "--port", "x"), ("config", "explain")]
)
def test_wrong_words_are_usage_errors(arguments: tuple[str, ...], cli: Cli) -> None:
    ran = cli(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert "Usage: ccproxy" in ran.err
    assert "Traceback" not in ran.err


def test_without_a_command_there_is_help(cli: Cli) -> None:
    ran = cli()
    assert "Usage: ccproxy" in ran.out + ran.err


KEYS = ["schema", "command", "status", "data", "messages", "errors", "exit_code"]


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (("ask", "-m", "echo", "hi", "--json"), "success", 0),
        (("ask", "-m", "nobody", "hi", "--json"), "error", 1),
        (("ask", "-m", "echo", "--json"), "error", 2),
        (("models", "--json"), "success", 0),
        (("models", "--provider", "nobody", "--json"), "error", 2),
        (("test", "--json"), "success", 0),
        (("config", "show", "--json"), "success", 0),
        (("config", "path", "--json"), "success", 0),
        (("config", "explain", "echo", "--json"), "success", 0),
        (("config", "explain", "nobody", "--json"), "error", 1),
        (("serve", "status", "--json"), "error", 1),
        (("serve", "stop", "--json"), "error", 1),
        (("serve", "--host", "0.0.0.0", "--json"), "error", 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_the_envelope(arguments: tuple[str, ...], status: str, code: int, cli: Cli) -> None:
    ran = cli(*arguments)
    assert ran.out.count("\n") == 1
    envelope = ran.envelope
    assert list(envelope) == KEYS
    assert (envelope["schema"], envelope["status"], envelope["exit_code"], ran.code) == (1, status, code, code)
    assert envelope["command"] == " ".join(
        word for word in arguments[:2] if word in LIST_OF_COMMANDS or word in ("show", "path", "explain", "status", "stop")
    )
    assert bool(envelope["errors"]) is (code != 0)
    for error in envelope["errors"]:
        assert list(error) == ["code", "message", "fix"]


def test_a_wrong_configuration_stops_every_command(cli: Cli) -> None:
    path = cli.configure("[server]\nprot = 1\n")
    for arguments in (("ask", "-m", "echo", "hi"), ("serve",), ("models",), ("test",), ("config", "show")):
        ran = cli(*arguments)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err == f"error: {path}:2: unknown key 'prot', did you mean 'port'?\n"
