"""How much of a subscription is left, as far as the CLI tells: with each answer, and when asked what is used."""

from collections.abc import Mapping
from datetime import datetime

from ccproxy_cli.core.jsontext import JSON

_WINDOWS = ("five_hour", "seven_day", "seven_day_opus", "seven_day_sonnet")


def limits_of(usage: Mapping[str, JSON]) -> dict[str, JSON]:
    """What the answer to `get_usage` says, in the words of a `rate_limit_event`; empty if it says nothing.

    The one counts in percent and in ISO dates, the other in parts and in Unix seconds (2.1.329; the former by the program's own schema).
    """
    told = usage.get("rate_limits")
    if not isinstance(told, dict):
        return {}
    rows = [(name, told.get(name)) for name in _WINDOWS]
    rows += [(str(row.get("display_name")), row) for row in told.get("model_scoped") or () if isinstance(row, dict)]
    windows = {name: window for name, row in rows if isinstance(row, dict) and (window := _read_window(row))}
    return {"unifiedWindows": windows} if windows else {}


def _read_window(row: Mapping[str, JSON]) -> dict[str, JSON] | None:
    used, moment = row.get("utilization"), row.get("resets_at")
    if not isinstance(used, int | float) or not isinstance(moment, str):
        return None
    try:
        resets = datetime.fromisoformat(moment).timestamp()
    except ValueError:
        return None
    return {"utilization": used / 100, "resetsAt": resets, "status": "rejected" if used >= 100 else "allowed"}


def limits_in_words(told: Mapping[str, JSON], now: float) -> str | None:
    """One clause for people; None if nothing is known that still holds.

    Args:
        told: `rate_limit_info` of the newest `rate_limit_event` frame (2.1.329).
        now: Unix seconds.
    """
    windows = told.get("unifiedWindows")
    if not isinstance(windows, dict):
        windows = {str(told.get("rateLimitType")): told}
    words = [_window(name, window, now) for name, window in windows.items() if isinstance(window, dict)]
    return ", ".join(word for word in words if word) or None


def _window(name: str, window: Mapping[str, JSON], now: float) -> str | None:
    resets, used = window.get("resetsAt"), window.get("utilization")
    if not isinstance(resets, int | float) or resets <= now:
        return None
    start = f"{name.replace('_', ' ')} limit"
    end = f"new in {_duration(resets - now)}"
    if window.get("status") == "rejected":
        return f"{start} reached, {end}"
    return f"{start} used to {used:.0%}, {end}" if isinstance(used, int | float) else None


def _duration(seconds: float) -> str:
    minutes = max(1, round(seconds / 60))
    return f"{minutes} min" if minutes < 120 else f"{round(minutes / 60)} h"
