"""What an answer that is passed on cost, without building the answer.

An answer of the usual shape is checked where it stands. Any other is read in full, so that both agree on what is one.
"""

from typing import Any, Literal

import msgspec

from ccproxy_cli.core.formats.anthropic.response import decode_response
from ccproxy_cli.core.formats.anthropic.usage import decode_usage, read_usage
from ccproxy_cli.core.response import Receipt


class _Text(msgspec.Struct, tag_field="type", tag="text", gc=False):
    text: str
    cache_control: None = None


class _Thinking(msgspec.Struct, tag_field="type", tag="thinking", gc=False):
    thinking: str
    signature: str | None = None


class _ToolUse(msgspec.Struct, tag_field="type", tag="tool_use", gc=False):
    id: str
    name: str
    input: dict[str, msgspec.Raw]
    cache_control: None = None


class _Answer(msgspec.Struct, gc=False):
    id: str
    model: str
    content: list[_Text | _Thinking | _ToolUse]
    type: Literal["message"] = "message"
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: dict[str, Any] | None = None


_decode = msgspec.json.Decoder(_Answer).decode


def read_receipt(body: bytes) -> Receipt:
    """The receipt of the answer to a request that did not stream. Raises as `decode_response` does."""
    try:
        answer = _decode(body)
        if not body.isascii():
            body.decode()  # of what it skips, the decoder does not check the encoding
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        whole = decode_response(body)
        return Receipt(whole.id, whole.usage)
    return Receipt(answer.id, decode_usage(read_usage(answer.usage)))
