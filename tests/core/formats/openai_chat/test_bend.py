"""Requests of other formats, bent to what this one can say and the model can take."""

import hashlib
from typing import Any

import pytest

from ccproxy_cli.core.parts import CacheMark, Opaque, ToolKind
from ccproxy_cli.core.profile import Profile, ReasoningStyle
from ccproxy_cli.core.request import ChoiceMode, Output, OutputKind, Sampling, Thinking, ThinkingMode, Tool, ToolChoice
from tests.core.formats.openai_chat.chat import ask, encode

TOOL = Tool("f", "does f", {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]})
OTHER = Tool("g")
THINKS = Profile(reasoning=ReasoningStyle.EFFORT, efforts=frozenset({"none", "low", "medium", "high"}))


def test_a_plain_request_stays_plain() -> None:
    body, losses = encode(ask())
    assert body == {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    assert not losses


# Tools


def test_tools_are_functions() -> None:
    body, losses = encode(ask(tools=(TOOL, OTHER)))
    function = {"name": "f", "description": "does f", "parameters": TOOL.parameters}
    empty = {"name": "g", "parameters": {"type": "object", "properties": {}}}
    assert body["tools"] == [{"type": "function", "function": function}, {"type": "function", "function": empty}]
    assert not losses


@pytest.mark.parametrize(
    ("schema", "written"),
    [
        (None, {"type": "object", "properties": {}}),
        ({}, {"type": "object", "properties": {}}),
        ({"type": "object"}, {"type": "object", "properties": {}}),
        ({"description": "d"}, {"type": "object", "properties": {}, "description": "d"}),
        ({"anyOf": [{"type": "object"}]}, {"anyOf": [{"type": "object"}]}),
        (TOOL.parameters, TOOL.parameters),
    ],
)
def test_a_schema_is_plainly_an_object(schema: Any, written: Any) -> None:
    assert encode(ask(tools=(Tool("f", parameters=schema),)))[0]["tools"][0]["function"]["parameters"] == written


def test_without_tools_there_is_nothing_about_tools() -> None:
    hosted = Opaque("anthropic", {"type": "web_search_20250305", "name": "web_search"})
    body, losses = encode(ask(tools=(hosted,), tool_choice=ToolChoice(ChoiceMode.AUTO), parallel_tool_calls=False))
    assert body.keys() == {"model", "messages"}
    assert list(losses) == ["tools[0]"]
    assert encode(ask(tools=()))[0].keys() == {"model", "messages"}


def test_a_choice_among_tools_that_did_not_come_along_is_told_as_lost() -> None:
    hosted = Opaque("anthropic", {"type": "web_search_20250305", "name": "web_search"})
    forced = ToolChoice(ChoiceMode.REQUIRED, ("web_search",))
    body, losses = encode(ask(tools=(hosted, TOOL), tool_choice=forced))
    assert "tool_choice" not in body
    assert list(losses) == ["tools[0]", "tool_choice"]
    body, losses = encode(ask(tools=(TOOL,), tool_choice=ToolChoice(ChoiceMode.REQUIRED, ("f", "web_search"))))
    function = {"type": "function", "function": {"name": "f"}}
    assert body["tool_choice"] == {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [function]}}
    assert list(losses) == ["tool_choice"]


@pytest.mark.parametrize(
    ("choice", "written"),
    [
        (ToolChoice(ChoiceMode.AUTO), "auto"),
        (ToolChoice(ChoiceMode.NONE), "none"),
        (ToolChoice(ChoiceMode.REQUIRED), "required"),
        (ToolChoice(ChoiceMode.REQUIRED, ("f",)), {"type": "function", "function": {"name": "f"}}),
        (
            ToolChoice(ChoiceMode.REQUIRED, ("f", "g")),
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "required",
                    "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "function", "function": {"name": "g"}}],
                },
            },
        ),
        (
            ToolChoice(ChoiceMode.AUTO, ("c",), subset=True),
            {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [{"type": "custom", "custom": {"name": "c"}}]}},
        ),
    ],
)
def test_every_choice_can_be_said(choice: ToolChoice, written: Any) -> None:
    custom = Tool("c", kind=ToolKind.CUSTOM, grammar={"type": "text"})
    body, losses = encode(ask(tools=(TOOL, OTHER, custom), tool_choice=choice))
    assert body["tool_choice"] == written
    assert body["tools"][2] == {"type": "custom", "custom": {"name": "c", "format": {"type": "text"}}}
    assert not losses


def test_one_call_at_a_time_is_said_and_several_are_the_default() -> None:
    assert encode(ask(tools=(TOOL,), parallel_tool_calls=False))[0]["parallel_tool_calls"] is False
    assert "parallel_tool_calls" not in encode(ask(tools=(TOOL,), parallel_tool_calls=True))[0]


# Amounts


def test_the_limit_goes_by_the_name_the_provider_knows() -> None:
    assert encode(ask(max_tokens=9))[0]["max_completion_tokens"] == 9
    assert encode(ask(max_tokens=9), Profile(max_tokens_field="max_tokens"))[0]["max_tokens"] == 9
    body, losses = encode(ask(max_tokens=9), Profile(max_output=5))
    assert body["max_completion_tokens"] == 5
    assert list(losses) == ["max_tokens"]


