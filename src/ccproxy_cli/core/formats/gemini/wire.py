"""The wire types of Gemini's generateContent: the members the vocabulary models, and nothing else.

From the vendor's published types (google-genai 3.3) and recorded traffic. Every object of a request may spell its members in camelCase
or in snake_case (protobuf's JSON mapping). Whatever is not declared here rides in `extras`.
"""

from typing import ClassVar

import attrs

from ccproxy_cli.core.formats._wirekit import Kit, Wire
from ccproxy_cli.core.jsontext import JSON

NAME = "gemini"

KIT = Kit()


@attrs.define(kw_only=True)
class ProtoWire(Wire):
    """An object whose members have two spellings."""

    SNAKE: ClassVar[bool] = True


@attrs.define(kw_only=True)
class Blob(ProtoWire):
    mime_type: str | None = attrs.field(default=None, alias="mimeType")
    data: str | None = None
    display_name: str | None = attrs.field(default=None, alias="displayName")


@attrs.define(kw_only=True)
class FileData(ProtoWire):
    mime_type: str | None = attrs.field(default=None, alias="mimeType")
    file_uri: str | None = attrs.field(default=None, alias="fileUri")
    display_name: str | None = attrs.field(default=None, alias="displayName")


@attrs.define(kw_only=True)
class FunctionCall(ProtoWire):
    id: str | None = None
    name: str | None = None
    args: JSON = None


@attrs.define(kw_only=True)
class MediaPart(ProtoWire):
    """An element of a function response's `parts`."""

    inline_data: Blob | None = attrs.field(default=None, alias="inlineData")
    file_data: FileData | None = attrs.field(default=None, alias="fileData")


@attrs.define(kw_only=True)
class FunctionResponse(ProtoWire):
    id: str | None = None
    name: str | None = None
    response: JSON = None
    parts: list[MediaPart] | None = None


@attrs.define(kw_only=True)
class PartWire(ProtoWire):
    """One part. Which member holds its data tells its kind."""

    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = attrs.field(default=None, alias="thoughtSignature")
    inline_data: Blob | None = attrs.field(default=None, alias="inlineData")
    file_data: FileData | None = attrs.field(default=None, alias="fileData")
    function_call: FunctionCall | None = attrs.field(default=None, alias="functionCall")
    function_response: FunctionResponse | None = attrs.field(default=None, alias="functionResponse")


@attrs.define(kw_only=True)
class ContentWire(ProtoWire):
    role: str | None = None
    parts: list[PartWire] | PartWire | None = None


@attrs.define(kw_only=True)
class FunctionDeclaration(ProtoWire):
    name: str
    description: str | None = None
    parameters: JSON = None
    parameters_json_schema: JSON = attrs.field(default=None, alias="parametersJsonSchema")


@attrs.define(kw_only=True)
class ToolWire(ProtoWire):
    """Functions and hosted tools, one member each, side by side."""

    function_declarations: list[FunctionDeclaration] | None = attrs.field(default=None, alias="functionDeclarations")


@attrs.define(kw_only=True)
class CallingConfig(ProtoWire):
    mode: str | int | None = None
    allowed_function_names: list[str] | None = attrs.field(default=None, alias="allowedFunctionNames")


@attrs.define(kw_only=True)
class ToolConfig(ProtoWire):
    function_calling_config: CallingConfig | None = attrs.field(default=None, alias="functionCallingConfig")


@attrs.define(kw_only=True)
class ThinkingConfig(ProtoWire):
    include_thoughts: bool | None = attrs.field(default=None, alias="includeThoughts")
    thinking_budget: float | None = attrs.field(default=None, alias="thinkingBudget")
    thinking_level: str | int | None = attrs.field(default=None, alias="thinkingLevel")


@attrs.define(kw_only=True)
class GenerationConfig(ProtoWire):
    """Whole numbers are declared as floats, as JavaScript and Python clients write `40.0` (seen 2026-11-20)."""

    temperature: float | None = None
    top_p: float | None = attrs.field(default=None, alias="topP")
    top_k: float | None = attrs.field(default=None, alias="topK")
    max_output_tokens: float | None = attrs.field(default=None, alias="maxOutputTokens")
    stop_sequences: list[str] | None = attrs.field(default=None, alias="stopSequences")
    candidate_count: float | None = attrs.field(default=None, alias="candidateCount")
    presence_penalty: float | None = attrs.field(default=None, alias="presencePenalty")
    frequency_penalty: float | None = attrs.field(default=None, alias="frequencyPenalty")
    seed: float | None = None
    response_mime_type: str | None = attrs.field(default=None, alias="responseMimeType")
    response_schema: JSON = attrs.field(default=None, alias="responseSchema")
    response_json_schema: JSON = attrs.field(default=None, alias="responseJsonSchema")
    thinking_config: ThinkingConfig | None = attrs.field(default=None, alias="thinkingConfig")
    response_logprobs: bool | None = attrs.field(default=None, alias="responseLogprobs")
    logprobs: float | None = None


@attrs.define(kw_only=True)
class RequestWire(ProtoWire):
    contents: list[ContentWire] | ContentWire | None = None
    system_instruction: ContentWire | None = attrs.field(default=None, alias="systemInstruction")
    tools: list[ToolWire] | ToolWire | None = None
    tool_config: ToolConfig | None = attrs.field(default=None, alias="toolConfig")
    generation_config: GenerationConfig | None = attrs.field(default=None, alias="generationConfig")


@attrs.define(kw_only=True)
class CountRequestWire(ProtoWire):
    """The token counter takes the contents alone, or a whole request, or (Vertex) a request's members beside the contents."""

    generate_content_request: RequestWire | None = attrs.field(default=None, alias="generateContentRequest")


@attrs.define(kw_only=True)
class UsageWire(Wire):
    prompt_token_count: int | None = attrs.field(default=None, alias="promptTokenCount")
    cached_content_token_count: int | None = attrs.field(default=None, alias="cachedContentTokenCount")
    candidates_token_count: int | None = attrs.field(default=None, alias="candidatesTokenCount")
    thoughts_token_count: int | None = attrs.field(default=None, alias="thoughtsTokenCount")
    tool_use_prompt_token_count: int | None = attrs.field(default=None, alias="toolUsePromptTokenCount")


@attrs.define(kw_only=True)
class CandidateWire(Wire):
    index: int | None = None
    content: ContentWire | None = None
    finish_reason: str | int | None = attrs.field(default=None, alias="finishReason")


@attrs.define(kw_only=True)
class ResponseWire(Wire):
    candidates: list[CandidateWire] | None = None
    usage_metadata: UsageWire | None = attrs.field(default=None, alias="usageMetadata")
    model_version: str | None = attrs.field(default=None, alias="modelVersion")
    response_id: str | None = attrs.field(default=None, alias="responseId")


@attrs.define(kw_only=True)
class ModelWire(Wire):
    name: str
    display_name: str | None = attrs.field(default=None, alias="displayName")
    input_token_limit: int | None = attrs.field(default=None, alias="inputTokenLimit")
    output_token_limit: int | None = attrs.field(default=None, alias="outputTokenLimit")


@attrs.define(kw_only=True)
class ModelListWire(Wire):
    models: list[ModelWire] | None = None


@attrs.define(kw_only=True)
class CountWire(Wire):
    total_tokens: int | None = attrs.field(default=None, alias="totalTokens")
