"""Input tokens by rule of thumb, for backends without a counter of their own. Always marked as an estimate.

The figures without another source are fitted to what recorded answers were billed (2026-09).
"""

import base64
import binascii

from attrs import frozen

from ccproxy_cli.core.imagesize import image_size
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
_SCHEMA_CHARS_PER_TOKEN = 4.6
"""Models are shown schemas in a shorter spelling than JSON."""
_PER_CALL = 8
_IMAGE = 1600
"""Upper end of what the vendors bill for one image at ordinary detail (Anthropic: width x height / 750, at most about 1,600)."""
_PIXELS_PER_TOKEN = 750
_LEAST_IMAGE = 65
_MEDIA_SIZE = 8192
"""Bytes of a string in a body from which on it may be a picture."""
_PDF_BASE64_CHARS_PER_TOKEN = 24
"""A page is some 1,500 to 3,000 tokens and seldom under 50 kB."""


@frozen
class Weights:
    """What a vendor's models are told besides what the request says, in tokens."""

    message: int = 4
    """Around each message."""
    tool: int = 8
    """Around each tool."""
    tools: int = 0
    """Once, of how tools are called, if there are any."""
    shape: int = 0
    """Once, of how an answer is given a shape, if it is to have one."""
    shape_is_shown: bool = True
    """The answer's schema is part of the prompt."""


USUAL = Weights()


def estimate_tokens(request: Request, weights: Weights = USUAL) -> int:
    """Input tokens the request will cost, instructions, tools, thoughts, results and media included."""
    tokens = sum(_part(part) for part in request.instructions)
    tokens += sum(weights.message + _message(message) for message in request.messages)
    if request.tools:
        tokens += weights.tools + sum(weights.tool + _tool(tool) for tool in request.tools)
    if request.output is not None and request.output.schema is not None and weights.shape_is_shown:
        tokens += weights.shape + _schema(request.output.schema)
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
    parameters = 0 if tool.parameters is None else _schema(tool.parameters)
    return estimate_text(tool.name) + estimate_text(tool.description or "") + parameters


def _schema(schema: JSON) -> int:
    return round(len(dumps(schema)) / _SCHEMA_CHARS_PER_TOKEN)


def _json(value: JSON) -> int:
    return estimate_text(dumps(value).decode())


def _part(part: Part) -> int:
    match part:
        case Text(text) | Refusal(text) | Reasoning(text):
            return estimate_text(text)
        case ToolCall():
            return estimate_text(part.name) + estimate_text(part.arguments) + _PER_CALL
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
        case Inline(data=data) if media.kind is MediaKind.IMAGE:
            return _image(data)
        case Inline(media_type=kind, data=data) if kind.startswith("text/"):
            return _text_file(data)
        case Inline(data=data):
            return max(_IMAGE, len(data) // _PDF_BASE64_CHARS_PER_TOKEN)
        case _:
            return _IMAGE


def _image(data: str) -> int:
    size = image_size(data)
    if size is None or not size.width * size.height:
        return _IMAGE
    return min(_IMAGE, max(_LEAST_IMAGE, size.width * size.height // _PIXELS_PER_TOKEN))


def _text_file(data: str) -> int:
    try:
        return estimate_text(base64.b64decode(data, validate=True).decode())
    except (binascii.Error, UnicodeDecodeError):
        return _IMAGE


# Learning from bills

_FURTHEST = 4.0
"""An answer billed at so many times its estimate, or so small a part of it, was about something else than the prompt."""
_AT_ONCE = 0.25
"""The part of all that was learned that one answer may add to it."""
_FIRST = 1_000.0
_ENOUGH = 20_000.0
"""Tokens: what an estimate is worth before anything was billed, and what all bills are worth together. What is old fades beyond that."""


@frozen
class Scale:
    """By how much estimates for one model miss what its answers were billed."""

    estimated: float = _FIRST
    billed: float = _FIRST

    @property
    def factor(self) -> float:
        """What to multiply an estimate by: from a quarter to four."""
        return self.billed / self.estimated

    @property
    def is_settled(self) -> bool:
        """As much was learned as counts at once."""
        return self.estimated > _ENOUGH * (1 - _AT_ONCE)

    def after(self, estimated: int, billed: int) -> "Scale":
        """The scale once a further answer is known. Large prompts say more than small ones, and none says all."""
        if estimated <= 0 or billed <= 0:
            return self
        missed = min(max(billed / estimated, 1 / _FURTHEST), _FURTHEST)
        worth = min(float(estimated), self.estimated * _AT_ONCE)
        total = self.estimated + worth
        fading = min(1.0, _ENOUGH / total)
        return Scale(total * fading, (self.billed + worth * missed) * fading)
