"""The words for how much to think."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.efforts import EFFORTS, effort_of_budget, nearest_effort, wanted_effort
from ccproxy_cli.core.request import Thinking, ThinkingMode

WORDS = st.sampled_from(EFFORTS)


@given(WORDS, st.frozensets(WORDS), st.booleans())
def test_no_allowed_word_is_nearer(wanted: str, allowed: frozenset[str], up: bool) -> None:
    found = nearest_effort(wanted, allowed, up=up)
    others = allowed - {"none"}
    if wanted in allowed:
        assert found == wanted
    elif wanted == "none" or not others:
        assert found is None
    else:
        assert found in others

        def distance(word: str) -> int:
            return abs(EFFORTS.index(word) - EFFORTS.index(wanted))

        near = [word for word in EFFORTS if word in others and distance(word) == min(map(distance, others))]
        assert found == near[-1 if up else 0]


def test_a_word_that_nobody_knows_has_no_neighbor() -> None:
    assert nearest_effort("loads", frozenset(EFFORTS)) is None
    assert nearest_effort("loads", frozenset({"loads"})) == "loads"


@given(st.integers(0, 100_000), st.integers(0, 100_000))
def test_more_tokens_are_never_a_lesser_word(one: int, other: int) -> None:
    least, most = sorted((one, other))
    assert EFFORTS.index(effort_of_budget(least)) <= EFFORTS.index(effort_of_budget(most))


@pytest.mark.parametrize(
    ("thinking", "word"),
    [
        (Thinking(), None),
        (Thinking(effort="max"), "max"),
        (Thinking(ThinkingMode.DISABLED), "none"),
        (Thinking(ThinkingMode.ADAPTIVE), "high"),
        (Thinking(ThinkingMode.ADAPTIVE, effort="low"), "low"),
        (Thinking(ThinkingMode.BUDGET, 1_999), "low"),
        (Thinking(ThinkingMode.BUDGET, 2_000), "medium"),
        (Thinking(ThinkingMode.BUDGET, 20_000), "xhigh"),
    ],
)
def test_what_was_asked_for_has_a_word(thinking: Thinking, word: str | None) -> None:
    assert wanted_effort(thinking) == word
