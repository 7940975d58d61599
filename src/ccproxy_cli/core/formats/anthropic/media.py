"""Sources of images and documents, and what of them the vendor can take."""

import base64
import binascii
from typing import assert_never

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.anthropic.wire import NAME
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.parts import Excerpts, FileRef, Inline, Link, Media, MediaKind, PlainText

_PDF = "application/pdf"
_MAGIC = (("iVBORw0KGgo", "image/png"), ("/9j/", "image/jpeg"), ("R0lGOD", "image/gif"), ("UklGR", "image/webp"))
"""How the first bytes of each image type look in base64."""


def fit_media(part: Media, path: str, losses: Losses) -> Media:
    """`part` as the vendor takes it: images under their true type, text documents as text.

    Raises:
        BadRequest: the vendor has no place for this medium, or cannot read the file.
    """
    if part.kind in (MediaKind.AUDIO, MediaKind.VIDEO):
        raise BadRequest(f"{path}: {NAME} takes no {part.kind.value} input", path)
    if part.detail not in (None, "auto"):
        losses.add(f"{path}.detail", f"{NAME} has no resolution hint")
    source = part.source
    if isinstance(source, FileRef) and source.issuer != NAME:
        raise BadRequest(f"{path}: the file {source.file_id[:80]!r} lives at {source.issuer}, where {NAME} cannot read it", path)
    if not isinstance(source, Inline):
        return part
    if part.kind is MediaKind.IMAGE:
        source = Inline(_image_type(source), source.data)
    elif source.media_type.startswith("text/"):
        source = _as_text(source, path)
    elif source.media_type != _PDF:
        raise BadRequest(f"{path}: {NAME} takes PDF and text documents, not {source.media_type[:80]!r}", path)
    return Media(part.kind, source, part.name, part.context, cache=part.cache, extras=part.extras)


def _image_type(source: Inline) -> str:
    """Clients mislabel images, and the vendor refuses an image whose bytes are of another type than its label."""
    for start, media_type in _MAGIC:
        if source.data.startswith(start):
            return media_type
    return "image/jpeg" if source.media_type == "image/jpg" else source.media_type


def _as_text(source: Inline, path: str) -> PlainText:
    try:
        return PlainText(base64.b64decode(source.data, validate=True).decode())
    except (binascii.Error, UnicodeDecodeError) as error:
        raise BadRequest(f"{path}: the text document is not base64 of UTF-8 text", path) from error


def encode_source(part: Media, excerpts: JSON) -> dict[str, JSON]:
    """The `source` of a block; `excerpts` is its encoded content where the document is given in parts."""
    match part.source:
        case Inline(media_type, data):
            return {"type": "base64", "media_type": media_type, "data": data}
        case Link(url):
            return {"type": "url", "url": url}
        case FileRef(_, file_id):
            return {"type": "file", "file_id": file_id}
        case PlainText(text, media_type):
            return {"type": "text", "media_type": media_type, "data": text}
        case Excerpts():
            return {"type": "content", "content": excerpts}
        case _:
            assert_never(part.source)
