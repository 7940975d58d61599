"""How much of a subscription is left, as far as the CLI tells: with each answer, never when asked."""

from collections.abc import Mapping

from ccproxy_cli.core.jsontext import JSON


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
