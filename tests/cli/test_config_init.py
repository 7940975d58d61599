"""`config init` and `config import`: files that load, written once and for one pair of eyes."""

import json
import stat
import tomllib
from pathlib import Path

import pexpect
import pytest

from tests.cli.conftest import PROGRAM, Cli

KEY = "sk-0123456789abcdef0123"


@pytest.fixture
def file(cli: Cli) -> Path:
    """Where a first file would be written."""
    return Path(cli.environ["HOME"]) / ".config" / "ccproxy" / "config.toml"


def test_what_is_found_is_written_and_loads(cli: Cli, file: Path) -> None:
    ran = cli("config", "init", "--yes", OPENAI_API_KEY=KEY, CCPROXY_CONFIG="")
    assert (ran.code, ran.out.splitlines()[0]) == (0, f"wrote {file}")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text()
    assert tomllib.loads(text)["providers"]["openai"] == {"preset": "openai", "api_key": "env:OPENAI_API_KEY"}
    assert KEY not in text
    shown = cli("config", "show", "--json", CCPROXY_CONFIG="").envelope["data"]
    assert shown["file"] == str(file)


def test_the_examples_in_the_file_are_no_mistakes(cli: Cli, file: Path) -> None:
    cli("config", "init", "--yes", CCPROXY_CONFIG="")
    examples = file.read_text()
    rows = [line.removeprefix("# ") for line in examples[examples.index("# [models]") :].splitlines()]
    providers = '[providers.up]\npreset = "openai"\n[providers.claude]\npreset = "claude-code"\n'
    cli.configure("\n".join(row for row in rows if row.startswith("[") or " = " in row) + "\n" + providers)
    assert cli("config", "show").code == 0


def test_a_file_is_not_written_over_unless_that_is_asked_for(cli: Cli, file: Path) -> None:
    file.parent.mkdir(parents=True)
    file.write_text("# mine\n")
    refused = cli("config", "init", "--yes", CCPROXY_CONFIG="")
    assert (refused.code, file.read_text()) == (1, "# mine\n")
    assert "is there already" in refused.err
    assert cli("config", "init", "--yes", "--force", CCPROXY_CONFIG="").code == 0
    assert file.read_text() != "# mine\n"


def test_without_a_terminal_nobody_is_asked(cli: Cli, file: Path) -> None:
    ran = cli("config", "init", CCPROXY_CONFIG="")
    assert ran.code == 2
    assert "--yes" in ran.err
    assert not file.exists()


def test_on_a_terminal_everything_is_asked(cli: Cli, file: Path) -> None:
    environ = {**cli.environ, "CCPROXY_CONFIG": "", "OPENAI_API_KEY": KEY, "GEMINI_API_KEY": KEY, "PATH": "/usr/bin:/bin"}
    child = pexpect.spawn(PROGRAM[0], [*PROGRAM[1:], "config", "init"], cwd=str(cli.folder), env=environ, timeout=30, encoding="utf-8")
    answers = {
        r"openai \(OPENAI_API_KEY\).*: ": "y",
        r"gemini \(GEMINI_API_KEY\).*: ": "n",
        r"Another provider .*: ": "anthropic",
        r"Its name here .*: ": "mine",
        r"Its address .*: ": "http://127.0.0.1:9",
        r"Its key: .*: ": "env:MY_KEY",
        r"Model when none is named .*: ": "mine/claude-x",
        r"Port of the server .*: ": "8123",
    }
    asked: set[str] = set()
    patterns = [r"claude \(.*: ", pexpect.EOF, *answers]
    while (index := child.expect(patterns)) != 1:
        question = patterns[index]
        again = question in asked
        asked.add(str(question))
        child.sendline("n" if index == 0 else "" if again else answers[str(question)])
    child.close()
    assert child.exitstatus == 0
    assert {*answers} <= asked
    tree = tomllib.loads(file.read_text())
    assert tree["providers"]["openai"] == {"preset": "openai", "api_key": "env:OPENAI_API_KEY"}
    assert tree["providers"]["mine"] == {"preset": "anthropic", "base_url": "http://127.0.0.1:9", "api_key": "env:MY_KEY"}
    assert {"gemini", "claude"}.isdisjoint(tree["providers"])
    assert (tree["default_model"], tree["server"]["port"]) == ("mine/claude-x", 8123)


def test_what_is_declined_is_not_found_again(cli: Cli, file: Path) -> None:
    environ = {**cli.environ, "CCPROXY_CONFIG": "", "OPENAI_API_KEY": KEY, "PATH": "/usr/bin:/bin"}
    child = pexpect.spawn(PROGRAM[0], [*PROGRAM[1:], "config", "init"], cwd=str(cli.folder), env=environ, timeout=30, encoding="utf-8")
    while child.expect([r"(claude|openai) \(.*: ", r"(Another provider|Model when none|Port of the server) .*: ", pexpect.EOF]) != 2:
        child.sendline("n" if child.match.group(1) in ("claude", "openai") else "")
    child.close()
    assert child.exitstatus == 0
    shown = cli("config", "show", "--json", CCPROXY_CONFIG="", OPENAI_API_KEY=KEY).envelope["data"]
    assert [setting["key"] for setting in shown["settings"] if setting["key"].startswith("providers.")] == ["providers.echo.preset"]
    assert str(file) == shown["file"]


def test_another_proxys_file_is_written_anew(cli: Cli, file: Path) -> None:
    older = cli.folder / "config.json"
    provider = {"name": "up", "api_base_url": "http://127.0.0.1:9/v1/chat/completions", "api_key": "$UP_KEY", "models": ["m"]}
    older.write_text(
        json.dumps({"Providers": [provider], "Router": {"default": "up,m", "think": "up,t"}, "PROXY_URL": "http://127.0.0.1:1"})
    )
    printed = cli("config", "import", str(older), "-o", "-", CCPROXY_CONFIG="")
    assert (printed.code, file.exists()) == (0, False)
    assert tomllib.loads(printed.out)["models"] == {"*": "up/m"}
    assert "PROXY_URL is not carried over" in printed.err
    written = cli("config", "import", str(older), CCPROXY_CONFIG="")
    assert (written.code, written.out.splitlines()[0]) == (0, f"wrote {file}")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    route = cli("config", "explain", "claude-x", "--json", CCPROXY_CONFIG="").envelope["data"]
    assert (route["provider"], route["target_model"]) == ("up", "m")


def test_our_own_files_are_not_imported(cli: Cli) -> None:
    ran = cli("config", "import", cli.environ["CCPROXY_CONFIG"])
    assert ran.code == 1
    assert "no file of another proxy" in ran.err
