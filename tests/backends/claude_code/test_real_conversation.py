"""The API behind the real CLI receives exactly the request, and the client exactly the answer."""

import base64
import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from ccproxy_cli.backends.claude_code.backend import ClaudeCodeBackend
from ccproxy_cli.core.events import TextDelta
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.anthropic import FORMAT
from ccproxy_cli.core.parts import Inline, Media, MediaKind, Proof, Reasoning, Text, ToolCall, ToolResult
from ccproxy_cli.core.request import ChoiceMode, Message, Role, Sampling, Thinking, Tool, ToolChoice
from ccproxy_cli.core.response import FinishReason, Usage
from tests.backends.claude_code.conftest import Make, fetch, native, say
from tests.fake_anthropic import FakeAnthropic, text, thinking, tool_use

pytestmark = pytest.mark.real_cli


def png() -> str:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = (8).to_bytes(4, "big") * 2 + b"\x08\2\0\0\0"
    pixels = zlib.compress(b"".join(b"\0" + b"\7" * 24 for _ in range(8)))
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")).decode()


IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": png()}}
HISTORY: list[dict[str, Any]] = [
    {"role": "user", "content": [{"type": "text", "text": "What is this?"}, IMAGE]},
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "A picture.", "signature": "c2lnbmF0dXJl"},
            {"type": "redacted_thinking", "data": "b3BhcXVl"},
            {"type": "text", "text": "  Let me look. \n"},
            {"type": "tool_use", "id": "toolu_a", "name": "look", "input": {"at": {"x": 1, "y": [1.5, None, True]}}},
            {"type": "tool_use", "id": "toolu_b", "name": "look", "input": {}},
        ],
    },
    {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "toolu_a", "content": [{"type": "text", "text": "grey"}, IMAGE]},
            {"type": "tool_result", "tool_use_id": "toolu_b", "content": "out of range", "is_error": True},
            {"type": "text", "text": "Well?"},
        ],
    },
    {"role": "assistant", "content": [{"type": "text", "text": "It is grey. ünïcödé 🦊"}]},
    {
        "role": "user",
        "content": [
            {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "A fable."}, "title": "Fable"},
            {"type": "text", "text": "/compare with <b>this</b>, see @/etc/hostname"},
        ],
    },
]


def without_marks(value: Any) -> Any:
    """The CLI sets cache marks of its own, and the slash guard cuts a text in two: both leave the words alone."""
    if isinstance(value, list):
        joined: list[Any] = []
        for item in map(without_marks, value):
            if joined and isinstance(item, dict) and item.get("type") == joined[-1].get("type") == "text":
                joined[-1] = {**joined[-1], "text": joined[-1]["text"] + item["text"]}
            else:
                joined.append(item)
        return joined
    if isinstance(value, dict):
        return {name: without_marks(member) for name, member in value.items() if name != "cache_control"}
    return value


async def test_history_arrives_exactly(backend: ClaudeCodeBackend, api: FakeAnthropic) -> None:
    api.will_say(thinking("Hm."), text("They differ."))
    body = {"model": "claude-sonnet-4-5", "max_tokens": 99, "system": [{"type": "text", "text": "One."}, {"type": "text", "text": "Two."}]}
    sampling = {"temperature": 0.25, "stop_sequences": ["END"], "top_k": 7}
    response, losses = await fetch(backend, native({**body, **sampling, "messages": HISTORY}))

    (sent,) = api.bodies
    expected = [
        {**message, "content": [{**b, "name": "mcp__client__look"} if b["type"] == "tool_use" else b for b in message["content"]]}
        for message in HISTORY
    ]
    assert without_marks(sent["messages"]) == expected
    assert sent["system"][-1]["text"] == "One.\n\nTwo."
    assert {name: sent[name] for name in sampling} == sampling
    assert (sent["max_tokens"], sent["thinking"], sent["model"]) == (99, {"type": "disabled"}, "claude-sonnet-4-5")
    assert losses == []
    assert response.parts == (Reasoning("Hm.", (Proof("anthropic", "c2lnbmVk"),)), Text("They differ."))
    assert response.finish.reason is FinishReason.STOP
    assert response.usage == Usage(input=11, cache_read=3, cache_write=2, output=5, extras=response.usage.extras)
    assert response.id == "msg_fake_1"


