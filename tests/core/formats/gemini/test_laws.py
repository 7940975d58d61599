"""Laws that hold for any answer: a stream says what the body says, however it is cut, and nothing of it is lost."""

import json

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.errors import BadUpstream, UpstreamError
from ccproxy_cli.core.events import Event
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.gemini import FORMAT
from ccproxy_cli.core.parts import Reasoning, Refusal, Text, ToolCall
from ccproxy_cli.core.response import Response, Usage
from ccproxy_cli.core.stream import fold, in_order
from tests.core.formats.gemini.asking import FOREIGN, STREAM_PATH, body_of, call_of, events_of, streamed
from tests.strategies import responses, streams

ARRAY = FORMAT.decode_request(call_of(body_of(), STREAM_PATH), Losses())
CUTS = st.lists(st.integers(0, 10**6), max_size=6)


def said(response: Response) -> tuple[object, ...]:
    """What this format can say of a response: a refusal's words are words, and what was written to a cache counts as input."""
    words = "".join(part.text for part in response.parts if isinstance(part, Text | Refusal))
    thoughts = "".join(part.text for part in response.parts if isinstance(part, Reasoning))
    calls = [(part.call_id, part.name, json.loads(part.arguments or "{}")) for part in response.parts if isinstance(part, ToolCall)]
    usage = response.usage
    folded = Usage((usage.input or 0) + (usage.cache_write or 0), usage.cache_read, None, usage.output, usage.reasoning)
    return words, thoughts, calls, response.finish.reason, folded, response.id, response.model


@given(streams(), CUTS, st.sampled_from([FOREIGN, ARRAY]))
def test_a_stream_says_what_the_body_says_however_it_is_cut(case: tuple[Response, list[Event]], cuts: list[int], request: object) -> None:
    response, events = case
    asked = ARRAY if request is ARRAY else FOREIGN
    by_stream = fold(events_of(streamed(in_order(events), asked), cuts))
    by_body = FORMAT.decode_response(FORMAT.encode_response(response, FOREIGN))
    assert said(by_stream) == said(by_body) == said(response)


@given(streams(), st.sampled_from([FOREIGN, ARRAY]), st.integers(0, 10**6))
def test_half_a_stream_is_never_a_whole_answer(case: tuple[Response, list[Event]], request: object, cut: int) -> None:
    response, events = case
    data = streamed(in_order(events), ARRAY if request is ARRAY else FOREIGN)
    try:
        got = fold(events_of(data[: cut % len(data)]))
    except (BadUpstream, UpstreamError):
        return
    assert said(got) == said(response)


@given(responses())
def test_a_body_read_again_is_written_the_same(response: Response) -> None:
    body = FORMAT.encode_response(response, FOREIGN)
    again = FORMAT.decode_response(body)
    assert json.loads(FORMAT.encode_response(again, FOREIGN)) == json.loads(body)
    assert evolve(again, extras={}).finish.raw is not None
