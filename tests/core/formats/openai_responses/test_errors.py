"""Errors in streams."""

from typing import Any

from hypothesis import given

from ccproxy_cli.core.formats.openai_responses import FORMAT
from tests.core.formats.openai_responses.responses import created, events_of, frames
from tests.strategies import JSON_VALUES


@given(JSON_VALUES)
def test_any_error_event_ends_the_stream_with_an_error(value: Any) -> None:
    (_, last) = events_of(frames(created(), {"type": "error", "error": value}))
    assert FORMAT.encode_stream_error(last.error, "r")  # type: ignore[union-attr]
