"""Recordings: whatever an answer says, it says again in every form."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS, Format
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.parts import Reasoning, Refusal, Text, ToolCall
from ccproxy_cli.core.response import FinishReason, Response
from ccproxy_cli.core.stream import explode, fold
from ccproxy_cli.pipeline.exchange import Answer, Exchange
from ccproxy_cli.pipeline.replay import answer_again, packed, unpacked
from tests.strategies import responses

BODIES: dict[str, dict[str, Any]] = {
    "anthropic": {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}]},
    "openai-chat": {"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream_options": {"include_usage": True}},
    "openai-responses": {"model": "m", "input": "hi", "store": False},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
}
GOOD = {FinishReason.STOP, FinishReason.STOP_SEQUENCE, FinishReason.TOOL_CALLS}


def asking(spoken: Format, *, stream: bool) -> Exchange:
    path, query = "/", ""
    if spoken.name == "gemini":
        path, query = f"/models/m:{'streamGenerateContent' if stream else 'generateContent'}", "alt=sse" if stream else ""
    exchange = Exchange("id", spoken, HTTPCall("POST", path, json.dumps(BODIES[spoken.name]).encode(), {}, query))
    exchange.stream = stream
    return exchange


def sent(exchange: Exchange, response: Response) -> bytes:
    """The answer as it is sent the first time."""
    request = exchange.format.decode_request(exchange.call, Losses())
    if not exchange.stream:
        return exchange.format.encode_response(response, request)
    encoder = exchange.format.stream_encoder(request)
    return b"".join(map(encoder.encode, explode(response)))


def read(spoken: Format, data: bytes, *, stream: bool) -> Response:
    if not stream:
        return spoken.decode_response(data)
    decoder = spoken.stream_decoder()
    events = decoder.feed(data)
    return fold(events if decoder.done else [*events, *decoder.close()])


def bare(response: Response) -> dict[str, str]:
    """What it says, however its format cuts, orders and spells it in a body or in a stream: Chat's bodies have one place for each kind."""
    said: dict[str, str] = {}
    for part in response.parts:
        match part:
            case ToolCall():
                said[f"{part.call_id} {part.name}"] = json.dumps(json.loads(part.arguments))
            case Text(text) | Reasoning(text) | Refusal(text):
                kind = type(part).__name__
                said[kind] = said.get(kind, "") + text
            case _:
                raise AssertionError(part)
    return said


async def data_of(answer: Answer) -> bytes:
    return answer.body if answer.chunks is None else b"".join([chunk async for chunk in answer.chunks])


@settings(deadline=None, max_examples=100)
@given(response=responses(), name=st.sampled_from([*FORMATS]), first=st.booleans(), again=st.booleans())
async def test_what_is_given_again_says_what_was_said(response: Response, name: str, first: bool, again: bool) -> None:
    spoken = FORMATS[name]
    told = sent(asking(spoken, stream=first), response)
    said = read(spoken, told, stream=first)
    kept = packed(asking(spoken, stream=first), {"content-type": _TYPES[first]}, b"", told, streamed=first, cut=False)
    assert (kept is not None) == (bool(said.parts) and said.finish.reason in GOOD)
    if kept is None:
        return
    recording = unpacked(kept)
    assert recording is not None
    repeated = read(spoken, await data_of(answer_again(asking(spoken, stream=again), recording, b"")), stream=again)
    assert (bare(repeated), repeated.finish.reason, repeated.id) == (bare(said), said.finish.reason, said.id)
    assert (repeated.usage.total_input, repeated.usage.output) == (said.usage.total_input, said.usage.output)


_TYPES = {True: "text/event-stream; charset=utf-8", False: "application/json"}


@given(data=st.binary(max_size=60))
def test_what_another_version_wrote_is_as_good_as_not_there(data: bytes) -> None:
    assert unpacked(data) is None


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "data", [b"", b"{}", b"null", b'{"error":{"message":"no","type":"x","code":400,"status":"x"}}', b"data: {\n\n", b"\xff"]
)
@pytest.mark.parametrize("streamed", [True, False])
def test_what_is_no_answer_is_not_kept(name: str, data: bytes, streamed: bool) -> None:
    for form in _TYPES.values():
        exchange = asking(FORMATS[name], stream=streamed)
        assert packed(exchange, {"content-type": form}, b"", data, streamed=streamed, cut=False) is None
