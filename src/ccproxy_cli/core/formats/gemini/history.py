"""A conversation from another format, brought under this vendor's rules.

The rules (vendor's reference, and errors recorded 2025 and 2026): the user speaks first and the sides alternate; a turn that calls
functions is followed by a turn that answers each of them, in order, before anything else; a response names its function; system text
has no place after the first turn. What is moved keeps its words, what must go is recorded, and the same history always gives the
same bytes.
"""

from collections import Counter
from collections.abc import Iterator

from attrs import define, evolve, field

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import NO_EXTRAS, Extras, Losses
from ccproxy_cli.core.formats.gemini.media import fit_media
from ccproxy_cli.core.formats.gemini.names import fit_name
from ccproxy_cli.core.formats.gemini.parts import STAND_IN, read_arguments, with_own_proofs
from ccproxy_cli.core.formats.gemini.wire import NAME
from ccproxy_cli.core.ids import digest_id
from ccproxy_cli.core.jsontext import dumps_str
from ccproxy_cli.core.left_behind import NO_RESULT, drop_cache
from ccproxy_cli.core.parts import Excerpts, Media, Opaque, Part, Proof, Reasoning, Refusal, Text, ToolCall, ToolKind, ToolResult
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import INSTRUCTING, Message, Role

OPENING = "[The conversation begins with the model's turn.]"
"""Stands where the user says nothing before the model does."""
_STAND_IN = Proof(NAME, STAND_IN)


@define
class _Turn:
    """All that one side said before the other side spoke."""

    role: Role
    parts: list[Part] = field(factory=list)
    results: list[tuple[ToolResult, str]] = field(factory=list)
    """As the client placed them, with their paths; what is left after pairing answers no call."""
    answers: list[ToolResult] = field(factory=list)
    """The results of the calls in the turn before."""


def adapt_history(messages: tuple[Message, ...], profile: Profile, losses: Losses) -> tuple[tuple[Text, ...], tuple[Message, ...]]:
    """The leading instructions and the conversation.

    Raises:
        BadRequest: a part that the vendor has no place for and that cannot be left out.
    """
    lead = next((index for index, message in enumerate(messages) if message.role not in INSTRUCTING), len(messages))
    if lead == len(messages) and lead:
        lead -= 1
        losses.add(f"messages[{lead}].role", f"{NAME} needs a user message, so the last instruction is sent as one")
        messages = (*messages[:lead], evolve(messages[lead], role=Role.USER))
    fitter = _Fitter(losses)
    instructions = [part for index in range(lead) for part in fitter.parts(messages[index], f"messages[{index}]") if isinstance(part, Text)]
    turns = _turns(messages, lead, fitter)
    _pair_results(turns, losses)
    adapted = tuple(_message(turn, profile) for turn in turns if turn.parts or turn.answers)
    if not adapted:
        if not messages:
            raise BadRequest("messages: at least one message is required", "messages")
        adapted = (Message(Role.USER, (Text(""),)),)  # the vendor answers to empty words (recorded 2026), but not to no parts
    if adapted[0].role is Role.ASSISTANT:
        losses.add("messages", f"{NAME} lets the user speak first, so a line says that the model does")
        adapted = (Message(Role.USER, (Text(OPENING),)), *adapted)
    return tuple(instructions), adapted


def _turns(messages: tuple[Message, ...], lead: int, fitter: "_Fitter") -> list[_Turn]:
    turns: list[_Turn] = []
    for index, message in enumerate(messages[lead:], lead):
        path = f"messages[{index}]"
        side = Role.ASSISTANT if message.role is Role.ASSISTANT else Role.USER
        parts = list(fitter.parts(message, path))
        if not parts:
            continue
        if not turns or turns[-1].role is not side:
            turns.append(_Turn(side))
        turn = turns[-1]
        turn.results += [(part, path) for part in parts if isinstance(part, ToolResult)]
        rest = [part for part in parts if not isinstance(part, ToolResult)]
        turn.parts += [_reminder(part) for part in rest] if message.role in INSTRUCTING else rest
    return turns


def _reminder(part: Part) -> Part:
    return evolve(part, text=f"<system-reminder>\n{part.text}\n</system-reminder>") if isinstance(part, Text) else part


