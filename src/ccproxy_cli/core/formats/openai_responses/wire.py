"""The objects of the Responses API as they stand on the wire.

Members are those we read; everything else rides along. Shapes follow the vendor's API reference and what its clients were recorded
to send (2026-11): messages without `type`, items without ids, outputs as a string or as parts, tools inside namespaces.
"""

from typing import Any, TypeAlias

import attrs

from ccproxy_cli.core.formats._openai.wire import KIT as KIT
from ccproxy_cli.core.formats._openai.wire import WireRefusal as WireRefusal
from ccproxy_cli.core.formats._wirekit import Unknown, Wire
from ccproxy_cli.core.jsontext import JSON

NAME = "openai-responses"


# Parts of content


@attrs.define(kw_only=True)
class WireText(Wire):
    TAGS = ("input_text", "output_text", "text")
    type: str
    text: str
    prompt_cache_breakpoint: JSON = None


@attrs.define(kw_only=True)
class WireImage(Wire):
    TAGS = ("input_image",)
    image_url: str | None = None
    file_id: str | None = None
    detail: str | None = None
    prompt_cache_breakpoint: JSON = None


@attrs.define(kw_only=True)
class WireFile(Wire):
    TAGS = ("input_file",)
    file_data: str | None = None
    file_url: str | None = None
    file_id: str | None = None
    filename: str | None = None
    prompt_cache_breakpoint: JSON = None


@attrs.define(kw_only=True)
class WireAudio(Wire):
    TAGS = ("input_audio",)
    input_audio: JSON
    """An object of `data` and `format`."""


WirePart: TypeAlias = WireText | WireRefusal | WireImage | WireFile | WireAudio | Unknown


# Items


@attrs.define(kw_only=True)
class WireMessage(Wire):
    TAGS = ("message", None)
    type: str | None = None
    role: str
    content: str | list[WirePart]


@attrs.define(kw_only=True)
class WireReasoning(Wire):
    TAGS = ("reasoning",)
    summary: list[dict[str, Any]] | None = None
    encrypted_content: str | None = None


@attrs.define(kw_only=True)
class WireFunctionCall(Wire):
    TAGS = ("function_call",)
    id: str | None = None
    call_id: str
    name: str
    arguments: str
    namespace: str | None = None


@attrs.define(kw_only=True)
class WireCustomCall(Wire):
    TAGS = ("custom_tool_call",)
    id: str | None = None
    call_id: str
    name: str
    input: str
    namespace: str | None = None


@attrs.define(kw_only=True)
class WireCallOutput(Wire):
    TAGS = ("function_call_output", "custom_tool_call_output")
    type: str
    call_id: str
    output: str | list[WirePart]


WireItem: TypeAlias = WireMessage | WireReasoning | WireFunctionCall | WireCustomCall | WireCallOutput | Unknown


# Tools


@attrs.define(kw_only=True)
class WireFunctionTool(Wire):
    TAGS = ("function",)
    name: str
    description: str | None = None
    parameters: JSON = None
    strict: bool | None = None


@attrs.define(kw_only=True)
class WireCustomTool(Wire):
    TAGS = ("custom",)
    name: str
    description: str | None = None
    format: JSON = None


@attrs.define(kw_only=True)
class WireNamespace(Wire):
    TAGS = ("namespace",)
    name: str
    tools: list[WireFunctionTool | WireCustomTool | Unknown]


WireTool: TypeAlias = WireFunctionTool | WireCustomTool | WireNamespace | Unknown


# Requests and answers


@attrs.define(kw_only=True)
class WireThinking(Wire):
    effort: str | None = None
    summary: str | None = None


@attrs.define(kw_only=True)
class WireOutput(Wire):
    type: str
    name: str | None = None
    description: str | None = None
    schema: JSON = None
    strict: bool | None = None


@attrs.define(kw_only=True)
class WireTextOptions(Wire):
    format: WireOutput | None = None


@attrs.define(kw_only=True)
class WireRequest(Wire):
    model: str
    input: str | list[WireItem] | None = None
    instructions: str | None = None
    tools: list[WireTool] | None = None
    tool_choice: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    max_output_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    reasoning: WireThinking | None = None
    text: WireTextOptions | None = None
    include: list[str] | None = None
    store: bool | None = None
    stream: bool | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    previous_response_id: str | None = None
    conversation: str | dict[str, Any] | None = None
    prompt: dict[str, Any] | None = None
    service_tier: str | None = None
    top_logprobs: int | None = None


@attrs.define(kw_only=True)
class WireResponse(Wire):
    id: str | None = None
    created_at: int | float | None = None
    model: str | None = None
    status: str | None = None
    incomplete_details: dict[str, Any] | None = None
    output: list[WireItem] | None = None
    usage: JSON = None
