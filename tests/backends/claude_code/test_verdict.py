"""What the CLI says to a person, as an error for a program."""

from typing import Any

import pytest

from ccproxy_cli.backends.claude_code.verdict import Notes, judge_result, judge_retry
from ccproxy_cli.core.errors import APIError, ErrorKind


def judge(text: str, status: int | None = None, category: str | None = None, **more: Any) -> APIError:
    error = judge_result({"is_error": True, "api_error_status": status, "result": text, **more}, Notes(category), now=1_000_000_000)
    assert error is not None
    return error


@pytest.mark.parametrize(
    ("status", "category", "text", "kind", "message"),
    [
        (400, "unknown", "API Error: 400 messages.0: bad thing", ErrorKind.INVALID_REQUEST, "messages.0: bad thing"),
        (
            404,
            "model_not_found",
            "There's an issue with the selected model",
            ErrorKind.NOT_FOUND,
            "There's an issue with the selected model",
        ),
        (429, "rate_limit", "API Error: Request rejected (429) · slow down", ErrorKind.RATE_LIMIT, "slow down"),
        (529, "server_error", "API Error: 529 Overloaded. Try again", ErrorKind.OVERLOADED, "Overloaded. Try again"),
        (500, "server_error", "API Error: 500 Internal", ErrorKind.BAD_UPSTREAM, "Internal"),
        (None, "server_error", "API Error: Connection to the API was lost", ErrorKind.BAD_UPSTREAM, "Connection to the API was lost"),
        (None, "billing_error", "Credit balance is too low", ErrorKind.BILLING, "Credit balance is too low"),
        (None, None, "Claude AI usage limit reached", ErrorKind.RATE_LIMIT, "Claude AI usage limit reached"),
    ],
)
def test_kinds_and_words(status: int | None, category: str | None, text: str, kind: ErrorKind, message: str) -> None:
    error = judge(text, status, category)
    assert (error.kind, error.message, error.status) == (kind, message, status)


@pytest.mark.parametrize(
    ("status", "category", "text"),
    [
        (401, "authentication_failed", "Failed to authenticate. API Error: 401 OAuth token has expired"),
        (None, "authentication_failed", "Not logged in · Please run /login"),
        (None, None, "Invalid API key · Please run /login"),
    ],
)
def test_logged_out_is_401_and_says_what_to_do(status: int | None, category: str | None, text: str) -> None:
    error = judge(text, status, category)
    assert (error.kind, error.http_status, error.should_retry) == (ErrorKind.AUTHENTICATION, 401, False)
    assert "claude auth login" in error.message


def test_a_long_prompt_is_told_in_the_apis_words() -> None:
    text = "Prompt is too long · the request is ~210000 tokens (limit 200000) but this conversation is only ~258 tokens"
    error = judge(text, 400, "invalid_request", terminal_reason="prompt_too_long")
    assert (error.kind, error.message) == (ErrorKind.CONTEXT_OVERFLOW, "prompt is too long: 210000 tokens > 200000 maximum")
    assert judge("Prompt is too long", 400, terminal_reason="prompt_too_long").message == "prompt is too long for the model"


def test_when_to_come_back() -> None:
    assert judge("Claude AI usage limit reached|1000000090", 429).retry_after == "90"
    notes = Notes()
    notes.take({"type": "rate_limit_event", "rate_limit_info": {"status": "allowed", "resetsAt": 5}})
    notes.take({"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": 1_000_003_600}})
    error = judge_result({"is_error": True, "api_error_status": 429, "result": "You've hit your 5-hour limit"}, notes, now=1_000_000_000.5)
    assert error is not None
    assert error.retry_after == "3600"
    past = judge_result({"is_error": True, "api_error_status": 429, "result": "x"}, notes, now=2_000_000_000)
    assert past is not None
    assert past.retry_after == "1"
    assert judge("bad", 400).retry_after is None


def test_success_is_no_error() -> None:
    assert judge_result({"is_error": False, "result": "Not logged in"}, Notes(), now=0) is None
    assert judge_result({}, Notes(), now=0) is None


def test_a_long_wait_is_told_at_once_and_a_short_one_is_waited_out() -> None:
    frame = {"type": "system", "subtype": "api_retry", "error_status": 429, "error": "rate_limit"}
    error = judge_retry({**frame, "retry_delay_ms": 7278})
    assert error is not None
    assert (error.kind, error.http_status, error.retry_after) == (ErrorKind.RATE_LIMIT, 429, "8")
    assert judge_retry({**frame, "retry_delay_ms": 600}) is None
    assert judge_retry(frame) is None
    unknown = judge_retry({**frame, "retry_delay_ms": 60_000, "error_status": None, "error": "unknown"})
    assert unknown is not None
    assert unknown.kind is ErrorKind.BAD_UPSTREAM
