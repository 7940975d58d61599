"""What holds between any two formats, whatever the answer is.

The documented losses of a format live in `said_by` and nowhere else.
"""

import contextlib
import itertools
import json
from collections.abc import Callable, Iterator

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from ccproxy_cli.core.errors import BadUpstream, UpstreamError
from ccproxy_cli.core.events import Event, TextDelta
from ccproxy_cli.core.formats import FORMATS, Format
from ccproxy_cli.core.framing import Frame, SSEDecoder
from ccproxy_cli.core.parts import Part, Reasoning, Refusal, Text, ToolCall
from ccproxy_cli.core.request import Message, Request, Role
from ccproxy_cli.core.response import Finish, FinishReason, Receipt, Response, Usage
from ccproxy_cli.core.stream import fold, in_order
from tests.core.formats.anthropic.asking import at, places
from tests.strategies import JSON_VALUES, responses, streams

ALL = pytest.mark.parametrize("format_", FORMATS.values(), ids=FORMATS)
SOURCE = pytest.mark.parametrize("source", FORMATS.values(), ids=FORMATS)
TARGET = pytest.mark.parametrize("target", FORMATS.values(), ids=FORMATS)
REQUEST = Request("model-1", (Message(Role.USER, (Text("hi"),)),), stream=True, stream_usage=True)


def written(format_: Format, events: list[Event]) -> bytes:
    encoder = format_.stream_encoder(REQUEST)
    return b"".join(encoder.encode(event) for event in (in_order(events) if format_.ordered else events))


def read(format_: Format, data: bytes, cuts: list[int] | None = None) -> Iterator[Event]:
    decoder = format_.stream_decoder()
    marks = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts or ())})
    for start, end in itertools.pairwise(marks):
        yield from decoder.feed(data[start:end])
    yield from decoder.close()


def arguments(part: ToolCall) -> object:
    return json.loads(part.arguments or "{}")


def said_by(format_: Format, response: Response) -> tuple[list[tuple[str, object]], Finish]:
    """What a format can say of a response: neighbours of one kind joined, tool arguments as values."""
    parts: list[Part] = list(response.parts)
    reason = response.finish.reason
    if format_.name == "openai-chat":  # one place each for reasoning, text, refusal and calls, in this order
        order = {Reasoning: 0, Text: 1, Refusal: 2, ToolCall: 3}
        parts.sort(key=lambda part: order[type(part)])
    if format_.name in ("anthropic", "gemini") and reason is FinishReason.REFUSAL:  # no place for a refusal's words but the text
        parts = [Text(part.text) if isinstance(part, Refusal) else part for part in parts]
    said: list[tuple[str, object]] = []
    for kind, group in itertools.groupby(parts, key=type):
        if kind is ToolCall:
            said += [("call", (part.call_id, part.name, arguments(part))) for part in group if isinstance(part, ToolCall)]
        else:
            said.append((kind.__name__, "".join(part.text for part in group)))  # type: ignore[union-attr]
    return said, Finish(reason)


@ALL
@given(streams(), st.lists(st.integers(0, 10**6), max_size=6))
def test_a_stream_says_what_the_body_says_however_it_is_cut(format_: Format, case: tuple[Response, list[Event]], cuts: list[int]) -> None:
    response, events = case
    by_stream = fold(read(format_, written(format_, events), cuts))
    by_body = format_.decode_response(format_.encode_response(response, REQUEST))
    assert said_by(format_, by_stream) == said_by(format_, by_body) == said_by(format_, response)
    assert billed(by_stream, format_) == billed(by_body, format_) == billed(response, format_)
    assert (by_stream.id, by_stream.model) == (by_body.id, by_body.model)


@ALL
@given(streams())
@settings(max_examples=20)
def test_a_stream_may_come_byte_by_byte_and_with_more_behind_it(format_: Format, case: tuple[Response, list[Event]]) -> None:
    data = written(format_, case[1])
    whole = list(read(format_, data))
    assert list(read(format_, data, list(range(len(data))))) == whole
    assert fold(read(format_, data + b": more\n\ndata: {}\n\n")) == fold(whole)


@ALL
@given(streams(), st.integers(0, 10**6))
def test_half_a_stream_is_never_a_whole_answer(format_: Format, case: tuple[Response, list[Event]], cut: int) -> None:
    """A stream cut anywhere before the finish either raises or, cut after all content, says the same."""
    response, events = case
    data = written(format_, events)
    with contextlib.suppress(BadUpstream, UpstreamError):
        got = fold(read(format_, data[: cut % len(data)]))
        assert said_by(format_, got) == said_by(format_, response)


