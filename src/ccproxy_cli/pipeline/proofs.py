"""Reasoning proofs on their way out through a client of another format, in the client's own slot.

A proof goes to its issuer and to nobody else. On the way out `Outbound` puts each foreign proof of an answer, sealed, where the client's
format has a place for opaque state; `homing.bring_home` undoes that in the conversation the client sends next. Formats whose only place is
reasoning carry the proof of a text or call on the reasoning before it, or on an empty one made for the purpose. Reasoning that nobody
vouches for says so in the same place, for the client's own vendor would refuse it.
"""

from collections.abc import Callable
from typing import TypeAlias

from attrs import evolve

from ccproxy_cli.core.events import CitationDelta, Event, OpaqueDelta, PartEnd, PartStart, Ping, ProofDelta, ResponseEnd, TextDelta
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import Format
from ccproxy_cli.core.parts import Part, Proof, Reasoning, Text, ToolCall
from ccproxy_cli.core.seal import Place, ProofSlot, seal

KeySource: TypeAlias = Callable[[], bytes]
"""Gives the key of the seals. Asked only when something is sealed or unsealed."""

_NO_PROOF = Proof("", "")


class Outbound:
    """Passes one answer's events on with every foreign proof in the slot of the client's format, or without it if there is none.

    Parts are numbered anew, for some are put in between and a text that held nothing but a proof goes out as one that carries it.
    """

    def __init__(self, client: Format, key: KeySource, *, foreign: bool = True, losses: Losses | None = None) -> None:
        """
        Args:
            foreign: the answer is of another format than the client's.
            losses: told of a proof that has no place.
        """
        self._losses = losses
        self._foreign_answer = foreign
        self._client = client.name
        self._slot = client.proof_slot
        self._key = key
        self._numbers: dict[int, int] = {}
        """New number by old, while they differ or may come to."""
        self._texts: dict[int, int] = {}
        """The same of texts, which may be told their sources when they have ended."""
        self._started = 0
        self._thinking: dict[int, bool] = {}
        """New numbers of open reasoning, and whether it has a proof already."""
        self._wordless: set[int] = set()
        """New numbers of reasoning that has said nothing yet."""
        self._end: PartEnd | None = None
        """Of such reasoning, held back: what comes next may have a proof for it to carry."""
        self._signed: PartStart | None = None
        """A text that came with proofs, held back until it is known whether it has words."""
        self._later: dict[int, tuple[Proof, ...]] = {}
        """By old number: proofs to be told right before, or right after, a part's end."""
        self._after_text = False
        """The part that began last is words."""
        self._last: list[Event] = []
        """Reasoning that only carries proofs, after words, held back: an answer may not end in it."""

    def feed(self, event: Event) -> list[Event]:
        """The events that may go out now that `event` has come."""
        slot = self._slot
        if slot is None or isinstance(event, Ping):
            return [event]
        out = [] if self._signed is None and self._end is None else self._resolve(event, slot)
        if type(event) is TextDelta:  # nearly every event
            number = self._numbers[event.index]
            if self._wordless:
                self._wordless.discard(number)
            out.append(event if number == event.index else TextDelta(number, event.text))
            return out
        match event:
            case PartStart():
                self._start(event, slot, out)
            case ProofDelta(index, proof) if proof.issuer != self._client:
                self._later[index] = (*self._later.get(index, ()), proof)
            case ProofDelta(index, proof):
                number = self._numbers[index]
                if number in self._thinking:
                    self._thinking[number] = True
                out.append(ProofDelta(number, proof))
            case PartEnd(index):
                if index in self._numbers:
                    self._finish(event, slot, out)
            case OpaqueDelta(index):
                out.append(evolve(event, index=self._numbers[index]))
            case CitationDelta(index):
                if index in self._texts:  # a text that held nothing but a proof has no words either
                    out.append(evolve(event, index=self._texts[index]))
            case ResponseEnd() if self._last:
                # Of words, unlike of calls, vendors do without the proof.
                if self._losses is not None:
                    self._losses.add("content", "the proof of its last words: this client would show the user nothing")
                self._last = []
                out.append(event)
            case _:
                out.append(event)
        return out

    def _resolve(self, event: Event, slot: ProofSlot) -> list[Event]:
        """Let go of what is held back, as far as `event` settles it."""
        out: list[Event] = []
        if self._signed is not None:
            start, self._signed = self._signed, None
            if isinstance(event, PartEnd) and event.index == start.index:
                self._carry(self._foreign(start.part), Place.BLANK, slot, out)
            else:
                self._start_words(start, slot, out)
        elif not (isinstance(event, PartStart) and self._foreign(event.part)):
            self._let_go(slot, out)
        return out

    def _let_go(self, slot: ProofSlot, out: list[Event]) -> None:
        """The end of reasoning that turned out to have nothing to carry."""
        if self._end is None:
            return
        if self._foreign_answer and self._end.index not in self._wordless:
            out.append(ProofDelta(self._end.index, Proof(self._client, seal(_NO_PROOF, self._key(), Place.NOWHERE), slot.kind)))
        out.append(self._end)
        self._end = None

    def _start(self, event: PartStart, slot: ProofSlot, out: list[Event]) -> None:
        part = event.part
        foreign = self._foreign(part)
        match part:
            case _ if not foreign:
                self._begin(event.index, part, out)
            case Reasoning():
                # A proof vouches for what comes before it, so it is told last, as the vendors do it.
                self._let_go(slot, out)
                self._begin(event.index, self._without_foreign(part), out)
                self._later[event.index] = foreign
            case Text() | ToolCall() if slot.on_words:
                self._begin(event.index, evolve(part, proofs=tuple(self._sealed(proof, slot) for proof in part.proofs)), out)
            case Text() if not part.text:
                self._signed = event
            case Text():
                self._start_words(event, slot, out)
            case _:
                self._carry(foreign, Place.CALL, slot, out)
                self._begin(event.index, self._without_foreign(part), out)

    def _start_words(self, event: PartStart, slot: ProofSlot, out: list[Event]) -> None:
        foreign = self._foreign(event.part)
        if self._after_text:
            # Gemini signs one chunk of many: anything between two of them would cut a sentence in two before the user's eyes.
            self._later[event.index] = foreign
        else:
            self._carry(foreign, Place.TEXT, slot, out)
        self._begin(event.index, self._without_foreign(event.part), out)

    def _begin(self, index: int, part: Part, out: list[Event]) -> None:
        out += self._last
        self._last = []
        number = self._numbers[index] = self._started
        self._started += 1
        if isinstance(part, Reasoning):
            self._thinking[number] = bool(part.proofs)
            if not part.text:
                self._wordless.add(number)
        self._after_text = isinstance(part, Text)
        if self._after_text:
            self._texts[index] = number
        out.append(PartStart(number, part))

    def _finish(self, event: PartEnd, slot: ProofSlot, out: list[Event]) -> None:
        number = self._numbers.pop(event.index)
        later = self._later.pop(event.index, ())
        end = evolve(event, index=number)
        vouched = self._thinking.pop(number, None)
        if vouched is False and not later and not slot.on_words:
            self._end = end
        elif vouched is not None:
            first, rest = ((), later) if vouched else (later[:1], later[1:])
            out += [*(ProofDelta(number, self._sealed(proof, slot)) for proof in first), end]
            self._carry(rest, Place.HERE, slot, out)
        elif slot.on_words:
            out += [*(ProofDelta(number, self._sealed(proof, slot)) for proof in later), end]
        else:
            out.append(end)
            self._carry(later, Place.BEFORE, slot, out)

    def _carry(self, proofs: tuple[Proof, ...], place: Place, slot: ProofSlot, out: list[Event]) -> None:
        """Put the proofs on reasoning: on the one that has just ended if it is still without, else on empty ones."""
        for proof in proofs:
            sealed = self._sealed(proof, slot, place)
            if self._end is not None:
                out += [ProofDelta(self._end.index, sealed), self._end]
                self._end = None
            else:
                carrier: list[Event] = [PartStart(self._started, Reasoning(proofs=(sealed,))), PartEnd(self._started)]
                if self._last or (self._after_text and not slot.may_end):
                    self._last += carrier
                else:
                    out += carrier
                self._started += 1
                self._after_text = False

    def _foreign(self, part: Part) -> tuple[Proof, ...]:
        if not isinstance(part, Reasoning | Text | ToolCall):
            return ()
        return tuple(proof for proof in part.proofs if proof.issuer != self._client)

    def _without_foreign(self, part: Part) -> Part:
        if not isinstance(part, Reasoning | Text | ToolCall):
            return part
        return evolve(part, proofs=tuple(proof for proof in part.proofs if proof.issuer == self._client))

    def _sealed(self, proof: Proof, slot: ProofSlot, place: Place = Place.HERE) -> Proof:
        if proof.issuer == self._client:
            return proof
        return Proof(self._client, seal(proof, self._key(), place), slot.kind)
