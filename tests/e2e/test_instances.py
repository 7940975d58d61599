"""Several instances on one store: processes of one machine on its file, and machines on a real Redis or Valkey server."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.e2e.conftest import CCPROXY, Machine, Served
from tests.raw_upstream import Heard, RawUpstream, json_reply
from tests.stores.redis_server import RedisServer, running

ECHO = '[providers.echo]\npreset = "echo"\n'


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that a test may kill."""
    folder = tmp_path / "redis"
    folder.mkdir()
    with running(folder) as server:
        yield server


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(force_close=True)) as session:
        yield session


@pytest.fixture
async def upstream() -> AsyncIterator[RawUpstream]:
    async with RawUpstream() as made:
        yield made


@contextlib.contextmanager
def instances(folder: Path, config: str) -> Iterator[tuple[Served, Served]]:
    """Two machines that share nothing but what the configuration names."""
    with contextlib.ExitStack() as stack:
        served = []
        for name in ("one", "other"):
            machine = Machine(folder / name)
            machine.work.mkdir(parents=True)
            served.append(stack.enter_context(machine.serve(config)))
        yield served[0], served[1]


def shared(server: RedisServer) -> str:
    return f'[store]\nurl = "{server.url}"\n'


async def asked(http: aiohttp.ClientSession, served: Served, path: str, **body: Any) -> tuple[int, Any]:
    async with http.post(served.url + path, json=body) as reply:
        return reply.status, await reply.json()


async def answered(http: aiohttp.ClientSession, served: Served, text: str, **more: Any) -> Any:
    status, answer = await asked(http, served, "/v1/responses", model="echo", input=text, **more)
    assert status == 200, answer
    return answer


async def test_a_limit_holds_over_both(redis_server: RedisServer, http: aiohttp.ClientSession, tmp_path: Path) -> None:
    with instances(tmp_path, ECHO + "[limits]\nrequests_per_minute = 60\n" + shared(redis_server)) as both:
        began = time.monotonic()
        told = await asyncio.gather(*(asked(http, both[number % 2], "/v1/responses", model="echo", input="a") for number in range(100)))
        refilled = time.monotonic() - began
    statuses = [status for status, _ in told]
    assert 60 <= statuses.count(200) <= 61 + refilled
    assert statuses.count(200) + statuses.count(429) == 100


async def test_what_one_has_seen_fail_the_other_leaves_alone(
    redis_server: RedisServer, http: aiohttp.ClientSession, upstream: RawUpstream, tmp_path: Path
) -> None:
    upstream.will(json_reply({"error": {"message": "down", "type": "server_error"}}, 503))
    config = (
        ECHO
        + f"""
[providers.up]
preset = "openai"
base_url = "{upstream.url}/v1"
api_key = "sk-test-0123456789"

[models]
"chain" = ["up/m", "echo/echo"]
"""
    )
    with instances(tmp_path, config + shared(redis_server)) as (one, other):
        body = {"model": "chain", "messages": [{"role": "user", "content": "hi"}]}
        assert (await asked(http, one, "/v1/chat/completions", **body))[0] == 200
        tried = len(upstream.heard)
        assert tried >= 1
        assert (await asked(http, other, "/v1/chat/completions", **body))[0] == 200
        assert len(upstream.heard) == tried


async def test_each_goes_on_from_the_others_answers(redis_server: RedisServer, http: aiohttp.ClientSession, tmp_path: Path) -> None:
    with instances(tmp_path, ECHO + shared(redis_server)) as (one, other):
        first = await answered(http, one, "a b c")
        second = await answered(http, other, "d", previous_response_id=first["id"])
        async with http.get(f"{one.url}/v1/responses/{second['id']}/input_items") as reply:
            items = (await reply.json())["data"]
        assert [item["role"] for item in items] == ["user", "assistant", "user"]


THOUGHT = {"type": "thinking", "thinking": "Look it up.", "signature": "c2lnbmVk"}


def thoughtful(heard: Heard) -> dict[str, Any]:
    """An answer of Anthropic's that thinks and calls a tool, until it has the tool's result."""
    blocks: Sequence[Any] = [THOUGHT, {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {}}]
    done = any(
        isinstance(part, dict) and part["type"] == "tool_result" for message in heard.json["messages"] for part in message["content"]
    )
    if done:
        blocks = [{"type": "text", "text": "Done."}]
    usage = {"input_tokens": 1, "output_tokens": 1}
    answer = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": blocks, "stop_sequence": None, "usage": usage}
    return answer | {"stop_reason": "end_turn" if done else "tool_use"}


async def think(heard: Heard) -> None:
    await json_reply(thoughtful(heard))(heard)


