"""Sources of images and documents, and what of them the vendor can take."""

from typing import assert_never

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.anthropic.wire import NAME
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.media import image_type, refuse_others_files, words_of
from ccproxy_cli.core.parts import Excerpts, FileRef, Inline, Link, Media, MediaKind, PlainText

_PDF = "application/pdf"


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
    refuse_others_files(source, NAME, path)
    if not isinstance(source, Inline):
        return part
    if part.kind is MediaKind.IMAGE:
        source = Inline(image_type(source), source.data)
    elif source.media_type.startswith("text/"):
        source = PlainText(words_of(source, path))
    elif source.media_type != _PDF:
        raise BadRequest(f"{path}: {NAME} takes PDF and text documents, not {source.media_type[:80]!r}", path)
    return Media(part.kind, source, part.name, part.context, cache=part.cache, extras=part.extras)


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
