"""Answers kept for clients that go on from them by id: what the next request becomes, and who is asked for what is kept elsewhere."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ccproxy_cli.backends.base import Backend
from ccproxy_cli.backends.credentials import AuthStyle, Credentials, LiteralKey
from ccproxy_cli.backends.echo import EchoBackend
from ccproxy_cli.backends.http import HTTPBackend
from ccproxy_cli.config.settings import ModelRule, TimeoutSettings
from ccproxy_cli.core.errors import BadRequest, UpstreamError
from ccproxy_cli.core.formats import FORMATS, Kept
from ccproxy_cli.core.framing import SSEDecoder
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.pipeline.exchange import Answer, Exchange
from ccproxy_cli.pipeline.pipeline import Pipeline
from ccproxy_cli.pipeline.route import RouteTable
from ccproxy_cli.pipeline.stored import StoredAnswers
from ccproxy_cli.stores.failover import Failover
from ccproxy_cli.stores.memory import MemoryStore
from ccproxy_cli.stores.opening import Stores
from tests.raw_upstream import RawUpstream, json_reply, stream_reply
from tests.stores.conftest import Clock
from tests.stores.shaky import Shaky

CLIENT = FORMATS["openai-responses"]
NOT_FOUND = json_reply({"error": {"message": "Response with id 'resp_x' not found.", "type": "invalid_request_error"}}, 404)
PATIENT = TimeoutSettings(connect=2, first_byte=10, idle=10, total=30)


@pytest.fixture
async def upstream() -> AsyncIterator[RawUpstream]:
    """Knows no answer, until it is told what to say."""
    async with RawUpstream() as upstream:
        upstream.will(NOT_FOUND)
        yield upstream


def http(name: str, url: str, spoken: str) -> HTTPBackend:
    credentials = Credentials(LiteralKey("sk-test-0123456789abcdefghijklmnop"), AuthStyle.BEARER)
    return HTTPBackend(name, FORMATS[spoken], url, credentials, lambda _: Profile(), PATIENT)


@pytest.fixture
async def pipeline(upstream: RawUpstream) -> AsyncIterator[Pipeline]:
    """`own/*` is a provider of the client's format, `chat/*` one of another; the upstream stands for both."""
    url = upstream.url
    rules = [ModelRule("own/*", ("own/*",)), ModelRule("chat/*", ("chat/*",)), ModelRule("*", ("echo/*",))]
    backends: dict[str, Backend] = {
        "echo": EchoBackend(),
        "own": http("own", url, "openai-responses"),
        "chat": http("chat", url, "openai-chat"),
    }
    made = Pipeline(RouteTable(rules, {}), backends, seal_key=lambda: bytes(32))
    yield made
    await made.aclose()


def exchange(body: Any, *, method: str = "POST", path: str = "/responses", key: str | None = None, query: str = "") -> Exchange:
    return Exchange("id", CLIENT, HTTPCall(method, path, b"" if body is None else json.dumps(body).encode(), {}, query), client_key=key)


async def body_of(answer: Answer) -> Any:
    """The answer, or the one that its stream ends with."""
    if answer.chunks is None:
        return json.loads(answer.body)
    frames = b"".join([chunk async for chunk in answer.chunks]).strip().split(b"\n\n")
    return json.loads(frames[-1].partition(b"data: ")[2])["response"]


async def told(pipeline: Pipeline, said: Any, *, key: str | None = None, **more: Any) -> Any:
    return await body_of(await pipeline.generate(exchange({"model": "echo", "input": said, **more}, key=key)))


async def looked_up(pipeline: Pipeline, answer: str, *, method: str = "GET", key: str | None = None, query: str = "") -> Any:
    return json.loads((await pipeline.kept(exchange(None, method=method, path=f"/responses/{answer}", key=key, query=query))).body)


def chat_answer(text: str) -> Any:
    message = {"role": "assistant", "content": text}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m"} | {
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