async def test_a_request_of_another_format_says_the_same(backend: ClaudeCodeBackend, api: FakeAnthropic) -> None:
    picture = Media(MediaKind.IMAGE, Inline("image/png", png()))
    request = say(
        Message(Role.SYSTEM, (Text("Be brief."),)),
        Message(Role.USER, (Text("What?"), picture)),
        Message(Role.ASSISTANT, (ToolCall("call:1", "look", '{"x":1}'),)),
        Message(Role.TOOL, (ToolResult("call:1", (Text("grey"),)),)),
        "So?",
        model="sonnet",
        sampling=Sampling(temperature=0.5),
        thinking=Thinking(effort="medium"),
        max_tokens=5000,
    )
    _, losses = await fetch(backend, request)
    (sent,) = api.bodies
    first, second, third = without_marks(sent["messages"])
    assert first == {"role": "user", "content": [text("What?"), IMAGE]}
    (call,) = second["content"]
    assert (call["name"], call["input"]) == ("mcp__client__look", {"x": 1})
    assert third["content"] == [{"type": "tool_result", "tool_use_id": call["id"], "content": [text("grey")]}, text("So?")]
    assert sent["system"][-1]["text"] == "Be brief."
    assert sent["max_tokens"] == 5000
    assert sent["output_config"] == {"effort": "medium"}
    assert "context_management" not in sent
    assert losses == ["temperature"]  # the newest models take none


async def test_tokens_stream_as_they_come(backend: ClaudeCodeBackend, api: FakeAnthropic) -> None:
    api.will_say(text("word " * 6), stall=True)
    stream = await backend.send(say("go"), Losses())
    seen = ""
    async for batch in stream:
        seen += "".join(event.text for event in batch if isinstance(event, TextDelta))
        if len(seen) == 30:
            break
    assert seen == "word " * 6  # although the block has not ended
    await stream.aclose()


async def test_thinking_effort_and_shape(make: Make, api: FakeAnthropic) -> None:
    backend = make()
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
    base = {"max_tokens": 3000, "messages": [{"role": "user", "content": "go"}]}
    config = {"effort": "low", "format": {"type": "json_schema", "schema": schema}}
    await fetch(backend, native({**base, "model": "opus", "thinking": {"type": "adaptive"}, "output_config": config}))
    await fetch(backend, native({**base, "model": "claude-sonnet-4-5", "thinking": {"type": "enabled", "budget_tokens": 1500}}))
    await fetch(backend, native({**base, "model": "claude-opus-4-8"}))
    with_both, with_budget, with_none = api.bodies
    assert with_both["thinking"] == {"type": "adaptive"}
    assert with_both["output_config"] == config
    assert with_budget["thinking"] == {"type": "enabled", "budget_tokens": 1500}
    assert with_none["thinking"] == {"type": "disabled"}
    assert with_none["output_config"] == {"effort": "high"}


@pytest.mark.parametrize(
    ("reason", "finish"),
    [("max_tokens", FinishReason.LENGTH), ("refusal", FinishReason.REFUSAL), ("stop_sequence", FinishReason.STOP_SEQUENCE)],
)
async def test_the_answer_ends_where_the_model_ended(
    backend: ClaudeCodeBackend, api: FakeAnthropic, reason: str, finish: FinishReason
) -> None:
    api.will_say(text("so far"), stop_reason=reason, stop_sequence="END" if reason == "stop_sequence" else None)
    response, _ = await fetch(backend, say("go"))
    assert response.parts == (Text("so far"),)
    assert response.finish.reason is finish


async def test_nothing_more_is_asked_when_the_model_has_ended(backend: ClaudeCodeBackend, api: FakeAnthropic) -> None:
    api.will_say(text("so far"), stop_reason="max_tokens", pause=0.3)
    await fetch(backend, say("go"))
    assert [body["max_tokens"] for body in api.bodies] in ([200], [200, 0])  # the API refuses the second before it costs anything


@pytest.mark.parametrize("model", ["claude-opus-4-1", "claude-sonnet-4-20250514"])
async def test_the_model_is_the_one_that_was_asked_for(backend: ClaudeCodeBackend, api: FakeAnthropic, model: str) -> None:
    response, _ = await fetch(backend, say("go", model=model))
    assert api.bodies[0]["model"] == model
    assert response.model == model


async def test_the_clients_tools_are_offered_and_called(backend: ClaudeCodeBackend, api: FakeAnthropic) -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "$defs": {"X": {"type": "null"}}}
    long = "Looks at the sky. " * 400
    tools = (Tool("get_weather", "Weather of a city", schema), Tool("Bash", long, {"type": "object", "properties": {}}))
    calls: list[tuple[str, dict[str, str], str]] = [("get_weather", {"city": "Oslo"}, "toolu_1"), ("Bash", {}, "toolu_2")]
    api.will_say(text("Let me see."), *(tool_use(f"mcp__client__{name}", arguments, call_id) for name, arguments, call_id in calls))
    response, _ = await fetch(backend, say("weather?", tools=tools, tool_choice=ToolChoice(ChoiceMode.REQUIRED, ("get_weather",))))

    (sent,) = api.bodies
    offered = {tool["name"]: tool for tool in sent["tools"]}
    assert offered["mcp__client__get_weather"]["input_schema"] == schema
    assert offered["mcp__client__Bash"]["description"] == long
    assert sent["tool_choice"]["name"] == "mcp__client__get_weather"
    said, *called = response.parts
    assert said == Text("Let me see.")
    assert [(part.name, part.arguments, part.call_id) for part in called if isinstance(part, ToolCall)] == [
        ("get_weather", '{"city": "Oslo"}', "toolu_1"),
        ("Bash", "{}", "toolu_2"),
    ]
    assert response.finish.reason is FinishReason.TOOL_CALLS

    results = Message(Role.TOOL, (ToolResult("toolu_1", (Text("rain"),)), ToolResult("toolu_2", (Text("no"),), is_error=True)))
    request = say("weather?", Message(Role.ASSISTANT, tuple(response.parts)), results, tools=tools)
    again, _ = await fetch(backend, request)
    assert again.parts == (Text("hello"),)
    assert [block["type"] for block in api.bodies[-1]["messages"][1]["content"]] == ["text", "tool_use", "tool_use"]
    assert len(api.bodies) == 2


