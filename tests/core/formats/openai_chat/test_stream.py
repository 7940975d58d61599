"""Streams, both ways."""

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.errors import APIError, BadUpstream, ErrorKind
from ccproxy_cli.core.events import (
    Event,
    OpaqueDelta,
    OpaqueEvent,
    PartEnd,
    PartStart,
    Ping,
    ProofDelta,
    ResponseEnd,
    ResponseStart,
    StreamError,
    TextDelta,
)
from ccproxy_cli.core.formats.openai_chat import FORMAT
from ccproxy_cli.core.jsontext import dumps
from ccproxy_cli.core.parts import Link, Media, MediaKind, Opaque, Proof, Reasoning, Refusal, Text, ToolCall, ToolKind
from ccproxy_cli.core.response import Finish, FinishReason, Usage
from ccproxy_cli.core.stream import explode, fold
from tests.core.formats.openai_chat.chat import (
    ASKED,
    DONE,
    answer,
    ask,
    body_of,
    call_delta,
    chunk,
    chunks_of,
    decode,
    events_of,
    folded,
    read_answer,
    write_answer,
    written,
)
from tests.strategies import JSON_VALUES

ROLE = chunk({"role": "assistant", "content": "", "refusal": None})
END = chunk({}, "stop")


def said(*pieces: bytes) -> list[tuple[str, str]]:
    """Kind and words of each part."""
    found = []
    for part in folded(*pieces).parts:
        words = part.arguments if isinstance(part, ToolCall) else getattr(part, "text", "")
        found.append((type(part).__name__, words))
    return found


# Reading


def test_a_part_opens_with_its_first_content_and_closes_with_the_next_kind() -> None:
    pieces = [ROLE, chunk({"reasoning_content": "h"}), chunk({"reasoning_content": "mm"}), chunk({"content": "so"}), END, DONE]
    events = events_of(*pieces)
    assert [type(event) for event in events] == [
        ResponseStart,
        PartStart,
        TextDelta,
        TextDelta,
        PartEnd,
        PartStart,
        TextDelta,
        PartEnd,
        ResponseEnd,
    ]
    assert said(*pieces) == [("Reasoning", "hmm"), ("Text", "so")]


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_is_understood_under_both_names(name: str) -> None:
    assert said(ROLE, chunk({name: "hmm"}), chunk({"content": "so"}), END, DONE) == [("Reasoning", "hmm"), ("Text", "so")]


def test_reasoning_told_under_both_names_is_told_once() -> None:
    twice = chunk({"reasoning_content": "hmm", "reasoning": "hmm"})
    assert said(ROLE, twice, twice, chunk({"content": "so"}), END, DONE) == [("Reasoning", "hmmhmm"), ("Text", "so")]


def test_content_may_be_a_list_of_parts() -> None:
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "hmm"}]}
    pieces = [ROLE, chunk({"content": [thinking]}), chunk({"content": [{"type": "text", "text": "so"}, {"type": "reference", "n": 1}]})]
    parts = folded(*pieces, END, DONE).parts
    assert [type(part) for part in parts] == [Reasoning, Text, Opaque]


def test_a_refusal_is_judged_by_its_words() -> None:
    response = folded(ROLE, chunk({"refusal": "I "}), chunk({"refusal": "cannot"}), END, DONE)
    assert isinstance(response.parts[0], Refusal)
    assert response.parts[0].text == "I cannot"
    assert response.finish == Finish(FinishReason.REFUSAL, "stop")


def test_calls_stay_open_side_by_side_until_the_finish() -> None:
    pieces = [
        ROLE,
        chunk({"content": "sure"}),
        chunk(call_delta(0, "call_a", "f", "")),
        chunk(call_delta(1, "call_b", "g", "")),
        chunk(call_delta(0, arguments='{"a"')),
        chunk(call_delta(1, arguments="{}")),
        chunk(call_delta(0, arguments=": 1}")),
        chunk({}, "tool_calls"),
        DONE,
    ]
    assert said(*pieces) == [("Text", "sure"), ("ToolCall", '{"a": 1}'), ("ToolCall", "{}")]
    events = events_of(*pieces)
    last = max(index for index, event in enumerate(events) if isinstance(event, TextDelta))
    assert [event.index for event in events[last:] if isinstance(event, PartEnd)] == [1, 2]


