"""What becomes of answers that are under way when the server is told to stop, or when the client leaves, as SDKs and upstreams see it."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import anthropic
import openai
import psutil
import pytest
from attrs import frozen

from tests.e2e.conftest import Machine, Served
from tests.fake_anthropic import FakeAnthropic, text
from tests.fake_anthropic import Reply as AnthropicReply
from tests.fake_openai import FakeOpenAI, Reply

pytestmark = pytest.mark.real_cli

WORDS = "One, two, three, four, five, six, seven."
CONFIG = """
[providers.claude]
preset = "claude-code"
environment = {{ ANTHROPIC_BASE_URL = "{anthropic}", ANTHROPIC_API_KEY = "sk-ant-made-up" }}
pool_size = 0
[providers.anthropic]
preset = "anthropic"
base_url = "{anthropic}"
api_key = "sk-ant-made-up"
[providers.openai]
preset = "openai"
base_url = "{openai}"
api_key = "sk-made-up"
[timeouts]
grace = {grace}
"""
MODELS = {"claude": "claude/claude-sonnet-4-5", "anthropic": "anthropic/claude-sonnet-4-5", "openai": "openai/gpt-4o"}
MESSAGES: Any = [{"role": "user", "content": "Count."}]


@frozen
class House:
    """A server, and upstreams that stop after the first words of every answer until they may go on."""

    served: Served
    anthropic: FakeAnthropic
    openai: FakeOpenAI
    may_go_on: asyncio.Event

    def gone(self, provider: str) -> asyncio.Event:
        """Set when the upstream of a provider has seen its client leave."""
        return self.openai.gone if provider == "openai" else self.anthropic.gone

    def was_asked(self, provider: str, times: int) -> bool:
        return self.asked(provider) >= times

    def asked(self, provider: str) -> int:
        """Requests that have reached the upstream of a provider."""
        return len(self.openai.bodies if provider == "openai" else self.anthropic.bodies)


@contextlib.asynccontextmanager
async def house(machine: Machine, grace: float = 20) -> AsyncIterator[House]:
    may_go_on = asyncio.Event()
    async with (
        FakeAnthropic(lambda body: AnthropicReply([text(WORDS)], hold=may_go_on)) as claude,
        FakeOpenAI(lambda body: Reply(WORDS, hold=may_go_on)) as chat,
    ):
        with machine.serve(CONFIG.format(anthropic=claude.url, openai=chat.url, grace=grace)) as served:
            yield House(served, claude, chat, may_go_on)


async def by_anthropic(url: str, model: str) -> AsyncGenerator[str, None]:
    """The words of an answer as they come; closing hangs up."""
    async with (
        anthropic.AsyncAnthropic(base_url=url, api_key="any", max_retries=0) as client,
        client.messages.stream(model=model, max_tokens=99, messages=MESSAGES) as stream,
    ):
        async for words in stream.text_stream:
            yield words


async def by_openai(url: str, model: str) -> AsyncGenerator[str, None]:
    """As `by_anthropic`."""
    async with (
        openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0) as client,
        await client.chat.completions.create(model=model, messages=MESSAGES, stream=True) as stream,
    ):
        async for chunk in stream:
            if chunk.choices and (words := chunk.choices[0].delta.content):
                yield words


SDKS = (by_anthropic, by_openai)


async def until(happened: Callable[[], bool]) -> None:
    """Wait for what must come soon."""
    async with asyncio.timeout(20):
        while not happened():
            await asyncio.sleep(0.02)


def refuses(url: str) -> bool:
    """Nobody listens any more."""
    parts = urlsplit(url)
    with socket.socket() as knocking:
        return knocking.connect_ex((parts.hostname, parts.port)) != 0


async def begin(house: House) -> tuple[list[AsyncGenerator[str, None]], list[str]]:
    """A stream by each SDK from each provider, and the first words of each."""
    streams = [sdk(house.served.url, model) for model in MODELS.values() for sdk in SDKS]
    first = await asyncio.gather(*(anext(stream) for stream in streams))
    assert all(words and WORDS.startswith(words) and words != WORDS for words in first)
    return streams, first


async def stopped(served: Served, children: Sequence[psutil.Process]) -> int:
    """The exit code, once the server and everything below it is gone."""
    code = await asyncio.to_thread(served.process.wait, 20)
    _, alive = await asyncio.to_thread(psutil.wait_procs, children, 20)
    assert not alive
    return code


async def test_open_streams_end_before_the_server_does(machine: Machine) -> None:
    async with house(machine) as home:
        streams, first = await begin(home)
        children = home.served.children
        home.served.process.send_signal(signal.SIGTERM)
        await until(partial(refuses, home.served.url))
        home.may_go_on.set()
        rest = [[words async for words in stream] for stream in streams]
        assert [start + "".join(more) for start, more in zip(first, rest, strict=True)] == [WORDS] * len(streams)
        assert await stopped(home.served, children) == 0
    assert [line["outcome"] for line in home.served.log] == ["ok"] * len(streams)


async def test_streams_that_do_not_end_in_time_are_told_why(machine: Machine) -> None:
    async with house(machine, grace=0.2) as home:
        streams, _ = await begin(home)
        children = home.served.children
        home.served.process.send_signal(signal.SIGTERM)
        for stream in streams:
            with pytest.raises((anthropic.APIStatusError, openai.APIError), match="shutting down"):
                await anext(stream)
        assert await stopped(home.served, children) == 0
        for provider in MODELS:
            await asyncio.wait_for(home.gone(provider).wait(), 10)
    assert [line["outcome"] for line in home.served.log] == ["stream_broken"] * len(streams)


async def test_who_leaves_is_not_answered_on(machine: Machine) -> None:
    async with (
        house(machine) as home,
        anthropic.AsyncAnthropic(base_url=home.served.url, api_key="any", max_retries=0) as claude,
        openai.AsyncOpenAI(base_url=f"{home.served.url}/v1", api_key="any", max_retries=0) as chat,
    ):
        for provider, model in MODELS.items():
            for stream in (sdk(home.served.url, model) for sdk in SDKS):
                await anext(stream)
                assert not home.gone(provider).is_set()
                await stream.aclose()
                await leaves(home, provider)
            for asking in (
                claude.messages.create(model=model, max_tokens=99, messages=MESSAGES),
                chat.chat.completions.create(model=model, messages=MESSAGES),
            ):
                before = home.asked(provider)
                whole = asyncio.ensure_future(asking)
                await until(partial(home.was_asked, provider, before + 1))
                whole.cancel()
                await leaves(home, provider)
        await until(lambda: len(home.served.log) == 4 * len(MODELS))
    assert {line["outcome"] for line in home.served.log} == {"client_gone"}


async def leaves(home: House, provider: str) -> None:
    """The upstream sees the client leave, and no CLI works on. A second is what is promised; the rest is for machines that are busy."""
    await asyncio.wait_for(home.gone(provider).wait(), 10)
    home.gone(provider).clear()
    await until(lambda: not any("claude" in process.name() for process in home.served.children))
