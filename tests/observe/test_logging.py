"""One JSON line for each request, and nothing that should not be in it."""

import io
import json
import logging

import pytest

from ccproxy_cli.observe.logging import JSONFormatter, RequestLine, RequestLog
from ccproxy_cli.observe.redact import Redactor


def line(outcome: str = "ok", **more: object) -> RequestLine:
    return RequestLine("req_1", "anthropic", 200, outcome, "POST", "/v1/messages", **more)  # type: ignore[arg-type]


def logged(*lines: RequestLine, level: str = "info", redactor: Redactor | None = None) -> list[dict[str, object]]:
    stream = io.BytesIO()
    log = RequestLog(stream, level, redactor, clock=lambda: 1_790_000_000.25)
    for one in lines:
        log(one)
    return [json.loads(text) for text in stream.getvalue().splitlines()]


def test_a_line_says_what_happened() -> None:
    (found,) = logged(line(backend="up", model="m", tries=1))
    assert found["ts"] == "2026-09-21T14:13:20.250Z"
    assert (found["level"], found["event"], found["id"]) == ("info", "request", "req_1")
    assert (found["backend"], found["model"], found["tries"], found["outcome"]) == ("up", "m", 1, "ok")
    assert "traceback" not in found


def test_what_was_lost_is_told_clean_and_at_no_great_length() -> None:
    key = "sk-0123456789abcdefghij"
    (found,) = logged(line(losses=f"top_k,{key},answer.citations"))
    assert str(found["losses"]).startswith("top_k,")
    assert str(found["losses"]).endswith(",answer.citations")
    assert key not in str(found)
    assert len(str(logged(line(losses="a," * 10_000))[0]["losses"])) == 1024
    assert logged(line())[0]["losses"] is None


def test_what_failed_before_an_answer_is_told_without_secrets() -> None:
    key = "sk-0123456789abcdefghij"
    (found,) = logged(line(tries=2, failures=f"up/{key} overloaded 529, up/m rate_limit 429"))
    assert str(found["failures"]).endswith(" overloaded 529, up/m rate_limit 429")
    assert key not in str(found["failures"])
    assert logged(line(tries=1))[0]["failures"] is None


@pytest.mark.parametrize(
    ("outcome", "level"),
    [
        ("ok", "info"),
        ("client_gone", "info"),
        ("rejected", "info"),
        ("upstream_error", "warning"),
        ("upstream_timeout", "warning"),
        ("stream_broken", "warning"),
        ("overloaded", "warning"),
        ("internal", "error"),
    ],
)
def test_the_outcome_is_the_level(outcome: str, level: str) -> None:
    (found,) = logged(line(outcome))
    assert found["level"] == level
    assert len(logged(line(outcome), level="warning")) == (level != "info")
    assert len(logged(line(outcome), level="error")) == (level == "error")


def test_a_flood_of_rejections_is_cut_and_nothing_else_is() -> None:
    found = logged(*[line("rejected")] * 100, *[line("ok")] * 20)
    assert [one["outcome"] for one in found].count("rejected") == 10
    assert [one["outcome"] for one in found].count("ok") == 20


def test_what_clients_chose_is_short_clean_and_on_one_line() -> None:
    key = "sk-0123456789abcdefghij"
    stream = io.BytesIO()
    RequestLog(stream, redactor=Redactor([key]))(line("internal", model=f"{key}\n\x1b[31m" + "m" * 10_000, traceback=f"boom {key}"))
    text = stream.getvalue()
    assert text.count(b"\n") == 1
    assert b"\x1b" not in text
    assert key.encode() not in text
    assert len(text) < 1000


def test_what_libraries_log_has_the_same_shape() -> None:
    key = "sk-0123456789abcdefghij"
    error = RuntimeError(f"failed with {key}")
    info = (RuntimeError, error, None)
    record = logging.LogRecord("lib", logging.ERROR, "f.py", 1, "it broke: %s\nsecond", (key,), info)
    text = JSONFormatter(Redactor([key])).format(record)
    assert "\n" not in text
    assert key not in text
    found = json.loads(text)
    assert (found["level"], found["event"], found["logger"]) == ("error", "log", "lib")
    assert "RuntimeError" in found["traceback"]


class Terminal(io.BytesIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_line_is_for_people() -> None:
    stream = Terminal()
    log = RequestLog(stream, clock=lambda: 1_790_000_000.25)
    log(line(backend="up", model="gpt-5", stream=True, dur_ms=12.4))
    log(line("upstream_error", error_type="overloaded", model="evil\x1b[2J\nmodel"))
    log(line(client="ann", backend="up", model="gpt-5", cache="hit"))
    ok, failed, kept = stream.getvalue().decode().splitlines()
    assert ok == "14:13:20  200  POST  /v1/messages  gpt-5 -> up  stream  12 ms"
    assert failed == "14:13:20  200  POST  /v1/messages  evil?[2J?model  0 ms  upstream_error overloaded  req_1"
    assert kept == "14:13:20  200  POST  /v1/messages  by ann  gpt-5 -> up  kept  0 ms"
