"""The parts of a message's content, both ways."""

from collections.abc import Sequence
from typing import assert_never

from ccproxy_cli.core.extras import Extras
from ccproxy_cli.core.formats._blame import Blame, blamed
from ccproxy_cli.core.formats._openai.media import FILES, PDF_START, read_audio, read_url, unsupported, write_audio, write_url
from ccproxy_cli.core.formats._wirekit import Unknown
from ccproxy_cli.core.formats.openai_chat import spelling
from ccproxy_cli.core.formats.openai_chat.wire import (
    KIT,
    NAME,
    WireAudio,
    WireFile,
    WireImage,
    WirePart,
    WireRefusal,
    WireText,
    WireThinking,
)
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
    Source,
    Text,
    ToolCall,
    ToolResult,
)


def read_part(wire: WirePart, path: str, blame: Blame) -> Part:
    """One part of a content list. Raises `blame` if it has no type."""
    match wire:
        case WireText():
            members = dict(wire.extras)
            return Text(wire.text, read_cache(wire.cache_control, members), spelling.ours(members))
        case WireImage():
            return _read_image(wire)
        case WireAudio():
            return _read_audio(wire)
        case WireFile():
            return _read_file(wire)
        case WireRefusal():
            return Refusal(wire.refusal, spelling.ours(wire.extras))
        case WireThinking():
            return _read_thinking(wire)
        case Unknown(raw):
            if not isinstance(raw.get("type"), str):
                raise blamed(blame, f"{path}.type", "Field required")
            return Opaque(NAME, raw)
        case _:
            assert_never(wire)


def read_content(content: str | list[WirePart] | None, path: str, blame: Blame) -> tuple[tuple[Part, ...], bool]:
    """The parts of a message's content, and whether it was one bare string."""
    match content:
        case None:
            return (), False
        case str():
            return (Text(content),), True
        case _:
            return tuple(read_part(part, f"{path}[{index}]", blame) for index, part in enumerate(content)), False


def write_content(parts: Sequence[Part], *, flat: bool, path: str) -> JSON:
    """A message's content. Raises `BadRequest` for what cannot stand there."""
    match parts:
        case [Text(text)] if flat:
            return text
        case _:
            return [write_part(part, f"{path}.content[{index}]") for index, part in enumerate(parts)]


def read_cache(raw: JSON, members: dict[str, JSON]) -> CacheMark | None:
    """An Anthropic-style mark, as OpenRouter and others take it. What is not one stays among `members`."""
    if raw is None:
        return None
    if isinstance(raw, dict) and raw.get("type") == "ephemeral" and isinstance(raw.get("ttl", ""), str):
        rest = {name: value for name, value in raw.items() if name not in ("type", "ttl")}
        return CacheMark(raw.get("ttl"), spelling.ours(rest))
    members["cache_control"] = raw
    return None


def write_cache(mark: CacheMark | None) -> JSON:
    if mark is None:
        return None
    ttl = {} if mark.ttl is None else {"ttl": mark.ttl}
    return {"type": "ephemeral", **ttl, **spelling.own_members(mark.extras)}


def _read_image(wire: WireImage) -> Media:
    members = dict(wire.extras)
    cache = read_cache(wire.cache_control, members)
    image = wire.image_url
    if isinstance(image, str):
        return Media(MediaKind.IMAGE, read_url(image), cache=cache, extras=spelling.ours(members, spelling.note(spelling.BARE)))
    extras = spelling.ours(members, spelling.dotted("image_url", image.extras))
    return Media(MediaKind.IMAGE, read_url(image.url), detail=image.detail, cache=cache, extras=extras)


def _read_audio(wire: WireAudio) -> Media | Opaque:
    audio = read_audio(wire.input_audio)
    if audio is None:
        return Opaque(NAME, KIT.write(wire))
    source, rest = audio
    members = dict(wire.extras)
    cache = read_cache(wire.cache_control, members)
    return Media(MediaKind.AUDIO, source, cache=cache, extras=spelling.ours(members, spelling.dotted("input_audio", rest)))


