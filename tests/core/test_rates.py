"""What is left of limits."""

from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.errors import APIError, ErrorKind
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.jsontext import loads
from ccproxy_cli.core.rates import Allowance, Measure, allowance, tighter
from tests.strategies import ALLOWANCES

RATES = st.dictionaries(st.sampled_from(Measure), ALLOWANCES)


@given(one=RATES, other=RATES)
def test_of_two_limits_the_tighter_one_is_told_whoever_comes_first(one: dict[Measure, Allowance], other: dict[Measure, Allowance]) -> None:
    both = tighter(one, other)
    assert both.keys() == one.keys() | other.keys()
    for measure, told in both.items():
        assert told.remaining == min(rates[measure].remaining for rates in (one, other) if measure in rates)
        assert told.remaining == tighter(other, one)[measure].remaining


@given(limit=st.floats(1, 1e6), left=st.floats(-1e6, 1e6), rate=st.floats(0.01, 1e5))
def test_no_allowance_promises_more_than_there_is(limit: float, left: float, rate: float) -> None:
    told = allowance(limit, min(left, limit), rate)
    assert 0 <= told.remaining <= told.limit <= limit
    assert told.remaining <= max(0, left)
    assert told.reset >= 0


def test_every_format_has_its_own_word_for_what_was_too_much() -> None:
    error = APIError(ErrorKind.RATE_LIMIT, "slowly", retry_after="7", measure=Measure.TOKENS)
    replies = {name: spoken.encode_error(error, "req_1") for name, spoken in FORMATS.items()}
    assert {(reply.status, reply.headers["retry-after"]) for reply in replies.values()} == {(429, "7")}
    bodies = {name: loads(reply.body)["error"] for name, reply in replies.items()}
    assert bodies["anthropic"]["type"] == "rate_limit_error"
    for name in ("openai-chat", "openai-responses"):
        assert (bodies[name]["type"], bodies[name]["code"]) == ("tokens", "rate_limit_exceeded")
    quota, retry = bodies["gemini"]["details"]
    assert bodies["gemini"]["status"] == "RESOURCE_EXHAUSTED"
    assert quota["violations"][0]["quotaId"] == "TokensPerMinute"
    assert retry["retryDelay"] == "7s"
