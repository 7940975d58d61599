"""Turns in a store: written and read without loss, asked for once, found by other processes."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ccproxy_cli.core.parts import Proof, ProofKind, Reasoning
from ccproxy_cli.pipeline.memory import Called, Said, Turn
from ccproxy_cli.pipeline.turnstore import StoredTurns, packed, unpacked
from ccproxy_cli.stores.memory import MemoryStore
from tests.stores.conftest import Clock
from tests.stores.shaky import Shaky

PROOFS = st.lists(
    st.builds(Proof, st.sampled_from(["anthropic", "gemini"]), st.text(max_size=5), st.sampled_from(ProofKind)), max_size=2
).map(tuple)
STEPS: Any = st.one_of(
    st.builds(Reasoning, st.text(max_size=5), PROOFS),
    st.builds(Said, st.integers(0, 2**31), PROOFS),
    st.builds(Called, st.text(max_size=5), PROOFS),
)
TURN = Turn((Reasoning("so", (Proof("anthropic", "sig"),)), Called("call_1")))


@given(st.lists(STEPS, max_size=5))
@settings(max_examples=100)
def test_a_turn_comes_back_as_it_was(steps: list[Any]) -> None:
    turn = Turn(tuple(steps))
    assert unpacked(packed(turn)) == turn


def test_what_another_version_wrote_is_as_good_as_forgotten() -> None:
    for data in (
        b"",
        b"\x00",
        packed(TURN)[:-1],
        packed(TURN).replace(b"called", b"hummed"),
        packed(TURN).replace(b"\x92\x01", b"\x92\x02", 1),
    ):
        assert unpacked(data) is None


async def test_another_process_recalls_what_this_one_remembered() -> None:
    store = MemoryStore(Clock())
    await StoredTurns(store, Clock()).remember("client/call_1", TURN)
    assert await StoredTurns(store, Clock()).recall("client/call_1") == TURN
    assert await StoredTurns(store, Clock()).recall("other/call_1") is None


async def test_the_store_is_asked_once() -> None:
    store = Shaky(MemoryStore(Clock()))
    turns = StoredTurns(store, Clock())
    await StoredTurns(store.store, Clock()).remember("theirs", TURN)
    for _ in range(3):
        assert await turns.recall("theirs") == TURN
        assert await turns.recall("nobody's") is None
    assert store.calls == 2


async def test_what_was_unknown_is_known_once_it_is_remembered() -> None:
    turns = StoredTurns(MemoryStore(Clock()), Clock())
    assert await turns.recall("k") is None
    await turns.remember("k", TURN)
    assert await turns.recall("k") == TURN


async def test_keys_may_be_any_text_and_stand_nowhere() -> None:
    store = MemoryStore(Clock())
    turns = StoredTurns(store, Clock())
    await turns.remember("k/\ud800" + "x" * 100_000, TURN)
    assert await turns.recall("k/\ud800" + "x" * 100_000) == TURN
    assert store.bytes < 1000
