"""Requests that no codec reads, on their way to a provider that has what they ask for; and relayed ones that suit another model."""

import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from ccproxy_cli.backends.base import Backend
from ccproxy_cli.backends.credentials import AuthStyle, Credentials, LiteralKey
from ccproxy_cli.backends.echo import EchoBackend
from ccproxy_cli.backends.http import HTTPBackend
from ccproxy_cli.config.settings import ModelRule, TimeoutSettings
from ccproxy_cli.core.errors import BadRequest, UpstreamError
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.pipeline.exchange import Answer, Exchange
from ccproxy_cli.pipeline.pipeline import Pipeline
from ccproxy_cli.pipeline.route import RouteTable
from tests.raw_upstream import Heard, RawUpstream, json_reply, stream_reply

CHAT, RESPONSES, GEMINI = "openai-chat", "openai-responses", "gemini"
OPENAI = (CHAT, RESPONSES)
PATIENT = TimeoutSettings(connect=2, first_byte=10, idle=10, total=30)
EMBEDDED = {"object": "list", "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}], "usage": {"prompt_tokens": 3}}


@pytest.fixture
async def upstream() -> AsyncIterator[RawUpstream]:
    async with RawUpstream() as upstream:
        yield upstream


@pytest.fixture
async def pipeline(upstream: RawUpstream) -> AsyncIterator[Pipeline]:
    """A provider of each format, by the format's name, all the same upstream."""
    credentials = Credentials(LiteralKey("sk-test-0123456789abcdefghijklmnop"), AuthStyle.BEARER)
    backends: dict[str, Backend] = {"echo": EchoBackend()}
    for name, spoken in FORMATS.items():
        backends[name] = HTTPBackend(name, spoken, upstream.url, credentials, lambda _: Profile(), PATIENT)
    made = Pipeline(RouteTable([ModelRule("small", (f"{CHAT}/gpt-5.1",))], dict.fromkeys(backends, ())), backends)
    yield made
    await made.aclose()


def exchange(body: Any, path: str, spoken: str = CHAT) -> Exchange:
    return Exchange("id", FORMATS[spoken], HTTPCall("POST", path, json.dumps(body).encode()))


async def all_of(answer: Answer) -> bytes:
    assert answer.chunks is not None
    return b"".join([chunk async for chunk in answer.chunks])


@pytest.mark.parametrize("provider", OPENAI)
async def test_texts_are_embedded_by_whoever_has_the_model(upstream: RawUpstream, pipeline: Pipeline, provider: str) -> None:
    upstream.will(json_reply(EMBEDDED))
    asked = exchange({"model": f"{provider}/text-embedding-3-small", "input": ["a", "b"], "encoding_format": "base64"}, "/embeddings")
    answer = await pipeline.pass_on(asked, OPENAI)
    assert (answer.status, json.loads(answer.body)) == (200, EMBEDDED)
    (heard,) = upstream.heard
    assert heard.path == "/embeddings"
    assert heard.json == {"model": "text-embedding-3-small", "input": ["a", "b"], "encoding_format": "base64"}
    assert answer.headers["x-ccproxy-route"] == f"{provider}/text-embedding-3-small"


async def test_a_stream_that_no_codec_reads_arrives_as_it_is(upstream: RawUpstream, pipeline: Pipeline) -> None:
    frames = b'data: {"object":"text_completion","choices":[{"text":"Hi"}]}\n\ndata: [DONE]\n\n'
    upstream.will(stream_reply(frames[:30], frames[30:]))
    answer = await pipeline.pass_on(exchange({"model": f"{CHAT}/m", "prompt": "x", "stream": True}, "/completions"), OPENAI)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert await all_of(answer) == frames
    assert upstream.heard[0].json == {"model": "m", "prompt": "x", "stream": True}


@pytest.mark.parametrize(
    ("model", "path", "holders"),
    [
        ("echo/echo", "/embeddings", OPENAI),
        ("anthropic/claude-x", "/completions", OPENAI),
        (f"{CHAT}/m", "/responses/compact", (RESPONSES,)),
    ],
)
async def test_who_has_no_such_thing_is_named(
    upstream: RawUpstream, pipeline: Pipeline, model: str, path: str, holders: Sequence[str]
) -> None:
    with pytest.raises(BadRequest, match=f"{path} is not served for this model: its provider, {model.partition('/')[0]}, has") as caught:
        await pipeline.pass_on(exchange({"model": model, "input": "a"}, path), holders)
    assert (caught.value.error.http_status, caught.value.error.code) == (404, "unsupported_endpoint")
    assert not upstream.heard


async def test_an_upstream_without_it_says_so_itself(upstream: RawUpstream, pipeline: Pipeline) -> None:
    upstream.will(json_reply({"error": {"message": "no such path", "type": "invalid_request_error"}}, 404))
    with pytest.raises(UpstreamError, match="no such path"):
        await pipeline.pass_on(exchange({"model": f"{CHAT}/m", "input": "a"}, "/embeddings"), OPENAI)


async def test_gemini_names_the_model_in_path_and_texts(upstream: RawUpstream, pipeline: Pipeline) -> None:
    upstream.will(json_reply({"embeddings": [{"values": [0.5]}]}))
    text = {"model": "models/gemini/embed", "content": {"parts": [{"text": "a"}]}, "taskType": "RETRIEVAL_QUERY"}
    await pipeline.pass_on(exchange({"requests": [text]}, "/models/gemini/embed:batchEmbedContents", GEMINI), [GEMINI])
    assert upstream.heard[0].path == "/models/embed:batchEmbedContents"
    assert upstream.heard[0].json == {"requests": [{**text, "model": "models/embed"}]}
    await pipeline.pass_on(exchange({"model": "models/gemini/embed", "content": {}}, "/models/gemini/embed:embedContent", GEMINI), [GEMINI])
    assert upstream.heard[1].json == {"model": "models/embed", "content": {}}
    await pipeline.pass_on(exchange({"content": {}}, "/models/gemini/embed:embedContent", GEMINI), [GEMINI])
    assert upstream.heard[2].json == {"content": {}}


@pytest.mark.parametrize("requests", [{}, "x", [1], ["x"], None])
async def test_texts_of_another_shape_are_refused(upstream: RawUpstream, pipeline: Pipeline, requests: Any) -> None:
    with pytest.raises(BadRequest, match="requests"):
        await pipeline.pass_on(exchange({"requests": requests}, "/models/gemini/e:batchEmbedContents", GEMINI), [GEMINI])


# Requests for one model that are led to another of the same format

ASKED = {"max_tokens": 100, "temperature": 0, "messages": [{"role": "user", "content": "x"}]}
REFUSED = json_reply(
    {
        "error": {
            "message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
            "type": "invalid_request_error",
            "param": "max_tokens",
            "code": "unsupported_parameter",
        }
    },
    400,
)
ANSWER = {
    "id": "c", "object": "chat.completion", "created": 1, "model": "gpt-5.1",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hi"}}],
    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
}  # fmt: skip


async def test_what_suits_another_model_is_bent_to_the_one_it_is_led_to(upstream: RawUpstream, pipeline: Pipeline) -> None:
    upstream.will(REFUSED, json_reply(ANSWER))
    led = exchange({"model": "small", **ASKED, "metadata": {"a": "b"}}, "/chat/completions")
    answer = await pipeline.generate(led)
    assert json.loads(answer.body)["choices"][0]["message"]["content"] == "Hi"
    first, second = upstream.heard
    assert first.json == {"model": "gpt-5.1", **ASKED, "metadata": {"a": "b"}}
    assert second.json == {"model": "gpt-5.1", "messages": ASKED["messages"], "max_completion_tokens": 100, "temperature": 0}
    assert not led.relayed
    assert [loss.field for loss in led.losses] == ["metadata"]


async def test_what_a_model_refused_is_bent_at_once_from_then_on(upstream: RawUpstream, pipeline: Pipeline) -> None:
    upstream.will(REFUSED, json_reply(ANSWER))
    for _ in range(3):
        await pipeline.generate(exchange({"model": "small", **ASKED}, "/chat/completions"))
    assert ["max_tokens" in heard.json for heard in upstream.heard] == [True, False, False, False]
    fitting = exchange({"model": "small", "messages": ASKED["messages"], "metadata": {"a": "b"}}, "/chat/completions")
    await pipeline.generate(fitting)
    assert fitting.relayed
    assert upstream.heard[-1].json["metadata"] == {"a": "b"}


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (422, {"object": "error", "message": {"detail": [{"type": "extra_forbidden", "loc": ["body", "max_completion_tokens"]}]}}),
        (400, {"error": {"message": "property 'max_completion_tokens' is unsupported"}}),
    ],
    ids=["Mistral", "Groq"],
)
async def test_other_servers_say_it_in_other_words(upstream: RawUpstream, pipeline: Pipeline, status: int, body: Any) -> None:
    async def the_older_name_alone(heard: Heard) -> None:
        await (json_reply(body, status) if "max_completion_tokens" in heard.json else json_reply(ANSWER))(heard)

    upstream.will(the_older_name_alone)
    asked = {"max_completion_tokens": 100, "messages": ASKED["messages"]}
    await pipeline.generate(exchange({"model": "small", **asked}, "/chat/completions"))
    assert upstream.heard[-1].json == {"model": "gpt-5.1", "messages": ASKED["messages"], "max_tokens": 100}


