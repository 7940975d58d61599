"""The turns of a conversation, for vendors that want the sides to alternate and every call answered in the very next turn."""

import re
from collections.abc import Sequence

from attrs import define, evolve, field, frozen

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.ids import UniqueIds
from ccproxy_cli.core.left_behind import NO_RESULT
from ccproxy_cli.core.parts import Part, Text, ToolCall, ToolResult
from ccproxy_cli.core.request import INSTRUCTING, Message, Role


@frozen
class Placed:
    """A result where its client put it."""

    part: ToolResult
    path: str


@define
class Turn:
    """All that one side said before the other side spoke."""

    role: Role
    segments: list[tuple[Role, list[Part]]] = field(factory=list)
    """Runs of parts under one role."""
    results: list[Placed] = field(factory=list)
    """As the client placed them; what is left here after pairing answers no call."""
    answers: list[ToolResult] = field(factory=list)
    """The results of the calls in the turn before."""

    def add(self, role: Role, parts: Sequence[Part]) -> None:
        """Let `role` say more."""
        if not parts:
            return
        if self.segments and self.segments[-1][0] is role:
            self.segments[-1][1].extend(parts)
        else:
            self.segments.append((role, list(parts)))

    def take_results(self, parts: Sequence[Part], path: str) -> list[Part]:
        """Take the results out of the parts of a message that stands at `path`.

        Returns:
            The other parts.
        """
        self.results += [Placed(part, path) for part in parts if isinstance(part, ToolResult)]
        return [part for part in parts if not isinstance(part, ToolResult)]

    @property
    def parts(self) -> list[Part]:
        """What was said, whoever said it."""
        return [part for _, parts in self.segments for part in parts]

    @property
    def calls(self) -> list[ToolCall]:
        return [part for _, parts in self.segments for part in parts if isinstance(part, ToolCall)]


def lead_in(messages: tuple[Message, ...], target: str, losses: Losses) -> tuple[int, tuple[Message, ...]]:
    """How many messages at the front only instruct, and the messages.

    Where none does anything else, the last one becomes the user's: vendors want at least one message, and it is the nearest to one.
    """
    lead = next((index for index, message in enumerate(messages) if message.role not in INSTRUCTING), len(messages))
    if lead < len(messages) or not lead:
        return lead, messages
    losses.add(f"messages[{lead - 1}].role", f"{target} needs a user message, so the last instruction is sent as one")
    return lead - 1, (*messages[:-1], evolve(messages[-1], role=Role.USER))


def remind(part: Part) -> Part:
    """An instruction in the midst of the conversation as words of the user's, marked as Claude Code marks its own."""
    return evolve(part, text=f"<system-reminder>\n{part.text}\n</system-reminder>") if isinstance(part, Text) else part


def pair_results(turns: list[Turn], allowed: re.Pattern[str], losses: Losses) -> None:
    """Give every call its one result, in the turn right after it and in the order of the calls; results of no call are dropped.

    Args:
        allowed: what the vendor takes for a call's id.
    """
    unique = UniqueIds(allowed)
    for position, turn in enumerate(list(turns)):
        calls = turn.calls if turn.role is Role.ASSISTANT else []
        if not calls:
            continue
        if turn is turns[-1]:
            turns.append(Turn(Role.USER))
        ids: list[str] = []
        for call in calls:
            ids.append(unique.give(call.call_id))
            turns[position + 1].answers.append(_answer(call, ids[-1], turns, position + 1, losses))
        if ids != [call.call_id for call in calls]:
            _rename(turn, ids)
    for turn in turns:
        for result in turn.results:
            losses.add(f"{result.path}.content", f"no call has the id {result.part.call_id[:80]!r}, so its result is dropped")


def _answer(call: ToolCall, new_id: str, turns: list[Turn], start: int, losses: Losses) -> ToolResult:
    """Take the first result of `call` out of the turns from `start` on, or stand in for it."""
    for turn in turns[start:]:
        if any(other.call_id == call.call_id for other in turn.calls):
            break  # from here on results belong to a newer call of the same id
        for result in turn.results:
            if result.part.call_id == call.call_id:
                turn.results.remove(result)
                return result.part if new_id == call.call_id else evolve(result.part, call_id=new_id)
    losses.add(f"messages[{call.call_id[:80]}]", "the call has no result, so an error result stands in for it")
    return ToolResult(new_id, (Text(NO_RESULT),), is_error=True, flat=True)


def _rename(turn: Turn, ids: list[str]) -> None:
    names = iter(ids)
    turn.segments = [
        (role, [evolve(part, call_id=next(names)) if isinstance(part, ToolCall) else part for part in parts])
        for role, parts in turn.segments
    ]