@define
class _Fitter:
    """Brings parts into a form that can be sent, and records those that cannot."""

    losses: Losses

    def parts(self, message: Message, path: str) -> Iterator[Part]:
        self.losses.add_foreign(message.extras, NAME, path)
        if message.name is not None:
            self.losses.add(f"{path}.name", f"{NAME} has no names of authors")
        where = f"{path}.content"
        for index, part in enumerate(message.parts):
            yield from self.fit(part, message.role, where if message.flat else f"{where}[{index}]")

    def fit(self, part: Part, role: Role, path: str) -> Iterator[Part]:
        if not isinstance(part, Opaque):
            self.losses.add_foreign(part.extras, NAME, path)
            if isinstance(part, Text | Media | ToolCall | ToolResult):
                drop_cache(part.cache, path, self.losses)
        match part:
            case Text():
                if part.text or any(proof.issuer == NAME for proof in part.proofs):
                    yield evolve(with_own_proofs(part), cache=None, extras=_own(part))
            case Refusal():
                if part.text:
                    yield Text(part.text)
            case Media() if role in INSTRUCTING:
                self.losses.add(path, f"{NAME} takes only text as instructions")
            case Media():
                yield from self._media(part, path)
            case Reasoning():
                yield from self._reasoning(part, role, path)
            case ToolCall() if role is Role.ASSISTANT:
                yield self._call(part, path)
            case ToolResult() if role in (Role.USER, Role.TOOL):
                inner = [fit for index, piece in enumerate(part.parts) for fit in self.fit(piece, Role.USER, f"{path}[{index}]")]
                yield evolve(part, parts=tuple(inner), flat=False, cache=None, extras=_own(part))
            case ToolCall() | ToolResult():
                self.losses.add(path, f"{NAME} has no such part in a message of this role")
            case Opaque(format_name):
                if format_name == NAME:
                    yield part
                else:
                    self.losses.add(path, f"{NAME} has no {part.type}")

    def _media(self, part: Media, path: str) -> Iterator[Part]:
        if isinstance(part.source, Excerpts):
            for piece in part.source.parts:
                yield from self.fit(piece, Role.USER, path)
            return
        yield fit_media(part, path, self.losses)

    def _reasoning(self, part: Reasoning, role: Role, path: str) -> Iterator[Part]:
        """Thoughts that this vendor signed. Others' are left out: a model that is shown them begins to write its own that way."""
        if role is Role.ASSISTANT and any(proof.issuer == NAME for proof in part.proofs):
            yield with_own_proofs(part)
        elif part.text or part.proofs:
            self.losses.add(path, f"{NAME} is shown only its own reasoning")

    def _call(self, part: ToolCall, path: str) -> ToolCall:
        arguments = dumps_str(read_arguments(part, path))
        name, own = fit_name(part.name), with_own_proofs(part)
        return evolve(own, name=name, arguments=arguments, kind=ToolKind.FUNCTION, item_id=None, cache=None, extras=_own(part))


def _own(part: Text | ToolCall | ToolResult) -> Extras:
    return {NAME: part.extras[NAME]} if NAME in part.extras else NO_EXTRAS


# Calls and results


def _pair_results(turns: list[_Turn], losses: Losses) -> None:
    """Give every call its one result, in the turn right after it and in the order of the calls; results of no call are dropped."""
    used: Counter[str] = Counter()
    for position, turn in enumerate(list(turns)):
        calls = [part for part in turn.parts if isinstance(part, ToolCall)]
        if not calls:
            continue
        if turn is turns[-1]:
            turns.append(_Turn(Role.USER))
        ids: list[str] = []
        for call in calls:
            ids.append(_unique_id(call.call_id, used))
            result = _take_result(call, turns[position + 1 :], losses)
            turns[position + 1].answers.append(evolve(result, call_id=ids[-1], name=call.name))
        names = iter(ids)
        turn.parts = [evolve(part, call_id=next(names)) if isinstance(part, ToolCall) else part for part in turn.parts]
    for turn in turns:
        for result, path in turn.results:
            losses.add(f"{path}.content", f"no call has the id {result.call_id[:80]!r}, so its result is dropped")


def _unique_id(call_id: str, used: Counter[str]) -> str:
    """An id that no earlier call has: some providers number the calls of every turn from 0 again."""
    used[call_id] += 1
    return call_id if call_id and used[call_id] == 1 else f"call_{digest_id(f'{call_id}#{used[call_id]}')}"


def _take_result(call: ToolCall, turns: list[_Turn], losses: Losses) -> ToolResult:
    """Take the first result of `call` out of `turns`, or stand in for it."""
    for turn in turns:
        if any(isinstance(part, ToolCall) and part.call_id == call.call_id for part in turn.parts):
            break  # from here on results belong to a newer call of the same id
        for result in turn.results:
            if result[0].call_id == call.call_id:
                turn.results.remove(result)
                return result[0]
    losses.add(f"messages[{call.call_id[:80]}]", "the call has no result, so an error result stands in for it")
    return ToolResult(call.call_id, (Text(NO_RESULT),), is_error=True, flat=True)


# Messages


def _message(turn: _Turn, profile: Profile) -> Message:
    if turn.role is Role.ASSISTANT:
        return Message(Role.ASSISTANT, tuple(_signed(turn.parts)) if profile.call_signatures else tuple(turn.parts))
    answers: list[Part] = []
    beside: list[Part] = []
    for answer in turn.answers:
        media = [part for part in answer.parts if not isinstance(part, Text)]
        if media and not profile.result_media:
            beside += media
            answer = evolve(answer, parts=tuple(part for part in answer.parts if isinstance(part, Text)))
        answers.append(answer)
    return Message(Role.USER, (*answers, *beside, *turn.parts))


def _signed(parts: list[Part]) -> Iterator[Part]:
    """The model's turn with a signature on its first call, which stands for all of a step's."""
    first = True
    for part in parts:
        if isinstance(part, ToolCall) and first:
            first = False
            yield part if part.proofs else evolve(part, proofs=(_STAND_IN,))
        else:
            yield part
