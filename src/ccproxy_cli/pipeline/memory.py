"""Reasoning kept for clients that cannot hand it back, by the calls it led to, or by where the words stand that it led to.

Chat clients have no place for proofs, and some others leave thoughts out of the history they send. Their vendor still wants them back
when the tools have answered, and thinks better with them later. So an answer with proofs is remembered, and when a client replays its calls
or words without the reasoning, that is put back where it stood. Nothing of it is in any id.
"""

import itertools
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeAlias, assert_never

from attrs import evolve, frozen

from ccproxy_cli.core.events import Event, PartStart, ProofDelta, ResponseEnd, TextDelta
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.parts import Part, Proof, Reasoning, Text, ToolCall
from ccproxy_cli.core.request import Message, Request, Role
from ccproxy_cli.pipeline.recent import Recent
from ccproxy_cli.pipeline.trail import Trail

_OVERHEAD = 100
"""Bytes that an object takes besides its texts, about."""


@frozen
class Said:
    """Words that the client will replay: how many characters."""

    length: int
    proofs: tuple[Proof, ...] = ()


@frozen
class Called:
    """A call that the client will replay."""

    call_id: str
    proofs: tuple[Proof, ...] = ()


Step: TypeAlias = Reasoning | Said | Called


@frozen
class Turn:
    """One answer's order of things, with all that its client could not keep."""

    steps: tuple[Step, ...]

    @property
    def call_ids(self) -> list[str]:
        return [step.call_id for step in self.steps if isinstance(step, Called)]

    @property
    def has_words(self) -> bool:
        return any(isinstance(step, Said) and step.length for step in self.steps)

    @property
    def issuers(self) -> frozenset[str]:
        """The formats that vouched for something in it."""
        return frozenset(proof.issuer for step in self.steps for proof in step.proofs)

    @property
    def without_reasoning(self) -> "Turn":
        return Turn(tuple(step for step in self.steps if not isinstance(step, Reasoning)))

    @property
    def size(self) -> int:
        """About how many bytes it takes to keep."""
        texts = [step.text for step in self.steps if isinstance(step, Reasoning)]
        payloads = [proof.payload for step in self.steps for proof in step.proofs]
        return sum(map(sys.getsizeof, texts + payloads)) + _OVERHEAD * (1 + len(self.steps) + len(payloads))


class Listener:
    """Hears an answer's events as they pass, for what is to be remembered of it. As little work for a delta as can be."""

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._texts: dict[int, list[str]] = {}
        self.done = False
        """The answer is complete."""

    def feed(self, event: Event) -> None:
        if type(event) is TextDelta:  # nearly every event
            if event.index in self._texts:
                self._texts[event.index].append(event.text)
            return
        match event:
            case PartStart(index, part):
                self._parts.append(part)
                if isinstance(part, Text | Reasoning):
                    self._texts[index] = [part.text]
            case ProofDelta(index, proof):
                part = self._parts[index]
                if isinstance(part, Text | Reasoning | ToolCall):
                    self._parts[index] = evolve(part, proofs=(*part.proofs, proof))
            case ResponseEnd():
                self.done = True
            case _:
                pass

    @property
    def parts(self) -> tuple[Part, ...]:
        """What was heard, arguments of calls left out."""
        texts = {index: "".join(pieces) for index, pieces in self._texts.items()}
        return tuple(
            evolve(part, text=texts[index]) if isinstance(part, Text | Reasoning) else part for index, part in enumerate(self._parts)
        )


def turn_of(parts: Iterable[Part], client: str) -> Turn | None:
    """What to remember of an answer to a client of that format; None if it neither says nor calls anything, or if nothing of another
    issuer's is to be kept."""
    steps: list[Step] = []
    for part in parts:
        match part:
            case Reasoning(text, proofs):
                steps.append(Reasoning(text, proofs))
            case Text(text):
                steps.append(Said(len(text), part.proofs))
            case ToolCall(call_id):
                steps.append(Called(call_id, part.proofs))
            case _:
                pass
    turn = Turn(tuple(steps))
    return turn if (turn.call_ids or turn.has_words) and turn.issuers - {client} else None


def restored(parts: Sequence[Part], turn: Turn) -> tuple[Part, ...]:
    """A replayed turn with the reasoning where it stood.

    Where the client changed words or calls nobody can say where that was, and the reasoning goes before everything, as it mostly came.
    Reasoning the client did replay has no proof, and is left out in favor of the remembered.
    """
    spoken = [part for part in parts if not isinstance(part, Reasoning)]
    proofs = {step.call_id: step.proofs for step in turn.steps if isinstance(step, Called)}
    signed = [_signed(part, proofs.get(part.call_id, ())) if isinstance(part, ToolCall) else part for part in spoken]
    woven = _woven(signed, turn)
    if woven is not None:
        return woven
    return (*(step for step in turn.steps if isinstance(step, Reasoning)), *signed)


def _signed(call: ToolCall, proofs: tuple[Proof, ...]) -> ToolCall:
    return evolve(call, proofs=proofs) if proofs and not call.proofs else call


