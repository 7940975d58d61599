"""Recorded traffic of the vendor: read and written again it is unchanged, and streams amount to what the official SDK makes of them."""

import json
from typing import Any

import pytest
from anthropic._models import construct_type
from anthropic.lib.streaming._beta_messages import accumulate_event
from anthropic.types.beta import BetaMessage, BetaRawMessageStreamEvent
from httpx2 import Headers

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.anthropic import FORMAT
from ccproxy_cli.core.framing import SSEDecoder
from ccproxy_cli.core.http import HTTPCall, HTTPReply
from ccproxy_cli.core.parts import Text
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import Message, Request, Role
from ccproxy_cli.core.response import Response
from ccproxy_cli.core.stream import explode, fold
from tests.core.formats.anthropic.asking import peek
from tests.corpus.entries import Entry, entries, needs_corpus

pytestmark = [needs_corpus, pytest.mark.corpus]

REFUSED_BY_THE_VENDOR_TOO = {"Mirascope.mirascope__empty-call_anthropic_handles-empty-string-content__0": "messages[0].content"}
"""Requests that we answer ourselves as the vendor did, with the field we name."""
ANY_REQUEST = Request("m", (Message(Role.USER, (Text("hi"),)),))

MESSAGES = entries("anthropic", "messages")
REQUESTS = [entry for entry in MESSAGES if entry.request is not None]
COUNTS = entries("anthropic", "count_tokens")
BODIES = [entry for entry in MESSAGES if entry.ok and entry.response is not None]
STREAMS = [entry for entry in MESSAGES if entry.ok and entry.stream is not None]
ERRORS = [entry for entry in (*MESSAGES, *COUNTS) if not entry.ok]


def each(found: list[Entry]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("entry", found, ids=lambda entry: entry.name)


def call(entry: Entry, path: str) -> HTTPCall:
    headers = {name.lower(): value for name, value in entry.meta.get("request_headers", {}).items()}
    return HTTPCall("POST", path, entry.request or b"", headers)


@each(REQUESTS)
def test_a_request_is_written_as_it_was_read(entry: Entry) -> None:
    original = call(entry, "/v1/messages")
    peek(original) if entry.name not in REFUSED_BY_THE_VENDOR_TOO else None
    losses = Losses()
    try:
        request = FORMAT.decode_request(original, losses)
    except BadRequest as error:
        assert error.param == REFUSED_BY_THE_VENDOR_TOO[entry.name]  # noqa: PT017 - any other refusal is a KeyError here
        return
    again = FORMAT.encode_request(request, Profile(), losses)
    assert json.loads(again.body) == json.loads(original.body)
    assert {name: again.headers[name] for name in original.headers if name.startswith("anthropic-")} == {
        name: value for name, value in original.headers.items() if name in ("anthropic-version", "anthropic-beta")
    }
    assert not list(losses)


@each(COUNTS)
def test_a_count_is_written_as_it_was_read(entry: Entry) -> None:
    assert FORMAT.decode_count_request is not None
    assert FORMAT.encode_count_request is not None
    assert FORMAT.decode_count is not None
    assert FORMAT.encode_count is not None
    request = FORMAT.decode_count_request(call(entry, "/v1/messages/count_tokens"), Losses())
    assert json.loads(FORMAT.encode_count_request(request, Profile(), Losses()).body) == json.loads(entry.request or b"")
    if entry.ok:
        assert json.loads(FORMAT.encode_count(FORMAT.decode_count(entry.response or b""))) == json.loads(entry.response or b"")


@each(BODIES)
def test_a_body_is_written_as_it_was_read(entry: Entry) -> None:
    assert entry.response is not None
    response = FORMAT.decode_response(entry.response)
    assert json.loads(FORMAT.encode_response(response, ANY_REQUEST)) == json.loads(entry.response)


@each(BODIES)
def test_a_body_streams_to_itself(entry: Entry) -> None:
    assert entry.response is not None
    response = FORMAT.decode_response(entry.response)
    encoder = FORMAT.stream_encoder(ANY_REQUEST)
    data = b"".join(encoder.encode(event) for event in explode(response))
    assert body(folded(data)) == body(response)


@each(STREAMS)
def test_a_stream_amounts_to_what_the_official_sdk_makes_of_it(entry: Entry) -> None:
    assert entry.stream is not None
    assert seen_by_sdk(body(folded(entry.stream))) == accumulated(entry.stream)


@each(STREAMS)
def test_a_stream_written_again_amounts_to_the_same(entry: Entry) -> None:
    assert entry.stream is not None
    decoder, encoder = FORMAT.stream_decoder(), FORMAT.stream_encoder(ANY_REQUEST)
    again = b"".join(encoder.encode(event) for event in [*decoder.feed(entry.stream), *decoder.close()])
    assert accumulated(again) == accumulated(entry.stream)
    assert folded(again) == folded(entry.stream)


@each(ERRORS)
def test_an_error_is_written_as_it_was_read(entry: Entry) -> None:
    assert entry.response is not None
    error = FORMAT.decode_error(HTTPReply(entry.meta["status"], entry.response, entry.meta.get("response_headers", {})))
    reply = FORMAT.encode_error(error, "")
    assert reply.status == entry.meta["status"]
    assert {"request_id": error.request_id, **json.loads(entry.response)} == {"request_id": None, **json.loads(reply.body)}


def folded(data: bytes) -> Response:
    decoder = FORMAT.stream_decoder()
    return fold([*decoder.feed(data), *decoder.close()])


def body(response: Response) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(FORMAT.encode_response(response, ANY_REQUEST))
    return value


def accumulated(data: bytes) -> dict[str, Any]:
    """What the SDK's own accumulator makes of a stream, as plain values."""
    message, pieces = None, dict[int, bytes]()
    decoder = SSEDecoder()
    for frame in (*decoder.feed(data), *decoder.close()):
        event = json.loads(frame.data)
        if event["type"] != "ping":
            parsed: Any = construct_type(type_=BetaRawMessageStreamEvent, value=event)
            message = accumulate_event(event=parsed, current_snapshot=message, json_bufs=pieces, request_headers=Headers())
    assert message is not None
    return plain(message)


def seen_by_sdk(value: dict[str, Any]) -> dict[str, Any]:
    parsed: Any = construct_type(type_=BetaMessage, value=value)
    return plain(parsed)


def plain(message: Any) -> dict[str, Any]:
    """Without the one thing the accumulator drops: the counts of single iterations, which only the last event gives."""
    value: dict[str, Any] = json.loads(message.to_json())
    value["usage"].pop("iterations", None)
    return {name: member for name, member in value.items() if member is not None}
