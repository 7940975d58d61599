"""Errors in streams."""

from ccproxy_cli.core.errors import APIError, ErrorKind
from ccproxy_cli.core.formats.openai_chat import FORMAT
from tests.core.formats.openai_chat.chat import events_of


def test_an_error_in_a_stream_is_read_as_it_was_written() -> None:
    (event,) = events_of(FORMAT.encode_stream_error(APIError(ErrorKind.OVERLOADED, "busy"), "req_ours"))
    assert (event.error.kind, event.error.message) == (ErrorKind.OVERLOADED, "busy")  # type: ignore[union-attr]
