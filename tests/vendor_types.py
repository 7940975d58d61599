"""The vendors' own types of requests, held to the letter: a member they do not know is as wrong as a value they do not take."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from anthropic.types.message_create_params import MessageCreateParamsNonStreaming as AnthropicParams
from google.genai import types
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming as ChatParams
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming as ResponsesParams
from pydantic import TypeAdapter, ValidationError

_PARAMS: Mapping[str, Any] = {"anthropic": AnthropicParams, "openai-chat": ChatParams, "openai-responses": ResponsesParams}
_GEMINI: Mapping[str, Any] = {
    "contents": list[types.Content],
    "systemInstruction": types.Content,
    "tools": list[types.Tool],
    "toolConfig": types.ToolConfig,
    "generationConfig": types.GenerationConfig,
    "serviceTier": types.ServiceTier,
}
"""The SDK has no type for the whole body. All of these refuse members they do not know."""


@cache
def _adapter(target: str, member: str = "") -> TypeAdapter[Any]:
    return TypeAdapter(_GEMINI[member] if target == "gemini" else _PARAMS[target])


def misfit(target: str, body: dict[str, Any]) -> str | None:
    """The first complaint about a body; None if it fits."""
    try:
        if target == "gemini":
            if unknown := body.keys() - _GEMINI.keys():
                return f"unknown: {sorted(unknown)}"
            for name, value in body.items():
                _adapter(target, name).validate_json(json.dumps(value))
            return None
        return _unread(body, _adapter(target).validate_python(body), "body")
    except ValidationError as error:
        return str(error)[:600]


def _unread(value: Any, read: Any, path: str) -> str | None:
    """What of a value its type left out. Going through also brings out errors inside the SDKs' iterables, which are read lazily."""
    if isinstance(value, dict):
        if unknown := value.keys() - read.keys():
            return f"{path}: unknown {sorted(unknown)}"
        return next((why for name in value if (why := _unread(value[name], read[name], f"{path}.{name}"))), None)
    if isinstance(value, list):
        pairs = enumerate(zip(value, read, strict=True))
        return next((why for number, (one, other) in pairs if (why := _unread(one, other, f"{path}[{number}]"))), None)
    return None
