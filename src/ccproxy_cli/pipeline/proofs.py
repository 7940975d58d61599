"""Reasoning proofs between an issuer and a client of another format: out in the client's own slot, and home again.

A proof goes to its issuer and to nobody else. On the way out `Outbound` puts each foreign proof of an answer, sealed, where the client's
format has a place for opaque state; `bring_home` undoes that in the conversation the client sends next. Formats whose only place is
reasoning carry the proof of a text or call on the reasoning before it, or on an empty one made for the purpose. Reasoning that nobody
vouches for says so in the same place, for the client's own vendor would refuse it.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeAlias

from attrs import define, evolve, field, frozen

from ccproxy_cli.core.events import CitationDelta, Event, OpaqueDelta, PartEnd, PartStart, Ping, ProofDelta, ResponseEnd, TextDelta
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import Format
from ccproxy_cli.core.parts import Part, Proof, Reasoning, Text, ToolCall
from ccproxy_cli.core.request import Message, Request, Role
from ccproxy_cli.core.seal import MARKER, Broken, Place, ProofSlot, is_sealed, seal, unseal

KeySource: TypeAlias = Callable[[], bytes]
"""Gives the key of the seals. Asked only when something is sealed or unsealed."""

_MARKER = MARKER.encode()
_NO_PROOF = Proof("", "")


def may_hold_envelopes(members: Mapping[str, bytes]) -> bool:
    """Whether a client's bytes may hold a proof of ours, which no vendor must be shown. Tools, most of many a body, cannot."""
    return any(_MARKER in value for name, value in members.items() if name != "tools")


def holds_envelopes(request: Request, client: str) -> bool:
    """Whether a client's conversation holds a proof of ours."""
    return any([_holds_envelope(part, client) for message in request.messages for part in message.parts])  # noqa: C419 - half the cost


# Out


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


# Home


def bring_home(request: Request, client: str, key: KeySource, losses: Losses, target: str | None = None) -> Request:
    """A client's conversation with the proofs in its envelopes back where they hung, and no envelope left.

    Args:
        client: name of the client's format.
        target: name of the format that it goes out in, if it is known. In the client's own, reasoning that nobody vouches for stays behind.
    """
    messages: list[Message] = []
    position = 0
    for role, turn in itertools.groupby(request.messages, key=lambda message: message.role):
        said = list(turn)
        if role is Role.ASSISTANT and any(_holds_envelope(part, client) for message in said for part in message.parts):
            homing = _Homing(client, key, losses, target == client)
            for index, message in enumerate(said, position):
                homing.take(message, f"messages[{index}].content")
            messages += homing.end()
        else:
            messages += said
        position += len(said)
    return evolve(request, messages=tuple(messages))


def _holds_envelope(part: Part, client: str) -> bool:
    if not isinstance(part, Reasoning | Text | ToolCall) or not part.proofs:
        return False
    return any(proof.issuer == client and is_sealed(proof.payload) for proof in part.proofs)


@frozen
class _Traveller:
    """A proof that rode on reasoning and belongs to another part."""

    proof: Proof
    place: Place
    path: str


