"""Errors, both ways."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.errors import APIError, ErrorKind
from ccproxy_cli.core.formats.openai_responses import FORMAT
from ccproxy_cli.core.http import HTTPReply
from tests.core.formats.openai_responses.responses import created, events_of, frames
from tests.strategies import JSON_VALUES


def read(status: int, body: Any, **headers: str) -> APIError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return FORMAT.decode_error(HTTPReply(status, data, {name.replace("_", "-"): value for name, value in headers.items()}))


def vendor(message: str = "why", **members: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None, **members}}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, vendor(param="model", code="model_not_found"), ErrorKind.NOT_FOUND),
        (400, vendor(code="context_length_exceeded"), ErrorKind.CONTEXT_OVERFLOW),
        (400, vendor("your prompt exceeds the context window"), ErrorKind.CONTEXT_OVERFLOW),
        (401, {"detail": "Could not parse your token."}, ErrorKind.AUTHENTICATION),
        (429, vendor(type="requests", code="rate_limit_exceeded"), ErrorKind.RATE_LIMIT),
        (429, vendor(type="insufficient_quota", code="insufficient_quota"), ErrorKind.QUOTA),
        (503, b"<html>busy</html>", ErrorKind.OVERLOADED),
    ],
)
def test_an_error_is_read(status: int, body: Any, kind: ErrorKind) -> None:
    error = read(status, body, retry_after="3")
    assert (error.kind, error.http_status, error.origin, error.retry_after) == (kind, status, "openai-responses", "3")
    assert "<" not in error.message


def test_a_vendors_error_is_told_as_it_was() -> None:
    body = vendor("Invalid 'temperature'", param="temperature", code="decimal_below_min_value")
    reply = FORMAT.encode_error(read(400, body), "req_1")
    assert (reply.status, json.loads(reply.body), reply.headers["x-request-id"]) == (400, body, "req_1")


@pytest.mark.parametrize("kind", ErrorKind)
def test_every_error_of_ours_is_told_with_type_and_message(kind: ErrorKind) -> None:
    reply = FORMAT.encode_error(APIError(kind, "why", param="input[0]"), "req_1")
    told = json.loads(reply.body)["error"]
    assert reply.status == (503 if kind.status == 529 else kind.status)
    assert (told["message"], told["param"], told.keys()) == ("why", "input[0]", {"message", "type", "param", "code"})
    assert isinstance(told["type"], str)


@given(st.integers(400, 599), JSON_VALUES | st.binary(max_size=20))
def test_any_body_is_an_error(status: int, body: Any) -> None:
    assert read(status, body).message


@given(JSON_VALUES)
def test_any_error_event_ends_the_stream_with_an_error(value: Any) -> None:
    (_, last) = events_of(frames(created(), {"type": "error", "error": value}))
    assert FORMAT.encode_stream_error(last.error, "r")  # type: ignore[union-attr]
