"""An answer's parts as items that official clients take: with ids, with statuses, and under the names the client gave its tools.

Whole answers and streams dress their parts here alike, so that a stream amounts to the body.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeGuard

from attrs import define, evolve, field

from ccproxy_cli.core.arguments import unwrap_text
from ccproxy_cli.core.citations import Citation
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats._openai.citations import write_annotation
from ccproxy_cli.core.formats.openai_responses import spelling
from ccproxy_cli.core.formats.openai_responses.hosted import Halves, write_step
from ccproxy_cli.core.formats.openai_responses.wire import NAME
from ccproxy_cli.core.hosted import HostedKind, HostedStep
from ccproxy_cli.core.ids import digest_id
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.left_behind import is_blank, leave_citation, leave_part, leave_quote, media_note
from ccproxy_cli.core.parts import Inline, Media, MediaKind, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolKind, ToolResult
from ccproxy_cli.core.request import Request, Tool

_PREFIXES = {
    "message": "msg_",
    "reasoning": "rs_",
    "function_call": "fc_",
    "custom_tool_call": "ctc_",
    "image_generation_call": "ig_",
    "web_search_call": "ws_",
    "code_interpreter_call": "ci_",
}


def answer_id(given: str, model: str, created: int | None) -> str:
    """An id for the answer. Clients hand it back as `previous_response_id`, and the vendor's own all begin alike."""
    if given.startswith("resp"):
        return given
    return "resp_" + digest_id(given or f"{model}/{created}")


@define
class Dresser:
    """Dresses the parts of one answer."""

    answer_id: str
    tools: Mapping[str, Tool]
    """The client's tools, by the names they go by in the vocabulary."""
    losses: Losses
    halves: Halves = field(factory=Halves)
    _made: int = field(default=0, init=False)

    @classmethod
    def for_answer(cls, answer_id: str, request: Request, losses: Losses) -> "Dresser":
        return cls(answer_id, {tool.name: tool for tool in request.tools or () if isinstance(tool, Tool)}, losses)

    def new_id(self, kind: str) -> str:
        """The id of the answer's next item: it depends on the answer and the item's place in it alone."""
        self._made += 1
        return _PREFIXES[kind] + digest_id(f"{self.answer_id}/{self._made}")

    def begin_message(self, part: Text | Refusal) -> Text | Refusal:
        """The first part of a message item."""
        item = {"type": "message", "id": self.new_id("message"), "status": "completed"}
        return evolve(part, extras=spelling.ours(self._bare(part), {spelling.ITEM: item}))

    def continue_message(self, part: Text | Refusal) -> Text | Refusal:
        """A later part of a message item."""
        return evolve(part, extras=spelling.ours(self._bare(part)))

    def _bare(self, part: Text | Refusal) -> dict[str, JSON]:
        if isinstance(part, Refusal):
            return {}
        return {"annotations": self.annotations(part.citations, len(part.text)), "logprobs": []}

    def annotations(self, citations: Sequence[Citation], length: int) -> list[JSON]:
        """The citations of a text of that many characters, without those that this format has no words for."""
        written = [write_annotation(citation, length) for citation in dict.fromkeys(citations)]
        if None in written:
            leave_citation(NAME, self.losses)
        for citation in citations:
            leave_quote(citation, NAME, self.losses)
        return [annotation for annotation in written if annotation is not None]

    def hosted(self, step: HostedStep) -> Opaque:
        """What a hosted tool of another vendor's did."""
        kind = "code_interpreter_call" if step.kind is HostedKind.CODE_EXECUTION else "web_search_call"
        return Opaque(NAME, write_step(step, self.new_id(kind)))

    def steps(self, part: Opaque | ToolResult) -> list[Opaque]:
        """The items that can be written now that a part of another vendor's has come that is none of ours."""
        meaning = part.meaning if isinstance(part, Opaque) else None
        if not isinstance(meaning, HostedStep):
            leave_part(part, NAME, self.losses)
            return []
        return [self.hosted(step) for step in self.halves.feed(meaning)]

    def rest(self) -> list[Opaque]:
        """The items of steps that wait for what they found, which nobody will tell now."""
        return [self.hosted(step) for step in self.halves.rest()]

    def reasoning(self, part: Reasoning) -> Reasoning:
        """A reasoning item. Proofs of other vendors stay behind: no client could hand them back."""
        own = tuple(proof for proof in part.proofs if proof.issuer == NAME)
        return Reasoning(part.text, own, spelling.ours({spelling.ITEM: {"id": self.new_id("reasoning")}, **_summary(part.text)}))

    def call(self, part: ToolCall) -> ToolCall:
        """A call as the client declared its tool: inside its namespace, and with free text where it takes that."""
        tool = self.tools.get(part.name)
        notes: dict[str, JSON] = {spelling.ITEM: {"status": "completed"}}
        kind = part.kind
        if tool is not None:
            kind = tool.kind
            namespace = spelling.noted(tool.extras, spelling.NAMESPACE)
            if namespace is not None:
                notes[spelling.NAMESPACE] = namespace
        item_id = self.new_id("custom_tool_call" if kind is ToolKind.CUSTOM else "function_call")
        call_id = part.call_id or "call_" + digest_id(item_id)
        return ToolCall(call_id, part.name, part.arguments, kind, item_id, extras=spelling.ours(notes))

    def media(self, part: Media) -> Opaque | Text | Refusal:
        """An image the model made, as the vendor's own image tool would give it; words in place of any other medium."""
        if part.kind is MediaKind.IMAGE and isinstance(part.source, Inline):
            item_id = self.new_id("image_generation_call")
            return Opaque(NAME, {"type": "image_generation_call", "id": item_id, "status": "completed", "result": part.source.data})
        leave_part(part, NAME, self.losses)
        return self.begin_message(Text(media_note(part)))


def finished(call: ToolCall, given: ToolKind) -> ToolCall:
    """A dressed call whose arguments have all come: a function's if another format made the call, whatever its tool takes."""
    if call.kind is ToolKind.CUSTOM and given is ToolKind.FUNCTION:
        return evolve(call, arguments=unwrap_text(call.arguments))
    if call.kind is ToolKind.FUNCTION and not call.arguments.strip():
        return evolve(call, arguments="{}")
    return call


def _summary(text: str) -> dict[str, JSON]:
    return {spelling.SUMMARY: [{"type": "summary_text", "text": text}] if text else []}


def has_nothing(part: Part) -> bool:
    """A part with nothing in it for this format."""
    return is_blank(part, NAME) or isinstance(part, ToolResult) or (isinstance(part, Opaque) and part.format != NAME)


def dress(parts: Sequence[Part], dresser: Dresser) -> Iterator[Part]:
    """All parts of an answer of another format."""
    in_message = False
    for part in parts:
        if _is_anothers(part):
            items = dresser.steps(part)
            yield from items
            in_message = in_message and not items
            continue
        if has_nothing(part):
            continue
        rest = dresser.rest()
        yield from rest
        in_message = in_message and not rest
        match part:
            case Text() | Refusal():
                yield dresser.continue_message(part) if in_message else dresser.begin_message(part)
            case Reasoning():
                yield dresser.reasoning(part)
            case ToolCall():
                yield finished(dresser.call(part), part.kind)
            case Media():
                yield dresser.media(part)
            case Opaque() | ToolResult():
                yield part
        in_message = isinstance(part, Text | Refusal)
    yield from dresser.rest()


def _is_anothers(part: Part) -> TypeGuard[Opaque | ToolResult]:
    return isinstance(part, ToolResult) or (isinstance(part, Opaque) and part.format != NAME)
