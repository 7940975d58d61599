"""What the vendors' own SDKs read from answers and streams, in words that are the same for all formats."""

import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message as AnthropicMessage
from anthropic.types import RawMessageStreamEvent
from attrs import frozen
from google.genai import types
from openai._types import omit
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response as OpenAIResponse
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from ccproxy_cli.core.framing import SSEDecoder
from ccproxy_cli.core.parts import Reasoning, Refusal, Text, ToolCall
from ccproxy_cli.core.response import FinishReason, Response


@frozen
class Said:
    """What must survive between formats: the words, the calls, the class of finish, the tokens."""

    texts: str
    thoughts: str
    calls: tuple[tuple[str, str], ...]
    """Names, and arguments as canonical JSON."""
    finish: str
    tokens: tuple[int, int, int]
    """All of the prompt, how many of them from a cache, and of the answer."""


NOTHING_TOLD = (0, 0, 0)
CLASSES = {FinishReason.STOP_SEQUENCE: "stop", FinishReason.CONTEXT_FULL: "length", FinishReason.PAUSE: "stop", FinishReason.OTHER: "stop"}


def said(response: Response) -> Said:
    """An answer in our own vocabulary."""
    reason = response.finish.reason
    refused = any(isinstance(part, Refusal) for part in response.parts)
    finish = "refused" if refused or reason in (FinishReason.REFUSAL, FinishReason.FILTERED) else CLASSES.get(reason, reason.value)
    return Said(
        "".join(part.text for part in response.parts if isinstance(part, Text | Refusal)),
        "".join(part.text for part in response.parts if isinstance(part, Reasoning)),
        tuple((part.name, canonical(part.arguments)) for part in response.parts if isinstance(part, ToolCall)),
        finish,
        (response.usage.total_input, response.usage.cache_read or 0, response.usage.output or 0),
    )


def canonical(arguments: str) -> str:
    return json.dumps(json.loads(arguments or "{}"), sort_keys=True)


