"""Clients with tokens of their own, and limits, over real connections."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from ccproxy_cli.config.settings import (
    ClientSettings,
    GeneralLimitSettings,
    LimitSettings,
    ProviderSettings,
    ServerSettings,
    Settings,
    StoreSettings,
)
from ccproxy_cli.core.errors import APIError, BadRequest, ErrorKind, UpstreamError
from ccproxy_cli.core.response import Usage
from ccproxy_cli.launch.serve import serving
from ccproxy_cli.observe.logging import RequestLine
from ccproxy_cli.pipeline.exchange import Answer, Exchange
from ccproxy_cli.pipeline.limits import Limits
from ccproxy_cli.server.app import create_app
from ccproxy_cli.stores.memory import MemoryStore
from ccproxy_cli.wiring import build_pipeline
from tests.raw_upstream import RawUpstream, json_reply
from tests.server.conftest import SSE, Reply, Site, StubPipeline, site, streaming, until, whole

TOKEN = "token-of-the-server-01"
CLIENTS = {"ann": ClientSettings("token-of-ann-0123456"), "bob": ClientSettings("token-of-bob-0123456")}
PATHS = {
    "anthropic": "/v1/messages",
    "openai-chat": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "gemini": "/v1beta/models/m:generateContent",
}


def limited(clients: Mapping[str, ClientSettings] | None = None, **limits: Any) -> Limits:
    made = Limits.of(Settings(limits=GeneralLimitSettings(**limits), clients=clients or {}), MemoryStore(time.monotonic))
    assert made is not None
    return made


async def test_each_token_opens_the_door_and_tells_who_came() -> None:
    async with site(token=TOKEN, clients=CLIENTS) as running:
        for key in ("token-of-ann-0123456", "token-of-bob-0123456", TOKEN):
            assert (await running.ask(headers={"x-api-key": key})).status == 200
        refused = await running.ask(headers={"x-api-key": "token-of-eve-0123456"})
        assert refused.status == 401
        assert [line.client for line in running.log] == ["ann", "bob", None, None]
        assert [exchange.client for exchange in running.pipeline.seen] == ["ann", "bob", None]
        assert not [exchange for exchange in running.pipeline.seen if exchange.client_key is not None]
        assert "token-of" not in repr([*running.log, *(exchange.client_key for exchange in running.pipeline.seen)])
        assert len({exchange.owner for exchange in running.pipeline.seen}) == 3


async def test_what_is_kept_for_one_is_kept_for_nobody_else() -> None:
    headers = [
        {"x-api-key": "token-of-ann-0123456"},
        {"x-api-key": "token-of-bob-0123456"},
        {"x-api-key": TOKEN},
        {"x-api-key": TOKEN, "authorization": "Bearer sk-of-carl"},
        {"x-api-key": "token-of-ann-0123456", "authorization": "Bearer sk-of-carl"},
    ]
    async with site(token=TOKEN, clients=CLIENTS) as running:
        for each in headers:
            await running.ask(headers=each)
        assert len({exchange.owner for exchange in running.pipeline.seen}) == len(headers)
        assert [exchange.client_key for exchange in running.pipeline.seen] == [None, None, None, "sk-of-carl", "sk-of-carl"]


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
async def test_one_more_than_may_be_asked_is_refused_in_the_callers_words(path: str) -> None:
    async with site(StubPipeline(limits=limited(requests_per_minute=2))) as running:
        replies = [await running.ask(path=path) for _ in range(3)]
        assert [reply.status for reply in replies] == [200, 200, 429]
        assert 1 <= int(replies[2].headers["retry-after"]) <= 30
        assert "2 requests per minute" in replies[2].json["error"]["message"]
        told = [[value for name, value in reply.headers.items() if "ratelimit" in name and "remaining" in name] for reply in replies]
        assert told == ([[], [], []] if path.endswith("generateContent") else [["1"], ["0"], ["0"]])
        assert [line.outcome for line in running.log] == ["ok", "ok", "rejected"]
        assert len(running.pipeline.seen) == 2


async def test_what_makes_no_model_work_is_free() -> None:
    async with site(StubPipeline(limits=limited(requests_per_minute=1))) as running:
        assert (await running.ask()).status == 200
        assert (await running.ask("GET", "/v1/models")).status == 200
        assert (await running.ask(path="/v1/messages/count_tokens")).status == 200
        assert (await running.ask()).status == 429


async def test_a_client_is_held_to_its_own_limits() -> None:
    clients = {**CLIENTS, "bob": ClientSettings("token-of-bob-0123456", limits=LimitSettings(requests_per_minute=1))}
    pipeline = StubPipeline(limits=limited(clients, requests_per_minute=3))
    async with site(pipeline, token=TOKEN, clients=clients) as running:
        served = {}
        for name, key in (("bob", "token-of-bob-0123456"), ("ann", "token-of-ann-0123456"), (None, TOKEN)):
            statuses = [(await running.ask(headers={"x-api-key": key})).status for _ in range(4)]
            served[name] = statuses.count(200)
        assert served == {"bob": 1, "ann": 3, None: 3}


async def test_one_at_a_time_is_enough_for_who_waits_for_each_answer() -> None:
    async with site(StubPipeline(limits=limited(concurrency=1))) as running, running.connect() as connection:
        for _ in range(30):
            await connection.send("POST", "/v1/messages", b"{}")
            assert (await connection.reply()).status == 200


async def fails(exchange: Exchange) -> Answer:
    raise UpstreamError(APIError(ErrorKind.OVERLOADED, "busy", origin="anthropic"))


async def is_refused(exchange: Exchange) -> Answer:
    raise BadRequest("no")


async def breaks(exchange: Exchange) -> Answer:
    raise RuntimeError("a bug")


@pytest.mark.parametrize("answer", [whole, fails, is_refused, breaks, streaming(b"data: 1\n\n", b"data: 2\n\n")])
async def test_a_slot_comes_free_however_an_answer_ends(answer: Any) -> None:
    async with site(StubPipeline(answer, limits=limited(concurrency=1))) as running:
        for _ in range(3):
            assert (await running.ask()).status != 429


async def test_a_slot_is_held_until_the_stream_is_over_or_its_client_has_left() -> None:
    release = asyncio.Event()

    async def waits(exchange: Exchange) -> Answer:
        async def chunks() -> Any:
            yield b"data: 1\n\n"
            await release.wait()

        return Answer(200, SSE, ping=exchange.format.ping, chunks=chunks())

    async with site(StubPipeline(waits, limits=limited(concurrency=1))) as running:
        async with running.connect() as connection:
            await connection.send("POST", "/v1/messages", b"{}")
            assert (await connection.head()).status == 200
            refused = await running.ask()
            assert (refused.status, refused.headers["retry-after"]) == (429, "1")
        await until(lambda: len(running.log) == 2)
        assert running.log[1].outcome == "client_gone"
        release.set()
        assert (await running.ask()).status == 200


async def test_a_slot_comes_free_when_the_client_leaves_before_the_answer() -> None:
    asked = asyncio.Event()

    async def never(exchange: Exchange) -> Answer:
        if asked.is_set():
            return await whole(exchange)
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with site(StubPipeline(never, limits=limited(concurrency=1))) as running:
        async with running.connect() as connection:
            await connection.send("POST", "/v1/messages", b"{}")
            await asked.wait()
            assert (await running.ask()).status == 429
        await until(lambda: len(running.log) == 2)
        assert (await running.ask()).status == 200


async def test_tokens_are_settled_by_what_the_answer_cost() -> None:
    async def costs(exchange: Exchange) -> Answer:
        exchange.usage = Usage(input=300, cache_read=100, output=500)
        return await whole(exchange)

    async with site(StubPipeline(costs, limits=limited(tokens_per_minute=1000))) as running:
        first, second = await running.ask(), await running.ask()
        assert (first.headers["anthropic-ratelimit-tokens-remaining"], second.status) == ("999", 200)
        assert 95 <= int(second.headers["anthropic-ratelimit-tokens-remaining"]) <= 110
        third = await running.ask()
        assert third.status == 429
        assert json.loads(third.body)["error"]["type"] == "rate_limit_error"


def tokens_left(reply: Reply) -> int:
    return int(reply.headers["anthropic-ratelimit-tokens-remaining"])


async def test_what_was_there_already_costs_no_tokens() -> None:
    async def again(exchange: Exchange) -> Answer:
        exchange.cache = "hit"
        return await whole(exchange)

    async with site(StubPipeline(again, limits=limited(tokens_per_minute=1000))) as running:
        assert [tokens_left(await running.ask(body=b" " * 400)) for _ in range(3)] == [895, 895, 895]


@pytest.mark.parametrize("leaves", [True, False])
async def test_who_leaves_has_made_the_upstream_work_and_who_is_refused_has_not(leaves: bool) -> None:
    asked = asyncio.Event()

    async def waits(exchange: Exchange) -> Answer:
        if not asked.is_set():
            asked.set()
            if not leaves:
                raise UpstreamError(APIError(ErrorKind.OVERLOADED, "busy", origin="anthropic"))
            await asyncio.Event().wait()
        return await whole(exchange)

    async with site(StubPipeline(waits, limits=limited(tokens_per_minute=1000))) as running:
        async with running.connect() as connection:
            await connection.send("POST", "/v1/messages", b" " * 400)
            await asked.wait()
            if not leaves:
                assert (await connection.reply()).status == 529
        await until(lambda: len(running.log) == 1)
        assert tokens_left(await running.ask()) // 10 == (89 if leaves else 99)


@pytest.fixture
async def upstream() -> AsyncIterator[RawUpstream]:
    async with RawUpstream() as made:
        yield made


def passing_keys_on(upstream: RawUpstream, **more: Any) -> Settings:
    provider = ProviderSettings("anthropic", base_url=upstream.url, api_key=("client",))
    return Settings(server=ServerSettings(token=TOKEN), clients=CLIENTS, providers={"up": provider}, store=StoreSettings("memory"), **more)


ANSWER = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "Hi."}]} | {
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
ASKED = json.dumps({"model": "up/m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}).encode()


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions"])
@pytest.mark.parametrize("token", [TOKEN, "token-of-ann-0123456"])
async def test_a_token_of_ours_is_never_sent_to_a_provider(upstream: RawUpstream, token: str, path: str) -> None:
    upstream.will(json_reply(ANSWER))
    settings, log = passing_keys_on(upstream), list[RequestLine]()
    async with serving(create_app(settings, build_pipeline(settings), log=log.append)) as server:
        running = Site(server, StubPipeline(), log)
        alone = await running.ask(path=f"{path}?key={token}", body=ASKED, headers={"authorization": f"Bearer {token}", "x-api-key": token})
        assert (alone.status, len(upstream.heard)) == (401, 0)
        assert "carries none" in alone.json["error"]["message"]
        both = await running.ask(
            path=f"{path}?key={token}", body=ASKED, headers={"authorization": f"Bearer {token}", "x-api-key": "sk-own"}
        )
        assert both.status == 200
    (heard,) = upstream.heard
    assert heard.headers["x-api-key"] == "sk-own"
    assert token not in repr((heard.path, heard.headers, heard.body, log))
