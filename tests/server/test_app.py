"""The server over real connections: what it serves, refuses and says."""

import asyncio
import gzip
import json
import zlib

import pytest

from ccproxy_cli.backends.base import Health
from ccproxy_cli.core.errors import APIError, BadRequest, BadUpstream, ErrorKind, UpstreamError
from ccproxy_cli.pipeline.exchange import Answer, Exchange
from tests.server.conftest import Site, StubPipeline, site, streaming, until

TOKEN = "the-token-0123456789"
CHAT = "/v1/chat/completions"


# What is served


async def test_a_request_reaches_the_pipeline_as_it_is(plain: Site) -> None:
    reply = await plain.ask(
        path="/anthropic/v1/messages?beta=true",
        body=b'{"a": 1}',
        headers={"anthropic-beta": "x", "X-CCProxy-Strict": "1", "x-api-key": "k"},
    )
    assert (reply.status, reply.json) == (200, {"ok": True})
    (exchange,) = plain.pipeline.seen
    assert (exchange.call.method, exchange.call.path, exchange.call.query) == ("POST", "/v1/messages", "beta=true")
    assert (exchange.call.body, exchange.format.name, exchange.strict, exchange.client_key) == (b'{"a": 1}', "anthropic", True, "k")
    assert exchange.call.headers["anthropic-beta"] == "x"
    assert reply.headers["x-request-id"] == exchange.id
    assert reply.headers["x-ccproxy-route"] == "up/m"
    assert float(reply.headers["x-ccproxy-overhead-ms"]) >= 0
    assert "server" not in reply.headers
    assert not [name for name in reply.headers if name.startswith("access-control")]


async def test_models_are_listed_in_the_format_of_whoever_asks(plain: Site) -> None:
    assert (await plain.ask("GET", "/v1/models")).json == {"for": "openai-chat"}
    assert (await plain.ask("GET", "/v1/models/", headers={"anthropic-version": "2023-06-01"})).json == {"for": "anthropic"}
    assert (await plain.ask("GET", "/v1/models/openai/gpt-4o")).json == {"id": "openai/gpt-4o", "for": "openai-chat"}
    assert (await plain.ask("GET", "/anthropic/v1/models/m")).json == {"id": "m", "for": "anthropic"}
    assert (await plain.ask("GET", "/v1/models/missing")).status == 404
    assert (await plain.ask("GET", "/v1/modelsx")).status == 404


async def test_what_no_codec_reads_is_for_those_who_have_it(plain: Site) -> None:
    assert (await plain.ask(path="/v1/embeddings")).json == {"passed on": "/embeddings", "to": ["openai-chat", "openai-responses"]}
    assert (await plain.ask(path="/v1/responses/compact")).json == {"passed on": "/responses/compact", "to": ["openai-responses"]}
    embedded = await plain.ask(path="/v1beta/models/e:embedContent")
    assert embedded.json == {"passed on": "/models/e:embedContent", "to": ["gemini"]}


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/v1/files", {}),
        ("GET", "/v1/messages/batches/msgbatch_1", {"anthropic-version": "2023-06-01"}),
        ("POST", "/v1beta/cachedContents", {"x-goog-api-key": "k"}),
        ("POST", "/v1/" + "x" * 500, {}),
    ],
)
async def test_what_is_not_served_is_named(plain: Site, method: str, path: str, headers: dict[str, str]) -> None:
    reply = await plain.ask(method, path, headers=headers)
    assert reply.status == 404
    assert reply.json["error"]["message"] == f"{path[:100]} is not served here: GET /schema lists what is"


async def test_claude_code_sees_that_its_api_can_be_reached() -> None:
    async with site(token=TOKEN) as locked:
        assert (await locked.ask("HEAD", "/api/hello")).status == 200
        assert (await locked.ask("GET", "/api/hello")).json == {"message": "hello"}
        assert (await locked.ask("POST", "/api/event_logging/batch")).status == 401


async def test_counting_tokens(plain: Site) -> None:
    assert (await plain.ask(path="/v1/messages/count_tokens?beta=true")).json == {"input_tokens": 3}


