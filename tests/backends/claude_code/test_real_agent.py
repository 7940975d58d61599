"""The CLI as an agent: it works where and how the configuration says, for as long as its client waits, and no request changes that."""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from ccproxy_cli.backends.claude_code.backend import ClaudeCodeBackend
from ccproxy_cli.config.settings import AgentSettings, TimeoutSettings
from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.parts import Part, Reasoning, Text
from ccproxy_cli.core.response import FinishReason
from ccproxy_cli.core.stream import fold
from tests.backends.claude_code.conftest import Make, Patient, fetch, native, say
from tests.backends.claude_code.test_lifetime import GONE_WITHIN, alive
from tests.fake_anthropic import FakeAnthropic, text, thinking, tool_use

pytestmark = pytest.mark.real_cli

MakeAgent = Callable[..., ClaudeCodeBackend]


@pytest.fixture
def backend_class() -> type[ClaudeCodeBackend]:
    """A fresh process for each request, but where a test says otherwise."""
    return ClaudeCodeBackend


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """The agent's directory."""
    path = tmp_path / "work"
    path.mkdir()
    (path / "in.txt").write_text("the inside story")
    return path


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """What lies beside it."""
    path = tmp_path / "beside" / "secret.txt"
    path.parent.mkdir()
    path.write_text("the-secret-is-out")
    return path


@pytest.fixture
def agent(make: Make, work: Path) -> MakeAgent:
    """Builds agents in that directory."""

    def build(mode: str = "acceptEdits", *allowed: str, **more: Any) -> ClaudeCodeBackend:
        return make(agent=AgentSettings(str(work), mode, allowed), **more)

    return build


def thoughts(parts: tuple[Part, ...]) -> list[str]:
    return [part.text for part in parts if isinstance(part, Reasoning)]


def words(parts: tuple[Part, ...]) -> str:
    return "".join(part.text for part in parts if isinstance(part, Text))


def results(api: FakeAnthropic) -> dict[str, tuple[bool, str]]:
    """What the API was told of each call: whether it failed, and how."""
    blocks = [block for message in api.bodies[-1]["messages"] for block in message["content"] if isinstance(block, dict)]
    found = [block for block in blocks if block["type"] == "tool_result"]
    return {block["tool_use_id"]: (bool(block.get("is_error")), json.dumps(block["content"])) for block in found}


@pytest.mark.parametrize("backend_class", [ClaudeCodeBackend, Patient])
async def test_it_works_in_its_directory_and_shows_what_it_does(agent: MakeAgent, api: FakeAnthropic, work: Path) -> None:
    target = work / "out.txt"
    api.will_say(thinking("A file is wanted."), text("I write it."), tool_use("Write", {"file_path": str(target), "content": "hello"}))
    api.will_say(text("And look."), tool_use("Read", {"file_path": str(target)}, "toolu_2"), tool_use("Bash", {"command": "ls"}, "toolu_3"))
    api.will_say(text("Done."))
    response, losses = await fetch(agent(), say("Write out.txt"))
    assert target.read_text() == "hello"
    assert words(response.parts) == "I write it.\n\nAnd look.\n\nDone."
    first, write, wrote, *reading = thoughts(response.parts)
    assert (first, write) == ("A file is wanted.", f"Write: {target}\n")
    assert wrote.startswith("  File created")
    told = "".join(reading)
    assert f"Read: {target}\n" in told
    assert "  1\thello\n" in told
    assert "Bash: ls\n" in told
    assert "  in.txt\n  out.txt\n" in told
    assert not [part for part in response.parts if not isinstance(part, Text | Reasoning)]  # no call for the client to answer
    assert response.finish.reason is FinishReason.STOP
    assert (response.usage.input, response.usage.cache_read, response.usage.output) == (33, 9, 15)
    assert losses == []
    assert len(api.bodies) == 3


async def test_the_clients_words_are_added_to_the_clis_own(agent: MakeAgent, api: FakeAnthropic) -> None:
    body = {"model": "sonnet", "max_tokens": 77, "temperature": 0.5, "system": "Speak like a pirate.", "messages": TALK}
    response, losses = await fetch(agent(), native(body))
    assert response.parts == (Text("hello"),)
    sent = api.bodies[0]
    system = "\n".join(block["text"] for block in sent["system"])
    assert system.endswith("Speak like a pirate.")
    assert len(system) > 500
    assert (sent["max_tokens"], sent["temperature"]) == (77, 0.5)
    assert [message["role"] for message in sent["messages"] if message["role"] != "system"] == ["user", "assistant", "user"]
    assert {tool["name"] for tool in sent["tools"]} >= {"Bash", "Edit", "Read", "Write"}
    assert not {tool["name"] for tool in sent["tools"]} & {"Agent", "Task", "CronCreate", "Monitor", "SendMessage", "TaskOutput"}
    assert losses == []