def _woven(parts: Sequence[Part], turn: Turn) -> tuple[Part, ...] | None:
    """The parts in the order of the turn, texts that the client joined apart again; None if they are not those of the turn."""
    texts = [part for part in parts if isinstance(part, Text)]
    calls = [part for part in parts if isinstance(part, ToolCall)]
    lengths = [step.length for step in turn.steps if isinstance(step, Said) and step.length]
    if len(texts) + len(calls) < len(parts) or [call.call_id for call in calls] != turn.call_ids:
        return None
    if len(texts) == 1 and len(texts[0].text) == sum(lengths):
        texts = _cut(texts[0], lengths)
    elif [len(text.text) for text in texts] != lengths:
        return None
    woven: list[Part] = []
    for step in turn.steps:
        match step:
            case Reasoning():
                woven.append(step)
            case Called():
                woven.append(calls.pop(0))
            case Said(0):
                woven += [Text(proofs=step.proofs)] if step.proofs else []
            case Said():
                text = texts.pop(0)
                woven.append(evolve(text, proofs=step.proofs) if step.proofs and not text.proofs else text)
            case _:
                assert_never(step)
    return tuple(woven)


def _cut(text: Text, lengths: Sequence[int]) -> list[Text]:
    """One text as several, a cache mark staying at its end."""
    pieces: list[Text] = []
    start = 0
    for length in lengths:
        end = start + length
        pieces.append(evolve(text, text=text.text[start:end], cache=text.cache if end == len(text.text) else None))
        start = end
    return pieces


class TurnMemory(Protocol):
    """Where turns are remembered."""

    async def remember(self, key: str, turn: Turn) -> None:
        """Keep the turn under the key, for a while."""

    async def recall(self, key: str) -> Turn | None:
        """The turn that was kept under the key, if it still is."""


def memory_key(owner: str, call_id: str) -> str:
    """What a call is remembered under: one client cannot ask for what another one was answered.

    Args:
        owner: whose it is, as `Exchange.owner` tells.
    """
    return f"{owner}/{call_id}"


def place_key(owner: str, trail: Trail) -> str:
    """What words without a call are remembered under."""
    return f"{owner}/words/{trail.place}"


async def with_recalled(request: Request, memory: TurnMemory, owner: str, issuer: str | None) -> Request:
    """A client's conversation with the reasoning it could not hand back, as far as it is remembered.

    Args:
        issuer: the format that the request goes out in, whose reasoning alone is of use; None if that is not known.
    """
    if not any(message.role is Role.ASSISTANT for message in request.messages) or not _may_have_issued(issuer):
        return request
    told: set[tuple[str, ...]] = set()
    messages: list[Message] = []
    trail = Trail()
    for role, said in itertools.groupby(request.messages, key=lambda message: message.role):
        run = list(said)
        trail.follow(run)
        parts = tuple(part for message in run for part in message.parts)
        turn = await _recalled(parts, trail, memory, owner) if role is Role.ASSISTANT else None
        if turn is None or not (issuer is None or issuer in turn.issuers):
            messages += run
            continue
        calls = tuple(turn.call_ids)
        again = bool(calls) and calls in told
        told.add(calls)
        # Some clients replay each of several calls as a turn of its own: the reasoning comes before the first.
        parts = restored(parts, turn.without_reasoning if again else turn)
        messages.append(evolve(run[0], parts=parts, flat=False))
    return evolve(request, messages=tuple(messages)) if told else request


def _may_have_issued(issuer: str | None) -> bool:
    """Whether vendors of that format vouch for reasoning at all."""
    return issuer is None or FORMATS[issuer].proof_slot is not None


async def _recalled(parts: Sequence[Part], trail: Trail, memory: TurnMemory, owner: str) -> Turn | None:
    """What is remembered of a turn that came back without any reasoning that somebody vouches for."""
    if any(isinstance(part, Reasoning) and part.proofs for part in parts):
        return None
    calls = [part.call_id for part in parts if isinstance(part, ToolCall)]
    for key in [memory_key(owner, call_id) for call_id in calls] or [place_key(owner, trail)]:
        turn = await memory.recall(key)
        if turn is not None:
            return turn
    return None


async def remember(parts: Iterable[Part], memory: TurnMemory, client: str, owner: str, before: Sequence[Message]) -> None:
    """Keep what a client of that format cannot, of an answer it is about to get.

    Args:
        before: the conversation that led to the answer.
    """
    parts = tuple(parts)
    turn = turn_of(parts, client)
    if turn is None:
        return
    slot = FORMATS[client].proof_slot
    carried = slot is not None and slot.thoughts_return  # by the client, as far as there is something for them to ride on
    for call_id in () if carried else turn.call_ids:
        await memory.remember(memory_key(owner, call_id), turn)
    if not turn.call_ids:
        trail = Trail()
        trail.follow(before)
        trail.hear(parts, answer=True)
        await memory.remember(place_key(owner, trail), turn)


class RecentTurns:
    """The turns of the last hours, in memory. When it is full, those that were not asked for the longest make room."""

    def __init__(
        self, clock: Callable[[], float], *, max_entries: int = 10_000, max_bytes: int = 64 * 2**20, lifetime: float = 8 * 3600
    ) -> None:
        """
        Args:
            clock: seconds that only go forward.
            lifetime: seconds since a turn was last remembered or recalled.
        """
        self._turns: Recent[Turn] = Recent(clock, lambda turn: turn.size, max_entries=max_entries, max_bytes=max_bytes, lifetime=lifetime)

    def __len__(self) -> int:
        return len(self._turns)

    def __repr__(self) -> str:
        return f"<RecentTurns {len(self)} turns, {self.bytes} bytes>"

    @property
    def bytes(self) -> int:
        """About what the turns take, one that is under several keys counted for each."""
        return self._turns.bytes

    async def remember(self, key: str, turn: Turn) -> None:
        self._turns.put(key, turn)

    async def recall(self, key: str) -> Turn | None:
        return self._turns.get(key)