@cache
def _event(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _anthropic(message: AnthropicMessage) -> Said:
    usage = message.usage
    cached = usage.cache_read_input_tokens or 0
    names = {"end_turn": "stop", "max_tokens": "length", "tool_use": "tool_calls", "refusal": "refused", "stop_sequence": "stop"}
    return Said(
        "".join(block.text for block in message.content if block.type == "text"),
        "".join(block.thinking for block in message.content if block.type == "thinking"),
        tuple((block.name, json.dumps(block.input, sort_keys=True)) for block in message.content if block.type == "tool_use"),
        names[message.stop_reason or ""],
        (usage.input_tokens + cached + (usage.cache_creation_input_tokens or 0), cached, usage.output_tokens),
    )


def _anthropic_stream(frames: list[bytes]) -> Said:
    message: Any = None
    pieces: dict[int, bytes] = {}
    for frame in frames:
        if b'"ping"' not in frame[:20]:
            message = accumulate_event(
                event=_event(RawMessageStreamEvent).validate_json(frame, strict=True), current_snapshot=message, json_bufs=pieces
            )
    assert message is not None
    return _anthropic(message)


def _chat(completion: ChatCompletion) -> Said:
    (choice,) = completion.choices
    words, usage = choice.message, completion.usage
    details = usage.prompt_tokens_details if usage else None
    finish = {"content_filter": "refused"}.get(choice.finish_reason, choice.finish_reason)
    return Said(
        (words.content or "") + (words.refusal or ""),
        getattr(words, "reasoning_content", None) or "",
        tuple((call.function.name, canonical(call.function.arguments)) for call in words.tool_calls or () if call.type == "function"),
        "refused" if words.refusal else finish,
        (usage.prompt_tokens, (details.cached_tokens or 0) if details else 0, usage.completion_tokens) if usage else NOTHING_TOLD,
    )


def _chat_stream(frames: list[bytes]) -> Said:
    state: ChatCompletionStreamState[Any] = ChatCompletionStreamState()
    assert frames.pop() == b"[DONE]"
    for frame in frames:
        state.handle_chunk(ChatCompletionChunk.model_validate_json(frame, strict=True))
    return _chat(state.current_completion_snapshot)


def _responses(response: OpenAIResponse) -> Said:
    usage = response.usage
    contents = [content for item in response.output if item.type == "message" for content in item.content]
    calls = [item for item in response.output if item.type == "function_call"]
    refused = any(content.type == "refusal" for content in contents)
    if response.status == "completed":
        finish = "refused" if refused else "tool_calls" if calls else "stop"
    else:
        assert response.incomplete_details is not None
        finish = {"max_output_tokens": "length", "content_filter": "refused"}[response.incomplete_details.reason or ""]
    summaries = [summary.text for item in response.output if item.type == "reasoning" for summary in item.summary]
    raw = [content.text for item in response.output if item.type == "reasoning" for content in item.content or ()]
    return Said(
        "".join(content.refusal if content.type == "refusal" else content.text for content in contents),
        "".join(raw or summaries),
        tuple((call.name, canonical(call.arguments)) for call in calls),
        "refused" if refused else finish,
        (usage.input_tokens, usage.input_tokens_details.cached_tokens, usage.output_tokens) if usage else NOTHING_TOLD,
    )


def _responses_stream(frames: list[bytes]) -> Said:
    state: ResponseStreamState[Any] = ResponseStreamState(input_tools=omit, text_format=omit)
    last: Any = None
    for number, frame in enumerate(frames):
        event = _event(ResponseStreamEvent).validate_json(frame, strict=True)
        assert event.sequence_number == number
        for seen in state.handle_event(event):
            last = seen
    assert last.type in ("response.completed", "response.incomplete")
    assert last is not None
    return _responses(OpenAIResponse.model_validate_json(last.response.to_json(), strict=False))


def _gemini(*chunks: types.GenerateContentResponse) -> Said:
    candidates = [candidate for chunk in chunks for candidate in chunk.candidates or ()]
    parts = [part for candidate in candidates for part in (candidate.content.parts if candidate.content else None) or ()]
    calls = [part.function_call for part in parts if part.function_call is not None]
    usages = [chunk.usage_metadata for chunk in chunks if chunk.usage_metadata is not None]
    usage = usages[-1] if usages else types.GenerateContentResponseUsageMetadata()
    reasons = [candidate.finish_reason for candidate in candidates if candidate.finish_reason is not None]
    blocked = any(chunk.prompt_feedback and chunk.prompt_feedback.block_reason for chunk in chunks)
    (reason,) = reasons if not blocked else ["SAFETY"]
    finishes = {"STOP": "tool_calls" if calls else "stop", "MAX_TOKENS": "length", "OTHER": "stop"}
    return Said(
        "".join(part.text or "" for part in parts if not part.thought),
        "".join(part.text or "" for part in parts if part.thought),
        tuple((call.name or "", json.dumps(call.args or {}, sort_keys=True)) for call in calls),
        finishes.get(str(getattr(reason, "value", reason)), "refused"),
        (
            (usage.prompt_token_count or 0) + (usage.tool_use_prompt_token_count or 0),
            usage.cached_content_token_count or 0,
            (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0),
        ),
    )


_BODIES: Mapping[str, Callable[[bytes], Said]] = {
    "anthropic": lambda body: _anthropic(AnthropicMessage.model_validate_json(body, strict=True)),
    "openai-chat": lambda body: _chat(ChatCompletion.model_validate_json(body, strict=True)),
    "openai-responses": lambda body: _responses(OpenAIResponse.model_validate_json(body, strict=True)),
    "gemini": lambda body: _gemini(types.GenerateContentResponse.model_validate_json(body)),
}
_STREAMS: Mapping[str, Callable[[list[bytes]], Said]] = {
    "anthropic": _anthropic_stream,
    "openai-chat": _chat_stream,
    "openai-responses": _responses_stream,
    "gemini": lambda frames: _gemini(*(types.GenerateContentResponse.model_validate_json(frame) for frame in frames)),
}


def read_body(format_name: str, body: bytes) -> Said:
    """A complete answer, held to the SDK's types as strictly as they allow."""
    return _BODIES[format_name](body)


def read_stream(format_name: str, data: bytes) -> Said:
    """A stream, event by event through the SDK's own accumulator."""
    decoder = SSEDecoder()
    return _STREAMS[format_name]([frame.data for frame in (*decoder.feed(data), *decoder.close())])
