"""Tries and chains over real sockets, for clients of every format: what is sent upstream, and what the client gets."""

import asyncio
import json
from collections.abc import Sequence

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from ccproxy_cli.backends.base import Backend, EventStream
from ccproxy_cli.backends.echo import EchoBackend
from ccproxy_cli.config.settings import ModelRule, RetrySettings
from ccproxy_cli.core.errors import APIError, BadUpstream, ErrorKind, UpstreamError
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS, Format
from ccproxy_cli.core.request import Request
from ccproxy_cli.core.response import Response
from ccproxy_cli.core.stream import fold
from ccproxy_cli.pipeline.pipeline import Pipeline
from ccproxy_cli.pipeline.route import RouteTable
from tests.pipeline.vendors import IMPATIENT, Scene, asked, breaks, frames, refuses, request, says, told
from tests.raw_upstream import Heard, Script, raw, reply, stream_reply

NAMES = tuple(FORMATS)
each_format = pytest.mark.parametrize("name", NAMES)
streaming_or_not = pytest.mark.parametrize("stream", [False, True], ids=["json", "stream"])

HTML = reply(b"<html>Bad gateway</html>", 502, content_type="text/html")
RESET = raw(b"", reset=True)
NOTHING = raw(b"", stall=True)


def words(answer: Response | APIError) -> str:
    assert isinstance(answer, Response), answer
    return "".join(part.text for part in answer.parts)  # type: ignore[union-attr]


@each_format
@streaming_or_not
@pytest.mark.parametrize("lane", ["relayed", "translated"])
async def test_a_moment_of_trouble_is_not_the_clients(name: str, stream: bool, lane: str) -> None:
    vendor = FORMATS[name] if lane == "relayed" else FORMATS[NAMES[NAMES.index(name) - 1]]
    async with Scene([vendor.name]) as scene:
        overloaded, limited = refuses(vendor, ErrorKind.OVERLOADED), refuses(vendor, ErrorKind.RATE_LIMIT, retry_after="2")
        for trouble in (overloaded, limited, HTML, refuses(vendor, ErrorKind.INTERNAL)):
            scene.upstreams[0].will(trouble, says(vendor, "Here.", stream=stream))
            exchange = asked(FORMATS[name], "one/m", stream=stream)
            assert words(await told(scene.pipeline, exchange)) == "Here."
            assert (exchange.tries, exchange.relayed) == (2, lane == "relayed")
        assert scene.heard == [8]
        assert scene.waits == [0.25, 2.0, 0.25, 0.25]


@each_format
@pytest.mark.parametrize("lane", ["relayed", "translated"])
async def test_trouble_told_in_band_before_any_content_is_no_other(name: str, lane: str) -> None:
    vendor = FORMATS[name] if lane == "relayed" else FORMATS[NAMES[NAMES.index(name) - 1]]
    busy = stream_reply(vendor.encode_stream_error(APIError(ErrorKind.OVERLOADED, "busy"), "r"))
    async with Scene([vendor.name]) as scene:
        scene.upstreams[0].will(busy, says(vendor, "Here.", stream=True))
        assert words(await told(scene.pipeline, asked(FORMATS[name], "one/m", stream=True))) == "Here."
        assert scene.heard == [2]


@streaming_or_not
@each_format
async def test_the_vendors_last_word_goes_through(name: str, stream: bool) -> None:
    async with Scene([name]) as scene:
        scene.upstreams[0].will(refuses(FORMATS[name], ErrorKind.RATE_LIMIT, retry_after="7"))
        answer = await told(scene.pipeline, asked(FORMATS[name], "one/m", stream=stream))
        assert isinstance(answer, APIError)
        assert (answer.kind, answer.http_status, answer.retry_after, answer.message) == (ErrorKind.RATE_LIMIT, 429, "7", "rate_limit")
        assert (scene.heard, scene.waits) == ([1], [])


@streaming_or_not
@pytest.mark.parametrize("trouble", [RESET, NOTHING], ids=["reset", "silence"])
async def test_a_request_whose_fate_is_unknown_is_not_sent_there_again(trouble: Script, stream: bool) -> None:
    async with Scene(["openai-chat"], timeouts=IMPATIENT) as scene:
        scene.upstreams[0].will(trouble)
        answer = await told(scene.pipeline, asked(FORMATS["anthropic"], "one/m", stream=stream))
        assert isinstance(answer, APIError)
        assert answer.http_status in (502, 504)
        assert scene.heard == [1]


