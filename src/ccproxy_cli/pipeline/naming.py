"""Answers that name the model as their client did, where the route changed the name.

Clients look up prices, windows and their own configuration by it. What a vendor makes of a name that went out as the client wrote it, such
as a dated snapshot, is the vendor's to say and stays.
"""

from collections.abc import Sequence

from attrs import evolve

from ccproxy_cli.backends.base import EventStream
from ccproxy_cli.core.events import ResponseStart
from ccproxy_cli.core.formats import Format
from ccproxy_cli.core.jsontext import JSONError, dumps, join_members, split_members

_DATA = b"data: "
_LESSONS = 3
"""Frames that are looked at for what the next ones may begin with."""


def name_in_body(spoken: Format, body: bytes, name: str) -> bytes:
    """An upstream's answer with that name of the model, every other value as it was sent."""
    return _named(body, spoken.model_in_body, dumps(name))


class FrameNamer:
    """Puts that name into the frames of one relayed stream."""

    def __init__(self, spoken: Format, name: str) -> None:
        self._path = spoken.model_in_frame
        self._name = dumps(name)
        self._mark = dumps(self._path[-1])
        self._lessons = _LESSONS
        self._known = b"\n"
        """What a frame's data begins with, up to the end of the upstream's name; nothing does as long as none is known."""
        self._instead = b""

    def feed(self, frames: bytes) -> bytes:
        """Whole frames, as `core.relaytap` writes them, with the name in those that have one."""
        return frames if self._mark not in frames else b"\n\n".join(map(self._feed, frames.split(b"\n\n")))

    def _feed(self, frame: bytes) -> bytes:
        start = 0 if frame.startswith(_DATA) else frame.find(b"\n" + _DATA) + 1
        start += len(_DATA)
        data = frame[start:]
        if data.startswith(self._known):
            return frame[:start] + self._instead + data[len(self._known) :]
        if self._mark not in data:
            return frame
        if self._lessons and len(self._path) == 1:
            self._lessons -= 1
            self._learn(data, self._path[0])
        return frame[:start] + _named(data, self._path, self._name)

    def _learn(self, data: bytes, member: str) -> None:
        """Chat streams name the model in every frame, mostly after the same beginning: then there is no need to read them."""
        try:
            value = split_members(data).get(member, b"null")
            known = data[: data.find(value) + len(value)]
            last = list(split_members(known + b"}").items())[-1]
        except JSONError:
            return
        if last == (member, value) and value.startswith(b'"'):
            self._known, self._instead = known, known[: -len(value)] + self._name


def _named(data: bytes, path: Sequence[str], name: bytes) -> bytes:
    """JSON with the string at `path` in place of the one there; as it is if there is none."""
    member, *rest = path
    try:
        members = split_members(data)
    except JSONError:
        return data
    value = members.get(member)
    if value is None or not value.startswith(b"{" if rest else b'"'):
        return data
    changed = _named(value, rest, name) if rest else name
    return data if changed == value else join_members({**members, member: changed})


async def name_in_events(stream: EventStream, name: str) -> EventStream:
    """An answer's events with that name of the model."""
    told = False
    try:
        async for batch in stream:
            if told:
                yield batch
                continue
            told = any(isinstance(event, ResponseStart) for event in batch)
            yield [evolve(event, model=name) if isinstance(event, ResponseStart) else event for event in batch]
    finally:
        await stream.aclose()
