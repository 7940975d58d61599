import re

from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.ids import UniqueIds, digest_id, fit_id

ALLOWED = re.compile(r"[a-zA-Z0-9_-]{1,40}")


@given(st.text(max_size=80))
def test_every_id_fits_and_fits_again(given_id: str) -> None:
    fitted = fit_id(given_id, ALLOWED)
    assert ALLOWED.fullmatch(fitted)
    assert fit_id(fitted, ALLOWED) == fitted


def test_an_id_that_fits_is_left_alone() -> None:
    assert fit_id("toolu_01", ALLOWED) == "toolu_01"


def test_ids_with_a_long_common_start_stay_apart() -> None:
    assert fit_id("a" * 60 + "1", ALLOWED) != fit_id("a" * 60 + "2", ALLOWED)


def test_the_digest_never_changes() -> None:
    assert digest_id("call:1") == digest_id("call:1")
    assert re.fullmatch("[0-9a-f]{24}", digest_id("call:1"))


@given(st.lists(st.text("ab!", min_size=1, max_size=3), max_size=12))
def test_no_two_calls_share_an_id_and_the_same_calls_get_the_same(given_ids: list[str]) -> None:
    ids, again = UniqueIds(ALLOWED), UniqueIds(ALLOWED)
    unique = [ids.give(given_id) for given_id in given_ids]
    assert len(set(unique)) == len(unique)
    assert all(ALLOWED.fullmatch(one) for one in unique)
    assert unique == [again.give(given_id) for given_id in given_ids]


def test_the_first_call_keeps_an_id_that_fits() -> None:
    ids = UniqueIds(ALLOWED)
    assert ids.give("call_1") == "call_1" != ids.give("call_1")
