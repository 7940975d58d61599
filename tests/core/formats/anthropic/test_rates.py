"""Anthropic's rate-limit headers."""

from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.formats.anthropic.rates import decode_rates, encode_rates
from ccproxy_cli.core.rates import Allowance, Measure
from tests.strategies import ALLOWANCES

NOW = 1_790_000_000.25
MEASURES = [Measure.REQUESTS, Measure.TOKENS, Measure.INPUT_TOKENS, Measure.OUTPUT_TOKENS]


@given(rates=st.dictionaries(st.sampled_from(MEASURES), ALLOWANCES))
def test_what_is_told_is_read_again_and_nobody_is_called_back_early(rates: dict[Measure, Allowance]) -> None:
    read = decode_rates(encode_rates(rates, NOW), NOW)
    assert read.keys() == rates.keys()
    for measure, told in rates.items():
        assert (read[measure].limit, read[measure].remaining) == (told.limit, told.remaining)
        assert told.reset - 1e-5 <= read[measure].reset <= told.reset + 1.001


def test_the_headers_are_the_vendors() -> None:
    assert encode_rates({Measure.INPUT_TOKENS: Allowance(2000, 1999, 1.5), Measure.CONCURRENCY: Allowance(1, 1, 0)}, NOW) == {
        "anthropic-ratelimit-input-tokens-limit": "2000",
        "anthropic-ratelimit-input-tokens-remaining": "1999",
        "anthropic-ratelimit-input-tokens-reset": "2026-09-21T14:13:22Z",
    }


@given(reset=st.text(max_size=24) | st.sampled_from(["2026-09-21T14:13:22Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00", "2026"]))
def test_nothing_an_upstream_says_breaks_it(reset: str) -> None:
    headers = {f"anthropic-ratelimit-tokens-{name}": value for name, value in [("limit", "5"), ("remaining", "1"), ("reset", reset)]}
    assert all(told.reset >= 0 for told in decode_rates(headers, NOW).values())


def test_what_cannot_be_read_is_left_out() -> None:
    assert decode_rates({"anthropic-ratelimit-unified-status": "allowed", "anthropic-ratelimit-tokens-limit": "5"}, NOW) == {}
