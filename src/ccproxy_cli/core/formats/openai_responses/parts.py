"""The parts of a message's or a tool output's content, both ways."""

from collections.abc import Sequence
from typing import assert_never

from ccproxy_cli.core.formats._blame import Blame, blamed
from ccproxy_cli.core.formats._openai.citations import read_annotations
from ccproxy_cli.core.formats._openai.media import FILES, PDF_START, read_audio, read_url, unsupported, write_audio, write_url
from ccproxy_cli.core.formats._wirekit import Unknown
from ccproxy_cli.core.formats.openai_responses import spelling
from ccproxy_cli.core.formats.openai_responses.wire import KIT, NAME, WireAudio, WireFile, WireImage, WirePart, WireRefusal, WireText
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.parts import (
    CacheMark,
    Excerpts,
    FileRef,
    Inline,
    Link,
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

INPUT_TEXT = "input_text"
OUTPUT_TEXT = "output_text"


def read_part(wire: WirePart, usual: str, path: str, blame: Blame) -> Part:
    """One part of a content list, where text is usually of type `usual`. Raises `blame` if it has no type or nothing in it."""
    match wire:
        case WireText():
            notes = {} if wire.type == usual else {spelling.TYPE: wire.type}
            cited = read_annotations(wire.extras["annotations"]) if "annotations" in wire.extras else ()
            return Text(wire.text, read_cache(wire.prompt_cache_breakpoint), spelling.ours(wire.extras, notes), citations=cited)
        case WireRefusal():
            return Refusal(wire.refusal, spelling.ours(wire.extras))
        case WireImage():
            return _read_image(wire, path, blame)
        case WireFile():
            return _read_file(wire, path, blame)
        case WireAudio():
            return _read_audio(wire)
        case Unknown(raw):
            if not isinstance(raw.get("type"), str):
                raise blamed(blame, f"{path}.type", "Field required")
            return Opaque(NAME, raw)
        case _:
            assert_never(wire)


def read_parts(wires: Sequence[WirePart], usual: str, path: str, blame: Blame) -> tuple[Part, ...]:
    """The parts of a content list."""
    return tuple([read_part(wire, usual, f"{path}[{index}]", blame) for index, wire in enumerate(wires)])


def read_content(content: str | list[WirePart], usual: str, path: str, blame: Blame) -> tuple[tuple[Part, ...], bool]:
    """The parts of a content, and whether it was one bare string."""
    if isinstance(content, str):
        return (Text(content),), True
    return read_parts(content, usual, path, blame), False


def write_content(parts: Sequence[Part], usual: str, *, flat: bool, path: str) -> str | list[WirePart]:
    """A content. Raises `BadRequest` for what cannot stand there."""
    match parts:
        case [Text(text)] if flat:
            return text
        case _:
            return [write_part(part, usual, f"{path}[{index}]") for index, part in enumerate(parts)]


def write_part(part: Part, usual: str, path: str) -> WirePart:
    """One part of a content list, its text of type `usual` unless noted otherwise. Raises `BadRequest` for what cannot stand there."""
    match part:
        case Text():
            kind = spelling.noted(part.extras, spelling.TYPE) or usual
            members = spelling.own_members(part.extras, "item")
            return WireText(type=kind, text=part.text, prompt_cache_breakpoint=write_cache(part.cache), extras=members)
        case Refusal():
            return WireRefusal(refusal=part.text, extras=spelling.own_members(part.extras, "item"))
        case Media():
            return _write_media(part, path)
        case Opaque():
            return Unknown({name: value for name, value in part.raw.items() if name != spelling.IN_MESSAGE})
        case Reasoning() | ToolCall() | ToolResult():
            raise unsupported(f"{type(part).__name__} inside a message", path)
        case _:
            assert_never(part)


def read_cache(raw: JSON) -> CacheMark | None:
    """A cache breakpoint. Its lifetimes are not those of other vendors, so that the mark asks for the vendor's default anywhere else."""
    return None if raw is None else CacheMark(extras=spelling.ours({spelling.BREAKPOINT: raw}))


def write_cache(mark: CacheMark | None) -> JSON:
    return None if mark is None else spelling.noted(mark.extras, spelling.BREAKPOINT)


def _read_image(wire: WireImage, path: str, blame: Blame) -> Media:
    cache, members = read_cache(wire.prompt_cache_breakpoint), dict(wire.extras)
    source: Inline | Link | FileRef
    if wire.image_url is not None:
        source = read_url(wire.image_url)
        if wire.file_id is not None:
            members["file_id"] = wire.file_id
    elif wire.file_id is not None:
        source = FileRef(FILES, wire.file_id)
    else:
        raise blamed(blame, path, "an image needs one of image_url and file_id")
    return Media(MediaKind.IMAGE, source, detail=wire.detail, cache=cache, extras=spelling.ours(members))


def _read_file(wire: WireFile, path: str, blame: Blame) -> Media:
    cache, members = read_cache(wire.prompt_cache_breakpoint), dict(wire.extras)
    source: Inline | Link | FileRef
    if wire.file_data is not None:
        source = read_url(wire.file_data)
        if isinstance(source, Link):
            kind = "application/pdf" if wire.file_data.startswith(PDF_START) else "application/octet-stream"
            source = Inline(kind, wire.file_data)
            members |= spelling.note(spelling.BARE)
        others = {"file_url": wire.file_url, "file_id": wire.file_id}
    elif wire.file_url is not None:
        source = Link(wire.file_url)
        others = {"file_id": wire.file_id}
    elif wire.file_id is not None:
        source, others = FileRef(FILES, wire.file_id), {}
    else:
        raise blamed(blame, path, "a file needs one of file_data, file_url and file_id")
    members |= {name: value for name, value in others.items() if value is not None}
    return Media(MediaKind.DOCUMENT, source, name=wire.filename, cache=cache, extras=spelling.ours(members))


def _read_audio(wire: WireAudio) -> Media | Opaque:
    audio = read_audio(wire.input_audio)
    if audio is None:
        return Opaque(NAME, KIT.write(wire))
    source, rest = audio
    return Media(MediaKind.AUDIO, source, extras=spelling.ours(wire.extras, spelling.dotted("input_audio", rest)))


def _write_media(media: Media, path: str) -> WirePart:
    members, cache = spelling.own_members(media.extras, "item", "input_audio"), write_cache(media.cache)
    match media.kind, media.source:
        case MediaKind.IMAGE, (Inline() | Link()) as source:
            return WireImage(image_url=write_url(source), detail=media.detail, prompt_cache_breakpoint=cache, extras=members)
        case MediaKind.IMAGE, FileRef(_, file_id):
            return WireImage(file_id=file_id, detail=media.detail, prompt_cache_breakpoint=cache, extras=members)
        case MediaKind.DOCUMENT, Inline(_, data) as source:
            written = data if spelling.said(media.extras, spelling.BARE) else write_url(source)
            return WireFile(file_data=written, filename=media.name, prompt_cache_breakpoint=cache, extras=members)
        case MediaKind.DOCUMENT, Link(url):
            return WireFile(file_url=url, filename=media.name, prompt_cache_breakpoint=cache, extras=members)
        case MediaKind.DOCUMENT, FileRef(_, file_id):
            return WireFile(file_id=file_id, filename=media.name, prompt_cache_breakpoint=cache, extras=members)
        case MediaKind.AUDIO, Inline() as source:
            return WireAudio(input_audio=write_audio(source, spelling.inner_members(media.extras, "input_audio")), extras=members)
        case kind, (PlainText() | Excerpts() | Link() | FileRef() | Inline()):
            raise unsupported(f"this kind of {kind.value}", path)
        case _:
            raise AssertionError("every source is above")