async def test_the_server_tells_about_itself(plain: Site) -> None:
    assert (await plain.ask("GET", "/health")).json["status"] == "ok"
    assert (await plain.ask("GET", "/ready")).json == {
        "ready": True,
        "backends": {"up": {"ok": True, "detail": "fine"}},
        "configuration": {"ok": True, "detail": "in force"},
    }
    plain.pipeline.states = {"up": Health(False, "down"), "other": Health(False, "no key")}
    assert (await plain.ask("GET", "/ready")).status == 503
    head = await plain.ask("HEAD", "/")
    assert (head.status, head.body) == (200, b"")
    assert (await plain.ask("GET", "/")).status == 200


async def test_the_schema_names_what_is_served_and_nothing_else(plain: Site) -> None:
    document = (await plain.ask("GET", "/schema")).json
    assert document["openapi"].startswith("3.")
    assert "/v1/messages" in document["paths"]
    assert CHAT in document["paths"]
    for path, operations in document["paths"].items():
        for method in operations:
            reply = await plain.ask(method.upper(), path.replace("{model_id}", "m"))
            assert reply.status == 200, f"{method} {path}"


# What is refused, and how


REFUSED = [
    ("unknown path", "POST", "/v1/nope", {}, 404),
    ("unknown path below a known one", "GET", "/v1/messages/batches", {}, 404),
    ("wrong method", "GET", "/v1/messages", {}, 405),
    ("wrong method for a list", "POST", "/v1/models", {}, 405),
    ("wrong method for health", "POST", "/health", {}, 405),
    ("a form", "POST", "/v1/messages", {"content-type": "application/x-www-form-urlencoded"}, 415),
    ("plain text", "POST", "/v1/messages", {"content-type": "text/plain"}, 415),
    ("an unknown compression", "POST", "/v1/messages", {"content-encoding": "zstd"}, 415),
    ("a foreign host", "GET", "/health", {"host": "evil.example"}, 403),
    ("a foreign origin", "POST", "/v1/messages", {"origin": "https://evil.example"}, 403),
    ("a fetch of another site", "POST", CHAT, {"sec-fetch-site": "cross-site"}, 403),
    ("a loop", "POST", CHAT, {"x-ccproxy-hop": "1"}, 508),
    ("what is below a kept answer", "POST", "/v1/responses/resp_1/give_up", {}, 404),
    ("wrong method for a kept answer", "POST", "/v1/responses/resp_1", {}, 405),
]


