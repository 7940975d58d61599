"""Estimates grow nearer to what is billed, each model's for itself, and a vendor's own counts are left alone."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ccproxy_cli.backends.base import Backend
from ccproxy_cli.backends.credentials import AuthStyle, Credentials, LiteralKey
from ccproxy_cli.backends.echo import EchoBackend
from ccproxy_cli.backends.http import HTTPBackend
from ccproxy_cli.config.settings import ModelRule, TimeoutSettings
from ccproxy_cli.core.catalog import TokenCount
from ccproxy_cli.core.estimate import Scale
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import Request
from ccproxy_cli.core.response import Usage
from ccproxy_cli.pipeline.calibration import Calibration, RecentScales
from ccproxy_cli.pipeline.exchange import Exchange
from ccproxy_cli.pipeline.pipeline import Pipeline
from ccproxy_cli.pipeline.route import RouteTable
from tests.raw_upstream import RawUpstream, json_reply, stream_reply

CLIENT = FORMATS["anthropic"]
QUESTION = {"messages": [{"role": "user", "content": "Tell me a story about a fox. " * 40}]}


def backend(name: str, url: str, spoken: str) -> Backend:
    credentials = Credentials(LiteralKey("sk-test-0123456789abcdefghijklmnop"), AuthStyle.BEARER)
    return HTTPBackend(
        name, FORMATS[spoken], url, credentials, lambda _: Profile(), TimeoutSettings(connect=2, first_byte=10, idle=10, total=30)
    )


@pytest.fixture
async def upstream() -> AsyncIterator[RawUpstream]:
    async with RawUpstream() as made:
        yield made


@pytest.fixture
async def pipeline(upstream: RawUpstream) -> AsyncIterator[Pipeline]:
    """`chat/*` has no counter, `own/*` has one, and the upstream stands for both."""
    rules = [ModelRule("own/*", ("own/*",)), ModelRule("*", ("chat/*",))]
    backends = {"chat": backend("chat", upstream.url, "openai-chat"), "own": backend("own", upstream.url, "openai-responses")}
    made = Pipeline(RouteTable(rules, {}), backends, seal_key=lambda: bytes(32))
    yield made
    await made.aclose()


def exchange(path: str, **members: Any) -> Exchange:
    return Exchange("id", CLIENT, HTTPCall("POST", path, json.dumps({"model": "m", **QUESTION, **members}).encode()))


async def counted(pipeline: Pipeline, model: str = "m") -> tuple[int, bool]:
    answer = await pipeline.count_tokens(exchange("/v1/messages/count_tokens", model=model))
    return json.loads(answer.body)["input_tokens"], answer.headers.get("x-token-count") == "estimate"


async def answered(pipeline: Pipeline, upstream: RawUpstream, tokens: int, *, stream: bool) -> None:
    shell: dict[str, Any] = {"id": "chatcmpl-1", "created": 1, "model": "m"}
    usage = {"prompt_tokens": tokens, "completion_tokens": 1, "total_tokens": tokens + 1}
    if stream:
        chunk = {**shell, "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]}
        last = {**shell, "object": "chat.completion.chunk", "choices": [], "usage": usage}
        upstream.will(stream_reply(*(b"data: %b\n\n" % json.dumps(each).encode() for each in (chunk, last)), b"data: [DONE]\n\n"))
    else:
        choice = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
        upstream.will(json_reply({**shell, "object": "chat.completion", "choices": [choice], "usage": usage}))
    answer = await pipeline.generate(exchange("/v1/messages", max_tokens=9, stream=stream))
    if answer.chunks is not None:
        assert [chunk async for chunk in answer.chunks]


@pytest.mark.parametrize("stream", [False, True])
async def test_an_estimate_comes_near_to_what_is_billed(pipeline: Pipeline, upstream: RawUpstream, stream: bool) -> None:
    first, estimated = await counted(pipeline)
    assert estimated
    distances = []
    for _ in range(40):
        await answered(pipeline, upstream, 2 * first, stream=stream)
        now, estimated = await counted(pipeline)
        assert estimated
        distances.append(2 * first - now)
    assert distances == sorted(distances, reverse=True)
    assert 0 <= distances[-1] < 0.1 * first
    assert (await counted(pipeline, "another"))[0] == first


async def test_a_vendors_own_count_is_not_scaled(pipeline: Pipeline, upstream: RawUpstream) -> None:
    upstream.will(json_reply({"object": "response.input_tokens", "input_tokens": 7}))
    assert await counted(pipeline, "own/m") == (7, False)
    scales = RecentScales(lambda: 0.0)
    await scales.keep("own/m", Scale(1000, 3000))
    calibration = Calibration({}, scales)
    assert await calibration.scaled("own/m", TokenCount(7)) == TokenCount(7)
    assert await calibration.scaled("own/m", TokenCount(7, estimated=True)) == TokenCount(21, estimated=True)


async def test_a_server_without_the_vendors_counter_is_estimated_for(pipeline: Pipeline, upstream: RawUpstream) -> None:
    upstream.will(json_reply({"error": {"message": "Not Found"}}, 404))
    assert (await counted(pipeline, "own/m"))[1]


async def test_an_answer_without_a_bill_teaches_nothing(pipeline: Pipeline, upstream: RawUpstream) -> None:
    first, _ = await counted(pipeline)
    await answered(pipeline, upstream, 0, stream=False)
    assert (await counted(pipeline))[0] == first


async def test_names_that_clients_make_up_take_bounded_room() -> None:
    scales = RecentScales(lambda: 0.0)
    for number in range(1_100):
        await scales.keep(f"chat/{number}", Scale(1, 2))
    assert await scales.scale("chat/0") == Scale()
    assert await scales.scale("chat/1099") == Scale(1, 2)


async def test_once_it_is_settled_not_every_answer_is_learned_from() -> None:
    class Estimating(EchoBackend):
        asked = 0

        def estimate(self, request: Request) -> int:
            self.asked += 1
            return 1_000

    now = 0.0
    told, scales = Estimating("chat"), RecentScales(lambda: 0.0)
    calibration = Calibration({"chat": told}, scales, lambda: now)
    for _ in range(200):
        await calibration.learn("chat/m", Request("m", ()), Usage(2_000, 1))
    unsettled, learned = told.asked, await scales.scale("chat/m")
    assert learned.is_settled
    assert unsettled < 30
    await calibration.learn("chat/other", Request("m", ()), Usage(2_000, 1))
    assert told.asked == unsettled + 1
    now += 1.0
    await calibration.learn("chat/m", Request("m", ()), Usage(4_000, 1))
    assert (await scales.scale("chat/m")).factor > learned.factor
