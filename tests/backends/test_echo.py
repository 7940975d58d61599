"""The embedded model answers like a model."""

import json

import pytest

from ccproxy_cli.backends.echo import EchoBackend, answer
from ccproxy_cli.core.errors import BadRequest, ErrorKind, UpstreamError
from ccproxy_cli.core.events import Event, TextDelta
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.parts import Inline, Media, MediaKind, Reasoning, Text, ToolCall, ToolResult
from ccproxy_cli.core.request import (
    ChoiceMode,
    Message,
    Output,
    OutputKind,
    Request,
    Role,
    Thinking,
    ThinkingMode,
    Tool,
    ToolChoice,
)
from ccproxy_cli.core.response import FinishReason
from ccproxy_cli.core.stream import fold

WEATHER = Tool("get_weather", "Weather of a city", {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]})
CLOCK = Tool("get_time", None, None)


def ask(text: str, **more: object) -> Request:
    return Request("echo", (Message(Role.USER, (Text(text),)),), **more)  # type: ignore[arg-type]


async def stream(request: Request) -> list[Event]:
    return [event async for batch in await EchoBackend().send(request, Losses()) for event in batch]


async def test_streams_the_prompt_back_word_by_word() -> None:
    events = await stream(ask("hello there, world\n"))
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["hello", " there,", " world", "\n"]
    assert fold(events).parts == (Text("hello there, world\n"),)


async def test_the_stream_amounts_to_the_answer() -> None:
    request = ask("think about\n\nthis", thinking=Thinking(ThinkingMode.ADAPTIVE))
    assert fold(await stream(request)) == answer(request)
    assert isinstance(answer(request).parts[0], Reasoning)


def test_calls_the_tools_it_is_asked_to_call() -> None:
    response = answer(ask("get_weather and get_time please", tools=(WEATHER, CLOCK)))
    assert [(part.name, json.loads(part.arguments)) for part in response.parts if isinstance(part, ToolCall)] == [
        ("get_weather", {"city": "get_weather and get_time please"}),
        ("get_time", {}),
    ]
    assert response.finish.reason is FinishReason.TOOL_CALLS


@pytest.mark.parametrize(
    ("choice", "parallel", "called"),
    [
        (None, None, []),
        (ToolChoice(ChoiceMode.REQUIRED), None, ["get_weather"]),
        (ToolChoice(ChoiceMode.REQUIRED, ("get_time",)), None, ["get_time"]),
        (ToolChoice(ChoiceMode.NONE), None, []),
    ],
)
def test_honours_the_tool_choice(choice: ToolChoice | None, parallel: bool | None, called: list[str]) -> None:
    response = answer(ask("hello", tools=(WEATHER, CLOCK), tool_choice=choice, parallel_tool_calls=parallel))
    assert [part.name for part in response.parts if isinstance(part, ToolCall)] == called


def test_one_call_at_a_time_when_told_so() -> None:
    response = answer(ask("get_weather get_time", tools=(WEATHER, CLOCK), parallel_tool_calls=False))
    assert len(response.parts) == 1


def test_reports_what_a_tool_answered() -> None:
    request = Request("echo", (Message(Role.TOOL, (ToolResult("c", (Text("rain"),)),)),), tools=(WEATHER,))
    assert answer(request).parts == (Text("The tool answered: rain"),)


def test_says_which_picture_it_saw() -> None:
    request = Request("echo", (Message(Role.USER, (Media(MediaKind.IMAGE, Inline("image/png", "AAAA")), Text("what is it?"))),))
    assert answer(request).parts == (Text("[image: image/png, 3 bytes]\nwhat is it?"),)


def test_fits_an_output_schema() -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}, "tags": {"type": "array"}}}
    response = answer(ask("Ada", output=Output(OutputKind.JSON_SCHEMA, schema)))
    assert json.loads(response.parts[0].text) == {"name": "Ada", "age": 0, "tags": [{}]}  # type: ignore[union-attr]


def test_stops_at_limits_and_sequences() -> None:
    assert answer(ask("one two three", max_tokens=2)).finish.reason is FinishReason.LENGTH
    stopped = answer(ask("one END two", stop=("END",)))
    assert stopped.parts == (Text("one "),)
    assert stopped.finish.stop_sequence == "END"


async def test_knows_no_other_model() -> None:
    with pytest.raises(UpstreamError) as caught:
        await stream(Request("gpt-4o", (Message(Role.USER, (Text("x"),)),)))
    assert caught.value.error.kind is ErrorKind.NOT_FOUND


def test_a_schema_may_refer_to_itself() -> None:
    node = {"type": "object", "properties": {"name": {"type": "string"}, "next": {"$ref": "#/$defs/Node"}}, "required": ["name", "next"]}
    response = answer(ask("x", output=Output(OutputKind.JSON_SCHEMA, {"$ref": "#/$defs/Node", "$defs": {"Node": node}})))
    value = json.loads(response.parts[0].text)  # type: ignore[union-attr]
    assert value["next"]["next"]["name"] == "x"


async def test_a_question_that_another_vendor_keeps_a_part_of_is_refused() -> None:
    request = ask("and then?", extras={"another": {"!previous_answer": "answer-1"}})
    with pytest.raises(BadRequest, match="previous_answer"):
        await EchoBackend().send(request, Losses())
    with pytest.raises(BadRequest, match="previous_answer"):
        await EchoBackend().count_tokens(request, Losses())
