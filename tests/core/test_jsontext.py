"""Strict JSON between bytes and values."""

import json

import pytest
from hypothesis import given

from ccproxy_cli.core.jsontext import JSONError, dumps, join_members, loads, split_members
from tests.strategies import JSON_VALUES


@given(JSON_VALUES)
def test_what_is_written_reads_back_the_same(value: object) -> None:
    assert loads(dumps(value)) == value


@given(JSON_VALUES)
def test_agrees_with_the_standard_library(value: object) -> None:
    text = json.dumps(value).encode()
    assert loads(text) == json.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[NaN]",
        b"[Infinity]",
        b"[1e400]",
        b"{} x",
        b"['a']",
        b"[1,]",
        b'["a\x01b"]',
        b'["\xff"]',
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
    ],
    ids=["empty", "cut", "nan", "infinity", "overflow", "trailing", "quotes", "comma", "control", "utf8", "bom", "deep"],
)
def test_what_is_not_json_is_refused(text: bytes) -> None:
    with pytest.raises(JSONError):
        loads(text)
    with pytest.raises(JSONError):
        split_members(text)


def test_big_integers_keep_every_digit() -> None:
    assert dumps(loads(b"[123456789012345678901234567890]")) == b"[123456789012345678901234567890]"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (rb'"a\ud83db"', "a\ufffdb"),
        (rb'"a\ude00b"', "a\ufffdb"),
        (rb'"\ud83d\ude00"', "\U0001f600"),
        (rb'"\ud83d\ud83d\ude00"', "\ufffd\U0001f600"),
        (rb'"\\ud83d and \ud83d"', "\\ud83d and \ufffd"),
    ],
)
def test_half_an_emoji_becomes_a_replacement_character(text: bytes, value: str) -> None:
    assert loads(text) == value
    assert loads(dumps(loads(text))) == value


def test_members_keep_their_exact_bytes() -> None:
    text = b'{"model": "a" , "temperature":1.00,"big":1e2, "messages":[ {"x" : "\\u00e9"} ]}'
    members = split_members(text)
    assert members == {"model": b'"a"', "temperature": b"1.00", "big": b"1e2", "messages": b'[ {"x" : "\\u00e9"} ]'}
    assert join_members({**members, "model": b'"b"'}) == b'{"model":"b","temperature":1.00,"big":1e2,"messages":[ {"x" : "\\u00e9"} ]}'


def test_of_a_repeated_member_only_the_last_survives() -> None:
    assert join_members(split_members(b'{"model":"a","model":"b"}')) == b'{"model":"b"}'
