"""Upstreams of every format over real sockets, and a pipeline before them that loses no time with waiting."""

import json
from collections.abc import Sequence
from typing import Any, Self

from attrs import define, field

from ccproxy_cli.backends.credentials import AuthStyle, Credentials, LiteralKey
from ccproxy_cli.backends.http import HTTPBackend
from ccproxy_cli.config.settings import ModelRule, RetrySettings, TimeoutSettings
from ccproxy_cli.core.errors import APIError, BadRequest, BadUpstream, ErrorKind, UpstreamError
from ccproxy_cli.core.events import StreamError
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS, Format
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.parts import Text
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import Message, Request, Role
from ccproxy_cli.core.response import Finish, FinishReason, Response, Usage
from ccproxy_cli.core.stream import explode, fold
from ccproxy_cli.pipeline.attempts import Attempts
from ccproxy_cli.pipeline.exchange import Answer, Exchange
from ccproxy_cli.pipeline.pipeline import Pipeline
from ccproxy_cli.pipeline.rests import Rests
from ccproxy_cli.pipeline.route import RouteTable
from tests.raw_upstream import RawUpstream, Script, reply, stream_reply

PATIENT = TimeoutSettings(connect=5, first_byte=20, idle=20, total=60)
IMPATIENT = TimeoutSettings(connect=5, first_byte=1, idle=1, total=60)
USAGE = Usage(input=5, output=2)


def response(text: str, model: str = "m") -> Response:
    return Response("resp_1", model, (Text(text),), Finish(FinishReason.STOP), USAGE, created=1)


def request(model: str = "m", *, stream: bool = False) -> Request:
    return Request(model, (Message(Role.USER, (Text("Hi."),)),), max_tokens=99, stream=stream)


def body(spoken: Format, text: str, model: str = "m") -> bytes:
    return spoken.encode_response(response(text, model), request(model))


def frames(spoken: Format, text: str, model: str = "m") -> list[bytes]:
    """A whole stream, event by event."""
    encoder = spoken.stream_encoder(request(model, stream=True))
    return [piece for event in explode(response(text, model)) if (piece := encoder.encode(event))]


def says(spoken: Format, text: str, *, stream: bool, model: str = "m") -> Script:
    """A whole answer."""
    if stream:
        return stream_reply(*frames(spoken, text, model))
    return reply(body(spoken, text, model), content_type="application/json")


def breaks(spoken: Format, text: str, *, stream: bool) -> Script:
    """An answer that dies after its first content."""
    if stream:
        pieces = frames(spoken, text)
        return stream_reply(*pieces[:-1], end=False)
    whole = body(spoken, text)

    async def script(heard: Any) -> bool:
        await heard.say(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % (len(whole) + 1) + whole)
        return True

    return script


def refuses(spoken: Format, kind: ErrorKind, **headers: str) -> Script:
    """An error in the vendor's words."""
    told = spoken.encode_error(APIError(kind, kind.value[0]), "req_1")
    return reply(told.body, told.status, **{**{name.replace("-", "_"): value for name, value in told.headers.items()}, **headers})


def asked(client: Format, model: str, *, stream: bool, strict: bool = False, **members: Any) -> Exchange:
    """A client's request."""
    call = client.encode_request(request(model, stream=stream), Profile(), Losses())
    if members:
        call = HTTPCall(call.method, call.path, json.dumps({**json.loads(call.body), **members}).encode(), call.headers, call.query)
    return Exchange("req_1", client, call, strict=strict)


@define
class Scene:
    """Providers `one`, `two`, ... and a pipeline that leads `chain` through them in that order, and `one/*` to the first."""

    formats: Sequence[str]
    retries: RetrySettings = field(factory=RetrySettings)
    timeouts: TimeoutSettings = PATIENT
    upstreams: list[RawUpstream] = field(factory=list)
    waits: list[float] = field(factory=list)
    now: float = 1000.0

    async def __aenter__(self) -> Self:
        for _ in self.formats:
            self.upstreams.append(await RawUpstream().__aenter__())
        names = ("one", "two", "three")[: len(self.formats)]
        key = Credentials(LiteralKey("sk-test-0123456789abcdefghijklmnop"), AuthStyle.BEARER)
        backends = {
            name: HTTPBackend(name, FORMATS[spoken], upstream.url, key, lambda _: Profile(), self.timeouts)
            for name, spoken, upstream in zip(names, self.formats, self.upstreams, strict=True)
        }
        rules = [ModelRule("chain", tuple(f"{name}/m" for name in names)), *(ModelRule(f"{name}/*", (f"{name}/*",)) for name in names)]
        attempts = Attempts(self.retries, Rests(lambda: self.now), sleep=self._sleep, wall=lambda: self.now, chance=lambda: 0.0)
        self.pipeline = Pipeline(RouteTable(rules, {}), backends, attempts=attempts)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.pipeline.aclose()
        for upstream in self.upstreams:
            await upstream.__aexit__(None, None, None)

    async def _sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    pipeline: Pipeline = field(init=False)

    @property
    def heard(self) -> list[int]:
        """How many requests each upstream got."""
        return [len(upstream.heard) for upstream in self.upstreams]


async def told(pipeline: Pipeline, exchange: Exchange) -> Response | APIError:
    """What the client makes of its answer: the whole of it, or an error, by status or in-band."""
    client = exchange.format
    try:
        answer: Answer = await pipeline.generate(exchange)
    except (BadRequest, BadUpstream, UpstreamError) as failure:
        return failure.error
    if answer.chunks is None:
        return client.decode_response(answer.body)
    return read(client, b"".join([chunk async for chunk in answer.chunks]))


def read(client: Format, data: bytes) -> Response | APIError:
    """A stream as the client reads it."""
    decoder = client.stream_decoder()
    events = decoder.feed(data)
    if not decoder.done:
        events += decoder.close()
    if isinstance(events[-1], StreamError):
        return events[-1].error
    return fold(events)
