import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.errors import APIError, BadRequest, ErrorKind
from ccproxy_cli.core.formats.anthropic import FORMAT
from ccproxy_cli.core.formats.anthropic.errors import fits_retry_after
from ccproxy_cli.core.framing import SSEDecoder
from ccproxy_cli.core.http import HTTPReply
from tests.strategies import JSON_VALUES


def reply(status: int, body: Any, **headers: str) -> HTTPReply:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HTTPReply(status, data, {name.replace("_", "-"): value for name, value in headers.items()})


def said(word: str, message: str = "m", **more: Any) -> dict[str, Any]:
    return {"type": "error", "error": {"type": word, "message": message, **more}, "request_id": "req_1"}


READ: list[tuple[int, str, ErrorKind]] = [
    (400, "invalid_request_error", ErrorKind.INVALID_REQUEST),
    (401, "authentication_error", ErrorKind.AUTHENTICATION),
    (402, "billing_error", ErrorKind.BILLING),
    (403, "permission_error", ErrorKind.PERMISSION),
    (404, "not_found_error", ErrorKind.NOT_FOUND),
    (409, "conflict_error", ErrorKind.CONFLICT),
    (413, "request_too_large", ErrorKind.TOO_LARGE),
    (422, "invalid_request_error", ErrorKind.UNPROCESSABLE),
    (429, "rate_limit_error", ErrorKind.RATE_LIMIT),
    (500, "api_error", ErrorKind.BAD_UPSTREAM),
    (503, "api_error", ErrorKind.OVERLOADED),
    (504, "timeout_error", ErrorKind.UPSTREAM_TIMEOUT),
    (529, "overloaded_error", ErrorKind.OVERLOADED),
    (500, "overloaded_error", ErrorKind.OVERLOADED),
    (400, "a word of tomorrow", ErrorKind.INVALID_REQUEST),
    (418, "a word of tomorrow", ErrorKind.INVALID_REQUEST),
    (520, "a word of tomorrow", ErrorKind.BAD_UPSTREAM),
]


@pytest.mark.parametrize(("status", "word", "kind"), READ)
def test_an_error_is_read_and_written_as_it_was(status: int, word: str, kind: ErrorKind) -> None:
    error = FORMAT.decode_error(reply(status, said(word, details={"a": 1})))
    assert (error.kind, error.status, error.type, error.origin, error.message, error.request_id) == (
        kind,
        status,
        word,
        "anthropic",
        "m",
        "req_1",
    )
    again = FORMAT.encode_error(error, "ours")
    assert json.loads(again.body) == said(word, details={"a": 1})
    assert again.status == status


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "HTTP status 502"),
        (b"  \n", "HTTP status 502"),
        (b"<html><body>Bad Gateway</body></html>", "HTTP status 502"),
        (b"\xff\xfe upstream connect error", "upstream connect error"),
        (b"upstream connect error", "upstream connect error"),
        (b'{"detail":"no such plan"}', "no such plan"),
        (b'{"detail":[{"loc":["a"]}]}', '[{"loc":["a"]}]'),
        (b'{"message":"plain"}', "plain"),
        (b'{"error":"a string"}', "a string"),
        (b'{"error":{"message":"openai","type":"x","code":"y"}}', "openai"),
        (b'[{"error":{"message":"listed"}}]', "listed"),
        (b'{"error":{"type":"api_error"}}', "HTTP status 502"),
        (b"null", "null"),
        (b'"text"', "text"),
    ],
)
def test_whatever_came_is_an_error_with_words(body: bytes, message: str) -> None:
    error = FORMAT.decode_error(HTTPReply(502, body, {}))
    assert message in error.message
    assert "<" not in error.message
    assert error.kind is ErrorKind.BAD_UPSTREAM


def test_pages_are_never_repeated_and_messages_never_long() -> None:
    page = FORMAT.decode_error(reply(500, b"oops <b>secret</b>", content_type="text/html"))
    assert "secret" not in page.message
    for long in (b"x" * 100_000, said("api_error", "y" * 100_000)):
        assert len(FORMAT.encode_error(FORMAT.decode_error(reply(500, long)), "r").body) < 4096


@given(st.integers(400, 599), st.binary(max_size=40) | JSON_VALUES.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_an_error_and_go_out_as_one(status: int, body: bytes) -> None:
    again = FORMAT.encode_error(FORMAT.decode_error(HTTPReply(status, body, {})), "r")
    value = json.loads(again.body)
    assert value["type"] == "error"
    assert isinstance(value["error"]["type"], str)
    assert value["error"]["message"]
    assert 400 <= again.status <= 599


def test_a_prompt_that_is_too_long_is_known() -> None:
    error = FORMAT.decode_error(reply(400, said("invalid_request_error", "prompt is too long: 250000 tokens > 200000 maximum")))
    assert error.kind is ErrorKind.CONTEXT_OVERFLOW
    assert json.loads(FORMAT.encode_error(error, "").body)["error"]["message"] == "prompt is too long: 250000 tokens > 200000 maximum"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "This model's maximum context length is 128000 tokens. However, your messages resulted in 130001 tokens.",
            "prompt is too long: 130001 tokens > 128000 maximum",
        ),
        (
            "The input token count (1,200,000) exceeds the maximum number of tokens allowed (1,048,576).",
            "prompt is too long: 1200000 tokens > 1048576 maximum",
        ),
        (
            "maximum context length is 8192 tokens, however you requested 9000 tokens (8000 in your prompt; 1000 for the completion).",
            "prompt is too long: 9000 tokens > 8192 maximum",
        ),
        (
            "Your input exceeds the context window of this model.",
            "prompt is too long: Your input exceeds the context window of this model.",
        ),
        ("prompt is too long", "prompt is too long"),
    ],
)
def test_an_overflow_elsewhere_is_told_in_the_words_that_make_agents_compact(text: str, told: str) -> None:
    error = APIError(ErrorKind.CONTEXT_OVERFLOW, text, status=400, origin="openai-chat", code="context_length_exceeded", type="x")
    again = FORMAT.encode_error(error, "r")
    assert json.loads(again.body) == {"type": "error", "error": {"type": "invalid_request_error", "message": told}, "request_id": "r"}


