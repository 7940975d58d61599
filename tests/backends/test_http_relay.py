"""The relay lane: the vendor's own bytes, checked and metered on their way."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from ccproxy_cli.backends.base import RelayedReply, RelayedStream
from ccproxy_cli.backends.http import HTTPBackend
from ccproxy_cli.core.errors import BadUpstream, ErrorKind, UpstreamError
from ccproxy_cli.core.http import HTTPCall, HTTPReply
from tests.backends.samples import BODIES, FRAMES, TEXT, error_frame
from tests.backends.test_http import FORMAT_NAMES, KEY, backend_at
from tests.raw_upstream import RawUpstream, json_reply, reply, stream_reply

PATHS = {"anthropic": "/v1/messages", "openai-chat": "/chat/completions"}


@pytest.fixture
async def upstream() -> AsyncIterator[RawUpstream]:
    async with RawUpstream() as upstream:
        yield upstream


def call(format_name: str, *, stream: bool = False, **more: str) -> HTTPCall:
    body = json.dumps({"model": "some-model", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], "stream": stream}).encode()
    return HTTPCall("POST", PATHS[format_name], body, **more)  # type: ignore[arg-type]


async def relayed(backend: HTTPBackend, sent: HTTPCall, *, stream: bool) -> HTTPReply | RelayedStream:
    try:
        return await backend.relay(sent, stream)
    except BaseException:
        await backend.aclose()
        raise


async def streamed(upstream: RawUpstream, format_name: str) -> tuple[RelayedStream, list[bytes], Exception | None]:
    """The relayed stream, its frames, and what ended it."""
    backend = backend_at(upstream.url, format_name)
    result = await relayed(backend, call(format_name, stream=True), stream=True)
    assert isinstance(result, RelayedStream)
    chunks: list[bytes] = []
    problem: Exception | None = None
    try:
        async for chunk in result.chunks:
            chunks.append(chunk)  # noqa: PERF401
    except (BadUpstream, UpstreamError) as error:
        problem = error
    await backend.aclose()
    return result, chunks, problem


@pytest.mark.parametrize("format_name", FORMAT_NAMES)
async def test_bodies_travel_untouched_both_ways(upstream: RawUpstream, format_name: str) -> None:
    answer = json.dumps(BODIES[format_name] | {"new": {"x": 1e3}}, indent=3).encode()
    upstream.will(reply(answer, content_type="application/json"))
    backend = backend_at(upstream.url, format_name)
    sent = call(format_name)
    result = await relayed(backend, sent, stream=False)
    await backend.aclose()
    assert upstream.heard[0].body == sent.body
    assert isinstance(result, RelayedReply)
    assert result.body == answer
    assert result.usage is not None
    assert (result.usage.input, result.usage.output) == (5, 7)


@pytest.mark.parametrize("format_name", FORMAT_NAMES)
async def test_frames_travel_untouched_and_are_metered(upstream: RawUpstream, format_name: str) -> None:
    upstream.will(stream_reply(*FRAMES[format_name], pause=0.005))
    result, chunks, problem = await streamed(upstream, format_name)
    assert problem is None
    assert b"".join(chunks) == b"".join(FRAMES[format_name])
    assert len(chunks) > 1
    assert result.meter.usage is not None
    assert (result.meter.usage.input, result.meter.usage.output, result.meter.complete) == (5, 7, True)


@pytest.mark.parametrize("format_name", FORMAT_NAMES)
async def test_a_whole_answer_that_was_to_stream_is_metered(upstream: RawUpstream, format_name: str) -> None:
    upstream.will(json_reply(BODIES[format_name]))
    result, _, problem = await streamed(upstream, format_name)
    assert problem is None
    assert result.meter.usage is not None
    assert (result.meter.usage.input, result.meter.usage.output, result.meter.complete) == (5, 7, True)


async def test_only_named_headers_travel_up_and_only_ours_is_the_key(upstream: RawUpstream) -> None:
    upstream.will(json_reply(BODIES["anthropic"]))
    backend = backend_at(upstream.url)
    headers = {
        "anthropic-version": "2023-06-01",
        "anthropic-beta": "some-beta",
        "x-api-key": "the-callers-key",
        "authorization": "Bearer the-callers-key",
        "cookie": "a=b",
        "host": "evil.example",
        "x-forwarded-for": "6.6.6.6",
        "x-stainless-os": "Linux",
        "user-agent": "claude-cli",
        "accept-encoding": "br",
        "x-ccproxy-strict": "1",
    }
    await relayed(backend, call("anthropic", headers=headers, query="beta=true&key=the-callers-key"), stream=False)  # type: ignore[arg-type]
    await backend.aclose()
    (heard,) = upstream.heard
    assert heard.headers["x-api-key"] == KEY
    assert (heard.headers["anthropic-version"], heard.headers["anthropic-beta"]) == ("2023-06-01", "some-beta")
    assert heard.path == "/v1/messages?beta=true"
    assert not set(heard.headers) & {"authorization", "cookie", "x-forwarded-for", "x-stainless-os", "x-ccproxy-strict"}
    assert "the-callers-key" not in repr(heard.headers)
    assert heard.headers["host"] == f"127.0.0.1:{upstream.port}"


async def test_only_named_headers_travel_down(upstream: RawUpstream) -> None:
    upstream.will(
        json_reply(
            BODIES["anthropic"],
            request_id="req_up",
            x_request_id="up-2",
            anthropic_ratelimit_requests_remaining="41",
            set_cookie="session=secret",
            server="cloud",
            access_control_allow_origin="*",
        )
    )
    backend = backend_at(upstream.url)
    result = await relayed(backend, call("anthropic"), stream=False)
    await backend.aclose()
    assert result.headers == {
        "request-id": "req_up",
        "x-upstream-request-id": "up-2",
        "anthropic-ratelimit-requests-remaining": "41",
    }


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b"<html>", b'{"id": "\xff"}', b'{"a": NaN}'])
@pytest.mark.parametrize("format_name", FORMAT_NAMES)
async def test_what_is_no_answer_is_not_relayed(upstream: RawUpstream, format_name: str, body: bytes) -> None:
    upstream.will(reply(body, content_type="application/json"))
    with pytest.raises((BadUpstream, UpstreamError)):
        await relayed(backend_at(upstream.url, format_name), call(format_name), stream=False)


@pytest.mark.parametrize("format_name", FORMAT_NAMES)
async def test_an_error_before_any_content_is_raised_with_its_kind(upstream: RawUpstream, format_name: str) -> None:
    upstream.will(stream_reply(FRAMES[format_name][0], error_frame(format_name)))
    with pytest.raises(UpstreamError) as caught:
        await relayed(backend_at(upstream.url, format_name), call(format_name, stream=True), stream=True)
    assert caught.value.error.kind is ErrorKind.OVERLOADED


@pytest.mark.parametrize("format_name", FORMAT_NAMES)
async def test_a_later_error_ends_the_frames_and_is_raised_after_them(upstream: RawUpstream, format_name: str) -> None:
    upstream.will(stream_reply(b"".join([*FRAMES[format_name][:4], error_frame(format_name)])))
    result, chunks, problem = await streamed(upstream, format_name)
    assert b"".join(chunks) == b"".join(FRAMES[format_name][:4])
    assert not result.meter.complete
    assert isinstance(problem, UpstreamError)
    assert problem.error.kind is ErrorKind.OVERLOADED


@pytest.mark.parametrize("format_name", FORMAT_NAMES)
async def test_a_missing_end_is_an_error(upstream: RawUpstream, format_name: str) -> None:
    upstream.will(stream_reply(*FRAMES[format_name][:4]))
    result, chunks, problem = await streamed(upstream, format_name)
    assert b"".join(chunks) == b"".join(FRAMES[format_name][:4])
    assert not result.meter.complete
    assert isinstance(problem, BadUpstream)


@pytest.mark.parametrize("format_name", FORMAT_NAMES)
async def test_nothing_after_the_end_is_relayed_and_nobody_waits_for_it(upstream: RawUpstream, format_name: str) -> None:
    upstream.will(stream_reply(*FRAMES[format_name], *FRAMES[format_name][:3], hold=True))
    _, chunks, problem = await asyncio.wait_for(streamed(upstream, format_name), 5)
    assert (b"".join(chunks), problem) == (b"".join(FRAMES[format_name]), None)
    await asyncio.wait_for(upstream.heard[0].gone.wait(), 5)


@pytest.mark.parametrize("format_name", FORMAT_NAMES)
async def test_a_whole_answer_is_relayed_as_the_stream_that_was_asked_for(upstream: RawUpstream, format_name: str) -> None:
    upstream.will(json_reply(BODIES[format_name]))
    _, chunks, problem = await streamed(upstream, format_name)
    assert problem is None
    assert json.dumps(TEXT, ensure_ascii=False)[1:-1].encode() in b"".join(chunks)
