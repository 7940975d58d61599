"""Requests of other formats in this vendor's words."""

import json
from typing import Any

import pytest
from google.genai import types as sdk
from pydantic import TypeAdapter

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.gemini import FORMAT
from ccproxy_cli.core.formats.gemini.names import NAME_RULE, fit_name
from ccproxy_cli.core.parts import CacheMark, Opaque, Text, ToolCall, ToolKind, ToolResult
from ccproxy_cli.core.profile import Profile, ReasoningStyle
from ccproxy_cli.core.request import (
    ChoiceMode,
    Message,
    Output,
    OutputKind,
    Request,
    Role,
    Sampling,
    Thinking,
    ThinkingMode,
    Tool,
    ToolChoice,
)
from tests.core.formats.gemini.asking import FOREIGN, HELLO, lost, written

SCHEMA = {"$schema": "https://json-schema.org/x", "type": "object", "properties": {"$id": {"type": "string", "$id": "x"}}}
READ, WRITE = Tool("read", "Reads.", SCHEMA), Tool("write", parameters=SCHEMA)
BUDGET = Profile(reasoning=ReasoningStyle.BUDGET, thinking_range=(128, 24_576))
LEVELS = Profile(reasoning=ReasoningStyle.EFFORT, efforts=frozenset({"low", "medium", "high"}))


def asked(profile: Profile | None = None, losses: Losses | None = None, **members: Any) -> dict[str, Any]:
    return written(Request("gemini-x", (HELLO,), **members), profile, losses)


def generation(profile: Profile | None = None, losses: Losses | None = None, **members: Any) -> dict[str, Any]:
    found: dict[str, Any] = asked(profile, losses, **members).get("generationConfig", {})
    return found


def test_the_least_request() -> None:
    call = FORMAT.encode_request(FOREIGN, Profile(), Losses())
    assert (call.method, call.path, call.query) == ("POST", "/models/gemini-x:generateContent", "")
    assert json.loads(call.body) == {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}


def test_a_stream_is_asked_for_in_the_path() -> None:
    call = FORMAT.encode_request(Request("m", (HELLO,), stream=True), Profile(), Losses())
    assert (call.path, call.query) == ("/models/m:streamGenerateContent", "alt=sse")
    assert "stream" not in json.loads(call.body)


@pytest.mark.parametrize("model", ["../files", "a/../../b", "a?key=1", "a#b", "a b", "", "a//b", "/a", "a%2e"])
def test_a_models_name_leads_nowhere_else(model: str) -> None:
    with pytest.raises(BadRequest):
        FORMAT.encode_request(Request(model, (HELLO,)), Profile(), Losses())


def test_counting_sends_the_whole_request() -> None:
    assert FORMAT.encode_count_request is not None
    call = FORMAT.encode_count_request(Request("m", (HELLO,), instructions=(Text("be"),), tools=(READ,)), Profile(), Losses())
    assert call.path == "/models/m:countTokens"
    body = json.loads(call.body)["generateContentRequest"]
    assert body["model"] == "models/m"
    assert body.keys() == {"model", "contents", "systemInstruction", "tools"}
    call = FORMAT.encode_count_request(FOREIGN, Profile(), Losses())
    assert json.loads(call.body).keys() == {"contents"}


# Tools


def test_schemas_go_out_as_json_schema_without_what_only_names_them() -> None:
    before = json.dumps(SCHEMA)
    tools = asked(tools=(READ, Tool("none"), Tool("empty", parameters={"type": "object", "properties": {}})))["tools"]
    assert tools == [
        {
            "functionDeclarations": [
                {
                    "name": "read",
                    "description": "Reads.",
                    "parametersJsonSchema": {"type": "object", "properties": {"$id": {"type": "string"}}},
                },
                {"name": "none"},
                {"name": "empty"},
            ]
        }
    ]
    assert json.dumps(SCHEMA) == before


def test_a_schema_that_is_nested_beyond_reason_is_refused() -> None:
    schema: dict[str, Any] = {}
    for _ in range(600):
        schema = {"type": "object", "properties": {"a": schema}}
    with pytest.raises(BadRequest, match="nested too deeply"):
        asked(tools=(Tool("deep", parameters=schema),))


def test_a_model_that_refuses_json_schema_gets_the_older_dialect() -> None:
    (group,) = asked(Profile(json_schema=False), tools=(READ,))["tools"]
    assert group["functionDeclarations"][0]["parameters"] == {"type": "OBJECT", "properties": {"$id": {"type": "STRING"}}}


