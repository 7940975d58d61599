"""Errors of whole replies, both ways, which both formats word alike."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.errors import APIError, ErrorKind
from ccproxy_cli.core.formats import Format
from ccproxy_cli.core.http import HTTPReply
from tests.core.formats._openai.both import BOTH
from tests.strategies import JSON_VALUES


def read(format_: Format, status: int, body: Any, **headers: str) -> APIError:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return format_.decode_error(HTTPReply(status, data, {name.replace("_", "-"): value for name, value in headers.items()}))


def write(format_: Format, error: APIError) -> tuple[int, dict[str, Any], dict[str, str]]:
    reply = format_.encode_error(error, "req_ours")
    return reply.status, json.loads(reply.body)["error"], dict(reply.headers)


def vendor(message: str = "why", **members: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None, **members}}


READ = [
    (400, vendor(param="messages[0]", code="invalid_value"), ErrorKind.INVALID_REQUEST, "why"),
    (400, vendor(code="context_length_exceeded"), ErrorKind.CONTEXT_OVERFLOW, "why"),
    (
        400,
        vendor("This model's maximum context length is 8 tokens."),
        ErrorKind.CONTEXT_OVERFLOW,
        "This model's maximum context length is 8 tokens.",
    ),
    (400, vendor("It exceeds the context window."), ErrorKind.CONTEXT_OVERFLOW, "It exceeds the context window."),
    (401, vendor(code="invalid_api_key"), ErrorKind.AUTHENTICATION, "why"),
    (403, vendor(), ErrorKind.PERMISSION, "why"),
    (404, vendor(code="model_not_found"), ErrorKind.NOT_FOUND, "why"),
    (413, vendor(), ErrorKind.TOO_LARGE, "why"),
    (429, vendor(type="tokens", code="rate_limit_exceeded"), ErrorKind.RATE_LIMIT, "why"),
    (429, vendor(type="requests", code="rate_limit_exceeded"), ErrorKind.RATE_LIMIT, "why"),
    (429, vendor(type="insufficient_quota", code="insufficient_quota"), ErrorKind.QUOTA, "why"),
    (500, vendor(type="server_error"), ErrorKind.BAD_UPSTREAM, "why"),
    (500, vendor(type="server_error", code="server_error"), ErrorKind.INTERNAL, "why"),
    (503, vendor(type="server_error"), ErrorKind.OVERLOADED, "why"),
    (
        503,
        b"upstream connect error or disconnect/reset before headers",
        ErrorKind.OVERLOADED,
        "upstream connect error or disconnect/reset before headers",
    ),
    (502, b"<html><body>Bad gateway</body></html>", ErrorKind.BAD_UPSTREAM, "upstream answered with status 502"),
    (500, vendor("<!DOCTYPE html><p>x"), ErrorKind.BAD_UPSTREAM, "upstream answered with status 500"),
    (418, b"\xff\x00", ErrorKind.INVALID_REQUEST, "upstream answered with status 418"),
    (400, b"", ErrorKind.INVALID_REQUEST, "upstream answered with status 400"),
    (400, {"detail": "Unsupported parameter: metadata"}, ErrorKind.INVALID_REQUEST, "Unsupported parameter: metadata"),
    (422, {"detail": [{"loc": ["body"], "msg": "bad"}]}, ErrorKind.UNPROCESSABLE, '[{"loc":["body"],"msg":"bad"}]'),
    (401, {"message": "no key", "request_id": "r"}, ErrorKind.AUTHENTICATION, "no key"),
    (400, {"error": "model is required"}, ErrorKind.INVALID_REQUEST, "model is required"),
    (400, [vendor("listed")], ErrorKind.INVALID_REQUEST, "listed"),
    (404, {"error": {"code": "404", "message": "Resource not found"}}, ErrorKind.NOT_FOUND, "Resource not found"),
    (400, {"error": {"message": "odd", "code": 400}}, ErrorKind.INVALID_REQUEST, "odd"),
]


@BOTH
@pytest.mark.parametrize(("status", "body", "kind", "message"), READ)
def test_whatever_an_upstream_says_is_understood(format_: Format, status: int, body: Any, kind: ErrorKind, message: str) -> None:
    error = read(format_, status, body)
    assert (error.kind, error.message, error.status, error.origin) == (kind, message, status, format_.name)


@BOTH
@given(st.integers(400, 599), JSON_VALUES | st.builds(lambda inner: {"error": inner}, JSON_VALUES) | st.binary(max_size=40))
def test_any_reply_is_an_error_that_can_be_told(format_: Format, status: int, body: Any) -> None:
    _, told, _ = write(format_, read(format_, status, body))
    assert isinstance(told["message"], str)
    assert told["message"]
    assert isinstance(told["type"], str)
    assert told["type"] not in ("", "None", "null")


@BOTH
def test_hints_about_trying_again_are_kept(format_: Format) -> None:
    error = read(format_, 429, vendor(), retry_after="7", x_request_id="req_theirs")
    assert (error.retry_after, error.request_id, error.should_retry) == ("7", "req_theirs", None)
    assert read(format_, 429, vendor(), retry_after_ms="1500", retry_after="7").retry_after == "1.5"
    assert read(format_, 429, vendor(), retry_after_ms="soon").retry_after is None
    assert read(format_, 500, vendor(), x_should_retry="true").should_retry is True
    assert read(format_, 500, vendor(), x_should_retry="false").should_retry is False
    assert read(format_, 429, vendor(code="insufficient_quota")).should_retry is False


@BOTH
def test_the_vendors_own_words_go_back_to_its_own_clients(format_: Format) -> None:
    body = vendor(type="tokens", code="rate_limit_exceeded", more={"a": 1})
    reply = format_.encode_error(read(format_, 429, body, retry_after="7", x_request_id="req_theirs"), "req_ours")
    assert (reply.status, json.loads(reply.body)) == (429, body)
    assert reply.headers["retry-after"] == "7"
    assert reply.headers["x-request-id"] == "req_theirs"


@BOTH
def test_a_message_without_end_is_cut(format_: Format) -> None:
    assert len(format_.encode_error(read(format_, 400, vendor("long " * 5_000)), "r").body) < 4_096
    assert len(format_.encode_error(read(format_, 400, b"long " * 5_000), "r").body) < 4_096


WRITTEN = [
    (ErrorKind.INVALID_REQUEST, 400, "invalid_request_error", None),
    (ErrorKind.CONTEXT_OVERFLOW, 400, "invalid_request_error", "context_length_exceeded"),
    (ErrorKind.AUTHENTICATION, 401, "invalid_request_error", "invalid_api_key"),
    (ErrorKind.PERMISSION, 403, "invalid_request_error", None),
    (ErrorKind.NOT_FOUND, 404, "invalid_request_error", "model_not_found"),
    (ErrorKind.METHOD_NOT_ALLOWED, 405, "invalid_request_error", None),
    (ErrorKind.TOO_LARGE, 413, "invalid_request_error", "request_too_large"),
    (ErrorKind.RATE_LIMIT, 429, "rate_limit_error", "rate_limit_exceeded"),
    (ErrorKind.QUOTA, 429, "insufficient_quota", "insufficient_quota"),
    (ErrorKind.INTERNAL, 500, "server_error", None),
    (ErrorKind.BAD_UPSTREAM, 502, "server_error", "upstream_error"),
    (ErrorKind.OVERLOADED, 503, "server_error", "overloaded"),
    (ErrorKind.UPSTREAM_TIMEOUT, 504, "server_error", "upstream_timeout"),
]


@BOTH
@pytest.mark.parametrize(("kind", "status", "type_", "code"), WRITTEN)
def test_our_errors_keep_the_contract(format_: Format, kind: ErrorKind, status: int, type_: str, code: str | None) -> None:
    got, error, headers = write(format_, APIError(kind, "why", param="n"))
    assert (got, error) == (status, {"message": "why", "type": type_, "param": "n", "code": code})
    assert headers["x-request-id"] == "req_ours"
    assert headers["content-type"] == "application/json"
    assert headers.get("x-should-retry") == ("false" if kind in (ErrorKind.AUTHENTICATION, ErrorKind.QUOTA) else None)


@BOTH
@pytest.mark.parametrize("kind", list(ErrorKind))
def test_every_error_of_ours_has_a_type_and_a_status_that_clients_know(format_: Format, kind: ErrorKind) -> None:
    status, told, _ = write(format_, APIError(kind, "why", param="input[0]"))
    assert status == (503 if kind.status == 529 else kind.status)
    assert (told["message"], told["param"], set(told)) == ("why", "input[0]", {"message", "type", "param", "code"})
    assert isinstance(told["type"], str)


@BOTH
@pytest.mark.parametrize("kind", list(ErrorKind))
def test_every_kind_of_another_format_can_be_told(format_: Format, kind: ErrorKind) -> None:
    error = APIError(kind, "why", status=529, type="overloaded_error", code="theirs", origin="anthropic", raw={"type": "error"})
    status, told, _ = write(format_, error)
    assert status == 503
    assert told["message"] == "why"
    assert told["type"] in ("invalid_request_error", "rate_limit_error", "insufficient_quota", "server_error")
    assert told["code"] != "theirs"


@BOTH
def test_further_headers_are_told_too(format_: Format) -> None:
    headers = write(format_, APIError(ErrorKind.METHOD_NOT_ALLOWED, "no", headers={"allow": "POST"}, should_retry=True))[2]
    assert (headers["allow"], headers["x-should-retry"]) == ("POST", "true")