@pytest.mark.parametrize(("method", "path", "headers", "status"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
async def test_refusals_are_json_in_the_callers_format(plain: Site, method: str, path: str, headers: dict[str, str], status: int) -> None:
    reply = await plain.ask(method, path, headers=headers)
    assert (reply.status, reply.headers["content-type"]) == (status, "application/json")
    assert not [name for name in reply.headers if name.startswith("access-control")]
    assert reply.json["error"]["message"]
    assert ("request_id" in reply.json) == ("/messages" in path)
    assert reply.headers["x-request-id"].startswith("req_")
    assert (status == 405) == ("allow" in reply.headers)
    assert not plain.pipeline.seen
    assert plain.log[-1].outcome == "rejected"


async def test_a_missing_content_type_is_refused(plain: Site) -> None:
    assert (await plain.ask(drop=("content-type",))).status == 415


async def test_with_a_token_only_its_bearer_is_served() -> None:
    async with site(token=TOKEN) as locked:
        refused = await locked.ask()
        assert (refused.status, refused.headers["x-should-retry"]) == (401, "false")
        assert refused.json["error"]["type"] == "authentication_error"
        assert (await locked.ask(path=CHAT)).json["error"]["code"] == "invalid_api_key"
        assert (await locked.ask("GET", "/ready")).status == 401
        assert (await locked.ask("GET", "/health")).status == 200
        assert (await locked.ask(headers={"authorization": f"Bearer {TOKEN}"})).status == 200
        assert len(locked.pipeline.seen) == 1


async def test_the_token_may_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_TOKEN", TOKEN)
    async with site(token="env:SOME_TOKEN") as locked:
        assert (await locked.ask()).status == 401
        assert (await locked.ask(headers={"x-api-key": TOKEN})).status == 200


async def test_a_token_that_is_not_there_opens_no_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOME_TOKEN", raising=False)
    with pytest.raises(ValueError, match="SOME_TOKEN is not set"):
        async with site(token="env:SOME_TOKEN"):
            pass


async def test_a_web_socket_is_told_to_fall_back(plain: Site) -> None:
    upgrade = {
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    }
    assert (await plain.ask("GET", "/v1/responses", headers=upgrade)).status == 426
    assert (await plain.ask("GET", CHAT, headers=upgrade)).status == 405


async def test_allowed_origins_get_what_browsers_ask_for() -> None:
    async with site(allowed_origins=("https://app.example",), token=TOKEN) as web:
        asked = {"origin": "https://app.example", "access-control-request-method": "POST"}
        preflight = await web.ask("OPTIONS", "/v1/messages", headers=asked)
        assert (preflight.status, preflight.headers["access-control-allow-origin"]) == (204, "https://app.example")
        reply = await web.ask(headers={"origin": "https://app.example", "x-api-key": TOKEN})
        assert (reply.status, reply.headers["access-control-allow-origin"]) == (200, "https://app.example")
        foreign = await web.ask("OPTIONS", "/v1/messages", headers={**asked, "origin": "https://evil.example"})
        assert foreign.status == 403
        assert "access-control-allow-origin" not in foreign.headers
        assert (await web.ask(headers={"origin": "https://app.example"})).status == 401


# Bodies


async def test_a_body_may_come_compressed(plain: Site) -> None:
    assert (await plain.ask(body=gzip.compress(b'{"a": 1}'), headers={"content-encoding": "gzip"})).status == 200
    assert plain.pipeline.seen[0].call.body == b'{"a": 1}'
    for broken in (b"not gzip", gzip.compress(b'{"a": 1}')[:-9]):
        assert (await plain.ask(body=broken, headers={"content-encoding": "gzip"})).status == 400


async def test_a_bomb_is_refused(plain: Site) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = packer.compress(b" " * (3 << 20)) + packer.flush()
    assert (await plain.ask(body=bomb, headers={"content-encoding": "gzip"})).status == 413


async def test_a_body_may_come_in_pieces_and_after_a_question(plain: Site) -> None:
    async with plain.connect() as connection:
        await connection.send(headers={"content-length": "8", "expect": "100-continue"})
        assert (await connection.head()).status == 100
        for piece in (b'{"a', b'": ', b"1}"):
            await connection.raw(piece)
            await asyncio.sleep(0.02)
        assert (await connection.reply()).status == 200
    assert plain.pipeline.seen[0].call.body == b'{"a": 1}'


async def test_a_large_body_is_refused_before_it_comes(plain: Site) -> None:
    async with plain.connect() as connection:
        await connection.send(headers={"content-length": str(2**30)})
        await connection.raw(b"x" * 65536)
        reply = await asyncio.wait_for(connection.reply(), 2)
        assert (reply.status, reply.headers["connection"]) == (413, "close")
        assert reply.json["error"]["type"] == "request_too_large"
    assert not plain.pipeline.seen


async def test_a_large_body_of_unknown_length_is_refused_when_it_is_and_the_answer_arrives(plain: Site) -> None:
    async with plain.connect() as connection:
        await connection.send(headers={"transfer-encoding": "chunked"}, drop=("content-length",))
        for _ in range(40):
            await connection.raw(b"10000\r\n" + b" " * 65536 + b"\r\n")
        assert (await connection.reply()).status == 413
    assert not plain.pipeline.seen


# Failures


@pytest.mark.parametrize(
    ("problem", "status", "outcome"),
    [
        (BadRequest("no", "messages[0]"), 400, "rejected"),
        (BadRequest("no such model", "model", ErrorKind.NOT_FOUND), 404, "rejected"),
        (BadUpstream("nonsense"), 502, "upstream_error"),
        (UpstreamError(APIError(ErrorKind.UPSTREAM_TIMEOUT, "slow")), 504, "upstream_timeout"),
        (UpstreamError(APIError(ErrorKind.RATE_LIMIT, "wait", status=429, origin="anthropic", retry_after="7")), 429, "upstream_error"),
        (UpstreamError(APIError(ErrorKind.OVERLOADED, "full")), 529, "overloaded"),
        (RuntimeError("a bug with sk-0123456789abcdef"), 500, "internal"),
    ],
)
async def test_failures_are_told_by_status_and_logged_once(problem: Exception, status: int, outcome: str) -> None:
    async def answer(exchange: Exchange) -> Answer:
        raise problem

    async with site(StubPipeline(answer)) as running:
        reply = await running.ask()
        assert (reply.status, reply.json["type"]) == (status, "error")
        assert ("retry-after" in reply.headers) == (status == 429)
        assert "bug" not in str(reply.json)
        await until(lambda: len(running.log) == 1)
        assert (running.log[0].outcome, running.log[0].status) == (outcome, status)
        assert (running.log[0].traceback is not None) == (outcome == "internal")


async def test_a_failure_leaves_the_connection_usable(plain: Site) -> None:
    async with plain.connect() as connection:
        for headers, status in (({"content-type": "text/plain"}, 415), ({}, 200), ({"content-encoding": "zstd"}, 415), ({}, 200)):
            await connection.send(body=b"{}" * 1000, headers=headers)
            assert (await connection.reply()).status == status


async def test_requests_in_a_row_are_answered_in_order(plain: Site) -> None:
    async with plain.connect() as connection:
        for model in ("a", "b", "c"):
            await connection.send("GET", f"/v1/models/{model}")
        assert [(await connection.reply()).json["id"] for _ in range(3)] == ["a", "b", "c"]


# Streams


async def test_a_stream_is_sent_as_it_comes() -> None:
    gate = asyncio.Event()

    async def chunks():  # type: ignore[no-untyped-def]
        yield b"data: 1\n\n"
        await gate.wait()
        yield b"data: 2\n\n"

    async def answer(exchange: Exchange) -> Answer:
        return Answer(200, {"content-type": "text/event-stream"}, chunks=chunks())

    async with site(StubPipeline(answer)) as running, running.connect() as connection:
        await connection.send()
        head = await connection.head()
        assert (head.status, head.headers["content-type"]) == (200, "text/event-stream")
        assert await connection.chunk() == b"data: 1\n\n"
        gate.set()
        assert await connection.chunk() == b"data: 2\n\n"
        assert await connection.chunk() == b""
        await until(lambda: len(running.log) == 1)
        assert (running.log[0].outcome, running.log[0].bytes_out) == ("ok", 18)


@pytest.mark.parametrize("when", ["before the answer", "during the stream"])
async def test_when_the_client_leaves_the_work_ends(when: str) -> None:
    closed = asyncio.Event()

    async def never(exchange: Exchange) -> Answer:
        await asyncio.Event().wait()
        raise AssertionError

    pipeline = StubPipeline(never if when == "before the answer" else streaming(*[b"data: x\n\n"] * 1000, pause=0.05, closed=closed))
    async with site(pipeline) as running:
        async with running.connect() as connection:
            await connection.send()
            await until(lambda: len(pipeline.seen) == 1)
            if when == "during the stream":
                await connection.head()
        await asyncio.wait_for((pipeline.cancelled if when == "before the answer" else closed).wait(), 1)
        await until(lambda: len(running.log) == 1)
        assert running.log[0].outcome == "client_gone"


async def test_a_stream_that_never_waits_still_notices_that_the_client_left() -> None:
    closed = asyncio.Event()

    async def chunks():  # type: ignore[no-untyped-def]
        try:
            while True:
                yield b"data: x\n\n"
        finally:
            closed.set()

    async def answer(exchange: Exchange) -> Answer:
        return Answer(200, {"content-type": "text/event-stream"}, chunks=chunks())

    async with site(StubPipeline(answer)) as running:
        async with running.connect() as connection:
            await connection.send()
            await connection.head()
        await asyncio.wait_for(closed.wait(), 5)


async def test_a_client_that_does_not_read_holds_the_stream_back() -> None:
    sent = 0

    async def chunks():  # type: ignore[no-untyped-def]
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b"data: " + b"x" * 65536 + b"\n\n"

    async def answer(exchange: Exchange) -> Answer:
        return Answer(200, {"content-type": "text/event-stream"}, chunks=chunks())

    async with site(StubPipeline(answer)) as running, running.connect() as connection:
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await connection.send()
        await until(lambda: sent > 0)
        before = -1
        while before != sent:
            before = sent
            await asyncio.sleep(0.2)
        assert sent < 500
        connection.writer.transport.resume_reading()  # type: ignore[attr-defined]
        reply = await connection.reply()
        assert len(reply.body) == 1000 * (65536 + 8)


async def test_answers_are_json_all_the_way(plain: Site) -> None:
    reply = await plain.ask("GET", "/schema")
    assert json.loads(reply.body)["info"]["title"] == "ccproxy"