def _read_file(wire: WireFile) -> Media | Opaque:
    members, body = dict(wire.extras), wire.file
    inner, notes = dict(body.extras), {}
    source: Source
    if body.file_data is not None:
        source = read_url(body.file_data)
        if isinstance(source, Link) and source.url.startswith(PDF_START):
            source, notes = Inline("application/pdf", source.url), spelling.note(spelling.BARE)
        elif isinstance(source, Link) and not source.url.startswith(("http://", "https://")):
            return Opaque(NAME, KIT.write(wire))
        if body.file_id is not None:
            inner["file_id"] = body.file_id
    elif body.file_id is not None:
        source = FileRef(FILES, body.file_id)
    else:
        return Opaque(NAME, KIT.write(wire))
    cache = read_cache(wire.cache_control, members)
    extras = spelling.ours(members, spelling.dotted("file", inner), notes)
    return Media(MediaKind.DOCUMENT, source, name=body.filename, cache=cache, extras=extras)


def _read_thinking(wire: WireThinking) -> Reasoning:
    text = thinking_text(wire.thinking)
    exact = wire.thinking == [{"type": "text", "text": text}]
    notes = spelling.note(spelling.IN_CONTENT) if exact else {spelling.IN_CONTENT: True, spelling.AS_WRITTEN: wire.thinking}
    return Reasoning(text, extras=spelling.ours(wire.extras, notes))


def thinking_text(thinking: JSON) -> str:
    """The words in a `thinking` member, which is a string or a list of text parts."""
    if isinstance(thinking, str):
        return thinking
    if not isinstance(thinking, list):
        return ""
    return "".join(part["text"] for part in thinking if isinstance(part, dict) and isinstance(part.get("text"), str))


def write_part(part: Part, path: str) -> JSON:
    """One part of a content list.

    Raises:
        BadRequest: what cannot stand there, or has a source that this format cannot name.
    """
    match part:
        case Text():
            return _marked({"type": "text", "text": part.text}, part.cache, part.extras)
        case Media():
            return _write_media(part, path)
        case Reasoning():
            thinking = part.extras.get(NAME, {}).get(spelling.AS_WRITTEN, [{"type": "text", "text": part.text}])
            block = {"type": "thinking"} if thinking is None else {"type": "thinking", "thinking": thinking}
            return spelling.with_members(block, part.extras)
        case Refusal():
            return spelling.with_members({"type": "refusal", "refusal": part.text}, part.extras)
        case Opaque():
            return part.raw
        case ToolCall() | ToolResult():
            raise unsupported("a tool's call or result among the content", path)
        case _:
            assert_never(part)


def _marked(block: dict[str, JSON], cache: CacheMark | None, extras: Extras, *inner: str) -> dict[str, JSON]:
    """`block` with its cache mark and the members that stood beside it."""
    if cache is not None:
        block["cache_control"] = write_cache(cache)
    return spelling.with_members(block, extras, *inner)


def _write_media(media: Media, path: str) -> JSON:
    extras = media.extras
    match media.kind, media.source:
        case MediaKind.IMAGE, (Inline() | Link()) as source:
            url: JSON = write_url(source)
            if not spelling.said(extras, spelling.BARE):
                url = {"url": url} if media.detail is None else {"url": url, "detail": media.detail}
                spelling.with_inner(url, extras, "image_url")
            return _marked({"type": "image_url", "image_url": url}, media.cache, extras, "image_url")
        case MediaKind.AUDIO, Inline() as source:
            audio = write_audio(source, spelling.inner_members(extras, "input_audio"))
            return _marked({"type": "input_audio", "input_audio": audio}, media.cache, extras, "input_audio")
        case MediaKind.DOCUMENT, source:
            file = _write_source(source, bare=spelling.said(extras, spelling.BARE), path=path)
            if media.name is not None:
                file["filename"] = media.name
            return _marked({"type": "file", "file": spelling.with_inner(file, extras, "file")}, media.cache, extras, "file")
        case kind, _:
            raise unsupported(f"this kind of {kind.value}", path)


def _write_source(source: Source, *, bare: bool, path: str) -> dict[str, JSON]:
    match source:
        case Inline():
            return {"file_data": source.data if bare else write_url(source)}
        case Link():
            return {"file_data": source.url}
        case FileRef(_, file_id):
            return {"file_id": file_id}
        case PlainText() | Excerpts():
            raise unsupported("a document given as text", path)
        case _:
            assert_never(source)
