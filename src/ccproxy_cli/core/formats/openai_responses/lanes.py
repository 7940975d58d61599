"""What is under way in a stream to a client, and how it is written."""

from collections.abc import Sequence

from attrs import define, field

from ccproxy_cli.core.citations import Citation
from ccproxy_cli.core.formats._wirekit import Unknown
from ccproxy_cli.core.formats.openai_responses.items import write_items
from ccproxy_cli.core.formats.openai_responses.parts import OUTPUT_TEXT, write_part
from ccproxy_cli.core.formats.openai_responses.response import write_item
from ccproxy_cli.core.formats.openai_responses.wire import KIT
from ccproxy_cli.core.framing import encode_frame
from ccproxy_cli.core.jsontext import JSON, dumps
from ccproxy_cli.core.parts import Part, ToolKind

_HOLE = "\x00"
"""Stands where a delta's number and text will be while its frame is written."""


@define
class Item:
    """An output item that has begun and not ended."""

    number: int
    id: JSON
    parts: list[Part] = field(factory=list)
    contents: int = 0


@define
class Lane:
    """A part that has begun and not ended."""

    part: Part
    given: ToolKind = ToolKind.FUNCTION
    """Of a call: how the answer made it, whatever its tool takes."""
    item: Item | None = None
    """None until something of the part has gone out."""
    texts: list[str] = field(factory=list)
    around: tuple[bytes, bytes, bytes] | None = None
    """What stands before a delta's number, between number and text, and after the text; None holds deltas back."""
    content: int = 0
    """Of words: which part of the message. Of reasoning: which part of its summary."""
    told: int = 0
    """Of reasoning: how many of the texts the parts of the summary before this one took."""
    summary: str | None = None
    """Of reasoning: where its words go, once some have gone there."""
    separator_due: bool = False
    cited: list[Citation] = field(factory=list)
    """Of words of another format: their sources, which are told when the words have all come."""


def item_of(parts: Sequence[Part]) -> dict[str, JSON]:
    """The item that the parts are."""
    return dict(write_item(write_items(parts, "output")[0]))


def part_of(part: Part) -> JSON:
    """The part of a message's content."""
    wire = write_part(part, OUTPUT_TEXT, "output")
    return wire.raw if isinstance(wire, Unknown) else KIT.write(wire)


def in_progress(item: dict[str, JSON]) -> dict[str, JSON]:
    """An item that has begun."""
    return {**item, "status": "in_progress"} if "status" in item else item


def around(kind: str, members: dict[str, JSON]) -> tuple[bytes, bytes, bytes]:
    """A delta's frame, cut where its number and its text go."""
    whole = encode_frame(dumps({"type": kind, **members, "sequence_number": _HOLE, "delta": _HOLE}), kind.encode())
    before, between, after = whole.rsplit(dumps(_HOLE), 2)
    return before, between, after
