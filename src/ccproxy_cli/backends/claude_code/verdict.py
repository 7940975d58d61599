"""What the CLI says went wrong, as an error every format can tell.

The CLI words its errors for a person at a terminal, and gives the API's status beside them where there was one.
"""

import math
import re
from collections.abc import Mapping
from types import MappingProxyType

from attrs import define

from ccproxy_cli.backends.claude_code.cli import LOGIN_HINT
from ccproxy_cli.core.errors import APIError, ErrorKind, kind_of_status
from ccproxy_cli.core.jsontext import JSON

PATIENCE = 5.0
"""Seconds that the CLI may wait before it tries again by itself; if it wants longer, the client is told at once and may decide."""

_BY_CATEGORY: Mapping[str, ErrorKind] = MappingProxyType(
    {
        "authentication_failed": ErrorKind.AUTHENTICATION,
        "oauth_org_not_allowed": ErrorKind.PERMISSION,
        "billing_error": ErrorKind.BILLING,
        "rate_limit": ErrorKind.RATE_LIMIT,
        "overloaded": ErrorKind.OVERLOADED,
        "invalid_request": ErrorKind.INVALID_REQUEST,
        "model_not_found": ErrorKind.NOT_FOUND,
    }
)
"""The CLI's own words, on the synthetic message and on `api_retry` frames (2.1.329)."""

_BY_WORDS = (
    (re.compile(r"not logged in|/login|invalid api key|OAuth token", re.IGNORECASE), ErrorKind.AUTHENTICATION),
    (re.compile(r"usage limit reached|hit your .*limit", re.IGNORECASE), ErrorKind.RATE_LIMIT),
    (re.compile(r"prompt is too long", re.IGNORECASE), ErrorKind.CONTEXT_OVERFLOW),
    (re.compile(r"credit balance is too low", re.IGNORECASE), ErrorKind.BILLING),
)
_PREFIX = re.compile(r"^(?:Failed to authenticate\. )?API Error: (?:(?:\d{3}|Request rejected \(\d{3}\))(?: ·)? )?")
_TOO_LONG = re.compile(r"~(\d+) tokens \(limit (\d+)\)")
_RESET = re.compile(r"\|(\d{9,11})\s*$")
"""Older CLIs give the time at which a usage limit ends behind the text."""


@define
class Notes:
    """What earlier frames said about an error to come."""

    category: str | None = None
    """On the synthetic message: the CLI's word for the kind of error."""
    resets_at: float | None = None
    """Unix seconds at which a usage limit ends."""

    def take(self, frame: Mapping[str, JSON]) -> None:
        """Note what `frame` says, if anything."""
        match frame:
            case {"type": "assistant", "error": str(category)}:
                self.category = category
            case {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": int() | float() as moment}}:
                self.resets_at = float(moment)
            case _:
                pass


def judge_result(result: Mapping[str, JSON], notes: Notes, now: float) -> APIError | None:
    """The error that a `result` frame reports; None if it reports success.

    Args:
        now: Unix seconds.
    """
    if result.get("is_error") is not True:
        return None
    text = str(result.get("result") or result.get("subtype") or "unknown error")
    status = result.get("api_error_status")
    status = status if isinstance(status, int) and 400 <= status <= 599 else None
    kind = _kind(result, status, notes.category, text)
    reset = _RESET.search(text)
    return _error(kind, _PREFIX.sub("", _RESET.sub("", text)), status, _wait(notes.resets_at or (float(reset[1]) if reset else None), now))


def judge_retry(frame: Mapping[str, JSON]) -> APIError | None:
    """The error behind an `api_retry` frame, if the CLI wants to wait for longer than anyone at the other end would."""
    delay, status = frame.get("retry_delay_ms"), frame.get("error_status")
    if not isinstance(delay, int | float) or delay <= PATIENCE * 1000:
        return None
    status = status if isinstance(status, int) and 400 <= status <= 599 else None
    kind = _BY_CATEGORY.get(str(frame.get("error"))) or (kind_of_status(status) if status else ErrorKind.BAD_UPSTREAM)
    seconds = math.ceil(delay / 1000)
    return _error(kind, f"the API refused the request for now and asks to wait {seconds} seconds", status, seconds)


def _kind(result: Mapping[str, JSON], status: int | None, category: str | None, text: str) -> ErrorKind:
    if result.get("terminal_reason") == "prompt_too_long" or _BY_WORDS[2][0].search(text):
        return ErrorKind.CONTEXT_OVERFLOW
    if status is not None:
        return kind_of_status(status)
    if category is not None and category in _BY_CATEGORY:
        return _BY_CATEGORY[category]
    return next((kind for words, kind in _BY_WORDS if words.search(text)), ErrorKind.BAD_UPSTREAM)


def _wait(until: float | None, now: float) -> int | None:
    return None if until is None else max(1, math.ceil(until - now))


def _error(kind: ErrorKind, text: str, status: int | None, wait: int | None) -> APIError:
    retry_after = str(wait) if wait is not None and kind in (ErrorKind.RATE_LIMIT, ErrorKind.OVERLOADED) else None
    if kind is ErrorKind.AUTHENTICATION:
        return APIError(kind, f"Claude Code: {text}; {LOGIN_HINT}", should_retry=False)
    if kind is ErrorKind.CONTEXT_OVERFLOW:
        # In the API's own words, which agents look for.
        found = _TOO_LONG.search(text)
        text = f"prompt is too long: {found[1]} tokens > {found[2]} maximum" if found else "prompt is too long for the model"
    return APIError(kind, text, status, retry_after=retry_after)
