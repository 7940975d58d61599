"""Requests of other formats, as this format and the target can take them."""

from typing import Any

import pytest

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import VITAL, Losses
from ccproxy_cli.core.formats.openai_responses import FORMAT
from ccproxy_cli.core.parts import CacheMark, Opaque, Text, ToolKind
from ccproxy_cli.core.profile import Profile, ReasoningStyle
from ccproxy_cli.core.request import ChoiceMode, Output, OutputKind, Request, Sampling, Thinking, ThinkingMode, Tool, ToolChoice
from tests.core.formats.openai_responses.responses import ask, encode

THINKS = Profile(reasoning=ReasoningStyle.EFFORT)
TOOL = Tool("f", "Does f.", {"type": "object", "properties": {"a": {}}})


def test_a_plain_request_is_plain() -> None:
    assert encode(ask()) == ({"model": "m", "input": [{"role": "user", "content": "hi"}], "store": False}, {})


def test_instructions_are_one_text() -> None:
    request = ask(instructions=(Text("x-anthropic-billing-header: 1\nBe"), Text("brief."), Opaque("another", {"type": "odd"})))
    body, losses = encode(request)
    assert body["instructions"] == "Be\n\nbrief."
    assert list(losses) == ["system[0]", "system[2]"]


def test_tools_are_told_with_all_that_official_types_demand() -> None:
    tools = (TOOL, Tool("g"), Tool("h", parameters={}, strict=True), Tool("e", kind=ToolKind.CUSTOM, grammar={"type": "text"}))
    body, _ = encode(ask(tools=tools))
    nothing = {"type": "object", "properties": {}}
    assert body["tools"] == [
        {"type": "function", "name": "f", "description": "Does f.", "parameters": TOOL.parameters, "strict": False},
        {"type": "function", "name": "g", "parameters": nothing, "strict": False},
        {"type": "function", "name": "h", "parameters": nothing, "strict": True},
        {"type": "custom", "name": "e", "format": {"type": "text"}},
    ]


def test_a_grammar_is_told_flat() -> None:
    grammar = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: /.+/"}}
    body, _ = encode(ask(tools=(Tool("e", kind=ToolKind.CUSTOM, grammar=grammar),)))
    assert body["tools"][0]["format"] == {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"}


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (ToolChoice(ChoiceMode.AUTO), "auto"),
        (ToolChoice(ChoiceMode.NONE, ("f",)), "none"),
        (ToolChoice(ChoiceMode.REQUIRED), "required"),
        (ToolChoice(ChoiceMode.REQUIRED, ("f",)), {"type": "function", "name": "f"}),
        (ToolChoice(ChoiceMode.REQUIRED, ("e",)), {"type": "custom", "name": "e"}),
        (
            ToolChoice(ChoiceMode.AUTO, ("f",), subset=True),
            {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
        ),
        (ToolChoice(ChoiceMode.REQUIRED, ("gone",)), None),
    ],
)
def test_a_choice_is_told_in_all_its_forms(choice: ToolChoice, told: Any) -> None:
    body, _ = encode(ask(tools=(TOOL, Tool("e", kind=ToolKind.CUSTOM)), tool_choice=choice))
    assert body.get("tool_choice") == told


def test_nothing_is_said_of_tools_that_are_not_there() -> None:
    request = ask(tools=(Opaque("another", {"type": "web"}),), tool_choice=ToolChoice(ChoiceMode.REQUIRED), parallel_tool_calls=False)
    body, losses = encode(request)
    assert not {"tools", "tool_choice", "parallel_tool_calls"} & body.keys()
    assert list(losses) == ["tools[0]", "tool_choice"]


@pytest.mark.parametrize(("limit", "told"), [(5, 16), (16, 16), (500, 500), (5000, 1000), (None, None)])
def test_the_limit_keeps_within_what_is_taken(limit: int | None, told: int | None) -> None:
    body, losses = encode(ask(max_tokens=limit), Profile(max_output=1000))
    assert body.get("max_output_tokens") == told
    assert list(losses) == (["max_tokens"] if limit != told else [])


