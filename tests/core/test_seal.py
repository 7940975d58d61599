"""Envelopes come home unharmed or not at all."""

import base64
import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ccproxy_cli.core.parts import Proof, ProofKind
from ccproxy_cli.core.seal import BROKEN, MARKER, Place, Sealed, is_sealed, seal, unseal

KEY = bytes(range(32))
OTHER_KEY = bytes(32)
PROOFS = st.builds(Proof, st.sampled_from(["anthropic", "gemini", "openai-responses"]), st.text(), st.sampled_from(ProofKind))
PLACES = st.sampled_from(Place)


@given(PROOFS, PLACES)
def test_what_is_sealed_comes_back(proof: Proof, place: Place) -> None:
    text = seal(proof, KEY, place)
    assert is_sealed(text)
    assert unseal(text, KEY) == Sealed(proof, place)
    assert seal(proof, KEY, place) == text


@given(PROOFS, PLACES)
def test_an_envelope_is_a_base64_text_as_a_whole(proof: Proof, place: Place) -> None:
    text = seal(proof, KEY, place)
    assert base64.b64encode(base64.b64decode(text, validate=True)).decode() == text


@given(PROOFS, PLACES)
def test_a_client_may_write_it_in_the_url_safe_alphabet(proof: Proof, place: Place) -> None:
    rewritten = base64.urlsafe_b64encode(base64.b64decode(seal(proof, KEY, place))).decode()
    assert unseal(rewritten, KEY) == Sealed(proof, place)


@given(PROOFS, st.integers(0, 10**6), st.sampled_from(string.ascii_letters + string.digits + "=. é"))
def test_no_changed_character_is_taken(proof: Proof, at: int, char: str) -> None:
    text = seal(proof, KEY)
    at = len(MARKER) + at % (len(text) - len(MARKER))
    assume(text[at] != char)
    assert unseal(text[:at] + char + text[at + 1 :], KEY) is BROKEN


@given(PROOFS, st.integers(0, 10**6), st.text(max_size=3))
def test_no_shortened_and_no_lengthened_envelope_is_taken(proof: Proof, at: int, more: str) -> None:
    text = seal(proof, KEY)
    assert unseal(text[: len(MARKER) + at % (len(text) - len(MARKER))], KEY) is BROKEN
    assert unseal(text + more, KEY) == (Sealed(proof) if not more else BROKEN)


@given(PROOFS)
def test_another_servers_envelope_is_not_ours(proof: Proof) -> None:
    assert unseal(seal(proof, KEY), OTHER_KEY) is BROKEN


@given(st.text() | st.text().map(lambda text: MARKER + text))
def test_any_text_may_be_asked_about(text: str) -> None:
    assert unseal(text, KEY) in (BROKEN, None)


@pytest.mark.parametrize("native", ["", "EqoBCkgIARABGAIiQL", "gAAAAABo", "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=", "ccp1"])
def test_a_vendors_own_proof_is_no_envelope(native: str) -> None:
    assert unseal(native, KEY) is None
