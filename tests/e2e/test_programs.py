"""Real programs do real tasks through `wrap`, each against a provider of the other vendor's format."""

import json
import re
from pathlib import Path

import pytest

from ccproxy_cli.backends.claude_code.cli import find_cli
from tests.e2e.conftest import WRAP, Machine
from tests.fake_anthropic import FakeAnthropic, text, tool_use
from tests.fake_openai import Body, Call, FakeOpenAI, Reply, tool_names, words

CONTENT = 'naïve "quoted" \\n literal\n\ttab 你好 🎉\n'


def write_as_told(body: Body) -> Reply:
    """Call the client's own tool with what the prompt names, then say so."""
    asked = re.search(r"Write the file (\S+) for task (\w+)", "\n".join(words(body, "user")))
    if asked is None or "Write" not in tool_names(body):
        return Reply("A title")
    if not words(body, "tool"):
        return Reply("I write it.", [Call("Write", {"file_path": asked[1], "content": CONTENT})])
    return Reply(f"Done with task {asked[2]}.")


def claude() -> str:
    """The real program; a dependency of the tests."""
    cli = find_cli()
    assert cli
    return cli.path


@pytest.mark.real_cli
async def test_claude_code_writes_a_file_with_an_openai_model(machine: Machine) -> None:
    target = machine.work / "out.txt"
    # Where the user's own settings lead, nobody listens.
    settings = machine.home / ".claude" / "settings.json"
    settings.parent.mkdir()
    elsewhere = {"ANTHROPIC_BASE_URL": "http://127.0.0.1:9", "ANTHROPIC_API_KEY": "mine", "ANTHROPIC_MODEL": "claude-x"}
    settings.write_text(json.dumps({"env": elsewhere}))
    async with FakeOpenAI(write_as_told) as api:
        machine.configure("up", preset="openai-compatible", base_url=api.url, api_key="env:UP_KEY")
        ended = await machine.run(
            *WRAP, "--model", "up/gpt-4o", "--",
            claude(), "-p", f"Write the file {target} for task 4711", "--permission-mode", "acceptEdits",
            environment={"UP_KEY": "the-upstream-key", "ANTHROPIC_API_KEY": "the-users-own"},
        )  # fmt: skip
    assert target.read_text() == CONTENT, ended
    assert "Done with task 4711." in ended.out
    assert ended.code == 0
    assert json.loads(settings.read_text()) == {"env": elsewhere}
    assert not api.refusals
    assert {body["model"] for body in api.bodies} == {"gpt-4o"}
    assert {headers["Authorization"] for headers in api.headers} == {"Bearer the-upstream-key"}
    lines = [line for line in ended.err.splitlines() if line.startswith("ccproxy: ")]
    assert lines[0] == "ccproxy: set aside for claude: ANTHROPIC_API_KEY"
    assert re.fullmatch(rf"ccproxy: {len(api.bodies)} requests, \d+ tokens in, \d+ out \(up/gpt-4o ×{len(api.bodies)}\)", lines[-1])


TOOLS = """
def write_file(path: str, content: str) -> str:
    "Write a file."
    open(path, "w", encoding="utf-8").write(content)
    return "wrote " + path
"""


def llm(machine: Machine, *arguments: str) -> tuple[str, ...]:
    functions = machine.home / "tools.py"
    functions.write_text(TOOLS)
    program = Path(WRAP[0]).with_name("llm")
    assert program.exists(), "llm is a dependency of the tests"
    return (str(program), "-m", "gpt-4.1", "--functions", str(functions), "--no-log", *arguments)


@pytest.mark.clients
@pytest.mark.parametrize("stream", [True, False])
async def test_llm_writes_a_file_with_an_anthropic_model(machine: Machine, stream: bool) -> None:
    target = machine.work / "out.txt"
    async with FakeAnthropic() as api:
        api.will_say(text("I write it."), tool_use("write_file", {"path": str(target), "content": CONTENT}))
        api.will_say(text("Done with task 4711."))
        machine.configure("up", preset="anthropic", base_url=api.url, api_key="env:UP_KEY")
        ended = await machine.run(
            *WRAP, "--model", "up/claude-sonnet-4-5", "--", *llm(machine, *(() if stream else ("--no-stream",)), "Write the file"),
            environment={"UP_KEY": "the-upstream-key", "OPENAI_API_KEY": "the-users-own"},
        )  # fmt: skip
    assert target.read_text() == CONTENT, ended
    assert "Done with task 4711." in ended.out
    assert ended.code == 0
    assert [body["model"] for body in api.bodies] == ["claude-sonnet-4-5"] * 2
    result = api.bodies[1]["messages"][-1]["content"][0]
    assert (result["type"], result["tool_use_id"]) == ("tool_result", "toolu_1")
    assert {headers["x-api-key"] for headers in api.headers} == {"the-upstream-key"}
    assert ended.err.splitlines()[0] == "ccproxy: set aside for llm: OPENAI_API_KEY"
    assert ended.err.splitlines()[-1].endswith("out (up/claude-sonnet-4-5 ×2)")
