"""Answers that pause go on for clients that could not make them."""

import json
from typing import Any

import pytest
from attrs import evolve

from ccproxy_cli.backends.base import EventStream
from ccproxy_cli.core.errors import BadRequest, BadUpstream
from ccproxy_cli.core.events import Event
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.parts import Text
from ccproxy_cli.core.request import Request
from ccproxy_cli.core.response import Response
from ccproxy_cli.core.stream import explode
from ccproxy_cli.pipeline.pauses import MOST_PAUSES, without_pauses
from tests.core.test_hosted import FOUND, PLAIN, SAID, USED, claude
from tests.core.test_sources import read_stream
from tests.pipeline.test_reasoning import Scripted, exchange, pipeline_over

CLAUDE = FORMATS["anthropic"]
SEARCH = {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}
ASKING = {
    "anthropic": SEARCH,
    "openai-chat": {"web_search_options": {}},
    "openai-responses": {"tools": [{"type": "web_search"}]},
    "gemini": {"tools": [{"googleSearch": {}}]},
}
PAUSED = evolve(
    claude(USED, FOUND),
    finish=CLAUDE.decode_response(
        json.dumps({"type": "message", "id": "m", "model": "m", "content": [], "stop_reason": "pause_turn"}).encode()
    ).finish,
)
LAST = claude({**USED, "id": "srvtoolu_2"}, {**FOUND, "tool_use_id": "srvtoolu_2"}, SAID)


def call_of(client: str, *, stream: bool, **members: Any) -> HTTPCall:
    body = {**PLAIN[client], **ASKING[client], **members}
    if client == "openai-chat" and stream:
        body["stream_options"] = {"include_usage": True}
    if client == "gemini":
        path, query = ("/models/m:streamGenerateContent", "alt=sse") if stream else ("/models/m:generateContent", "")
        return HTTPCall("POST", path, json.dumps(body).encode(), {}, query)
    return HTTPCall("POST", "/", json.dumps({**body, "stream": stream} if stream else body).encode())


async def answered(upstream: Scripted, client: str, *, stream: bool) -> Response:
    spoken = FORMATS[client]
    answer = await pipeline_over(upstream).generate(exchange(spoken, call_of(client, stream=stream)))
    if answer.chunks is None:
        return spoken.decode_response(answer.body)
    return read_stream(spoken, b"".join([chunk async for chunk in answer.chunks]))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("client", ["openai-chat", "openai-responses", "gemini"])
async def test_a_pause_is_no_end_for_a_client_that_does_not_know_it(client: str, stream: bool) -> None:
    upstream = Scripted(CLAUDE, [PAUSED, PAUSED, LAST])
    response = await answered(upstream, client, stream=stream)
    assert "".join(part.text for part in response.parts if isinstance(part, Text)) == "Sunny."
    once = PAUSED.usage
    assert (response.usage.total_input, response.usage.output) == (3 * once.total_input, 3 * (once.output or 0))
    said = [json.loads(call.body)["messages"] for call in upstream.sent]
    assert [len(messages) for messages in said] == [1, 2, 2]
    assert said[1][1] == {"role": "assistant", "content": [USED, FOUND]}
    assert said[2][1] == {"role": "assistant", "content": [USED, FOUND, USED, FOUND]}


async def test_claudes_own_clients_go_on_themselves() -> None:
    upstream = Scripted(CLAUDE, [PAUSED])
    response = await answered(upstream, "anthropic", stream=False)
    assert response.finish.raw == "pause_turn"


async def test_one_that_pauses_for_ever_is_let_be() -> None:
    upstream = Scripted(CLAUDE, [PAUSED] * 20)
    asked = exchange(FORMATS["openai-chat"], call_of("openai-chat", stream=False))
    answer = await pipeline_over(upstream).generate(asked)
    assert len(upstream.sent) == MOST_PAUSES + 1
    assert "answer.stop_reason" in answer.headers["x-ccproxy-losses"]


async def test_a_strict_client_gets_the_answer_that_it_paid_for() -> None:
    upstream = Scripted(CLAUDE, [PAUSED, LAST])
    asked = exchange(FORMATS["openai-chat"], call_of("openai-chat", stream=False), strict=True)
    answer = await pipeline_over(upstream).generate(asked)
    assert answer.headers["x-ccproxy-losses"] == "answer.web_search"
    assert json.loads(answer.body)["choices"][0]["message"]["content"] == "Sunny."


@pytest.mark.parametrize("strict", [False, True])
async def test_what_a_streamed_answer_lost_is_known_when_it_has_ended(strict: bool) -> None:
    asked = exchange(FORMATS["openai-chat"], call_of("openai-chat", stream=True), strict=strict)
    answer = await pipeline_over(Scripted(CLAUDE, [LAST])).generate(asked)
    assert "x-ccproxy-losses" not in answer.headers
    assert answer.chunks is not None
    assert [chunk async for chunk in answer.chunks]
    assert [loss.field for loss in asked.losses] == ["answer.web_search"]


async def test_one_that_cannot_go_on_breaks_off_and_is_not_the_clients_fault() -> None:
    async def paused() -> EventStream:
        yield list(explode(PAUSED))

    async def refusing(request: Request) -> EventStream:
        raise BadRequest("cannot be carried over without loss")

    told: list[Event] = []
    with pytest.raises(BadUpstream, match="paused, and cannot go on: cannot be carried over"):
        async for batch in without_pauses(paused(), Request("m", ()), refusing):
            told += batch
    assert told
