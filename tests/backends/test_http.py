"""The HTTP backend: what it sends, and what it makes of whatever comes back."""

import asyncio
import gzip
import json
import re
import zlib
from collections.abc import AsyncIterator

import pytest
from attrs import evolve

from ccproxy_cli.backends.base import EventStream
from ccproxy_cli.backends.credentials import AuthStyle, Credentials, LiteralKey, NoKey
from ccproxy_cli.backends.http import HTTPBackend
from ccproxy_cli.config.settings import TimeoutSettings
from ccproxy_cli.core.errors import BadRequest, BadUpstream, ErrorKind, UpstreamError
from ccproxy_cli.core.events import Event
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.parts import Text, ToolCall
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import Tool
from ccproxy_cli.core.response import Response
from ccproxy_cli.core.stream import fold
from tests.backends.samples import ASKED, ASKED_STREAMING, BODIES, FRAMES, TEXT, error_frame
from tests.raw_upstream import Heard, RawUpstream, Script, json_reply, raw, reply, stream_reply

KEY = "sk-test-0123456789abcdefghijklmnop"
FORMAT_NAMES = sorted(FRAMES)
SHORT = TimeoutSettings(connect=2, first_byte=0.4, idle=0.4, total=30)
PATIENT = TimeoutSettings(connect=2, first_byte=10, idle=10, total=30)


@pytest.fixture
async def upstream() -> AsyncIterator[RawUpstream]:
    async with RawUpstream() as upstream:
        yield upstream


def backend_at(url: str, format_name: str = "anthropic", timeouts: TimeoutSettings = PATIENT, **more: object) -> HTTPBackend:
    style = AuthStyle.X_API_KEY if format_name == "anthropic" else AuthStyle.BEARER
    credentials = Credentials(LiteralKey(KEY), style)
    return HTTPBackend("up", FORMATS[format_name], url, credentials, lambda _: Profile(), timeouts, **more)  # type: ignore[arg-type]


async def collected(stream: EventStream) -> list[Event]:
    return [event async for batch in stream for event in batch]


async def answered(upstream: RawUpstream, format_name: str, *, streaming: bool, timeouts: TimeoutSettings = PATIENT) -> Response:
    backend = backend_at(upstream.url, format_name, timeouts)
    try:
        return fold(await collected(await backend.send(ASKED_STREAMING if streaming else ASKED, Losses())))
    finally:
        await backend.aclose()


async def failure(upstream: RawUpstream, format_name: str, *, streaming: bool, timeouts: TimeoutSettings = PATIENT) -> UpstreamError:
    with pytest.raises((UpstreamError, BadUpstream)) as caught:
        await answered(upstream, format_name, streaming=streaming, timeouts=timeouts)
    assert KEY not in str(caught.value)
    return caught.value  # type: ignore[return-value]


# What is sent


async def test_sends_the_request_with_our_key_and_nothing_of_the_library(upstream: RawUpstream) -> None:
    upstream.will(json_reply(BODIES["anthropic"]))
    await answered(upstream, "anthropic", streaming=False)
    (heard,) = upstream.heard
    assert (heard.method, heard.path) == ("POST", "/v1/messages")
    assert heard.headers["x-api-key"] == KEY
    assert heard.headers["content-type"] == "application/json"
    assert heard.headers["accept-encoding"] == "identity"
    assert heard.headers["user-agent"].startswith("ccproxy/")
    assert heard.headers["x-ccproxy-hop"]
    assert heard.json["messages"][0]["content"][0]["text"] == "Say hello"


@pytest.mark.parametrize(
    ("format_name", "suffix", "path"),
    [
        ("anthropic", "", "/v1/messages"),
        ("anthropic", "/", "/v1/messages"),
        ("anthropic", "/v1", "/v1/messages"),
        ("anthropic", "/gateway", "/gateway/v1/messages"),
        ("openai-chat", "/v1", "/v1/chat/completions"),
        ("openai-chat", "/v1/", "/v1/chat/completions"),
    ],
)
async def test_base_urls_are_taken_as_the_vendors_sdks_take_them(upstream: RawUpstream, format_name: str, suffix: str, path: str) -> None:
    upstream.will(json_reply(BODIES[format_name]))
    backend = backend_at(upstream.url + suffix, format_name)
    await collected(await backend.send(ASKED, Losses()))
    await backend.aclose()
    assert upstream.heard[0].path == path


