"""The envelope of a request."""

import json
from typing import Any

import pytest
from hypothesis import given

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.formats import Envelope
from ccproxy_cli.core.formats.openai_chat import FORMAT
from ccproxy_cli.core.http import HTTPCall
from tests.core.formats.openai_chat.chat import body_of, decode, looked_at
from tests.core.formats.openai_chat.test_request import REFUSED, REQUESTS


def peek(body: Any) -> Envelope:
    return looked_at(HTTPCall("POST", "", json.dumps(body).encode()))


def test_an_envelope_keeps_every_byte_of_every_member() -> None:
    messages = b'[{"role": "user", "content": [ {"type":"text","text":"\\u00e9"} ]}]'
    envelope = looked_at(HTTPCall("POST", "", b'{"model": "m", "messages": ' + messages + b', "stream": true, "x": 12345678901234567890 }'))
    assert (envelope.model, envelope.stream) == ("m", True)
    changed = envelope.with_members({"model": b'"n"'})
    assert changed == b'{"model":"n","messages":' + messages + b',"stream":true,"x":12345678901234567890}'


@pytest.mark.parametrize(("stream", "expected"), [(True, True), (False, False), (None, False)])
def test_streaming_is_a_switch(stream: bool | None, expected: bool) -> None:
    assert peek(body_of(stream=stream)).stream is expected


@given(REQUESTS)
def test_whatever_can_be_read_has_an_envelope(body: dict[str, Any]) -> None:
    envelope = peek(body)
    assert (envelope.model, envelope.stream) == (decode(body).model, bool(body.get("stream")))


LATER = ([{"role": "robot", "content": "hi"}], [{"role": "user"}], [{"role": "user", "content": None}])
"""Only whoever reads the whole request minds these."""
CHECKED = {"model", "messages", "messages[0]", "messages[0].role", "messages[0].content", "messages[0].content[0]", "stream"}
HERE = [case for case in REFUSED if case[1] in CHECKED and isinstance(case[0], dict) and case[0].get("messages") not in LATER]


@pytest.mark.parametrize(("body", "param"), HERE)
def test_what_every_request_must_have_is_checked_with_the_same_path(body: Any, param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        peek(body)
    assert caught.value.param == param


@pytest.mark.parametrize("body", [b"", b"[]", b"5", b"{", b'{"model": NaN}', b"\xff\xfe", b'{"model":' + b"[" * 100_000])
def test_what_is_no_object_is_a_bad_request(body: bytes) -> None:
    with pytest.raises(BadRequest):
        FORMAT.peek(HTTPCall("POST", "", body))
