"""Answers that are kept for their clients: how requests name them, and the same requests written out in full.

All of it works on the wire's own items, so that a conversation that is written out is what the client would have sent had it kept
every item itself. Instructions are not carried over from one answer to the next (vendor's reference, 2026-11).
"""

import re
from collections.abc import Mapping

import msgspec
from attrs import evolve, frozen

from ccproxy_cli.core.errors import BadRequest, ErrorKind
from ccproxy_cli.core.formats._keeping import Kept, Named, Wanted
from ccproxy_cli.core.formats.openai_responses import spelling
from ccproxy_cli.core.formats.openai_responses.replay import told_again
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.ids import digest_id
from ccproxy_cli.core.jsontext import JSON, dumps, join_members, loads, split_members
from ccproxy_cli.core.request import Request

_PREVIOUS = "previous_response_id"
_REFERENCE = "item_reference"
_PATH = re.compile(r"/responses/([\w-]{1,200})(/input_items|/cancel)?", re.ASCII)
_PAGE, _LONGEST_PAGE = 20, 100
"""Items on a page by default, and at most (vendor's reference, 2026-11)."""


class _Item(msgspec.Struct):
    type: str | None = None
    id: str | None = None


class _Answer(msgspec.Struct):
    output: list[msgspec.Raw]


_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_HEAD = msgspec.json.Decoder(_Item)
_ANSWER = msgspec.json.Decoder(_Answer)


@frozen
class ResponsesKeeping:
    """See `Keeping`."""

    def named(self, members: Mapping[str, bytes]) -> Named:
        try:
            answer = msgspec.json.decode(members.get(_PREVIOUS, b"null"), type=str | None)
            said = members.get("input", b"null")
            items = [_HEAD.decode(item) for item in _ITEMS.decode(said)] if _REFERENCE.encode() in said and said[:1] == b"[" else []
        except msgspec.MsgspecError:
            return Named(None, (), keep=False)
        referred = tuple(item.id for item in items if item.type == _REFERENCE and item.id)
        return Named(answer or None, referred, keep=members.get("store") != b"false")

    def written_out(self, call: HTTPCall, members: Mapping[str, bytes], before: Kept | None, items: Mapping[str, bytes]) -> HTTPCall:
        said = [_resolved(item, items) for item in _items_of(members.get("input", b"null"))]
        if before is not None:
            said = [*_raw_items(before.asked), *_output(before), *said]
            members = {name: value for name, value in members.items() if name != _PREVIOUS}
        return evolve(call, body=join_members({**members, "input": _listed(said)}))

    def marked(self, request: Request, answer: str | None) -> Request:
        return evolve(request, extras={**request.extras, **spelling.ours(spelling.own(request.extras), {spelling.KEPT: answer})})

    def new_id(self, token: str) -> str:
        return f"resp_{token}"

    def kept(self, call: HTTPCall, body: bytes) -> Kept:
        return Kept(body, _listed(_items_of(split_members(call.body).get("input", b"null"))))

    def items(self, kept: Kept) -> Mapping[str, bytes]:
        heads = ((_HEAD.decode(item).id, item) for item in _output(kept))
        return {item_id: item for item_id, item in heads if item_id}

    def wanted(self, call: HTTPCall) -> Wanted | None:
        found = _PATH.fullmatch(call.path)
        if found is None:
            return None
        asked = _asked(call.query)
        after = asked.get("starting_after", "-1")
        if not re.fullmatch(r"-1|\d{1,15}", after, re.ASCII):
            raise BadRequest("starting_after: expected the number of an event", "starting_after")
        streams = call.method == "GET" and found[2] is None and asked.get("stream") == "true"
        return Wanted(found[1], found[2] == "/input_items", found[2] == "/cancel", int(after) if streams else None)

    def encode_asked(self, kept: Kept, query: str) -> bytes:
        asked = _asked(query)
        limit = asked.get("limit", str(_PAGE))
        if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:4]) <= _LONGEST_PAGE):
            raise BadRequest(f"limit: expected a number from 1 to {_LONGEST_PAGE}", "limit")
        items = [_as_told(loads(item), index) for index, item in enumerate(_raw_items(kept.asked))]
        if asked.get("order", "desc") == "desc":  # the newest first (vendor's reference, 2026-11)
            items.reverse()
        if "after" in asked:
            ids = [item["id"] for item in items]
            if asked["after"] not in ids:
                raise BadRequest("after: there is no such item", "after")
            items = items[ids.index(asked["after"]) + 1 :]
        page = items[: int(limit)]
        first, last = (page[0]["id"], page[-1]["id"]) if page else (None, None)
        return dumps({"object": "list", "data": page, "first_id": first, "last_id": last, "has_more": len(page) < len(items)})

    def encode_streamed(self, kept: Kept, after: int) -> bytes:
        return told_again(kept.body, after)

    def encode_deleted(self, answer: str) -> bytes:
        return dumps({"id": answer, "object": "response", "deleted": True})

    def unknown(self, answer: str) -> BadRequest:
        return BadRequest(f"Response with id '{answer[:200]}' not found.", kind=ErrorKind.NOT_FOUND, code="response_not_found")

    def over(self) -> BadRequest:
        # Only what was asked for in the background can be (vendor's reference, 2026-11); these are the vendor's words for all else.
        return BadRequest("Cannot cancel a synchronous response.")

    def unknown_before(self, answer: str) -> BadRequest:
        # Word for word what the vendor says (recorded 2026-09): clients that see it send everything again.
        return BadRequest(f"Previous response with id '{answer[:200]}' not found.", _PREVIOUS, code="previous_response_not_found")


def _asked(query: str) -> dict[str, str]:
    return dict(pair.split("=", 1) for pair in query.split("&") if "=" in pair)


def _items_of(said: bytes) -> list[bytes]:
    """The items of an `input`, be it a bare string."""
    if said == b"null":
        return []
    if said[:1] == b"[":
        return _raw_items(said)
    return [b'{"type":"message","role":"user","content":[{"type":"input_text","text":%b}]}' % said]


def _raw_items(said: bytes) -> list[bytes]:
    return [bytes(item) for item in _ITEMS.decode(said)]


def _output(kept: Kept) -> list[bytes]:
    return [bytes(item) for item in _ANSWER.decode(kept.body).output]


def _listed(items: list[bytes]) -> bytes:
    return b"[%b]" % b",".join(items)


def _resolved(item: bytes, items: Mapping[str, bytes]) -> bytes:
    if _REFERENCE.encode() not in item:
        return item
    head = _HEAD.decode(item)
    return items.get(head.id or "", item) if head.type == _REFERENCE else item


def _as_told(item: JSON, index: int) -> dict[str, JSON]:
    """An item as official clients want it: with a type and an id, and the content of messages as a list."""
    told: dict[str, JSON] = {"type": "message", **item} if isinstance(item, dict) else {"type": "message", "content": item}
    content = told.get("content")
    if told["type"] == "message" and isinstance(content, str):
        kind = "output_text" if told.get("role") == "assistant" else "input_text"
        told["content"] = [{"type": kind, "text": content}]
    prefix = "msg_" if told["type"] == "message" else "item_"
    return {**told, "id": told.get("id") or prefix + digest_id(f"{index}/{dumps(item).decode()}")}
