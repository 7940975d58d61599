"""Rate-limit headers as OpenAI has them for both its formats, both ways: figures, and for how long until they are whole again."""

import math
import re
from collections.abc import Mapping

from ccproxy_cli.core.rates import Allowance, Measure, Rates

_NAMES = {Measure.REQUESTS: "requests", Measure.TOKENS: "tokens"}
_SPAN = re.compile(r"(?:(?P<d>\d+)d)?(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m(?!s))?(?:(?P<s>\d+(?:\.\d+)?)s)?(?:(?P<ms>\d+(?:\.\d+)?)ms)?", re.ASCII)
_SECONDS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_LONGEST = 40
"""Characters of any honest span."""


def encode_rates(rates: Rates, now: float) -> dict[str, str]:
    """The headers that tell `rates`; `now` has no part in them. A limit on input or output alone has no place."""
    headers: dict[str, str] = {}
    for measure, told in rates.items():
        if measure in _NAMES:
            name = _NAMES[measure]
            headers[f"x-ratelimit-limit-{name}"] = str(told.limit)
            headers[f"x-ratelimit-remaining-{name}"] = str(told.remaining)
            headers[f"x-ratelimit-reset-{name}"] = _span(told.reset)
    return headers


def decode_rates(headers: Mapping[str, str], now: float) -> dict[Measure, Allowance]:
    """What an upstream's headers tell; `now` has no part in it. What cannot be read is left out."""
    rates: dict[Measure, Allowance] = {}
    for measure, name in _NAMES.items():
        try:
            limit, remaining = int(headers[f"x-ratelimit-limit-{name}"]), int(headers[f"x-ratelimit-remaining-{name}"])
        except (KeyError, ValueError):
            continue
        reset = _seconds(headers.get(f"x-ratelimit-reset-{name}", ""))
        if reset is not None:
            rates[measure] = Allowance(limit, remaining, reset)
    return rates


def _span(seconds: float) -> str:
    """As the vendor writes it: `0s`, `12ms`, `6.5s`, `32m17.492s`. Rounded up: who comes back then must not be early."""
    whole = math.ceil(seconds * 1000)
    if 0 < whole < 1000:
        return f"{whole}ms"
    minutes, rest = divmod(whole, 60_000)
    hours, minutes = divmod(minutes, 60)
    return (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "") + f"{rest / 1000:g}s"


def _seconds(span: str) -> float | None:
    found = _SPAN.fullmatch(span) if 0 < len(span) <= _LONGEST else None
    if found is None or not any(found.groups()):
        return None
    return sum(float(amount) * _SECONDS[unit] for unit, amount in found.groupdict().items() if amount is not None)
