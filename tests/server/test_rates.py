"""What upstreams tell of their limits, in the words of whoever asks."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ccproxy_cli.config.settings import GeneralLimitSettings, ProviderSettings, Settings, StoreSettings
from ccproxy_cli.launch.serve import serving
from ccproxy_cli.server.app import create_app
from ccproxy_cli.wiring import build_pipeline
from tests.raw_upstream import RawUpstream, json_reply, stream_reply
from tests.server.conftest import Reply, Site, StubPipeline

KEY = ("sk-made-up-0123456789",)
ANTHROPIC: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn"} | {
    "content": [{"type": "text", "text": "Hi."}],
    "usage": {"input_tokens": 1, "output_tokens": 1},
}
CHAT: dict[str, Any] = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m"} | {
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}]
}
ASKED: dict[str, dict[str, Any]] = {
    "/v1/messages": {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
    "/v1/chat/completions": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    "/v1beta/models/m:generateContent": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
}
OF_CHAT: dict[str, Any] = {"x_ratelimit_limit_requests": "50", "x_ratelimit_remaining_requests": "49", "x_ratelimit_reset_requests": "1m2s"}
OF_ANTHROPIC: dict[str, Any] = {
    "anthropic_ratelimit_tokens_limit": "9000",
    "anthropic_ratelimit_tokens_remaining": "8000",
    "anthropic_ratelimit_tokens_reset": "2026-01-02T03:04:05Z",
}


@pytest.fixture
async def upstream() -> AsyncIterator[RawUpstream]:
    async with RawUpstream() as made:
        yield made


async def ask(upstream: RawUpstream, preset: str, path: str, *, stream: bool = False, **limits: Any) -> Reply:
    provider = ProviderSettings(preset, base_url=upstream.url, api_key=KEY, models=("m",))
    settings = Settings(providers={"up": provider}, limits=GeneralLimitSettings(**limits), store=StoreSettings("memory"))
    async with serving(create_app(settings, build_pipeline(settings), log=lambda line: None)) as server:
        return await Site(server, StubPipeline(), []).ask(path=path, body=json.dumps({**ASKED[path], "stream": stream}).encode())


def figures(reply: Reply) -> dict[str, str]:
    return {name: value for name, value in reply.headers.items() if "ratelimit" in name and "reset" not in name}


async def test_a_foreign_upstreams_figures_are_told_in_the_callers_words(upstream: RawUpstream) -> None:
    upstream.will(json_reply(CHAT, **OF_CHAT))
    told = await ask(upstream, "openai", "/v1/messages")
    assert figures(told) == {"anthropic-ratelimit-requests-limit": "50", "anthropic-ratelimit-requests-remaining": "49"}
    assert told.headers["anthropic-ratelimit-requests-reset"].endswith("Z")
    upstream.will(json_reply(ANTHROPIC, **OF_ANTHROPIC))
    told = await ask(upstream, "anthropic", "/v1/chat/completions")
    assert figures(told) == {"x-ratelimit-limit-tokens": "9000", "x-ratelimit-remaining-tokens": "8000"}
    assert told.headers["x-ratelimit-reset-tokens"] == "0s"
    assert figures(await ask(upstream, "anthropic", "/v1beta/models/m:generateContent")) == {}


def of(choice: dict[str, Any]) -> bytes:
    return f"data: {json.dumps({**CHAT, 'object': 'chat.completion.chunk', 'choices': [{'index': 0, **choice}]})}\n\n".encode()


STREAMED = [
    of({"delta": {"content": "Hi"}}),
    of({"delta": {"content": "."}}),
    of({"delta": {}, "finish_reason": "stop"}),
    b"data: [DONE]\n\n",
]


@pytest.mark.parametrize("frames", [4, 2])
async def test_a_stream_tells_them_at_its_beginning_however_it_ends(upstream: RawUpstream, frames: int) -> None:
    upstream.will(stream_reply(*STREAMED[:frames], **OF_CHAT))
    told = await ask(upstream, "openai", "/v1/messages", stream=True)
    assert figures(told) == {"anthropic-ratelimit-requests-limit": "50", "anthropic-ratelimit-requests-remaining": "49"}
    assert (b"message_stop" in told.body, b"event: error" in told.body) == (frames == 4, frames != 4)


async def test_an_upstream_that_tells_them_is_let_go_of_with_its_client(upstream: RawUpstream) -> None:
    upstream.will(stream_reply(*STREAMED[:2], hold=True, **OF_CHAT))
    provider = ProviderSettings("openai", base_url=upstream.url, api_key=KEY, models=("m",))
    settings = Settings(providers={"up": provider}, store=StoreSettings("memory"))
    async with serving(create_app(settings, build_pipeline(settings), log=lambda line: None)) as server:
        async with Site(server, StubPipeline(), []).connect() as connection:
            await connection.send("POST", "/v1/messages", json.dumps({**ASKED["/v1/messages"], "stream": True}).encode())
            assert (await connection.head()).headers["anthropic-ratelimit-requests-limit"] == "50"
        await asyncio.wait_for(upstream.heard[0].gone.wait(), 5)


async def test_a_vendors_own_clients_read_what_it_wrote(upstream: RawUpstream) -> None:
    upstream.will(json_reply(ANTHROPIC, **OF_ANTHROPIC))
    told = await ask(upstream, "anthropic", "/v1/messages")
    assert told.headers["anthropic-ratelimit-tokens-reset"] == "2026-01-02T03:04:05Z"


async def test_a_refusal_tells_them_too(upstream: RawUpstream) -> None:
    error = {"error": {"message": "slowly", "type": "requests", "code": "rate_limit_exceeded"}}
    upstream.will(json_reply(error, 429, retry_after="400", **OF_CHAT))
    told = await ask(upstream, "openai", "/v1/messages")
    assert (told.status, told.headers["retry-after"]) == (429, "400")
    assert told.headers["anthropic-ratelimit-requests-remaining"] == "49"


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/chat/completions"])
async def test_limits_of_our_own_are_told_in_place_of_the_same_ones_of_an_upstream(upstream: RawUpstream, path: str) -> None:
    upstream.will(
        json_reply(CHAT, **OF_CHAT, x_ratelimit_limit_tokens="7", x_ratelimit_remaining_tokens="6", x_ratelimit_reset_tokens="0s")
    )
    told = figures(await ask(upstream, "openai", path, requests_per_minute=5))
    assert sorted(told.values()) == sorted(["5", "4", "7", "6"])
