"""The vendor's own SDK reads what we write."""

from collections.abc import Iterator
from typing import Any

import httpx2
import openai
import pytest
from openai.types.responses import Response as SDKResponse
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming as Params
from pydantic import BaseModel, TypeAdapter

from ccproxy_cli.core.errors import APIError, ErrorKind
from ccproxy_cli.core.events import Event, PartStart, ResponseStart, StreamError, TextDelta
from ccproxy_cli.core.formats.openai_responses import FORMAT
from ccproxy_cli.core.parts import Inline, Media, MediaKind, Reasoning, Refusal, Text, ToolCall, ToolKind, ToolResult
from ccproxy_cli.core.profile import Profile, ReasoningStyle
from ccproxy_cli.core.request import ChoiceMode, Output, OutputKind, Thinking, Tool, ToolChoice
from ccproxy_cli.core.response import Finish, FinishReason, Response, Usage
from ccproxy_cli.core.stream import explode
from tests.core.formats.openai_responses.responses import ASKED, ask, assistant, encode, tool, user, written

USAGE = Usage(input=5, cache_read=3, cache_write=2, output=7, reasoning=4)
ANSWER = Response(
    "msg_1",
    "m",
    (Reasoning("hmm"), Text("Let me look."), ToolCall("call_a", "f", '{"a": 1}'), ToolCall("call_b", "g", "{}")),
    Finish(FinishReason.TOOL_CALLS),
    USAGE,
    created=5,
)
TOLD = {"model": "m", "input": "hi"}


def client(status: int, body: bytes, content_type: str, headers: dict[str, str] | None = None) -> openai.OpenAI:
    def reply(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=body, headers={"content-type": content_type, **(headers or {})})

    http = httpx2.Client(transport=httpx2.MockTransport(reply))
    return openai.OpenAI(api_key="k", base_url="http://upstream.test/v1", http_client=http, max_retries=0)


def test_it_reads_an_answer() -> None:
    with client(200, FORMAT.encode_response(ANSWER, ASKED), "application/json") as sdk:
        response = sdk.responses.create(**TOLD)  # type: ignore[call-overload]
    assert (response.output_text, response.status, response.model) == ("Let me look.", "completed", "m")
    assert [(item.call_id, item.name, item.arguments) for item in response.output if item.type == "function_call"] == [
        ("call_a", "f", '{"a": 1}'),
        ("call_b", "g", "{}"),
    ]
    assert response.output[0].summary[0].text == "hmm"
    assert (response.usage.input_tokens, response.usage.input_tokens_details.cached_tokens, response.usage.total_tokens) == (10, 3, 17)


@pytest.mark.parametrize(
    "answer",
    [
        ANSWER,
        Response("r", "m", (Refusal("no"),), Finish(FinishReason.REFUSAL)),
        Response("r", "m", (Text("half"),), Finish(FinishReason.LENGTH)),
        Response("e", "m", (), Finish(FinishReason.STOP)),
        Response("i", "m", (Media(MediaKind.IMAGE, Inline("image/png", "AAAA")), Text("there")), Finish(FinishReason.STOP)),
    ],
    ids=["everything", "refusal", "cut", "nothing", "image"],
)
def test_answers_fit_its_strict_types(answer: Response) -> None:
    SDKResponse.model_validate_json(FORMAT.encode_response(answer, ASKED), strict=True)


@pytest.mark.parametrize(
    "answer",
    [ANSWER, Response("r", "m", (Refusal("no"),), Finish(FinishReason.REFUSAL)), Response("e", "m", (), Finish(FinishReason.STOP))],
)
def test_it_reads_a_stream_as_the_answer_itself(answer: Response) -> None:
    data = written(list(explode(answer)))
    with client(200, data, "text/event-stream") as sdk, sdk.responses.stream(**TOLD) as stream:  # type: ignore[call-overload]
        for _ in stream:
            pass
        streamed = stream.get_final_response()
    with client(200, FORMAT.encode_response(answer, ASKED), "application/json") as sdk:
        whole = sdk.responses.create(**TOLD)  # type: ignore[call-overload]
    assert _plain(streamed) == _plain(whole)


