"""What is left of a subscription, in words."""

import pytest

from ccproxy_cli.backends.claude_code.limits import limits_in_words
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
