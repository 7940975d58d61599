"""The items of an answer as they come: the vendor's steps of one item to ours of its parts.

Items have numbers on the wire, `output_index`, and are told apart by them alone: some upstreams change an item's id on its way
(GitHub Copilot, 2026-09). What an item amounts to is read from its own `done`, like an item of a whole answer, so that a stream
folds to what the body would have said; deltas that never came are made up for then, and items that never began.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from attrs import define, evolve, field

from ccproxy_cli.core.errors import BadUpstream
from ccproxy_cli.core.events import CitationDelta, Event, OpaqueDelta, OpaqueEvent, PartEnd, PartStart, ProofDelta, TextDelta
from ccproxy_cli.core.extras import NO_EXTRAS, Extras, extras_of
from ccproxy_cli.core.formats._openai.citations import read_annotation, read_annotations
from ccproxy_cli.core.formats.openai_responses import spelling
from ccproxy_cli.core.formats.openai_responses.hosted import read_step
from ccproxy_cli.core.formats.openai_responses.items import BETWEEN_SUMMARIES
from ccproxy_cli.core.formats.openai_responses.response import read_output
from ccproxy_cli.core.formats.openai_responses.wire import KIT, NAME, WireItem
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.parts import Opaque, Part, Reasoning, Refusal, Text, ToolCall

_HOLLOW: Mapping[str, Mapping[str, JSON]] = MappingProxyType(
    {
        "message": {"role": "assistant", "content": []},
        "reasoning": {"summary": []},
        "function_call": {"arguments": ""},
        "custom_tool_call": {"input": ""},
    }
)
"""What an item of a type must have, for upstreams that leave out at its start what is still empty."""
_CONTENT_TYPES = frozenset({"output_text", "refusal"})

Step = Callable[[dict[str, Any], list[Event]], None]
"""Takes an event of the wire and adds the events it amounts to."""


@define
class _Item:
    """An item that has begun and not ended."""

    kind: str
    members: Extras = NO_EXTRAS
    """Of a message: what its first part will carry."""
    open: int | None = None
    """The index of the part that deltas go to."""
    content: int = -1
    """Of a message: which of its parts that is, counted from 0."""
    texts: list[str] = field(factory=list)
    """What deltas have said of the open part."""
    pending: PartEnd | None = None
    """The end of a message's last part, held until it is known whether the message ends with it."""
    parts: int = 0
    """Parts begun."""
    cited: int | None = None
    """Of the open text: how many of its citations are told."""
    summary: JSON = None
    """Of reasoning: the number of the summary under way, or `content`."""


