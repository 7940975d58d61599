"""Tokens by rule of thumb, and what is learned from bills."""

import base64
import struct

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.estimate import Scale, Weights, estimate_text, estimate_tokens
from ccproxy_cli.core.parts import Inline, Link, Media, MediaKind, Part, Reasoning, Text, ToolCall, ToolResult
from ccproxy_cli.core.request import Message, Output, OutputKind, Request, Role, Tool

WORDS = "many words that say little " * 20
SCHEMA = {"type": "object", "properties": {"a": {"type": "string", "description": WORDS}}}


def asking(*parts: Part) -> Request:
    return Request("m", (Message(Role.USER, parts),))


def image(width: int, height: int) -> Media:
    head = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + struct.pack(">II", width, height) + b"\x08\2\0\0\0"
    return Media(MediaKind.IMAGE, Inline("image/png", base64.b64encode(head).decode()))


def file(media_type: str, data: bytes) -> Media:
    return Media(MediaKind.DOCUMENT, Inline(media_type, base64.b64encode(data).decode()))


BARE = asking(Text("hi"))
MORE = {
    "instructions": evolve(BARE, instructions=(Text(WORDS),)),
    "words": asking(Text("hi"), Text(WORDS)),
    "thoughts": asking(Text("hi"), Reasoning(WORDS)),
    "a call": asking(Text("hi"), ToolCall("c", "f", WORDS)),
    "a result": asking(Text("hi"), ToolResult("c", (Text(WORDS),))),
    "a picture in a result": asking(Text("hi"), ToolResult("c", (image(300, 300),))),
    "a picture": asking(Text("hi"), image(300, 300)),
    "a picture elsewhere": asking(Text("hi"), Media(MediaKind.IMAGE, Link("https://a.test/b.png"))),
    "a text file": asking(Text("hi"), file("text/plain", WORDS.encode())),
    "a file": asking(Text("hi"), file("application/pdf", b"%PDF")),
    "a tool": evolve(BARE, tools=(Tool("f", WORDS, SCHEMA),)),
    "a shape": evolve(BARE, output=Output(OutputKind.JSON_SCHEMA, SCHEMA)),
}


@pytest.mark.parametrize("what", MORE)
def test_all_that_is_billed_is_counted(what: str) -> None:
    assert estimate_tokens(MORE[what]) > estimate_tokens(BARE) + 100


def test_a_picture_counts_by_its_size_and_a_text_file_by_its_words() -> None:
    small, large, huge = (estimate_tokens(asking(image(side, side))) for side in (100, 900, 9000))
    assert small < large < huge == estimate_tokens(asking(image(0, 0)))
    assert estimate_tokens(asking(file("text/plain", WORDS.encode()))) == estimate_tokens(asking(Text(WORDS)))
    assert estimate_tokens(asking(file("text/plain", b"\xff\xfe"))) > 1000


def test_what_a_vendor_says_besides_is_counted_once() -> None:
    weights = Weights(tools=300, shape=100)
    tool, two = MORE["a tool"], evolve(BARE, tools=(Tool("f"), Tool("g")))
    assert estimate_tokens(tool, weights) == estimate_tokens(tool) + 300
    assert estimate_tokens(two, weights) == estimate_tokens(two) + 300
    assert estimate_tokens(MORE["a shape"], weights) == estimate_tokens(MORE["a shape"]) + 100
    assert estimate_tokens(MORE["a shape"], Weights(shape_is_shown=False)) == estimate_tokens(BARE)
    assert estimate_tokens(BARE, weights) == estimate_tokens(BARE)


@given(st.text(max_size=300), st.text(max_size=50))
def test_more_words_never_cost_less(words: str, more: str) -> None:
    assert estimate_text(words + more) >= max(estimate_text(words), estimate_text(more)) - 1


# Learning from bills

TOKENS = st.integers(1, 500_000)
BILLS = st.tuples(TOKENS, TOKENS)


@given(st.lists(BILLS, max_size=60))
def test_a_scale_never_runs_away(bills: list[tuple[int, int]]) -> None:
    scale = Scale()
    for estimated, billed in bills:
        before, scale = scale, scale.after(estimated, billed)
        missed = min(max(billed / estimated, 0.25), 4)
        low, high = sorted((before.factor, missed))
        assert low * 0.999 <= scale.factor <= high * 1.001, "it moves towards the bill and not beyond"
        assert abs(scale.factor - before.factor) <= 0.201 * abs(missed - before.factor), "and by a fifth of the way at most"
    assert scale.factor * 1.001 >= 0.25
    assert scale.factor * 0.999 <= 4
    assert scale.estimated <= 20_001


@given(st.floats(0.25, 4), st.integers(200, 200_000), st.lists(BILLS, max_size=20))
def test_a_scale_converges_whatever_was_learned_before(truth: float, size: int, before: list[tuple[int, int]]) -> None:
    scale = Scale()
    for estimated, billed in before:
        scale = scale.after(estimated, billed)
    for _ in range(600):
        scale = scale.after(size, max(1, round(size * truth)))
    assert scale.factor == pytest.approx(truth, rel=0.1)


@given(st.floats(0.25, 4))
def test_a_few_large_answers_are_enough(truth: float) -> None:
    scale = Scale()
    for _ in range(15):
        scale = scale.after(10_000, round(10_000 * truth))
    assert scale.factor == pytest.approx(truth, rel=0.15)


def test_what_was_not_billed_teaches_nothing() -> None:
    assert Scale().after(0, 5) == Scale().after(5, 0) == Scale().after(5, -1) == Scale()
