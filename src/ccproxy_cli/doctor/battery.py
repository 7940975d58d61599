"""What `ccproxy test` tries on a backend: one request for each ability, and a judge of the answer.

A case goes through the pipeline as the neutral request it is, or through a client format: then the request is encoded as that format's
client would send it, and what comes back is decoded as that client would read it.
"""

import base64
import enum
import re
import struct
import time
import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Protocol

from attrs import define, evolve, field, frozen

from ccproxy_cli.core.errors import BadRequest, BadUpstream, ErrorKind, UpstreamError
from ccproxy_cli.core.events import Event, TextDelta
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import Format
from ccproxy_cli.core.jsontext import JSONError, loads
from ccproxy_cli.core.parts import Inline, Media, MediaKind, Part, Reasoning, Text, ToolCall, ToolResult
from ccproxy_cli.core.profile import Profile, ReasoningStyle
from ccproxy_cli.core.request import Message, Output, OutputKind, Request, Role, Thinking, ThinkingMode, Tool
from ccproxy_cli.core.response import Response
from ccproxy_cli.core.stream import Fold, explode
from ccproxy_cli.pipeline.exchange import Exchange
from ccproxy_cli.pipeline.pipeline import Pipeline

_ENOUGH = 2048
"""Output tokens: room for a model that thinks before it speaks."""


_HOPELESS = {
    ErrorKind.AUTHENTICATION,
    ErrorKind.BILLING,
    ErrorKind.PERMISSION,
    ErrorKind.QUOTA,
    ErrorKind.BAD_UPSTREAM,
    ErrorKind.NOT_FOUND,
}
"""Errors that say nothing about the case that met them."""


class Verdict(enum.StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"
    """The backend says that it cannot, in so many words."""
    SKIPPED = "skipped"
    """Not tried, since it would have failed as the first case did."""


class Wrong(Exception):
    """The answer is not what was asked for."""


@frozen
class Heard:
    """An answer, and how it came."""

    response: Response
    deltas: int
    """Pieces of text."""
    first: float
    """Seconds to the first event."""


class Speaker(Protocol):
    """A way to put requests to a model."""

    async def answer(self, request: Request, losses: Losses) -> Heard:
        """The whole answer. Raises what the pipeline raises."""

    async def count(self, request: Request, losses: Losses) -> int | None:
        """The request's input tokens; None if this way has no counter."""


@frozen
class Outcome:
    """How one case ended."""

    case: str
    verdict: Verdict
    seconds: float
    first: float | None = None
    """Seconds to the first event, where there was one."""
    detail: str = ""
    losses: tuple[str, ...] = ()
    is_hopeless: bool = False
    """No other case can do better: there is no key, no login, no money or nobody there."""


Trial = Callable[[Speaker, str, Losses], "AsyncIterator[Heard]"]


def _image(side: int = 32) -> str:
    """A red square as a PNG, in base64."""
    rows = b"".join(b"\x00" + b"\xff\x00\x00" * side for _ in range(side))

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return base64.b64encode(png).decode()


WEATHER = Tool(
    "get_weather",
    "Current weather of a city.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False},
)
CITY = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "population": {"type": "integer"}},
    "required": ["city", "population"],
    "additionalProperties": False,
}


def _request(model: str, *parts: Part, stream: bool = False) -> Request:
    return Request(model, (Message(Role.USER, parts),), max_tokens=_ENOUGH, stream=stream, stream_usage=stream or None)


def _text(response: Response) -> str:
    text = "".join(part.text for part in response.parts if isinstance(part, Text))
    if not text.strip():
        raise Wrong("the answer holds no text")
    return text


async def _plain(speaker: Speaker, model: str, losses: Losses) -> AsyncIterator[Heard]:
    heard = await speaker.answer(_request(model, Text("Reply with one short greeting.")), losses)
    yield heard
    _text(heard.response)


async def _stream(speaker: Speaker, model: str, losses: Losses) -> AsyncIterator[Heard]:
    heard = await speaker.answer(_request(model, Text("Count from one to ten in words."), stream=True), losses)
    yield heard
    _text(heard.response)
    if heard.deltas < 2:
        raise Wrong("the text came in one piece")