async def test_each_gives_back_reasoning_that_the_other_was_given(
    redis_server: RedisServer, http: aiohttp.ClientSession, upstream: RawUpstream, tmp_path: Path
) -> None:
    upstream.will(think)
    config = f'[providers.up]\npreset = "anthropic"\nbase_url = "{upstream.url}"\napi_key = "sk-test-0123456789"\nmodels = ["m"]\n'
    tool = {"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}
    ask = {"role": "user", "content": "hi"}
    with instances(tmp_path, config + shared(redis_server)) as (one, other):
        chat = "/v1/chat/completions"
        _, first = await asked(http, one, chat, model="up/m", tools=[tool], messages=[ask], reasoning_effort="low")
        message = {key: value for key, value in first["choices"][0]["message"].items() if key in ("role", "content", "tool_calls")}
        result = {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": "found"}
        status, _ = await asked(http, other, chat, model="up/m", tools=[tool], messages=[ask, message, result], reasoning_effort="low")
        assert status == 200
        assert upstream.heard[-1].json["messages"][1]["content"][0] == THOUGHT
        # A Responses client carries the proof itself, under a seal that both have to know.
        function = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}, "strict": False}
        more: Any = {
            "model": "up/m",
            "tools": [function],
            "store": False,
            "include": ["reasoning.encrypted_content"],
            "reasoning": {"effort": "low"},
        }
        opening = {"type": "message", "role": "user", "content": "hi"}
        _, first = await asked(http, one, "/v1/responses", input=[opening], **more)
        output = {"type": "function_call_output", "call_id": first["output"][-1]["call_id"], "output": "found"}
        status, _ = await asked(http, other, "/v1/responses", input=[opening, *first["output"], output], **more)
        assert status == 200
        assert upstream.heard[-1].json["messages"][1]["content"][0] == THOUGHT


async def test_a_store_that_dies_under_load_costs_no_answer(redis_server: RedisServer, http: aiohttp.ClientSession, tmp_path: Path) -> None:
    with instances(tmp_path, ECHO + shared(redis_server)) as both:
        gate = asyncio.Semaphore(16)
        done: list[tuple[Served, str]] = []

        async def talk(number: int) -> None:
            served = both[number % 2]
            async with gate:
                first = await answered(http, served, f"a {number}")
                second = await answered(http, served, "b", previous_response_id=first["id"], stream=False)
                assert second["previous_response_id"] == first["id"]
                done.append((served, second["id"]))

        talks = [asyncio.ensure_future(talk(number)) for number in range(150)]
        while len(done) < 40:
            await asyncio.sleep(0.01)
        redis_server.kill()
        await asyncio.gather(*talks)
        assert len(done) == 150
        during = [await answered(http, served, "during") for served in both]
        redis_server.start()
        # Everything is made up for: each goes on from what the other was asked, before the store was away and meanwhile.
        for served, answer in zip(reversed(both), during, strict=True):
            await found_again(http, served, answer["id"])
        for served, given in done:
            await found_again(http, both[served is both[0]], given)
        logs = [served.stderr.read_text() for served in both]
    for log in logs:
        lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
        messages = [line["message"] for line in lines if line["event"] == "log"]
        assert len(messages) == 2, messages
        assert "going on with what is in this process until it is back" in messages[0]
        assert "is back" in messages[1]
        assert not any(line["outcome"] not in ("ok", "overloaded") for line in lines if line["event"] == "request")


async def found_again(http: aiohttp.ClientSession, served: Served, answer: str) -> None:
    """Wait until an answer can be gone on from. Until then clients are told to come again, not that it is lost."""
    async with asyncio.timeout(60):
        while True:
            status, said = await asked(http, served, "/v1/responses", model="echo", input="c", previous_response_id=answer)
            if status == 200:
                return
            assert status in (400, 503), said
            await asyncio.sleep(0.1)


async def test_workers_of_one_machine_go_on_from_each_others_answers(machine: Machine, http: aiohttp.ClientSession) -> None:
    with machine.serve(ECHO, "--workers", "3") as served:
        answer = await answered(http, served, "0")
        for number in range(1, 30):
            answer = await answered(http, served, str(number), previous_response_id=answer["id"])
        async with http.get(f"{served.url}/v1/responses/{answer['id']}/input_items?limit=100&order=asc") as reply:
            items = (await reply.json())["data"]
        assert [item["content"][0]["text"] for item in items if item["role"] == "user"] == [str(number) for number in range(30)]


async def test_a_limit_holds_over_the_workers_of_one_machine(machine: Machine, http: aiohttp.ClientSession) -> None:
    with machine.serve(ECHO + "[limits]\nrequests_per_minute = 30\n", "--workers", "3") as served:
        began = time.monotonic()
        told = await asyncio.gather(*(asked(http, served, "/v1/responses", model="echo", input="a") for _ in range(60)))
        refilled = (time.monotonic() - began) / 2
    assert 30 <= [status for status, _ in told].count(200) <= 31 + refilled


async def test_answers_and_usage_outlive_the_server(machine: Machine, http: aiohttp.ClientSession) -> None:
    with machine.serve(ECHO) as served:
        answer = await answered(http, served, "a")
    with machine.serve(ECHO) as served:
        again = await answered(http, served, "b", previous_response_id=answer["id"])
        assert again["previous_response_id"] == answer["id"]
    ended = await machine.run(*CCPROXY, "usage", "--json", "--config", str(machine.home / "ccproxy.toml"))
    assert json.loads(ended.out)["data"]["total"]["requests"] == 2
