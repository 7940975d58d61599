"""Steps in which both formats bend a request of another format."""

from typing import Any

import pytest
from attrs import evolve

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats._openai.bending import (
    bend_choice,
    bend_effort,
    bend_limit,
    bend_output,
    bend_strict,
    object_schema,
    with_the_word_json,
)
from ccproxy_cli.core.parts import Opaque, Text
from ccproxy_cli.core.profile import Profile, ReasoningStyle
from ccproxy_cli.core.request import ChoiceMode, Message, Output, OutputKind, Request, Role, Thinking, ThinkingMode, Tool, ToolChoice

OWN = {"target": {"$own": True}}
TOOLS = (Tool("a"), Tool("b"), Opaque("target", {"type": "hosted"}))
CITY = {"city": {"type": "string"}}


@pytest.mark.parametrize(
    ("schema", "fitted"),
    [
        (None, {"type": "object", "properties": {}}),
        (True, {"type": "object", "properties": {}}),
        ({}, {"type": "object", "properties": {}}),
        ({"type": "object"}, {"type": "object", "properties": {}}),
        ({"type": "object", "properties": CITY}, {"type": "object", "properties": CITY}),
        ({"properties": CITY}, {"type": "object", "properties": CITY}),
        ({"anyOf": [{"type": "object"}]}, {"anyOf": [{"type": "object"}]}),
        ({"type": "string"}, {"type": "string"}),
    ],
)
def test_a_schema_is_plainly_an_objects_where_it_can_be(schema: Any, fitted: Any) -> None:
    assert object_schema(schema) == fitted


@pytest.mark.parametrize(
    ("choice", "bent", "lost"),
    [
        (None, None, False),
        (ToolChoice(ChoiceMode.AUTO), ToolChoice(ChoiceMode.AUTO, extras=OWN), False),
        (ToolChoice(ChoiceMode.REQUIRED, ("a",)), ToolChoice(ChoiceMode.REQUIRED, ("a",), extras=OWN), False),
        (ToolChoice(ChoiceMode.AUTO, ("a", "b")), ToolChoice(ChoiceMode.AUTO, ("a", "b"), subset=True, extras=OWN), False),
        (ToolChoice(ChoiceMode.REQUIRED, ("a", "gone")), ToolChoice(ChoiceMode.REQUIRED, ("a",), subset=True, extras=OWN), True),
        (ToolChoice(ChoiceMode.REQUIRED, ("gone",)), None, True),
    ],
)
def test_a_choice_is_among_the_tools_that_came_along(choice: ToolChoice | None, bent: ToolChoice | None, lost: bool) -> None:
    losses = Losses()
    assert bend_choice(choice, TOOLS, "target", OWN, losses) == bent
    assert bool(losses) is lost


@pytest.mark.parametrize(("mode", "lost"), [(ChoiceMode.AUTO, False), (ChoiceMode.NONE, False), (ChoiceMode.REQUIRED, True)])
def test_without_tools_there_is_no_choice(mode: ChoiceMode, lost: bool) -> None:
    losses = Losses()
    assert bend_choice(ToolChoice(mode), None, "target", OWN, losses) is None
    assert bool(losses) is lost


@pytest.mark.parametrize(
    ("asked", "most", "limit", "lost"), [(None, 10, None, False), (10, 10, 10, False), (11, 10, 10, True), (11, None, 11, False)]
)
def test_a_limit_is_no_higher_than_the_models(asked: int | None, most: int | None, limit: int | None, lost: bool) -> None:
    losses = Losses()
    assert bend_limit(asked, Profile(max_output=most), losses) == limit
    assert bool(losses) is lost


@pytest.mark.parametrize(
    ("style", "thinking", "effort", "lost"),
    [
        (ReasoningStyle.EFFORT, Thinking(effort="low"), "low", False),
        (ReasoningStyle.EFFORT, Thinking(effort="xhigh"), "high", True),
        (ReasoningStyle.EFFORT, Thinking(ThinkingMode.DISABLED), None, True),
        (ReasoningStyle.EFFORT, Thinking(), None, False),
        (ReasoningStyle.NONE, Thinking(effort="low"), None, True),
        (ReasoningStyle.NONE, Thinking(ThinkingMode.DISABLED), None, False),
    ],
)
def test_thinking_has_a_word_that_the_model_takes(style: ReasoningStyle, thinking: Thinking, effort: str | None, lost: bool) -> None:
    losses = Losses()
    assert bend_effort(thinking, Profile(reasoning=style), losses) == effort
    assert bool(losses) is lost


def test_a_schema_for_the_answer_has_a_name() -> None:
    losses = Losses()
    schema = Output(OutputKind.JSON_SCHEMA, {"type": "object"})
    bent = bend_output(schema, Profile(), "target", OWN, losses)
    assert bent == Output(OutputKind.JSON_SCHEMA, {"type": "object"}, name="response", extras=OWN)
    assert bend_output(Output(OutputKind.JSON_OBJECT), Profile(), "target", OWN, losses) == Output(OutputKind.JSON_OBJECT, extras=OWN)
    assert bend_output(Output(OutputKind.TEXT), Profile(), "target", OWN, losses) is None
    assert not losses
    assert bend_output(schema, Profile(structured_output=False), "target", OWN, losses) is None
    assert [loss.field for loss in losses] == ["output_config.format"]


CLOSED = {"type": "object", "properties": CITY, "required": ["city"], "additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "kept"),
    [
        (CLOSED, True),
        ({**CLOSED, "properties": {"city": {"type": ["string", "null"], "enum": ["a"]}}}, True),
        ({**CLOSED, "additionalProperties": True}, None),
        ({**CLOSED, "required": []}, None),
        ({"type": "object", "properties": CITY}, None),
        ({**CLOSED, "properties": {"city": {"anyOf": [CLOSED, {"type": "object", "properties": CITY}]}}}, None),
        ({**CLOSED, "properties": {"city": CLOSED}, "$defs": {"x": CLOSED}}, True),
    ],
)
def test_only_a_schema_that_leaves_nothing_open_is_strict(schema: Any, kept: bool | None) -> None:
    losses = Losses()
    assert bend_strict(Tool("t", None, schema, True), "tools[0]", losses) == kept
    assert [loss.field for loss in losses] == ([] if kept else ["tools[0].strict"])
    assert bend_strict(Tool("t", None, schema, False), "tools[0]", losses) is False


def test_any_json_is_asked_for_by_its_name() -> None:
    asked = Request("m", (Message(Role.USER, (Text("Three cities"),)),), output=Output(OutputKind.JSON_OBJECT))
    first, *rest = with_the_word_json(asked).messages
    assert (first.role, rest) == (Role.SYSTEM, list(asked.messages))
    assert isinstance(first.parts[0], Text)
    assert "JSON" in first.parts[0].text
    named = evolve(asked, messages=(Message(Role.USER, (Text("Three cities as Json"),)),))
    assert with_the_word_json(named) is named
    assert with_the_word_json(asked, (Text("Answer in json"),)) is asked
    plain = evolve(asked, output=None)
    assert with_the_word_json(plain) is plain
