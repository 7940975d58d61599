"""An answer on its way out: a backend's events, or an upstream's frames, as what the client is sent.

Whoever iterates closes; everything behind is closed with it. Errors from here on travel in-band.
"""

import time
from collections.abc import AsyncGenerator, Mapping
from types import MappingProxyType

from attrs import evolve

from ccproxy_cli.backends.base import EventStream, RelayedStream
from ccproxy_cli.core.errors import BadUpstream, Fate, UpstreamError
from ccproxy_cli.core.events import Event, ResponseEnd, ResponseStart, StreamError, TextDelta
from ccproxy_cli.core.formats import StreamEncoder
from ccproxy_cli.core.response import Response
from ccproxy_cli.core.stream import Fold, InOrder
from ccproxy_cli.pipeline.exchange import Exchange
from ccproxy_cli.pipeline.naming import FrameNamer

STREAM_HEADERS: Mapping[str, str] = MappingProxyType({"cache-control": "no-cache", "x-accel-buffering": "no"})
"""Nothing on the way may keep or hold back a stream."""


def media_type(name: str) -> str:
    """The `content-type` of what is called so."""
    return f"{name}; charset=utf-8" if name.startswith("text/") else name


async def encoded(exchange: Exchange, stream: EventStream, encoder: StreamEncoder) -> AsyncGenerator[bytes, None]:
    """A backend's events as the frames of the client's format. The last frame tells an error, if there is one."""
    ordering, encode = InOrder() if exchange.format.ordered else None, encoder.encode
    try:
        async for batch in stream:
            pieces: list[bytes] = []
            for event in batch:
                if type(event) is not TextDelta:  # nearly every event is one, and tells nothing but its words
                    event = _observed(exchange, event)
                if ordering is None:
                    pieces.append(encode(event))
                else:
                    pieces += map(encode, ordering.feed(event))
            if out := b"".join(pieces):
                yield out
    except (BadUpstream, UpstreamError) as error:
        exchange.broke_off(error.error)
        yield encoder.encode(StreamError(evolve(error.error, request_id=error.error.request_id or exchange.id)))
    finally:
        await stream.aclose()


def _observed(exchange: Exchange, event: Event) -> Event:
    """Note what the exchange wants to know of an event; an in-band error becomes the exception it is."""
    match event:
        case ResponseStart(created=None):
            return evolve(event, created=int(time.time()))
        case ResponseEnd():
            exchange.usage = event.usage
            exchange.complete = True
        case StreamError(error):
            raise UpstreamError(error)
        case _:
            pass
    return event


async def relayed(exchange: Exchange, reply: RelayedStream) -> AsyncGenerator[bytes, None]:
    """An upstream's own frames. The last one is ours and tells an error, if there is one."""
    namer = None if exchange.alias is None else FrameNamer(exchange.format, exchange.alias)
    try:
        async for chunk in reply.chunks:
            yield chunk if namer is None else namer.feed(chunk)
    except (BadUpstream, UpstreamError) as error:
        exchange.broke_off(error.error)
        yield exchange.format.encode_stream_error(error.error, exchange.id)
    finally:
        await reply.chunks.aclose()
        exchange.usage, exchange.complete = reply.meter.usage, reply.meter.complete


async def folded(exchange: Exchange, stream: EventStream) -> Response:
    """A backend's events as the whole answer they amount to.

    Raises:
        UpstreamError: they ended early. Some had come, so that nothing may be sent for the request again.
    """
    folding = Fold()
    try:
        async for batch in stream:
            for event in batch:
                folding.feed(event)
    except (BadUpstream, UpstreamError) as error:
        raise UpstreamError(error.error, Fate.BEGUN) from error
    finally:
        await stream.aclose()
    response = folding.response
    exchange.usage = response.usage
    return response if response.created is not None else evolve(response, created=int(time.time()))