async def test_who_cannot_be_reached_is_tried_again() -> None:
    async with Scene(["openai-chat"]) as scene:
        scene.upstreams[0]._server.close()
        await scene.upstreams[0]._server.wait_closed()
        exchange = asked(FORMATS["anthropic"], "one/m", stream=False)
        answer = await told(scene.pipeline, exchange)
        assert isinstance(answer, APIError)
        assert (exchange.tries, answer.http_status) == (2, 502)


# Chains


@each_format
@streaming_or_not
@pytest.mark.parametrize("trouble", ["overloaded", "reset", "html", "nothing", "in-band"])
async def test_a_chain_leads_across_formats(name: str, stream: bool, trouble: str) -> None:
    client = FORMATS[name]
    formats = [name, NAMES[NAMES.index(name) - 1]]
    scripts: dict[str, Script] = {
        "overloaded": refuses(client, ErrorKind.OVERLOADED),
        "reset": RESET,
        "html": reply(b"<html>Log in</html>", 200, content_type="text/html"),
        "nothing": stream_reply() if stream else reply(b"", 200, content_type="application/json"),
        "in-band": stream_reply(client.encode_stream_error(APIError(ErrorKind.OVERLOADED, "busy"), "r")) if stream else HTML,
    }
    async with Scene(formats, RetrySettings(attempts=1)) as scene:
        scene.upstreams[0].will(scripts[trouble])
        scene.upstreams[1].will(says(FORMATS[formats[1]], "Second.", stream=stream))
        exchange = asked(client, "chain", stream=stream)
        assert words(await told(scene.pipeline, exchange)) == "Second."
        assert (scene.heard, exchange.tries, exchange.route, exchange.relayed) == ([1, 1], 2, "two/m", False)


@streaming_or_not
async def test_a_chain_leads_past_who_says_nothing(stream: bool) -> None:
    async with Scene(["openai-chat", "gemini"], timeouts=IMPATIENT) as scene:
        scene.upstreams[0].will(NOTHING)
        scene.upstreams[1].will(says(FORMATS["gemini"], "Second.", stream=stream))
        assert words(await told(scene.pipeline, asked(FORMATS["openai-chat"], "chain", stream=stream))) == "Second."
        assert scene.heard == [1, 1]


async def test_the_answer_says_who_gave_it_and_after_how_many_tries() -> None:
    async with Scene(["openai-chat", "gemini"]) as scene:
        scene.upstreams[0].will(RESET)
        scene.upstreams[1].will(says(FORMATS["gemini"], "Second.", stream=False))
        answer = await scene.pipeline.generate(asked(FORMATS["openai-chat"], "chain", stream=False))
        assert (answer.headers["x-ccproxy-route"], answer.headers["x-ccproxy-attempts"]) == ("two/m", "2")
        again = await scene.pipeline.generate(asked(FORMATS["openai-chat"], "chain", stream=False))
        assert again.headers["x-ccproxy-route"] == "two/m"
        assert "x-ccproxy-attempts" not in again.headers
        assert scene.heard == [1, 2]


async def test_losses_are_those_of_who_answered() -> None:
    async with Scene(["gemini", "openai-chat"], RetrySettings(attempts=1)) as scene:
        scene.upstreams[0].will(RESET)
        scene.upstreams[1].will(says(FORMATS["openai-chat"], "Second.", stream=False))
        exchange = asked(FORMATS["anthropic"], "chain", stream=False, top_k=3)
        await told(scene.pipeline, exchange)
        assert "top_k" in {loss.field for loss in exchange.losses}  # Gemini has it, Chat has not
        scene.upstreams[0].will(says(FORMATS["gemini"], "First.", stream=False))
        scene.now += 31
        exchange = asked(FORMATS["anthropic"], "chain", stream=False, top_k=3)
        assert words(await told(scene.pipeline, exchange)) == "First."
        assert "top_k" not in {loss.field for loss in exchange.losses}


