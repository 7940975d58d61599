"""Whatever one vendor streams, calls woven into one another and all, every other vendor's own SDK puts together to the same answer."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ccproxy_cli.core.events import Event
from ccproxy_cli.core.formats import Format
from ccproxy_cli.core.response import Response
from ccproxy_cli.core.stream import in_order
from tests.core.test_laws import REQUEST, SOURCE, TARGET, read, written
from tests.corpus.sdk_readings import read_body, read_stream, said
from tests.strategies import responses, streams


@SOURCE
@TARGET
@given(streams(), st.booleans())
@settings(max_examples=15, deadline=None)
def test_a_stream_of_any_vendor_is_read_by_the_sdk_of_any_other(
    source: Format, target: Format, case: tuple[Response, list[Event]], woven: bool
) -> None:
    response, events = case
    data = written(source, events if woven else list(in_order(events)))
    assert read_stream(target.name, written(target, list(read(source, data)))) == said(response)


@TARGET
@given(streams())
@settings(max_examples=30, deadline=None)
def test_events_in_any_legal_order_are_read_as_the_answer_itself(target: Format, case: tuple[Response, list[Event]]) -> None:
    response, events = case
    assert read_stream(target.name, written(target, events)) == said(response)


@SOURCE
@TARGET
@given(responses())
@settings(max_examples=15, deadline=None)
def test_an_answer_of_any_vendor_is_read_by_the_sdk_of_any_other(source: Format, target: Format, response: Response) -> None:
    answer = source.decode_response(_body(source, response))
    assert read_body(target.name, _body(target, answer)) == said(response)


def _body(format_: Format, response: Response) -> bytes:
    return format_.encode_response(response, REQUEST)
