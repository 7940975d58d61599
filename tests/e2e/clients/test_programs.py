"""Every program does its task through `wrap` with a model behind every API: tools side by side, thinking, and a refusal at first."""

from pathlib import Path

import pytest

from tests.e2e.clients.model import CONTENT, PROMPT, Model, Task, behind
from tests.e2e.clients.programs import PROGRAMS, of_the_user
from tests.e2e.conftest import WRAP, Machine

pytestmark = [pytest.mark.programs, pytest.mark.timeout(180)]

MODELS = {
    "anthropic": "claude-sonnet-4-5",
    "openai-chat": "gpt-5.1",
    "openai-responses": "gpt-5.1",
    "gemini": "gemini-3-flash",
    "login": "sonnet",
}


def content_of(file: Path) -> str | None:
    return file.read_text() if file.exists() else None


@pytest.mark.parametrize("api", MODELS)
@pytest.mark.parametrize("name", PROGRAMS)
async def test_a_task_is_done(machine: Machine, name: str, api: str) -> None:
    program, model = PROGRAMS[name], Model()
    task = Task(str(machine.work / "first.txt"), str(machine.work / "second.txt"), "t4711")
    prompt = PROMPT.format(first=task.first, second=task.second, task=task.name)
    async with behind(api, model, is_own_client=name in ("codex", "gemini")) as provider:
        machine.configure("up", **provider)
        wrapped = (*WRAP, "--model", f"up/{MODELS[api]}", "--", *program.command(name, prompt))
        ended = await machine.run(*wrapped, environment={**of_the_user(machine), **program.environment})
    assert [content_of(Path(file)) for file in (task.first, task.second)] == [CONTENT, CONTENT], ended
    assert task.done in ended.out, ended
    assert ended.code == 0
    assert model.was_busy
    assert not [file for file in machine.files() if file.startswith(".local/state/ccproxy/home-")]