def own_answer(answer_id: str) -> Any:
    content = [{"type": "output_text", "text": "Hi.", "annotations": [], "logprobs": []}]
    message = {"type": "message", "id": "msg_up", "role": "assistant", "status": "completed", "content": content}
    return {"id": answer_id, "object": "response", "created_at": 1, "model": "m", "status": "completed", "output": [message]} | {
        "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    }


# Going on


@pytest.mark.parametrize("stream", [False, True])
async def test_a_chain_reaches_another_format_in_full(upstream: RawUpstream, pipeline: Pipeline, stream: bool) -> None:
    upstream.will(json_reply(chat_answer("one")), json_reply(chat_answer("two")), json_reply(chat_answer("three")))
    first = await told(pipeline, "a", model="chat/m", instructions="Be brief.", stream=stream)
    second = await told(pipeline, [{"role": "user", "content": "b"}], model="chat/m", previous_response_id=first["id"], stream=stream)
    third = await told(pipeline, "c", model="chat/m", previous_response_id=second["id"], instructions="Sing.", store=False, stream=stream)
    said = [[(message["role"], message["content"]) for message in heard.json["messages"]] for heard in upstream.heard]
    assert said[1] == [("user", "a"), ("assistant", "one"), ("user", "b")]  # instructions are not carried over
    assert said[2][0] == ("system", "Sing.")
    assert said[2][1:] == [("user", "a"), ("assistant", "one"), ("user", "b"), ("assistant", "two"), ("user", "c")]
    assert [(answer["store"], answer["previous_response_id"]) for answer in (first, second)] == [(True, None), (True, first["id"])]
    assert third["store"] is False
    assert len({first["id"], second["id"], third["id"]}) == 3
    assert all("previous_response_id" not in heard.json and "store" not in heard.json for heard in upstream.heard)


async def test_an_explicit_store_is_no_loss(pipeline: Pipeline) -> None:
    doing = exchange({"model": "echo", "input": "a", "store": True})
    await pipeline.generate(doing)
    assert not doing.losses


async def test_what_one_client_was_answered_is_nothing_to_another(pipeline: Pipeline) -> None:
    first = await told(pipeline, "a", key="one")
    with pytest.raises(BadRequest, match="not found"):
        await told(pipeline, "b", key="two", previous_response_id=first["id"])
    with pytest.raises(BadRequest, match="not found"):
        await looked_up(pipeline, first["id"], key="two")
    assert (await looked_up(pipeline, first["id"], key="one"))["id"] == first["id"]


async def test_clients_with_names_find_their_own_answers_alone(pipeline: Pipeline) -> None:
    asking = exchange({"model": "echo", "input": "a"})
    asking.client = "ann"
    first = await body_of(await pipeline.generate(asking))
    for name, found in (("ann", True), ("bob", False), (None, False)):
        looking = exchange(None, method="GET", path=f"/responses/{first['id']}")
        looking.client = name
        try:
            assert (await body_of(await pipeline.kept(looking)))["id"] == first["id"]
        except BadRequest:
            assert not found
        else:
            assert found


async def test_an_unknown_answer_is_refused_in_the_vendors_words(pipeline: Pipeline) -> None:
    with pytest.raises(BadRequest) as caught:
        await told(pipeline, "b", previous_response_id="resp_gone")
    error = caught.value.error
    assert error.message == "Previous response with id 'resp_gone' not found."
    assert (error.http_status, error.code, error.param) == (400, "previous_response_not_found", "previous_response_id")


async def test_an_answer_that_was_not_to_be_kept_is_not(pipeline: Pipeline) -> None:
    first = await told(pipeline, "a", store=False)
    assert first["store"] is False
    with pytest.raises(BadRequest, match="Previous response"):
        await told(pipeline, "b", previous_response_id=first["id"])


@pytest.mark.parametrize("name", ["conversation", "prompt"])
async def test_what_only_the_vendor_keeps_is_refused_by_name(pipeline: Pipeline, name: str) -> None:
    more: dict[str, Any] = {name: {"id": "x_1"}}
    with pytest.raises(BadRequest) as caught:
        await told(pipeline, "a", **more)
    assert caught.value.param == name


async def test_single_items_are_known_by_their_ids(upstream: RawUpstream, pipeline: Pipeline) -> None:
    upstream.will(json_reply(chat_answer("one")), json_reply(chat_answer("two")))
    first = await told(pipeline, "a", model="chat/m")
    reference = {"type": "item_reference", "id": first["output"][0]["id"]}
    await told(pipeline, [{"role": "user", "content": "a"}, reference, {"role": "user", "content": "b"}], model="chat/m")
    assert [message["content"] for message in upstream.heard[1].json["messages"]] == ["a", "one", "b"]
    with pytest.raises(BadRequest, match=r"input\[0\]\.id"):
        await told(pipeline, [{**reference, "id": "msg_unknown"}], model="chat/m")


async def test_the_count_of_a_request_counts_what_it_goes_on_from(pipeline: Pipeline) -> None:
    first = await told(pipeline, "many words " * 50)

    async def counted(**more: Any) -> int:
        call = exchange({"model": "echo", "input": "b", **more}, path="/responses/input_tokens")
        return int(json.loads((await pipeline.count_tokens(call)).body)["input_tokens"])

    assert await counted(previous_response_id=first["id"]) > await counted() + 100


# Looking up


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_is_shown_as_it_was_told_until_it_is_deleted(pipeline: Pipeline, stream: bool) -> None:
    first = await told(pipeline, "a b c", stream=stream)
    assert await looked_up(pipeline, first["id"]) == first
    assert await looked_up(pipeline, first["id"], method="DELETE") == {"id": first["id"], "object": "response", "deleted": True}
    with pytest.raises(BadRequest) as caught:
        await looked_up(pipeline, first["id"])
    assert caught.value.error.http_status == 404
    with pytest.raises(BadRequest, match="Previous response"):
        await told(pipeline, "b", previous_response_id=first["id"])


async def test_what_led_to_an_answer_comes_in_pages(pipeline: Pipeline) -> None:
    first = await told(pipeline, "a")
    second = await told(pipeline, [{"role": "user", "content": "b"}], previous_response_id=first["id"])
    path = f"{second['id']}/input_items"
    newest = await looked_up(pipeline, path)
    assert [item["content"][0]["text"] for item in newest["data"]] == ["b", "a", "a"]
    assert newest["has_more"] is False
    page = await looked_up(pipeline, path, query="order=asc&limit=2")
    assert [item["role"] for item in page["data"]] == ["user", "assistant"]
    assert (page["has_more"], page["last_id"]) == (True, page["data"][-1]["id"])
    rest = await looked_up(pipeline, path, query=f"order=asc&limit=2&after={page['last_id']}")
    assert [item["content"][0]["text"] for item in rest["data"]] == ["b"]
    with pytest.raises(BadRequest, match="limit"):
        await looked_up(pipeline, path, query="limit=0")


def numbers(stream: bytes) -> list[int]:
    return [json.loads(frame.data)["sequence_number"] for frame in SSEDecoder().feed(stream)]


async def test_a_kept_answer_may_be_told_again_as_a_stream(pipeline: Pipeline) -> None:
    first = await told(pipeline, "a b c", instructions="Be brief.", metadata={"a": "b"})
    path = f"/responses/{first['id']}"
    whole = await pipeline.kept(exchange(None, method="GET", path=path, query="include[]=x&stream=true"))
    assert whole.headers["content-type"].startswith("text/event-stream")
    events = [json.loads(frame.data) for frame in SSEDecoder().feed(whole.body)]
    assert (events[0]["type"], events[-1]["type"], events[-1]["response"]) == ("response.created", "response.completed", first)
    assert events[0]["response"] == {**first, "status": "in_progress", "output": [], "usage": None}
    assert [event["item"] for event in events if event["type"] == "response.output_item.done"] == first["output"]
    later = await pipeline.kept(exchange(None, method="GET", path=path, query="stream=true&starting_after=3"))
    assert numbers(later.body) == [number for number in numbers(whole.body) if number > 3]
    with pytest.raises(BadRequest, match="starting_after"):
        await looked_up(pipeline, first["id"], query="stream=true&starting_after=x")


async def test_a_kept_answer_cannot_be_given_up_any_more(pipeline: Pipeline) -> None:
    first = await told(pipeline, "a")
    with pytest.raises(BadRequest, match="Cannot cancel a synchronous response"):
        await looked_up(pipeline, f"{first['id']}/cancel", method="POST")
    with pytest.raises(BadRequest, match="not found"):
        await looked_up(pipeline, "resp_unknown/cancel", method="POST")


@pytest.mark.parametrize("name", ["..", "a%2fb", "x" * 300, "a b", "{id}"])
async def test_what_cannot_be_an_id_reaches_nobody(upstream: RawUpstream, pipeline: Pipeline, name: str) -> None:
    with pytest.raises(BadRequest, match="not found"):
        await looked_up(pipeline, name)
    assert not upstream.heard


# Kept by the vendor


@pytest.mark.parametrize("stream", [False, True])
async def test_a_vendor_of_the_same_format_keeps_its_own(upstream: RawUpstream, pipeline: Pipeline, stream: bool) -> None:
    answer = own_answer("resp_up")
    frames: list[dict[str, Any]] = [
        {"type": "response.created", "response": {**answer, "status": "in_progress", "output": []}},
        {"type": "response.output_item.added", "output_index": 0, "item": {**answer["output"][0], "content": []}},
        {"type": "response.output_item.done", "output_index": 0, "item": answer["output"][0]},
        {"type": "response.completed", "response": answer},
    ]
    written = [b"event: %b\ndata: %b\n\n" % (str(frame["type"]).encode(), json.dumps(frame).encode()) for frame in frames]
    upstream.will(stream_reply(*written) if stream else json_reply(answer), json_reply(answer), json_reply({"deleted": True}))
    await told(pipeline, "a", model="own/m", previous_response_id="resp_theirs", stream=stream)
    assert await looked_up(pipeline, "resp_up") == {**answer, "model": "own/m"}
    assert await looked_up(pipeline, "resp_up", method="DELETE") == {"deleted": True}
    assert upstream.heard[0].json["previous_response_id"] == "resp_theirs"
    assert [(heard.method, heard.path) for heard in upstream.heard[1:]] == [("GET", "/responses/resp_up"), ("DELETE", "/responses/resp_up")]


async def test_what_a_vendor_keeps_is_its_own_to_stream_and_to_give_up(upstream: RawUpstream, pipeline: Pipeline) -> None:
    frame = b'event: response.completed\ndata: {"type": "response.completed"}\n\n'
    upstream.will(json_reply(own_answer("resp_up")), stream_reply(frame), json_reply({"status": "cancelled"}))
    await told(pipeline, "a", model="own/m")
    streamed = await pipeline.kept(exchange(None, method="GET", path="/responses/resp_up", query="stream=true&starting_after=7"))
    assert streamed.chunks is not None
    assert b"".join([chunk async for chunk in streamed.chunks]) == frame
    assert await looked_up(pipeline, "resp_up/cancel", method="POST") == {"status": "cancelled"}
    assert [heard.path for heard in upstream.heard[1:]] == [
        "/responses/resp_up?stream=true&starting_after=7",
        "/responses/resp_up/cancel",
    ]


async def test_a_conversation_that_began_elsewhere_goes_to_a_vendor_in_full(upstream: RawUpstream, pipeline: Pipeline) -> None:
    upstream.will(json_reply(own_answer("resp_up")))
    first = await told(pipeline, "a")
    await told(pipeline, "b", model="own/m", previous_response_id=first["id"])
    (heard,) = upstream.heard
    assert "previous_response_id" not in heard.json
    assert [item["content"][0]["text"] for item in heard.json["input"]] == ["a", "a", "b"]


async def test_an_id_whose_issuer_is_forgotten_is_looked_for(upstream: RawUpstream, pipeline: Pipeline) -> None:
    with pytest.raises(BadRequest, match="not found"):
        await looked_up(pipeline, "resp_x")
    upstream.will(json_reply({"error": {"message": "broken", "type": "server_error"}}, 500))
    with pytest.raises(UpstreamError, match="broken"):
        await looked_up(pipeline, "resp_x")


async def test_compacting_is_the_vendors_alone(upstream: RawUpstream, pipeline: Pipeline) -> None:
    compacted = {"id": "resp_c", "object": "response.compaction", "output": [{"type": "compaction", "encrypted_content": "x"}]}
    upstream.will(json_reply(compacted))
    answer = await pipeline.pass_on(exchange({"model": "own/m", "input": "a"}, path="/responses/compact"), ["openai-responses"])
    assert json.loads(answer.body) == compacted
    assert (upstream.heard[0].path, upstream.heard[0].json) == ("/responses/compact", {"model": "m", "input": "a"})
    with pytest.raises(BadRequest, match="/responses/compact is not served for this model") as caught:
        await pipeline.pass_on(exchange({"model": "echo", "input": "a"}, path="/responses/compact"), ["openai-responses"])
    assert caught.value.error.http_status == 404


# The store


@pytest.mark.parametrize("size", [0, 10, 100_000])
async def test_an_answer_comes_back_from_the_store_as_it_was(size: int) -> None:
    store = MemoryStore(Clock())
    kept = Kept(b"[1]" * size, b"\x00asked")
    await StoredAnswers(store).put("k", kept)
    assert await StoredAnswers(store).get("k") == kept
    assert store.bytes < 5000
    await StoredAnswers(store).delete("k")
    assert await StoredAnswers(store).get("k") is None


async def test_an_answer_of_another_version_is_as_good_as_not_kept() -> None:
    store = MemoryStore(Clock())
    answers = StoredAnswers(store)
    await answers.put("k", Kept(b"x", b""))
    (key,) = store._values
    await store.put(key, b"\x09whatever", 60)
    assert await answers.get("k") is None


def sharing(stores: Stores, upstream: RawUpstream) -> Pipeline:
    """An instance whose provider `own` speaks the client's format."""
    rules = [ModelRule("own/*", ("own/*",)), ModelRule("*", ("echo/*",))]
    backends: dict[str, Backend] = {"echo": EchoBackend(), "own": http("own", upstream.url, "openai-responses")}
    return Pipeline(RouteTable(rules, {}), backends, stores=stores)


async def test_instances_that_share_a_store_go_on_from_each_others_answers(upstream: RawUpstream) -> None:
    store = MemoryStore(Clock())
    stores = Stores(store, store)
    one, other = sharing(stores, upstream), sharing(stores, upstream)
    first = await told(one, "a b c")
    second = await told(other, "d", previous_response_id=first["id"])
    assert second["previous_response_id"] == first["id"]
    assert (await looked_up(one, second["id"]))["id"] == second["id"]
    await looked_up(one, first["id"], method="DELETE")
    with pytest.raises(BadRequest, match="not found"):
        await looked_up(other, first["id"])
    upstream.will(json_reply(own_answer("resp_up")), json_reply(own_answer("resp_up")))
    await told(one, "a", model="own/m")
    await stores.later.flush()
    assert (await looked_up(other, "resp_up"))["id"] == "resp_up"
    for pipeline in (one, other):
        await pipeline.aclose()


async def test_an_answer_that_may_lie_where_nobody_reaches_is_not_given_up_for_lost(upstream: RawUpstream) -> None:
    shaky = Shaky(MemoryStore(Clock()))
    store = Failover(shaky, Clock(), first_pause=1000)
    pipeline = sharing(Stores(store, store), upstream)
    first = await told(pipeline, "a")
    shaky.is_there = False
    second = await told(pipeline, "b", previous_response_id=first["id"])
    assert (await looked_up(pipeline, second["id"]))["id"] == second["id"]
    upstream.will(NOT_FOUND)
    for failing in (told(pipeline, "c", previous_response_id="resp_other"), looked_up(pipeline, "resp_other")):
        with pytest.raises(UpstreamError, match="cannot be reached right now") as caught:
            await failing
        assert (caught.value.error.http_status, caught.value.error.retry_after) == (503, "5")
    await pipeline.aclose()
    await store.aclose()
