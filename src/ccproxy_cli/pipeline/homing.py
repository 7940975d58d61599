"""Reasoning proofs on their way home: what `proofs.Outbound` sealed, back where it hung in the client's conversation."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping

from attrs import define, evolve, field, frozen

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.parts import Part, Proof, Reasoning, Text, ToolCall
from ccproxy_cli.core.request import Message, Request, Role
from ccproxy_cli.core.seal import MARKER, Broken, Place, is_sealed, unseal
from ccproxy_cli.pipeline.proofs import KeySource

_MARKER = MARKER.encode()


def may_hold_envelopes(members: Mapping[str, bytes]) -> bool:
    """Whether a client's bytes may hold a proof of ours, which no vendor must be shown. Tools, most of many a body, cannot."""
    return any(_MARKER in value for name, value in members.items() if name != "tools")


def holds_envelopes(request: Request, client: str) -> bool:
    """Whether a client's conversation holds a proof of ours."""
    return any([_holds_envelope(part, client) for message in request.messages for part in message.parts])  # noqa: C419 - half the cost


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