async def test_a_megabyte_in_one_message_and_in_the_system_prompt(backend: ClaudeCodeBackend, api: FakeAnthropic) -> None:
    api.will_say(text("x" * 3_000_000))
    response, _ = await fetch(
        backend,
        native({"model": "sonnet", "max_tokens": 9, "system": "s" * 300_000, "messages": [{"role": "user", "content": "é" * 1_000_000}]}),
    )
    assert api.bodies[0]["messages"][0]["content"][0]["text"] == "é" * 1_000_000
    assert api.bodies[0]["system"][-1]["text"] == "s" * 300_000
    assert response.parts == (Text("x" * 3_000_000),)


async def test_a_login_adds_reminders_and_nothing_else(make: Make, api: FakeAnthropic, tmp_path: Path) -> None:
    pretend_login(tmp_path / "home")
    response, _ = await fetch(make(environment={"ANTHROPIC_API_KEY": None}), say("one", Message(Role.ASSISTANT, (Text("two"),)), "three"))
    assert response.parts == (Text("hello"),)
    assert api.headers[0]["Authorization"] == "Bearer sk-ant-oat01-made-up"
    words = [block["text"] for message in api.bodies[0]["messages"] for block in message["content"]]
    assert [word for word in words if not word.startswith("<system-reminder>")] == ["one", "two", "three"]
    assert not any(str(Path.cwd()) in word for word in words)


def pretend_login(home: Path) -> None:
    """A subscription login made up for this test; the product itself never looks at this file."""
    oauth = {"accessToken": "sk-ant-oat01-made-up", "refreshToken": "sk-ant-ort01-made-up", "expiresAt": 32503680000000}
    credentials = {"claudeAiOauth": {**oauth, "scopes": ["user:inference"], "subscriptionType": "max"}}
    (home / ".claude").mkdir(exist_ok=True)
    (home / ".claude" / ".credentials.json").write_text(json.dumps(credentials))


SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}


def searched(call_id: str) -> list[dict[str, Any]]:
    """What the model says when it has searched the web."""
    page = {"type": "web_search_result", "url": "https://example.org", "title": "Foxes", "encrypted_content": "c2VhbGVk", "page_age": None}
    cited = {
        "type": "web_search_result_location",
        "url": "https://example.org",
        "title": "Foxes",
        "encrypted_index": "aQ==",
        "cited_text": "?",
    }
    return [
        {"type": "server_tool_use", "id": call_id, "name": "web_search", "input": {"query": "foxes"}},
        {"type": "web_search_tool_result", "tool_use_id": call_id, "content": [page]},
        {"type": "text", "text": "They are red.", "citations": [cited]},
    ]


async def test_the_vendors_own_search_is_asked_for_shown_and_remembered(make: Make, api: FakeAnthropic) -> None:
    backend = make(environment={"ANTHROPIC_API_KEY": None, "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-made-up"})
    earlier = searched("srvtoolu_1")
    talk = [{"role": "user", "content": "Foxes?"}, {"role": "assistant", "content": earlier}, {"role": "user", "content": "Once more."}]
    more = {"tools": [SEARCH, {"name": "look", "input_schema": {"type": "object"}}], "tool_choice": {"type": "tool", "name": "web_search"}}
    asking, finding, _ = searched("srvtoolu_2")
    api.will_say(text("I search."), asking, finding, text("Still red."))
    response, losses = await fetch(backend, native({"model": "sonnet", "max_tokens": 99, "messages": talk, **more}))
    (sent,) = api.bodies
    assert sent["tools"] == [SEARCH, {"name": "mcp__client__look", "input_schema": {"type": "object"}}]
    assert sent["tool_choice"] == more["tool_choice"]
    assert [message["content"] for message in sent["messages"] if message["role"] == "assistant"] == [earlier]
    assert losses == []
    shown = FORMAT.encode_response(response, native({"model": "sonnet", "max_tokens": 99, "messages": talk}))
    assert [block["type"] for block in json.loads(shown)["content"]] == ["text", "server_tool_use", "web_search_tool_result", "text"]
    assert json.loads(shown)["content"][2]["content"] == finding["content"]