async def test_who_asked_for_the_model_itself_is_told_what_it_does_not_take(upstream: RawUpstream, pipeline: Pipeline) -> None:
    pipeline.routes = RouteTable([ModelRule("*", (f"{CHAT}/*",))], {CHAT: ()})
    upstream.will(REFUSED)
    with pytest.raises(UpstreamError, match="max_completion_tokens"):
        await pipeline.generate(exchange({"model": "gpt-5.1", **ASKED}, "/chat/completions"))
    assert len(upstream.heard) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, {"message": "messages[0]: the role is wrong", "type": "invalid_request_error"}),
        (400, {"message": "prompt is too long for what this model does not support", "code": "context_length_exceeded"}),
        (404, {"message": "this model does not support chat", "type": "invalid_request_error"}),
    ],
)
async def test_other_refusals_are_the_clients_at_once(upstream: RawUpstream, pipeline: Pipeline, status: int, error: Any) -> None:
    upstream.will(json_reply({"error": error}, status))
    with pytest.raises(UpstreamError):
        await pipeline.generate(exchange({"model": "small", **ASKED}, "/chat/completions"))
    assert len(upstream.heard) == 1


async def test_a_name_that_a_rule_leads_to_a_model_can_be_looked_up(upstream: RawUpstream, pipeline: Pipeline) -> None:
    upstream.will(json_reply({"object": "list", "data": []}))
    pipeline.routes = RouteTable([ModelRule("claude-*", (f"{CHAT}/gpt-5.1",)), ModelRule("*", (f"{CHAT}/*",))], {CHAT: ()})
    found = await pipeline.get_model(exchange({}, "/models"), "claude-x")
    assert json.loads(found.body)["id"] == "claude-x"
    for nobodys in ("gpt-x", f"{CHAT}/gpt-x"):
        with pytest.raises(BadRequest, match=nobodys):
            await pipeline.get_model(exchange({}, "/models"), nobodys)
