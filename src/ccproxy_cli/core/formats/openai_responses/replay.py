"""A whole answer told again as a stream, for clients that lost theirs."""

from typing import Any

from ccproxy_cli.core.formats.openai_responses.encoder import ResponsesStreamEncoder
from ccproxy_cli.core.formats.openai_responses.response import decode_response
from ccproxy_cli.core.framing import SSEDecoder, encode_frame
from ccproxy_cli.core.jsontext import dumps, loads
from ccproxy_cli.core.request import Request
from ccproxy_cli.core.stream import explode

_ENDS = ("response.completed", "response.incomplete", "response.failed")


def told_again(body: bytes, after: int) -> bytes:
    """The frames of an answer's stream.

    Args:
        after: number of the last event that is not to be told; the first is 0.
    """
    answer = loads(body)
    encoder, decoder = ResponsesStreamEncoder(Request(answer["model"], ())), SSEDecoder()
    frames = decoder.feed(b"".join(map(encoder.encode, explode(decode_response(body)))))
    events = [_dressed(loads(frame.data), answer) for frame in frames]
    return b"".join(encode_frame(dumps(event), event["type"].encode()) for event in events if event["sequence_number"] > after)


def _dressed(event: Any, answer: Any) -> Any:
    """An event about the answer itself, with what the answer says of itself."""
    if "response" not in event:
        return event
    begun: dict[str, Any] = {"status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    return {**event, "response": answer if event["type"] in _ENDS else {**answer, **begun}}
