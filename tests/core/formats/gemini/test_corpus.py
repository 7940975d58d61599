"""Recorded traffic of the vendor: read and written again it is unchanged, and streams amount to what the official SDK makes of them."""

import json
from typing import Any

import pytest

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.gemini import FORMAT
from ccproxy_cli.core.http import HTTPCall, HTTPReply
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.response import Response
from ccproxy_cli.core.stream import explode, fold
from tests.core.formats.gemini.asking import FOREIGN, events_of, streamed
from tests.core.formats.gemini.sdk import merged, read_body, read_stream
from tests.corpus.entries import ROOT, Entry, needs_corpus

pytestmark = [needs_corpus, pytest.mark.corpus]

ENTRIES = [] if ROOT is None else [Entry("gemini", path) for path in sorted((ROOT / "gemini").iterdir())]
GENERATED = [entry for entry in ENTRIES if entry.meta["endpoint"] in ("generateContent", "streamGenerateContent")]
REQUESTS = [entry for entry in GENERATED if entry.request is not None]
COUNTS = [entry for entry in ENTRIES if entry.meta["endpoint"] == "countTokens"]
ARRAYS = [entry for entry in GENERATED if entry.meta["framing"] == "json_array"]
BODIES = [entry for entry in GENERATED if entry.ok and entry.response is not None and entry not in ARRAYS]
STREAMS = [entry for entry in GENERATED if entry.ok and entry.stream is not None]
ERRORS = [entry for entry in (*GENERATED, *COUNTS) if not entry.ok]


def each(entries: list[Entry]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("entry", entries, ids=[entry.name for entry in entries])


def call(entry: Entry) -> HTTPCall:
    path, _, query = entry.meta["url"].partition("/models/")[2].partition("?")
    return HTTPCall("POST", f"/models/{path.rpartition('/models/')[2]}", entry.request or b"", query=query)


@each(REQUESTS)
def test_a_request_is_written_as_it_was_read(entry: Entry) -> None:
    original, losses = call(entry), Losses()
    assert FORMAT.peek(original).stream == entry.meta["streaming"]
    again = FORMAT.encode_request(FORMAT.decode_request(original, losses), Profile(call_signatures=True, max_output=1), losses)
    assert json.loads(again.body) == json.loads(original.body)
    assert again.path == original.path
    assert not list(losses)


@each(COUNTS)
def test_a_count_is_written_as_it_was_read(entry: Entry) -> None:
    assert FORMAT.decode_count_request is not None
    assert FORMAT.encode_count_request is not None
    assert FORMAT.decode_count is not None
    assert FORMAT.encode_count is not None
    request = FORMAT.decode_count_request(call(entry), Losses())
    assert json.loads(FORMAT.encode_count_request(request, Profile(), Losses()).body) == json.loads(entry.request or b"")
    if entry.ok:
        assert json.loads(FORMAT.encode_count(FORMAT.decode_count(entry.response or b""))) == json.loads(entry.response or b"")


@each(BODIES)
def test_a_body_is_written_as_it_was_read_and_streams_to_itself(entry: Entry) -> None:
    assert entry.response is not None
    response = FORMAT.decode_response(entry.response)
    assert body(response) == json.loads(entry.response)
    assert body(fold(events_of(streamed(explode(response))))) == json.loads(entry.response)


@each([*STREAMS, *ARRAYS])
def test_a_stream_written_again_amounts_to_the_same(entry: Entry) -> None:
    data = entry.stream or entry.response
    assert data is not None
    events = events_of(data)
    assert events_of(data, range(0, len(data), 7)) == events
    assert fold(events_of(streamed(events))) == fold(events)


@each(ARRAYS)
def test_an_array_that_comes_whole_is_the_same_answer(entry: Entry) -> None:
    assert entry.response is not None
    assert FORMAT.decode_response(entry.response) == fold(events_of(entry.response))


@each([entry for entry in STREAMS if b"FAKE_" not in (entry.stream or b"")])
def test_a_stream_amounts_to_what_the_official_sdk_makes_of_it(entry: Entry) -> None:
    assert entry.stream is not None
    seen = merged(read_stream(entry.stream))
    response = fold(events_of(entry.stream))
    assert merged([read_body(FORMAT.encode_response(response, FOREIGN))]) == seen
    assert merged(read_stream(streamed(events_of(entry.stream)))) == seen


@each(ERRORS)
def test_an_error_is_written_as_it_was_read(entry: Entry) -> None:
    assert entry.response is not None
    reply = FORMAT.encode_error(FORMAT.decode_error(HTTPReply(entry.meta["status"], entry.response)), "")
    assert reply.status == entry.meta["status"]
    assert json.loads(reply.body) == json.loads(entry.response)


def test_the_model_list_is_written_as_it_was_read() -> None:
    (entry,) = [entry for entry in ENTRIES if entry.meta["endpoint"] == "models"]
    assert entry.response is not None
    assert json.loads(FORMAT.encode_models(FORMAT.decode_models(entry.response))) == json.loads(entry.response)


def body(response: Response) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(FORMAT.encode_response(response, FOREIGN))
    return value