async def _tools(speaker: Speaker, model: str, losses: Losses, stream: bool = False) -> AsyncIterator[Heard]:
    question = Text("What is the weather in Paris? Use get_weather.")
    request = evolve(_request(model, question, stream=stream), tools=(WEATHER,))
    heard = await speaker.answer(request, losses)
    yield heard
    calls = [part for part in heard.response.parts if isinstance(part, ToolCall)]
    if not calls:
        if lost := next((loss for loss in losses if loss.field in ("tools", "tools[0]")), None):
            raise BadRequest(lost.why)
        raise Wrong("the model did not call the tool")
    for call in calls:
        _check_arguments(call)
    results = tuple(ToolResult(call.call_id, (Text("18 degrees, sunny"),), name=call.name) for call in calls)
    history = (*request.messages, Message(Role.ASSISTANT, heard.response.parts), Message(Role.TOOL, results))
    heard = await speaker.answer(evolve(request, messages=history), losses)
    yield heard
    _text(heard.response)


def _tool_stream(speaker: Speaker, model: str, losses: Losses) -> AsyncIterator[Heard]:
    return _tools(speaker, model, losses, stream=True)


def _check_arguments(call: ToolCall) -> None:
    try:
        arguments = loads(call.arguments)
    except JSONError as error:
        raise Wrong(f"the arguments of the call are not JSON: {error}") from error
    if call.name != WEATHER.name or not isinstance(arguments, dict) or not isinstance(arguments.get("city"), str):
        raise Wrong(f"the call does not fit the tool: {call.name}({call.arguments[:80]})")


async def _see(speaker: Speaker, model: str, losses: Losses) -> AsyncIterator[Heard]:
    image = Media(MediaKind.IMAGE, Inline("image/png", _image()))
    heard = await speaker.answer(_request(model, image, Text("Which color is this image? Answer in one word.")), losses)
    yield heard
    if not re.search(r"\b(red|image)\b", _text(heard.response), re.IGNORECASE):
        raise Wrong(f"the model did not see a red image: {_text(heard.response)[:80]}")


async def _think(speaker: Speaker, model: str, losses: Losses) -> AsyncIterator[Heard]:
    thinking = Thinking(ThinkingMode.BUDGET, budget=1024, effort="low")
    heard = await speaker.answer(evolve(_request(model, Text("Is 221 a prime number?")), thinking=thinking), losses)
    yield heard
    _text(heard.response)
    thought = heard.response.usage.reasoning or any(isinstance(part, Reasoning) for part in heard.response.parts)
    if not thought and not any(loss.field.startswith("thinking") for loss in losses):
        raise Wrong("the model did not think")


async def _schema(speaker: Speaker, model: str, losses: Losses) -> AsyncIterator[Heard]:
    output = Output(OutputKind.JSON_SCHEMA, CITY, name="city", strict=True)
    heard = await speaker.answer(evolve(_request(model, Text("The largest city of Japan.")), output=output), losses)
    yield heard
    text = _text(heard.response)
    try:
        value = loads(text)
    except JSONError as error:
        raise Wrong(f"the answer is not JSON: {error}") from error
    if not isinstance(value, dict) or not isinstance(value.get("city"), str) or type(value.get("population")) is not int:
        raise Wrong(f"the answer does not fit the schema: {text[:80]}")


async def _count(speaker: Speaker, model: str, losses: Losses) -> AsyncIterator[Heard]:
    tokens = await speaker.count(_request(model, Text("How many tokens is this?")), losses)
    if tokens is None:
        raise BadRequest("this API has no token counter")
    if tokens < 1:
        raise Wrong(f"the count is {tokens}")
    return
    yield


CASES: dict[str, Trial] = {
    "plain": _plain,
    "stream": _stream,
    "tools": _tools,
    "tool stream": _tool_stream,
    "image": _see,
    "thinking": _think,
    "JSON schema": _schema,
    "token count": _count,
}


