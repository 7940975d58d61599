"""A Claude Code login that its user has made an agent, behind `ccproxy serve`: every vendor's SDK sees what it does, and only who has the
token and calls it by its name sets it to work."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import anthropic
import openai
import psutil
import pytest
from google import genai
from google.genai import types

from tests.e2e.conftest import CCPROXY, Machine
from tests.fake_anthropic import FakeAnthropic, text, tool_use
from tests.launch.conftest import wait_until

pytestmark = [
    pytest.mark.real_cli,
    pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning"),  # google-genai 3.3.0
]

TOKEN = "5f0c1d6b8a4e42d79c3b"
CONFIG = """
[server]
token = "env:CCPROXY_TOKEN"
[providers.worker]
preset = "claude-code"
prewarm = ["sonnet"]
environment = {{ ANTHROPIC_BASE_URL = "{url}", ANTHROPIC_API_KEY = "sk-ant-made-up" }}
[providers.worker.agent]
directory = "{work}"
permission_mode = "acceptEdits"
allowed_tools = ["Bash(sleep *)"]
"""
MODEL = "worker/sonnet"
MESSAGES: Any = [{"role": "user", "content": "Write out.txt"}]


def working(machine: Machine, api: FakeAnthropic) -> Any:
    return machine.serve(CONFIG.format(url=api.url, work=machine.work), CCPROXY_TOKEN=TOKEN)


async def by_anthropic(url: str) -> tuple[str, str]:
    async with (
        anthropic.AsyncAnthropic(base_url=url, api_key=TOKEN, max_retries=0) as sdk,
        sdk.messages.stream(model=MODEL, max_tokens=99, messages=MESSAGES) as stream,
    ):
        message = await stream.get_final_message()
    assert message.stop_reason == "end_turn"
    assert {block.type for block in message.content} == {"text", "thinking"}
    words = "".join(block.text for block in message.content if block.type == "text")
    return words, "".join(block.thinking for block in message.content if block.type == "thinking")


async def by_chat(url: str) -> tuple[str, str]:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=TOKEN, max_retries=0) as sdk:
        words = thoughts = ""
        async for chunk in await sdk.chat.completions.create(model=MODEL, messages=MESSAGES, stream=True):
            for choice in chunk.choices:
                assert not choice.delta.tool_calls
                words += choice.delta.content or ""
                thoughts += getattr(choice.delta, "reasoning_content", None) or ""
    return words, thoughts


async def by_responses(url: str) -> tuple[str, str]:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=TOKEN, max_retries=0) as sdk:
        response: Any = await sdk.responses.create(model=MODEL, input="Write out.txt", reasoning={"summary": "auto"})
    assert {item.type for item in response.output} == {"message", "reasoning"}
    thoughts = [summary.text for item in response.output if item.type == "reasoning" for summary in item.summary]
    return response.output_text, "".join(thoughts)


async def by_gemini(url: str) -> tuple[str, str]:
    options = types.HttpOptions(base_url=url, retry_options=types.HttpRetryOptions(attempts=1))
    sdk = genai.Client(api_key=TOKEN, vertexai=False, http_options=options)
    config = types.GenerateContentConfig(thinking_config=types.ThinkingConfig(include_thoughts=True))
    try:
        answer = await sdk.aio.models.generate_content(model=MODEL, contents="Write out.txt", config=config)
    finally:
        await sdk.aio.aclose()
        sdk.close()
    parts: Any = answer.candidates[0].content.parts  # type: ignore[index,union-attr]
    assert not [part for part in parts if part.function_call]
    return "".join(part.text for part in parts if not part.thought), "".join(part.text for part in parts if part.thought)


async def test_every_sdk_sees_what_it_does(machine: Machine) -> None:
    target = machine.work / "out.txt"
    async with FakeAnthropic() as api:
        with working(machine, api) as served:
            for ask in (by_anthropic, by_chat, by_responses, by_gemini):
                api.will_say(text("I write it."), tool_use("Write", {"file_path": str(target), "content": ask.__name__}))
                api.will_say(text("Done."))
                words, thoughts = await ask(served.url)
                assert target.read_text() == ask.__name__
                assert words == "I write it.\n\nDone."
                assert f"Write: {target}\n  File created" in thoughts
                target.unlink()
    assert {line["outcome"] for line in served.log} == {"ok"}


async def test_who_has_no_token_or_does_not_name_it_sets_nothing_to_work(machine: Machine) -> None:
    async with FakeAnthropic() as api:
        with working(machine, api) as served:
            async with anthropic.AsyncAnthropic(base_url=served.url, api_key="another", max_retries=0) as stranger:
                with pytest.raises(anthropic.AuthenticationError):
                    await stranger.messages.create(model=MODEL, max_tokens=9, messages=MESSAGES)
            async with anthropic.AsyncAnthropic(base_url=served.url, api_key=TOKEN, max_retries=0) as client:
                listed = {model.id async for model in client.models.list()}
                assert {"worker/sonnet", "worker/opus"} <= listed
                assert not [name for name in listed if not name.startswith(("worker/", "echo"))]
                for name in ("sonnet", "claude-sonnet-5", "opus", "worker"):
                    with pytest.raises(anthropic.NotFoundError):
                        await client.messages.create(model=name, max_tokens=9, messages=MESSAGES)
    assert api.bodies == []


async def test_nobody_asks_it_by_chance(machine: Machine) -> None:
    async with FakeAnthropic() as api:
        machine.configure("worker", preset="claude-code", environment=api.environment, agent={"directory": str(machine.work)})
        file = machine.home / ".config" / "ccproxy" / "config.toml"
        file.write_text(f'{file.read_text()}[server]\ntoken = "env:CCPROXY_TOKEN"\n')
        token = {"CCPROXY_TOKEN": TOKEN}
        ended = await machine.run(*CCPROXY, "ask", "hello", environment=token)
        assert (ended.code, ended.out) == (0, "hello\n")  # the embedded model's
        assert api.bodies == []
        api.will_say(text("At your service."))
        asked = await machine.run(*CCPROXY, "ask", "-m", "worker/sonnet", "hello", environment=token)
        assert (asked.code, asked.out) == (0, "At your service.\n")


async def test_its_owner_is_told_that_there_is_one(machine: Machine) -> None:
    async with FakeAnthropic() as api:
        machine.configure("worker", preset="claude-code", environment=api.environment, agent={"directory": str(machine.work)})
        file = machine.home / ".config" / "ccproxy" / "config.toml"
        file.write_text(f'{file.read_text()}[server]\ntoken = "env:CCPROXY_TOKEN"\n')
        ended = await machine.run(*CCPROXY, "doctor", environment={"CCPROXY_TOKEN": TOKEN})
        assert f"an agent in {machine.work}, dontAsk" in ended.out


async def test_what_it_started_ends_when_its_client_leaves(machine: Machine) -> None:
    async with FakeAnthropic() as api:
        api.will_say(text("I wait."), tool_use("Bash", {"command": "sleep 1 && touch begun && sleep 600"}, "toolu_1"))
        api.will_say(text("I wait."), tool_use("Bash", {"command": "sleep 600"}, "toolu_2"))
        with working(machine, api) as served:
            body = {"model": MODEL, "messages": MESSAGES, "stream": True}
            async with (
                aiohttp.ClientSession(headers={"authorization": f"Bearer {TOKEN}"}) as client,
                client.post(f"{served.url}/v1/chat/completions", json=body) as reply,
            ):
                assert reply.status == 200
                await asyncio.to_thread(wait_until, lambda: sleeping(machine.work))
            await asyncio.to_thread(wait_until, lambda: not sleeping(machine.work), 2.0)


def sleeping(folder: Path) -> bool:
    """Whether the agent's long command runs."""
    running = psutil.process_iter(["cwd", "cmdline", "status"])
    return any(one.info["cwd"] == str(folder) and one.info["cmdline"] == ["sleep", "600"] for one in running)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (("token = ", "# token = "), "8: an agent acts on this machine for whoever can reach the port; set server.token"),
        (("[server]", '[server]\nhost = "0.0.0.0"'), "an agent acts on this machine, which others may reach as 0.0.0.0; set server.host"),
        (("acceptEdits", "bypassPermissions"), "bypassPermissions would leave the directory; name what may be done in allowed_tools"),
    ],
    ids=["no token", "beyond loopback", "no limits"],
)
@pytest.mark.parametrize("command", ["serve", "ask"])
async def test_it_is_refused_where_others_could_reach_it(machine: Machine, change: tuple[str, str], why: str, command: str) -> None:
    file = machine.home / "ccproxy.toml"
    file.touch(mode=0o600)
    file.write_text(CONFIG.format(url="http://127.0.0.1:1", work=machine.work).replace("CCPROXY_TOKEN", "THE_TOKEN").replace(*change))
    words = ("hi",) if command == "ask" else ("--port", "0")
    ended = await machine.run(*CCPROXY, command, "--config", str(file), *words, environment={"THE_TOKEN": TOKEN})
    assert ended.code == 2
    assert f"{file}:" in ended.err
    assert why in ended.err