class ItemStream:
    """The items of one stream."""

    def __init__(self) -> None:
        self.ended: set[int] = set()
        self.said: list[Part] = []
        """The parts of the items that have ended."""
        self._count = 0
        self._items: dict[int, _Item] = {}
        self.steps: Mapping[str, Step] = {
            "response.output_item.added": self._add_item,
            "response.output_item.done": self.end_item,
            "response.content_part.added": self._add_content,
            "response.content_part.done": self._end_content,
            "response.output_text.delta": self._say_content,
            "response.refusal.delta": self._say_content,
            "response.output_text.annotation.added": self._annotate,
            "response.output_text.done": self._complete_content,
            "response.refusal.done": self._complete_content,
            "response.function_call_arguments.delta": self._say,
            "response.custom_tool_call_input.delta": self._say,
            "response.function_call_arguments.done": self._complete_call,
            "response.custom_tool_call_input.done": self._complete_call,
            "response.reasoning_summary_part.added": self._begin_summary,
            "response.reasoning_summary_text.delta": self._say_summary,
            "response.reasoning_text.delta": self._say_thought,
            "response.reasoning_summary_text.done": self._ignore,
            "response.reasoning_summary_part.done": self._ignore,
            "response.reasoning_text.done": self._ignore,
        }

    @property
    def open(self) -> bool:
        """Whether an item has begun and not ended."""
        return bool(self._items)

    def hear(self, items: Sequence[JSON], out: list[Event]) -> None:
        """Take the items of the whole answer that did not come by themselves. Their numbers count only where none is missing."""
        for number, item in enumerate(items):
            if number in self._items or len(self.ended) <= number not in self.ended:
                self.end_item({"output_index": number, "item": item}, out)

    def _ignore(self, _: dict[str, Any], __: list[Event]) -> None:
        """Says nothing that the item's end does not say again."""

    def step(self, event: dict[str, Any], out: list[Event]) -> None:
        """An event that only this format knows: a step of its item if that is under way."""
        item = self._items.get(event.get("output_index"))  # type: ignore[arg-type]
        if item is not None and item.open is not None:
            out.append(OpaqueDelta(item.open, NAME, event))
        else:
            out.append(OpaqueEvent(NAME, event))

    # Items

    def _add_item(self, event: dict[str, Any], out: list[Event]) -> None:
        raw, number = event["item"], event["output_index"]
        if raw is None:  # seen at compatible servers: the item itself comes with its end
            return
        if type(number) is not int or number in self._items or number in self.ended:
            raise BadUpstream(f"upstream began item {str(number)[:20]} twice")
        kind = raw.get("type")
        item = _Item(kind if type(kind) is str else "")
        if kind in ("function_call", "custom_tool_call") and not raw.get("name"):
            return  # without a name it cannot be begun: its end has one
        self._items[number] = item
        part = _read(raw, number)[0]
        if kind == "message":
            item.members = part.extras if not isinstance(part, Opaque) else NO_EXTRAS
            return
        match part:
            case Reasoning():
                # What is sealed so far is not what it will be (recorded 20 times of 20, 2026-09): only the end's counts.
                part = evolve(part, text="", proofs=())
            case ToolCall():
                item.texts = [part.arguments] if part.arguments else []
            case _:
                pass
        self._begin(item, part, out)

    def _begin(self, item: _Item, part: Part, out: list[Event]) -> None:
        item.open = self._count
        item.cited = len(part.citations) if isinstance(part, Text) else None
        item.parts += 1
        self._count += 1
        out.append(PartStart(item.open, part))

    def _item(self, event: dict[str, Any], kind: str, out: list[Event]) -> _Item:
        """The item an event belongs to, begun now if it was not."""
        number = event["output_index"]
        item = self._items.get(number)
        if item is None:
            if number in self.ended:
                raise BadUpstream(f"upstream went on with item {str(number)[:20]} after its end")
            self._add_item({"output_index": number, "item": {"type": kind, "id": event.get("item_id")}}, out)
            item = self._items[number]
        return item

    def end_item(self, event: dict[str, Any], out: list[Event]) -> None:
        raw, number = event["item"], event["output_index"]
        item = self._items.pop(number, None)
        if number in self.ended:
            raise BadUpstream(f"upstream ended item {str(number)[:20]} twice")
        self.ended.add(number)
        parts = _read(raw, number)
        self.said += parts
        if item is None:
            for part in parts:
                self._whole(part, out)
        elif item.kind == "message":
            self._end_message(item, parts, out)
        else:
            self._end_single(item, parts[0], raw, out)

    def _whole(self, part: Part, out: list[Event]) -> None:
        """A part that came at once."""
        item = _Item("")
        match part:
            case Text() | Refusal():
                self._begin(item, evolve(part, text=""), out)
                self._complete(item, part.text, out)
            case Reasoning():
                self._begin(item, evolve(part, text="", proofs=()), out)
                self._complete(item, part.text, out)
                out += [ProofDelta(self._count - 1, proof) for proof in part.proofs]
            case ToolCall():
                self._begin(item, evolve(part, arguments=""), out)
                self._complete(item, part.arguments, out)
            case _:
                self._begin(item, part, out)
        out.append(PartEnd(self._count - 1))

    def _end_single(self, item: _Item, part: Part, raw: dict[str, JSON], out: list[Event]) -> None:
        assert item.open is not None
        match part:
            case Reasoning():
                if not item.texts:
                    self._complete(item, part.text, out)
                out += [ProofDelta(item.open, proof) for proof in part.proofs]
                out.append(PartEnd(item.open, part.extras))
            case ToolCall():
                self._complete(item, part.arguments, out)
                out.append(PartEnd(item.open, part.extras))
            case _:
                out.append(PartEnd(item.open, extras_of(NAME, raw), read_step(raw)))

    def _end_message(self, item: _Item, parts: tuple[Part, ...], out: list[Event]) -> None:
        if item.parts == 0:
            for part in parts:
                self._whole(part, out)
            return
        content = [part for part in parts if isinstance(part, Opaque) or not spelling.said(part.extras, spelling.CARRIER)]
        self._close_content(item, content[item.content] if item.content < len(content) else None, out)
        told = _told(parts[0])
        rest = content[item.content + 1 :]
        if item.pending is not None and (rest or item.content == 0):
            self._flush(item, out)
        elif item.pending is not None:
            out.append(PartEnd(item.pending.index, _ended(item.pending.extras, told)))
        for number, part in enumerate(rest, 1):
            if number == len(rest) and isinstance(part, Text | Refusal):
                part = evolve(part, extras=_ended(part.extras, told))
            self._whole(part, out)

    # Content of messages

    def _add_content(self, event: dict[str, Any], out: list[Event]) -> None:
        raw = event["part"]
        if raw.get("type") not in _CONTENT_TYPES:
            if raw.get("type") != "reasoning_text":
                self.step(event, out)
            return
        item = self._item(event, "message", out)
        part = _content(raw)
        self._open_content(item, event.get("content_index"), evolve(part, text=""), out)
        if part.text:
            self._speak(item, part.text, out)

    def _open_content(self, item: _Item, index: JSON, part: Text | Refusal, out: list[Event]) -> None:
        if item.kind != "message":
            raise BadUpstream("upstream sent content for an item that is no message")
        if type(index) is int and index <= item.content:
            raise BadUpstream(f"upstream began content part {index} twice")
        self._close_content(item, None, out)
        self._flush(item, out)
        if item.parts == 0:
            part = evolve(part, extras={NAME: {**part.extras.get(NAME, {}), **_carried(item.members)}})
        item.content += 1
        item.texts = []
        self._begin(item, part, out)

    def _say_content(self, event: dict[str, Any], out: list[Event]) -> None:
        text = event["delta"]
        item = self._items.get(event["output_index"])
        if item is None or item.open is None or item.pending is not None or event.get("content_index", item.content) != item.content:
            item = self._item(event, "message", out)
            blank = Text() if event["type"] == "response.output_text.delta" else Refusal()
            self._open_content(item, event.get("content_index"), evolve(blank, extras=spelling.ours()), out)
        self._speak(item, text, out)

    def _speak(self, item: _Item, text: JSON, out: list[Event]) -> None:
        if type(text) is not str:
            raise BadUpstream("upstream sent a delta that is not text")
        if text and item.open is not None:
            item.texts.append(text)
            out.append(TextDelta(item.open, text))

    def _complete_content(self, event: dict[str, Any], out: list[Event]) -> None:
        item = self._items.get(event["output_index"])
        text = event.get("text", event.get("refusal"))
        if type(text) is str and item is not None and item.open is not None and item.pending is None:
            self._complete(item, text, out)

    def _complete(self, item: _Item, text: str, out: list[Event]) -> None:
        """Say what deltas left unsaid. What they said cannot be taken back."""
        said = "".join(item.texts)
        if text != said and text.startswith(said):
            self._speak(item, text[len(said) :], out)

    def _end_content(self, event: dict[str, Any], out: list[Event]) -> None:
        item, raw = self._items.get(event["output_index"]), event["part"]
        if item is None or item.kind != "message" or item.open is None or raw.get("type") not in _CONTENT_TYPES:
            return
        self._close_content(item, _content(raw), out)

    def _close_content(self, item: _Item, part: Part | None, out: list[Event]) -> None:
        """Hold the end of the open part, with what its final form says."""
        if item.open is None:
            if item.pending is not None and part is not None and not isinstance(part, Opaque):
                self._cite(item, item.pending.index, part, out)
                item.pending = PartEnd(item.pending.index, part.extras)
            return
        if isinstance(part, Text | Refusal):
            self._complete(item, part.text, out)
            self._cite(item, item.open, part, out)
        item.pending = PartEnd(item.open, NO_EXTRAS if part is None or isinstance(part, Opaque) else part.extras)
        item.open = None

    def _annotate(self, event: dict[str, Any], out: list[Event]) -> None:
        item, annotation = self._items.get(event["output_index"]), event["annotation"]
        self.step(event, out)
        if item is not None and item.open is not None and item.cited is not None and isinstance(annotation, dict):
            item.cited += 1
            out.append(CitationDelta(item.open, read_annotation(annotation)))

    def _cite(self, item: _Item, index: int, part: Part, out: list[Event]) -> None:
        """Tell the citations of a finished text that came without steps of their own."""
        if isinstance(part, Text) and item.cited is not None:
            out += [CitationDelta(index, citation) for citation in part.citations[item.cited :]]
            item.cited = max(item.cited, len(part.citations))

    def _flush(self, item: _Item, out: list[Event]) -> None:
        if item.pending is not None:
            out.append(item.pending)
            item.pending = None

    # Calls and reasoning

    def _say(self, event: dict[str, Any], out: list[Event]) -> None:
        item = self._items.get(event["output_index"])
        if item is not None:
            self._speak(item, event["delta"], out)

    def _complete_call(self, event: dict[str, Any], out: list[Event]) -> None:
        item = self._items.get(event["output_index"])
        text = event.get("arguments", event.get("input"))
        if item is not None and type(text) is str:
            self._complete(item, text, out)

    def _begin_summary(self, event: dict[str, Any], out: list[Event]) -> None:
        self._turn_to(self._item(event, "reasoning", out), event.get("summary_index"), out)

    def _say_summary(self, event: dict[str, Any], out: list[Event]) -> None:
        item = self._item(event, "reasoning", out)
        if item.summary != event.get("summary_index") or item.summary is None:
            self._turn_to(item, event.get("summary_index"), out)
        self._speak(item, event["delta"], out)

    def _turn_to(self, item: _Item, summary: JSON, out: list[Event]) -> None:
        """Begin a part of a summary. All but the first are told apart by a blank line, and by a step for this format's encoder."""
        if item.summary is not None and item.summary != summary and item.open is not None:
            out.append(OpaqueDelta(item.open, NAME, {"type": "response.reasoning_summary_part.added"}))
            if item.texts:
                self._speak(item, BETWEEN_SUMMARIES, out)
        item.summary = summary if summary is not None else 0

    def _say_thought(self, event: dict[str, Any], out: list[Event]) -> None:
        item = self._item(event, "reasoning", out)
        if item.summary is None:
            item.summary = "content"
            assert item.open is not None
            out.append(OpaqueDelta(item.open, NAME, {"type": "response.content_part.added"}))
        if item.summary == "content":
            self._speak(item, event["delta"], out)
        else:  # the summary is what is shown
            self.step(event, out)


