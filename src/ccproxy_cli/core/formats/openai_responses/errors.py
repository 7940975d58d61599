"""Errors, both ways: those of whole replies as in the vendor's other format, those of streams in this format's own two events."""

from collections.abc import Mapping
from typing import Any

from ccproxy_cli.core.errors import APIError
from ccproxy_cli.core.formats._openai import errors as openai_errors
from ccproxy_cli.core.formats.openai_responses.wire import NAME
from ccproxy_cli.core.framing import encode_frame
from ccproxy_cli.core.http import HTTPReply
from ccproxy_cli.core.ids import digest_id
from ccproxy_cli.core.jsontext import JSON, dumps

_NO_REASON = "the upstream broke the answer off without a reason"


def decode_error(reply: HTTPReply) -> APIError:
    """What an upstream's reply with an error status says. Any body will do."""
    return openai_errors.decode_error(reply, NAME)


def encode_error(error: APIError, request_id: str) -> HTTPReply:
    """The error as a reply to a client."""
    return openai_errors.encode_error(error, request_id, NAME)


def error_in_answer(value: Mapping[str, Any]) -> APIError:
    """What a failed answer, or an `error` event in either of its two shapes, says.

    The reference has `code` and `message` in the event itself; the vendor was recorded to put them one level deeper (2026-09).
    """
    inner = value.get("error")
    if isinstance(inner, dict | str) and inner:
        return openai_errors.error_in_answer({"error": inner}, NAME)
    if isinstance(value.get("message"), str):
        inner = {name: value[name] for name in ("message", "code", "param") if value.get(name) is not None}
        return openai_errors.error_in_answer({"error": inner}, NAME)
    return openai_errors.error_in_answer({"error": {"message": _NO_REASON}}, NAME)


def error_event(error: APIError, sequence_number: int) -> bytes:
    """The frame that tells an error inside a stream, in both shapes at once: each has its readers."""
    inner = openai_errors.error_body(error, NAME)["error"]
    flat = {name: inner.get(name) for name in ("code", "message", "param")}
    return encode_frame(dumps({"type": "error", "sequence_number": sequence_number, **flat, "error": inner}), b"error")


def failed_event(error: APIError, shell: Mapping[str, JSON], sequence_number: int) -> bytes:
    """The frame that ends a failed stream. Codex acts on this one alone, and on its code."""
    inner = openai_errors.error_body(error, NAME)["error"]
    told = {"code": inner.get("code") or "server_error", "message": inner["message"]}
    response = {**shell, "status": "failed", "error": told}
    return encode_frame(dumps({"type": "response.failed", "sequence_number": sequence_number, "response": response}), b"response.failed")


def encode_stream_error(error: APIError, request_id: str) -> bytes:
    """The error as the last frames of a stream of which nothing is known any more. Official clients stop reading at the first."""
    shell: dict[str, JSON] = {
        "id": "resp_" + digest_id(request_id),
        "object": "response",
        "created_at": 0,
        "model": "",
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }
    return error_event(error, 0) + failed_event(error, shell, 1)
