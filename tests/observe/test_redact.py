"""No secret, and no telling piece of one, survives the redactor."""

import hashlib
import json

from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.errors import APIError, ErrorKind
from ccproxy_cli.observe.redact import MASK, Redactor

KEYS = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGH0123456789_-", min_size=16, max_size=60).map(lambda text: "sk-" + text)
AROUND = st.text(max_size=40)


@given(key=KEYS, before=AROUND, after=AROUND)
def test_a_secret_never_survives(key: str, before: str, after: str) -> None:
    redactor = Redactor([key])
    assert key not in redactor.text(before + key + after)
    assert key not in json.dumps(redactor.value({before + key: [key, {"x": f"{after} {key}"}], "n": 3, "t": True, "z": None}))


@given(key=KEYS, start=st.integers(0, 40), length=st.integers(12, 60))
def test_nor_does_a_telling_piece_of_it(key: str, start: int, length: int) -> None:
    piece = key[start : start + length]
    if len(piece) >= 12:
        assert piece not in Redactor([key]).text(f"the key '{piece}' is wrong")


@given(text=st.text("abcdefghij .,'\n", max_size=200))
def test_ordinary_words_stay(text: str) -> None:
    assert Redactor(["sk-THE-SECRET-0123456789"]).text(text) == text


def test_keys_of_known_vendors_go_even_if_nobody_told() -> None:
    redactor = Redactor()
    for secret in ("sk-ant-api03-abcdefghijkl", "sk-proj-abcdefghijkl", "AIzaSyA-1234567890abcdefghijklmnopqrst"):
        assert redactor.text(f"wrong key: {secret}.") == f"wrong key: {MASK}."
    assert redactor.text("GET /v1?key=abcdefgh1234&x=1") == f"GET /v1?key={MASK}&x=1"
    assert redactor.text("authorization: Bearer abcdefgh.1234") == f"authorization: Bearer {MASK}"
    assert redactor.text("https://user:pass@host/") == f"https://{MASK}@host/"


def test_callers_keys_do_not_pile_up() -> None:
    keys = [hashlib.sha256(b"%d" % number).hexdigest() for number in range(5_000)]
    redactor = Redactor()
    for key in keys:
        redactor.learn("the provider's own")
        redactor.learn(key)
    assert redactor.text(f"the provider's own, {keys[-1]}, {keys[0]}") == f"{MASK}, {MASK}, {keys[0]}"


def test_short_texts_are_no_secrets() -> None:
    assert Redactor(["key", ""]).text("a key is a key") == "a key is a key"


def test_an_error_is_cleaned_in_every_part() -> None:
    key = "sk-0123456789abcdefghij"
    error = APIError(ErrorKind.AUTHENTICATION, f"bad {key}", param=key, code=key, type=key, raw={"error": {"message": key}}, details=[key])
    cleaned = Redactor([key]).error(error)
    assert key not in repr(cleaned)
    assert cleaned.message == f"bad {MASK}"
    assert cleaned.kind is error.kind