def _read(raw: JSON, number: int) -> tuple[Part, ...]:
    """The parts of an item, begun or ended. Always at least one."""
    hollow = _HOLLOW.get(raw.get("type"), {})
    full = {**hollow, **raw}
    if raw.get("type") in ("function_call", "custom_tool_call") and not full.get("call_id"):
        full["call_id"] = full.get("id")
    wires: list[WireItem] = KIT.read([full], list[WireItem], BadUpstream, f"output[{number}]")
    parts = read_output(wires[0], f"output[{number}]")
    if not parts:
        raise BadUpstream(f"upstream sent an empty item {number}")
    return parts


def _content(raw: dict[str, Any]) -> Text | Refusal:
    extras = spelling.ours({name: value for name, value in raw.items() if name not in ("type", "text", "refusal")})
    match raw:
        case {"type": "refusal", "refusal": str() as text}:
            return Refusal(text, extras)
        case {"type": "output_text", "text": str() as text}:
            return Text(text, extras=extras, citations=read_annotations(raw.get("annotations")))
        case _:
            return Refusal(extras=extras) if raw.get("type") == "refusal" else Text(extras=extras)


def _told(first: Part) -> dict[str, JSON]:
    """What a finished message says of itself, by its first part."""
    if isinstance(first, Opaque):
        return {}
    return {**(spelling.noted(first.extras, spelling.ITEM) or {}), **spelling.inner_members(first.extras, "item")}


def _ended(extras: Extras, told: dict[str, JSON]) -> Extras:
    return {NAME: {**extras.get(NAME, {}), spelling.ITEM_END: told}}


def _carried(extras: Extras) -> dict[str, JSON]:
    """What a message's first part says of the message."""
    members = extras.get(NAME, {})
    return {name: value for name, value in members.items() if name == spelling.ITEM or name.startswith("item.")}
