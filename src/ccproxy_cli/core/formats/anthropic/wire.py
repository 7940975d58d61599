"""The wire types of Anthropic Messages: the members the vocabulary models, and nothing else.

From the vendor's published types (anthropic 2.10, `anthropic-version` 2023-06-01 and 2026-10-21). Whatever is not declared here, beta
members above all, rides in `extras`; whole blocks and tools that are not declared are `Unknown`.
"""

from typing import ClassVar, TypeAlias

import attrs

from ccproxy_cli.core.formats._wirekit import Kit, Unknown, Wire
from ccproxy_cli.core.jsontext import JSON

NAME = "anthropic"

KIT = Kit()


@attrs.define(kw_only=True)
class CacheControl(Wire):
    type: str
    ttl: str | None = None


@attrs.define(kw_only=True)
class Base64Source(Wire):
    TAGS: ClassVar[tuple[str | None, ...]] = ("base64",)
    media_type: str
    data: str


@attrs.define(kw_only=True)
class URLSource(Wire):
    TAGS: ClassVar[tuple[str | None, ...]] = ("url",)
    url: str


@attrs.define(kw_only=True)
class FileSource(Wire):
    TAGS: ClassVar[tuple[str | None, ...]] = ("file",)
    file_id: str


@attrs.define(kw_only=True)
class TextSource(Wire):
    TAGS: ClassVar[tuple[str | None, ...]] = ("text",)
    media_type: str
    data: str


@attrs.define(kw_only=True)
class TextBlock(Wire):
    TAGS: ClassVar[tuple[str | None, ...]] = ("text",)
    text: str
    cache_control: CacheControl | None = None


@attrs.define(kw_only=True)
class ImageBlock(Wire):
    TAGS: ClassVar[tuple[str | None, ...]] = ("image",)
    source: Base64Source | URLSource | FileSource | Unknown
    cache_control: CacheControl | None = None


@attrs.define(kw_only=True)
class ContentSource(Wire):
    TAGS: ClassVar[tuple[str | None, ...]] = ("content",)
    content: str | list[TextBlock | ImageBlock | Unknown]


AnySource: TypeAlias = Base64Source | URLSource | FileSource | TextSource | ContentSource | Unknown


@attrs.define(kw_only=True)
class DocumentBlock(Wire):
    TAGS: ClassVar[tuple[str | None, ...]] = ("document",)
    source: Base64Source | URLSource | FileSource | TextSource | ContentSource | Unknown
    title: str | None = None
    context: str | None = None
    cache_control: CacheControl | None = None


@attrs.define(kw_only=True)
class ThinkingBlock(Wire):
    TAGS: ClassVar[tuple[str | None, ...]] = ("thinking",)
    thinking: str
    signature: str | None = None


@attrs.define(kw_only=True)
class RedactedThinkingBlock(Wire):
    TAGS: ClassVar[tuple[str | None, ...]] = ("redacted_thinking",)
    data: str


@attrs.define(kw_only=True)
class ToolUseBlock(Wire):
    TAGS: ClassVar[tuple[str | None, ...]] = ("tool_use",)
    id: str
    name: str
    input: JSON
    cache_control: CacheControl | None = None


@attrs.define(kw_only=True)
class ToolResultBlock(Wire):
    TAGS: ClassVar[tuple[str | None, ...]] = ("tool_result",)
    tool_use_id: str
    content: str | list[TextBlock | ImageBlock | DocumentBlock | Unknown] | None = None
    is_error: bool | None = None
    cache_control: CacheControl | None = None


Block: TypeAlias = TextBlock | ImageBlock | DocumentBlock | ThinkingBlock | RedactedThinkingBlock | ToolUseBlock | ToolResultBlock | Unknown


@attrs.define(kw_only=True)
class MessageWire(Wire):
    role: str
    content: str | list[Block]


@attrs.define(kw_only=True)
class ToolWire(Wire):
    TAGS: ClassVar[tuple[str | None, ...]] = (None, "custom")
    name: str
    type: str | None = None
    description: str | None = None
    input_schema: JSON = None
    strict: bool | None = None
    cache_control: CacheControl | None = None


@attrs.define(kw_only=True)
class ToolChoiceWire(Wire):
    type: str
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


@attrs.define(kw_only=True)
class ThinkingWire(Wire):
    type: str
    budget_tokens: int | None = None
    display: str | None = None


@attrs.define(kw_only=True)
class JSONSchemaFormat(Wire):
    TAGS: ClassVar[tuple[str | None, ...]] = ("json_schema",)
    schema: JSON


@attrs.define(kw_only=True)
class OutputConfig(Wire):
    effort: str | None = None
    format: JSONSchemaFormat | Unknown | None = None


@attrs.define(kw_only=True)
class Metadata(Wire):
    user_id: str | None = None


@attrs.define(kw_only=True)
class RequestWire(Wire):
    model: str
    messages: list[MessageWire]
    system: str | list[TextBlock | Unknown] | None = None
    tools: list[ToolWire | Unknown] | None = None
    tool_choice: ToolChoiceWire | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop_sequences: list[str] | None = None
    thinking: ThinkingWire | None = None
    output_config: OutputConfig | None = None
    output_format: JSONSchemaFormat | Unknown | None = None
    metadata: Metadata | None = None
    cache_control: CacheControl | None = None
    stream: bool | None = None


@attrs.define(kw_only=True)
class OutputTokensDetails(Wire):
    thinking_tokens: int | None = None


@attrs.define(kw_only=True)
class UsageWire(Wire):
    input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    output_tokens: int | None = None
    output_tokens_details: OutputTokensDetails | None = None


@attrs.define(kw_only=True)
class ResponseWire(Wire):
    id: str
    model: str
    content: list[Block]
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: UsageWire | None = None


@attrs.define(kw_only=True)
class ModelWire(Wire):
    id: str
    display_name: str | None = None
    created_at: str | None = None
    max_input_tokens: int | None = None
    max_tokens: int | None = None


@attrs.define(kw_only=True)
class ModelListWire(Wire):
    data: list[ModelWire]


@attrs.define(kw_only=True)
class CountWire(Wire):
    input_tokens: int
