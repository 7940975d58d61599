"""OpenAI's rate-limit headers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.formats._openai.rates import decode_rates, encode_rates
from ccproxy_cli.core.rates import Allowance, Measure
from tests.strategies import ALLOWANCES


@given(rates=st.dictionaries(st.sampled_from([Measure.REQUESTS, Measure.TOKENS]), ALLOWANCES))
def test_what_is_told_is_read_again_and_nobody_is_called_back_early(rates: dict[Measure, Allowance]) -> None:
    read = decode_rates(encode_rates(rates, 0), 0)
    assert read.keys() == rates.keys()
    for measure, told in rates.items():
        assert (read[measure].limit, read[measure].remaining) == (told.limit, told.remaining)
        assert told.reset - 1e-6 <= read[measure].reset <= told.reset + 0.002


@pytest.mark.parametrize(
    ("seconds", "span"),
    [(0, "0s"), (0.0004, "1ms"), (0.012, "12ms"), (1, "1s"), (59.695, "59.695s"), (1937.492, "32m17.492s"), (3600, "1h0m0s")],
)
def test_spans_are_spelled_as_the_vendor_spells_them(seconds: float, span: str) -> None:
    told = encode_rates({Measure.TOKENS: Allowance(10, 3, seconds)}, 0)
    assert told == {"x-ratelimit-limit-tokens": "10", "x-ratelimit-remaining-tokens": "3", "x-ratelimit-reset-tokens": span}


@given(limit=st.text(max_size=8), reset=st.text("0123456789.dhms- ", max_size=12))
def test_nothing_an_upstream_says_breaks_it(limit: str, reset: str) -> None:
    headers = {f"x-ratelimit-{name}-requests": value for name, value in [("limit", limit), ("remaining", "1"), ("reset", reset)]}
    rates = decode_rates(headers, 0)
    assert all(told.reset >= 0 for told in rates.values())


def test_a_limit_on_one_side_alone_has_no_place() -> None:
    assert encode_rates({Measure.INPUT_TOKENS: Allowance(1, 1, 0), Measure.CONCURRENCY: Allowance(1, 1, 0)}, 0) == {}
