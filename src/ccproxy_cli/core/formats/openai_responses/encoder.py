"""Streams to a client: our events to the vendor's.

Items follow one another on the wire, and each is opened, told and closed by events of its own; the vendor's accumulators refuse a
delta before its item and an end without its beginning. The words of one message are one item however many parts they come in, so
an item of words ends when something else begins. Parts of other formats that turn out to be empty are never begun.
"""

from collections.abc import Sequence
from typing import assert_never

from attrs import evolve

from ccproxy_cli.core.events import (
    CitationDelta,
    Event,
    OpaqueDelta,
    OpaqueEvent,
    PartEnd,
    PartStart,
    Ping,
    ProofDelta,
    ResponseEnd,
    ResponseStart,
    StreamError,
    TextDelta,
)
from ccproxy_cli.core.extras import NO_EXTRAS, NOTE, Extras, Losses
from ccproxy_cli.core.formats.openai_responses import spelling
from ccproxy_cli.core.formats.openai_responses.errors import error_event, failed_event
from ccproxy_cli.core.formats.openai_responses.finish import write_usage
from ccproxy_cli.core.formats.openai_responses.hosted import item_events
from ccproxy_cli.core.formats.openai_responses.items import BETWEEN_SUMMARIES, bare_name
from ccproxy_cli.core.formats.openai_responses.lanes import Item, Lane, around, in_progress, item_of, part_of
from ccproxy_cli.core.formats.openai_responses.output import Dresser, answer_id, finished, has_nothing
from ccproxy_cli.core.formats.openai_responses.response import GONE, ending, shell, started, with_logprobs
from ccproxy_cli.core.formats.openai_responses.wire import NAME
from ccproxy_cli.core.framing import encode_comment, encode_frame
from ccproxy_cli.core.jsontext import JSON, dumps
from ccproxy_cli.core.left_behind import leave_citation, leave_ending
from ccproxy_cli.core.parts import Media, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolKind, ToolResult
from ccproxy_cli.core.request import Request
from ccproxy_cli.core.response import Finish
from ccproxy_cli.core.stream import finished_opaque, merge_extras

_CONTENT_MODE = "response.content_part.added"
_NEXT_SUMMARY = "response.reasoning_summary_part.added"


