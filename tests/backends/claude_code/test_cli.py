"""The CLI is found where the user said, then on PATH, then in the official package; and is asked about its login."""

from pathlib import Path

import pytest

from ccproxy_cli.backends.claude_code.cli import Cli, Login, ask_login, ask_version, find_cli, require_cli
from ccproxy_cli.core.errors import UpstreamError


def program(path: Path, script: str = "exit 0") -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_where_it_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    on_path, mine = program(tmp_path / "bin" / "claude"), program(tmp_path / "my-claude")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert find_cli(str(mine)) == Cli(str(mine), "configured")
    assert find_cli("claude") == Cli(str(on_path), "configured")
    assert find_cli() == Cli(str(on_path), "PATH")
    monkeypatch.setenv("PATH", str(tmp_path))
    bundled = find_cli()
    assert bundled is not None
    assert bundled.origin == "bundled"
    assert Path(bundled.path).is_file()


def test_what_is_configured_is_not_replaced(tmp_path: Path) -> None:
    assert find_cli(str(tmp_path / "gone")) is None
    with pytest.raises(UpstreamError, match=r"gone.*pip install"):
        require_cli(str(tmp_path / "gone"))


def test_without_any_the_user_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("ccproxy_cli.backends.claude_code.cli._BUNDLE", "no_such_package")
    with pytest.raises(UpstreamError, match="npm install -g @anthropic-ai/claude-code"):
        require_cli()


@pytest.mark.parametrize(
    ("script", "login"),
    [
        (
            'echo \'{"loggedIn": true, "authMethod": "claude.ai", "apiProvider": "firstParty", "subscriptionType": "max"}\'',
            Login(True, "claude.ai", "firstParty", "max"),
        ),
        ('echo \'{"loggedIn": false, "authMethod": "none"}\'; exit 1', Login(False)),
        ("echo not json", None),
        ("echo '[]'", None),
        ("exit 2", None),
    ],
)
async def test_the_login(tmp_path: Path, script: str, login: Login | None) -> None:
    found = Cli(str(program(tmp_path / "claude", script)), "configured")
    assert await ask_login(found, {"PATH": "/usr/bin:/bin"}) == login


async def test_a_program_that_cannot_run_has_no_login_and_no_version(tmp_path: Path) -> None:
    found = Cli(str(tmp_path), "configured")
    assert await ask_login(found, {}) is None
    assert await ask_version(found, {}) is None


def test_a_login_in_words() -> None:
    assert Login(True, "claude.ai", "firstParty", "max").summary == "logged in by claude.ai, max, firstParty"
    assert "claude auth login" in Login(False).summary


@pytest.mark.real_cli
async def test_the_real_one_answers(tmp_path: Path) -> None:
    found = require_cli()
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    version = await ask_version(found, environment)
    assert version is not None
    assert version[0].isdigit()
    assert await ask_login(found, environment) == Login(False, None, "firstParty")