async def test_a_tool_name_that_does_not_fit_is_replaced_and_restored(upstream: RawUpstream) -> None:
    name = "mcp__server__" + "search.the-web " * 5

    async def call_the_only_tool(heard: Heard) -> None:
        function = {"name": heard.json["tools"][0]["function"]["name"], "arguments": "{}"}
        calls = [{"id": "call_1", "type": "function", "function": function}]
        message = {"role": "assistant", "content": None, "tool_calls": calls}
        choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
        await json_reply(BODIES["openai-chat"] | {"choices": [choice]})(heard)

    upstream.will(call_the_only_tool)
    backend = backend_at(upstream.url, "openai-chat")
    response = fold(await collected(await backend.send(evolve(ASKED, tools=(Tool(name),)), Losses())))
    await backend.aclose()
    sent = upstream.heard[0].json["tools"][0]["function"]["name"]
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", sent)
    assert [part.name for part in response.parts if isinstance(part, ToolCall)] == [name]


async def test_a_large_body_arrives_whole(upstream: RawUpstream) -> None:
    upstream.will(json_reply(BODIES["anthropic"]))
    backend = backend_at(upstream.url)
    request = type(ASKED)("m", (type(ASKED.messages[0])(ASKED.messages[0].role, (Text("x" * 3_000_000),)),), max_tokens=9)
    await collected(await backend.send(request, Losses()))
    await backend.aclose()
    assert len(upstream.heard[0].json["messages"][0]["content"][0]["text"]) == 3_000_000


# What comes back


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("format_name", FORMAT_NAMES)
async def test_a_complete_answer(upstream: RawUpstream, format_name: str, streaming: bool) -> None:
    upstream.will(stream_reply(*FRAMES[format_name]) if streaming else json_reply(BODIES[format_name]))
    response = await answered(upstream, format_name, streaming=streaming)
    assert response.parts == (Text(TEXT),)
    assert (response.usage.input, response.usage.output) == (5, 7)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
@pytest.mark.parametrize("streaming", [False, True])
async def test_an_answer_may_come_compressed(upstream: RawUpstream, encoding: str, streaming: bool) -> None:
    compress = gzip.compress if encoding == "gzip" else zlib.compress
    body = compress(b"".join(FRAMES["anthropic"]) if streaming else json.dumps(BODIES["anthropic"]).encode())
    pieces = [body[at : at + 7] for at in range(0, len(body), 7)]
    upstream.will(stream_reply(*pieces, content_encoding=encoding) if streaming else reply(body, content_encoding=encoding))
    assert (await answered(upstream, "anthropic", streaming=streaming)).parts == (Text(TEXT),)


@pytest.mark.parametrize("format_name", FORMAT_NAMES)
async def test_a_whole_answer_to_a_request_for_a_stream_is_still_an_answer(upstream: RawUpstream, format_name: str) -> None:
    upstream.will(json_reply(BODIES[format_name]))
    assert (await answered(upstream, format_name, streaming=True)).parts == (Text(TEXT),)