def test_calls_may_come_whole_and_without_a_number() -> None:
    both = {"tool_calls": [*call_delta(None, "a", "f", "{}")["tool_calls"], *call_delta(None, "b", "g", "[]")["tool_calls"]]}
    calls = folded(ROLE, chunk(both), chunk({}, "tool_calls"), DONE).parts
    assert [(c.call_id, c.name, c.arguments) for c in calls if isinstance(c, ToolCall)] == [("a", "f", "{}"), ("b", "g", "[]")]


def test_calls_that_are_all_number_zero_are_told_apart_by_their_ids() -> None:
    pieces = [ROLE, chunk(call_delta(0, "a", "f", "{}")), chunk(call_delta(0, "b", "g", "[")), chunk(call_delta(0, arguments="]"))]
    calls = folded(*pieces, chunk({}, "tool_calls"), DONE).parts
    assert [(c.call_id, c.arguments) for c in calls if isinstance(c, ToolCall)] == [("a", "{}"), ("b", "[]")]


def test_a_call_starts_when_its_name_is_known() -> None:
    pieces = [ROLE, chunk(call_delta(0, "a", None, '{"x"')), chunk(call_delta(0, None, "f", ": 1")), chunk(call_delta(0, arguments="}"))]
    (call,) = folded(*pieces, chunk({}, "tool_calls"), DONE).parts
    assert isinstance(call, ToolCall)
    assert (call.call_id, call.name, call.arguments) == ("a", "f", '{"x": 1}')


def test_names_and_ids_that_are_told_again_are_not_added_up() -> None:
    pieces = [ROLE, chunk(call_delta(0, "a", "f", "{")), chunk(call_delta(0, "a", "f", "}"))]
    (call,) = folded(*pieces, chunk({}, "tool_calls"), DONE).parts
    assert isinstance(call, ToolCall)
    assert (call.call_id, call.name, call.arguments) == ("a", "f", "{}")


def test_calls_of_before_tools_and_custom_ones_are_calls() -> None:
    legacy = [chunk({"function_call": {"name": "f", "arguments": ""}}), chunk({"function_call": {"arguments": "{}"}})]
    response = folded(ROLE, *legacy, chunk({}, "function_call"), DONE)
    (call,) = response.parts
    assert isinstance(call, ToolCall)
    assert (call.name, call.arguments, response.finish.reason) == ("f", "{}", FinishReason.TOOL_CALLS)
    custom = {"tool_calls": [{"index": 0, "id": "a", "type": "custom", "custom": {"name": "sh", "input": "l"}}]}
    more = {"tool_calls": [{"index": 0, "custom": {"input": "s"}}]}
    (call,) = folded(ROLE, chunk(custom), chunk(more), chunk({}, "tool_calls"), DONE).parts
    assert isinstance(call, ToolCall)
    assert (call.kind, call.name, call.arguments) == (ToolKind.CUSTOM, "sh", "ls")


def test_a_forced_call_that_ends_with_stop_is_a_call() -> None:
    assert folded(ROLE, chunk(call_delta(0, "a", "f", "{}")), END, DONE).finish == Finish(FinishReason.TOOL_CALLS, "stop")


def test_usage_after_the_finish_is_waited_for() -> None:
    decoder = FORMAT.stream_decoder()
    events = decoder.feed(ROLE + chunk({"content": "x"}) + END)
    assert not any(isinstance(event, ResponseEnd) for event in events)
    assert not decoder.done
    events = decoder.feed(chunk(usage={"prompt_tokens": 3, "completion_tokens": 1}) + DONE)
    assert decoder.done
    (end,) = events
    assert isinstance(end, ResponseEnd)
    assert (end.usage.input, end.usage.output) == (3, 1)


