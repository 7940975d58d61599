"""Claude Code works through a Claude Code login: the same program at both ends, with its own tools at one and none at the other."""

import json

import pytest

from tests.e2e.conftest import WRAP, Machine
from tests.e2e.test_programs import CONTENT, claude
from tests.fake_anthropic import FakeAnthropic, text, tool_use

pytestmark = pytest.mark.real_cli


async def test_it_writes_a_file(machine: Machine) -> None:
    target = machine.work / "out.txt"
    async with FakeAnthropic() as api:
        machine.configure("login", preset="claude-code", environment=api.environment, prewarm=["sonnet"])
        api.will_say(text("I write it."), tool_use("mcp__client__Write", {"file_path": str(target), "content": CONTENT}))
        api.will_say(text("Done with task 4711."))
        ended = await machine.run(
            *WRAP, "--model", "login/sonnet", "--",
            claude(), "-p", f"Write the file {target} for task 4711", "--permission-mode", "acceptEdits",
        )  # fmt: skip
    assert target.read_text() == CONTENT, ended
    assert (ended.code, ended.out.strip()) == (0, "Done with task 4711.")
    first, last = api.bodies[0], api.bodies[-1]
    offered = {tool["name"] for tool in first["tools"]}
    assert {"mcp__client__Write", "mcp__client__Bash", "mcp__client__Read"} <= offered
    assert all(name.startswith("mcp__client__") for name in offered)
    assert f"Write the file {target} for task 4711" in json.dumps(first["messages"])
    assert [message["role"] for message in last["messages"][-2:]] == ["assistant", "user"]
    assert any(block["type"] == "tool_result" and not block.get("is_error") for block in last["messages"][-1]["content"])
