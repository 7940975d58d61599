"""Requests as clients write them, in a line each."""

import json
from typing import Any

from tests.known_bugs.through import Body

LONG = "call_" + "x" * 1319
PICTURE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {
        "a": {"type": ["string", "null"], "const": "x"},
        "b": {"type": "object", "propertyNames": {"pattern": "^a"}, "additionalProperties": {"type": "string"}},
        "c": {"type": "integer", "exclusiveMinimum": 0},
        "d": {"allOf": [{"type": "string"}, {"minLength": 1}]},
        "e": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
    },
    "required": ["a", "a", "b"],
    "additionalProperties": False,
}
SHAPE = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}


def claude(*messages: Body, **members: Any) -> Body:
    return {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}, *messages], **members}


def chat(*messages: Body, **members: Any) -> Body:
    return {"model": "m", "messages": [{"role": "user", "content": "Hi"}, *messages], **members}


def responses(*items: Body, **members: Any) -> Body:
    return {"model": "m", "input": [{"role": "user", "content": "Hi"}, *items], **members}


def used(*blocks: Body, results: tuple[Any, ...] = ("done",)) -> tuple[Body, Body]:
    """A turn of Claude's that calls a tool once for each result, and the results."""
    calls = [{"type": "tool_use", "id": f"toolu_{number}", "name": "f", "input": {}} for number in range(len(results))]
    given = [{"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": content} for number, content in enumerate(results)]
    return {"role": "assistant", "content": [*blocks, *calls]}, {"role": "user", "content": given}


def called(*ids: str) -> list[Body]:
    """A turn of Chat's that calls a tool for each id, and the results."""
    calls = [{"id": call_id, "type": "function", "function": {"name": "f", "arguments": "{}"}} for call_id in ids]
    results = [{"role": "tool", "tool_call_id": call_id, "content": "done"} for call_id in ids]
    return [{"role": "assistant", "content": None, "tool_calls": calls}, *results]


def thought(text: str = "Hm.", signature: str = "c2lnbmVk") -> Body:
    return {"type": "thinking", "thinking": text, "signature": signature}


CHAT_TOOL = {"type": "function", "function": {"name": "f", "description": "F", "parameters": SCHEMA}}
CLAUDE_TOOL = {"name": "f", "description": "F", "input_schema": SCHEMA, "input_examples": [{"a": "x"}]}
FORMAT = {"type": "json_schema", "json_schema": {"name": "r", "schema": SHAPE, "strict": True}}
CLAUDE_CODE: Body = {
    "model": "m",
    "max_tokens": 32_000,
    "system": [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.0; cch=1a2b3"},
        {"type": "text", "text": "You are Claude Code.", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    ],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Please look"}]},
        {
            "role": "assistant",
            "content": [thought(), {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls -la"}}],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "README.md", "is_error": False},
                {"type": "text", "text": "Be quick.", "cache_control": {"type": "ephemeral"}},
            ],
        },
    ],
    "tools": [{**CLAUDE_TOOL, "name": "Bash"}, {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}],
    "thinking": {"type": "adaptive"},
    "output_config": {"effort": "high"},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "metadata": {"user_id": "user_1_account_2_session_3"},
}
"""All that Claude Code puts into one request (seen 2026-11), in small."""


def declared(body: Body) -> Any:
    return body["tools"][0]["functionDeclarations"][0]


def parts(body: Body) -> list[Body]:
    return [part for content in body["contents"] for part in content["parts"]]


def words_in(value: object) -> str:
    return json.dumps(value)
