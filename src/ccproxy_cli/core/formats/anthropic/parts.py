"""Content blocks and parts, in both directions: shared by requests, bodies and streams."""

from collections.abc import Sequence
from typing import assert_never

from attrs import evolve

from ccproxy_cli.core.extras import NO_EXTRAS, NOTE, Extras, extras_of
from ccproxy_cli.core.formats._blame import Blame, blamed
from ccproxy_cli.core.formats._wirekit import Unknown
from ccproxy_cli.core.formats.anthropic.citations import read_citations
from ccproxy_cli.core.formats.anthropic.hosted import read_step
from ccproxy_cli.core.formats.anthropic.wire import (
    KIT,
    NAME,
    AnySource,
    Base64Source,
    Block,
    CacheControl,
    ContentSource,
    DocumentBlock,
    FileSource,
    ImageBlock,
    RedactedThinkingBlock,
    TextBlock,
    TextSource,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
    URLSource,
)
from ccproxy_cli.core.jsontext import JSON, dumps_str
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
    Proof,
    ProofKind,
    Reasoning,
    Source,
    Text,
    ToolCall,
    ToolResult,
)

SOURCE_NOTE = NOTE + "source"
"""Unknown members of a medium's `source`."""
UNSIGNED_NOTE = NOTE + "unsigned"
"""A thinking block had no `signature` at all, which is not the same text as an empty one."""


# Blocks to parts.


def decode_parts(blocks: Sequence[Block], path: str, blame: Blame) -> tuple[Part, ...]:
    """The parts of a `content` list that stands at `path`."""
    return tuple([decode_part(block, f"{path}[{index}]", blame) for index, block in enumerate(blocks)])


def decode_content(content: str | Sequence[Block], path: str, blame: Blame) -> tuple[tuple[Part, ...], bool]:
    """The parts of a `content`, and whether it was one bare string."""
    if isinstance(content, str):
        return (Text(content),), True
    return decode_parts(content, path, blame), False


def decode_part(block: Block, path: str, blame: Blame) -> Part:
    """The part that one block is.

    Raises:
        BadRequest or BadUpstream: as `blame` says.
    """
    match block:
        case TextBlock():
            cited = read_citations(block.extras["citations"]) if "citations" in block.extras else ()
            return Text(block.text, cache=decode_cache(block.cache_control), extras=extras_of(NAME, block.extras), citations=cited)
        case ImageBlock() | DocumentBlock():
            return _decode_media(block, path, blame)
        case ThinkingBlock():
            proofs = (Proof(NAME, block.signature),) if block.signature else ()
            notes = {UNSIGNED_NOTE: True} if block.signature is None and "signature" not in block.extras else {}
            return Reasoning(block.thinking, proofs, extras_of(NAME, {**block.extras, **notes}))
        case RedactedThinkingBlock():
            return Reasoning("", (Proof(NAME, block.data, ProofKind.SEALED),), extras_of(NAME, block.extras))
        case ToolUseBlock():
            return ToolCall(
                block.id,
                block.name,
                dumps_str(require_object(block.input, f"{path}.input", blame)),
                cache=decode_cache(block.cache_control),
                extras=extras_of(NAME, block.extras),
            )
        case ToolResultBlock():
            return _decode_result(block, path, blame)
        case Unknown():
            return evolve(decode_opaque(block, path, blame), meaning=read_step(block.raw))
        case _:
            assert_never(block)


def require_object(value: JSON, path: str, blame: Blame) -> dict[str, JSON]:
    """`value`, which must be a JSON object."""
    if isinstance(value, dict):
        return value
    raise blamed(blame, path, "expected an object")


def decode_opaque(block: Unknown, path: str, blame: Blame) -> Opaque:
    """A member of a union that we have no words for, whose `type` must at least be one."""
    if not isinstance(block.raw.get("type"), str):
        raise blamed(blame, f"{path}.type", "Field required" if block.raw.get("type") is None else "expected a string")
    return Opaque(NAME, block.raw)


def decode_cache(control: CacheControl | None) -> CacheMark | None:
    if control is None:
        return None
    members = control.extras if control.type == "ephemeral" else {**control.extras, "type": control.type}
    return CacheMark(control.ttl, extras_of(NAME, members))


def _decode_media(block: ImageBlock | DocumentBlock, path: str, blame: Blame) -> Media | Opaque:
    source = block.source
    if isinstance(source, Unknown):
        return Opaque(NAME, KIT.write(block))
    members = {**block.extras, SOURCE_NOTE: source.extras} if source.extras else block.extras
    document = isinstance(block, DocumentBlock)
    return Media(
        MediaKind.DOCUMENT if document else MediaKind.IMAGE,
        _decode_source(source, f"{path}.source", blame),
        name=block.title if isinstance(block, DocumentBlock) else None,
        context=block.context if isinstance(block, DocumentBlock) else None,
        cache=decode_cache(block.cache_control),
        extras=extras_of(NAME, members),
    )


