"""The content of messages: ordered parts, in words that no vendor owns.

Empty is not absent: a `Reasoning` with a proof and no text is still a part, and is replayed as one.
"""

import enum
from typing import TypeAlias

from attrs import frozen

from ccproxy_cli.core.citations import Citation
from ccproxy_cli.core.extras import NO_EXTRAS, Extras
from ccproxy_cli.core.hosted import HostedStep, HostedTool
from ccproxy_cli.core.jsontext import JSON


class ProofKind(enum.StrEnum):
    """How a proof is bound to the reasoning it vouches for."""

    SIGNATURE = "signature"
    """Vouches for the visible text beside it."""
    SEALED = "sealed"
    """Is the reasoning itself, readable by its issuer alone."""


@frozen
class Proof:
    """Opaque signed state that its issuer wants back unchanged, and nobody else may be sent."""

    issuer: str
    """Name of the format that issued it."""
    payload: str
    kind: ProofKind = ProofKind.SIGNATURE


@frozen
class CacheMark:
    """The client asks for the prompt to be cached up to and including the marked thing."""

    ttl: str | None = None
    """Lifetime in the vendor's words, such as `5m` or `1h`; None is the vendor's default."""
    extras: Extras = NO_EXTRAS


@frozen
class Text:
    """Words."""

    text: str = ""
    cache: CacheMark | None = None
    extras: Extras = NO_EXTRAS
    proofs: tuple[Proof, ...] = ()
    """Signed state that its issuer hung on plain words, perhaps on none at all. Gemini does."""
    citations: tuple[Citation, ...] = ()
    """In the vocabulary's words; the vendor's own ride in `extras` too, for its own clients."""


class MediaKind(enum.StrEnum):
    IMAGE = "image"
    DOCUMENT = "document"
    AUDIO = "audio"
    VIDEO = "video"


@frozen
class Inline:
    """Bytes in the message itself."""

    media_type: str
    data: str
    """Standard base64."""


@frozen
class Link:
    """To be fetched by the vendor, never by us."""

    url: str


@frozen
class FileRef:
    """A file uploaded to its issuer earlier; no other vendor can read it."""

    issuer: str
    """The format's name, or the vendor's where several formats of one vendor name the same files."""
    file_id: str


@frozen
class PlainText:
    """A document given as text."""

    text: str
    media_type: str = "text/plain"


@frozen
class Excerpts:
    """A document given as parts, each of which can be cited."""

    parts: tuple["Part", ...]
    flat: bool = False
    """Written as one bare string."""


Source: TypeAlias = Inline | Link | FileRef | PlainText | Excerpts


@frozen
class Media:
    """An image, a document, a recording."""

    kind: MediaKind
    source: Source
    name: str | None = None
    """Title or file name."""
    context: str | None = None
    """What the client says about it, kept apart from its content."""
    detail: str | None = None
    """Resolution hint in the vendor's words."""
    cache: CacheMark | None = None
    extras: Extras = NO_EXTRAS


@frozen
class Reasoning:
    """The model's thinking, or the opaque proof of it, or both."""

    text: str = ""
    proofs: tuple[Proof, ...] = ()
    extras: Extras = NO_EXTRAS


class ToolKind(enum.StrEnum):
    FUNCTION = "function"
    """Takes a JSON object that fits a schema."""
    CUSTOM = "custom"
    """Takes free text."""


@frozen
class ToolCall:
    """The model asks the client to run one of its tools."""

    call_id: str
    """Joins the call with its result."""
    name: str
    arguments: str = ""
    """The raw text: JSON for a function (perhaps cut short by the token limit), free text for a custom tool. Parsed late."""
    kind: ToolKind = ToolKind.FUNCTION
    item_id: str | None = None
    proofs: tuple[Proof, ...] = ()
    cache: CacheMark | None = None
    extras: Extras = NO_EXTRAS


@frozen
class ToolResult:
    """What the client's tool answered."""

    call_id: str
    parts: tuple["Part", ...] = ()
    is_error: bool | None = None
    flat: bool = False
    """The content was one bare string."""
    name: str | None = None
    kind: ToolKind = ToolKind.FUNCTION
    cache: CacheMark | None = None
    extras: Extras = NO_EXTRAS


@frozen
class Refusal:
    """The model declines, in a place of its own."""

    text: str = ""
    extras: Extras = NO_EXTRAS


@frozen
class Opaque:
    """A member of one format's union that the vocabulary does not model: kept verbatim, sent only to that format."""

    format: str
    raw: JSON
    """None: that format says it elsewhere, and has no such member here."""
    meaning: HostedStep | HostedTool | None = None
    """What it amounts to for other formats, where the vocabulary has words for that."""

    @property
    def type(self) -> str:
        """The vendor's tag for it: its `type`, or its first member where the vendor tells kinds apart by members."""
        if not isinstance(self.raw, dict):
            return type(self.raw).__name__
        return str(self.raw["type"] if "type" in self.raw else next(iter(self.raw), None))


Part: TypeAlias = Text | Media | Reasoning | ToolCall | ToolResult | Refusal | Opaque

Markable: TypeAlias = Text | Media | ToolCall | ToolResult
"""The parts that a cache mark can stand on."""
