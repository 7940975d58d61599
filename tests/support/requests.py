"""What clients of each format can ask for, each thing in the words of every format that has words for it."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from ccproxy_cli.core.hosted import HostedTool
from ccproxy_cli.core.parts import FileRef, Inline, Link, Media, MediaKind, Opaque, Part, Text, ToolCall, ToolKind, ToolResult
from ccproxy_cli.core.request import INSTRUCTING, Request, Tool

Body = dict[str, Any]
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = "JVBERi0xLjQKJSVFT0YK"
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEA"
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


@frozen
class Asked:
    """One thing that can be asked for."""

    bodies: Mapping[str, Body]
    """By format: the members of a request that ask for it."""
    seen: Callable[[Request], object]
    """What of it a request asks for; what is false means nothing."""


def _said(request: Request) -> list[Part]:
    """Every part of the conversation, those of tools' results among them."""
    found = [part for message in request.messages for part in message.parts]
    return [inner for part in found for inner in ((part, *part.parts) if isinstance(part, ToolResult) else (part,))]


def _media(kind: MediaKind, *sources: type) -> Callable[[Request], object]:
    def seen(request: Request) -> object:
        return [
            part.source for part in _said(request) if isinstance(part, Media) and part.kind is kind and isinstance(part.source, sources)
        ]

    return seen


def _in_result(request: Request) -> object:
    results = [part for message in request.messages for part in message.parts if isinstance(part, ToolResult)]
    return [inner.source for result in results for inner in result.parts if isinstance(inner, Media)] or (
        [part.source for part in _said(request) if isinstance(part, Media)] and "beside the result"
    )


def _tools(request: Request) -> list[Tool]:
    return [tool for tool in request.tools or () if isinstance(tool, Tool)]


def _hosted(request: Request) -> object:
    return [tool.meaning.kind for tool in request.tools or () if isinstance(tool, Opaque) and isinstance(tool.meaning, HostedTool)]


def _late_system(request: Request) -> object:
    late = [message.role in INSTRUCTING for message in request.messages[1:]]
    return any(late) or ("among the user's words" if "Be brief." in str(request.messages) else None)


def _exchange(request: Request) -> object:
    parts = _said(request)
    numbers = {part.call_id: number for number, part in enumerate(part for part in parts if isinstance(part, ToolCall))}
    calls = [(part.name, part.arguments.replace(" ", "")) for part in parts if isinstance(part, ToolCall)]
    results = [numbers[part.call_id] for part in parts if isinstance(part, ToolResult)]
    words = ["".join(inner.text for inner in part.parts if isinstance(inner, Text)) for part in parts if isinstance(part, ToolResult)]
    return calls and [calls, results, words]


def _user(*claude: Body, chat: Body | None = None, responses: Body | None = None, gemini: Body | None = None) -> Mapping[str, Body]:
    """The user's turn: what each format puts into it."""
    found: dict[str, Body] = {}
    if claude:
        found["anthropic"] = {"messages": [{"role": "user", "content": list(claude)}]}
    if chat:
        found["openai-chat"] = {"messages": [{"role": "user", "content": [chat]}]}
    if responses:
        found["openai-responses"] = {"input": [{"role": "user", "content": [responses]}]}
    if gemini:
        found["gemini"] = {"contents": [{"role": "user", "parts": [gemini]}]}
    return found


def _set(
    claude: Body | None = None, chat: Body | None = None, responses: Body | None = None, generation: Body | None = None, **gemini: Any
) -> Mapping[str, Body]:
    """Members at the top of a body; `generation` stands in Gemini's `generationConfig`."""
    if generation:
        gemini["generationConfig"] = generation
    found = {"anthropic": claude, "openai-chat": chat, "openai-responses": responses, "gemini": gemini}
    return {name: body for name, body in found.items() if body}


