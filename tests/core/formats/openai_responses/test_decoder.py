"""Streams of an upstream, read."""

import itertools
import json
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.errors import BadUpstream, ErrorKind
from ccproxy_cli.core.events import OpaqueDelta, OpaqueEvent, PartEnd, PartStart, Ping, ProofDelta, ResponseStart, StreamError, TextDelta
from ccproxy_cli.core.extras import NO_EXTRAS
from ccproxy_cli.core.formats.openai_responses import FORMAT
from ccproxy_cli.core.hosted import HostedKind, HostedStep
from ccproxy_cli.core.parts import Opaque, Part, Proof, ProofKind, Reasoning, Refusal, Text, ToolCall
from ccproxy_cli.core.response import FinishReason
from ccproxy_cli.core.stream import fold
from tests.core.formats.openai_responses.responses import (
    added,
    answer,
    call,
    completed,
    created,
    delta,
    done,
    events_of,
    folded,
    frames,
    read_answer,
    said,
    thought,
    told,
    write_answer,
    written,
)

PART = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
SEARCH = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"query": "x"}}


def message(*deltas: str, number: int = 0, item: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """The events of one message item."""
    item = item or said("".join(deltas))
    place = {"output_index": number, "item_id": item["id"], "content_index": 0}
    return [
        added(number, {**item, "status": "in_progress", "content": []}),
        {"type": "response.content_part.added", **place, "part": PART},
        *[delta("output_text", number, text, content_index=0, logprobs=[]) for text in deltas],
        {"type": "response.output_text.done", **place, "text": "".join(deltas)},
        {"type": "response.content_part.done", **place, "part": item["content"][0]},
        done(number, item),
    ]


THOUGHT, CALL = thought("one", "two", encrypted_content="x"), call(id="fc_1", status="completed", arguments='{"a": 1}')
WHOLE = [
    created(),
    {"type": "response.in_progress", "response": answer(status="in_progress", usage=None)},
    added(0, {**THOUGHT, "summary": [], "encrypted_content": "unfinished"}),
    {"type": "response.reasoning_summary_part.added", "output_index": 0, "summary_index": 0},
    delta("reasoning_summary_text", 0, "one", summary_index=0),
    {"type": "response.reasoning_summary_part.added", "output_index": 0, "summary_index": 1},
    delta("reasoning_summary_text", 0, "tw", summary_index=1),
    delta("reasoning_summary_text", 0, "o", summary_index=1),
    done(0, THOUGHT),
    *message("hel", "lo", number=1),
    added(2, {**CALL, "status": "in_progress", "arguments": ""}),
    delta("function_call_arguments", 2, '{"a"'),
    delta("function_call_arguments", 2, ": 1}"),
    {"type": "response.function_call_arguments.done", "output_index": 2, "item_id": "fc_1", "arguments": '{"a": 1}'},
    done(2, CALL),
    completed(THOUGHT, said("hello"), CALL),
]


def test_a_stream_folds_to_what_the_body_says() -> None:
    assert write_answer(folded(*WHOLE)) == answer(THOUGHT, said("hello"), CALL)
    by_body = read_answer(answer(THOUGHT, said("hello"), CALL))
    by_stream = folded(*WHOLE)
    assert [_plain(part) for part in by_stream.parts] == [_plain(part) for part in by_body.parts]
    assert (by_stream.finish, by_stream.usage, by_stream.id) == (by_body.finish, by_body.usage, by_body.id)


def _plain(part: Part) -> Part:
    return part if isinstance(part, Opaque) else evolve(part, extras=NO_EXTRAS)


@given(st.lists(st.integers(0, 10**4), max_size=8))
def test_how_the_bytes_are_cut_changes_nothing(cuts: list[int]) -> None:
    data = frames(*WHOLE)
    marks = sorted({0, len(data), *(cut % len(data) for cut in cuts)})
    assert events_of(*(data[start:end] for start, end in itertools.pairwise(marks))) == events_of(data)


def test_what_comes_is_passed_on_at_once() -> None:
    decoder = FORMAT.stream_decoder()
    head, *rest = message("hel", "lo")
    decoder.feed(frames(created(), head, rest[0]))
    assert decoder.feed(frames(rest[1])) == [TextDelta(0, "hel")]


def test_the_seal_is_the_one_at_the_items_end() -> None:
    events = events_of(frames(*WHOLE))
    assert [event.proof for event in events if isinstance(event, ProofDelta)] == [Proof("openai-responses", "x", ProofKind.SEALED)]


def test_items_are_told_apart_by_their_place_alone() -> None:
    rotated = [{**event, "item_id": f"other_{number}"} if "item_id" in event else event for number, event in enumerate(message("hi"))]
    rotated[-1] = done(0, said("hi", "another_id"))
    assert folded(created(), *rotated, completed(said("hi", "third"))).parts[0].text == "hi"  # type: ignore[union-attr]


def test_items_may_interleave() -> None:
    first, second = message("a", "b"), message("x", "y", number=1, item=said("xy", "msg_2"))
    woven = [event for pair in zip(first, second, strict=True) for event in pair]
    response = folded(created(), *woven, completed(said("ab"), said("xy", "msg_2")))
    assert [part.text for part in response.parts if isinstance(part, Text)] == ["ab", "xy"]
    assert write_answer(response) == answer(said("ab"), said("xy", "msg_2"))


@pytest.mark.parametrize(
    "events",
    [
        [
            added(0, {**CALL, "arguments": ""}),
            {"type": "response.function_call_arguments.done", "output_index": 0, "arguments": '{"a": 1}'},
        ],
        [added(0, {**CALL, "arguments": ""})],
        [added(0, {**CALL, "arguments": ""}), delta("function_call_arguments", 0, '{"a"')],
        [added(0, CALL)],
        [added(0, {"type": "function_call", "id": "fc_1", "arguments": ""})],
        [added(0, {"type": "function_call", "call_id": "call_1", "name": "f"})],
        [{"type": "response.output_item.added", "output_index": 0, "item": None}],
        [],
    ],
    ids=["done only", "item only", "half", "whole at once", "named late", "bare", "null", "unannounced"],
)
def test_arguments_are_made_up_for_where_deltas_left_them_out(events: list[dict[str, Any]]) -> None:
    response = folded(created(), *events, done(0, CALL), completed(CALL))
    assert [(part.name, part.arguments) for part in response.parts if isinstance(part, ToolCall)] == [("f", '{"a": 1}')]
    assert response.finish.reason is FinishReason.TOOL_CALLS


@pytest.mark.parametrize("kept", [[0, 5], [0, 2, 5], [0, 1, 5], [5], [0, 1, 3, 5], [2, 5], [0, 1, 2, 5], [0, 4, 5]])
def test_words_are_made_up_for_where_events_were_left_out(kept: list[int]) -> None:
    events = [event for number, event in enumerate(message("hello")) if number in kept]
    response = folded(created(), *events, completed(said("hello")))
    assert write_answer(response)["output"] == [said("hello")]


def test_items_that_only_the_whole_answer_holds_are_told() -> None:
    response = folded(created(), *message("a"), completed(said("a"), SEARCH, CALL))
    assert [type(part) for part in response.parts] == [Text, Opaque, ToolCall]


def test_an_answer_that_ends_empty_is_what_its_items_were() -> None:
    """The ChatGPT backend leaves `output` empty in the end (seen 2026-11)."""
    assert write_answer(folded(created(), *message("a"), completed()))["output"] == [said("a")]


def test_parts_of_one_message_are_one_item_again() -> None:
    item = {**said("a"), "content": [{**PART, "text": "a"}, {"type": "refusal", "refusal": "no"}, {**PART, "text": "c"}], "phase": "p"}
    events = [
        added(0, {**item, "status": "in_progress", "content": []}),
        delta("output_text", 0, "a", content_index=0),
        {"type": "response.content_part.done", "output_index": 0, "content_index": 0, "part": item["content"][0]},
        delta("refusal", 0, "n", content_index=1),
        delta("refusal", 0, "o", content_index=1),
        {"type": "response.refusal.done", "output_index": 0, "content_index": 1, "refusal": "no"},
        done(0, item),
    ]
    response = folded(created(), *events, completed(item))
    assert [type(part) for part in response.parts] == [Text, Refusal, Text]
    assert write_answer(response)["output"] == [item]


def test_an_empty_message_stays_an_item() -> None:
    item = {**said("x"), "content": []}
    response = folded(created(), added(0, item), done(0, item), completed(item))
    assert write_answer(response)["output"] == [item]


def test_open_models_tell_their_thoughts_in_the_content() -> None:
    item = {**thought(), "content": [{"type": "reasoning_text", "text": "hmm"}]}
    events = [
        added(0, {**thought(), "content": []}),
        {"type": "response.content_part.added", "output_index": 0, "content_index": 0, "part": {"type": "reasoning_text", "text": ""}},
        delta("reasoning_text", 0, "hm", content_index=0),
        delta("reasoning_text", 0, "m", content_index=0),
        {"type": "response.reasoning_text.done", "output_index": 0, "text": "hmm"},
        done(0, item),
    ]
    response = folded(created(), *events, completed(item))
    assert isinstance(response.parts[0], Reasoning)
    assert response.parts[0].text == "hmm"
    again = told(written(events_of(frames(created(), *events, completed(item)))))
    assert [event["delta"] for event in again if event["type"] == "response.reasoning_text.delta"] == ["hm", "m"]
    assert again[-1]["response"]["output"] == [item]


def test_summaries_without_announcement_are_told_apart_by_number() -> None:
    item = thought("one", "two")
    deltas = [delta("reasoning_summary_text", 0, "one", summary_index=0), delta("reasoning_summary_text", 0, "two", summary_index=1)]
    assert folded(created(), added(0, thought()), *deltas, done(0, item), completed(item)).parts[0].text == "one\n\ntwo"  # type: ignore[union-attr]


SEARCHED = HostedStep(HostedKind.WEB_SEARCH, "ws_1", ("x",))


def test_steps_of_hosted_tools_belong_to_their_item() -> None:
    searching = {"type": "response.web_search_call.searching", "output_index": 0, "item_id": "ws_1"}
    begun = {**SEARCH, "status": "in_progress"}
    events = events_of(frames(created(), added(0, begun), searching, done(0, SEARCH), completed(SEARCH)))
    assert events[1:4] == [
        PartStart(0, Opaque("openai-responses", begun, SEARCHED)),
        OpaqueDelta(0, "openai-responses", {**searching, "sequence_number": 2}),
        PartEnd(0, {"openai-responses": SEARCH}, SEARCHED),
    ]
    assert fold(events).parts == (Opaque("openai-responses", SEARCH, SEARCHED),)


def test_citations_ride_with_the_words() -> None:
    cited = {"type": "url_citation", "url": "https://example.test", "start_index": 0, "end_index": 1, "title": "t"}
    item = said("a")
    item["content"][0]["annotations"] = [cited]
    events = message("a", item=item)
    place = {"output_index": 0, "item_id": "msg_1", "content_index": 0, "annotation_index": 0}
    events.insert(3, {"type": "response.output_text.annotation.added", **place, "annotation": cited})
    stream = frames(created(), *events, completed(item))
    assert write_answer(fold(events_of(stream)))["output"] == [item]
    again = [event for event in told(written(events_of(stream))) if event["type"] == "response.output_text.annotation.added"]
    assert [event["annotation"] for event in again] == [cited]


def test_what_nobody_knows_is_kept_and_what_keeps_alive_is_a_ping() -> None:
    events = events_of(frames(created(), {"type": "codex.rate_limits", "a": 1}, {"type": "keepalive"}, *message("a"), completed(said("a"))))
    assert events[1] == OpaqueEvent("openai-responses", {"type": "codex.rate_limits", "a": 1, "sequence_number": 1})
    assert events[2] == Ping()


def test_nothing_counts_after_the_end() -> None:
    data = frames(created(), completed())
    decoder = FORMAT.stream_decoder()
    events = decoder.feed(data + b"data: [DONE]\n\n" + b"data: nonsense\n\n")
    assert decoder.done
    assert decoder.feed(b"data: more\n\n") == decoder.close() == []
    assert events == events_of(data)


# Endings that are none


@pytest.mark.parametrize(
    "event",
    [
        {"type": "error", "code": "rate_limit_exceeded", "message": "slow down", "param": None},
        {"type": "error", "error": {"type": "tokens", "code": "rate_limit_exceeded", "message": "slow down", "param": None}},
        {"type": "response.failed", "response": answer(status="failed", error={"code": "rate_limit_exceeded", "message": "slow down"})},
    ],
    ids=["flat", "nested", "failed"],
)
def test_an_error_is_read_in_all_its_forms(event: dict[str, Any]) -> None:
    *_, last = events_of(frames(created(), event, completed()))
    assert isinstance(last, StreamError)
    assert (last.error.kind, last.error.message, last.error.code) == (ErrorKind.RATE_LIMIT, "slow down", "rate_limit_exceeded")


def test_an_error_may_come_first() -> None:
    events = events_of(b'data: {"error": {"message": "no", "code": "server_error"}}\n\n')
    assert [type(event) for event in events] == [ResponseStart, StreamError]


def test_an_error_without_words_is_one() -> None:
    *_, last = events_of(frames(created(), {"type": "error"}))
    assert isinstance(last, StreamError)
    assert last.error.message


@pytest.mark.parametrize(
    ("details", "reason"), [({"reason": "max_output_tokens"}, FinishReason.LENGTH), ({"reason": "content_filter"}, FinishReason.FILTERED)]
)
def test_an_answer_cut_short_says_why(details: dict[str, str], reason: FinishReason) -> None:
    end = {"type": "response.incomplete", "response": answer(said("a"), status="incomplete", incomplete_details=details)}
    assert folded(created(), *message("a"), end).finish.reason is reason


@pytest.mark.parametrize("count", range(1, len(WHOLE)))
def test_half_a_stream_is_no_answer(count: int) -> None:
    with pytest.raises(BadUpstream):
        events_of(frames(*WHOLE[:count]))


BROKEN: list[list[dict[str, Any]]] = [
    [added(0, CALL), added(0, CALL)],
    [done(0, CALL), done(0, CALL)],
    [done(0, CALL), added(0, CALL)],
    [done(0, said("a")), delta("output_text", 0, "b", content_index=1)],
    [added(0, CALL), completed()],
    [added(0, CALL), delta("output_text", 0, "b")],
    [{"type": "response.output_item.added", "item": CALL}],
    [{"type": "response.output_item.added", "output_index": "0", "item": CALL}],
    [{"type": "response.output_item.done", "output_index": 0, "item": 5}],
    [{"type": "response.output_item.done", "output_index": 0, "item": {"type": "message", "content": 5}}],
    [{"type": "response.output_text.delta", "output_index": 0, "delta": 5}],
    [{"type": "response.output_text.delta", "output_index": [], "delta": "a"}],
    [{"type": "response.output_text.delta", "delta": "a"}],
    [{"type": "response.content_part.added", "output_index": 0, "part": None}],
    [{"type": "response.completed"}],
    [{"type": "response.completed", "response": []}],
    [{"type": "response.completed", "response": {"output": 5}}],
    [{"type": ["x"], "output_index": 0}],
]


@pytest.mark.parametrize("events", BROKEN, ids=lambda events: json.dumps(events)[:70])
def test_what_breaks_the_format_is_the_upstreams_fault(events: list[dict[str, Any]]) -> None:
    with pytest.raises(BadUpstream):
        events_of(frames(created()) + b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events))