@define
class _Homing:
    """Brings back the proofs of one turn.

    A turn may be several messages: some formats have one for every piece of it, and google-genai's chats keep one for every chunk.
    """

    client: str
    key: KeySource
    losses: Losses
    vouched_only: bool
    """Reasoning that nobody vouches for stays behind."""
    messages: list[tuple[Message, list[Part]]] = field(factory=list)
    """As they came, and their parts as they go on."""
    waiting: list[_Traveller] = field(factory=list)
    """Proofs that have not met their part yet."""

    @property
    def parts(self) -> list[Part]:
        return self.messages[-1][1]

    def take(self, message: Message, path: str) -> None:
        self.messages.append((message, []))
        for position, part in enumerate(message.parts):
            self._take(part, f"{path}[{position}]")

    def end(self) -> Iterator[Message]:
        """The turn's messages, but for those that are left with nothing."""
        for traveller in self.waiting:
            self.losses.add(traveller.path, f"the {traveller.place} it vouches for is not there any more")
        for message, parts in self.messages:
            if parts or not message.parts:
                yield evolve(message, parts=tuple(parts), flat=message.flat and len(parts) == 1)

    def _take(self, part: Part, path: str) -> None:
        match part:
            case Reasoning():
                self._take_reasoning(part, path)
            case Text() | ToolCall():
                place = Place.CALL if isinstance(part, ToolCall) else Place.TEXT
                arrived = tuple(traveller.proof for traveller in self.waiting if traveller.place is place)
                self.waiting = [traveller for traveller in self.waiting if traveller.place is not place]
                here, elsewhere = self._open(part, path)
                assert not elsewhere
                self.parts.append(evolve(part, proofs=(*here, *arrived)) if part.proofs or arrived else part)
            case _:
                self.parts.append(part)

    def _take_reasoning(self, part: Reasoning, path: str) -> None:
        here, elsewhere = self._open(part, path)
        if any(traveller.place is Place.NOWHERE for traveller in elsewhere):
            if self.vouched_only:
                self.losses.add(path, "thoughts that nobody vouches for do not go to this vendor")
            else:
                self.parts.append(evolve(part, proofs=here))
            return
        if here == part.proofs:
            self.parts.append(part)
        elif here:
            self.parts.append(evolve(part, text=part.text or self._words_before(), proofs=here))
        elif part.text:
            # The words are another vendor's, and none takes thoughts that it did not sign itself.
            self.losses.add(path, "thoughts without a proof of their own do not go back")
        for traveller in elsewhere:
            self._send(traveller)

    def _words_before(self) -> str:
        """The words of the reasoning right before this, taken from there: a stream tells the proof of what it has said on empty ones."""
        texts: list[str] = []
        for _, parts in reversed(self.messages):
            while parts and isinstance(part := parts[-1], Reasoning) and not part.proofs:
                texts.append(part.text)
                parts.pop()
            if parts:
                break
        return "".join(reversed(texts))

    def _send(self, traveller: _Traveller) -> None:
        match traveller.place:
            case Place.BLANK:
                self.parts.append(Text(proofs=(traveller.proof,)))
            case Place.BEFORE:
                self._send_back(traveller)
            case _:
                self.waiting.append(traveller)

    def _send_back(self, traveller: _Traveller) -> None:
        for _, parts in reversed(self.messages):
            for index, part in reversed(list(enumerate(parts))):
                if isinstance(part, Text | ToolCall):
                    parts[index] = evolve(part, proofs=(*part.proofs, traveller.proof))
                    return
        self.waiting.append(traveller)

    def _open(self, part: Reasoning | Text | ToolCall, path: str) -> tuple[tuple[Proof, ...], list[_Traveller]]:
        """The proofs that hang on the part itself, and those that belong elsewhere."""
        here: list[Proof] = []
        elsewhere: list[_Traveller] = []
        for proof in part.proofs:
            if proof.issuer != self.client or not is_sealed(proof.payload):
                here.append(proof)
                continue
            opened = unseal(proof.payload, self.key())
            if opened is None or isinstance(opened, Broken):
                self.losses.add(path, "its proof was changed on the way, or sealed with another key")
            elif opened.place is Place.HERE or not isinstance(part, Reasoning):
                here.append(opened.proof)
            else:
                elsewhere.append(_Traveller(opened.proof, opened.place, path))
        return tuple(here), elsewhere


def only_own(request: Request, issuer: str, losses: Losses) -> Request:
    """A request that goes to its own client's vendor, without what another vendor signed.

    Such a request is written as its client wrote it, so nothing else would keep from it what the vendor must refuse.
    """

    def own_parts(parts: tuple[Part, ...], path: str) -> Iterator[Part]:
        for position, part in enumerate(parts):
            if not isinstance(part, Reasoning | Text | ToolCall) or all(proof.issuer == issuer for proof in part.proofs):
                yield part
                continue
            losses.add(f"{path}[{position}]", "proofs go back to their issuer alone")
            own = tuple(proof for proof in part.proofs if proof.issuer == issuer)
            if own or (part.text if isinstance(part, Text) else isinstance(part, ToolCall)):
                yield evolve(part, proofs=own)

    return map_answers(request, own_parts)


def map_answers(request: Request, change: Callable[[tuple[Part, ...], str], Iterable[Part]]) -> Request:
    """The request with the parts of each of the assistant's messages as `change` makes them, given the path of their list.

    A message that is left with nothing goes.
    """
    messages: list[Message] = []
    for index, message in enumerate(request.messages):
        if message.role is not Role.ASSISTANT or not message.parts:
            messages.append(message)
            continue
        parts = tuple(change(message.parts, f"messages[{index}].content"))
        if parts:
            messages.append(message if parts == message.parts else evolve(message, parts=parts, flat=message.flat and len(parts) == 1))
    return evolve(request, messages=tuple(messages))
