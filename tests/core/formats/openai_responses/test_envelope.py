"""The envelope: read without the rest, refused with the place."""

import json
from typing import Any

import pytest

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.formats.openai_responses import FORMAT
from ccproxy_cli.core.http import HTTPCall
from tests.core.formats.openai_responses.responses import body_of


def test_the_envelope_is_read_without_the_rest() -> None:
    envelope = FORMAT.peek(HTTPCall("POST", "", b'{"input": "a \\ud83d", "model": "m", "stream": true, "odd": [1.0]}'))
    assert (envelope.model, envelope.stream, envelope.members["odd"]) == ("m", True, b"[1.0]")
    assert FORMAT.peek(HTTPCall("POST", "", json.dumps({"model": "m", "previous_response_id": "resp_1"}).encode())).stream is False
    assert (
        FORMAT.peek(
            HTTPCall("POST", "", json.dumps(body_of({"role": "user", "content": "hi"}, {"type": "odd"}, tools=[{"type": "web"}])).encode())
        ).model
        == "m"
    )


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"input": "hi"}, "model"),
        (body_of(model=5), "model"),
        (body_of(model=""), "model"),
        ({"model": "m"}, "input"),
        ({"model": "m", "previous_response_id": None}, "input"),
        (body_of(input=5), "input"),
        (body_of("hi"), "input[0]"),
        (body_of({"type": 5}), "input[0].type"),
        (body_of(stream="yes"), "stream"),
        (body_of(tools=[{}]), "tools[0]"),
        (body_of(max_output_tokens=2**60), "max_output_tokens"),
        (body_of(temperature="warm"), "temperature"),
    ],
)
def test_a_bad_envelope_is_refused_with_the_place(body: Any, path: str) -> None:
    with pytest.raises(BadRequest) as caught:
        FORMAT.peek(HTTPCall("POST", "", json.dumps(body).encode()))
    assert caught.value.param is not None
    assert caught.value.param.replace("[]", "[0]") == path


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"model": "m", "input": "\xff"}'])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        FORMAT.peek(HTTPCall("POST", "", body))