@pytest.mark.parametrize(
    ("choice", "config"),
    [
        (ToolChoice(ChoiceMode.AUTO), {"mode": "AUTO"}),
        (ToolChoice(ChoiceMode.NONE), {"mode": "NONE"}),
        (ToolChoice(ChoiceMode.REQUIRED), {"mode": "ANY"}),
        (ToolChoice(ChoiceMode.REQUIRED, ("read",)), {"mode": "ANY", "allowedFunctionNames": ["read"]}),
        (ToolChoice(ChoiceMode.REQUIRED, ("read", "gone"), subset=True), {"mode": "ANY", "allowedFunctionNames": ["read"]}),
        (ToolChoice(ChoiceMode.AUTO, ("write",), subset=True), {"mode": "VALIDATED", "allowedFunctionNames": ["write"]}),
    ],
)
def test_choices(choice: ToolChoice, config: dict[str, Any]) -> None:
    assert asked(tools=(READ, WRITE), tool_choice=choice)["toolConfig"] == {"functionCallingConfig": config}
    assert "toolConfig" not in asked(tool_choice=choice)


@pytest.mark.parametrize("name", ["a" * 200, "1st", "with space", "naïve", "", "ns/tool", "a b", "a_b"])
def test_names_are_made_to_fit(name: str) -> None:
    fitted = fit_name(name)
    assert NAME_RULE.fullmatch(fitted)
    assert fitted == fit_name(name)
    assert (fitted == name) == bool(NAME_RULE.fullmatch(name))


def test_names_fit_everywhere_alike() -> None:
    name = "mcp tool"
    body = written(
        Request(
            "m",
            (
                HELLO,
                Message(Role.ASSISTANT, (ToolCall("1", name, "{}"),)),
                Message(Role.TOOL, (ToolResult("1", (Text("x"),)),)),
            ),
            tools=(Tool(name),),
            tool_choice=ToolChoice(ChoiceMode.REQUIRED, (name,)),
        )
    )
    fitted = fit_name(name)
    assert name not in json.dumps(body)
    assert json.dumps(body).count(fitted) == 4


def test_what_tools_cannot_say_is_lost() -> None:
    losses = Losses()
    tools = (
        Tool("a", strict=True, cache=CacheMark()),
        Tool("free", kind=ToolKind.CUSTOM, grammar={"x": 1}),
        Opaque("anthropic", {"type": "bash_20250124"}),
        Opaque("gemini", {"googleSearch": {}}),
    )
    body = asked(losses=losses, tools=tools, parallel_tool_calls=False)
    assert body["tools"][1] == {"googleSearch": {}}
    free = body["tools"][0]["functionDeclarations"][1]
    assert free["parametersJsonSchema"]["properties"] == {"input": {"type": "string"}}
    assert set(lost(losses)) == {
        "tools[0].strict",
        "tools[0].cache_control",
        "tools[1]",
        "tools[1].grammar",
        "tools[2]",
        "parallel_tool_calls",
    }


# Amounts


def test_amounts_and_sampling() -> None:
    losses = Losses()
    sampling = Sampling(temperature=3, top_p=0.5, top_k=4, frequency_penalty=0.1, presence_penalty=-0.2, seed=2**40)
    config = generation(Profile(max_output=100), losses, max_tokens=200, sampling=sampling, stop=("a", "", "b", "c", "d", "e", "f"))
    assert config == {
        "temperature": 2.0,
        "topP": 0.5,
        "topK": 4,
        "maxOutputTokens": 100,
        "stopSequences": ["a", "b", "c", "d", "e"],
        "presencePenalty": -0.2,
        "frequencyPenalty": 0.1,
    }
    assert set(lost(losses)) == {"temperature", "seed", "max_tokens", "stop[6]"}


def test_a_model_without_sampling() -> None:
    losses = Losses()
    assert generation(Profile(sampling=False), losses, sampling=Sampling(temperature=1, top_k=3)) == {}
    assert set(lost(losses)) == {"top_k"}


def test_who_asks_and_what_to_cache_is_lost() -> None:
    losses = Losses()
    asked(losses=losses, user="u", cache_key="k", cache=CacheMark())
    assert set(lost(losses)) == {"user", "cache_key", "cache_control"}


# The answer's shape


@pytest.mark.parametrize(
    ("output", "config"),
    [
        (Output(OutputKind.TEXT), {}),
        (Output(OutputKind.JSON_OBJECT), {"responseMimeType": "application/json"}),
        (
            Output(OutputKind.JSON_SCHEMA, {"$schema": "x", "type": "object"}, "n", strict=True),
            {"responseMimeType": "application/json", "responseJsonSchema": {"type": "object"}},
        ),
    ],
)
def test_output(output: Output, config: dict[str, Any]) -> None:
    losses = Losses()
    assert generation(losses=losses, output=output) == config
    assert not list(losses)


