"""A scripted model behind any of the four APIs. It does one task with whatever tools the client offers: it refuses once for being busy,
thinks, writes two files side by side, and says so when both are written."""

import contextlib
import json
import re
import shlex
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from attrs import Factory, define, frozen

from tests.e2e.upstreams import Says, anthropic_reply_of, reply_of
from tests.fake_anthropic import FakeAnthropic
from tests.fake_gemini import FakeGemini
from tests.fake_openai import Body, Call, FakeOpenAI
from tests.fake_responses import FakeResponses

PROMPT = "Write the files {first} and {second} for task {task}"
_ASKED = re.compile(r"Write the files (\S+) and (\S+) for task (\w+)")
CONTENT = 'naïve "quoted" \\n literal\n\ttab 你好 🎉\n'
"""Must arrive to the letter."""
_PATHS = ("file_path", "filePath", "filepath", "path")
_WRITERS = ("Write", "write_file", "write")
_SHELLS = ("exec_command", "run_commands", "bash")
_TAKES_WORDS = "file listing"
"""What aider tells a model that has no tools."""


@frozen
class Task:
    """What the user has asked for."""

    first: str
    second: str
    name: str

    @property
    def done(self) -> str:
        """What the model says at the end."""
        return f"Done with task {self.name}."


@define
class Model:
    """Answers requests of any API, and counts them."""

    bodies: list[Body] = Factory(list)
    """Of the requests that were about the task."""
    was_busy: bool = False

    def says(self, body: Body) -> Says:
        task, tools = _task(body), _tools(body)
        able = [name for known in (_WRITERS, _SHELLS) for name in tools if _plain(name) in known]
        writer = able[0] if able else None
        if task is None or (writer is None and not any(_TAKES_WORDS in text for text in _strings(body))):
            return Says("A title")
        self.bodies.append(body)
        if not self.was_busy:
            self.was_busy = True
            return Says(busy=1)
        if writer is None:
            return Says(f"{_block(task.first)}\n{_block(task.second)}\n{task.done}", thoughts="Two files.")
        if _results(body) < 2:
            calls = [Call(writer, _arguments(_plain(writer), tools[writer], path)) for path in (task.first, task.second)]
            return Says("I write them.", calls, thoughts="Two files.")
        return Says(task.done, thoughts="Both are there.")


def _block(path: str) -> str:
    """A file as aider takes it from words."""
    return f"{path.rpartition('/')[2]}\n```\n{CONTENT}```\n"


def _plain(name: str) -> str:
    """A tool's own name: a Claude Code login offers tools as those of a server."""
    return name.rpartition("__")[2]


def _arguments(writer: str, schema: Mapping[str, Any], path: str) -> dict[str, Any]:
    members = schema.get("properties") or {}
    if writer in _SHELLS:
        command = f"printf %s {shlex.quote(CONTENT)} > {shlex.quote(path)}"
        if "commands" in members:
            return {"commands": [command]}
        return {"cmd" if "cmd" in members else "command": command, **({"description": "Write"} if "description" in members else {})}
    return {next(name for name in _PATHS if name in members): path, "content": CONTENT}


def _task(body: Body) -> Task | None:
    found = [match for text in _strings(body) for match in _ASKED.finditer(text)]
    return Task(*found[-1].groups()) if found else None


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for member in value:
                yield from _strings(member)
        case dict():
            for member in value.values():
                yield from _strings(member)
        case _:
            pass


def _tools(body: Body) -> dict[str, Mapping[str, Any]]:
    """The schemas of the functions on offer, by name, in any of the formats."""
    made: dict[str, Mapping[str, Any]] = {}
    for tool in body.get("tools") or ():
        for one in (*tool.get("functionDeclarations", ()), *tool.get("tools", ()), tool.get("function") or tool):
            if "name" in one:
                schema = one.get("input_schema") or one.get("parameters") or one.get("parametersJsonSchema") or {}
                made[one["name"]] = schema
    return made


def _results(body: Body) -> int:
    """How many results of tools a conversation has, in any of the formats."""
    wire = json.dumps(body)
    return sum(wire.count(mark) for mark in ('"role": "tool"', '"type": "tool_result"', '_call_output"', '"functionResponse"'))


@contextlib.asynccontextmanager
async def behind(name: str, model: Model, *, is_own_client: bool = False) -> AsyncIterator[dict[str, Any]]:
    """The model behind one API, and what a provider of it is configured with.

    Args:
        name: a format, or `login` for the official Claude CLI.
        is_own_client: it is asked by its vendor's own program, whose words are passed on.
    """
    match name:
        case "anthropic" | "login":
            async with FakeAnthropic(lambda body: anthropic_reply_of(model.says(body))) as anthropic:
                if name == "login":
                    yield {"preset": "claude-code", "environment": anthropic.environment}
                else:
                    yield {"preset": "anthropic", "base_url": anthropic.url, "api_key": "env:UP_KEY"}
        case "openai-chat":
            async with FakeOpenAI(lambda body: reply_of(model.says(body))) as chat:
                yield {"preset": "openai-compatible", "base_url": chat.url, "api_key": "env:UP_KEY"}
                assert not chat.refusals, chat.refusals
        case "openai-responses":
            async with FakeResponses(lambda body: reply_of(model.says(body)), is_lenient=is_own_client) as responses:
                yield {"preset": "openai-responses", "base_url": responses.url, "api_key": "env:UP_KEY"}
                assert not responses.refusals, responses.refusals
        case "gemini":
            async with FakeGemini(lambda body: reply_of(model.says(body)), is_lenient=is_own_client) as gemini:
                yield {"preset": "gemini", "base_url": gemini.url, "api_key": "env:UP_KEY"}
                assert not gemini.refusals, gemini.refusals
        case _:
            raise AssertionError(name)
