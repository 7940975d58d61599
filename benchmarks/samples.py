"""Requests and answers to measure with, the same on every run."""

import random
from collections.abc import Mapping
from typing import Any

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.jsontext import dumps
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import Request

_WORDS = ("async", "buffer", "class", "config", "error", "file", "handler", "import", "index", "line", "module", "parse")
_PATHS = {"anthropic": "/v1/messages", "openai-chat": "/chat/completions", "openai-responses": "/responses"}
MODEL = "measured-model"


def text(dice: random.Random, size: int) -> str:
    """About `size` characters of words."""
    words: list[str] = []
    while sum(map(len, words)) + len(words) < size:
        words.append(dice.choice(_WORDS))
    return " ".join(words)


def small_request(*, stream: bool = False) -> dict[str, Any]:
    """Three short turns in Anthropic's words, 0.6 KB."""
    dice = random.Random(1)
    return {
        "model": MODEL,
        "max_tokens": 1024,
        "temperature": 0.7,
        "stream": stream,
        "system": "You are a helpful assistant. Say what you are unsure of.",
        "messages": [
            {"role": "user", "content": text(dice, 120)},
            {"role": "assistant", "content": text(dice, 100)},
            {"role": "user", "content": [{"type": "text", "text": text(dice, 120)}]},
        ],
    }


def agent_request(size: int) -> dict[str, Any]:
    """An agent's turn of about `size` bytes in Anthropic's words: a long system text, 40 tools, calls with their results."""
    dice = random.Random(2)
    tools = [_tool(dice, number, size * 2 // 3 // 40) for number in range(40)]
    tools[-1]["cache_control"] = {"type": "ephemeral"}
    messages: list[dict[str, Any]] = [{"role": "user", "content": [{"type": "text", "text": text(dice, size // 40)}]}]
    for number in range(4):
        call = {"type": "tool_use", "id": f"toolu_{number:024d}", "name": tools[number]["name"], "input": {"path": text(dice, 60)}}
        result = {"type": "tool_result", "tool_use_id": call["id"], "content": text(dice, size // 25)}
        messages.append({"role": "assistant", "content": [{"type": "text", "text": text(dice, 80)}, call]})
        messages.append({"role": "user", "content": [result]})
    return {
        "model": MODEL,
        "max_tokens": 32000,
        "system": [{"type": "text", "text": text(dice, size // 12), "cache_control": {"type": "ephemeral"}}],
        "tools": tools,
        "metadata": {"user_id": "user_0123"},
        "messages": messages,
    }


def _tool(dice: random.Random, number: int, size: int) -> dict[str, Any]:
    properties = {f"member_{index}": {"type": "string", "description": text(dice, 80)} for index in range(max(1, size // 220))}
    schema = {"type": "object", "properties": properties, "required": list(properties)[:2], "additionalProperties": False}
    return {"name": f"Tool{number}", "description": text(dice, size // 2), "input_schema": schema}


def decoded(body: Mapping[str, Any]) -> Request:
    """A request in Anthropic's words, read."""
    return FORMATS["anthropic"].decode_request(HTTPCall("POST", _PATHS["anthropic"], dumps(body)), Losses())


def as_client_of(name: str, body: Mapping[str, Any]) -> HTTPCall:
    """The same request as a client of the format `name` would send it."""
    if name == "anthropic":
        return HTTPCall("POST", _PATHS[name], dumps(body))
    return FORMATS[name].encode_request(decoded(body), Profile(), Losses())