@pytest.mark.parametrize(
    ("profile", "tools"),
    [(Profile(structured_output=False), None), (Profile(output_with_tools=False), (READ,))],
    ids=["never", "not with tools"],
)
def test_a_model_that_takes_no_shape_is_told(profile: Profile, tools: tuple[Tool, ...] | None) -> None:
    losses = Losses()
    body = asked(profile, losses, tools=tools, output=Output(OutputKind.JSON_SCHEMA, {"type": "object"}))
    assert "generationConfig" not in body
    assert '{"type":"object"}' in body["systemInstruction"]["parts"][0]["text"]
    assert "output" in lost(losses)


# Thinking


@pytest.mark.parametrize(
    ("profile", "thinking", "config"),
    [
        (BUDGET, Thinking(ThinkingMode.BUDGET, 4_000), {"thinkingBudget": 4_000, "includeThoughts": True}),
        (BUDGET, Thinking(ThinkingMode.BUDGET, 31_999, display="omitted"), {"thinkingBudget": 24_576, "includeThoughts": False}),
        (BUDGET, Thinking(ThinkingMode.BUDGET, 1), {"thinkingBudget": 128, "includeThoughts": True}),
        (BUDGET, Thinking(ThinkingMode.DISABLED), {"thinkingBudget": 0}),
        (BUDGET, Thinking(effort="none"), {"thinkingBudget": 0}),
        (BUDGET, Thinking(effort="low"), {"thinkingBudget": 1_024, "includeThoughts": True}),
        (BUDGET, Thinking(effort="medium"), {"thinkingBudget": 8_192, "includeThoughts": True}),
        (BUDGET, Thinking(effort="max"), {"thinkingBudget": 24_576, "includeThoughts": True}),
        (BUDGET, Thinking(ThinkingMode.ADAPTIVE), {"thinkingBudget": -1, "includeThoughts": True}),
        (
            Profile(reasoning=ReasoningStyle.BUDGET, thinking_range=(128, 32_768), thinking_off=False),
            Thinking(ThinkingMode.DISABLED),
            {"thinkingBudget": 128, "includeThoughts": False},
        ),
        (LEVELS, Thinking(effort="low"), {"thinkingLevel": "LOW", "includeThoughts": True}),
        (LEVELS, Thinking(effort="minimal"), {"thinkingLevel": "LOW", "includeThoughts": True}),
        (LEVELS, Thinking(effort="xhigh"), {"thinkingLevel": "HIGH", "includeThoughts": True}),
        (LEVELS, Thinking(effort="none"), {"thinkingLevel": "LOW", "includeThoughts": False}),
        (LEVELS, Thinking(ThinkingMode.ADAPTIVE), {"thinkingLevel": "HIGH", "includeThoughts": True}),
        (LEVELS, Thinking(ThinkingMode.BUDGET, 1_024), {"thinkingLevel": "LOW", "includeThoughts": True}),
        (LEVELS, Thinking(ThinkingMode.BUDGET, 16_000), {"thinkingLevel": "HIGH", "includeThoughts": True}),
        (Profile(), Thinking(effort="high"), None),
        (LEVELS, Thinking(effort="furious"), None),
    ],
)
def test_thinking(profile: Profile, thinking: Thinking, config: dict[str, Any] | None) -> None:
    assert generation(profile, thinking=thinking).get("thinkingConfig") == config


def test_a_model_that_cannot_think_on_request_says_so() -> None:
    losses = Losses()
    generation(Profile(), losses, thinking=Thinking(ThinkingMode.DISABLED))
    assert not list(losses)
    generation(Profile(), losses, thinking=Thinking(effort="low"))
    assert set(lost(losses)) == {"thinking"}


def test_everything_at_once_fits_the_vendors_own_types() -> None:
    body = asked(
        LEVELS,
        tools=(READ, WRITE),
        tool_choice=ToolChoice(ChoiceMode.REQUIRED, ("read",)),
        instructions=(Text("be"),),
        max_tokens=5,
        sampling=Sampling(temperature=1),
        thinking=Thinking(effort="low"),
        output=Output(OutputKind.JSON_SCHEMA, {"type": "object"}),
    )
    fields: dict[str, Any] = {
        "contents": list[sdk.Content],
        "systemInstruction": sdk.Content,
        "tools": list[sdk.Tool],
        "toolConfig": sdk.ToolConfig,
        "generationConfig": sdk.GenerationConfig,
    }
    assert body.keys() == fields.keys()
    for name, kind in fields.items():
        TypeAdapter(kind).validate_python(body[name])
