"""The vendor's rate-limit headers, both ways.

Figures with the time, to the second, at which they are whole again (recorded 2025 and 2026). Subscriptions have others,
`anthropic-ratelimit-unified-...`, which only this format's own clients understand and which are passed on to them as they are.
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime

from ccproxy_cli.core.rates import Allowance, Measure, Rates

_PREFIX = "anthropic-ratelimit-"
_NAMES = {
    Measure.REQUESTS: "requests",
    Measure.TOKENS: "tokens",
    Measure.INPUT_TOKENS: "input-tokens",
    Measure.OUTPUT_TOKENS: "output-tokens",
}


def encode_rates(rates: Rates, now: float) -> dict[str, str]:
    """The headers that tell `rates` at the Unix time `now`."""
    headers: dict[str, str] = {}
    for measure, told in rates.items():
        if measure in _NAMES:
            start = f"{_PREFIX}{_NAMES[measure]}-"
            headers[start + "limit"] = str(told.limit)
            headers[start + "remaining"] = str(told.remaining)
            headers[start + "reset"] = _time(now + told.reset)
    return headers


def decode_rates(headers: Mapping[str, str], now: float) -> dict[Measure, Allowance]:
    """What an upstream's headers tell at the Unix time `now`. What cannot be read is left out."""
    rates: dict[Measure, Allowance] = {}
    for measure, name in _NAMES.items():
        start = f"{_PREFIX}{name}-"
        if start + "limit" in headers:
            try:
                reset = datetime.fromisoformat(headers[start + "reset"]).timestamp() - now
                rates[measure] = Allowance(int(headers[start + "limit"]), int(headers[start + "remaining"]), max(0.0, reset))
            except (KeyError, ValueError, OverflowError):
                continue
    return rates


def _time(seconds: float) -> str:
    """RFC 3339, rounded up: who comes back then must not be early."""
    return datetime.fromtimestamp(math.ceil(seconds), UTC).isoformat()[:19] + "Z"