def test_sampling_goes_as_far_as_format_and_model_take_it() -> None:
    sampling = Sampling(temperature=0.5, top_p=0.9, top_k=5, frequency_penalty=1, presence_penalty=0, seed=3)
    body, losses = encode(ask(sampling=sampling, stop=("a", "b")))
    assert (body["temperature"], body["top_p"]) == (0.5, 0.9)
    assert sorted(losses) == ["frequency_penalty", "seed", "stop_sequences[0]", "stop_sequences[1]", "top_k"]
    body, losses = encode(ask(sampling=Sampling(temperature=1, top_p=0.9)), Profile(sampling=False))
    assert not {"temperature", "top_p"} & body.keys()
    assert list(losses) == ["top_p"]


@pytest.mark.parametrize(
    ("thinking", "told"),
    [
        (Thinking(effort="low"), {"effort": "low"}),
        (Thinking(effort="xhigh"), {"effort": "high"}),
        (Thinking(ThinkingMode.BUDGET, 1024), {"effort": "low", "summary": "auto"}),
        (Thinking(ThinkingMode.BUDGET, 30_000, display="omitted"), {"effort": "high"}),
        (Thinking(ThinkingMode.ADAPTIVE), {"effort": "high"}),
        (Thinking(ThinkingMode.ADAPTIVE, effort="medium", display="summarized"), {"effort": "medium", "summary": "auto"}),
        (Thinking(ThinkingMode.DISABLED), None),
    ],
)
def test_thinking_is_asked_for_by_a_word(thinking: Thinking, told: Any) -> None:
    body, _ = encode(ask(thinking=thinking), THINKS)
    assert body.get("reasoning") == told


def test_a_model_that_can_be_switched_off_is() -> None:
    body, losses = encode(
        ask(thinking=Thinking(ThinkingMode.DISABLED)), Profile(reasoning=ReasoningStyle.EFFORT, efforts=frozenset({"none"}))
    )
    assert (body["reasoning"], losses) == ({"effort": "none"}, {})
    assert "include" not in body


def test_a_thinking_model_is_asked_for_its_seal() -> None:
    assert encode(ask(), THINKS)[0]["include"] == ["reasoning.encrypted_content"]


def test_a_model_without_the_switch_is_not_asked() -> None:
    body, losses = encode(ask(thinking=Thinking(effort="low")))
    assert "reasoning" not in body
    assert list(losses) == ["thinking"]


def test_the_shape_of_the_answer() -> None:
    schema = Output(OutputKind.JSON_SCHEMA, {"type": "object"}, strict=True)
    assert encode(ask(output=schema))[0]["text"] == {
        "format": {"type": "json_schema", "name": "response", "schema": {"type": "object"}, "strict": True}
    }
    assert encode(ask(output=Output(OutputKind.JSON_OBJECT)))[0]["text"] == {"format": {"type": "json_object"}}
    assert "text" not in encode(ask(output=Output(OutputKind.TEXT)))[0]
    assert "output_config.format" in encode(ask(output=schema), Profile(structured_output=False))[1]


def test_the_users_id_goes_nowhere_raw() -> None:
    body, _ = encode(ask(user="ann@example.test"))
    assert "ann" not in body["safety_identifier"]
    assert len(body["safety_identifier"]) == 64


def test_caching_is_left_to_the_provider() -> None:
    body, losses = encode(ask(cache=CacheMark(), cache_key="k"))
    assert "prompt_cache_key" not in body
    assert sorted(losses) == ["cache_control", "prompt_cache_key"]
    assert encode(ask(cache_key="k"), Profile(prompt_cache_key=True))[0]["prompt_cache_key"] == "k"


def test_what_another_vendor_keeps_is_refused() -> None:
    with pytest.raises(BadRequest) as caught:
        encode(ask(extras={"another": {f"{VITAL}thread": "t"}}))
    assert caught.value.param == "thread"


def test_counting_leaves_out_what_the_counter_does_not_take() -> None:
    assert FORMAT.encode_count_request is not None
    request: Request = ask(max_tokens=50, user="u", sampling=Sampling(temperature=1))
    sent = FORMAT.encode_count_request(request, Profile(), Losses())
    assert (sent.path, sent.body) == ("/responses/input_tokens", b'{"model":"m","input":[{"role":"user","content":"hi"}]}')


@pytest.mark.parametrize("name", ["f" * 64, "f" * 65, "a.b", ""])
def test_tool_names_are_made_to_fit(name: str) -> None:
    assert FORMAT.fit_tool_name is not None
    fitted = FORMAT.fit_tool_name(name)
    assert 0 < len(fitted) <= 64
    assert fitted.replace("_", "").replace("-", "").isalnum()