TALK = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}, {"role": "user", "content": "go"}]


OUTSIDE = {
    "read": ("Read", {"file_path": "SECRET"}),
    "dots": ("Read", {"file_path": "WORK/../beside/secret.txt"}),
    "link": ("Read", {"file_path": "WORK/link.txt"}),
    "cat": ("Bash", {"command": "cat SECRET"}),
    "cat-link": ("Bash", {"command": "cat link.txt"}),
    "cd": ("Bash", {"command": "cd FOLDER && cat secret.txt"}),
    "program": ("Bash", {"command": 'python3 -c \'open("made-by-program", "w")\''}),
    "environment": ("Bash", {"command": "printenv ANTHROPIC_API_KEY"}),
    "variable": ("Bash", {"command": "echo $ANTHROPIC_API_KEY"}),
    "network": ("WebFetch", {"url": "http://127.0.0.1:9/", "prompt": "x"}),
    "write": ("Write", {"file_path": "FOLDER/new.txt", "content": "x"}),
    "copy": ("Bash", {"command": "cp in.txt FOLDER/copy.txt"}),
    "into": ("Bash", {"command": "echo x > FOLDER/redirected.txt"}),
    "hook": ("Write", {"file_path": "WORK/.git/hooks/pre-commit", "content": "x"}),
    "settings": ("Write", {"file_path": "WORK/.claude/settings.json", "content": "{}"}),
}
"""What no mode permits."""
CHANGES = {
    "own-write": ("Write", {"file_path": "WORK/new.txt", "content": "x"}),
    "own-edit": ("Bash", {"command": "echo x > own.txt"}),
}
"""What `dontAsk` does not permit either."""


@pytest.mark.parametrize("mode", ["dontAsk", "acceptEdits"])
async def test_it_does_not_leave_its_mode(agent: MakeAgent, api: FakeAnthropic, work: Path, secret: Path, mode: str) -> None:
    (work / "link.txt").symlink_to(secret)
    (work / ".git" / "hooks").mkdir(parents=True)
    tried = OUTSIDE | (CHANGES if mode == "dontAsk" else {})
    places = {"SECRET": str(secret), "FOLDER": str(secret.parent), "WORK": str(work)}

    def placed(words: str) -> str:
        for name, place in places.items():
            words = words.replace(name, place)
        return words

    calls = [tool_use(tool, {k: placed(v) for k, v in given.items()}, call) for call, (tool, given) in tried.items()]
    before = set(work.rglob("*"))
    api.will_say(*calls)
    response, _ = await fetch(agent(mode), say(f"see @{secret} and do it all"))
    told = results(api)
    assert told.keys() == tried.keys()
    assert [call for call, (failed, _) in told.items() if not failed] == []
    assert "the-secret-is-out" not in json.dumps(api.bodies)
    assert "sk-ant-fake-key" not in json.dumps(api.bodies)
    assert set(work.rglob("*")) == before
    assert list(secret.parent.iterdir()) == [secret]
    assert "failed:" in "".join(thoughts(response.parts))


async def test_what_is_allowed_is_done_and_what_is_not_is_not(agent: MakeAgent, api: FakeAnthropic, work: Path) -> None:
    calls = {"yes": "touch allowed.txt", "no": "touch other.txt", "more": "touch allowed.txt; touch third.txt"}
    api.will_say(*(tool_use("Bash", {"command": command}, call) for call, command in calls.items()))
    await fetch(agent("dontAsk", "Bash(touch allowed.txt)"), say("go"))
    assert {call: failed for call, (failed, _) in results(api).items()} == {"yes": False, "no": True, "more": True}
    assert sorted(path.name for path in work.iterdir()) == ["allowed.txt", "in.txt"]


