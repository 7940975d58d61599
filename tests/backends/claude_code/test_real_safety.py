"""Text from API clients never acts on this machine: each finding about the CLI, tried on the real one."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from ccproxy_cli.backends.claude_code.backend import ClaudeCodeBackend
from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.parts import Text
from ccproxy_cli.core.request import Message, Role
from tests.backends.claude_code.conftest import Make, fetch, native, say
from tests.fake_anthropic import FakeAnthropic, tool_use

pytestmark = pytest.mark.real_cli


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def words(body: dict[str, Any]) -> Iterator[str]:
    for message in body["messages"]:
        content = message["content"]
        yield from (block.get("text", "") for block in content) if isinstance(content, list) else [content]


LOGIN = {"ANTHROPIC_API_KEY": None, "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-made-up"}
"""Makes the CLI run without --bare, which would shut some of these doors by itself."""


@pytest.mark.parametrize("login", [LOGIN, {}], ids=["login", "key"])
async def test_no_file_is_read_through_at_signs(make: Make, api: FakeAnthropic, tmp_path: Path, login: dict[str, str | None]) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the-secret-is-out")
    folder = tmp_path / "folder-of-secrets"
    folder.mkdir()
    (folder / "listed-name").touch()
    bait = f'see @{secret} and @"{secret}" and @{folder}/ and @/etc/passwd and @../../../../../../..{secret} ok'
    history = (bait, Message(Role.ASSISTANT, (Text("no"),)), Message(Role.USER, (Text(bait), Text(bait))))
    await fetch(make(environment=login), say(*history))
    sent = json.dumps(api.bodies[0])
    assert "the-secret-is-out" not in sent
    assert "listed-name" not in sent
    assert "root:" not in sent
    assert [word for word in words(api.bodies[0]) if not word.startswith("<system-reminder>")] == [bait, "no", bait, bait]


COMMANDS = ["/config permissionMode=acceptEdits", "/heapdump", "/cost", "/compact", "/clear", "/init", "/nonexistent x", "//cost"]


async def test_no_text_is_run_as_a_command(backend: ClaudeCodeBackend, api: FakeAnthropic, tmp_path: Path) -> None:
    home = tmp_path / "home"
    messages = [message for command in COMMANDS for message in (command, Message(Role.ASSISTANT, (Text("no"),)))]
    response, _ = await fetch(backend, say(*messages[:-1]))
    assert response.parts == (Text("hello"),)
    sent = ["".join(block["text"] for block in message["content"]) for message in api.bodies[0]["messages"] if message["role"] == "user"]
    assert sent == COMMANDS
    assert not [name for name in files(home) if "settings" in name or "heap" in name]


async def test_nothing_of_the_users_own_set_up_is_in_effect(make: Make, api: FakeAnthropic, tmp_path: Path) -> None:
    home, marker = tmp_path / "home", tmp_path / "hook-ran"
    claude = home / ".claude"
    (claude / "commands").mkdir(parents=True)
    hook = [{"hooks": [{"type": "command", "command": f"touch {marker}"}]}]
    hooks = {"UserPromptSubmit": hook, "SessionStart": hook, "Stop": hook, "SessionEnd": hook}
    (claude / "settings.json").write_text(
        json.dumps({"hooks": hooks, "env": {"FROM_SETTINGS": "1"}, "permissions": {"allow": ["Bash(*)"]}})
    )
    (claude / "CLAUDE.md").write_text("MEMORY-OF-THE-USER")
    (home / "CLAUDE.md").write_text("MEMORY-OF-THE-HOME")
    (home / ".mcp.json").write_text(json.dumps({"mcpServers": {"mine": {"command": "touch", "args": [str(marker)]}}}))
    (home / ".claude.json").write_text(json.dumps({"mcpServers": {"mine": {"command": "touch", "args": [str(marker)]}}}))
    await fetch(make(environment=LOGIN), say("hi"))
    sent = json.dumps(api.bodies[0])
    assert "MEMORY-OF" not in sent
    assert "mcp__mine" not in sent
    assert api.bodies[0].get("tools", []) == []
    assert not marker.exists()


async def test_no_built_in_tool_is_offered_or_run(backend: ClaudeCodeBackend, api: FakeAnthropic, tmp_path: Path) -> None:
    marker = tmp_path / "bash-ran"
    api.will_say(tool_use("Bash", {"command": f"touch {marker}"}))
    response, _ = await fetch(backend, say("hi"))
    assert api.bodies[0]["tools"] == []
    assert not marker.exists()
    assert [part.name for part in response.parts] == ["Bash"]  # type: ignore[union-attr]


async def test_no_session_is_left_on_disk(backend: ClaudeCodeBackend, tmp_path: Path) -> None:
    await fetch(backend, say("PROMPT-TO-FORGET", system_words()))
    home = tmp_path / "home"
    left = files(home)
    assert not [name for name in left if name.startswith((".claude/projects", ".claude/sessions", ".claude/history", ".claude/todos"))]
    assert not [name for name in left if "PROMPT-TO-FORGET" in (home / name).read_text(errors="replace")]


def system_words() -> Message:
    return Message(Role.SYSTEM, (Text("SYSTEM-TO-FORGET"),))


async def test_the_process_shows_nothing_and_sees_little(make: Make, api: FakeAnthropic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-another-provider")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "token-of-the-proxy")
    monkeypatch.setenv("CLAUDECODE", "1")
    backend = make()
    api.will_say({"type": "text", "text": "..."}, stall=True)
    stream = await backend.send(native({**BODY, "system": "SYSTEM-WORDS"}), Losses())
    (run,) = backend._runs
    process = psutil.Process(run._child.pid)
    command, variables, directory = " ".join(process.cmdline()), process.environ(), Path(process.cwd())
    assert "PROMPT-WORDS" not in command
    assert "SYSTEM-WORDS" not in command
    assert "sk-ant-fake-key" not in command
    assert not {"OPENAI_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDECODE"} & variables.keys()
    assert list(directory.iterdir()) == []
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    await stream.aclose()
    await backend.aclose()
    assert not directory.exists()


BODY: dict[str, Any] = {"model": "sonnet", "max_tokens": 9, "messages": [{"role": "user", "content": "PROMPT-WORDS"}]}


async def test_strict_requests_are_refused_before_anything_starts(backend: ClaudeCodeBackend) -> None:
    with pytest.raises(BadRequest, match="speed"):
        await backend.send(native({**BODY, "speed": "fast"}), Losses(strict=True))
    assert not backend._runs


@pytest.mark.parametrize("model", ["--dangerously-skip-permissions", "-p", "--mcp-config={}"])
async def test_a_model_is_never_an_option(backend: ClaudeCodeBackend, model: str) -> None:
    with pytest.raises(BadRequest):
        await backend.send(say("hi", model=model), Losses())
    assert not backend._runs


async def test_no_member_of_a_request_reaches_an_option(backend: ClaudeCodeBackend, api: FakeAnthropic) -> None:
    wild = {
        "permission_mode": "bypassPermissions",
        "cwd": "/",
        "allowed_tools": ["Bash"],
        "mcpServers": {"x": {"command": "touch"}},
        "settings": {"env": {"X": "1"}},
        "resume": "00000000-0000-0000-0000-000000000000",
    }
    response, losses = await fetch(backend, native({**BODY, **wild}))
    assert response.parts == (Text("hello"),)
    assert set(wild) <= set(losses)
    assert not set(wild) & set(api.bodies[0])