async def test_early_hints_are_not_the_answer(upstream: RawUpstream) -> None:
    async def script(heard: Heard) -> None:
        await heard.say(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n")
        await json_reply(BODIES["anthropic"])(heard)

    upstream.will(script)
    assert (await answered(upstream, "anthropic", streaming=False)).parts == (Text(TEXT),)


OK_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
BROKEN: dict[str, Script] = {
    "nothing but the end": raw(b""),
    "a reset": raw(b"", reset=True),
    "another protocol": raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "half a body": raw(OK_HEAD + b"content-length: 500\r\n\r\n" + b'{"id": "msg_1", '),
    "half a body and a reset": raw(OK_HEAD + b"content-length: 500\r\n\r\n" + b'{"id": "msg_1", ', reset=True),
    "chunks that break off": raw(OK_HEAD + b"transfer-encoding: chunked\r\n\r\n5\r\n{'id'\r\n"),
    "a chunk of no size": raw(OK_HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"),
    "an empty body": reply(b""),
    "cut JSON": reply(b'{"id": "msg_1", "content": ['),
    "a web page": reply(b"<html><p>Welcome to the hotel</p></html>", content_type="text/html"),
    "null": reply(b"null"),
    "a list": reply(b"[]"),
    "something else": reply(b'{"foo": 1}'),
    "bad text": reply(b'{"id": "\xff\xfe"}'),
    "deep nesting": reply(b"[" * 100_000 + b"]" * 100_000),
    "corrupt compression": reply(b"\x1f\x8b\x08\x00garbage" * 20, content_encoding="gzip"),
    "half a compressed body": reply(gzip.compress(json.dumps(BODIES["anthropic"]).encode())[:-20], content_encoding="gzip"),
    "a compression nobody offered": reply(b"{}", content_encoding="br"),
    "a redirect": reply(b"", 302, location="http://127.0.0.1:1/elsewhere"),
    "a lasting redirect": reply(b"", 307, location="http://127.0.0.1:1/elsewhere"),
    "a huge header": raw(b"HTTP/1.1 200 OK\r\nx-big: " + b"a" * 200_000 + b"\r\ncontent-length: 2\r\n\r\n{}"),
    "too many headers": raw(b"HTTP/1.1 200 OK\r\n" + b"x-a: b\r\n" * 5000 + b"content-length: 2\r\n\r\n{}"),
}


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("what", BROKEN)
async def test_what_is_no_answer_is_a_bad_upstream(upstream: RawUpstream, what: str, streaming: bool) -> None:
    upstream.will(BROKEN[what])
    error = (await failure(upstream, "anthropic", streaming=streaming)).error
    assert error.kind is ErrorKind.BAD_UPSTREAM
    assert "hotel" not in error.message
    assert len(upstream.heard) == 1


async def test_bad_framing_after_the_head_is_noticed_at_once(upstream: RawUpstream) -> None:
    async def script(heard: Heard) -> bool:
        await heard.say(OK_HEAD + b"transfer-encoding: chunked\r\n\r\n")
        await asyncio.sleep(0.1)
        await heard.say(b"zz\r\n{}\r\n")
        await heard.gone.wait()
        return True

    upstream.will(script)
    error = await asyncio.wait_for(failure(upstream, "anthropic", streaming=False), 5)
    assert error.error.kind is ErrorKind.BAD_UPSTREAM


async def test_an_address_where_nobody_listens(upstream: RawUpstream) -> None:
    backend = backend_at("http://127.0.0.1:1")
    with pytest.raises(UpstreamError, match=r"up cannot be reached at 127\.0\.0\.1:1: .*refused") as caught:
        await backend.send(ASKED, Losses())
    assert caught.value.error.http_status == 502
    await backend.aclose()


@pytest.mark.parametrize("streaming", [False, True])
async def test_a_bomb_is_cut_before_it_fills_the_memory(upstream: RawUpstream, streaming: bool) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(b" " * 2**20) for _ in range(80)) + packer.flush()
    upstream.will(reply(bomb, content_encoding="gzip", content_type="application/json"))
    assert "more than 64 MiB" in (await failure(upstream, "anthropic", streaming=streaming)).error.message


async def test_an_endless_event_is_cut(upstream: RawUpstream) -> None:
    upstream.will(stream_reply(b"data: ", *[b"x" * 2**20] * 9, hold=True))
    assert "more than" in (await failure(upstream, "anthropic", streaming=True)).error.message


STALLED: dict[str, Script] = {
    "before the head": raw(b"", stall=True),
    "inside the head": raw(b"HTTP/1.1 200 OK\r\ncontent-ty", stall=True),
    "after the head": raw(OK_HEAD + b"content-length: 500\r\n\r\n", stall=True),
    "inside the body": raw(OK_HEAD + b"content-length: 500\r\n\r\n" + b'{"id": "msg_1", ', stall=True),
}


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("where", STALLED)
async def test_a_stalled_upstream_is_a_timeout_and_is_hung_up_on(upstream: RawUpstream, where: str, streaming: bool) -> None:
    upstream.will(STALLED[where])
    error = (await failure(upstream, "anthropic", streaming=streaming, timeouts=SHORT)).error
    assert (error.kind, error.http_status) == (ErrorKind.UPSTREAM_TIMEOUT, 504)
    (heard,) = upstream.heard
    await asyncio.wait_for(heard.gone.wait(), 5)


async def test_an_answer_that_stops_is_given_up_by_the_idle_limit_however_long_its_head_may_take(upstream: RawUpstream) -> None:
    upstream.will(STALLED["inside the body"])
    timeouts = TimeoutSettings(connect=2, first_byte=60, idle=0.4, total=90)
    error = (await asyncio.wait_for(failure(upstream, "anthropic", streaming=False, timeouts=timeouts), 20)).error
    assert (error.kind, error.message) == (ErrorKind.UPSTREAM_TIMEOUT, "up stopped answering for 0.4 seconds")


async def test_a_whole_answer_may_take_no_longer_than_the_total(upstream: RawUpstream) -> None:
    upstream.will(stream_reply(*[b": still here\n\n"] * 100, pause=0.05))
    timeouts = TimeoutSettings(connect=2, first_byte=5, idle=5, total=0.4)
    assert (await failure(upstream, "anthropic", streaming=True, timeouts=timeouts)).error.kind is ErrorKind.UPSTREAM_TIMEOUT


async def test_a_slow_stream_may_outlast_the_idle_limit(upstream: RawUpstream) -> None:
    upstream.will(stream_reply(*FRAMES["anthropic"], pause=0.15))
    assert (await answered(upstream, "anthropic", streaming=True, timeouts=SHORT)).parts == (Text(TEXT),)


async def test_a_slow_reader_is_not_a_stalled_upstream(upstream: RawUpstream) -> None:
    upstream.will(stream_reply(*FRAMES["anthropic"]))
    backend = backend_at(upstream.url, timeouts=SHORT)
    stream = await backend.send(ASKED_STREAMING, Losses())
    first = await anext(stream)
    await asyncio.sleep(1)
    rest = await collected(stream)
    assert fold([*first, *rest]).parts == (Text(TEXT),)
    await backend.aclose()


# Streams that end wrongly, or not at all


@pytest.mark.parametrize("format_name", FORMAT_NAMES)
async def test_an_error_before_any_content_is_raised_by_send(upstream: RawUpstream, format_name: str) -> None:
    upstream.will(stream_reply(FRAMES[format_name][0], error_frame(format_name)))
    backend = backend_at(upstream.url, format_name)
    with pytest.raises(UpstreamError) as caught:
        await backend.send(ASKED_STREAMING, Losses())
    assert caught.value.error.kind is ErrorKind.OVERLOADED
    await backend.aclose()


@pytest.mark.parametrize("format_name", FORMAT_NAMES)
@pytest.mark.parametrize("end", [True, False])
async def test_a_stream_that_breaks_off_gives_what_came_and_then_fails(upstream: RawUpstream, format_name: str, end: bool) -> None:
    upstream.will(stream_reply(*FRAMES[format_name][:4], end=end, pause=0.02))
    backend = backend_at(upstream.url, format_name)
    stream = await backend.send(ASKED_STREAMING, Losses())
    assert await anext(stream)
    with pytest.raises((BadUpstream, UpstreamError)):
        await collected(stream)
    await backend.aclose()


@pytest.mark.parametrize("format_name", FORMAT_NAMES)
async def test_a_stream_without_events_is_no_answer(upstream: RawUpstream, format_name: str) -> None:
    upstream.will(stream_reply(b": hello\n\n"))
    assert (await failure(upstream, format_name, streaming=True)).error.kind is ErrorKind.BAD_UPSTREAM


@pytest.mark.parametrize("format_name", FORMAT_NAMES)
async def test_nothing_after_the_end_counts_and_nobody_waits_for_it(upstream: RawUpstream, format_name: str) -> None:
    upstream.will(stream_reply(*FRAMES[format_name], *FRAMES[format_name][1:3], hold=True))
    response = await asyncio.wait_for(answered(upstream, format_name, streaming=True), 5)
    assert response.parts == (Text(TEXT),)
    await asyncio.wait_for(upstream.heard[0].gone.wait(), 5)


async def test_closing_the_stream_hangs_up_on_the_upstream(upstream: RawUpstream) -> None:
    upstream.will(stream_reply(*FRAMES["anthropic"][:4], hold=True))
    backend = backend_at(upstream.url)
    stream = await backend.send(ASKED_STREAMING, Losses())
    await anext(stream)
    await stream.aclose()
    await asyncio.wait_for(upstream.heard[0].gone.wait(), 5)
    await backend.aclose()


async def test_cancelling_send_hangs_up_on_the_upstream(upstream: RawUpstream) -> None:
    upstream.will(raw(b"", stall=True))
    backend = backend_at(upstream.url)
    task = asyncio.ensure_future(backend.send(ASKED, Losses()))
    while not upstream.heard:
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(upstream.heard[0].gone.wait(), 5)
    await backend.aclose()


# Refusals


@pytest.mark.parametrize("format_name", FORMAT_NAMES)
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ErrorKind.INVALID_REQUEST),
        (401, ErrorKind.AUTHENTICATION),
        (403, ErrorKind.PERMISSION),
        (404, ErrorKind.NOT_FOUND),
        (413, ErrorKind.TOO_LARGE),
        (429, ErrorKind.RATE_LIMIT),
        (500, ErrorKind.BAD_UPSTREAM),
        (503, ErrorKind.OVERLOADED),
        (529, ErrorKind.OVERLOADED),
    ],
)
async def test_a_refusal_keeps_its_status_message_and_advice(upstream: RawUpstream, format_name: str, status: int, kind: ErrorKind) -> None:
    body = {"type": "error", "error": {"type": "some_error", "message": "Because I say so"}}
    upstream.will(json_reply(body, status, retry_after="7"))
    error = (await failure(upstream, format_name, streaming=True)).error
    assert (error.kind, error.http_status, error.message, error.retry_after) == (kind, status, "Because I say so", "7")
    assert len(upstream.heard) == 1


