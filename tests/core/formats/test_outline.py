"""What routing rules may ask of a request, in the words of every format, and that nonsense is nothing."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.formats import FORMATS, Outline
from ccproxy_cli.core.formats._format import Envelope
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.jsontext import split_members

NAMES = tuple(FORMATS)
PLAIN: dict[str, dict[str, Any]] = {
    "anthropic": {"messages": [{"role": "user", "content": "hi"}]},
    "openai-chat": {"messages": [{"role": "user", "content": "hi"}]},
    "openai-responses": {"input": "hi"},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
}
TALK = 'image_url input_image image/png "type":"image" title web_search'


def outline(name: str, body: dict[str, Any], model: str = "m") -> Outline:
    return FORMATS[name].outline(Envelope(model, False, split_members(json.dumps(body).encode())))


def user(name: str, *parts: Any) -> dict[str, Any]:
    match name:
        case "openai-responses":
            return {"input": [{"role": "user", "content": list(parts)}]}
        case "gemini":
            return {"contents": [{"role": "user", "parts": list(parts)}]}
        case _:
            return {"messages": [{"role": "user", "content": list(parts)}]}


PNG = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
RESULT = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "image", "source": PNG}]}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image", "image_url": "data:image/png;base64,AA"}]}
ANSWER = {"functionResponse": {"name": "f", "response": {}, "parts": [{"inlineData": {"mimeType": "image/png", "data": "AA"}}]}}

SAID = [
    ("anthropic", "thinking", {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
    ("anthropic", "thinking", {"thinking": {"type": "adaptive"}}),
    ("openai-chat", "thinking", {"reasoning_effort": "low"}),
    ("openai-chat", "thinking", {"reasoning": {"max_tokens": 2000}}),
    ("openai-chat", "thinking", {"reasoning": {"enabled": True}}),
    ("openai-responses", "thinking", {"reasoning": {"effort": "high"}}),
    ("openai-responses", "thinking", {"reasoning": {"summary": "auto"}}),
    ("gemini", "thinking", {"generationConfig": {"thinkingConfig": {"thinkingBudget": 99}}}),
    ("gemini", "thinking", {"generation_config": {"thinking_config": {"thinking_level": "HIGH"}}}),
    ("gemini", "thinking", {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}),
    ("anthropic", "images", user("anthropic", {"type": "image", "source": PNG})),
    ("anthropic", "images", user("anthropic", RESULT)),
    ("openai-chat", "images", user("openai-chat", {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}})),
    ("openai-responses", "images", user("openai-responses", {"type": "input_image", "file_id": "f"})),
    ("openai-responses", "images", {"input": [OUTPUT]}),
    ("gemini", "images", user("gemini", {"inlineData": {"mimeType": "image/png", "data": "AA"}})),
    ("gemini", "images", user("gemini", {"file_data": {"mime_type": "image/webp", "file_uri": "x"}})),
    ("gemini", "images", user("gemini", ANSWER)),
    ("anthropic", "web_search", {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
    ("openai-chat", "web_search", {"web_search_options": {}}),
    ("openai-responses", "web_search", {"tools": [{"type": "function", "name": "f"}, {"type": "web_search"}]}),
    ("openai-responses", "web_search", {"tools": [{"type": "web_search_preview"}]}),
    ("gemini", "web_search", {"tools": [{"googleSearch": {}}]}),
    ("gemini", "web_search", {"tools": [{"google_search": {}}]}),
    ("anthropic", "background", {"system": "You are a title generator.", "tools": []}),
    (
        "anthropic",
        "background",
        {"output_config": {"format": {"type": "json_schema", "schema": {"properties": {"title": {}}}}}, "tools": []},
    ),
    ("openai-chat", "background", {"messages": [{"role": "system", "content": "Generate a title."}, {"role": "user", "content": "x"}]}),
    ("openai-responses", "background", {"instructions": "You name threads: one title, nothing else."}),
    ("openai-responses", "background", {"input": [{"role": "developer", "content": "You are a title generator."}]}),
    ("gemini", "background", {"systemInstruction": {"parts": [{"text": "You are a title generator."}]}}),
]


@pytest.mark.parametrize(("name", "what", "members"), SAID)
def test_each_format_says_it_in_its_own_words(name: str, what: str, members: dict[str, Any]) -> None:
    assert outline(name, {**PLAIN[name], **members}) == Outline(**{what: True})


UNSAID = [
    ("anthropic", {"thinking": {"type": "disabled"}}),
    ("openai-chat", {"reasoning_effort": "none"}),
    ("openai-chat", {"reasoning_effort": None, "reasoning": None, "web_search_options": None, "tools": None}),
    ("openai-chat", {"reasoning": {"enabled": False}}),
    ("openai-responses", {"reasoning": {"effort": "none", "summary": "auto"}}),
    ("gemini", {"generationConfig": {"thinkingConfig": {"thinkingBudget": 0, "includeThoughts": True}}}),
    ("anthropic", {"system": "Write the title first.", "tools": [{"name": "Read", "input_schema": {}}]}),
    (
        "anthropic",
        {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {"type": "image"}}]}]},
    ),
    ("gemini", user("gemini", {"functionResponse": {"name": "f", "response": {"inlineData": {"mimeType": "image/png"}}}})),
    ("openai-responses", {"instructions": "x" * 700 + "title"}),
    *((name, user(name, {"type": "text", "text": TALK})) for name in NAMES),
]


@pytest.mark.parametrize(("name", "members"), UNSAID)
def test_what_only_looks_like_it_is_not(name: str, members: dict[str, Any]) -> None:
    assert outline(name, {**PLAIN[name], **members}) == Outline()


@pytest.mark.parametrize(
    ("name", "model", "small"),
    [
        ("anthropic", "claude-haiku-4-5-20251001", True),
        ("anthropic", "claude-sonnet-4-5", False),
        ("openai-chat", "gpt-5.4-nano", True),
        ("openai-responses", "gpt-4.1-nano-2025-04-14", True),
        ("openai-chat", "nanobot-9", False),
        ("gemini", "gemini-3.5-flash-lite", True),
        ("gemini", "gemini-3.8-flash", False),
    ],
)
def test_the_small_models_are_for_chores(name: str, model: str, small: bool) -> None:
    assert outline(name, PLAIN[name], model).background is small


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5)
    | st.sampled_from(["image", "image_url", "input_image", "image/png", "title", "none", "web_search"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "content", "parts", "inlineData", "mimeType", "role", "effort", "output", "thinkingConfig"]), inner
        )
    ),
    max_leaves=8,
)
MEMBERS = [
    "messages", "contents", "input", "system", "tools", "thinking", "reasoning", "reasoning_effort", "generationConfig", "instructions",
    "output_config", "systemInstruction", "web_search_options",
]  # fmt: skip


@given(st.dictionaries(st.sampled_from(MEMBERS), VALUES), st.sampled_from(NAMES))
def test_nonsense_is_nothing_to_stumble_over(body: dict[str, Any], name: str) -> None:
    assert isinstance(outline(name, body), Outline)


@pytest.mark.parametrize("name", NAMES)
def test_deep_nonsense_too(name: str) -> None:
    deep = b"[" * 5000 + b'"image" image/ "image_url" "input_image"' + b"]" * 5000
    members = dict.fromkeys(MEMBERS, deep)
    assert FORMATS[name].outline(Envelope("m", False, members)) in (Outline(), Outline(web_search=True))


@pytest.mark.parametrize("name", NAMES)
def test_a_peeked_call_has_an_outline(name: str) -> None:
    path = {"gemini": "/models/m:generateContent"}.get(name, "/messages")
    call = HTTPCall("POST", path, json.dumps({"model": "m", **PLAIN[name]}).encode())
    assert FORMATS[name].outline(FORMATS[name].peek(call)) == Outline()
