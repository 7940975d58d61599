"""One conversation of ten turns, as a client of each format would say it; the API behind the real CLI is told the same each time."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from ccproxy_cli.backends.claude_code.backend import ClaudeCodeBackend
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.jsontext import dumps
from ccproxy_cli.core.parts import Text, ToolCall
from ccproxy_cli.core.request import Request
from ccproxy_cli.core.response import FinishReason
from tests.backends.claude_code.conftest import fetch
from tests.backends.claude_code.test_real_conversation import png, without_marks
from tests.fake_anthropic import FakeAnthropic, text, tool_use

pytestmark = pytest.mark.real_cli

MODEL = "claude-sonnet-4-5"
PICTURE = png()
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
SYSTEM = "You know the weather."
ABOUT = "Weather of a city"
CALLS = [("c1", {"city": "Oslo"}), ("c2", {"city": "Atlantis"}), ("c3", {"city": "Bergen"}), ("c4", {"city": "Málaga 🌊"})]
RESULTS = ["rain", "no such city", "more rain", "sun"]
THOUGHT = {"type": "thinking", "thinking": "Two cities.", "signature": "c2lnbmF0dXJl"}


def image() -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}}


def called(*numbers: int) -> list[dict[str, Any]]:
    return [{"type": "tool_use", "id": CALLS[n][0], "name": "get_weather", "input": CALLS[n][1]} for n in numbers]


def result(number: int, **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": CALLS[number][0], "content": [text(RESULTS[number])], **more}


TALK: list[dict[str, Any]] = [
    {"role": "user", "content": [text("Where was this taken?"), image()]},
    {"role": "assistant", "content": [THOUGHT, text("Let me see."), *called(0, 1)]},
    {"role": "user", "content": [result(0), result(1, is_error=True)]},
    {"role": "assistant", "content": [text("In Oslo: it rains.")]},
    {"role": "user", "content": [text("And elsewhere?")]},
    {"role": "assistant", "content": called(2, 3)},
    {"role": "user", "content": [result(2), result(3)]},
    {"role": "assistant", "content": [text("Málaga has sun.")]},
    {"role": "user", "content": [text("/thanks, see @/etc/hostname")]},
    {"role": "assistant", "content": [text("You are welcome.")]},
    {"role": "user", "content": [text("And now Paris?")]},
]
"""In Anthropic's words."""


def anthropic() -> HTTPCall:
    tools = [{"name": "get_weather", "description": ABOUT, "input_schema": SCHEMA}]
    body = {"model": MODEL, "max_tokens": 900, "temperature": 0.5, "system": SYSTEM, "tools": tools, "messages": TALK}
    return HTTPCall("POST", "/v1/messages", dumps(body))


def chat() -> HTTPCall:
    def calls(*numbers: int) -> list[dict[str, Any]]:
        functions = [(CALLS[n][0], {"name": "get_weather", "arguments": json.dumps(CALLS[n][1])}) for n in numbers]
        return [{"id": call_id, "type": "function", "function": function} for call_id, function in functions]

    def answered(number: int) -> dict[str, Any]:
        return {"role": "tool", "tool_call_id": CALLS[number][0], "content": RESULTS[number]}

    seen = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}}
    messages = [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": [{"type": "text", "text": "Where was this taken?"}, seen]},
        {"role": "assistant", "content": "Let me see.", "tool_calls": calls(0, 1)},
        *map(answered, (0, 1)),
        {"role": "assistant", "content": "In Oslo: it rains."},
        {"role": "user", "content": "And elsewhere?"},
        {"role": "assistant", "content": None, "tool_calls": calls(2, 3)},
        *map(answered, (2, 3)),
        {"role": "assistant", "content": "Málaga has sun."},
        {"role": "user", "content": "/thanks, see @/etc/hostname"},
        {"role": "assistant", "content": "You are welcome."},
        {"role": "user", "content": "And now Paris?"},
    ]
    tools = [{"type": "function", "function": {"name": "get_weather", "description": ABOUT, "parameters": SCHEMA}}]
    body = {"model": MODEL, "max_completion_tokens": 900, "temperature": 0.5, "tools": tools, "messages": messages}
    return HTTPCall("POST", "/v1/chat/completions", dumps(body))


def responses() -> HTTPCall:
    def calls(*numbers: int) -> list[dict[str, Any]]:
        return [
            {"type": "function_call", "call_id": CALLS[n][0], "name": "get_weather", "arguments": json.dumps(CALLS[n][1])} for n in numbers
        ]

    def answered(number: int) -> dict[str, Any]:
        return {"type": "function_call_output", "call_id": CALLS[number][0], "output": RESULTS[number]}

    def says(words: str) -> dict[str, Any]:
        return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": words}]}

    seen = {"type": "input_image", "image_url": f"data:image/png;base64,{PICTURE}"}
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "Where was this taken?"}, seen]},
        says("Let me see."),
        *calls(0, 1),
        *map(answered, (0, 1)),
        says("In Oslo: it rains."),
        {"role": "user", "content": "And elsewhere?"},
        *calls(2, 3),
        *map(answered, (2, 3)),
        says("Málaga has sun."),
        {"role": "user", "content": "/thanks, see @/etc/hostname"},
        says("You are welcome."),
        {"role": "user", "content": "And now Paris?"},
    ]
    tools = [{"type": "function", "name": "get_weather", "description": ABOUT, "parameters": SCHEMA, "strict": False}]
    more = {"instructions": SYSTEM, "store": False}
    body = {"model": MODEL, "max_output_tokens": 900, "temperature": 0.5, "tools": tools, "input": items, **more}
    return HTTPCall("POST", "/v1/responses", dumps(body))


