"""A response is its event stream."""

import pytest
from hypothesis import given

from ccproxy_cli.core.errors import APIError, BadUpstream, ErrorKind, UpstreamError
from ccproxy_cli.core.events import (
    Event,
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
from ccproxy_cli.core.parts import Media, MediaKind, PlainText, Proof, Reasoning, Refusal, Text, ToolCall
from ccproxy_cli.core.response import Finish, FinishReason, Response
from ccproxy_cli.core.stream import TRANSITIONS, Fold, InOrder, State, explode, fold, in_order
from tests.strategies import responses, streams

START = ResponseStart("r", "m")
END = ResponseEnd(Finish(FinishReason.STOP))
ERROR = StreamError(APIError(ErrorKind.OVERLOADED, "busy"))


@given(responses())
def test_fold_undoes_explode(response: Response) -> None:
    assert fold(explode(response)) == response


@given(streams())
def test_fold_does_not_care_how_a_stream_is_cut_or_woven(case: tuple[Response, list[Event]]) -> None:
    response, events = case
    assert fold(events) == response


@given(streams())
def test_in_order_changes_only_the_order(case: tuple[Response, list[Event]]) -> None:
    response, events = case
    serial = list(in_order(events))
    assert fold(serial) == response
    assert sorted(map(repr, serial)) == sorted(map(repr, events))
    open_parts = 0
    for event in serial:
        open_parts += isinstance(event, PartStart) - isinstance(event, PartEnd)
        assert open_parts <= 1


@given(streams())
def test_in_order_holds_back_nothing_that_may_go(case: tuple[Response, list[Event]]) -> None:
    _, events = case
    ordering = InOrder()
    current = 0
    for event in events:
        out = list(ordering.feed(event))
        if getattr(event, "index", current) == current:
            assert event in out
        current += sum(isinstance(done, PartEnd) for done in out)


def test_a_proof_comes_after_the_text_it_vouches_for() -> None:
    proof = Proof("anthropic", "sig")
    events = list(explode(Response("r", "m", (Reasoning("why", (proof,)),), Finish(FinishReason.STOP))))
    assert events[1:5] == [PartStart(0, Reasoning()), TextDelta(0, "why"), ProofDelta(0, proof), PartEnd(0)]


def test_pings_and_opaque_events_mean_nothing_to_the_response() -> None:
    noise: list[Event] = [Ping(), OpaqueEvent("x", {})]
    assert fold([*noise, START, *noise, END, *noise]) == fold([START, END])


ILLEGAL: dict[str, list[Event]] = {
    "end before start": [END],
    "second start": [START, START],
    "part before start": [PartStart(0, Text())],
    "gap in the numbers": [START, PartStart(1, Text())],
    "number used twice": [START, PartStart(0, Text()), PartStart(0, Text())],
    "delta without part": [START, TextDelta(0, "x")],
    "delta after the part": [START, PartStart(0, Text()), PartEnd(0), TextDelta(0, "x")],
    "part ended twice": [START, PartStart(0, Text()), PartEnd(0), PartEnd(0)],
    "end with an open part": [START, PartStart(0, Text()), END],
    "event after the end": [START, END, PartStart(0, Text())],
    "event after an error": [START, ERROR, END],
    "proof of a refusal": [START, PartStart(0, Refusal()), ProofDelta(0, Proof("a", "b"))],
    "words in a picture": [START, PartStart(0, Media(MediaKind.IMAGE, PlainText(""))), TextDelta(0, "x"), PartEnd(0)],
}


@pytest.mark.parametrize("events", ILLEGAL.values(), ids=ILLEGAL)
def test_what_the_grammar_forbids_is_the_upstreams_fault(events: list[Event]) -> None:
    folding = Fold()
    for event in events[:-1]:
        folding.feed(event)
    with pytest.raises(BadUpstream):
        folding.feed(events[-1])


@pytest.mark.parametrize("events", [[], [START], [START, PartStart(0, ToolCall("c", "t")), TextDelta(0, '{"a":')]])
def test_an_unfinished_stream_is_no_response(events: list[Event]) -> None:
    with pytest.raises(BadUpstream):
        fold(events)


def test_an_error_in_the_stream_is_raised_as_the_error_it_is() -> None:
    with pytest.raises(UpstreamError) as caught:
        fold([START, PartStart(0, Text()), TextDelta(0, "half"), ERROR])
    assert caught.value.error == ERROR.error


def test_every_state_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(State)
