"""Answers that pause: a vendor's loop of hosted tools may stop for breath, and goes on when it is sent what it said so far.

Clients of its own format know that. For all others the parts of such an answer become one here.
"""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from attrs import evolve

from ccproxy_cli.backends.base import EventStream
from ccproxy_cli.core.errors import BadRequest, BadUpstream
from ccproxy_cli.core.events import PART_EVENTS, Event, ResponseEnd, ResponseStart
from ccproxy_cli.core.parts import Opaque, Part
from ccproxy_cli.core.request import Message, Request, Role
from ccproxy_cli.core.response import FinishReason, Usage
from ccproxy_cli.core.stream import Fold

MOST_PAUSES = 8
"""How often an answer may go on. One that pauses more often ends as it is; vendors pause after some ten uses of a tool."""

Send: TypeAlias = Callable[[Request], Awaitable[EventStream]]


def may_pause(request: Request) -> bool:
    """Whether an answer to the request may pause: only where the vendor runs tools itself."""
    return any(isinstance(tool, Opaque) for tool in request.tools or ())


async def without_pauses(stream: EventStream, request: Request, send: Send) -> EventStream:
    """The events of an answer that goes on after every pause, as one answer. What it costs is the sum.

    Args:
        send: asks the same backend again.
    """
    said: tuple[Part, ...] = ()
    usage: Usage | None = None
    for pauses in range(MOST_PAUSES + 1):
        folding, end = Fold(), None
        try:
            async for batch in stream:
                for event in batch:
                    folding.feed(event)
                if batch and isinstance(batch[-1], ResponseEnd):
                    end = batch[-1]
                    batch = batch[:-1]
                out = [moved for event in batch if (moved := _moved(event, len(said), first=not pauses)) is not None]
                if out:
                    yield out
        finally:
            await stream.aclose()
        if end is None:
            return
        usage = end.usage if usage is None else usage.plus(end.usage)
        if end.finish.reason is not FinishReason.PAUSE or pauses == MOST_PAUSES:
            yield [evolve(end, usage=usage)]
            return
        said = (*said, *folding.response.parts)
        try:
            stream = await send(evolve(request, messages=(*request.messages, Message(Role.ASSISTANT, said))))
        except BadRequest as error:  # the client has its answer's beginning already, and asked for nothing wrong
            raise BadUpstream(f"the answer paused, and cannot go on: {error.message}") from error


def _moved(event: Event, by: int, *, first: bool) -> Event | None:
    """The event in the one answer, `by` parts of which are told; None for a second beginning."""
    if isinstance(event, ResponseStart) and not first:
        return None
    return evolve(event, index=event.index + by) if by and isinstance(event, PART_EVENTS) else event