def _plain(response: Any) -> Any:
    def without_parsed(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: without_parsed(member) for name, member in value.items() if name not in ("parsed", "parsed_arguments")}
        return [without_parsed(member) for member in value] if isinstance(value, list) else value

    return without_parsed(response.to_dict())


def test_it_follows_a_stream_step_by_step() -> None:
    data = written(list(explode(ANSWER)))
    with client(200, data, "text/event-stream") as sdk, sdk.responses.stream(**TOLD) as stream:  # type: ignore[call-overload]
        snapshots = [(event.type, event.snapshot) for event in stream if hasattr(event, "snapshot")]
    assert snapshots == [
        ("response.output_text.delta", "Let me look."),
        ("response.function_call_arguments.delta", '{"a": 1}'),
        ("response.function_call_arguments.delta", "{}"),
    ]


class Weather(BaseModel):
    city: str


def test_it_parses_structured_output() -> None:
    answer = Response("r", "m", (Text('{"city": "Oslo"}'),), Finish(FinishReason.STOP))
    with client(200, FORMAT.encode_response(answer, ASKED), "application/json") as sdk:
        assert sdk.responses.parse(model="m", input="hi", text_format=Weather).output_parsed == Weather(city="Oslo")


def test_it_raises_on_an_error_inside_a_stream() -> None:
    events: list[Event] = [
        ResponseStart("c", "m", 5),
        PartStart(0, Text()),
        TextDelta(0, "so"),
        StreamError(APIError(ErrorKind.OVERLOADED, "busy")),
    ]
    with client(200, written(events), "text/event-stream") as sdk:
        stream: Iterator[object] = sdk.responses.create(**TOLD, stream=True)  # type: ignore[call-overload]
        with pytest.raises(openai.APIError, match="busy"):
            list(stream)


@pytest.mark.parametrize(
    ("kind", "raised"),
    [
        (ErrorKind.INVALID_REQUEST, openai.BadRequestError),
        (ErrorKind.AUTHENTICATION, openai.AuthenticationError),
        (ErrorKind.NOT_FOUND, openai.NotFoundError),
        (ErrorKind.RATE_LIMIT, openai.RateLimitError),
        (ErrorKind.OVERLOADED, openai.InternalServerError),
    ],
)
def test_it_raises_the_right_class_for_every_error(kind: ErrorKind, raised: type[openai.APIStatusError]) -> None:
    reply = FORMAT.encode_error(APIError(kind, "why", param="n"), "req_1")
    with client(reply.status, reply.body, "application/json", dict(reply.headers)) as sdk, pytest.raises(raised) as caught:
        sdk.responses.create(**TOLD)  # type: ignore[call-overload]
    assert caught.value.request_id == "req_1"
    assert "why" in caught.value.message


def test_translated_requests_fit_its_strict_types() -> None:
    image = Media(MediaKind.IMAGE, Inline("image/png", "AAAA"))
    made = (ToolCall("a", "f", "{}"), ToolCall("b", "exec", "1", ToolKind.CUSTOM))
    request = ask(
        user(Text("look"), image, Media(MediaKind.DOCUMENT, Inline("application/pdf", "JVBE"))),
        assistant(Text("so"), *made),
        tool(ToolResult("a", (Text("see"), image)), ToolResult("b", (Text("2"),))),
        assistant(Refusal("no")),
        instructions=(Text("Be brief."),),
        tools=(Tool("f", "Does f."), Tool("exec", kind=ToolKind.CUSTOM)),
        tool_choice=ToolChoice(ChoiceMode.AUTO, ("f",), subset=True),
        thinking=Thinking(effort="low", display="summarized"),
        output=Output(OutputKind.JSON_SCHEMA, {"type": "object"}),
        max_tokens=1,
        user="ann",
    )
    body, _ = encode(request, Profile(reasoning=ReasoningStyle.EFFORT))
    adapter: TypeAdapter[Any] = TypeAdapter(Params)  # the lazy parts of a value need it as long as they are read
    _walk(adapter.validate_python(body))


def _walk(value: Any) -> None:
    """Pydantic reads the SDK's iterables lazily: errors inside show only when they are gone through."""
    if isinstance(value, dict):
        for member in value.values():
            _walk(member)
    elif value is not None and not isinstance(value, str | bytes) and hasattr(value, "__iter__"):
        for member in value:
            _walk(member)