def test_usage_beside_the_last_content_counts_too() -> None:
    response = folded(ROLE, chunk({"content": "x"}, "stop", usage={"prompt_tokens": 3, "completion_tokens": 1}))
    assert (response.usage.input, response.usage.output) == (3, 1)


def test_a_finish_without_done_is_an_end_and_what_follows_done_is_nothing() -> None:
    assert said(ROLE, chunk({"content": "x"}), END) == [("Text", "x")]
    assert said(ROLE, chunk({"content": "x"}), END, DONE, chunk({"content": "y"}), b"data: odd\n\n") == [("Text", "x")]


@pytest.mark.parametrize("pieces", [[], [DONE], [ROLE, chunk({"content": "x"})], [ROLE, chunk({"content": "x"}), DONE], [b": hi\n\n"]])
def test_a_stream_that_broke_off_is_never_an_answer(pieces: list[bytes]) -> None:
    with pytest.raises(BadUpstream):
        events_of(*pieces)


def test_an_error_in_the_stream_is_its_end() -> None:
    decoder = FORMAT.stream_decoder()
    broken = b'data: {"error": {"message": "busy", "type": "server_error", "code": "overloaded"}}\n\n'
    events = decoder.feed(ROLE + chunk({"content": "x"}) + broken + chunk({"content": "y"}))
    assert decoder.done
    assert isinstance(events[-1], StreamError)
    assert (events[-1].error.kind, events[-1].error.message) == (ErrorKind.OVERLOADED, "busy")
    assert decoder.close() == []


def test_an_error_may_stand_in_an_event_of_that_name() -> None:
    (event,) = events_of(b'event: error\ndata: {"message": "busy", "code": "overloaded"}\n\n')
    assert isinstance(event, StreamError)
    assert event.error.kind is ErrorKind.OVERLOADED


def test_the_verdict_on_the_prompt_before_the_answer_is_not_its_start() -> None:
    verdict = chunk(id="", model="", created=0, prompt_filter_results=[1])
    (start, *_) = events_of(verdict, ROLE, chunk({"content": "x"}), END, DONE)
    assert isinstance(start, ResponseStart)
    assert (start.id, start.model, start.created) == ("chatcmpl-1", "m", 5)
    assert start.extras["openai-chat"]["prompt_filter_results"] == [1]


def test_further_choices_do_not_disturb_the_first() -> None:
    other = b'data: {"choices": [{"index": 1, "delta": {"content": "y"}, "finish_reason": null}]}\n\n'
    events = events_of(ROLE, other, chunk({"content": "x"}), END, DONE)
    assert any(isinstance(event, OpaqueEvent) for event in events)
    assert [part.text for part in fold(events).parts if isinstance(part, Text)] == ["x"]
    assert [c["choices"][0]["index"] for c in chunks_of(written(events))] == [1, 0, 0, 0]


