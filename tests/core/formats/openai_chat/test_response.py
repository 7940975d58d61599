"""Whole answers: read, and written again unchanged; those of other formats in the shape OpenAI gives them."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.errors import BadUpstream, ErrorKind, UpstreamError
from ccproxy_cli.core.formats.openai_chat import FORMAT
from ccproxy_cli.core.parts import Opaque, Reasoning, Refusal, Text, ToolCall
from ccproxy_cli.core.response import Finish, FinishReason, Response, Usage
from tests.core.formats.openai_chat.chat import answer, ask, body_of, decode, read_answer, write_answer
from tests.strategies import JSON_VALUES

CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}

ODD = st.dictionaries(st.sampled_from(["x_new", "annotations", "audio"]), JSON_VALUES, max_size=2)
WORDS = st.text(max_size=6)
MESSAGES = st.builds(
    lambda known, odd: {**odd, **known},
    st.fixed_dictionaries(
        {"role": st.just("assistant")},
        optional={
            "content": st.none()
            | WORDS
            | st.lists(
                st.fixed_dictionaries({"type": st.just("text"), "text": WORDS})
                | st.fixed_dictionaries({"type": st.just("thinking"), "thinking": JSON_VALUES})
                | st.fixed_dictionaries({"type": st.just("reference"), "reference_ids": JSON_VALUES}),
                max_size=2,
            ),
            "refusal": st.none() | WORDS,
            "reasoning_content": st.none() | WORDS,
            "reasoning": st.none() | WORDS,
            "tool_calls": st.none()
            | st.lists(st.sampled_from([CALL, {**CALL, "index": 0}, {"id": "c", "function": {"name": "f"}}]), max_size=1),
            "function_call": st.none() | st.just({"name": "f", "arguments": "{}"}),
        },
    ),
    ODD,
)
CHOICES = st.builds(
    lambda known, odd: {**odd, **known},
    st.fixed_dictionaries(
        {"message": MESSAGES, "finish_reason": st.sampled_from(["stop", "length", "tool_calls", "eos", "odd", None, 2])},
        optional={"index": st.integers(0, 1), "logprobs": st.none() | JSON_VALUES},
    ),
    ODD,
)
COUNTS = st.none() | st.integers(0, 9)
USAGES = st.none() | st.fixed_dictionaries(
    {"prompt_tokens": COUNTS, "completion_tokens": COUNTS},
    optional={"total_tokens": COUNTS, "prompt_tokens_details": st.none() | st.fixed_dictionaries({}, optional={"cached_tokens": COUNTS})},
)
ANSWERS = st.builds(
    lambda known, odd: {**odd, **known},
    st.fixed_dictionaries(
        {"choices": st.lists(CHOICES, min_size=1, max_size=2), "id": st.text("abc", min_size=1, max_size=3)},
        optional={
            "object": st.sampled_from(["chat.completion", "chat.completion.odd"]),
            "created": st.integers(0, 9),
            "model": st.text("abc", min_size=1, max_size=3),
            "usage": USAGES,
            "service_tier": st.none() | WORDS,
        },
    ),
    ODD,
)


def without_missing_arguments(value: dict[str, Any]) -> dict[str, Any]:
    """A call without arguments gets empty ones, which is the one thing that is added."""
    value = json.loads(json.dumps(value))
    for call in value["choices"][0]["message"].get("tool_calls") or ():
        call["function"].setdefault("arguments", "")
    return value


@given(ANSWERS)
def test_an_answer_is_written_as_it_was_read(value: dict[str, Any]) -> None:
    value.setdefault("object", "chat.completion")
    value["choices"][0].setdefault("index", 0)
    assert write_answer(read_answer(value)) == without_missing_arguments(value)


# Reading


def test_the_parts_come_in_the_order_they_were_thought() -> None:
    message = {"content": "so", "refusal": "no", "reasoning_content": "hmm", "tool_calls": [CALL]}
    parts = read_answer(answer(message, "tool_calls")).parts
    assert [type(part) for part in parts] == [Reasoning, Text, Refusal, ToolCall]


def test_thinking_among_the_content_is_reasoning() -> None:
    content = [{"type": "thinking", "thinking": [{"type": "text", "text": "hmm"}]}, {"type": "text", "text": "so"}, {"type": "reference"}]
    reasoning, text, other = read_answer(answer({"content": content})).parts
    assert isinstance(reasoning, Reasoning)
    assert reasoning.text == "hmm"
    assert text == Text("so")
    assert isinstance(other, Opaque)


@pytest.mark.parametrize(
    ("message", "word", "reason"),
    [
        ({"content": "x"}, "stop", FinishReason.STOP),
        ({"content": "x"}, "eos", FinishReason.STOP),
        ({"content": "x"}, "length", FinishReason.LENGTH),
        ({"content": "x"}, "content_filter", FinishReason.FILTERED),
        ({"content": "x"}, "new_word", FinishReason.OTHER),
        ({"content": "x"}, None, FinishReason.OTHER),
        ({"tool_calls": [CALL]}, "tool_calls", FinishReason.TOOL_CALLS),
        ({"tool_calls": [CALL]}, "stop", FinishReason.TOOL_CALLS),
        ({"tool_calls": [CALL]}, "length", FinishReason.LENGTH),
        ({"function_call": {"name": "f", "arguments": "{}"}}, "function_call", FinishReason.TOOL_CALLS),
        ({"refusal": "no"}, "stop", FinishReason.REFUSAL),
    ],
)
def test_the_finish_is_judged_by_what_was_said_too(message: dict[str, Any], word: str | None, reason: FinishReason) -> None:
    assert read_answer(answer(message, word)).finish == Finish(reason, word)


@pytest.mark.parametrize(
    ("raw", "buckets"),
    [
        ({"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}, (9, None, None, 3, None)),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 3,
                "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
                "completion_tokens_details": {"reasoning_tokens": 1},
            },
            (3, 4, 2, 3, 1),
        ),
        ({"prompt_tokens": 9, "completion_tokens": 3, "prompt_cache_hit_tokens": 5, "prompt_cache_miss_tokens": 4}, (4, 5, None, 3, None)),
        ({"prompt_tokens": 9, "completion_tokens": 3, "num_cached_tokens": 5}, (4, 5, None, 3, None)),
        ({"prompt_tokens": 9, "completion_tokens": 3, "cached_tokens": 5, "reasoning_tokens": 2}, (4, 5, None, 3, 2)),
        (
            {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 17, "completion_tokens_details": {"reasoning_tokens": 5}},
            (9, None, None, 8, 5),
        ),
        ({"prompt_tokens": 2, "completion_tokens": 3, "num_cached_tokens": 5}, (0, 5, None, 3, None)),
        ({"prompt_tokens": None, "completion_tokens": -1}, (None, None, None, None, None)),
        (None, (None, None, None, None, None)),
    ],
)
def test_usage_is_counted_in_disjoint_buckets(raw: Any, buckets: tuple[int | None, ...]) -> None:
    usage = read_answer(answer({"content": "x"}, usage=raw)).usage
    assert (usage.input, usage.cache_read, usage.cache_write, usage.output, usage.reasoning) == buckets


def test_an_answer_that_the_filter_emptied_is_an_answer() -> None:
    value = answer({}, "content_filter")
    del value["choices"][0]["message"]
    response = read_answer(value)
    assert (response.parts, response.finish.reason) == ((), FinishReason.FILTERED)
    assert write_answer(response) == value


def test_calls_without_ids_get_some_that_depend_on_the_answer_alone() -> None:
    calls = [{"function": {"name": "f", "arguments": {"a": 1}}}, {"id": "", "function": {"name": "f"}}]
    first, second = (read_answer(answer({"tool_calls": calls})).parts for _ in range(2))
    assert first == second
    ids = [part.call_id for part in first if isinstance(part, ToolCall)]
    assert len(set(ids)) == 2
    assert all(ids)
    assert isinstance(first[0], ToolCall)
    assert first[0].arguments == '{"a":1}'


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        {"choices": []},
        {"choices": {}},
        {"choices": [5]},
        {"choices": [{"message": "hi"}]},
        answer({"content": 5}),
        answer({"content": ["x"]}),
        answer({"content": [{"text": "x"}]}),
        answer({"tool_calls": [{"id": "a"}]}),
        answer({"tool_calls": [{"id": "a", "type": "odd"}]}),
        answer({"content": "x"}) | {"id": 5},
    ],
)
def test_what_is_no_answer_is_the_upstreams_fault(value: Any) -> None:
    with pytest.raises(BadUpstream):
        read_answer(value)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"choices": [}', b"[" * 100_000])
def test_what_is_not_json_is_the_upstreams_fault(body: bytes) -> None:
    with pytest.raises(BadUpstream):
        FORMAT.decode_response(body)


@given(JSON_VALUES, st.sampled_from(["choices", "usage", "created", "id", "model"]))
def test_any_json_is_an_answer_or_the_upstreams_fault(value: Any, name: str) -> None:
    for body in (value, answer({"content": "x"}) | {name: value}, answer({"content": value, "tool_calls": value})):
        with contextlib.suppress(BadUpstream, UpstreamError):
            assert write_answer(read_answer(body))["choices"]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"message": "slow down", "code": 429}, ErrorKind.RATE_LIMIT),
        ({"message": "Token limit reached", "code": 400}, ErrorKind.INVALID_REQUEST),
        ({"message": "broken", "type": "server_error"}, ErrorKind.INTERNAL),
        ("broken", ErrorKind.BAD_UPSTREAM),
    ],
)
def test_an_error_with_a_good_status_is_still_an_error(error: Any, kind: ErrorKind) -> None:
    with pytest.raises(UpstreamError) as caught:
        read_answer({"error": error})
    assert caught.value.error.kind is kind


# Writing the answers of other formats


def response(*parts: Any, reason: FinishReason = FinishReason.STOP, usage: Usage | None = None) -> Response:
    return Response("msg_1", "m", parts, Finish(reason, "their_word"), usage or Usage(), created=5)


def test_an_answer_has_the_shape_openai_gives_it() -> None:
    usage = Usage(input=3, cache_read=4, cache_write=2, output=5, reasoning=1, extras={"anthropic": {"service_tier": "x"}})
    assert write_answer(response(Reasoning("hmm"), Text("so"), usage=usage)) == {
        "id": "msg_1",
        "object": "chat.completion",
        "created": 5,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "so", "refusal": None, "reasoning_content": "hmm"},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 9,
            "completion_tokens": 5,
            "total_tokens": 14,
            "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
            "completion_tokens_details": {"reasoning_tokens": 1},
        },
    }


def test_calls_alone_leave_the_content_null() -> None:
    message = write_answer(response(ToolCall("a", "f", "{}"), reason=FinishReason.TOOL_CALLS))["choices"][0]
    assert message["message"]["content"] is None
    assert message["message"]["tool_calls"] == [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    assert message["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(
    ("parts", "reason", "word"),
    [
        ((Text("x"),), FinishReason.STOP_SEQUENCE, "stop"),
        ((Text("x"),), FinishReason.LENGTH, "length"),
        ((Text("x"),), FinishReason.CONTEXT_FULL, "length"),
        ((Text("x"),), FinishReason.FILTERED, "content_filter"),
        ((Text("x"),), FinishReason.REFUSAL, "content_filter"),
        ((Refusal("no"),), FinishReason.REFUSAL, "stop"),
        ((Text("x"),), FinishReason.PAUSE, "stop"),
        ((ToolCall("a", "f"),), FinishReason.STOP, "tool_calls"),
        ((ToolCall("a", "f"),), FinishReason.LENGTH, "length"),
    ],
)
def test_every_finish_has_a_word_that_clients_know(parts: tuple[Any, ...], reason: FinishReason, word: str) -> None:
    assert write_answer(response(*parts, reason=reason))["choices"][0]["finish_reason"] == word


def test_unknown_usage_is_not_claimed_to_be_nothing() -> None:
    assert "usage" not in write_answer(response(Text("x")))


def test_a_client_of_before_tools_is_answered_in_its_words() -> None:
    request = decode(body_of(functions=[{"name": "f"}]))
    written = write_answer(response(Text("x"), ToolCall("a", "f", "{}"), ToolCall("b", "f", "{}")), request)["choices"][0]
    assert written["message"]["function_call"] == {"name": "f", "arguments": "{}"}
    assert "tool_calls" not in written["message"]
    assert written["finish_reason"] == "function_call"


def test_an_answer_without_an_id_gets_one() -> None:
    written = write_answer(Response("", "m", (Text("x"),), Finish(FinishReason.STOP)), ask())
    assert written["id"].startswith("chatcmpl-")
    assert written["created"] == 0
