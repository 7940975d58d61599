"""An answer on its way in: held back until its first content, so that whatever goes wrong before that can still be told by status."""

from collections.abc import Callable
from typing import TypeAlias

from ccproxy_cli.backends.base import ByteStream, EventStream, Meter
from ccproxy_cli.backends.transport import Reply
from ccproxy_cli.core.errors import BadUpstream, UpstreamError
from ccproxy_cli.core.events import Event, StreamError
from ccproxy_cli.core.formats import StreamDecoder
from ccproxy_cli.core.relaytap import RelayTap
from ccproxy_cli.core.stream import is_content

Fault: TypeAlias = BadUpstream | UpstreamError
Clean: TypeAlias = Callable[[Fault], Fault]
"""Takes what must not be shown out of an error."""


async def incoming_events(reply: Reply, decoder: StreamDecoder, clean: Clean) -> EventStream:
    """The events of a stream, from its first content on. Owns `reply`.

    Raises:
        BadUpstream, UpstreamError: before any content.
    """
    held: list[Event] = []
    try:
        while not any(map(is_content, held)):
            held += await _next_events(reply, decoder, clean)
    except BaseException:
        reply.close()
        raise
    return _events(reply, decoder, clean, held)


async def _events(reply: Reply, decoder: StreamDecoder, clean: Clean, events: list[Event]) -> EventStream:
    try:
        yield events
        while not (decoder.done or reply.ended):
            if events := await _next_events(reply, decoder, clean):
                yield events
    finally:
        reply.close()


async def _next_events(reply: Reply, decoder: StreamDecoder, clean: Clean) -> list[Event]:
    if reply.ended:
        raise clean(BadUpstream("the answer holds nothing"))
    try:
        chunk = await reply.next()
        events = decoder.feed(chunk) if chunk else decoder.close()
    except (BadUpstream, UpstreamError) as error:
        raise clean(error) from error
    if events and isinstance(events[-1], StreamError):
        raise clean(UpstreamError(events[-1].error))
    return events


async def incoming_frames(reply: Reply, tap: RelayTap, clean: Clean, meter: Meter) -> ByteStream:
    """The frames of a relayed stream, from those on that came with the first content. Owns `reply`.

    Raises:
        BadUpstream, UpstreamError: before any content.
    """
    held = b""
    try:
        while not (tap.begun or tap.done):
            held += await _next_frames(reply, tap)
        _raise_failure(tap, clean, unless=tap.begun)
    except BaseException:
        reply.close()
        raise
    meter.answer = tap.answer
    return _frames(reply, tap, clean, meter, held)


async def _frames(reply: Reply, tap: RelayTap, clean: Clean, meter: Meter, frames: bytes) -> ByteStream:
    try:
        yield frames
        while not tap.done:
            if frames := await _next_frames(reply, tap):
                yield frames
        _raise_failure(tap, clean)
    finally:
        meter.usage = tap.usage
        meter.complete = tap.done and tap.failure is None
        reply.close()


async def whatever_comes(reply: Reply) -> ByteStream:
    """The bytes of a stream that no codec reads. Owns `reply`."""
    try:
        while chunk := await reply.next():
            yield chunk
    finally:
        reply.close()


async def _next_frames(reply: Reply, tap: RelayTap) -> bytes:
    chunk = await reply.next()
    return tap.feed(chunk) if chunk else tap.close()


def _raise_failure(tap: RelayTap, clean: Clean, *, unless: bool = False) -> None:
    if tap.failure is not None and not unless:
        raise clean(tap.failure)