async def test_a_strict_client_is_served_by_who_loses_nothing() -> None:
    async with Scene(["openai-chat", "anthropic"]) as scene:
        scene.upstreams[1].will(says(FORMATS["anthropic"], "All of it.", stream=False))
        exchange = asked(FORMATS["anthropic"], "chain", stream=False, strict=True, top_k=3)
        assert words(await told(scene.pipeline, exchange)) == "All of it."
        assert scene.heard == [0, 1]


@each_format
@streaming_or_not
async def test_nothing_is_sent_after_content_has_come(name: str, stream: bool) -> None:
    other = NAMES[NAMES.index(name) - 1]
    for formats in ([name, other], [other, name]):
        async with Scene(formats) as scene:
            scene.upstreams[0].will(breaks(FORMATS[formats[0]], "Half of", stream=stream))
            answer = await told(scene.pipeline, asked(FORMATS[name], "chain", stream=stream))
            assert isinstance(answer, APIError)
            assert scene.heard == [1, 0]


class Breaking(EchoBackend):
    """Answers with the first of its words, and then no more."""

    async def send(self, request: Request, losses: Losses, client_key: str | None = None) -> EventStream:
        return self._broken(await super().send(request, losses, client_key))

    async def _broken(self, events: EventStream) -> EventStream:
        try:
            yield await anext(events)
            raise self.failure
        finally:
            await events.aclose()

    failure: Exception = BadUpstream("ended early")


@each_format
@streaming_or_not
@pytest.mark.parametrize("failure", [BadUpstream("ended early"), UpstreamError(APIError(ErrorKind.OVERLOADED, "busy", 529))])
async def test_a_backend_that_breaks_off_is_the_last(name: str, stream: bool, failure: Exception) -> None:
    breaking = Breaking()
    breaking.failure = failure
    backends: dict[str, Backend] = {"first": breaking, "echo": EchoBackend()}
    pipeline = Pipeline(RouteTable([ModelRule("chain", ("first/echo", "echo/echo"))], {}), backends)
    exchange = asked(FORMATS[name], "chain", stream=stream)
    assert isinstance(await told(pipeline, exchange), APIError)
    assert (exchange.tries, exchange.route) == (1, "first/echo")


async def test_a_client_that_leaves_during_a_slow_first_byte_is_not_passed_on() -> None:
    async with Scene(["openai-chat", "anthropic"]) as scene:
        scene.upstreams[0].will(NOTHING)
        task = asyncio.create_task(told(scene.pipeline, asked(FORMATS["anthropic"], "chain", stream=True)))
        while not scene.upstreams[0].heard:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await scene.upstreams[0].heard[0].gone.wait()
        assert scene.heard == [1, 0]


async def test_a_rest_ends_with_the_first_answer() -> None:
    chat = FORMATS["openai-chat"]
    async with Scene(["openai-chat", "openai-chat"], RetrySettings(attempts=1)) as scene:
        first, second = scene.upstreams
        first.will(refuses(chat, ErrorKind.OVERLOADED))
        second.will(says(chat, "Second.", stream=True))
        for _ in range(3):
            assert words(await told(scene.pipeline, asked(chat, "chain", stream=True))) == "Second."
        assert scene.heard == [1, 3]
        scene.now += 31
        first.will(says(chat, "First.", stream=True))
        for _ in range(3):
            assert words(await told(scene.pipeline, asked(chat, "chain", stream=True))) == "First."
        assert scene.heard == [4, 3]


async def test_after_a_rest_one_request_tries_while_the_others_are_served() -> None:
    chat = FORMATS["openai-chat"]
    async with Scene(["openai-chat", "openai-chat"], RetrySettings(attempts=1)) as scene:
        first, second = scene.upstreams
        first.will(refuses(chat, ErrorKind.OVERLOADED))
        second.will(says(chat, "Second.", stream=False))
        await told(scene.pipeline, asked(chat, "chain", stream=False))
        scene.now += 31
        open_again = asyncio.Event()

        async def slowly(heard: Heard) -> bool | None:
            await open_again.wait()
            return await says(chat, "First.", stream=False)(heard)

        first.will(slowly)
        trying = asyncio.create_task(told(scene.pipeline, asked(chat, "chain", stream=False)))
        while len(first.heard) < 2:
            await asyncio.sleep(0)
        others = await asyncio.gather(*(told(scene.pipeline, asked(chat, "chain", stream=False)) for _ in range(3)))
        assert [words(answer) for answer in others] == ["Second."] * 3
        open_again.set()
        assert words(await trying) == "First."
        assert words(await told(scene.pipeline, asked(chat, "chain", stream=False))) == "First."
        assert scene.heard == [3, 4]