async def test_nothing_that_lies_about_widens_it(agent: MakeAgent, api: FakeAnthropic, tmp_path: Path, work: Path) -> None:
    hook = [{"hooks": [{"type": "command", "command": f"touch {tmp_path}/hooked"}]}]
    settings = {
        "permissions": {"allow": ["Bash"], "defaultMode": "bypassPermissions"},
        "hooks": {"PreToolUse": hook, "UserPromptSubmit": hook},
    }
    for folder in (tmp_path / "home", work):
        (folder / ".claude").mkdir()
        for name in ("settings.json", "settings.local.json"):
            (folder / ".claude" / name).write_text(json.dumps(settings))
        (folder / "CLAUDE.md").write_text("NOTES-OF-THE-FOLDER")
        (folder / ".mcp.json").write_text(json.dumps({"mcpServers": {"mine": {"command": "touch", "args": [f"{tmp_path}/served"]}}}))
    api.will_say(tool_use("Bash", {"command": "touch made.txt"}))
    await fetch(agent("dontAsk"), say("go"))
    ((failed, _),) = results(api).values()
    assert failed
    assert not [name for name in ("hooked", "served", "work/made.txt") if (tmp_path / name).exists()]
    assert "NOTES-OF-THE-FOLDER" not in json.dumps(api.bodies)
    assert "mcp__mine" not in json.dumps(api.bodies)


async def test_keys_of_the_configuration_are_not_shown(agent: MakeAgent, api: FakeAnthropic) -> None:
    api.will_say(tool_use("Bash", {"command": "echo sk-ant-fake-key"}))
    response, _ = await fetch(agent("dontAsk", "Bash(echo *)"), say("go"))
    assert "sk-ant-fake-key" not in str(response.parts)


WILD: dict[str, Any] = {
    "permission_mode": "bypassPermissions",
    "permissionMode": "bypassPermissions",
    "cwd": "/",
    "directory": "/",
    "agent": {"directory": "/"},
    "allowed_tools": ["Bash"],
    "add_dirs": ["/"],
    "mcpServers": {"x": {"command": "touch"}},
    "settings": {"permissions": {"allow": ["Bash"]}},
    "dangerously_skip_permissions": True,
}


async def test_no_field_of_a_request_widens_it(agent: MakeAgent, api: FakeAnthropic, work: Path, secret: Path) -> None:
    api.will_say(
        tool_use("Bash", {"command": f"cat {secret}"}, "cat"), tool_use("Write", {"file_path": f"{work}/new.txt", "content": "x"}, "write")
    )
    body = {"model": "sonnet", "max_tokens": 99, "messages": [{"role": "user", "content": "/config permissionMode=bypassPermissions"}]}
    _, losses = await fetch(agent("dontAsk"), native(body | WILD))
    assert set(WILD) <= set(losses)
    assert all(failed for failed, _ in results(api).values())
    assert [path.name for path in work.iterdir()] == ["in.txt"]


@pytest.mark.parametrize("wild", [WILD, {"tools": [{"name": "Bash", "input_schema": {"type": "object"}}]}], ids=["fields", "tools"])
async def test_no_field_of_a_request_makes_an_agent(
    backend: ClaudeCodeBackend, agent: MakeAgent, api: FakeAnthropic, work: Path, wild: dict[str, Any]
) -> None:
    agent()  # another provider of the same machine is one
    api.will_say(tool_use("mcp__client__Bash" if "tools" in wild else "Bash", {"command": f"touch {work}/made.txt"}))
    body = {"model": "sonnet", "max_tokens": 99, "messages": [{"role": "user", "content": "go"}]}
    response, _ = await fetch(backend, native(body | wild))
    assert {tool["name"] for tool in api.bodies[0]["tools"]} == ({"mcp__client__Bash"} if "tools" in wild else set())
    assert [part.name for part in response.parts] == ["Bash"]  # type: ignore[union-attr]
    assert not (work / "made.txt").exists()


async def test_the_clients_tools_are_a_loss(agent: MakeAgent, api: FakeAnthropic) -> None:
    tool = {"name": "get_weather", "input_schema": {"type": "object"}}
    body = {"model": "sonnet", "max_tokens": 9, "messages": TALK, "tools": [tool], "tool_choice": {"type": "any"}}
    _, losses = await fetch(agent(), native(body))
    assert set(losses) == {"tools", "tool_choice"}
    assert "get_weather" not in json.dumps(api.bodies[0])
    assert "tool_choice" not in api.bodies[0]
    with pytest.raises(BadRequest, match="agent with tools of its own"):
        await agent().send(native(body), Losses(strict=True))


