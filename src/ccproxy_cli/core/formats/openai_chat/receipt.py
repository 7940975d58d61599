"""What an answer that is passed on cost, without building the answer.

An answer of the usual shape, which is one message of plain text, is checked where it stands. Any other is read in full, so that both
agree on what is one.
"""

from typing import Annotated, Any, Literal

import msgspec

from ccproxy_cli.core.formats.openai_chat.finish import read_usage
from ccproxy_cli.core.formats.openai_chat.response import decode_response
from ccproxy_cli.core.response import Receipt


class _Message(msgspec.Struct, gc=False):
    role: Literal["assistant"]
    content: str | None = None
    refusal: str | None = None
    name: None = None
    tool_call_id: None = None
    tool_calls: None = None
    function_call: None = None


class _Choice(msgspec.Struct, gc=False):
    message: _Message
    index: int | None = None
    finish_reason: str | None = None


class _Answer(msgspec.Struct, gc=False):
    choices: Annotated[list[_Choice], msgspec.Meta(min_length=1)]
    id: str | None = None
    object: str | None = None
    created: int | None = None
    model: str | None = None
    error: None = None
    usage: Any = None


_decode = msgspec.json.Decoder(_Answer).decode


def read_receipt(body: bytes) -> Receipt:
    """The receipt of an upstream's answer. Raises as `decode_response` does."""
    try:
        answer = _decode(body)
        if not body.isascii():
            body.decode()  # of what it skips, the decoder does not check the encoding
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        whole = decode_response(body)
        return Receipt(whole.id, whole.usage)
    return Receipt(answer.id or "", read_usage(answer.usage))