def _decode_source(source: AnySource, path: str, blame: Blame) -> Source:
    match source:
        case Base64Source():
            return Inline(source.media_type, source.data)
        case URLSource():
            return Link(source.url)
        case FileSource():
            return FileRef(NAME, source.file_id)
        case TextSource():
            return PlainText(source.data, source.media_type)
        case ContentSource():
            parts, flat = decode_content(source.content, f"{path}.content", blame)
            return Excerpts(parts, flat)
        case Unknown():
            raise AssertionError("an unknown source makes the whole block opaque")
        case _:
            assert_never(source)


def _decode_result(block: ToolResultBlock, path: str, blame: Blame) -> ToolResult:
    parts, flat = ((), False) if block.content is None else decode_content(block.content, f"{path}.content", blame)
    members = {**block.extras, "content": []} if block.content == [] else block.extras
    return ToolResult(
        block.tool_use_id,
        parts,
        is_error=block.is_error,
        flat=flat,
        cache=decode_cache(block.cache_control),
        extras=extras_of(NAME, members),
    )


# Parts to blocks.


def own_members(extras: Extras) -> dict[str, JSON]:
    """The members of ours that ride in `extras`, without the notes."""
    return {name: value for name, value in extras.get(NAME, NO_EXTRAS).items() if not name.startswith(NOTE)}


def with_extras(block: dict[str, JSON], cache: CacheMark | None, extras: Extras) -> dict[str, JSON]:
    """`block` with its cache mark and the members that rode along; what the block says itself wins."""
    if cache is not None:
        block["cache_control"] = encode_cache(cache)
    if NAME in extras:
        for name, value in own_members(extras).items():
            block.setdefault(name, value)
    return block


def encode_cache(mark: CacheMark) -> dict[str, JSON]:
    """The `cache_control` of a mark."""
    control: dict[str, JSON] = {"type": "ephemeral"}
    if mark.ttl is not None:
        control["ttl"] = mark.ttl
    return control | own_members(mark.extras)


def encode_text(part: Text) -> dict[str, JSON]:
    return with_extras({"type": "text", "text": part.text}, part.cache, part.extras)


def citations_of(part: Text) -> list[JSON]:
    """The citations that ride along with a text."""
    cited = part.extras.get(NAME, NO_EXTRAS).get("citations")
    return cited if isinstance(cited, list) else []


def encode_thinking(part: Reasoning) -> dict[str, JSON] | None:
    """The block that shows our own proof, or None where there is none: another issuer's proof means nothing here."""
    for proof in part.proofs:
        if proof.issuer == NAME:
            if proof.kind is ProofKind.SEALED:
                return with_extras({"type": "redacted_thinking", "data": proof.payload}, None, part.extras)
            return with_extras({"type": "thinking", "thinking": part.text, "signature": proof.payload}, None, part.extras)
    return None


def encode_unproven_thinking(part: Reasoning) -> dict[str, JSON]:
    """Thinking that nobody vouches for: as an answer it may be shown, as history the vendor refuses it."""
    block: dict[str, JSON] = {"type": "thinking", "thinking": part.text}
    if UNSIGNED_NOTE not in part.extras.get(NAME, NO_EXTRAS) and "signature" not in part.extras.get(NAME, NO_EXTRAS):
        block["signature"] = ""
    return with_extras(block, None, part.extras)


def encode_call(part: ToolCall, call_id: str, arguments: dict[str, JSON]) -> dict[str, JSON]:
    return with_extras({"type": "tool_use", "id": call_id, "name": part.name, "input": arguments}, part.cache, part.extras)


def encode_media(part: Media, source: dict[str, JSON]) -> dict[str, JSON]:
    """An image or document block around an encoded source."""
    rest = part.extras.get(NAME, NO_EXTRAS).get(SOURCE_NOTE)
    block: dict[str, JSON] = {"type": part.kind.value, "source": {**source, **rest} if rest else source}
    if part.kind is MediaKind.DOCUMENT:
        if part.name is not None:
            block["title"] = part.name
        if part.context is not None:
            block["context"] = part.context
    return with_extras(block, part.cache, part.extras)


def write_opaque(part: Opaque) -> JSON | None:
    """Our own block verbatim, or None for another format's."""
    return part.raw if part.format == NAME else None
