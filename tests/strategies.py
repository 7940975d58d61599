"""Hypothesis strategies for responses and for the legal event streams that amount to them."""

import json

from attrs import evolve
from hypothesis import strategies as st

from ccproxy_cli.core.events import Event, ResponseEnd, TextDelta
from ccproxy_cli.core.parts import Part, Reasoning, Refusal, Text, ToolCall
from ccproxy_cli.core.rates import Allowance
from ccproxy_cli.core.response import Finish, FinishReason, Response, Usage
from ccproxy_cli.core.stream import explode

WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=12,
)
ARGUMENTS = st.dictionaries(st.sampled_from("abc"), st.integers(0, 9) | WORDS, max_size=3).map(json.dumps)
COUNTS = st.integers(0, 5000)
ALLOWANCES = st.builds(Allowance, COUNTS, COUNTS, st.floats(0, 100_000))


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    output = draw(COUNTS)
    return Usage(
        input=draw(COUNTS),
        cache_read=draw(COUNTS),
        cache_write=draw(COUNTS),
        output=output,
        reasoning=draw(st.integers(0, output)),
    )


@st.composite
def responses(draw: st.DrawFn, max_calls: int = 3) -> Response:
    """Any order of texts, reasoning and refusals, then tool calls; the finish agrees with the parts."""
    plain = draw(st.lists(st.builds(Text, WORDS) | st.builds(Reasoning, WORDS), max_size=4))
    calls = [
        ToolCall(f"call_{index}", draw(st.sampled_from(["Read", "Bash", "get_weather"])), draw(ARGUMENTS))
        for index in range(draw(st.integers(0, max_calls)))
    ]
    parts: list[Part] = [*plain, *calls]
    if calls:
        reason = FinishReason.TOOL_CALLS
    elif draw(st.booleans()):
        reason = draw(st.sampled_from([FinishReason.STOP, FinishReason.LENGTH]))
    else:
        parts, reason = [*parts, Refusal(draw(WORDS))], FinishReason.REFUSAL
    return Response("resp_1", "model-1", tuple(parts), Finish(reason), draw(usages()), created=1_700_000_000)


def _cut(draw: st.DrawFn, event: Event) -> list[Event]:
    """The same event, or its text in two pieces."""
    if isinstance(event, TextDelta) and len(event.text) > 1:
        at = draw(st.integers(1, len(event.text) - 1))
        return [evolve(event, text=event.text[:at]), evolve(event, text=event.text[at:])]
    return [event]


@st.composite
def streams(draw: st.DrawFn) -> tuple[Response, list[Event]]:
    """A response and a legal stream of it: texts cut in random pieces, tool calls interleaved."""
    response = draw(responses())
    events = [piece for event in explode(response) for piece in _cut(draw, event)]
    calls = [index for index, part in enumerate(response.parts) if isinstance(part, ToolCall)]
    head = [event for event in events if not isinstance(event, ResponseEnd) and getattr(event, "index", -1) not in calls]
    lanes = [[event for event in events if getattr(event, "index", -1) == index] for index in calls]
    if draw(st.booleans()):  # all starts first, then whatever order
        woven = [lane.pop(0) for lane in lanes]
        while any(lanes):
            lane = draw(st.sampled_from([lane for lane in lanes if lane]))
            woven.append(lane.pop(0))
    else:
        woven = [event for lane in lanes for event in lane]
    refusals = [event for event in head if getattr(event, "index", -1) >= len(response.parts)]
    assert not refusals
    return response, [*head, *woven, events[-1]]
