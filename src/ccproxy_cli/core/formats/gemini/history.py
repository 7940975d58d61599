"""A conversation from another format, brought under this vendor's rules.

The rules (vendor's reference, and errors recorded 2025 and 2026): the user speaks first and the sides alternate; a turn that calls
functions is followed by a turn that answers each of them, in order, before anything else; a response names its function; system text
has no place after the first turn. What is moved keeps its words, what must go is recorded, and the same history always gives the
same bytes.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from attrs import define, evolve

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import NO_EXTRAS, Extras, Losses
from ccproxy_cli.core.formats.gemini.media import fit_media
from ccproxy_cli.core.formats.gemini.names import fit_name
from ccproxy_cli.core.formats.gemini.parts import STAND_IN, read_arguments, with_own_proofs
from ccproxy_cli.core.formats.gemini.wire import NAME
from ccproxy_cli.core.jsontext import dumps_str
from ccproxy_cli.core.left_behind import drop_cache
from ccproxy_cli.core.parts import Excerpts, Media, Opaque, Part, Proof, Reasoning, Refusal, Text, ToolCall, ToolKind, ToolResult
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import INSTRUCTING, Message, Role
from ccproxy_cli.core.turns import Turn, lead_in, pair_results, remind

OPENING = "[The conversation begins with the model's turn.]"
"""Stands where the user says nothing before the model does."""
_STAND_IN = Proof(NAME, STAND_IN)
_CALL_ID = re.compile(r".+", re.DOTALL)
"""The vendor takes any, so only a call without one is given another."""


def adapt_history(messages: tuple[Message, ...], profile: Profile, losses: Losses) -> tuple[tuple[Text, ...], tuple[Message, ...]]:
    """The leading instructions and the conversation.

    Raises:
        BadRequest: a part that the vendor has no place for and that cannot be left out.
    """
    lead, messages = lead_in(messages, NAME, losses)
    fitter = _Fitter(losses)
    instructions = [part for index in range(lead) for part in fitter.parts(messages[index], f"messages[{index}]") if isinstance(part, Text)]
    turns = _turns(messages, lead, fitter)
    pair_results(turns, _CALL_ID, losses)
    for before, turn in pairwise(turns):
        turn.answers = [evolve(answer, name=call.name) for call, answer in zip(before.calls, turn.answers, strict=True)]
    adapted = tuple(_message(turn, profile) for turn in turns if turn.segments or turn.answers)
    if not adapted:
        if not messages:
            raise BadRequest("messages: at least one message is required", "messages")
        adapted = (Message(Role.USER, (Text(""),)),)  # the vendor answers to empty words (recorded 2026), but not to no parts
    if adapted[0].role is Role.ASSISTANT:
        losses.add("messages", f"{NAME} lets the user speak first, so a line says that the model does")
        adapted = (Message(Role.USER, (Text(OPENING),)), *adapted)
    return tuple(instructions), adapted


def _turns(messages: tuple[Message, ...], lead: int, fitter: "_Fitter") -> list[Turn]:
    turns: list[Turn] = []
    for index, message in enumerate(messages[lead:], lead):
        path = f"messages[{index}]"
        side = Role.ASSISTANT if message.role is Role.ASSISTANT else Role.USER
        parts = list(fitter.parts(message, path))
        if not parts:
            continue
        if not turns or turns[-1].role is not side:
            turns.append(Turn(side))
        rest = turns[-1].take_results(parts, path)
        turns[-1].add(side, [remind(part) for part in rest] if message.role in INSTRUCTING else rest)
    return turns


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
                    yield evolve(with_own_proofs(part, path, self.losses), cache=None, extras=_own(part))
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
            yield with_own_proofs(part, path, self.losses)
        elif part.text or part.proofs:
            self.losses.add(path, f"{NAME} is shown only its own reasoning")

    def _call(self, part: ToolCall, path: str) -> ToolCall:
        arguments = dumps_str(read_arguments(part, path))
        name, own = fit_name(part.name), with_own_proofs(part, path, self.losses)
        return evolve(own, name=name, arguments=arguments, kind=ToolKind.FUNCTION, item_id=None, cache=None, extras=_own(part))


def _own(part: Text | ToolCall | ToolResult) -> Extras:
    return {NAME: part.extras[NAME]} if NAME in part.extras else NO_EXTRAS


# Messages


def _message(turn: Turn, profile: Profile) -> Message:
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
