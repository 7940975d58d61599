"""A provider's queue over real sockets: so many at once, in the order they came, and no turn is ever lost."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from ccproxy_cli.backends.base import RatedStream, RelayBackend, RelayedStream
from ccproxy_cli.backends.credentials import AuthStyle, Credentials, LiteralKey
from ccproxy_cli.backends.http import HTTPBackend
from ccproxy_cli.backends.queued import QueuedBackend
from ccproxy_cli.config.settings import TimeoutSettings
from ccproxy_cli.core.errors import ErrorKind, UpstreamError
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.jsontext import dumps
from ccproxy_cli.core.profile import Profile
from tests.backends.samples import ASKED, ASKED_STREAMING, CHAT_BODY, chat_frames
from tests.raw_upstream import Heard, RawUpstream, json_reply, raw, stream_reply

CHAT = FORMATS["openai-chat"]
CALL = HTTPCall("POST", "/v1/chat/completions", dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": True}))


@pytest.fixture
async def upstream() -> AsyncIterator[RawUpstream]:
    async with RawUpstream() as upstream:
        upstream.will(json_reply(CHAT_BODY))
        yield upstream


def queued(upstream: RawUpstream, most: int = 1, waiting: int = 9, patience: float = 5.0) -> QueuedBackend:
    key = Credentials(LiteralKey("sk-test-0123456789abcdefghijklmnop"), AuthStyle.BEARER)
    quick = TimeoutSettings(connect=2, first_byte=5, idle=5, total=20)
    return QueuedBackend(HTTPBackend("up", CHAT, upstream.url, key, lambda _: Profile(), quick), most, waiting, patience)


async def ask(backend: QueuedBackend) -> None:
    async for _ in await backend.send(ASKED, Losses()):
        pass


async def is_free(backend: QueuedBackend) -> None:
    """There is a turn, at once."""
    async with asyncio.timeout(2):
        await ask(backend)


async def test_no_more_run_at_once_than_may_and_they_come_in_order(upstream: RawUpstream) -> None:
    running, peak, order = 0, 0, list[str]()

    async def slow(heard: Heard) -> bool | None:
        nonlocal running, peak
        running += 1
        peak = max(peak, running)
        order.append(heard.json["model"])
        for _ in range(20):
            await asyncio.sleep(0)
        running -= 1
        return await json_reply(CHAT_BODY)(heard)

    upstream.will(slow)
    backend = queued(upstream, most=2, waiting=20)

    async def one(number: int) -> None:
        call = HTTPCall("POST", CALL.path, dumps({"model": str(number), "messages": [{"role": "user", "content": "hi"}]}))
        await backend.relay(call, stream=False)

    await asyncio.gather(*map(one, range(10)))
    assert peak == 2
    assert [int(number) // 2 for number in order] == [number // 2 for number in range(10)]
    await backend.aclose()


async def test_a_full_queue_says_when_to_come_again(upstream: RawUpstream) -> None:
    upstream.will(raw(b"", stall=True))
    backend = queued(upstream, waiting=1)
    tasks = [asyncio.create_task(ask(backend)) for _ in range(2)]
    while not upstream.heard:
        await asyncio.sleep(0)
    with pytest.raises(UpstreamError, match="1 requests already wait for a turn at up") as caught:
        await ask(backend)
    assert caught.value.error.kind is ErrorKind.OVERLOADED
    assert int(caught.value.error.retry_after or 0) > 0
    assert len(upstream.heard) == 1
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    upstream.will(json_reply(CHAT_BODY))
    await is_free(backend)
    await backend.aclose()


async def test_nobody_waits_longer_than_patience_lasts(upstream: RawUpstream) -> None:
    backend = queued(upstream, patience=0.05)
    upstream.will(stream_reply(*chat_frames()[:2], hold=True))
    held = await backend.send(ASKED_STREAMING, Losses())
    with pytest.raises(UpstreamError, match="no turn at up became free within"):
        await ask(backend)
    await held.aclose()
    await backend.aclose()


@pytest.mark.parametrize("ending", ["read", "left", "unread", "broken", "refused"])
@pytest.mark.parametrize("lane", ["send", "relay", "pass_on"])
async def test_a_turn_ends_however_the_answer_does(upstream: RawUpstream, lane: str, ending: str) -> None:
    frames = chat_frames()
    script = {
        "broken": stream_reply(*frames[:3], end=False),
        "refused": json_reply({"error": {"message": "no"}}, 400),
    }.get(ending, stream_reply(*frames))
    upstream.will(script, json_reply(CHAT_BODY))
    backend = queued(upstream)
    try:
        match lane:
            case "send":
                stream: object = await backend.send(ASKED_STREAMING, Losses())
            case "relay":
                stream = await backend.relay(CALL, stream=True)
            case _:
                stream = await backend.pass_on(CALL)
        chunks = stream.chunks if isinstance(stream, RelayedStream) else stream
        if ending == "left":
            await anext(chunks)  # type: ignore[call-overload]
        if ending in ("read", "broken"):
            async for _ in chunks:  # type: ignore[attr-defined]
                pass
        if ending in ("left", "unread"):
            await chunks.aclose()  # type: ignore[attr-defined]
    except UpstreamError:
        assert ending in ("broken", "refused")
    else:
        assert ending not in ("refused",)
    await is_free(backend)
    await backend.aclose()


async def test_whole_answers_count_and_lists_hold_nothing(upstream: RawUpstream) -> None:
    backend = queued(upstream)
    whole = HTTPCall("POST", CALL.path, dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}]}))
    for _ in range(2):
        await backend.relay(whole, stream=False)
        await backend.pass_on(whole)
        await backend.count_tokens(ASKED, Losses())
    upstream.will(stream_reply(*chat_frames()[:2], hold=True), json_reply({"data": [{"id": "m"}]}))
    held = await backend.send(ASKED_STREAMING, Losses())
    assert [model.id for model in await backend.models()] == ["m"]  # while the only turn is taken
    assert (await backend.health()).ok
    await held.aclose()
    await backend.aclose()


async def test_what_the_vendor_says_of_its_limits_is_told(upstream: RawUpstream) -> None:
    upstream.will(
        json_reply(CHAT_BODY, x_ratelimit_limit_requests="60", x_ratelimit_remaining_requests="59", x_ratelimit_reset_requests="1s")
    )
    backend = queued(upstream)
    stream = await backend.send(ASKED, Losses())
    assert isinstance(stream, RatedStream)
    assert stream.rates
    await stream.aclose()
    await is_free(backend)
    await backend.aclose()


async def test_it_relays(upstream: RawUpstream) -> None:
    backend = queued(upstream)
    assert isinstance(backend, RelayBackend)
    await backend.aclose()