@pytest.mark.parametrize("format_", [format_ for format_ in FORMATS.values() if format_.read_receipt is not None], ids=lambda one: one.name)
@given(responses(), st.data())
def test_a_receipt_is_what_the_answer_says_in_short(format_: Format, response: Response, data: st.DataObject) -> None:
    body = json.loads(format_.encode_response(response, REQUEST))
    place = data.draw(st.sampled_from(list(places(body))))
    if place:
        at(body, place[:-1])[place[-1]] = data.draw(JSON_VALUES)
    text = json.dumps(body, ensure_ascii=data.draw(st.booleans())).encode("utf-8", data.draw(st.sampled_from(["replace", "surrogatepass"])))
    assert outcome(format_.read_receipt, text) == outcome(format_.decode_response, text)


def outcome(read: Callable[[bytes], Receipt | Response] | None, body: bytes) -> tuple[object, ...]:
    assert read is not None
    try:
        found = read(body)
    except (BadUpstream, UpstreamError) as error:
        return type(error), str(error)
    return found.id, found.usage


@ALL
@given(streams(), st.data())
def test_what_is_skimmed_is_nothing_but_words(format_: Format, case: tuple[Response, list[Event]], data: st.DataObject) -> None:
    """Whatever a frame was made into, skimming it or feeding it comes to the same: more words of an open part, and no other state."""
    frames = SSEDecoder().feed(written(format_, case[1]))
    reader, skimmer = format_.stream_decoder(), format_.stream_decoder()
    odd = data.draw(st.integers(0, len(frames) - 1))
    for number, frame in enumerate(frames):
        if number == odd and frame.data.startswith(b"{"):
            frame = _made_odd(frame, data)
        skimmed = skimmer.skim(frame.data)
        with contextlib.suppress(BadUpstream, UpstreamError):
            events = reader.feed_frame(frame)
            if not skimmed:
                assert skimmer.feed_frame(frame) == events
            else:
                assert [type(event) for event in events] == [TextDelta]
            continue
        assert not skimmed
        return
    assert skimmer.done == reader.done


def _made_odd(frame: Frame, data: st.DataObject) -> Frame:
    """The frame with another value somewhere in it."""
    body = json.loads(frame.data)
    place = data.draw(st.sampled_from(places(body)[1:] or [()]))
    if place:
        at(body, place[:-1])[place[-1]] = data.draw(JSON_VALUES)
    return Frame(json.dumps(body).encode(), frame.event)


@SOURCE
@TARGET
@given(streams())
@settings(max_examples=50)
def test_every_pair_keeps_the_content(source: Format, target: Format, case: tuple[Response, list[Event]]) -> None:
    response, events = case
    middle = list(read(source, written(source, events)))
    result = fold(read(target, written(target, middle)))
    if not any(isinstance(part, Refusal) for part in response.parts):
        assert texts(result) == texts(response)
        assert result.finish.reason == response.finish.reason
    assert "".join(texts(result)) == "".join(texts(response))
    assert [(part.name, arguments(part)) for part in calls(result)] == [(part.name, arguments(part)) for part in calls(response)]
    assert billed(result, source, target) == billed(response, source, target)


@SOURCE
@TARGET
@given(responses())
@settings(max_examples=50)
def test_bodies_keep_the_content_between_every_pair(source: Format, target: Format, response: Response) -> None:
    middle = source.decode_response(source.encode_response(response, REQUEST))
    result = target.decode_response(target.encode_response(middle, REQUEST))
    assert "".join(texts(result)) == "".join(texts(response))
    assert [(part.name, arguments(part)) for part in calls(result)] == [(part.name, arguments(part)) for part in calls(response)]
    assert billed(result, source, target) == billed(response, source, target)


def billed(response: Response, *formats: Format) -> Usage:
    """The tokens in the buckets that all of `formats` know: Gemini counts what a cache was written with among the rest of the prompt."""
    usage = evolve(response.usage, extras={})
    if any(format_.name == "gemini" for format_ in formats):
        return evolve(usage, input=(usage.input or 0) + (usage.cache_write or 0), cache_write=0)
    return usage


def texts(response: Response) -> list[str]:
    """The words the user sees, reasoning and the answer apart."""
    spoken = "".join(part.text for part in response.parts if isinstance(part, Text | Refusal))
    thought = "".join(part.text for part in response.parts if isinstance(part, Reasoning))
    return [thought, spoken]


def calls(response: Response) -> list[ToolCall]:
    return [part for part in response.parts if isinstance(part, ToolCall)]
