"""The command as a whole, on a machine of its own making."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """An environment with an empty home."""
    (tmp_path / "project").mkdir()
    return {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "XDG_CONFIG_HOME": str(tmp_path / "config")}


def doctor(machine: dict[str, str], *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    done = subprocess.run(
        [sys.executable, "-m", "ccproxy_cli", "doctor", "--json", *arguments],
        env=machine,
        cwd=Path(machine["HOME"]) / "project",
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert b"Traceback" not in done.stderr
    envelope = json.loads(done.stdout)
    assert (envelope["schema"], envelope["command"], envelope["exit_code"]) == (1, "doctor", done.returncode)
    return done.returncode, envelope["data"]["findings"]


def one(findings: list[dict[str, Any]], check: str) -> dict[str, Any]:
    (finding,) = [finding for finding in findings if finding["check"] == check]
    return finding


def configure(machine: dict[str, str], text: str, mode: int = 0o600) -> Path:
    folder = Path(machine["XDG_CONFIG_HOME"]) / "ccproxy"
    folder.mkdir(parents=True, mode=0o700)
    file = folder / "config.toml"
    file.write_text(text)
    file.chmod(mode)
    return file


@pytest.mark.real_cli
def test_the_real_cli_is_asked_for_its_path_version_and_login(machine: dict[str, str]) -> None:
    configure(machine, '[providers.claude]\npreset = "claude-code"\n')
    code, findings = doctor(machine)
    installed, login = one(findings, "claude-cli"), one(findings, "claude-login")
    assert Path(installed["facts"]["path"]).is_file()
    assert installed["facts"]["version"][0].isdigit()
    assert (login["status"], login["facts"]["logged_in"]) == ("fail", False)
    assert "claude auth login" in login["fix"]
    assert code == 1


@pytest.mark.real_cli
def test_an_api_key_of_the_clis_own_is_a_login(machine: dict[str, str]) -> None:
    configure(machine, '[providers.claude]\npreset = "claude-code"\nenvironment = {ANTHROPIC_API_KEY = "env-key"}\n')
    code, findings = doctor(machine)
    login = one(findings, "claude-login")
    assert (login["status"], login["facts"]["logged_in"]) == ("ok", True)
    assert code == 0


def test_an_unreachable_provider_fails_and_a_missing_key_too(machine: dict[str, str]) -> None:
    configure(
        machine,
        '[providers.up]\npreset = "openai"\nbase_url = "http://127.0.0.1:9/v1"\napi_key = "env:UP_KEY"\n'
        '[providers.down]\npreset = "anthropic"\napi_key = "env:NO_SUCH_KEY"\n',
    )
    code, findings = doctor(machine | {"UP_KEY": "a-secret-of-some-length"})
    states = {finding["facts"]["provider"]: finding for finding in findings if finding["check"] == "provider"}
    assert {name: finding["status"] for name, finding in states.items()} == {"up": "fail", "down": "fail", "echo": "ok"}
    assert "cannot be reached" in states["up"]["title"]
    assert "no API key" in states["down"]["title"]
    assert "NO_SUCH_KEY" in states["down"]["fix"]
    assert "a-secret-of-some-length" not in json.dumps(findings)
    assert code == 1


def test_a_broken_configuration_is_told_with_its_line_and_the_rest_is_still_looked_at(machine: dict[str, str]) -> None:
    file = configure(machine, "[server]\nprot = 8000\n")
    code, findings = doctor(machine)
    config = one(findings, "config")
    assert config["status"] == "fail"
    assert config["detail"] == f"{file}:2"
    assert one(findings, "provider")["status"] == "skip"
    assert one(findings, "port")["status"]
    assert code == 1


def test_an_open_file_is_closed_by_fix_and_by_nothing_else(machine: dict[str, str]) -> None:
    file = configure(
        machine, '[providers.up]\npreset = "openai"\nbase_url = "http://127.0.0.1:9/v1"\napi_key = "sk-literal-key-0123456789"\n', 0o644
    )
    code, findings = doctor(machine)
    assert code == 1
    assert one(findings, "permissions")["fixable"]
    assert one(findings, "config")["status"] == "fail"
    assert file.stat().st_mode & 0o777 == 0o644
    _, findings = doctor(machine, "--fix")
    assert one(findings, "permissions")["status"] == "ok"
    assert one(findings, "config")["status"] == "ok"
    assert file.stat().st_mode & 0o777 == 0o600
    _, findings = doctor(machine)
    assert not [finding for finding in findings if finding["check"] == "permissions"]
    assert "sk-literal" not in json.dumps(findings)


def test_an_open_dotenv_with_a_key_and_an_open_state_folder_are_found(machine: dict[str, str]) -> None:
    dotenv = Path(machine["HOME"]) / "project" / ".env"
    dotenv.write_text("OPENAI_API_KEY=sk-literal-key-0123456789\n")
    dotenv.chmod(0o644)
    state = Path(machine["HOME"]) / ".local" / "state" / "ccproxy"
    state.mkdir(parents=True)
    state.chmod(0o755)
    _, findings = doctor(machine)
    found = {finding["title"]: finding["fix"] for finding in findings if finding["check"] == "permissions"}
    assert found == {
        f"{dotenv} can be read by others (mode 644)": f"run: chmod go-rwx {dotenv}",
        f"{state} can be read by others (mode 755)": f"run: chmod go-rwx {state}",
    }
    doctor(machine, "--fix")
    assert (dotenv.stat().st_mode & 0o777, state.stat().st_mode & 0o777) == (0o600, 0o700)
    dotenv.write_text("OPENAI_API_KEY=ollama\nPORT=8001\n")
    dotenv.chmod(0o644)
    assert not [finding for finding in doctor(machine)[1] if finding["check"] == "permissions"]


def test_the_variables_of_a_presets_key_are_named(machine: dict[str, str]) -> None:
    configure(machine, '[providers.up]\npreset = "mistral"\n[providers.other]\npreset = "openai"\nheaders = { X-Auth = "env:NOBODY" }\n')
    code, findings = doctor({**machine, "OPENAI_API_KEY": "sk-x"})
    fixes = {finding["title"]: finding["fix"] for finding in findings if finding["check"] == "provider" and finding["status"] == "fail"}
    assert code == 1
    assert fixes["provider up: no API key"].startswith("see that MISTRAL_API_KEY is set")
    assert fixes["provider other: no value for the header x-auth"].startswith("see that NOBODY or OPENAI_API_KEY is set")


def test_people_read_lines(machine: dict[str, str]) -> None:
    command = [sys.executable, "-m", "ccproxy_cli", "doctor"]
    done = subprocess.run(command, env=machine, cwd=machine["HOME"], capture_output=True, timeout=60, check=False, text=True)
    assert done.stdout.splitlines()[0].startswith("ok    ccproxy ")
    assert {line[:6].strip() for line in done.stdout.splitlines()} <= {"ok", "warn", "fail", "skip", ""}
