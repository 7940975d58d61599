"""Answers that are given again: to whom, in which form, and which are not."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest
from attrs import define, evolve, field

from ccproxy_cli.backends.base import EventStream, Health, Meter, RelayedReply, RelayedStream
from ccproxy_cli.config.settings import AgentSettings, CacheSettings, ModelRule, ProviderSettings, RetrySettings, Settings
from ccproxy_cli.core.catalog import ModelInfo, TokenCount
from ccproxy_cli.core.errors import APIError, ErrorKind, UpstreamError
from ccproxy_cli.core.events import Event, ResponseEnd, StreamError
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS, Format
from ccproxy_cli.core.http import HTTPCall, HTTPReply
from ccproxy_cli.core.parts import Part, Text, ToolCall
from ccproxy_cli.core.request import Message, Request, Role
from ccproxy_cli.core.response import Finish, FinishReason, Response, Usage
from ccproxy_cli.core.stream import explode, fold
from ccproxy_cli.pipeline.attempts import Attempts
from ccproxy_cli.pipeline.cache import HEADER, AnswerCache
from ccproxy_cli.pipeline.exchange import Answer, Exchange
from ccproxy_cli.pipeline.pipeline import Pipeline
from ccproxy_cli.pipeline.rests import Rests
from ccproxy_cli.pipeline.route import RouteTable
from ccproxy_cli.stores.memory import MemoryStore
from tests.pipeline.waiting import Clock, SlowStore

FORMAT_NAMES = list(FORMATS)
LANES = ["relay", "translate"]
KINDS = [False, True]
HI = Request("m", (Message(Role.USER, (Text("hi"),)),), max_tokens=99)


@define
class Counting:
    """A backend of one format whose every answer says its number."""

    format: Format
    name: str = "up"
    answers: int = 0
    finish: FinishReason = FinishReason.STOP
    breaks: bool = False
    size: int = 1
    gate: asyncio.Event | None = None
    failure: UpstreamError | None = None
    closed: list[bool] = field(factory=list)

    async def _next(self) -> Response:
        self.answers += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        parts: list[Part] = [Text(f"answer {self.answers}" * self.size)]
        if self.finish is FinishReason.TOOL_CALLS:
            parts.append(ToolCall("call_1", "Read", '{"path":"a"}'))
        return Response(f"resp_{self.answers}", "m", tuple(parts), Finish(self.finish), Usage(5, 0, 0, 7, 0), created=1)

    def _events(self, answer: Response) -> Sequence[Event]:
        events = list(explode(answer))
        if self.breaks:
            return [event for event in events if not isinstance(event, ResponseEnd)]
        return events

    async def send(self, request: Request, losses: Losses, client_key: str | None = None) -> EventStream:
        return self._sent(self._events(await self._next()))

    async def _sent(self, events: Sequence[Event]) -> EventStream:
        try:
            for event in events:
                yield [event]
            if self.breaks:
                yield [StreamError(APIError(ErrorKind.BAD_UPSTREAM, "broke off"))]
        finally:
            self.closed.append(True)

    async def relay(self, call: HTTPCall, stream: bool, client_key: str | None = None) -> RelayedReply | RelayedStream:
        answer = await self._next()
        if not stream:
            return RelayedReply(200, self.format.encode_response(answer, HI), {"request-id": "up_1"}, answer.usage)
        encoder = self.format.stream_encoder(self.format.decode_request(call, Losses()))
        return RelayedStream(
            {"request-id": "up_1"}, self._frames([encoder.encode(event) for event in self._events(answer)]), Meter(answer.usage)
        )

    async def _frames(self, frames: Sequence[bytes]) -> AsyncGenerator[bytes, None]:
        for frame in frames:
            if frame:
                yield frame
        if self.breaks:
            raise UpstreamError(APIError(ErrorKind.BAD_UPSTREAM, "broke off"))

    async def pass_on(self, call: HTTPCall, client_key: str | None = None) -> HTTPReply:
        raise NotImplementedError

    async def count_tokens(self, request: Request, losses: Losses, client_key: str | None = None) -> TokenCount:
        raise NotImplementedError

    async def models(self) -> tuple[ModelInfo, ...]:
        return ()

    async def health(self) -> Health:
        return Health(True, "")

    async def aclose(self) -> None: ...


@define
class Site:
    """A pipeline with a cache, and clients of one format."""

    client: Format
    backend: Counting
    pipeline: Pipeline
    store: MemoryStore
    clock: Clock

    def exchange(
        self,
        *,
        stream: bool = False,
        key: str | None = None,
        client: str | None = None,
        headers: dict[str, str] | None = None,
        alt: str | None = None,
        **members: Any,
    ) -> Exchange:
        """A request of a client that greets."""
        body, path, query = _BODIES[self.client.name], f"/{self.client.name}", ""
        if self.client.name == "gemini":
            path, query = f"/models/m:{'streamGenerateContent' if stream else 'generateContent'}", "alt=sse" if stream else ""
        elif stream:
            body = {**body, "stream": True}
        call = HTTPCall("POST", path, json.dumps({**body, **members}).encode(), headers or {}, query if alt is None else alt)
        return Exchange("id", self.client, call, client_key=key, client=client)

    async def ask(self, **request: Any) -> tuple[Answer, bytes]:
        exchange = self.exchange(**request)
        return await taken(await self.pipeline.generate(exchange))

    async def how(self, **request: Any) -> str:
        return (await self.ask(**request))[0].headers[HEADER]


_BODIES: dict[str, dict[str, Any]] = {
    "anthropic": {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "hi"}]},
    "openai-chat": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    "openai-responses": {"model": "m", "input": "hi", "store": False},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
}


async def taken(answer: Answer) -> tuple[Answer, bytes]:
    """The answer, and all its bytes."""
    if answer.chunks is None:
        return answer, answer.body
    pieces = [chunk async for chunk in answer.chunks]
    await answer.chunks.aclose()
    return answer, b"".join(pieces)


def read(spoken: Format, answer: Answer, data: bytes) -> Response:
    """What a client reads."""
    if answer.chunks is None:
        return spoken.decode_response(data)
    decoder = spoken.stream_decoder()
    return fold([*decoder.feed(data), *decoder.close()])


def site(client: str = "anthropic", lane: str = "relay", *, cache: CacheSettings | None = None, **backend: Any) -> Site:
    clock = Clock()
    store = MemoryStore(clock)
    spoken = FORMATS[client] if lane == "relay" else FORMATS["gemini" if client == "anthropic" else "anthropic"]
    counting = Counting(spoken, **backend)
    kept = AnswerCache(cache or CacheSettings(models=("m*",)), store, clock)
    pipeline = Pipeline(RouteTable([ModelRule("*", ("up/m",))], {}), {"up": counting}, cache=kept)
    return Site(FORMATS[client], counting, pipeline, store, clock)


# In which form


@pytest.mark.parametrize("again", KINDS, ids=["body", "stream"])
@pytest.mark.parametrize("first", KINDS, ids=["body", "stream"])
@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize("client", FORMAT_NAMES)
async def test_the_same_answer_is_given_in_the_form_that_is_asked_for(client: str, lane: str, first: bool, again: bool) -> None:
    here = site(client, lane, finish=FinishReason.TOOL_CALLS)
    one, one_data = await here.ask(stream=first)
    two, two_data = await here.ask(stream=again)
    assert (one.headers[HEADER], two.headers[HEADER], here.backend.answers) == ("miss", "hit", 1)
    told, repeated = read(here.client, one, one_data), read(here.client, two, two_data)
    assert [repeated.parts, repeated.id, repeated.model] == [told.parts, told.id, told.model]
    if client != "openai-chat" or first == again:  # whose streams tell no usage unless they are asked to
        assert repeated.usage.output == told.usage.output
    assert repeated.finish.reason is told.finish.reason
    assert two.headers["content-type"].startswith("text/event-stream" if again else "application/json")
    assert (two.headers.get("x-accel-buffering") == "no") == again
    assert two.headers["x-ccproxy-route"] == "up/m"
    assert "request-id" not in two.headers
    if first == again:
        assert two_data == one_data


@pytest.mark.parametrize("lane", LANES)
async def test_a_gemini_stream_that_is_a_list_is_given_again_as_one_or_in_another_form(lane: str) -> None:
    here = site("gemini", lane)
    listed, data = await here.ask(stream=True, alt="")
    assert listed.headers["content-type"] == "application/json"
    again, again_data = await here.ask(stream=True, alt="")
    assert (again.headers[HEADER], again.headers["content-type"], again_data) == ("hit", "application/json", data)
    streamed, frames = await here.ask(stream=True)
    whole, body = await here.ask()
    assert (streamed.headers[HEADER], whole.headers[HEADER], here.backend.answers) == ("hit", "hit", 1)
    assert read(here.client, streamed, frames).parts == read(here.client, whole, body).parts == (Text("answer 1"),)


async def test_a_stream_tells_its_usage_to_who_asks_for_it() -> None:
    here = site("openai-chat")
    await here.ask()
    _, plain = await here.ask(stream=True)
    answer, with_usage = await here.ask(stream=True, stream_options={"include_usage": True})
    assert answer.headers[HEADER] == "hit"
    assert (b'"usage":{' in plain, b'"usage":{' in with_usage) == (False, True)


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize("stream", KINDS, ids=["body", "stream"])
async def test_what_an_answer_repeats_of_its_request_is_that_of_this_one(lane: str, stream: bool) -> None:
    here = site("openai-responses", lane)
    await here.ask(stream=stream, metadata={"for": "the first"}, user="the first")
    answer, data = await here.ask(stream=stream, metadata={"for": "the second"})
    assert answer.headers[HEADER] == "hit"
    assert b"the first" not in data
    assert b"the second" in data


async def test_a_hit_costs_nothing_and_says_who_answered() -> None:
    here = site()
    await here.ask()
    exchange = here.exchange()
    await here.pipeline.generate(exchange)
    assert (exchange.cache, exchange.usage, exchange.tries, exchange.route, exchange.outcome) == ("hit", None, 0, "up/m", "ok")


# To whom


async def test_nobody_is_given_what_another_was_answered() -> None:
    here = site()
    asked: list[dict[str, Any]] = [
        {"key": None},
        {"key": "sk-ann"},
        {"client": "ann"},
        {"client": "bob"},
        {"client": "ann", "key": "sk-ann"},
    ]
    assert [await here.how(**who) for who in asked] == ["miss"] * len(asked)
    assert [await here.how(**who) for who in asked] == ["hit"] * len(asked)


async def test_clients_share_what_the_user_lets_them_share() -> None:
    here = site(cache=CacheSettings(models=("m",), shared=True))
    assert [await here.how(key="sk-ann"), await here.how(client="bob"), await here.how()] == ["miss", "hit", "hit"]


async def test_what_can_be_named_later_is_its_owners() -> None:
    here = site("openai-responses", cache=CacheSettings(models=("m",), shared=True))
    assert [await here.how(client=name, store=True) for name in ("ann", "bob", "ann")] == ["miss", "miss", "hit"]
    assert [await here.how(client=name) for name in ("ann", "bob")] == ["miss", "hit"]


async def test_what_counts_is_what_is_asked() -> None:
    here = site()
    assert await here.how() == "miss"
    assert await here.how(temperature=1.0, metadata={"user_id": "x"}) == "hit"
    assert await here.how(temperature=0.5) == "miss"
    assert await here.how(headers={"anthropic-beta": "new"}) == "miss"
    assert await here.how(headers={"user-agent": "new"}) == "hit"
    assert await here.how(model="m2") == "miss"
    strict = here.exchange()
    strict.strict = True
    assert (await here.pipeline.generate(strict)).headers[HEADER] == "miss"


async def test_formats_do_not_mix() -> None:
    clock = Clock()
    cache = AnswerCache(CacheSettings(models=("*",)), MemoryStore(clock), clock)
    for client in FORMAT_NAMES:
        here = site(client)
        pipeline = Pipeline(RouteTable([ModelRule("*", ("up/m",))], {}), {"up": here.backend}, cache=cache)
        assert (await pipeline.generate(here.exchange())).headers[HEADER] == "miss"


@pytest.mark.parametrize(
    ("wish", "how"),
    [
        ("no-store", ["miss", "off", "hit"]),
        ("No-Cache", ["miss", "miss", "hit"]),
        ("max-age=0", ["miss", "miss", "hit"]),
        ("", ["miss", "hit", "hit"]),
    ],
)
async def test_a_request_can_ask_for_a_new_answer_or_keep_its_own_out(wish: str, how: list[str]) -> None:
    here = site()
    assert [await here.how(), await here.how(headers={"cache-control": f"x, {wish}"}), await here.how()] == how
    _, data = await here.ask()
    assert json.loads(data)["content"][0]["text"] == ("answer 2" if how[1] == "miss" else "answer 1")
    fresh = site()
    assert [await fresh.how(headers={"cache-control": wish}), await fresh.how()] == [
        how[1] if wish else "miss",
        "miss" if how[1] == "off" else "hit",
    ]


async def test_models_that_nobody_named_are_left_alone() -> None:
    here = site(cache=CacheSettings(models=("other-*",)))
    assert [await here.how(), await here.how(), await here.how(model="other-1"), await here.how(model="other-1")] == [
        "off",
        "off",
        "miss",
        "hit",
    ]
    assert AnswerCache.of(Settings(), here.store) is None
    without = Pipeline(RouteTable([ModelRule("*", ("up/m",))], {}), {"up": here.backend})
    assert HEADER not in (await without.generate(here.exchange())).headers


# Which


@pytest.mark.parametrize("stream", KINDS, ids=["body", "stream"])
@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize("finish", FinishReason)
async def test_answers_that_stopped_short_are_asked_for_again(lane: str, stream: bool, finish: FinishReason) -> None:
    here = site("anthropic", lane, finish=finish)
    first, data = await here.ask(stream=stream)
    ended = read(here.client, first, data).finish.reason
    is_whole = ended in (FinishReason.STOP, FinishReason.STOP_SEQUENCE, FinishReason.TOOL_CALLS)
    assert await here.how(stream=stream) == ("hit" if is_whole else "miss")


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize("client", FORMAT_NAMES)
async def test_a_stream_that_broke_off_is_not_kept(client: str, lane: str) -> None:
    here = site(client, lane, breaks=True)
    await here.ask(stream=True)
    here.backend.breaks = False
    assert [await here.how(stream=True), await here.how(stream=True)] == ["miss", "hit"]


@pytest.mark.parametrize("stream", KINDS, ids=["body", "stream"])
async def test_errors_are_not_kept(stream: bool) -> None:
    here = site(failure=UpstreamError(APIError(ErrorKind.INVALID_REQUEST, "no", 400, origin="anthropic")))
    with pytest.raises(UpstreamError):
        await here.ask(stream=stream)
    here.backend.failure = None
    assert await here.how(stream=stream) == "miss"


@pytest.mark.parametrize("lane", LANES)
@pytest.mark.parametrize("client", FORMAT_NAMES)
async def test_a_stream_whose_client_leaves_is_kept_if_it_was_over(client: str, lane: str) -> None:
    here = site(client, lane)
    whole = await here.pipeline.generate(here.exchange(stream=True, key="counts the frames"))
    assert whole.chunks is not None
    count = len([chunk async for chunk in whole.chunks])
    for frames in range(1, count + 1):
        key = f"reads {frames}"
        answer = await here.pipeline.generate(here.exchange(stream=True, key=key))
        assert answer.chunks is not None
        read_so_far = b"".join([await anext(answer.chunks) for _ in range(frames)])
        await answer.chunks.aclose()
        again, data = await here.ask(stream=True, key=key)
        was_over = frames == count and client != "gemini"  # whose streams are over when nothing more comes
        assert (again.headers[HEADER], data == read_so_far) == (("hit", True) if was_over else ("miss", False))
    assert await here.how(stream=True, key="counts the frames") == "hit"


async def test_an_answer_of_another_target_than_the_first_is_not_kept() -> None:
    clock = Clock()
    first, second = Counting(FORMATS["anthropic"], "first"), Counting(FORMATS["anthropic"], "second")
    first.failure = UpstreamError(APIError(ErrorKind.OVERLOADED, "busy", 529, origin="anthropic"))
    pipeline = Pipeline(
        RouteTable([ModelRule("*", ("first/m", "second/m"))], {}),
        {"first": first, "second": second},
        cache=AnswerCache(CacheSettings(models=("m",)), MemoryStore(clock), clock),
        attempts=Attempts(RetrySettings(attempts=1, cool_down=0), Rests(clock)),
    )
    here = evolve(site(), pipeline=pipeline)
    for stream in KINDS:
        assert (await here.ask(stream=stream))[0].headers["x-ccproxy-route"] == "second/m"
    first.failure = None
    assert [(await here.ask())[0].headers["x-ccproxy-route"] for _ in range(2)] == ["first/m", "first/m"]
    assert (first.answers, second.answers) == (3, 2)


async def test_what_can_only_be_answered_once_is_not_kept() -> None:
    here = site()
    assert [await here.how(container="c_1") for _ in range(2)] == ["off", "off"]


async def test_what_an_agent_does_is_done_each_time() -> None:
    here = site()
    agent = ProviderSettings("claude-code", agent=AgentSettings(directory="/srv/work"))
    cache = AnswerCache.of(Settings(providers={"up": agent}, cache=CacheSettings(models=("*",))), here.store)
    pipeline = Pipeline(RouteTable([ModelRule("*", ("up/m",))], {}), {"up": here.backend}, cache=cache)
    assert [(await pipeline.generate(here.exchange())).headers[HEADER] for _ in range(2)] == ["off", "off"]
    assert here.backend.answers == 2


# For how long, and how much


async def test_answers_are_given_again_for_a_while() -> None:
    here = site(cache=CacheSettings(models=("m",), ttl=60))
    assert await here.how() == "miss"
    here.clock.now += 59
    assert await here.how() == "hit"
    here.clock.now += 2
    assert await here.how() == "miss"


async def test_the_oldest_answers_make_room() -> None:
    here = site(cache=CacheSettings(models=("m",), max_mb=1), size=10_000)
    for number in range(30):
        await here.ask(system=str(number), stream=number % 2 == 0)
        assert here.store.bytes < 1.1 * 2**20
    assert await here.how(system="29") == "hit"
    assert await here.how(system="0", stream=True) == "miss"
    here.clock.now += 4000
    assert await here.how(system="29") == "miss"
    assert here.store.bytes < 2**19


@pytest.mark.parametrize("stream", KINDS, ids=["body", "stream"])
async def test_an_answer_that_is_too_large_is_not_kept(stream: bool) -> None:
    here = site(cache=CacheSettings(models=("m",), max_mb=1), size=20_000)
    assert [await here.how(stream=stream) for _ in range(2)] == ["miss", "miss"]
    assert here.store.bytes == 0


@pytest.mark.parametrize("stream", KINDS, ids=["body", "stream"])
async def test_a_store_that_is_lost_costs_nobody_an_answer(stream: bool) -> None:
    here = site()
    store = SlowStore(here.store)
    cache = AnswerCache(CacheSettings(models=("*",)), store, here.clock)
    here.pipeline = Pipeline(RouteTable([ModelRule("*", ("up/m",))], {}), {"up": here.backend}, cache=cache)
    store.lost = True
    assert [await here.how(stream=stream) for _ in range(2)] == ["miss", "miss"]
    store.lost = False
    assert [await here.how(stream=stream) for _ in range(2)] == ["miss", "hit"]


# At once


async def test_who_asks_for_the_same_meanwhile_waits_for_the_one_answer() -> None:
    gate = asyncio.Event()
    here = site(gate=gate)
    asking = [asyncio.ensure_future(here.ask()) for _ in range(5)]
    await until_idle()
    assert here.backend.answers == 1
    gate.set()
    answers = await asyncio.gather(*asking)
    assert [answer.headers[HEADER] for answer, _ in answers] == ["miss", "hit", "hit", "hit", "hit"]
    assert len({data for _, data in answers}) == 1


@pytest.mark.parametrize("ending", ["fails", "leaves"])
async def test_who_waited_in_vain_asks_for_themselves(ending: str) -> None:
    gate = asyncio.Event()
    here = site(gate=gate, failure=UpstreamError(APIError(ErrorKind.INVALID_REQUEST, "no", 400, origin="anthropic")))
    first, second = asyncio.ensure_future(here.ask()), asyncio.ensure_future(here.ask())
    await until_idle()
    if ending == "leaves":
        first.cancel()
        await until_idle()
    gate.set()
    done = await asyncio.gather(first, second, return_exceptions=True)
    assert [type(each) for each in done] == [asyncio.CancelledError if ending == "leaves" else UpstreamError, UpstreamError]
    assert here.backend.answers == 2


async def until_idle() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


async def test_a_stream_is_let_go_of_when_its_client_leaves() -> None:
    here = site(lane="translate")
    answer = await here.pipeline.generate(here.exchange(stream=True))
    assert answer.chunks is not None
    await anext(answer.chunks)
    await answer.chunks.aclose()
    assert here.backend.closed == [True]