async def test_a_refusal_keeps_the_figures_that_agents_slow_down_by_and_no_other_header(upstream: RawUpstream) -> None:
    figures = {"anthropic_ratelimit_unified_status": "rejected", "x_ratelimit_remaining_tokens": "0"}
    upstream.will(json_reply({"type": "error", "error": {}}, 429, retry_after="7", server="nginx", **figures))
    error = (await failure(upstream, "anthropic", streaming=True)).error
    assert error.headers == {"anthropic-ratelimit-unified-status": "rejected", "x-ratelimit-remaining-tokens": "0"}
    for spoken in FORMATS.values():
        headers = spoken.encode_error(error, "req_1").headers
        assert (headers["anthropic-ratelimit-unified-status"], headers["retry-after"]) == ("rejected", "7")


async def test_a_key_that_is_repeated_in_a_refusal_is_masked_whole_and_in_pieces(upstream: RawUpstream) -> None:
    message = f"Incorrect key {KEY}, or was it {KEY[5:25]}? See https://example.com"
    upstream.will(json_reply({"type": "error", "error": {"type": "authentication_error", "message": message}}, 401))
    error = (await failure(upstream, "anthropic", streaming=False)).error
    shown = repr(error)
    assert not any(KEY[at : at + 12] in shown for at in range(len(KEY) - 12))
    assert "See https://example.com" in error.message