def gemini() -> HTTPCall:
    def calls(*numbers: int) -> list[dict[str, Any]]:
        return [{"functionCall": {"id": CALLS[n][0], "name": "get_weather", "args": CALLS[n][1]}} for n in numbers]

    def answered(*numbers: int) -> dict[str, Any]:
        parts = [{"id": CALLS[n][0], "name": "get_weather", "response": {"result": RESULTS[n]}} for n in numbers]
        return {"role": "user", "parts": [{"functionResponse": part} for part in parts]}

    def says(role: str, *parts: dict[str, Any] | str) -> dict[str, Any]:
        return {"role": role, "parts": [{"text": part} if isinstance(part, str) else part for part in parts]}

    contents = [
        says("user", "Where was this taken?", {"inlineData": {"mimeType": "image/png", "data": PICTURE}}),
        says("model", "Let me see.", *calls(0, 1)),
        answered(0, 1),
        says("model", "In Oslo: it rains."),
        says("user", "And elsewhere?"),
        says("model", *calls(2, 3)),
        answered(2, 3),
        says("model", "Málaga has sun."),
        says("user", "/thanks, see @/etc/hostname"),
        says("model", "You are welcome."),
        says("user", "And now Paris?"),
    ]
    tools = [{"functionDeclarations": [{"name": "get_weather", "description": ABOUT, "parametersJsonSchema": SCHEMA}]}]
    config = {"maxOutputTokens": 900, "temperature": 0.5}
    body = {"systemInstruction": {"parts": [{"text": SYSTEM}]}, "contents": contents, "tools": tools, "generationConfig": config}
    return HTTPCall("POST", f"/models/{MODEL}:generateContent", dumps(body))


CLIENTS = {"anthropic": anthropic, "openai-chat": chat, "openai-responses": responses, "gemini": gemini}


def said(name: str) -> Request:
    return FORMATS[name].decode_request(CLIENTS[name](), Losses())


def plain(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same words, less what only Anthropic's clients can say: signed thoughts, and that a result is an error."""
    numbers: dict[str, str] = {}

    def block(one: Mapping[str, Any]) -> dict[str, Any]:
        match one["type"]:
            case "tool_use":
                numbers[one["id"]] = f"call {len(numbers)}"
                return {**one, "id": numbers[one["id"]]}
            case "tool_result":
                content = one["content"]
                words = content if isinstance(content, str) else "".join(piece["text"] for piece in content)
                return {"type": "tool_result", "tool_use_id": numbers[one["tool_use_id"]], "content": words}
            case _:
                return dict(one)

    return [{**m, "content": [block(one) for one in m["content"] if one["type"] != "thinking"]} for m in messages]


def as_sent(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Under the names that the CLI gives to tools."""
    renamed = {"name": "mcp__client__get_weather"}
    return [{**m, "content": [{**b, **renamed} if b["type"] == "tool_use" else b for b in m["content"]]} for m in messages]


@pytest.mark.parametrize("name", CLIENTS)
async def test_the_api_is_told_the_same_by_all(backend: ClaudeCodeBackend, api: FakeAnthropic, name: str) -> None:
    api.will_say(text("Wait."), *(tool_use("mcp__client__get_weather", {"city": city}, f"toolu_{city}") for city in ("Paris", "Lyon")))
    response, losses = await fetch(backend, said(name))
    (sent,) = api.bodies
    messages = without_marks(sent["messages"])
    assert plain(messages) == plain(as_sent(TALK))
    if name == "anthropic":
        assert messages == as_sent(TALK)
    assert sent["system"][-1]["text"] == SYSTEM
    assert (sent["model"], sent["max_tokens"], sent["temperature"]) == (MODEL, 900, 0.5)
    (tool,) = sent["tools"]
    assert (tool["name"], tool["description"], tool["input_schema"]) == ("mcp__client__get_weather", ABOUT, SCHEMA)
    assert losses == []
    assert response.parts[0] == Text("Wait.")
    calls = [part for part in response.parts if isinstance(part, ToolCall)]
    assert [(call.name, json.loads(call.arguments)) for call in calls] == [
        ("get_weather", {"city": "Paris"}),
        ("get_weather", {"city": "Lyon"}),
    ]
    assert response.finish.reason is FinishReason.TOOL_CALLS
