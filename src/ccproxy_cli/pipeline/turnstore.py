"""Remembered turns in a store, so that they outlive the process and other instances know of them."""

from collections.abc import Callable

import msgspec
from typing_extensions import override

from ccproxy_cli.core.ids import digest_id
from ccproxy_cli.core.parts import Proof, ProofKind, Reasoning
from ccproxy_cli.pipeline.memory import Called, RecentTurns, Said, Step, Turn, TurnMemory
from ccproxy_cli.pipeline.recent import Recent
from ccproxy_cli.stores.base import Store

_VERSION = 1
"""Of the way turns are written. One of another version is as good as forgotten."""
_UNKNOWN_SECONDS = 300.0


class StoredTurns(TurnMemory):
    """Turns in a store, those of late in memory too.

    A conversation asks for all its turns again with every request. So each is asked of the store once: what is not there when a client
    replays it comes no more, for it was remembered before the client had it.
    """

    def __init__(self, store: Store, clock: Callable[[], float], lifetime: float = 7 * 24 * 3600) -> None:
        """
        Args:
            clock: seconds that only go forward.
            lifetime: seconds for which the store keeps a turn.
        """
        self._store = store
        self._lifetime = lifetime
        self._recent = RecentTurns(clock, max_bytes=32 * 2**20)
        self._unknown = Recent[bool](clock, lambda _: 0, max_entries=20_000, max_bytes=4 * 2**20, lifetime=_UNKNOWN_SECONDS)

    @override
    async def remember(self, key: str, turn: Turn) -> None:
        key = _stored_key(key)
        self._unknown.forget(key)
        await self._recent.remember(key, turn)
        await self._store.put(key, packed(turn), self._lifetime)

    @override
    async def recall(self, key: str) -> Turn | None:
        key = _stored_key(key)
        turn = await self._recent.recall(key)
        if turn is not None or self._unknown.get(key):
            return turn
        found = await self._store.get(key)
        turn = None if found is None else unpacked(found)
        if turn is not None:
            await self._recent.remember(key, turn)
        elif self._store.whole:
            self._unknown.put(key, True)
        return turn


def _stored_key(key: str) -> str:
    return f"turn/{digest_id(key)}"  # clients choose the ids of what they replay, at any length


def packed(turn: Turn) -> bytes:
    """A turn as bytes."""
    return msgspec.msgpack.encode((_VERSION, [_written(step) for step in turn.steps]))


def unpacked(data: bytes) -> Turn | None:
    """The turn that bytes of this version hold."""
    try:
        version, steps = _DECODER.decode(data)
        return Turn(tuple(map(_read, steps))) if version == _VERSION else None
    except (msgspec.MsgspecError, ValueError):
        return None


_Written = tuple[str, str, int, list[tuple[str, str, str]]]
"""A kind, a text or an id, a length, and proofs."""
_DECODER = msgspec.msgpack.Decoder(tuple[int, list[_Written]])


def _written(step: Step) -> _Written:
    proofs = [(proof.issuer, proof.payload, proof.kind.value) for proof in step.proofs]
    match step:
        case Reasoning(text):
            return ("reasoning", text, 0, proofs)
        case Said(length):
            return ("said", "", length, proofs)
        case Called(call_id):
            return ("called", call_id, 0, proofs)


def _read(written: _Written) -> Step:
    kind, text, length, told = written
    proofs = tuple(Proof(issuer, payload, ProofKind(kind)) for issuer, payload, kind in told)
    match kind:
        case "reasoning":
            return Reasoning(text, proofs)
        case "said":
            return Said(length, proofs)
        case "called":
            return Called(text, proofs)
        case _:
            raise ValueError(f"no kind of step: {kind}")
