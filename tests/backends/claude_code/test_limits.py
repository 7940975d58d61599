"""What is left of a subscription, in words."""

import pytest

from ccproxy_cli.backends.claude_code.limits import limits_in_words, limits_of
from ccproxy_cli.core.jsontext import JSON

NOW = 1_000_000.0
FIVE = {"status": "allowed_warning", "utilization": 0.91, "resetsAt": NOW + 3000}
FIVE_WORDS = "five hour limit used to 91%, new in 50 min"
SEVEN = {"status": "allowed", "utilization": 0.2, "resetsAt": NOW + 86_400}


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, None),
        ({"status": "allowed", "isUsingOverage": False}, None),
        ({"rateLimitType": "five_hour", **FIVE}, FIVE_WORDS),
        ({"unifiedWindows": {"five_hour": FIVE, "seven_day": SEVEN}}, f"{FIVE_WORDS}, seven day limit used to 20%, new in 24 h"),
        ({"rateLimitType": "seven_day", "status": "rejected", "resetsAt": NOW + 10}, "seven day limit reached, new in 1 min"),
        ({"rateLimitType": "five_hour", **FIVE, "resetsAt": NOW - 1}, None),
        ({"rateLimitType": "five_hour", "status": "allowed", "resetsAt": NOW + 60}, None),
        ({"unifiedWindows": {"five_hour": "full"}}, None),
    ],
)
def test_the_limits(told: dict[str, JSON], words: str | None) -> None:
    assert limits_in_words(told, NOW) == words


def test_what_the_cli_says_when_asked_reads_the_same() -> None:
    rows = {
        "five_hour": {"utilization": 6.0, "resets_at": "1970-01-12T14:36:40+00:00"},
        "seven_day": {"utilization": 100, "resets_at": "1970-01-13T13:46:40Z"},
        "seven_day_opus": None,
        "extra_usage": {"is_enabled": False, "monthly_limit": None, "used_credits": None, "utilization": None},
        "model_scoped": [{"display_name": "Fable", "utilization": 50, "resets_at": "1970-01-12T15:46:40+00:00"}],
    }
    told = limits_of({"rate_limits_available": True, "rate_limits": rows})
    first = "five hour limit used to 6%, new in 50 min, seven day limit reached, new in 24 h"
    assert limits_in_words(told, NOW) == f"{first}, Fable limit used to 50%, new in 2 h"


@pytest.mark.parametrize(
    "rows",
    [
        None,
        {},
        {"five_hour": None},
        {"five_hour": {"utilization": None, "resets_at": "x"}},
        {"five_hour": {"utilization": 1, "resets_at": "x"}},
    ],
)
def test_what_is_not_said_is_not_known(rows: JSON) -> None:
    assert limits_of({"rate_limits": rows}) == {}
    assert limits_of({}) == {}