@pytest.mark.parametrize(
    "bad",
    [
        b"data: nope\n\n",
        b"data: 5\n\n",
        b'data: {"choices": {}}\n\n',
        b'data: {"choices": [5]}\n\n',
        chunk({"content": 5}),
        chunk({"content": ["x"]}),
        chunk({"refusal": 5}),
        chunk({"tool_calls": {"a": 1}}),
        chunk({"tool_calls": [5]}),
        chunk({"tool_calls": [{"index": "0"}]}),
        chunk({"tool_calls": [{"index": 0, "function": 5}]}),
        chunk({"tool_calls": [{"index": 0, "id": 5}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": {}}}]}),
        chunk({"tool_calls": [{"index": 0, "id": "a"}]}, "tool_calls"),
        chunk({"function_call": 5}),
        b'data: {"choices": [{"index": 0, "delta": []}]}\n\n',
    ],
)
def test_bad_shapes_are_the_upstreams_fault(bad: bytes) -> None:
    with pytest.raises(BadUpstream):
        events_of(ROLE, bad, END, DONE)


@given(st.lists(JSON_VALUES, max_size=3), st.sampled_from(["content", "tool_calls", "function_call", "refusal", "reasoning", "x"]))
def test_any_json_is_a_chunk_or_the_upstreams_fault(values: list[Any], name: str) -> None:
    pieces = (
        [ROLE]
        + [chunk({name: value}) for value in values]
        + [END]
        + [chunk({"x": 1}, "stop", x_new=value, usage=value) for value in values]
    )
    with contextlib.suppress(BadUpstream):
        assert folded(*pieces, DONE) == folded(b"".join(pieces))


# What nobody knows


def test_what_is_not_known_is_added_up_and_told_again() -> None:
    logprobs = [{"content": [{"token": token, "logprob": -1}], "refusal": None} for token in "ab"]
    details = [[{"index": 0, "type": "reasoning.text", "text": text, "format": "f"}] for text in ("h", "m")]
    pieces = [
        chunk({"role": "assistant", "content": ""}, service_tier="default", obfuscation="x"),
        *(
            b"data: "
            + dumps({"choices": [{"index": 0, "delta": {"content": token, "reasoning_details": thoughts}, "logprobs": odds}]})
            + b"\n\n"
            for token, odds, thoughts in zip("ab", logprobs, details, strict=True)
        ),
        chunk({}, "stop", x_groq={"id": "r"}, service_tier="default"),
        DONE,
    ]
    body = write_answer(folded(*pieces))
    assert (body["service_tier"], body["x_groq"]) == ("default", {"id": "r"})
    assert "obfuscation" not in body
    assert [entry["token"] for entry in body["choices"][0]["logprobs"]["content"]] == ["a", "b"]
    assert body["choices"][0]["message"]["reasoning_details"] == [{"index": 0, "type": "reasoning.text", "text": "hm", "format": "f"}]
    assert write_answer(folded(written(events_of(*pieces)))) == body


# Writing


def test_a_stream_has_the_shape_openai_gives_it() -> None:
    usage = Usage(input=3, output=2)
    events: list[Event] = [
        ResponseStart("chatcmpl-1", "m", 5),
        PartStart(0, Text()),
        TextDelta(0, "so"),
        PartEnd(0),
        PartStart(1, ToolCall("a", "f")),
        TextDelta(1, "{}"),
        PartEnd(1),
        ResponseEnd(Finish(FinishReason.TOOL_CALLS), usage),
    ]
    chunks = chunks_of(written(events))
    frame = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 5, "model": "m"}
    assert all(frame.items() <= c.items() for c in chunks)
    fragment = {"index": 0, "id": "a", "type": "function", "function": {"name": "f", "arguments": ""}}
    assert [c["choices"][0]["delta"] for c in chunks[:-1]] == [
        {"role": "assistant", "content": "", "refusal": None},
        {"content": "so"},
        {"tool_calls": [fragment]},
        {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]},
        {},
    ]
    assert [c["choices"][0]["finish_reason"] for c in chunks[:-1]] == [None, None, None, None, "tool_calls"]
    assert all(c["usage"] is None for c in chunks[:-1])
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}


def test_a_client_that_did_not_ask_for_usage_sees_none() -> None:
    events: list[Event] = [
        ResponseStart("c", "m", 5),
        PartStart(0, Text("whole")),
        PartEnd(0),
        ResponseEnd(Finish(FinishReason.STOP), Usage(input=1)),
    ]
    chunks = chunks_of(written(events, ask(stream=True)))
    assert not any("usage" in c for c in chunks)
    assert [c["choices"][0]["delta"].get("content") for c in chunks] == ["", "whole", None]