CLAUDE_TOOL: Body = {"name": "f", "description": "Does f.", "input_schema": SCHEMA}
CHAT_TOOL: Body = {"type": "function", "function": {"name": "f", "description": "Does f.", "parameters": SCHEMA, "strict": False}}
RESPONSES_TOOL: Body = {"type": "function", "name": "f", "description": "Does f.", "parameters": SCHEMA, "strict": False}
GEMINI_TOOL: Body = {"functionDeclarations": [{"name": "f", "description": "Does f.", "parametersJsonSchema": SCHEMA}]}
_OTHER: Body = {"functionDeclarations": [{"name": "g", "parametersJsonSchema": SCHEMA}]}


def _with_tools(claude: Any = None, chat: Any = None, responses: Any = None, gemini: Body | None = None) -> Mapping[str, Body]:
    """A choice, beside two tools to choose from; for Claude and Gemini what goes into the choice's own object."""
    second = {"openai-chat": {**CHAT_TOOL, "function": {**CHAT_TOOL["function"], "name": "g"}}}
    found: dict[str, Body] = {}
    if claude:
        found["anthropic"] = {"tools": [CLAUDE_TOOL, {**CLAUDE_TOOL, "name": "g"}], "tool_choice": claude}
    if chat:
        found["openai-chat"] = {"tools": [CHAT_TOOL, second["openai-chat"]], **chat}
    if responses:
        found["openai-responses"] = {"tools": [RESPONSES_TOOL, {**RESPONSES_TOOL, "name": "g"}], **responses}
    if gemini:
        found["gemini"] = {"tools": [GEMINI_TOOL, _OTHER], "toolConfig": {"functionCallingConfig": gemini}}
    return found


def _after_call(words: Any, *, chat: bool = True, failed: bool = False) -> Mapping[str, Body]:
    """Two calls side by side and their results; `words` is what the first one answered, in Claude's form."""
    flag = {"is_error": True} if failed else {}
    calls = [{"type": "tool_use", "id": f"c{number}", "name": "f", "input": {"a": str(number)}} for number in range(2)]
    results = [
        {"type": "tool_result", "tool_use_id": "c0", "content": words, **flag},
        {"type": "tool_result", "tool_use_id": "c1", "content": "1"},
    ]
    hi = {"role": "user", "content": "Hi"}
    found: dict[str, Body] = {
        "anthropic": {
            "messages": [hi, {"role": "assistant", "content": calls}, {"role": "user", "content": results}],
            "tools": [CLAUDE_TOOL],
        }
    }
    if chat:
        functions = [
            {"id": f"c{number}", "type": "function", "function": {"name": "f", "arguments": f'{{"a":"{number}"}}'}} for number in range(2)
        ]
        told = [{"role": "tool", "tool_call_id": "c0", "content": words}, {"role": "tool", "tool_call_id": "c1", "content": "1"}]
        found["openai-chat"] = {"messages": [hi, {"role": "assistant", "tool_calls": functions}, *told], "tools": [CHAT_TOOL]}
        items = [{"type": "function_call", "call_id": f"c{number}", "name": "f", "arguments": f'{{"a":"{number}"}}'} for number in range(2)]
        outputs = [{"type": "function_call_output", "call_id": f"c{number}", "output": (words, "1")[number]} for number in range(2)]
        found["openai-responses"] = {"input": [hi, *items, *outputs], "tools": [RESPONSES_TOOL]}
        parts = [{"functionCall": {"name": "f", "args": {"a": str(number)}}} for number in range(2)]
        answers = [{"functionResponse": {"name": "f", "response": {"output": (words, "1")[number]}}} for number in range(2)]
        turns = [("user", [{"text": "Hi"}]), ("model", parts), ("user", answers)]
        found["gemini"] = {"contents": [{"role": role, "parts": said} for role, said in turns], "tools": [GEMINI_TOOL]}
    return found


