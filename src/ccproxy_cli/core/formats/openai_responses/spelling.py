"""How a thing was spelled, where the wire has several spellings for what the vocabulary says in one way.

Notes ride in the extras beside the members we do not know, under names that begin with `NOTE`. Members of an inner object ride
in the extras of the outer one under dotted names, such as `text.verbosity`, which is also how a loss report names them.

The wire is a flat list of items where the vocabulary has messages of parts. A message item is its parts, and the first of them
carries what the item says of itself; every other item is one part, which carries it itself.
"""

from collections.abc import Mapping

from ccproxy_cli.core.extras import NOTE, VITAL, Extras
from ccproxy_cli.core.formats._openai.members import dotted as dotted
from ccproxy_cli.core.formats._openai.members import inner_of, outer_of
from ccproxy_cli.core.formats._openai.members import note as note
from ccproxy_cli.core.formats.openai_responses.wire import NAME
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.parts import Opaque, Part

ITEM = NOTE + "item"
"""On the part that an item begins with: the item's own members that mean nothing elsewhere, its id and status first of all."""
ITEM_END = NOTE + "item end"
"""On a later part of the same item: members that a stream told with the item's end, in place of those it began with."""
FLAT = NOTE + "flat"
"""The content of the message item was one bare string."""
CARRIER = NOTE + "carrier"
"""The part is no part of the item's content: it only carries the item's members."""
IN_MESSAGE = NOTE + "in message"
"""In the raw value of an opaque part of the assistant's: it is a part of a message item, not an item."""
RAW_ITEM = NOTE + "raw item"
"""On a message without parts: the item it stands for, verbatim."""
OWN_ITEM = NOTE + "own item"
"""On a message of one opaque part: that is an item of its own, not a part of a message item."""
TYPE = NOTE + "type"
"""The part's type, where it is not the one that the role's parts usually have."""
SUMMARY = NOTE + "summary"
"""The parts of a reasoning item's summary."""
CONTENT = NOTE + "content"
"""What a reasoning item had as `content`, null included. Open models tell their thoughts there."""
NAMESPACE = NOTE + "namespace"
"""The namespace that a call's or a tool's name begins with."""
GROUP = NOTE + "group"
"""On a tool from a namespace: which of the client's tools that namespace is, counted from 0."""
IN_INPUT = NOTE + "in input"
"""The tool was declared by an item of the input, which goes out as it came."""
NO_TOOLS = NOTE + "no tools"
"""`tools` was absent, although tools were declared in the input."""
BARE = NOTE + "bare"
"""The value itself, where the reference has a list or a data URL around it."""
NO_INPUT = NOTE + "no input"
"""`input` was absent."""
BREAKPOINT = NOTE + "breakpoint"
"""The cache mark as the client wrote it."""
INCLUDE = NOTE + "include"
"""`include` as the client wrote it, if it asks for nothing but what other formats tell unasked or when asked in another way."""
TOP = NOTE + "top_logprobs"
"""`top_logprobs` was written although it was 0."""
STORE = NOTE + "store"
"""`store` as the client wrote it. False is what every other format does unasked, and true is for whoever serves the client to honor."""
KEPT = NOTE + "kept"
"""The answer is kept for the client here; the value is the id of the answer that the request goes on from."""
AS_WRITTEN = NOTE + "as written"
"""The whole value as the client wrote it, because writing it anew would not give the same."""

SILENT = frozenset({"id", "status", "internal_chat_message_metadata_passthrough"})
"""Members of items that say nothing to a model: leaving them out is no loss. The last is Codex's own bookkeeping (seen 2026-11)."""
KEPT_ELSEWHERE = ("previous_response_id", "conversation", "prompt")
"""Members that name something the vendor keeps."""


def noted(extras: Extras, name: str) -> JSON:
    """The value of a note or member among our extras, or None."""
    return extras.get(NAME, {}).get(name)


def said(extras: Extras, name: str) -> bool:
    """Whether `name`, a note or a member, is among our extras."""
    return name in extras.get(NAME, {})


def own(extras: Extras) -> Mapping[str, JSON]:
    """All our members and notes."""
    return extras.get(NAME, {})


def is_own(extras: Extras) -> bool:
    """Whether whatever carries these extras came in this format."""
    return NAME in extras


def begins_item(part: Part) -> bool:
    """Whether an item of the wire begins with `part`, for sure."""
    return not isinstance(part, Opaque) and said(part.extras, ITEM)


def own_members(extras: Extras, *inner: str) -> dict[str, JSON]:
    """Our members that stood in the object itself: without notes, and without those of the `inner` objects."""
    members = extras.get(NAME)
    if not members:
        return {}
    return {name: value for name, value in outer_of(members, inner).items() if not name.startswith(VITAL)}


def inner_members(extras: Extras, prefix: str) -> dict[str, JSON]:
    """Our members that stood in the inner object `prefix`."""
    members = extras.get(NAME)
    if not members:
        return {}
    return inner_of(members, prefix)


def ours(*members: Mapping[str, JSON]) -> Extras:
    """Extras of this format that hold all these members. Present even when empty: they say where their carrier came from."""
    merged: dict[str, JSON] = {}
    for some in members:
        merged.update(some)
    return {NAME: merged}