@pytest.mark.parametrize("data", [b"data: {\n\n", b"data: 5\n\n", b"data: \xff\n\n", b""])
def test_what_is_no_event_is_the_upstreams_fault(data: bytes) -> None:
    with pytest.raises(BadUpstream):
        events_of(data)


JUNK = st.recursive(st.none() | st.integers() | st.text(max_size=3), lambda inner: st.lists(inner, max_size=2), max_leaves=4)
KINDS = st.sampled_from(sorted({event["type"] for event in WHOLE} | {"error", "response.failed", "response.output_item.added", "x"}))


@given(
    st.lists(st.sampled_from(WHOLE), max_size=12),
    KINDS,
    st.dictionaries(st.sampled_from(["output_index", "item", "part", "delta", "response"]), JUNK),
)
def test_any_stream_is_read_or_refused(events: list[dict[str, Any]], kind: str, members: dict[str, Any]) -> None:
    data = frames(*events, {"type": kind, **members})
    try:
        found = events_of(data)
    except BadUpstream:
        return
    assert found


def test_an_answer_whose_items_were_numbered_with_gaps_is_told_once() -> None:
    response = folded(created(), *message("a", number=1), completed(said("a")))
    assert [part.text for part in response.parts if isinstance(part, Text)] == ["a"]