KINDS: list[tuple[ErrorKind, int, str]] = [
    (ErrorKind.INVALID_REQUEST, 400, "invalid_request_error"),
    (ErrorKind.CONTEXT_OVERFLOW, 400, "invalid_request_error"),
    (ErrorKind.AUTHENTICATION, 401, "authentication_error"),
    (ErrorKind.BILLING, 402, "billing_error"),
    (ErrorKind.PERMISSION, 403, "permission_error"),
    (ErrorKind.NOT_FOUND, 404, "not_found_error"),
    (ErrorKind.METHOD_NOT_ALLOWED, 405, "invalid_request_error"),
    (ErrorKind.REQUEST_TIMEOUT, 408, "invalid_request_error"),
    (ErrorKind.CONFLICT, 409, "conflict_error"),
    (ErrorKind.TOO_LARGE, 413, "request_too_large"),
    (ErrorKind.UNSUPPORTED_MEDIA, 415, "invalid_request_error"),
    (ErrorKind.UNPROCESSABLE, 422, "invalid_request_error"),
    (ErrorKind.UPGRADE_REFUSED, 426, "invalid_request_error"),
    (ErrorKind.RATE_LIMIT, 429, "rate_limit_error"),
    (ErrorKind.QUOTA, 429, "rate_limit_error"),
    (ErrorKind.HEADERS_TOO_LARGE, 431, "invalid_request_error"),
    (ErrorKind.INTERNAL, 500, "api_error"),
    (ErrorKind.BAD_UPSTREAM, 502, "api_error"),
    (ErrorKind.UPSTREAM_TIMEOUT, 504, "timeout_error"),
    (ErrorKind.LOOP, 508, "api_error"),
    (ErrorKind.OVERLOADED, 529, "overloaded_error"),
]


@pytest.mark.parametrize(("kind", "status", "word"), KINDS)
def test_every_kind_is_told(kind: ErrorKind, status: int, word: str) -> None:
    again = FORMAT.encode_error(APIError(kind, "m", type="server_error", origin="openai-chat"), "r")
    assert (again.status, json.loads(again.body)["error"]["type"]) == (status, word)
    assert again.headers["content-type"] == "application/json"
    assert again.headers["request-id"] == "r"
    assert again.headers.get("x-should-retry") == ("false" if kind in (ErrorKind.AUTHENTICATION, ErrorKind.QUOTA) else None)


def test_the_table_of_kinds_is_complete() -> None:
    assert {kind for kind, _, _ in KINDS} == set(ErrorKind)


def test_a_status_of_no_error_is_never_passed_on() -> None:
    assert FORMAT.encode_error(APIError(ErrorKind.BAD_UPSTREAM, "m", status=302), "r").status == 502
    assert FORMAT.encode_error(APIError(ErrorKind.OVERLOADED, "m", status=503), "r").status == 503


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ("7", True),
        ("0.5", True),
        ("86400", True),
        ("86401", False),
        ("-1", False),
        ("nan", False),
        ("9" * 400, False),
        ("Wed, 21 Oct 2026 07:28:00 GMT", True),
        ("x" * 33, False),
        ("", False),
    ],
)
def test_only_sane_waits_are_passed_on(value: str, fits: bool) -> None:
    assert fits_retry_after(value) == fits
    again = FORMAT.encode_error(APIError(ErrorKind.RATE_LIMIT, "m", retry_after=value), "r")
    assert again.headers.get("retry-after") == (value if fits else None)


def test_what_the_vendor_knows_of_retrying_is_passed_on() -> None:
    error = FORMAT.decode_error(reply(429, said("rate_limit_error"), retry_after="7", x_should_retry="true", request_id="req_9"))
    assert (error.retry_after, error.should_retry, error.request_id) == ("7", True, "req_9")
    again = FORMAT.encode_error(error, "ours")
    assert (again.headers["retry-after"], again.headers["x-should-retry"], again.headers["request-id"]) == ("7", "true", "req_9")


def test_a_spend_limit_is_no_rate_limit() -> None:
    error = FORMAT.decode_error(reply(429, said("rate_limit_error", details={"error_code": "enforced_spend_limit_reached"})))
    assert error.kind is ErrorKind.QUOTA


def test_the_fault_of_a_client_names_the_field() -> None:
    again = FORMAT.encode_error(BadRequest("messages[0]: bad", "messages[0]").error, "r")
    assert json.loads(again.body) == {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "messages[0]: bad"},
        "request_id": "r",
    }


def test_further_headers_go_along() -> None:
    again = FORMAT.encode_error(APIError(ErrorKind.METHOD_NOT_ALLOWED, "m", headers={"allow": "POST"}), "r")
    assert again.headers["allow"] == "POST"


def test_an_error_in_a_stream_is_an_event() -> None:
    (frame,) = SSEDecoder().feed(FORMAT.encode_stream_error(APIError(ErrorKind.UPSTREAM_TIMEOUT, "late"), "r"))
    assert frame.event == b"error"
    assert json.loads(frame.data) == {"type": "error", "error": {"type": "timeout_error", "message": "late"}, "request_id": "r"}
