"""The vendor's own SDK reads what we write."""

import json
from collections.abc import Iterator

import httpx2
import openai
import pytest

from ccproxy_cli.core.errors import APIError, ErrorKind
from ccproxy_cli.core.events import Event, PartEnd, PartStart, ResponseEnd, ResponseStart, StreamError, TextDelta
from ccproxy_cli.core.formats.openai_chat import FORMAT
from ccproxy_cli.core.parts import Reasoning, Refusal, Text, ToolCall
from ccproxy_cli.core.response import Finish, FinishReason, Response, Usage
from ccproxy_cli.core.stream import explode
from tests.core.formats.openai_chat.chat import ASKED, written

USAGE = Usage(input=5, cache_read=3, output=7, reasoning=2)
ANSWER = Response(
    "msg_1",
    "m",
    (Reasoning("hmm"), Text("Let me look."), ToolCall("call_a", "f", '{"a": 1}'), ToolCall("call_b", "g", "{}")),
    Finish(FinishReason.TOOL_CALLS),
    USAGE,
    created=5,
)


def client(status: int, body: bytes, content_type: str, headers: dict[str, str] | None = None) -> openai.OpenAI:
    def reply(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, content=body, headers={"content-type": content_type, **(headers or {})})

    http = httpx2.Client(transport=httpx2.MockTransport(reply))
    return openai.OpenAI(api_key="k", base_url="http://upstream.test/v1", http_client=http, max_retries=0)


@pytest.fixture
def asked() -> dict[str, object]:
    return {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def test_it_reads_an_answer(asked: dict[str, object]) -> None:
    with client(200, FORMAT.encode_response(ANSWER, ASKED), "application/json") as sdk:
        completion = sdk.chat.completions.create(**asked)  # type: ignore[call-overload]
    choice = completion.choices[0]
    assert (completion.id, completion.model, completion.created, completion.object) == ("msg_1", "m", 5, "chat.completion")
    assert (choice.message.content, choice.finish_reason) == ("Let me look.", "tool_calls")
    assert choice.message.reasoning_content == "hmm"
    assert [(call.id, call.function.name, call.function.arguments) for call in choice.message.tool_calls] == [
        ("call_a", "f", '{"a": 1}'),
        ("call_b", "g", "{}"),
    ]
    assert (completion.usage.prompt_tokens, completion.usage.total_tokens) == (8, 15)
    assert completion.usage.prompt_tokens_details.cached_tokens == 3
    assert completion.usage.completion_tokens_details.reasoning_tokens == 2


@pytest.mark.parametrize(
    "answer",
    [ANSWER, Response("r", "m", (Refusal("no"),), Finish(FinishReason.REFUSAL)), Response("e", "m", (), Finish(FinishReason.STOP))],
)
def test_it_reads_a_stream_as_the_answer_itself(answer: Response, asked: dict[str, object]) -> None:
    data = written(list(explode(answer)))
    with client(200, data, "text/event-stream") as sdk, sdk.chat.completions.stream(**asked) as stream:  # type: ignore[arg-type]
        for _ in stream:
            pass
        streamed = stream.current_completion_snapshot
    whole = json.loads(FORMAT.encode_response(answer, ASKED))
    message = streamed.choices[0].message
    expected = whole["choices"][0]["message"]
    assert (message.content, message.refusal) == (expected["content"], expected["refusal"])
    assert [(c.id, c.function.name, c.function.arguments) for c in message.tool_calls or ()] == [
        (c["id"], c["function"]["name"], c["function"]["arguments"]) for c in expected.get("tool_calls", ())
    ]
    assert streamed.choices[0].finish_reason == whole["choices"][0]["finish_reason"]
    assert (streamed.usage and streamed.usage.prompt_tokens) == (whole.get("usage") and whole["usage"]["prompt_tokens"])


def test_it_raises_on_an_error_inside_a_stream(asked: dict[str, object]) -> None:
    events: list[Event] = [
        ResponseStart("c", "m", 5),
        PartStart(0, Text()),
        TextDelta(0, "so"),
        StreamError(APIError(ErrorKind.OVERLOADED, "busy")),
    ]
    with client(200, written(events), "text/event-stream") as sdk:
        stream: Iterator[object] = sdk.chat.completions.create(**asked, stream=True)  # type: ignore[call-overload]
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
def test_it_raises_the_right_class_for_every_error(kind: ErrorKind, raised: type[openai.APIStatusError], asked: dict[str, object]) -> None:
    reply = FORMAT.encode_error(APIError(kind, "why", param="n"), "req_1")
    with client(reply.status, reply.body, "application/json", dict(reply.headers)) as sdk, pytest.raises(raised) as caught:
        sdk.chat.completions.create(**asked)  # type: ignore[call-overload]
    assert caught.value.request_id == "req_1"
    assert "why" in caught.value.message
    assert caught.value.param == "n"


def test_it_lists_models() -> None:
    models = FORMAT.decode_models(b'{"data": [{"id": "a", "created": 1, "owned_by": "x"}, {"id": "b", "created": 2, "owned_by": "y"}]}')
    with client(200, FORMAT.encode_models(models), "application/json") as sdk:
        assert [(model.id, model.created, model.owned_by) for model in sdk.models.list()] == [("a", 1, "x"), ("b", 2, "y")]


def test_a_part_that_ends_without_a_word_is_read(asked: dict[str, object]) -> None:
    events: list[Event] = [ResponseStart("c", "m", 5), PartStart(0, Text()), PartEnd(0), ResponseEnd(Finish(FinishReason.STOP))]
    with client(200, written(events), "text/event-stream") as sdk, sdk.chat.completions.stream(**asked) as stream:  # type: ignore[arg-type]
        assert stream.get_final_completion().choices[0].message.content == ""
