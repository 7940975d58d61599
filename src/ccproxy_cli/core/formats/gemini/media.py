"""Media: bytes in the message and files elsewhere, both ways."""

import base64
import re

from ccproxy_cli.core.extras import Extras, Losses, extras_of
from ccproxy_cli.core.formats.gemini import spelling
from ccproxy_cli.core.formats.gemini.wire import NAME, Blob, FileData
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.media import image_type, refuse_others_files
from ccproxy_cli.core.parts import Excerpts, FileRef, Inline, Link, Media, MediaKind, PlainText

_STORES = ("gs://", "https://generativelanguage.googleapis.com/")
"""Where the vendor keeps files itself."""
_YOUTUBE = re.compile(r"https://(www\.)?(youtube\.com|youtu\.be)/")
_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "heic": "image/heic",
    "pdf": "application/pdf",
    "txt": "text/plain",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "mov": "video/quicktime",
}
_USUAL = {
    MediaKind.IMAGE: "image/jpeg",
    MediaKind.DOCUMENT: "application/pdf",
    MediaKind.AUDIO: "audio/mpeg",
    MediaKind.VIDEO: "video/mp4",
}


def decode_blob(wire: Blob, extras: Extras) -> Media:
    """Bytes in the message. `extras` are those of the part around it."""
    data = wire.data or ""
    notes: dict[str, JSON] = {spelling.MIME: wire.mime_type}
    if "-" in data or "_" in data:  # protobuf takes either alphabet
        data = data.translate(_TO_STANDARD)
        notes[spelling.URL_SAFE] = True
    media_type = wire.mime_type or ""
    return Media(
        kind_of(media_type),
        Inline(media_type, data),
        name=wire.display_name,
        extras=_joined(extras, {**spelling.inner("inlineData", wire.extras), **notes}),
    )


_TO_STANDARD = str.maketrans("-_", "+/")
_TO_URL_SAFE = str.maketrans("+/", "-_")


def decode_file(wire: FileData, extras: Extras) -> Media:
    """A file elsewhere: at the vendor, or on the web."""
    uri = wire.file_uri or ""
    notes: dict[str, JSON] = {spelling.MIME: wire.mime_type}
    kind = MediaKind.VIDEO if wire.mime_type is None and _YOUTUBE.match(uri) else kind_of(wire.mime_type or guess_type(uri) or "")
    return Media(
        kind,
        FileRef(NAME, uri) if uri.startswith(_STORES) else Link(uri),
        name=wire.display_name,
        extras=_joined(extras, {**spelling.inner("fileData", wire.extras), **notes}),
    )


def _joined(extras: Extras, members: dict[str, JSON]) -> Extras:
    return extras_of(NAME, {**extras.get(NAME, {}), **members})


def kind_of(media_type: str) -> MediaKind:
    """What a medium of that type is."""
    head = media_type.partition("/")[0]
    return MediaKind(head) if head in ("image", "audio", "video") else MediaKind.DOCUMENT


def guess_type(uri: str) -> str | None:
    """The media type that a file's name promises."""
    path = re.split(r"[?#]", uri, maxsplit=1)[0]
    return _TYPES.get(path.rpartition(".")[2].lower())


def encode_media(part: Media) -> dict[str, JSON] | None:
    """The part's data member; None for a source that cannot be written here."""
    notes = spelling.members_of(part.extras)
    named: dict[str, JSON] = {} if part.name is None else {"displayName": part.name}
    match part.source:
        case Inline(media_type, data):
            if spelling.URL_SAFE in notes:
                data = data.translate(_TO_URL_SAFE)
            typed: dict[str, JSON] = {"mimeType": media_type} if media_type or spelling.MIME not in notes else {}
            return {"inlineData": spelling.complete({**typed, "data": data, **named}, spelling.inner_members(part.extras, "inlineData"))}
        case PlainText(text, media_type):
            return {"inlineData": {"mimeType": media_type, "data": base64.b64encode(text.encode()).decode(), **named}}
        case Link(uri):
            return _encode_file(part, uri, named)
        case FileRef(issuer, uri) if issuer == NAME:
            return _encode_file(part, uri, named)
        case FileRef() | Excerpts():
            return None


def _encode_file(part: Media, uri: str, named: dict[str, JSON]) -> dict[str, JSON]:
    guessed = None if _YOUTUBE.match(uri) else guess_type(uri) or _USUAL[part.kind]
    media_type = spelling.members_of(part.extras).get(spelling.MIME, guessed)
    typed: dict[str, JSON] = {} if media_type is None else {"mimeType": media_type}
    return {"fileData": spelling.complete({**typed, "fileUri": uri, **named}, spelling.inner_members(part.extras, "fileData"))}


def fit_media(part: Media, path: str, losses: Losses) -> Media:
    """A medium of another format as the vendor takes it: images under their true type, and without what has no place.

    Raises:
        BadRequest: the file lives at another vendor.
    """
    source = part.source
    refuse_others_files(source, NAME, path)
    if isinstance(source, Inline) and part.kind is MediaKind.IMAGE:
        source = Inline(image_type(source), source.data)
    if part.detail not in (None, "auto"):
        losses.add(f"{path}.detail", f"{NAME} has no resolution hint that every model takes")
    for name, value in (("name", part.name), ("context", part.context)):
        if value is not None:
            losses.add(f"{path}.{name}", f"{NAME} has no {name} of a medium")
    return Media(part.kind, source, extras=part.extras)
