"""A tool loop over real sockets: Gemini's signature through an Anthropic client, and a stale signature left out."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ccproxy_cli.backends.credentials import AuthStyle, Credentials, LiteralKey
from ccproxy_cli.backends.http import HTTPBackend
from ccproxy_cli.config.settings import ModelRule, TimeoutSettings
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.response import Response
from ccproxy_cli.core.stream import fold
from ccproxy_cli.pipeline.exchange import Exchange
from ccproxy_cli.pipeline.pipeline import Pipeline
from ccproxy_cli.pipeline.route import RouteTable
from tests.raw_upstream import RawUpstream, json_reply, stream_reply

PATIENT = TimeoutSettings(connect=2, first_byte=10, idle=10, total=30)
CLIENT = FORMATS["anthropic"]
SIGNATURE = "c2lnbmVkIGJ5IGdlbWluaQ=="
TOOL = {"name": "Read", "input_schema": {"type": "object", "properties": {"path": {"type": "string"}}}}
FIRST: dict[str, Any] = {"model": "m", "max_tokens": 99, "stream": True, "tools": [TOOL], "messages": [{"role": "user", "content": "hi"}]}
DONE = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "Done."}]} | {
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 1, "output_tokens": 1},
}


@pytest.fixture
async def upstream() -> AsyncIterator[RawUpstream]:
    async with RawUpstream() as upstream:
        yield upstream


def pipeline_at(url: str, format_name: str) -> Pipeline:
    credentials = Credentials(LiteralKey("sk-test-0123456789abcdefghijklmnop"), AuthStyle.BEARER)
    backend = HTTPBackend("up", FORMATS[format_name], url, credentials, lambda _: Profile(), PATIENT)
    return Pipeline(RouteTable([ModelRule("*", ("up/*",))], {}), {"up": backend}, seal_key=lambda: bytes(32))


def asked(body: Any) -> Exchange:
    return Exchange("id", CLIENT, HTTPCall("POST", "/v1/messages", json.dumps(body).encode()))


async def got(pipeline: Pipeline, doing: Exchange) -> Response:
    reply = await pipeline.generate(doing)
    assert reply.chunks is not None
    decoder = CLIENT.stream_decoder()
    data = b"".join([chunk async for chunk in reply.chunks])
    return fold([*decoder.feed(data), *decoder.close()])


def gemini_chunk(*parts: Any, **more: Any) -> bytes:
    chunk = {"candidates": [{"content": {"parts": parts, "role": "model"}, "index": 0, **more}], "responseId": "r", "modelVersion": "m"}
    return b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n"


async def test_a_signature_on_a_call_comes_back_on_that_call(upstream: RawUpstream) -> None:
    call = {"functionCall": {"name": "Read", "args": {"path": "a"}, "id": "fc_1"}, "thoughtSignature": SIGNATURE}
    upstream.will(
        stream_reply(gemini_chunk({"text": "I think.", "thought": True}), gemini_chunk(call, finishReason="STOP")),
        stream_reply(gemini_chunk({"text": "Done."}, finishReason="STOP")),
    )
    pipeline = pipeline_at(upstream.url, "gemini")
    first = await got(pipeline, asked(FIRST))
    content = json.loads(CLIENT.encode_response(first, CLIENT.decode_request(asked(FIRST).call, asked(FIRST).losses)))["content"]
    assert [block["type"] for block in content] == ["thinking", "tool_use"]
    assert SIGNATURE not in json.dumps(content)
    result = {"type": "tool_result", "tool_use_id": content[1]["id"], "content": "text of a"}
    turns = [{"role": "assistant", "content": content}, {"role": "user", "content": [result]}]
    await got(pipeline, asked({**FIRST, "messages": [*FIRST["messages"], *turns]}))
    await pipeline.aclose()
    replayed = upstream.heard[1].json["contents"][1]["parts"]
    assert [part.get("thoughtSignature") for part in replayed if "functionCall" in part] == [SIGNATURE]
    assert b"ccp1seal" not in upstream.heard[1].body


async def test_a_stale_signature_is_left_out_of_a_second_try(upstream: RawUpstream) -> None:
    message = "messages.1.content.0: Invalid `signature` in `thinking` block"
    refusal = json_reply({"type": "error", "error": {"type": "invalid_request_error", "message": message}}, 400)
    upstream.will(refusal, json_reply(DONE))
    pipeline = pipeline_at(upstream.url, "anthropic")
    turn = [
        {"type": "thinking", "thinking": "Hm.", "signature": "stale"},
        {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {"path": "a"}},
    ]
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "text of a"}
    turns = [{"role": "assistant", "content": turn}, {"role": "user", "content": [result]}]
    doing = asked(
        {**FIRST, "stream": False, "messages": [*FIRST["messages"], *turns], "thinking": {"type": "enabled", "budget_tokens": 2000}}
    )
    reply = await pipeline.generate(doing)
    await pipeline.aclose()
    assert CLIENT.decode_response(reply.body).parts[0].text == "Done."  # type: ignore[union-attr]
    first, second = (heard.json for heard in upstream.heard)
    assert first["messages"][1]["content"] == turns[0]["content"]
    assert second["messages"][1]["content"] == turn[1:]
    assert "thinking" not in second
    assert {loss.field for loss in doing.losses} == {"messages[1].content[0]", "thinking"}
