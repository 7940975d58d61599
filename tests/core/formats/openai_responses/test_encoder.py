"""Streams to a client, written."""

from typing import Any

import pytest
from hypothesis import given, settings

from ccproxy_cli.core.errors import APIError, ErrorKind
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
from ccproxy_cli.core.formats.openai_responses import FORMAT
from ccproxy_cli.core.parts import Inline, Media, MediaKind, Opaque, Proof, ProofKind, Reasoning, Refusal, Text, ToolCall
from ccproxy_cli.core.response import Finish, FinishReason, Response, Usage
from ccproxy_cli.core.stream import explode, fold, in_order
from tests.core.formats.openai_responses.responses import ASKED, USAGE, body_of, decode, events_of, told, write_answer, written
from tests.strategies import responses, streams

START, END = ResponseStart("msg_1", "m", 5), ResponseEnd(Finish(FinishReason.STOP), Usage(5, 3, 2, 7, 4))


def tell(*events: Event, end: ResponseEnd = END) -> list[dict[str, Any]]:
    return told(written([START, *events, end]))


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in events]


def test_words_are_told_in_the_order_the_vendor_keeps() -> None:
    events = tell(PartStart(0, Text()), TextDelta(0, "hel"), TextDelta(0, "lo"), PartEnd(0))
    assert kinds(events) == [
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta", "output_text.delta",
        "output_text.done", "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    item = events[-2]["item"]
    assert {event["item_id"] for event in events[3:8]} == {item["id"], events[2]["item"]["id"]} - {None}
    assert (events[2]["item"]["status"], events[2]["item"]["content"], item["status"]) == ("in_progress", [], "completed")
    assert [event["delta"] for event in events[4:6]] == ["hel", "lo"]
    assert events[4]["logprobs"] == []
    assert events[-1]["response"]["output"] == [item]
    assert events[-1]["response"]["usage"] == USAGE


def test_the_response_is_told_whole_from_the_start() -> None:
    events = tell()
    assert kinds(events) == ["created", "in_progress", "completed"]
    assert {event["response"]["id"] for event in events} == {events[0]["response"]["id"]}
    first = events[0]["response"]
    assert (first["status"], first["output"], first["usage"], first["tools"], first["tool_choice"]) == ("in_progress", [], None, [], "auto")
    assert (first["model"], first["created_at"]) == ("m", 5)


def test_a_call_is_told_as_an_item_of_its_own() -> None:
    events = tell(PartStart(0, ToolCall("c", "f")), TextDelta(0, '{"a":'), TextDelta(0, " 1}"), PartEnd(0))
    assert kinds(events)[2:-1] == [
        "output_item.added", "function_call_arguments.delta", "function_call_arguments.delta",
        "function_call_arguments.done", "output_item.done",
    ]  # fmt: skip
    assert (events[2]["item"]["arguments"], events[5]["arguments"], events[5]["name"]) == ("", '{"a": 1}', "f")


def test_a_call_without_arguments_says_that_it_has_none() -> None:
    events = tell(PartStart(0, ToolCall("c", "f")), PartEnd(0))
    assert [event["delta"] for event in events if event["type"].endswith(".delta")] == ["{}"]
    assert events[-1]["response"]["output"][0]["arguments"] == "{}"


def test_thinking_is_told_as_a_summary() -> None:
    sealed = ProofDelta(0, Proof("openai-responses", "x", ProofKind.SEALED))
    foreign = ProofDelta(0, Proof("anthropic", "sig"))
    events = tell(PartStart(0, Reasoning()), TextDelta(0, "hmm"), foreign, sealed, PartEnd(0))
    assert kinds(events)[2:-1] == [
        "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta", "reasoning_summary_text.done",
        "reasoning_summary_part.done", "output_item.done",
    ]  # fmt: skip
    item = events[-2]["item"]
    assert (item["summary"], item["encrypted_content"]) == ([{"type": "summary_text", "text": "hmm"}], "x")


def test_items_of_different_kinds_follow_one_another() -> None:
    parts = (Reasoning("hmm"), Text("a"), Refusal("no"), ToolCall("c", "f", "{}"), Text("b"))
    events = told(written(list(explode(Response("r", "m", parts, Finish(FinishReason.TOOL_CALLS))))))
    bounds = [(event["type"].rpartition(".")[2], event["output_index"]) for event in events if ".output_item." in event["type"]]
    assert bounds == [(step, number) for number in range(4) for step in ("added", "done")]
    assert [len(item.get("content", ())) for item in events[-1]["response"]["output"]] == [0, 2, 0, 1]


@pytest.mark.parametrize("part", [Text(), Refusal(), Reasoning(), Opaque("another", {"type": "odd"})])
def test_what_turns_out_empty_is_never_begun(part: Any) -> None:
    assert kinds(tell(PartStart(0, part), PartEnd(0))) == ["created", "in_progress", "completed"]


def test_a_free_text_call_made_as_a_function_is_told_when_it_is_whole() -> None:
    request = decode(body_of(tools=[{"type": "custom", "name": "exec"}]))
    made: list[Event] = [PartStart(0, ToolCall("c", "exec")), TextDelta(0, '{"input": "1 '), TextDelta(0, '+ 1"}'), PartEnd(0)]
    events = told(written([START, *made, END], request))
    assert kinds(events)[2:-1] == ["output_item.added", "custom_tool_call_input.delta", "custom_tool_call_input.done", "output_item.done"]
    assert (events[3]["delta"], events[4]["input"], events[5]["item"]["input"]) == ("1 + 1", "1 + 1", "1 + 1")


def test_media_come_whole() -> None:
    events = tell(PartStart(0, Media(MediaKind.IMAGE, Inline("image/png", "AAAA"))), PartEnd(0))
    assert kinds(events)[2:-1] == ["output_item.added", "output_item.done"]
    events = tell(PartStart(0, Media(MediaKind.AUDIO, Inline("audio/wav", "AAAA"))), PartEnd(0))
    assert "audio" in events[-1]["response"]["output"][0]["content"][0]["text"]


def test_what_only_another_format_knows_is_passed_over() -> None:
    odd: list[Event] = [
        OpaqueEvent("another", {"type": "x"}),
        Ping(),
        PartStart(0, Text("a")),
        OpaqueDelta(0, "another", {"type": "x"}),
        PartEnd(0),
    ]
    assert kinds(tell(*odd))[-1] == "completed"
    assert "x" not in kinds(tell(*odd))


def test_an_event_of_our_own_is_numbered_anew() -> None:
    events = tell(OpaqueEvent("openai-responses", {"type": "codex.rate_limits", "sequence_number": 77}))
    assert events[2] == {"type": "codex.rate_limits", "sequence_number": 2}


@pytest.mark.parametrize(
    ("finish", "kind", "details"),
    [
        (FinishReason.LENGTH, "incomplete", {"reason": "max_output_tokens"}),
        (FinishReason.FILTERED, "incomplete", {"reason": "content_filter"}),
        (FinishReason.STOP_SEQUENCE, "completed", None),
    ],
)
def test_the_last_event_says_how_it_ended(finish: FinishReason, kind: str, details: Any) -> None:
    last = tell(end=ResponseEnd(Finish(finish)))[-1]
    assert (last["type"], last["response"]["status"], last["response"]["incomplete_details"]) == (f"response.{kind}", kind, details)


def test_an_error_is_told_in_all_forms_that_clients_read() -> None:
    error = StreamError(APIError(ErrorKind.RATE_LIMIT, "slow down"))
    *_, first, last = told(written([START, PartStart(0, Text("so")), error]))
    assert (first["type"], first["code"], first["message"]) == ("error", "rate_limit_exceeded", "slow down")
    assert first["error"]["message"] == "slow down"
    assert (last["type"], last["response"]["status"]) == ("response.failed", "failed")
    assert last["response"]["error"] == {"code": "rate_limit_exceeded", "message": "slow down"}


def test_an_error_can_be_told_when_the_stream_is_not_known_any_more() -> None:
    first, last = told(FORMAT.encode_stream_error(APIError(ErrorKind.INTERNAL, "oh"), "req_1"))
    assert (first["type"], last["type"]) == ("error", "response.failed")
    assert last["response"]["error"] == {"code": "server_error", "message": "oh"}


@given(responses())
@settings(max_examples=50)
def test_a_stream_ends_in_the_body(response: Response) -> None:
    *_, last = told(written(list(explode(response))))
    assert last["response"] == write_answer(response)


@given(streams())
@settings(max_examples=50)
def test_items_begin_and_end_once_and_one_at_a_time(case: tuple[Response, list[Event]]) -> None:
    events = told(written(list(in_order(case[1]))))
    open_item, begun = None, 0
    for event in events[2:-1]:
        match event["type"]:
            case "response.output_item.added":
                assert (open_item, event["output_index"]) == (None, begun)
                open_item = event["item"]
                begun += 1
            case "response.output_item.done":
                assert open_item is not None
                assert (event["item"]["id"], event["item"]["type"]) == (open_item["id"], open_item["type"])
                open_item = None
            case _:
                assert open_item is not None
                assert (event["item_id"], event["output_index"]) == (open_item["id"], begun - 1)
    assert open_item is None
    assert [event["item"] for event in events if event["type"] == "response.output_item.done"] == events[-1]["response"]["output"]


@given(streams())
@settings(max_examples=50)
def test_a_stream_written_again_says_the_same(case: tuple[Response, list[Event]]) -> None:
    once = written(list(in_order(case[1])))
    again = written(events_of(once), ASKED)
    assert write_answer(fold(events_of(again))) == write_answer(fold(events_of(once)))
    assert [event for event in told(again) if event["type"].endswith(".delta")] == [
        event for event in told(once) if event["type"].endswith(".delta")
    ]


def test_a_seal_without_words_is_an_item_all_the_same() -> None:
    sealed = Proof("openai-responses", "x", ProofKind.SEALED)
    events = tell(PartStart(0, Reasoning()), ProofDelta(0, sealed), PartEnd(0))
    (item,) = events[-1]["response"]["output"]
    assert (item["type"], item["summary"], item["encrypted_content"]) == ("reasoning", [], "x")