def test_sampling_goes_where_it_is_taken() -> None:
    request = ask(sampling=Sampling(1.0, 0.5, 40, 0.1, 0.2, 7))
    body, losses = encode(request)
    assert {name: body.get(name) for name in ("temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty", "seed")} == {
        "temperature": 1.0,
        "top_p": 0.5,
        "top_k": None,
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "seed": 7,
    }
    assert list(losses) == ["top_k"]
    body, losses = encode(request, Profile(sampling=False, top_k=True))
    assert body["top_k"] == 40
    assert not {"temperature", "top_p"} & body.keys()
    assert list(losses) == ["temperature", "top_p"]


@pytest.mark.parametrize(("most", "kept"), [(4, 4), (0, 0), (None, 6)])
def test_stop_sequences_go_as_far_as_the_model_takes_them(most: int | None, kept: int) -> None:
    stop = tuple("abcdef")
    body, losses = encode(ask(stop=stop), Profile(stop_sequences=most))
    assert body.get("stop", []) == list(stop[:kept])
    assert list(losses) == [f"stop_sequences[{index}]" for index in range(kept, 6)]


# Thinking


@pytest.mark.parametrize(
    ("thinking", "effort", "lost"),
    [
        (Thinking(effort="medium"), "medium", False),
        (Thinking(effort="max"), "high", True),
        (Thinking(effort="minimal"), "low", True),
        (Thinking(effort="none"), "none", False),
        (Thinking(ThinkingMode.DISABLED), "none", False),
        (Thinking(ThinkingMode.ADAPTIVE), "high", False),
        (Thinking(ThinkingMode.ADAPTIVE, effort="low"), "low", False),
        (Thinking(ThinkingMode.BUDGET, 1_999), "low", False),
        (Thinking(ThinkingMode.BUDGET, 7_999), "medium", False),
        (Thinking(ThinkingMode.BUDGET, 19_999), "high", False),
        (Thinking(ThinkingMode.BUDGET, 31_999), "high", True),
        (Thinking(), None, False),
    ],
)
def test_thinking_is_said_by_the_nearest_word(thinking: Thinking, effort: str | None, lost: bool) -> None:
    body, losses = encode(ask(thinking=thinking), THINKS)
    assert body.get("reasoning_effort") == effort
    assert ("thinking" in losses) is lost


def test_off_is_never_said_by_a_word_for_little() -> None:
    body, losses = encode(ask(thinking=Thinking(ThinkingMode.DISABLED)), Profile(reasoning=ReasoningStyle.EFFORT))
    assert "reasoning_effort" not in body
    assert list(losses) == ["thinking"]


def test_a_model_without_the_switch_is_not_told() -> None:
    body, losses = encode(ask(thinking=Thinking(ThinkingMode.BUDGET, 4_000, display="summarized")))
    assert "reasoning_effort" not in body
    assert list(losses) == ["thinking.display", "thinking"]
    assert not encode(ask(thinking=Thinking(ThinkingMode.DISABLED)))[1]


# Everything else


def test_the_answers_shape_has_a_name() -> None:
    schema = {"type": "object", "properties": {}}
    output = Output(OutputKind.JSON_SCHEMA, schema, strict=True)
    format_ = {"type": "json_schema", "json_schema": {"name": "response", "schema": schema, "strict": True}}
    assert encode(ask(output=output))[0]["response_format"] == format_
    assert encode(ask(output=Output(OutputKind.JSON_OBJECT)))[0]["response_format"] == {"type": "json_object"}
    body, losses = encode(ask(output=output), Profile(structured_output=False))
    assert "response_format" not in body
    assert list(losses) == ["output_config.format"]


def test_a_stream_always_ends_with_its_cost_where_that_can_be_asked() -> None:
    assert encode(ask(stream=True))[0]["stream_options"] == {"include_usage": True}
    assert "stream_options" not in encode(ask(stream=True), Profile(stream_usage=False))[0]
    assert "stream_options" not in encode(ask())[0]


def test_the_end_user_is_named_to_no_other_company() -> None:
    body, _ = encode(ask(user="user_1_account_2"))
    assert body["safety_identifier"] == hashlib.sha256(b"user_1_account_2").hexdigest()


def test_caching_is_asked_for_only_where_it_can_be() -> None:
    request = ask(cache=CacheMark(), cache_key="k", tools=(Tool("f", cache=CacheMark("1h")),))
    body, losses = encode(request)
    assert not {"cache_control", "prompt_cache_key"} & body.keys()
    assert set(losses) == {"cache_control", "prompt_cache_key", "tools[0].cache_control"}
    body, losses = encode(request, Profile(cache_marks=True, prompt_cache_key=True))
    assert (body["cache_control"], body["prompt_cache_key"]) == ({"type": "ephemeral"}, "k")
    assert body["tools"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
    assert not losses


def test_what_only_another_format_has_is_told_as_lost() -> None:
    body, losses = encode(ask(extras={"anthropic": {"context_management": {"edits": [1]}, "nothing": None}}))
    assert body.keys() == {"model", "messages"}
    assert list(losses) == ["context_management"]
