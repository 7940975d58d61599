"""Stop sequences that an upstream cannot be told, over the wire: the answer is cut, and the upstream let go."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from attrs import evolve

from ccproxy_cli.backends.credentials import AuthStyle, Credentials, LiteralKey
from ccproxy_cli.backends.http import HTTPBackend
from ccproxy_cli.config.settings import TimeoutSettings
from ccproxy_cli.core.events import Event
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.parts import Text
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.response import Finish, FinishReason, Response
from ccproxy_cli.core.stream import explode, fold, in_order
from tests.backends.samples import ASKED, ASKED_STREAMING, TEXT
from tests.raw_upstream import RawUpstream, json_reply, stream_reply

PATIENT = TimeoutSettings(connect=2, first_byte=10, idle=10, total=30)
STOPPED = Finish(FinishReason.STOP_SEQUENCE, stop_sequence="你好")
ANSWER = Response("resp_1", "some-model", (Text(TEXT),), Finish(FinishReason.STOP), created=1)
NO_STOPS = Profile(stop_sequences=0)


@pytest.fixture
async def upstream() -> AsyncIterator[RawUpstream]:
    async with RawUpstream() as upstream:
        yield upstream


def backend_at(url: str, format_name: str, profile: Profile = NO_STOPS) -> HTTPBackend:
    credentials = Credentials(LiteralKey("sk-test-0123456789abcdefghijklmnop"), AuthStyle.BEARER)
    return HTTPBackend("up", FORMATS[format_name], url, credentials, lambda _: profile, PATIENT)


def pieces(format_name: str) -> list[bytes]:
    """The answer as this upstream streams it: its beginning, its words, the end of the words, the end."""
    encoder = FORMATS[format_name].stream_encoder(ASKED_STREAMING)
    return [piece for event in in_order(explode(ANSWER)) if (piece := encoder.encode(event))]


@pytest.mark.parametrize("format_name", ["openai-chat", "openai-responses"])
@pytest.mark.parametrize("streaming", [False, True], ids=["body", "stream"])
async def test_an_untold_sequence_cuts_the_answer_and_is_no_loss(upstream: RawUpstream, format_name: str, streaming: bool) -> None:
    body = json.loads(FORMATS[format_name].encode_response(ANSWER, ASKED))
    upstream.will(stream_reply(*pieces(format_name)) if streaming else json_reply(body))
    backend, losses = backend_at(upstream.url, format_name), Losses(strict=True)
    asked = evolve(ASKED_STREAMING if streaming else ASKED, stop=("你好",))
    response = fold([event async for batch in await backend.send(asked, losses) for event in batch])
    await backend.aclose()
    assert response.parts[0] == evolve(response.parts[0], text=TEXT[: TEXT.index("你好")])
    assert response.finish == STOPPED
    assert not losses
    assert not upstream.heard[0].json.keys() & {"stop", "stop_sequences"}


async def test_the_upstream_is_let_go_at_the_cut(upstream: RawUpstream) -> None:
    *begun, _, _ = pieces("openai-responses")
    assert "你好".encode() in begun[-1]
    upstream.will(stream_reply(*begun, hold=True))
    backend = backend_at(upstream.url, "openai-responses")
    stream = await backend.send(evolve(ASKED_STREAMING, stop=("你好",)), Losses())
    events: list[Event] = [event async for batch in stream for event in batch]
    assert fold(events).finish == STOPPED
    async with asyncio.timeout(10):
        await upstream.heard[0].gone.wait()
    await backend.aclose()


async def test_told_sequences_are_told_and_only_the_rest_is_enforced(upstream: RawUpstream) -> None:
    upstream.will(stream_reply(*pieces("anthropic")))
    backend = backend_at(upstream.url, "anthropic")
    response = fold([event async for batch in await backend.send(evolve(ASKED_STREAMING, stop=("END", " ")), Losses()) for event in batch])
    await backend.aclose()
    assert upstream.heard[0].json["stop_sequences"] == ["END"]
    assert (response.parts[0], response.finish.stop_sequence) == (Text(TEXT.split(" ")[0], extras=response.parts[0].extras), " ")  # type: ignore[union-attr]