async def test_a_key_in_an_error_that_comes_as_a_success_is_masked(upstream: RawUpstream) -> None:
    upstream.will(json_reply({"error": {"message": f"bad key {KEY}", "type": "invalid_request_error", "code": None, "param": None}}))
    assert KEY not in repr((await failure(upstream, "openai-chat", streaming=False)).error)


# Connections


async def test_connections_are_used_again(upstream: RawUpstream) -> None:
    upstream.will(json_reply(BODIES["anthropic"]))
    backend = backend_at(upstream.url)
    for _ in range(5):
        await collected(await backend.send(ASKED, Losses()))
    await backend.aclose()
    assert (len(upstream.heard), upstream.connections) == (5, 1)


async def test_an_answer_that_nobody_asked_for_reaches_nobody(upstream: RawUpstream) -> None:
    poisoned = json.dumps(BODIES["anthropic"]).replace("Hello", "POISON").encode()

    async def twice(heard: Heard) -> None:
        await json_reply(BODIES["anthropic"])(heard)
        await asyncio.sleep(0.05)
        await reply(poisoned)(heard)

    upstream.will(twice, json_reply(BODIES["anthropic"]))
    backend = backend_at(upstream.url)
    for pause in (0.2, 0, 0):
        response = fold(await collected(await backend.send(ASKED, Losses())))
        assert response.parts == (Text(TEXT),)
        await asyncio.sleep(pause)
    await backend.aclose()


