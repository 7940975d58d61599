"""The README's tables say what the codecs do, and nothing that is asked for is lost in silence."""

import itertools

import pytest

from ccproxy_cli.core.formats import FORMATS
from tests.support.answers import ANSWERED
from tests.support.matrix import BEGIN, END, README, Fate, block, fate, outcome
from tests.support.requests import ASKED


def test_the_tables_are_up_to_date() -> None:
    assert README.read_text().partition(BEGIN)[2].partition(END)[0].strip() == block().strip(), "run: python -m tests.support.matrix"


@pytest.mark.parametrize("name", ASKED)
def test_what_is_lost_is_told(name: str) -> None:
    asked = ASKED[name]
    for source, target in itertools.product(asked.bodies, FORMATS):
        found, told = fate(asked, source, target)
        assert told or found is not Fate.LOST, (source, target)


@pytest.mark.parametrize("name", ASKED)
def test_its_own_vendor_is_told_everything(name: str) -> None:
    assert {fate(ASKED[name], source, source)[0] for source in ASKED[name].bodies} == {Fate.KEPT}


HAS_WORDS = {"other tools that the vendor runs"}
"""Lost although the other vendor has words for it: each vendor's mean something else."""


@pytest.mark.parametrize("name", sorted(ASKED.keys() - HAS_WORDS))
def test_what_both_have_words_for_is_not_lost(name: str) -> None:
    asked = ASKED[name]
    lost = [(source, target) for source, target in itertools.product(asked.bodies, repeat=2) if fate(asked, source, target)[0] is Fate.LOST]
    assert not lost


ELSEWHERE = {"citations of documents", "which pages the vendor read", "image"}
"""What an answer loses although the client's format has words for it."""


@pytest.mark.parametrize("name", sorted(ANSWERED.keys() - ELSEWHERE))
def test_an_answer_keeps_what_the_client_has_words_for(name: str) -> None:
    answered = ANSWERED[name]
    assert {outcome(answered, source, target) for source, target in itertools.product(answered.bodies, repeat=2)} == {Fate.KEPT}
