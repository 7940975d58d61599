"""The objects of the Chat Completions API as they stand on the wire.

Members are those we read; everything else rides along. Shapes follow the vendor's API reference and what compatible servers
were recorded to send (2026-09): calls without `type`, content as a list in answers, names where the reference has none.
"""

from typing import Any, TypeAlias

import attrs

from ccproxy_cli.core.formats._openai.wire import KIT as KIT
from ccproxy_cli.core.formats._openai.wire import WireRefusal as WireRefusal
from ccproxy_cli.core.formats._wirekit import Unknown, Wire
from ccproxy_cli.core.jsontext import JSON

NAME = "openai-chat"

MAX_LIMIT = 2**53
"""Whatever limit on tokens is beyond this is an attack on somebody's parser."""


@attrs.define(kw_only=True)
class WireText(Wire):
    TAGS = ("text",)
    text: str
    cache_control: JSON = None


@attrs.define(kw_only=True)
class WireImageURL(Wire):
    url: str
    detail: str | None = None


@attrs.define(kw_only=True)
class WireImage(Wire):
    TAGS = ("image_url",)
    image_url: str | WireImageURL
    """Mistral also takes the bare URL."""
    cache_control: JSON = None


@attrs.define(kw_only=True)
class WireAudio(Wire):
    TAGS = ("input_audio",)
    input_audio: JSON
    """An object of `data` and `format`; at Mistral a string."""
    cache_control: JSON = None


@attrs.define(kw_only=True)
class WireFileBody(Wire):
    file_data: str | None = None
    file_id: str | None = None
    filename: str | None = None


@attrs.define(kw_only=True)
class WireFile(Wire):
    TAGS = ("file",)
    file: WireFileBody
    cache_control: JSON = None


@attrs.define(kw_only=True)
class WireThinking(Wire):
    """Mistral's reasoning: a part of the content that holds text parts."""

    TAGS = ("thinking",)
    thinking: JSON = None


WirePart: TypeAlias = WireText | WireRefusal | WireImage | WireAudio | WireFile | WireThinking | Unknown


@attrs.define(kw_only=True)
class WireFunction(Wire):
    name: str
    arguments: str | dict[str, Any] | None = None
    """Text by the reference; some compatible servers answer with the object itself."""


@attrs.define(kw_only=True)
class WireFunctionCall(Wire):
    TAGS = ("function", None)
    function: WireFunction
    id: str | None = None
    type: str | None = None


@attrs.define(kw_only=True)
class WireCustomInput(Wire):
    name: str
    input: str | None = None


@attrs.define(kw_only=True)
class WireCustomCall(Wire):
    TAGS = ("custom",)
    custom: WireCustomInput
    id: str | None = None


WireCall: TypeAlias = WireFunctionCall | WireCustomCall


@attrs.define(kw_only=True)
class WireMessage(Wire):
    role: str | None = None
    content: str | list[WirePart] | None = None
    refusal: str | None = None
    name: str | None = None
    tool_call_id: str | None = None
    tool_calls: list[WireCall] | None = None
    function_call: WireFunction | None = None


@attrs.define(kw_only=True)
class WireFunctionSpec(Wire):
    name: str
    description: str | None = None
    parameters: dict[str, JSON] | None = None
    strict: bool | None = None


@attrs.define(kw_only=True)
class WireFunctionTool(Wire):
    TAGS = ("function", None)
    function: WireFunctionSpec
    type: str | None = None
    cache_control: JSON = None


@attrs.define(kw_only=True)
class WireCustomSpec(Wire):
    name: str
    description: str | None = None
    format: JSON = None


@attrs.define(kw_only=True)
class WireCustomTool(Wire):
    TAGS = ("custom",)
    custom: WireCustomSpec
    cache_control: JSON = None


WireTool: TypeAlias = WireFunctionTool | WireCustomTool | Unknown


@attrs.define(kw_only=True)
class WireSchema(Wire):
    name: str | None = None
    description: str | None = None
    schema: dict[str, JSON] | None = None
    strict: bool | None = None


@attrs.define(kw_only=True)
class WireOutput(Wire):
    type: str
    json_schema: WireSchema | None = None


@attrs.define(kw_only=True)
class WireStreamOptions(Wire):
    include_usage: bool | None = None


@attrs.define(kw_only=True)
class WireRequest(Wire):
    model: str
    messages: list[WireMessage]
    tools: list[WireTool] | None = None
    functions: list[WireFunctionSpec] | None = None
    tool_choice: str | dict[str, Any] | None = None
    function_call: str | dict[str, Any] | None = None
    parallel_tool_calls: bool | None = None
    max_completion_tokens: int | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    n: int | None = None
    reasoning_effort: str | None = None
    response_format: WireOutput | None = None
    stream: bool | None = None
    stream_options: WireStreamOptions | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    cache_control: JSON = None
    web_search_options: dict[str, Any] | None = None
    service_tier: str | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


@attrs.define(kw_only=True)
class WireChoice(Wire):
    index: int | None = None
    message: WireMessage | None = None
    """Absent at Azure when the filter let nothing through (recorded 2026-09)."""
    finish_reason: str | int | None = None
    """`eos`, and numbers, have been seen at compatible servers."""


@attrs.define(kw_only=True)
class WireResponse(Wire):
    id: str | None = None
    object: str | None = None
    created: int | float | None = None
    model: str | None = None
    choices: list[WireChoice]
    usage: JSON = None