async def test_a_used_connection_that_was_just_closed_is_tried_once_more(upstream: RawUpstream) -> None:
    upstream.will(json_reply(BODIES["anthropic"]), raw(b""), json_reply(BODIES["anthropic"]))
    backend = backend_at(upstream.url)
    for _ in range(2):
        assert fold(await collected(await backend.send(ASKED, Losses()))).parts == (Text(TEXT),)
    await backend.aclose()
    assert len(upstream.heard) == 3
    assert upstream.heard[1].body == upstream.heard[2].body


async def test_a_reset_is_not_tried_again(upstream: RawUpstream) -> None:
    upstream.will(json_reply(BODIES["anthropic"]), raw(b"", reset=True))
    backend = backend_at(upstream.url)
    await collected(await backend.send(ASKED, Losses()))
    with pytest.raises(UpstreamError):
        await backend.send(ASKED, Losses())
    await backend.aclose()
    assert len(upstream.heard) == 2


# Beside generating


async def test_models_are_listed_by_the_vendor_or_by_the_configuration(upstream: RawUpstream) -> None:
    upstream.will(json_reply({"object": "list", "data": [{"id": "m-1", "object": "model", "created": 1, "owned_by": "x"}]}))
    backend = backend_at(upstream.url + "/v1", "openai-chat", listed=("mine",))
    assert [model.id for model in await backend.models()] == ["m-1"]
    assert (upstream.heard[0].method, upstream.heard[0].path) == ("GET", "/v1/models")
    upstream.will(json_reply({"error": {"message": "no"}}, 404))
    assert [model.id for model in await backend.models()] == ["mine"]
    await backend.aclose()
    strict = backend_at(upstream.url, "openai-chat")
    with pytest.raises(UpstreamError):
        await strict.models()
    await strict.aclose()


async def test_tokens_are_counted_by_the_vendor_where_it_has_a_counter(upstream: RawUpstream) -> None:
    upstream.will(json_reply({"input_tokens": 42}))
    backend = backend_at(upstream.url)
    count = await backend.count_tokens(ASKED, Losses())
    assert (count.input_tokens, count.estimated) == (42, False)
    assert upstream.heard[0].path == "/v1/messages/count_tokens"
    upstream.will(json_reply({"error": "what is that?"}, 404))
    assert (await backend.count_tokens(ASKED, Losses())).estimated
    upstream.will(json_reply({"type": "error", "error": {"type": "x", "message": "busy"}}, 429))
    with pytest.raises(UpstreamError):
        await backend.count_tokens(ASKED, Losses())
    await backend.aclose()
    without = backend_at(upstream.url, "openai-chat")
    assert (await without.count_tokens(ASKED, Losses())).estimated
    with pytest.raises(BadRequest, match="previous_answer"):  # an estimate of half a question would be none
        await without.count_tokens(evolve(ASKED, extras={"another": {"!previous_answer": "answer-1"}}), Losses())


async def test_health_sends_nothing(upstream: RawUpstream) -> None:
    upstream.will(json_reply({}))
    backend = backend_at(upstream.url)
    assert (await backend.health()).ok
    assert not upstream.heard
    assert not (await backend_at("http://127.0.0.1:1").health()).ok


async def test_a_provider_without_key_is_sent_none(upstream: RawUpstream) -> None:
    upstream.will(json_reply(BODIES["openai-chat"]))
    backend = HTTPBackend("up", FORMATS["openai-chat"], upstream.url, Credentials(NoKey(), AuthStyle.BEARER), lambda _: Profile(), PATIENT)
    await collected(await backend.send(ASKED, Losses()))
    await backend.aclose()
    assert "authorization" not in upstream.heard[0].headers