# Beside generating


async def test_counting_goes_down_the_chain_too() -> None:
    async with Scene(["anthropic", "openai-chat"]) as scene:
        scene.upstreams[0].will(refuses(FORMATS["anthropic"], ErrorKind.OVERLOADED, retry_after="60"))
        exchange = asked(FORMATS["anthropic"], "chain", stream=False)
        exchange.call = evolve(exchange.call, path="/v1/messages/count_tokens")
        answer = await scene.pipeline.count_tokens(exchange)
        assert answer.headers["x-ccproxy-route"] == "two/m"
        assert json.loads(answer.body)["input_tokens"] > 0
        assert scene.heard == [1, 0]  # Chat has no counter: it is an estimate


async def test_a_request_of_no_format_goes_down_the_chain_too() -> None:
    async with Scene(["anthropic", "openai-chat"]) as scene:
        scene.upstreams[0].will(refuses(FORMATS["anthropic"], ErrorKind.OVERLOADED))
        scene.upstreams[1].will(says(FORMATS["openai-chat"], "Second.", stream=True))
        accepted = await scene.pipeline.ask(request("chain", stream=True))
        assert words(fold([event async for batch in accepted.stream for event in batch])) == "Second."
        assert str(accepted.target) == "two/m"
        scene.upstreams[1].will(refuses(FORMATS["openai-chat"], ErrorKind.NOT_FOUND))
        with pytest.raises(UpstreamError, match="overloaded"):
            await scene.pipeline.ask(request("chain", stream=True))


# Any course of events

CHAT = FORMATS["openai-chat"]


def _troubles(vendor: Format, stream: bool) -> dict[str, tuple[Script, bool]]:
    """What an upstream may do, and whether that is content or its own last word."""
    return {
        "answers": (says(vendor, "Whole.", stream=stream), True),
        "breaks": (breaks(vendor, "Half", stream=stream), True),
        "overloaded": (refuses(vendor, ErrorKind.OVERLOADED), False),
        "limited": (refuses(vendor, ErrorKind.RATE_LIMIT, retry_after="1"), False),
        "unknown": (refuses(vendor, ErrorKind.NOT_FOUND), False),
        "blames": (refuses(vendor, ErrorKind.INVALID_REQUEST), True),
        "html": (HTML, False),
        "reset": (RESET, False),
        "head only": (raw(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 99\r\n\r\n"), False),
        "begins": (stream_reply(frames(vendor, "")[0], end=False) if stream else HTML, False),
    }


TROUBLE = st.sampled_from(sorted(_troubles(CHAT, True)))


@given(
    client=st.sampled_from(NAMES),
    vendors=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3),
    scripts=st.lists(st.lists(TROUBLE, min_size=1, max_size=3), min_size=3, max_size=3),
    stream=st.booleans(),
)
@settings(max_examples=60)
def test_one_answer_and_nothing_sent_after_content(client: str, vendors: list[str], scripts: Sequence[list[str]], stream: bool) -> None:
    async def run() -> None:
        done: list[str] = []

        def noting(name: str, script: Script) -> Script:
            async def noted(heard: object) -> bool | None:
                done.append(name)
                return await script(heard)  # type: ignore[arg-type]

            return noted

        async with Scene(vendors) as scene:
            for upstream, name, script in zip(scene.upstreams, vendors, scripts, strict=False):
                known = _troubles(FORMATS[name], stream)
                upstream.will(*(noting(step, known[step][0]) for step in script))
            exchange = asked(FORMATS[client], "chain", stream=stream)
            answer = await told(scene.pipeline, exchange)
            last = [known[1] for name in done for known in [_troubles(CHAT, stream)[name]]]
            assert not any(last[:-1]), f"something was sent after {done}"
            assert isinstance(answer, Response) == (done[-1] == "answers")
            assert exchange.tries == len(done)

    asyncio.run(run())