class ResponsesStreamEncoder:
    """One stream's state."""

    media_type = "text/event-stream"
    ping = encode_comment(b"ping")

    def __init__(self, request: Request, losses: Losses | None = None) -> None:
        self._request = request
        self._losses = Losses() if losses is None else losses
        self._dresser = Dresser.for_answer("", request, self._losses)
        self._sequence = 0
        self._own = False
        self._shell: dict[str, JSON] = {}
        self._start_members: dict[str, JSON] = {}
        self._lanes: dict[int, Lane] = {}
        self._message: Item | None = None
        self._output: list[JSON] = []
        self._parts: list[Part] = []

    def encode(self, event: Event) -> bytes:
        """The bytes for `event`; empty if this format says nothing here."""
        match event:
            case TextDelta(index, text):
                lane = self._lanes.get(index)
                return self._say(lane, text) if lane is not None and text else b""
            case PartStart():
                return self._begin_part(event)
            case PartEnd(index, extras):
                lane = self._lanes.pop(index, None)
                if lane is None:
                    return b""
                if isinstance(lane.part, ToolResult) or (isinstance(lane.part, Opaque) and lane.part.format != NAME):
                    return self._end_anothers(lane.part, event)
                return self._end_part(lane, extras)
            case CitationDelta(index, citation):
                lane = self._lanes.get(index)
                if lane is not None:
                    lane.cited.append(citation)
                elif not self._own:
                    leave_citation(NAME, self._losses, late=True)
                return b""
            case ProofDelta(index, proof):
                lane = self._lanes.get(index)
                if lane is None or proof.issuer != NAME or not isinstance(lane.part, Reasoning):
                    return b""
                lane.part = evolve(lane.part, proofs=(*lane.part.proofs, proof))
                return self._open(lane) if lane.item is None else b""
            case OpaqueDelta(index, format_name, raw):
                lane = self._lanes.get(index)
                return self._step(lane, raw) if lane is not None and format_name == NAME else b""
            case ResponseStart():
                return self._begin_response(event)
            case ResponseEnd():
                return self._end(event)
            case StreamError(error):
                failed = failed_event(error, {**self._shell, "output": self._output}, self._sequence + 1)
                return error_event(error, self._sequence) + failed
            case OpaqueEvent(format_name, raw):
                return self._frame(str(raw.get("type")), {**raw}) if format_name == NAME else b""
            case Ping():
                return b""
            case _:
                assert_never(event)

    def _frame(self, kind: str, members: dict[str, JSON]) -> bytes:
        frame = encode_frame(dumps({"type": kind, **members, "sequence_number": self._sequence}), kind.encode())
        self._sequence += 1
        return frame

    # The response

    def _begin_response(self, start: ResponseStart) -> bytes:
        self._own = spelling.is_own(start.extras)
        given = answer_id(start.id, start.model, start.created)
        if self._own:
            self._start_members = dict(start.extras[NAME])
            given = start.id or given
            self._shell = started(self._start_members, given, start.model, start.created)
        else:
            self._shell = shell(given, start.model, start.created, self._request)
        self._dresser.answer_id = given
        response = {"response": self._shell}
        return self._frame("response.created", dict(response)) + self._frame("response.in_progress", dict(response))

    def _end(self, end: ResponseEnd) -> bytes:
        out = b"" if self._own else self._explain(end.finish)
        out += self._tell(self._dresser.rest()) + self._close_message()
        body: dict[str, JSON] = {**self._shell, "output": self._output, "usage": write_usage(end.usage)}
        if self._own:
            members = end.extras.get(NAME) or self._start_members
            body = {name: member for name, member in body.items() if name not in members.get(GONE, ())}
            body |= {name: member for name, member in members.items() if name != "usage" and not name.startswith(NOTE)}
            if body.get("status") in (None, "in_progress"):
                body["status"] = "completed"
        else:
            body |= ending(end.finish, tuple(self._parts))
            body["output"] = with_logprobs(self._output, end.logprobs)
            if end.service_tier is not None:
                body["service_tier"] = end.service_tier
            leave_ending(end.finish, end.usage, NAME, self._losses)
        kind = "response.incomplete" if body["status"] == "incomplete" else "response.completed"
        return out + self._frame(kind, {"response": body})

    def _explain(self, finish: Finish) -> bytes:
        """Why the model declined, where nothing it said tells."""
        if finish.explanation is None or any(isinstance(part, Refusal) for part in self._parts):
            return b""
        begun = self._begin_part(PartStart(-1, Refusal(finish.explanation)))
        return begun + self._end_part(self._lanes.pop(-1), NO_EXTRAS)

    # Beginnings

    def _begin_part(self, event: PartStart) -> bytes:
        part = event.part
        lane = Lane(part, part.kind if isinstance(part, ToolCall) else ToolKind.FUNCTION)
        self._lanes[event.index] = lane
        if isinstance(part, Text) and not self._own:
            lane.cited, part = list(part.citations), evolve(part, citations=())
            lane.part = part
        if not self._own and has_nothing(part):
            return b""  # until there is something in it
        match part:
            case Text() | Refusal() | Reasoning():
                lane.part = evolve(part, text="")
                out = self._open(lane)
                return out + self._say(lane, part.text) if part.text else out
            case ToolCall():
                lane.part = evolve(part, arguments="")
                out = self._open(lane)
                return out + self._say(lane, part.arguments) if part.arguments else out
            case Media():
                told = self._tell(self._dresser.rest())
                lane.part = self._dresser.media(part)
                if isinstance(lane.part, Opaque):
                    return told + self._open_item(lane)
                words, lane.part = lane.part.text, evolve(lane.part, text="")
                return told + self._open_content(lane, begins=True) + self._say(lane, words)
            case Opaque() | ToolResult():
                return self._open(lane)
            case _:
                assert_never(part)

    def _open(self, lane: Lane) -> bytes:
        """Begin the item, or the part of a message, that the lane's part is."""
        return self._tell(self._dresser.rest()) + self._begin(lane)

    def _begin(self, lane: Lane) -> bytes:
        part = lane.part
        match part:
            case Text() | Refusal():
                begins = self._message is None or (self._own and spelling.begins_item(part))
                if not self._own:
                    lane.part = self._dresser.begin_message(part) if begins else self._dresser.continue_message(part)
                return self._open_content(lane, begins=begins)
            case Opaque(raw=dict() as raw) if spelling.IN_MESSAGE in raw:
                return self._open_content(lane, begins=self._message is None)
            case Reasoning() if not self._own:
                lane.part = self._dresser.reasoning(part)
            case ToolCall() if not self._own:
                lane.part = self._dresser.call(part)
            case ToolResult():
                return b""
            case _:
                pass
        return self._open_item(lane)

    def _open_item(self, lane: Lane) -> bytes:
        out = self._close_message()
        begun = in_progress(item_of([lane.part]))
        lane.item = Item(len(self._output), begun.get("id"))
        self._output.append(begun)
        out += self._frame("response.output_item.added", {"output_index": lane.item.number, "item": begun})
        if isinstance(lane.part, ToolCall):
            custom = lane.part.kind is ToolKind.CUSTOM
            if not custom or lane.given is ToolKind.CUSTOM:
                kind = "response.custom_tool_call_input.delta" if custom else "response.function_call_arguments.delta"
                lane.around = around(kind, self._place(lane.item))
        return out

    def _open_content(self, lane: Lane, *, begins: bool) -> bytes:
        out = b""
        if begins or self._message is None:
            out = self._close_message()
            begun = in_progress({**item_of([lane.part]), "content": []})
            self._message = Item(len(self._output), begun.get("id"))
            self._output.append(begun)
            out += self._frame("response.output_item.added", {"output_index": self._message.number, "item": begun})
        lane.item = item = self._message
        if not isinstance(lane.part, Opaque) and spelling.said(lane.part.extras, spelling.CARRIER):
            return out
        lane.content = item.contents
        item.contents += 1
        place = {**self._place(item), "content_index": lane.content}
        if isinstance(lane.part, Refusal):
            lane.around = around("response.refusal.delta", place)
        elif isinstance(lane.part, Text):
            lane.around = around("response.output_text.delta", {**place, "logprobs": []})
        return out + self._frame("response.content_part.added", {**place, "part": part_of(lane.part)})

    @staticmethod
    def _place(item: Item) -> dict[str, JSON]:
        return {"item_id": item.id, "output_index": item.number}

    # Words

    def _say(self, lane: Lane, text: str) -> bytes:
        out = b""
        if lane.item is None:
            if not isinstance(lane.part, Text | Refusal | Reasoning):
                return b""
            out = self._open(lane)
        if isinstance(lane.part, Reasoning):
            if lane.separator_due:
                lane.separator_due = False
                if text == BETWEEN_SUMMARIES:
                    lane.texts.append(text)
                    lane.told = len(lane.texts)
                    return out
            if lane.around is None:
                out += self._open_thoughts(lane)
        lane.texts.append(text)
        if lane.around is None:
            return out
        before, between, after = lane.around
        sequence, self._sequence = self._sequence, self._sequence + 1
        return b"".join((out, before, str(sequence).encode(), between, dumps(text), after))

    def _open_thoughts(self, lane: Lane) -> bytes:
        """Begin a part of a summary, or the place where open models tell their thoughts."""
        if lane.summary != _CONTENT_MODE:
            lane.summary = _NEXT_SUMMARY
        kind, words, part, place = self._thoughts(lane)
        lane.around = around(f"{words}.delta", place)
        return self._frame(f"{part}.added", {**place, "part": {"type": kind, "text": ""}})

    def _close_thoughts(self, lane: Lane) -> bytes:
        if lane.around is None:
            return b""
        lane.around = None
        (kind, words, part, place), text = self._thoughts(lane), "".join(lane.texts[lane.told :])
        lane.content += lane.summary == _NEXT_SUMMARY
        done = self._frame(f"{words}.done", {**place, "text": text})
        return done + self._frame(f"{part}.done", {**place, "part": {"type": kind, "text": text}})

    def _thoughts(self, lane: Lane) -> tuple[str, str, str, dict[str, JSON]]:
        """Of the thoughts that are told now: their type, what events of the words and of the part begin with, and their place."""
        assert lane.item is not None
        place = self._place(lane.item)
        if lane.summary == _CONTENT_MODE:
            return "reasoning_text", "response.reasoning_text", "response.content_part", {**place, "content_index": 0}
        summary = "response.reasoning_summary"
        return "summary_text", f"{summary}_text", f"{summary}_part", {**place, "summary_index": lane.content}

    def _step(self, lane: Lane, raw: dict[str, JSON]) -> bytes:
        """A step that only this format knows, at the place where its item stands now."""
        kind = str(raw.get("type"))
        if isinstance(lane.part, Reasoning) and kind == _CONTENT_MODE:
            lane.summary = _CONTENT_MODE
            return b""
        if isinstance(lane.part, Reasoning) and kind == _NEXT_SUMMARY:
            lane.separator_due = True
            return self._close_thoughts(lane)
        if lane.item is None:
            return b""
        place = {name: value for name, value in self._place(lane.item).items() if name in raw}
        if "content_index" in raw and isinstance(lane.part, Text | Refusal):
            place["content_index"] = lane.content
        return self._frame(kind, {**raw, **place})

    # Hosted tools of other vendors

    def _end_anothers(self, part: Opaque | ToolResult, end: PartEnd) -> bytes:
        return self._tell(self._dresser.steps(finished_opaque(part, end) if isinstance(part, Opaque) else part))

    def _tell(self, items: Sequence[Opaque]) -> bytes:
        """Items that are known whole, step by step as clients expect them."""
        out = b""
        for item in items:
            out += self._close_message()
            out += b"".join([self._frame(kind, members) for kind, members in item_events(item.raw, len(self._output))])
            self._output.append(item.raw)
        return out

    # Ends

    def _end_part(self, lane: Lane, extras: Extras) -> bytes:
        if lane.item is None:
            return b""
        text = "".join(lane.texts)
        part = lane.part
        match part:
            case Text() | Refusal():
                part = evolve(part, text=text, extras=self._final(part.extras, extras))
                self._parts.append(part)
                is_cited = bool(lane.cited) and not self._own
                return self._annotate(lane, part) if is_cited and isinstance(part, Text) else self._end_content(lane, part)
            case Reasoning():
                notes = {} if self._own else {spelling.SUMMARY: [{"type": "summary_text", "text": text}] if text else []}
                part = evolve(part, text=text, extras=merge_extras(self._final(part.extras, extras), {NAME: notes}))
                return self._close_thoughts(lane) + self._end_item(lane.item, part)
            case ToolCall():
                part = evolve(part, arguments=text, extras=self._final(part.extras, extras))
                return self._end_call(lane, part)
            case Opaque(raw=dict() as raw) if spelling.IN_MESSAGE in raw:
                return self._end_content(lane, part)
            case Opaque():
                return self._end_item(lane.item, Opaque(NAME, {**part.raw, **extras.get(NAME, {})}))
            case _:
                return b""

    def _final(self, begun: Extras, ended: Extras) -> Extras:
        return merge_extras(begun, {NAME: ended[NAME]}) if self._own and NAME in ended else begun

    def _annotate(self, lane: Lane, part: Text) -> bytes:
        assert lane.item is not None
        out, annotations = b"", self._dresser.annotations(lane.cited, len(part.text))
        for number, annotation in enumerate(annotations):
            place = {**self._place(lane.item), "content_index": lane.content, "annotation_index": number}
            out += self._frame("response.output_text.annotation.added", {**place, "annotation": annotation})
        return out + self._end_content(lane, evolve(part, extras=merge_extras(part.extras, {NAME: {"annotations": annotations}})))

    def _end_content(self, lane: Lane, part: Text | Refusal | Opaque) -> bytes:
        assert lane.item is not None
        lane.item.parts.append(part)
        if not isinstance(part, Opaque) and spelling.said(part.extras, spelling.CARRIER):
            return b""
        place: dict[str, JSON] = {**self._place(lane.item), "content_index": lane.content}
        out = b""
        if isinstance(part, Text):
            logprobs = spelling.noted(part.extras, "logprobs") or []
            out = self._frame("response.output_text.done", {**place, "text": part.text, "logprobs": logprobs})
        elif isinstance(part, Refusal):
            out = self._frame("response.refusal.done", {**place, "refusal": part.text})
        return out + self._frame("response.content_part.done", {**place, "part": part_of(part)})

    def _end_call(self, lane: Lane, part: ToolCall) -> bytes:
        assert lane.item is not None
        if not self._own:
            part = finished(part, lane.given)
        custom, place, out = part.kind is ToolKind.CUSTOM, self._place(lane.item), b""
        name = "custom_tool_call_input" if custom else "function_call_arguments"
        if part.arguments and (lane.around is None or not lane.texts):  # what could not be said before all of it had come
            out = self._frame(f"response.{name}.delta", {**place, "delta": part.arguments})
        said: dict[str, JSON] = {"input": part.arguments} if custom else {"arguments": part.arguments}
        if not custom and not self._own:  # the reference demands the name, the vendor leaves it out
            said["name"] = bare_name(part.name, spelling.noted(part.extras, spelling.NAMESPACE))
        self._parts.append(part)
        return out + self._frame(f"response.{name}.done", {**place, **said}) + self._end_item(lane.item, part)

    def _end_item(self, item: Item, *parts: Part) -> bytes:
        done = item_of(parts)
        if item.id is not None:
            done["id"] = item.id
        self._output[item.number] = done
        return self._frame("response.output_item.done", {"output_index": item.number, "item": done})

    def _close_message(self) -> bytes:
        message, self._message = self._message, None
        return self._end_item(message, *message.parts) if message is not None else b""
