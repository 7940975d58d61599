"""The vendor's errors, both ways."""

import json
from typing import Any

import pytest
from hypothesis import given

from ccproxy_cli.core.errors import APIError, ErrorKind
from ccproxy_cli.core.formats.gemini import FORMAT
from ccproxy_cli.core.http import HTTPReply
from tests.strategies import JSON_VALUES

RPC = "type.googleapis.com/google.rpc."
BAD_KEY = {"@type": f"{RPC}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}
RETRY = {"@type": f"{RPC}RetryInfo", "retryDelay": "34.5s"}


def quota(name: str) -> dict[str, Any]:
    return {"@type": f"{RPC}QuotaFailure", "violations": [{"quotaId": name}]}


def error_of(code: int, status: str, message: str = "no", *details: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "status": status, **({"details": list(details)} if details else {})}}


def decode(body: Any, status: int, **headers: str) -> APIError:
    return FORMAT.decode_error(HTTPReply(status, body if isinstance(body, bytes) else json.dumps(body).encode(), headers))


def encode(error: APIError) -> tuple[HTTPReply, dict[str, Any]]:
    reply = FORMAT.encode_error(error, "req_1")
    inner: dict[str, Any] = json.loads(reply.body)["error"]
    return reply, inner


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, error_of(400, "INVALID_ARGUMENT"), ErrorKind.INVALID_REQUEST),
        (400, error_of(400, "FAILED_PRECONDITION"), ErrorKind.INVALID_REQUEST),
        (400, error_of(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", BAD_KEY), ErrorKind.AUTHENTICATION),
        (400, error_of(400, "INVALID_ARGUMENT", "API key expired."), ErrorKind.AUTHENTICATION),
        (401, error_of(401, "UNAUTHENTICATED"), ErrorKind.AUTHENTICATION),
        (403, error_of(403, "PERMISSION_DENIED"), ErrorKind.PERMISSION),
        (404, error_of(404, "NOT_FOUND"), ErrorKind.NOT_FOUND),
        (409, error_of(409, "ABORTED"), ErrorKind.CONFLICT),
        (429, error_of(429, "RESOURCE_EXHAUSTED", "slow", quota("GenerateRequestsPerMinute")), ErrorKind.RATE_LIMIT),
        (429, error_of(429, "RESOURCE_EXHAUSTED", "slow", quota("GenerateRequestsPerDayPerProject")), ErrorKind.QUOTA),
        (500, error_of(500, "INTERNAL"), ErrorKind.BAD_UPSTREAM),
        (503, error_of(503, "UNAVAILABLE"), ErrorKind.OVERLOADED),
        (504, error_of(504, "DEADLINE_EXCEEDED"), ErrorKind.UPSTREAM_TIMEOUT),
        (
            400,
            error_of(400, "INVALID_ARGUMENT", "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576)."),
            ErrorKind.CONTEXT_OVERFLOW,
        ),
    ],
)
def test_kinds(status: int, body: dict[str, Any], kind: ErrorKind) -> None:
    error = decode(body, status)
    assert error.kind is kind
    assert error.message == body["error"]["message"]
    reply, inner = encode(error)
    assert reply.status == status
    assert {"error": inner} == body
    assert decode([body], status).kind is kind


def test_a_bad_key_is_401_to_everyone_else() -> None:
    error = decode(error_of(400, "INVALID_ARGUMENT", "no", BAD_KEY), 400)
    assert (error.http_status, error.code) == (401, "API_KEY_INVALID")


def test_when_to_come_back() -> None:
    body = error_of(429, "RESOURCE_EXHAUSTED", "slow", RETRY)
    assert decode(body, 429).retry_after == "34.5"
    assert decode(body, 429, **{"retry-after": "7"}).retry_after == "7"
    reply, inner = encode(APIError(ErrorKind.RATE_LIMIT, "slow", retry_after="34"))
    assert reply.headers["retry-after"] == "34"
    assert inner["details"] == [{**RETRY, "retryDelay": "34s"}]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"<html>secret</html>", "the upstream answered with HTTP status 502 and no error message"),
        (b"", "the upstream answered with HTTP status 502 and no error message"),
        (b"upstream connect error", "upstream connect error"),
        (b'{"detail": "no"}', "no"),
        (b'{"error": "no"}', "no"),
        (b'{"message": "no"}', "no"),
        (b"\xff\xfe", "\ufffd\ufffd"),
    ],
)
def test_whatever_else_is_named(body: bytes, message: str) -> None:
    error = decode(body, 502)
    assert (error.message, error.http_status) == (message, 502)


@pytest.mark.parametrize("kind", ErrorKind)
def test_every_kind_can_be_told(kind: ErrorKind) -> None:
    reply, inner = encode(APIError(kind, "no", param="contents[0]"))
    assert reply.status == inner["code"]
    assert 400 <= reply.status <= 599
    assert reply.status != 529
    assert inner["status"].isupper()
    assert inner["details"][0]["fieldViolations"][0]["field"] == "contents[0]"
    assert reply.headers["x-request-id"] == "req_1"


def test_an_error_of_another_vendor_keeps_its_status_and_words() -> None:
    reply, inner = encode(
        APIError(ErrorKind.INVALID_REQUEST, "no", status=418, type="teapot", origin="anthropic", raw={"error": {"code": 3}})
    )
    assert reply.status == 418
    assert inner == {"code": 418, "message": "no", "status": "INVALID_ARGUMENT"}


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("prompt is too long: 210000 tokens > 200000 maximum", "(210000) exceeds the maximum number of tokens allowed (200000)"),
        (
            "maximum context length is 128000 tokens, your messages resulted in 130,500 tokens",
            "(130500) exceeds the maximum number of tokens allowed (128000)",
        ),
        ("too long", "exceeds the maximum number of tokens allowed. too long"),
    ],
)
def test_an_overflow_is_told_in_the_words_that_agents_act_on(message: str, told: str) -> None:
    _, inner = encode(APIError(ErrorKind.CONTEXT_OVERFLOW, message, origin="anthropic"))
    assert told in inner["message"]
    assert inner["message"].endswith(message)


@given(JSON_VALUES)
def test_any_body_is_an_error(value: object) -> None:
    for body in (value, {"error": value}, {"error": {"details": value, "code": value}}):
        encode(decode(body, 400))
