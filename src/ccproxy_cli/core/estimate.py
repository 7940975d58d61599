"""Input tokens by rule of thumb, for backends without a counter of their own. Always marked as an estimate."""

from ccproxy_cli.core.jsontext import JSON, dumps
from ccproxy_cli.core.parts import (
    Excerpts,
    Inline,
    Media,
    MediaKind,
    Opaque,
    Part,
    PlainText,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from ccproxy_cli.core.request import Message, Request, Tool

_ASCII_CHARS_PER_TOKEN = 3.8
"""English prose runs at about 4.2, code and JSON at about 3.2 characters a token in current vocabularies."""
_OTHER_CHARS_PER_TOKEN = 1.4
_PER_MESSAGE = 4
_PER_TOOL = 12
_IMAGE = 1600
"""Upper end of what the vendors bill for one image at ordinary detail (Anthropic: width x height / 750, at most about 1,600)."""
_MEDIA_SIZE = 8192
"""Bytes of a string in a body from which on it may be a picture."""
_PDF_BASE64_CHARS_PER_TOKEN = 24
"""A page is some 1,500 to 3,000 tokens and seldom under 50 kB."""


def estimate_tokens(request: Request) -> int:
    """Input tokens the request will cost, instructions, tools and media included."""
    tokens = sum(_part(part) for part in request.instructions)
    tokens += sum(_PER_MESSAGE + _message(message) for message in request.messages)
    for tool in request.tools or ():
        tokens += _PER_TOOL + _tool(tool)
    if request.output is not None and request.output.schema is not None:
        tokens += _json(request.output.schema)
    return max(tokens, 1)


def estimate_body(body: bytes) -> int:
    """Input tokens that a request's whole body will cost, without reading it.

    Of what has neither blanks nor escapes over thousands of characters, such as a picture in base64, only so much counts.
    """
    size = len(body)
    if size > _MEDIA_SIZE and (longest := [piece for piece in body.split(b'"') if len(piece) > _MEDIA_SIZE]):
        for piece in longest:
            if b" " not in piece and b"\\" not in piece:
                size -= len(piece) - round(min(len(piece), _IMAGE * _ASCII_CHARS_PER_TOKEN))
    return max(1, round(size / _ASCII_CHARS_PER_TOKEN))


def estimate_text(text: str) -> int:
    """Tokens of plain text."""
    ascii_chars = len(text) if text.isascii() else sum(1 for char in text if char < "\x80")
    return round(ascii_chars / _ASCII_CHARS_PER_TOKEN + (len(text) - ascii_chars) / _OTHER_CHARS_PER_TOKEN + 0.4) if text else 0


def _message(message: Message) -> int:
    return sum(_part(part) for part in message.parts)


def _tool(tool: Tool | Opaque) -> int:
    if isinstance(tool, Opaque):
        return _json(tool.raw)
    return estimate_text(tool.name) + estimate_text(tool.description or "") + (_json(tool.parameters) if tool.parameters is not None else 0)


def _json(value: JSON) -> int:
    return estimate_text(dumps(value).decode())


def _part(part: Part) -> int:
    match part:
        case Text(text) | Refusal(text) | Reasoning(text):
            return estimate_text(text)
        case ToolCall():
            return estimate_text(part.name) + estimate_text(part.arguments) + 8
        case ToolResult():
            return sum(_part(inner) for inner in part.parts) + 6
        case Media():
            return _media(part)
        case Opaque():
            return _json(part.raw)


def _media(media: Media) -> int:
    match media.source:
        case PlainText(text):
            return estimate_text(text)
        case Excerpts(parts):
            return sum(_part(part) for part in parts)
        case Inline(data=data) if media.kind is not MediaKind.IMAGE:
            return max(_IMAGE, len(data) // _PDF_BASE64_CHARS_PER_TOKEN)
        case _:
            return _IMAGE