async def run_case(case: str, speaker: Speaker, model: str) -> Outcome:
    """Try one case. Never raises for what a backend does."""
    losses = Losses()
    started = time.monotonic()
    first: float | None = None
    verdict, detail, is_hopeless = Verdict.PASSED, "", False
    trial = CASES[case](speaker, model, losses)
    try:
        async for heard in trial:
            first = heard.first if first is None else first
    except Wrong as error:
        verdict, detail = Verdict.FAILED, str(error)
    except BadRequest as error:
        verdict, detail = Verdict.UNSUPPORTED, error.message
    except BadUpstream as error:
        verdict, detail = Verdict.FAILED, error.message
    except UpstreamError as error:
        verdict, detail, is_hopeless = Verdict.FAILED, error.error.message, error.error.kind in _HOPELESS
    spent = time.monotonic() - started
    return Outcome(case, verdict, spent, first, detail, tuple(f"{loss.field}: {loss.why}" for loss in losses), is_hopeless)


async def run_battery(speaker: Speaker, model: str, cases: Sequence[str] = tuple(CASES)) -> list[Outcome]:
    """Every case in turn: at once they would measure each other."""
    outcomes: list[Outcome] = []
    for case in cases:
        if outcomes and outcomes[0].is_hopeless:
            outcomes.append(Outcome(case, Verdict.SKIPPED, 0.0))
        else:
            outcomes.append(await run_case(case, speaker, model))
    return outcomes


@define
class _Ear:
    """Folds an answer and notes how it came."""

    started: float = field(factory=time.monotonic)
    folding: Fold = field(factory=Fold)
    deltas: int = 0
    first: float | None = None

    def take(self, event: Event) -> None:
        self.folding.feed(event)
        if self.first is None:
            self.first = time.monotonic() - self.started
        self.deltas += isinstance(event, TextDelta)

    def heard(self) -> Heard:
        return Heard(self.folding.response, self.deltas, self.first or 0.0)


@frozen
class Neutral:
    """Straight into the pipeline, in no client's words."""

    pipeline: Pipeline

    async def answer(self, request: Request, losses: Losses) -> Heard:
        ear = _Ear()
        accepted = await self.pipeline.ask(request)
        for loss in accepted.losses:
            losses.add(loss.field, loss.why)
        try:
            async for batch in accepted.stream:
                for event in batch:
                    ear.take(event)
        finally:
            await accepted.stream.aclose()
        return ear.heard()

    async def count(self, request: Request, losses: Losses) -> int | None:
        target = self.pipeline.routes.resolve(request.model).target
        count = await self.pipeline.backends[target.provider].count_tokens(evolve(request, model=target.model), losses)
        return count.input_tokens


@frozen
class Client:
    """As a client of one format."""

    pipeline: Pipeline
    format: Format
    profile: Profile
    """How the client asks: as if for a model that can do everything."""

    async def answer(self, request: Request, losses: Losses) -> Heard:
        ear = _Ear()
        call = self.format.encode_request(request, self.profile, losses)
        answer = await self.pipeline.generate(Exchange("test", self.format, call, losses=losses))
        if answer.chunks is None:
            for event in explode(self.format.decode_response(answer.body)):
                ear.take(event)
            return ear.heard()
        decoder = self.format.stream_decoder()
        try:
            async for chunk in answer.chunks:
                for event in decoder.feed(chunk):
                    ear.take(event)
        finally:
            await answer.chunks.aclose()
        for event in decoder.close():
            ear.take(event)
        return ear.heard()

    async def count(self, request: Request, losses: Losses) -> int | None:
        encode, decode = self.format.encode_count_request, self.format.decode_count
        if encode is None or decode is None:
            return None
        call = encode(request, self.profile, losses)
        answer = await self.pipeline.count_tokens(Exchange("test", self.format, call, losses=losses))
        return decode(answer.body).input_tokens


def client_of(pipeline: Pipeline, wire: Format) -> Client:
    """A client that asks for thinking the way its format does."""
    budgeted = wire.encode_count_request is not None
    style = ReasoningStyle.BUDGET if budgeted else ReasoningStyle.EFFORT
    return Client(pipeline, wire, Profile(max_output=_ENOUGH, reasoning=style))
