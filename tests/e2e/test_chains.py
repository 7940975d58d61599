"""Chains and rules through a real server: what official clients get, what is logged, and that nobody is served after hanging up."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import anthropic
import openai
import pytest

from tests.backends.samples import ANTHROPIC_BODY, CHAT_BODY, TEXT, anthropic_frames, chat_frames
from tests.e2e.conftest import Machine
from tests.raw_upstream import RawUpstream, json_reply, raw, stream_reply

TOKEN = "alice-0123456789abcdef0123456789abcdef"
OVERLOADED = json_reply({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, 529)
LIMITED = json_reply({"error": {"message": "Slow down", "type": "requests", "code": "rate_limit_exceeded"}}, 429, retry_after="9")
MESSAGES: Any = [{"role": "user", "content": "hi"}]


@pytest.fixture
async def upstreams() -> AsyncIterator[tuple[RawUpstream, RawUpstream]]:
    async with RawUpstream() as claude, RawUpstream() as chat:
        claude.will(OVERLOADED)
        chat.will(json_reply(CHAT_BODY))
        yield claude, chat


def config(claude: RawUpstream, chat: RawUpstream, **retries: float) -> str:
    more = "".join(f"{name} = {value}\n" for name, value in retries.items())
    return f"""
[providers.claude]
preset = "anthropic"
base_url = "{claude.url}"
api_key = "sk-ant-0123456789"
[providers.chat]
preset = "openai-compatible"
base_url = "{chat.url}"
api_key = "sk-0123456789"
[clients.alice]
token = "{TOKEN}"
models = ["fast"]
[models]
fast = ["claude/claude-x", "chat/gpt-x"]
slow = "chat/gpt-x"
[[rules]]
to = "chat/deep"
thinking = true
[retries]
first_wait = 0
{more}"""


async def test_official_clients_of_two_formats_are_served_by_who_can(machine: Machine, upstreams: tuple[RawUpstream, RawUpstream]) -> None:
    claude, chat = upstreams
    with machine.serve(config(*upstreams)) as served:
        async with anthropic.AsyncAnthropic(base_url=served.url, api_key=TOKEN, max_retries=0) as client:
            reply = await client.messages.with_raw_response.create(model="fast", max_tokens=99, messages=MESSAGES)
            told = await reply.parse()
        assert (told.model, told.content[0].text) == ("fast", TEXT)  # type: ignore[union-attr]
        assert (reply.headers["x-ccproxy-route"], reply.headers["x-ccproxy-attempts"]) == ("chat/gpt-x", "3")
        assert reply.headers["x-ccproxy-rule"] == 'rule "fast" -> claude/claude-x, chat/gpt-x'
        chat.will(stream_reply(*chat_frames()))
        async with openai.AsyncOpenAI(base_url=f"{served.url}/v1", api_key=TOKEN, max_retries=0) as client:
            stream = await client.chat.completions.create(model="fast", messages=MESSAGES, stream=True)
            chunks = [chunk async for chunk in stream]
        assert {chunk.model for chunk in chunks} == {"fast"}
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == TEXT
        assert len(claude.heard) == 2  # it rests since
    assert [(line["tries"], line["backend"], line["client"], line["outcome"]) for line in served.log] == [
        (3, "chat", "alice", "ok"),
        (1, "chat", "alice", "ok"),
    ]
    assert [line["failures"] for line in served.log] == ["claude/claude-x overloaded 529, claude/claude-x overloaded 529", None]


async def test_a_rested_target_is_asked_first_again(machine: Machine, upstreams: tuple[RawUpstream, RawUpstream]) -> None:
    claude, _ = upstreams
    claude.will(OVERLOADED, OVERLOADED, stream_reply(*anthropic_frames()))
    with machine.serve(config(*upstreams, cool_down=0.001)) as served:
        async with anthropic.AsyncAnthropic(base_url=served.url, api_key=TOKEN, max_retries=0) as client:
            first = await client.messages.create(model="fast", max_tokens=99, messages=MESSAGES)
            async with client.messages.stream(model="fast", max_tokens=99, messages=MESSAGES) as stream:
                second = await stream.get_final_message()
        assert (first.content[0].text, second.content[0].text, second.model) == (TEXT, TEXT, "fast")  # type: ignore[union-attr]
    assert [(line["tries"], line["backend"]) for line in served.log] == [(3, "chat"), (1, "claude")]
    assert ANTHROPIC_BODY["model"] != "fast"


async def test_the_first_targets_own_error_comes_back(machine: Machine, upstreams: tuple[RawUpstream, RawUpstream]) -> None:
    upstreams[0].will(LIMITED)
    upstreams[1].will(raw(b"", reset=True))
    with machine.serve(config(*upstreams)) as served:
        async with anthropic.AsyncAnthropic(base_url=served.url, api_key=TOKEN, max_retries=0) as client:
            with pytest.raises(anthropic.RateLimitError, match="Slow down") as caught:
                await client.messages.create(model="fast", max_tokens=99, messages=MESSAGES)
        headers = caught.value.response.headers
        assert (headers["retry-after"], headers["x-ccproxy-route"], headers["x-ccproxy-attempts"]) == ("9", "claude/claude-x", "2")
    assert [(line["tries"], line["backend"], line["upstream_status"], line["outcome"]) for line in served.log] == [
        (2, "claude", 429, "upstream_error")
    ]


async def test_a_client_asks_for_its_models_alone(machine: Machine, upstreams: tuple[RawUpstream, RawUpstream]) -> None:
    with machine.serve(config(*upstreams)) as served:
        async with openai.AsyncOpenAI(base_url=f"{served.url}/v1", api_key=TOKEN, max_retries=0) as client:
            assert [model.id async for model in client.models.list()] == ["fast"]
            with pytest.raises(openai.PermissionDeniedError, match="not among the models that alice may ask for"):
                await client.chat.completions.create(model="slow", messages=MESSAGES)
            with pytest.raises(openai.NotFoundError):
                await client.models.retrieve("slow")
            ruled = await client.chat.completions.with_raw_response.create(model="fast", messages=MESSAGES, reasoning_effort="high")
        assert ruled.headers["x-ccproxy-rule"] == "rule 1: thinking -> chat/deep"
    assert upstreams[1].heard[-1].json["model"] == "deep"


async def test_who_hangs_up_during_a_wait_is_served_no_more(machine: Machine, upstreams: tuple[RawUpstream, RawUpstream]) -> None:
    claude, chat = upstreams
    patient = config(claude, chat, longest_wait=60, attempts=3).replace("first_wait = 0", "first_wait = 30").replace(', "chat/gpt-x"]', "]")
    with machine.serve(patient) as served:
        host, _, port = served.url.removeprefix("http://").partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        body = json.dumps({"model": "fast", "max_tokens": 9, "messages": MESSAGES}).encode()
        headers = f"host: {host}\r\nx-api-key: {TOKEN}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
        writer.write(f"POST /v1/messages HTTP/1.1\r\n{headers}\r\n\r\n".encode() + body)
        await writer.drain()
        while not claude.heard:
            await asyncio.sleep(0.01)
        writer.close()
        while not served.log:
            await asyncio.sleep(0.01)
    assert [(line["outcome"], line["tries"]) for line in served.log] == [("client_gone", 1)]
    assert len(claude.heard) == 1