def test_calls_alone_begin_with_null_for_content_and_may_interleave() -> None:
    events: list[Event] = [
        ResponseStart("c", "m", 5),
        PartStart(0, ToolCall("a", "f")),
        PartStart(1, ToolCall("b", "g")),
        TextDelta(1, "[]"),
        TextDelta(0, "{}"),
        PartEnd(1),
        PartEnd(0),
        ResponseEnd(Finish(FinishReason.TOOL_CALLS)),
    ]
    data = written(events)
    assert chunks_of(data)[0]["choices"][0]["delta"] == {"role": "assistant", "content": None, "refusal": None}
    calls = [part for part in folded(data).parts if isinstance(part, ToolCall)]
    assert [(c.call_id, c.arguments) for c in calls] == [("a", "{}"), ("b", "[]")]


def test_a_client_of_before_tools_gets_one_call_in_its_words() -> None:
    request = decode(body_of(functions=[{"name": "f"}], stream=True))
    events: list[Event] = [
        ResponseStart("c", "m", 5),
        PartStart(0, ToolCall("a", "f")),
        TextDelta(0, "{}"),
        PartEnd(0),
        PartStart(1, ToolCall("b", "f")),
        TextDelta(1, "[]"),
        PartEnd(1),
        ResponseEnd(Finish(FinishReason.TOOL_CALLS)),
    ]
    choices = [c["choices"][0] for c in chunks_of(written(events, request))]
    assert [c["delta"].get("function_call") for c in choices] == [None, {"name": "f", "arguments": ""}, {"arguments": "{}"}, None]
    assert choices[-1]["finish_reason"] == "function_call"


def test_what_this_format_has_no_words_for_is_left_out_and_a_picture_is_named() -> None:
    events: list[Event] = [
        Ping(),
        OpaqueEvent("anthropic", {"type": "odd"}),
        ResponseStart("c", "m", 5, extras={"anthropic": {"container": 1}}),
        PartStart(0, Reasoning()),
        TextDelta(0, "hmm"),
        ProofDelta(0, Proof("anthropic", "sig")),
        PartEnd(0),
        PartStart(1, Opaque("anthropic", {"type": "server_tool_use"})),
        OpaqueDelta(1, "anthropic", {"type": "odd"}),
        PartEnd(1),
        PartStart(2, Media(MediaKind.IMAGE, Link("u"))),
        PartEnd(2),
        PartStart(3, Text()),
        TextDelta(3, "so"),
        PartEnd(3),
        ResponseEnd(Finish(FinishReason.STOP, "end_turn"), extras={"anthropic": {"context_management": 1}}),
    ]
    deltas = [c["choices"][0]["delta"] for c in chunks_of(written(events))]
    head, note = {"role": "assistant", "content": None, "refusal": None}, "[image left out: the answer's format cannot hold it]"
    assert deltas == [head, {"reasoning_content": "hmm"}, {"content": note}, {"content": "so"}, {}]
    assert said(written(events)) == [("Reasoning", "hmm"), ("Text", f"{note}so")]


def test_an_error_ends_the_stream_without_done() -> None:
    data = written([ResponseStart("c", "m", 5), StreamError(APIError(ErrorKind.OVERLOADED, "busy"))])
    assert data == b'data: {"error":{"message":"busy","type":"server_error","param":null,"code":"overloaded"}}\n\n'


def test_an_answer_that_came_whole_streams_to_itself() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"content": "so", "refusal": None, "annotations": [{"type": "url_citation"}], "tool_calls": [call]}
    value = answer(message, "tool_calls", service_tier="default", usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3})
    value["choices"][0]["logprobs"] = {"content": [{"token": "so"}], "refusal": None}
    again = write_answer(folded(written(list(explode(read_answer(value))), ASKED)))
    assert {**again["choices"][0]["message"], "refusal": None} == value["choices"][0]["message"]
    assert again["choices"][0]["logprobs"] == value["choices"][0]["logprobs"]
    assert {name: again[name] for name in ("id", "service_tier", "usage")} == {
        name: value[name] for name in ("id", "service_tier", "usage")
    }


def test_the_ping_is_a_comment() -> None:
    assert events_of(FORMAT.ping, ROLE, FORMAT.ping, chunk({"content": "x"}), END, DONE) == events_of(
        ROLE, chunk({"content": "x"}), END, DONE
    )
