"""Errors, both ways: in this format those of a stream look as those of whole replies do."""

from collections.abc import Mapping

from ccproxy_cli.core.errors import APIError
from ccproxy_cli.core.formats._openai import errors
from ccproxy_cli.core.formats.openai_chat.wire import NAME
from ccproxy_cli.core.framing import encode_frame
from ccproxy_cli.core.http import HTTPReply
from ccproxy_cli.core.jsontext import JSON, dumps


def decode_error(reply: HTTPReply) -> APIError:
    """What an upstream's reply with an error status says. Any body will do."""
    return errors.decode_error(reply, NAME)


def error_in_answer(value: Mapping[str, JSON]) -> APIError:
    """The `error` that stands where an answer should, in a body or a chunk whose status said success."""
    return errors.error_in_answer(value, NAME)


def encode_error(error: APIError, request_id: str) -> HTTPReply:
    """The error as a reply to a client."""
    return errors.encode_error(error, request_id, NAME)


def encode_stream_error(error: APIError, request_id: str) -> bytes:
    """The error as the last frame of a stream: official clients raise on any chunk with an `error`. No `[DONE]` follows.

    Args:
        request_id: has no place in this format's frames.
    """
    return encode_frame(dumps(errors.error_body(error, NAME)))