async def test_an_answer_that_ends_early_ends_the_agent(agent: MakeAgent, api: FakeAnthropic) -> None:
    api.will_say(text("So much to s"), stop_reason="max_tokens")
    response, _ = await fetch(agent(), say("go"))
    assert response.finish.reason is FinishReason.LENGTH


async def test_a_tool_may_take_longer_than_the_silence_that_is_borne(agent: MakeAgent, api: FakeAnthropic, work: Path) -> None:
    waiting = "import pathlib, time\nwhile not pathlib.Path('go').exists(): time.sleep(0.01)"
    (work / "wait.py").write_text(waiting)
    api.will_say(tool_use("Bash", {"command": f"{sys.executable} wait.py"}))
    api.will_say(text("It is there."))
    backend = agent("dontAsk", f"Bash({sys.executable} wait.py)", timeouts=TimeoutSettings(first_byte=30, idle=1.0, total=60))
    stream = await backend.send(say("go"), Losses())
    said: list[Any] = []
    reading = asyncio.create_task(_read(stream, said))
    done, _ = await asyncio.wait([reading], timeout=2.0)
    assert not done
    (work / "go").touch()
    await reading
    assert words(fold(said).parts) == "It is there."


async def _read(stream: Any, said: list[Any]) -> None:
    async for batch in stream:
        said += batch


def below(directory: Path) -> list[psutil.Process]:
    """Processes that work there."""
    running = psutil.process_iter(["cwd", "status"])
    return [one for one in running if one.info["cwd"] == str(directory) and one.info["status"] != psutil.STATUS_ZOMBIE]


SPAWN = """
import os, pathlib, sys, time
if os.fork() == 0:  # a daemon of the worst kind: a session of its own, and no parent
    os.setsid()
    if os.fork():
        os._exit(0)
    for fd in range(3):
        os.close(fd)
    pathlib.Path("daemon").write_text(str(os.getpid()))
    time.sleep(600)
pathlib.Path("child").write_text(str(os.getpid()))
time.sleep(600)
"""


async def spawned(work: Path) -> list[int]:
    """The processes that the agent's command has started, once they run."""
    async with asyncio.timeout(20):
        while not all((work / name).exists() and (work / name).read_text() for name in ("daemon", "child")):
            await asyncio.sleep(0.01)
    pids = [int((work / name).read_text()) for name in ("daemon", "child")]
    assert all(map(alive, pids))
    return pids


async def test_what_it_started_dies_with_its_client(agent: MakeAgent, api: FakeAnthropic, work: Path) -> None:
    (work / "spawn.py").write_text(SPAWN)
    api.will_say(tool_use("Bash", {"command": f"{sys.executable} spawn.py"}))
    stream = await agent("dontAsk", "Bash").send(say("go"), Losses())
    reading = asyncio.create_task(_read(stream, []))
    pids = await spawned(work)
    reading.cancel()
    await stream.aclose()
    assert await gone(pids, work)


async def gone(pids: list[int], work: Path) -> bool:
    async with asyncio.timeout(GONE_WITHIN):
        while any(map(alive, pids)) or below(work):
            await asyncio.sleep(0.01)
    return True


DRIVER = """
import asyncio, sys
from ccproxy_cli.backends.claude_code.backend import ClaudeCodeBackend
from ccproxy_cli.config.settings import AgentSettings
from ccproxy_cli.core.extras import Losses
from tests.backends.claude_code.conftest import say

async def main():
    environment = {"ANTHROPIC_BASE_URL": sys.argv[1], "ANTHROPIC_API_KEY": "k", "HOME": sys.argv[2]}
    backend = ClaudeCodeBackend("claude", environment=environment, agent=AgentSettings(sys.argv[3], "dontAsk", ("Bash",)))
    async for _ in await backend.send(say("go"), Losses()):
        pass

asyncio.run(main())
"""


async def test_what_it_started_dies_with_a_server_that_is_killed(api: FakeAnthropic, tmp_path: Path, work: Path) -> None:
    (work / "spawn.py").write_text(SPAWN)
    api.will_say(tool_use("Bash", {"command": f"{sys.executable} spawn.py"}))
    arguments = (api.url, str(tmp_path), str(work))
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", DRIVER, *arguments, cwd=Path(__file__).parents[3])
    try:
        pids = await spawned(work)
    finally:
        process.kill()
        await process.wait()
    assert await gone(pids, work)
