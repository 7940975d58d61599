"""From what stands on a command line to a neutral request."""

import base64
import json
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ccproxy_cli.config.origin import ConfigError, Kind, Origin, Problem
from ccproxy_cli.core.parts import Inline, Link, Media, MediaKind, Part, PlainText, Text

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
)
_LINK = re.compile(r"https?://", re.IGNORECASE)


def usage_error(message: str, option: str = "") -> ConfigError:
    """A mistake on the command line: exit code 2."""
    return ConfigError([Problem(message, Origin(Kind.COMMAND_LINE, option)) if option else Problem(message)])


def piped_input() -> str:
    """What is piped in; nothing on a terminal."""
    if sys.stdin is None or sys.stdin.isatty():
        return ""
    return sys.stdin.buffer.read().decode("utf-8", "replace")


def gather_parts(text: str, files: Sequence[Path], attachments: Sequence[str]) -> tuple[Part, ...]:
    """The parts of the one message: attachments, files, and the words last, where models look for the question.

    Raises:
        ConfigError: nothing to ask, or a file that cannot be sent.
    """
    parts = [*(_attachment(name) for name in attachments), *(_file(path) for path in files)]
    if text.strip():
        parts.append(Text(text))
    if not parts:
        raise usage_error("nothing to ask: give a PROMPT, pipe text in, or name a file with -f")
    return tuple(parts)


def media_type_of(data: bytes) -> str | None:
    """The type of an image or PDF, told by its first bytes; None for anything else."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((media_type for signature, media_type in _SIGNATURES if data.startswith(signature)), None)


def _read(path: Path, option: str) -> bytes:
    try:
        return path.expanduser().read_bytes()
    except OSError as error:
        raise usage_error(f"{path}: {error.strerror}", option) from error


def _inline(path: Path, data: bytes, media_type: str) -> Media:
    kind = MediaKind.IMAGE if media_type.startswith("image/") else MediaKind.DOCUMENT
    name = path.name if kind is MediaKind.DOCUMENT else None
    return Media(kind, Inline(media_type, base64.b64encode(data).decode()), name=name)


def _attachment(name: str) -> Media:
    if _LINK.match(name):
        is_pdf = name.partition("?")[0].lower().endswith(".pdf")
        return Media(MediaKind.DOCUMENT if is_pdf else MediaKind.IMAGE, Link(name))
    path = Path(name)
    data = _read(path, "--attach")
    media_type = media_type_of(data)
    if media_type is None:
        raise usage_error(f"{name} is neither a PNG, JPEG, GIF or WebP image nor a PDF; send text with -f", "--attach")
    return _inline(path, data, media_type)


def _file(path: Path) -> Part:
    data = _read(path, "--file")
    if media_type := media_type_of(data):
        return _inline(path, data, media_type)
    try:
        return Media(MediaKind.DOCUMENT, PlainText(data.decode()), name=path.name)
    except UnicodeDecodeError as error:
        raise usage_error(f"{path} is neither UTF-8 text nor an image or PDF", "--file") from error


_TYPES = {
    "str": "string",
    "string": "string",
    "int": "integer",
    "integer": "integer",
    "float": "number",
    "number": "number",
    "bool": "boolean",
}


def read_schema(text: str) -> dict[str, Any]:
    """A JSON Schema given as JSON, as the name of a file, or in short: `name, age int, email: where to write`.

    Raises:
        ConfigError: it is none of these.
    """
    source = text.strip()
    if not source.startswith("{") and (path := Path(source)).suffix and path.is_file():
        source = path.read_text("utf-8")
    if source.startswith("{"):
        try:
            schema = json.loads(source)
        except json.JSONDecodeError as error:
            raise usage_error(f"the schema is not JSON: {error.msg} in line {error.lineno}", "--schema") from error
        if not isinstance(schema, dict):
            raise usage_error("the schema must be a JSON object", "--schema")
        return schema
    properties = dict(_short_fields(source))
    if not properties:
        raise usage_error("the schema is empty", "--schema")
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _short_fields(source: str) -> Iterator[tuple[str, dict[str, str]]]:
    for item in filter(None, (piece.strip() for piece in re.split(r"[\n,]", source))):
        declared, _, description = (piece.strip() for piece in item.partition(":"))
        name, _, kind = declared.partition(" ")
        kind = kind.strip() or "str"
        if not name.isidentifier() or kind not in _TYPES:
            raise usage_error(
                f"cannot read {item!r}: write fields as 'name', 'age int' or 'email: where to write', or name a file", "--schema"
            )
        yield name, {"type": _TYPES[kind]} | ({"description": description} if description else {})