def _picture_in_result() -> Mapping[str, Body]:
    block = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
    call = {"type": "function_call", "call_id": "c0", "name": "f", "arguments": "{}"}
    output = [{"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"}]
    answer = {"name": "f", "response": {"output": "seen"}, "parts": [{"inlineData": {"mimeType": "image/png", "data": PNG}}]}
    turns = [("user", [{"text": "Hi"}]), ("model", [{"functionCall": {"name": "f", "args": {}}}]), ("user", [{"functionResponse": answer}])]
    return {
        "anthropic": _after_call([block], chat=False)["anthropic"],
        "openai-responses": {
            "input": [{"role": "user", "content": "Hi"}, call, {"type": "function_call_output", "call_id": "c0", "output": output}]
        },
        "gemini": {"contents": [{"role": role, "parts": said} for role, said in turns]},
    }


def _late() -> Mapping[str, Body]:
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}, {"role": "user", "content": "Go on"}]
    late = [*turns, {"role": "system", "content": "Be brief."}]
    return {"anthropic": {"messages": late}, "openai-chat": {"messages": late}, "openai-responses": {"input": late}}


def _chat_shape(kind: str, **more: Any) -> Body:
    return {"response_format": {"type": kind, **more}}


CUSTOM = {"name": "f", "description": "Takes words."}
ASKED: Mapping[str, Asked] = {
    "system text": Asked(
        _set(
            {"system": "Be kind."},
            {"messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi"}]},
            {"instructions": "Be kind."},
            systemInstruction={"parts": [{"text": "Be kind."}]},
        ),
        lambda request: "Be kind." in str((request.instructions, [one for one in request.messages if one.role in INSTRUCTING])),
    ),
    "system text in mid-conversation": Asked(_late(), _late_system),
    "name of a message's author": Asked(
        _set(chat={"messages": [{"role": "user", "name": "ann", "content": "Hi"}]}), lambda request: request.messages[0].name
    ),
    "image": Asked(
        _user(
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
            chat={"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
            responses={"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"},
            gemini={"inlineData": {"mimeType": "image/png", "data": PNG}},
        ),
        _media(MediaKind.IMAGE, Inline),
    ),
    "image by address": Asked(
        _user(
            {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
            chat={"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
            responses={"type": "input_image", "image_url": "https://example.com/a.png", "detail": "auto"},
            gemini={"fileData": {"fileUri": "https://example.com/a.png", "mimeType": "image/png"}},
        ),
        _media(MediaKind.IMAGE, Link),
    ),
    "PDF": Asked(
        _user(
            {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}},
            chat={"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
            responses={"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"},
            gemini={"inlineData": {"mimeType": "application/pdf", "data": PDF}},
        ),
        _media(MediaKind.DOCUMENT, Inline),
    ),
    "PDF by address": Asked(
        _user(
            {"type": "document", "source": {"type": "url", "url": "https://example.com/a.pdf"}},
            responses={"type": "input_file", "file_url": "https://example.com/a.pdf"},
            gemini={"fileData": {"fileUri": "https://example.com/a.pdf", "mimeType": "application/pdf"}},
        ),
        _media(MediaKind.DOCUMENT, Link),
    ),
    "audio": Asked(
        _user(
            chat={"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}},
            gemini={"inlineData": {"mimeType": "audio/wav", "data": WAV}},
        ),
        _media(MediaKind.AUDIO, Inline),
    ),
    "video": Asked(_user(gemini={"inlineData": {"mimeType": "video/mp4", "data": WAV}}), _media(MediaKind.VIDEO, Inline)),
    "file uploaded to the vendor": Asked(
        _user(
            {"type": "image", "source": {"type": "file", "file_id": "file_1"}},
            chat={"type": "file", "file": {"file_id": "file-1"}},
            responses={"type": "input_file", "file_id": "file-1"},
            gemini={"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/a", "mimeType": "application/pdf"}},
        ),
        lambda request: _media(MediaKind.IMAGE, FileRef)(request) or _media(MediaKind.DOCUMENT, FileRef)(request),
    ),
    "functions": Asked(
        _set({"tools": [CLAUDE_TOOL]}, {"tools": [CHAT_TOOL]}, {"tools": [RESPONSES_TOOL]}, tools=[GEMINI_TOOL]),
        lambda request: [(tool.name, tool.description, tool.parameters) for tool in _tools(request)],
    ),
    "functions with a strict schema": Asked(
        _set(
            {"tools": [{**CLAUDE_TOOL, "strict": True}]},
            {"tools": [{"type": "function", "function": {**CHAT_TOOL["function"], "strict": True}}]},
            {"tools": [{**RESPONSES_TOOL, "strict": True}]},
        ),
        lambda request: any(tool.strict for tool in _tools(request)),
    ),
    "tools that take free text": Asked(
        _set(chat={"tools": [{"type": "custom", "custom": CUSTOM}]}, responses={"tools": [{"type": "custom", **CUSTOM}]}),
        lambda request: [(tool.name, tool.kind) for tool in _tools(request)] and [tool.kind is ToolKind.CUSTOM for tool in _tools(request)],
    ),
    "the vendor's web search": Asked(
        _set(
            {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
            {"web_search_options": {}},
            {"tools": [{"type": "web_search"}]},
            tools=[{"googleSearch": {}}],
        ),
        lambda request: _hosted(request),
    ),
    "the vendor's reading of pages": Asked(
        _set({"tools": [{"type": "web_fetch_20250910", "name": "web_fetch"}]}, tools=[{"urlContext": {}}]),
        lambda request: _hosted(request),
    ),
    "the vendor's running of code": Asked(
        _set(
            {"tools": [{"type": "code_execution_20250825", "name": "code_execution"}]},
            responses={"tools": [{"type": "code_interpreter", "container": {"type": "auto"}}]},
            tools=[{"codeExecution": {}}],
        ),
        lambda request: _hosted(request),
    ),
    "other tools that the vendor runs": Asked(
        _set(
            {"tools": [{"type": "memory_20250818", "name": "memory"}]},
            responses={"tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]},
            tools=[{"googleMaps": {}}],
        ),
        lambda request: [tool.raw for tool in request.tools or () if isinstance(tool, Opaque)],
    ),
    "must call a tool": Asked(
        _with_tools({"type": "any"}, {"tool_choice": "required"}, {"tool_choice": "required"}, {"mode": "ANY"}),
        lambda request: request.tool_choice and (request.tool_choice.mode, request.tool_choice.names),
    ),
    "must call this tool": Asked(
        _with_tools(
            {"type": "tool", "name": "f"},
            {"tool_choice": {"type": "function", "function": {"name": "f"}}},
            {"tool_choice": {"type": "function", "name": "f"}},
            {"mode": "ANY", "allowedFunctionNames": ["f"]},
        ),
        lambda request: request.tool_choice and (request.tool_choice.mode, request.tool_choice.names),
    ),
    "must call none": Asked(
        _with_tools({"type": "none"}, {"tool_choice": "none"}, {"tool_choice": "none"}, {"mode": "NONE"}),
        lambda request: request.tool_choice and request.tool_choice.mode,
    ),
    "one call at a time": Asked(
        _with_tools({"type": "auto", "disable_parallel_tool_use": True}, {"parallel_tool_calls": False}, {"parallel_tool_calls": False}),
        lambda request: request.parallel_tool_calls is False,
    ),
    "calls side by side, and their results": Asked(_after_call("0"), _exchange),
    "a result that is an error": Asked(
        {"anthropic": _after_call("no clock", failed=True)["anthropic"]},
        lambda request: (
            [part.is_error for part in _said(request) if isinstance(part, ToolResult) and part.is_error]
            or ("in words" if "Error: no clock" in str(request.messages) else None)
        ),
    ),
    "image in a result": Asked(_picture_in_result(), _in_result),
    "thinking: effort": Asked(
        _set(
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}},
            {"reasoning_effort": "high"},
            {"reasoning": {"effort": "high"}},
            {"thinkingConfig": {"thinkingLevel": "HIGH"}},
        ),
        lambda request: request.thinking and request.thinking.effort,
    ),
    "thinking: budget in tokens": Asked(
        _set(
            {"thinking": {"type": "enabled", "budget_tokens": 2048}, "max_tokens": 4096},
            generation={"thinkingConfig": {"thinkingBudget": 2048}},
        ),
        lambda request: request.thinking and (request.thinking.budget or request.thinking.effort),
    ),
    "answer in a given shape": Asked(
        _set(
            {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
            _chat_shape("json_schema", json_schema={"name": "r", "schema": SCHEMA, "strict": True}),
            {"text": {"format": {"type": "json_schema", "name": "r", "schema": SCHEMA, "strict": True}}},
            {"responseMimeType": "application/json", "responseJsonSchema": SCHEMA},
        ),
        lambda request: request.output and request.output.schema,
    ),
    "answer in any JSON": Asked(
        _set(
            chat=_chat_shape("json_object"),
            responses={"text": {"format": {"type": "json_object"}}},
            generation={"responseMimeType": "application/json"},
        ),
        lambda request: (request.output and request.output.kind) or ("in words" if "JSON" in str(request.instructions) else None),
    ),
    "limit on tokens": Asked(
        _set({"max_tokens": 99}, {"max_completion_tokens": 99}, {"max_output_tokens": 99}, {"maxOutputTokens": 99}),
        lambda request: request.max_tokens,
    ),
    "stop sequences": Asked(
        _set({"stop_sequences": ["END"]}, {"stop": ["END"]}, generation={"stopSequences": ["END"]}), lambda request: request.stop
    ),
    "temperature, top_p": Asked(
        _set(
            {"temperature": 0.5, "top_p": 0.9},
            {"temperature": 0.5, "top_p": 0.9},
            {"temperature": 0.5, "top_p": 0.9},
            {"temperature": 0.5, "topP": 0.9},
        ),
        lambda request: [one for one in (request.sampling.temperature, request.sampling.top_p) if one is not None],
    ),
    "top_k": Asked(_set({"top_k": 5}, generation={"topK": 5}), lambda request: request.sampling.top_k),
    "penalties": Asked(
        _set(chat={"frequency_penalty": 0.5, "presence_penalty": 0.5}, generation={"frequencyPenalty": 0.5, "presencePenalty": 0.5}),
        lambda request: request.sampling.frequency_penalty,
    ),
    "seed": Asked(_set(chat={"seed": 7}, generation={"seed": 7}), lambda request: request.sampling.seed),
    "several answers": Asked(_set(chat={"n": 2}, generation={"candidateCount": 2}), lambda request: True),
    "log probabilities": Asked(
        _set(
            chat={"logprobs": True, "top_logprobs": 2},
            responses={"top_logprobs": 2, "include": ["message.output_text.logprobs"]},
            generation={"responseLogprobs": True, "logprobs": 2},
        ),
        lambda request: request.logprobs,
    ),
    "cache marks": Asked(
        _user({"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}),
        lambda request: any(getattr(part, "cache", None) for part in _said(request)),
    ),
    "cache key": Asked(_set(chat={"prompt_cache_key": "k"}, responses={"prompt_cache_key": "k"}), lambda request: request.cache_key),
    "id of the end user": Asked(
        _set({"metadata": {"user_id": "u"}}, {"safety_identifier": "u"}, {"safety_identifier": "u"}), lambda request: request.user
    ),
    "service tier": Asked(
        _set({"service_tier": "standard_only"}, {"service_tier": "default"}, {"service_tier": "default"}, serviceTier="standard"),
        lambda request: request.service_tier,
    ),
    "service tier: flex, priority": Asked(
        _set(None, {"service_tier": "flex"}, {"service_tier": "flex"}, serviceTier="flex"), lambda request: request.service_tier
    ),
    "turns that the vendor keeps": Asked(
        _set(responses={"previous_response_id": "resp_1"}), lambda request: "previous_response_id" in str(request.extras)
    ),
}
