"""Answers as they were sent, and the same answers sent again, to whoever asked for the same, whole or as a stream."""

from collections.abc import AsyncGenerator, Iterator, Mapping

import msgspec
from attrs import evolve

from ccproxy_cli.core.errors import BadUpstream, UpstreamError
from ccproxy_cli.core.events import Event, StreamError
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import Format
from ccproxy_cli.core.framing import encode_frame
from ccproxy_cli.core.jsontext import JSON, JSONError, dumps, loads
from ccproxy_cli.core.request import Request
from ccproxy_cli.core.response import FinishReason, Response
from ccproxy_cli.core.stream import Fold, explode
from ccproxy_cli.pipeline.exchange import Answer, Exchange
from ccproxy_cli.pipeline.outgoing import STREAM_HEADERS, media_type

_VERSION = 1
_COMPLETE = frozenset({FinishReason.STOP, FinishReason.STOP_SEQUENCE, FinishReason.TOOL_CALLS})
"""How an answer ends that is worth giving again. One that ran into a limit or a filter, or was refused, is asked for again in the hope of
another."""
_TOLD_AGAIN = ("x-ccproxy-route", "x-ccproxy-rule", "x-ccproxy-losses")
_JSON = "application/json"


class Recording(msgspec.Struct, array_like=True, frozen=True):
    """An answer, as it was sent."""

    version: int
    streamed: bool
    media_type: str
    shape: bytes
    """See `Sense.shape`."""
    headers: dict[str, str]
    data: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Recording).decode


def packed(exchange: Exchange, headers: Mapping[str, str], shape: bytes, data: bytes, *, streamed: bool, cut: bool) -> bytes | None:
    """The recording of an answer, if it is one to give again: complete, and with something in it.

    Args:
        cut: nobody waited for the end of the stream, which must then have told by itself that it is over.
    """
    recording = Recording(
        _VERSION, streamed, headers["content-type"], shape, {name: headers[name] for name in _TOLD_AGAIN if name in headers}, data
    )
    try:
        response = _response(exchange.format, recording, cut=cut)
    except (BadUpstream, UpstreamError, JSONError):
        return None
    return _encode(recording) if response.parts and response.finish.reason in _COMPLETE else None


def unpacked(data: bytes) -> Recording | None:
    """A recording, None if another version wrote it."""
    try:
        recording = _decode(data)
    except msgspec.MsgspecError:
        return None
    return recording if recording.version == _VERSION else None


def answer_again(exchange: Exchange, recording: Recording, shape: bytes) -> Answer:
    """The recorded answer for this request: the same bytes if it is to look the same, else the same answer in the form that is asked for.

    Raises:
        BadRequest, BadUpstream, UpstreamError: the form cannot be had.
    """
    if exchange.stream == recording.streamed and shape == recording.shape:
        form, data = recording.media_type, recording.data
    else:
        request = exchange.format.decode_request(exchange.call, Losses())
        response = _addressed(exchange, _response(exchange.format, recording))
        form, data = _streamed(exchange.format, response, request) if exchange.stream else _whole(exchange.format, response, request)
    headers = {"content-type": form, **recording.headers}
    if not exchange.stream:
        return Answer(200, headers, data)
    return Answer(200, {**headers, **STREAM_HEADERS}, ping=exchange.format.ping, chunks=_at_once(data))


def _whole(spoken: Format, response: Response, request: Request) -> tuple[str, bytes]:
    return _JSON, spoken.encode_response(response, request)


def _streamed(spoken: Format, response: Response, request: Request) -> tuple[str, bytes]:
    encoder = spoken.stream_encoder(request)
    return media_type(encoder.media_type), b"".join(map(encoder.encode, explode(response)))


def _response(spoken: Format, recording: Recording, *, cut: bool = False) -> Response:
    if not recording.streamed:
        return spoken.decode_response(recording.data)
    folding = Fold()
    for event in _events(spoken, recording, cut=cut):
        if isinstance(event, StreamError):
            raise UpstreamError(event.error)
        folding.feed(event)
    return folding.response


def _events(spoken: Format, recording: Recording, *, cut: bool) -> Iterator[Event]:
    frames = recording.data
    if recording.media_type.startswith(_JSON):  # a stream that is a list
        chunks = loads(frames)
        if not isinstance(chunks, list):
            raise BadUpstream("the stream is not the list it should be")
        frames = b"".join(encode_frame(dumps(chunk)) for chunk in chunks)
    decoder = spoken.stream_decoder()
    yield from decoder.feed(frames)
    if decoder.done:
        return
    if cut:
        raise BadUpstream("the stream was cut")
    yield from decoder.close()


def _addressed(exchange: Exchange, response: Response) -> Response:
    """The answer, saying again of its request what this one said."""
    echoed, own = exchange.format.sameness.echoed, response.extras.get(exchange.format.name, {})
    if not any(name in own for name in echoed):
        return response
    said = exchange.format.peek(exchange.call).members
    told: dict[str, JSON] = {name: loads(said[name]) if name in said else usual for name, usual in echoed.items() if name in own}
    return evolve(response, extras={**response.extras, exchange.format.name: {**own, **told}})


async def _at_once(data: bytes) -> AsyncGenerator[bytes, None]:
    yield data
