import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.anthropic import FORMAT
from ccproxy_cli.core.http import HTTPCall
from tests.core.formats.anthropic.asking import body_of, peek
from tests.strategies import JSON_VALUES

USER = {"role": "user", "content": "hello"}


def test_an_envelope_holds_what_routing_needs_and_every_byte() -> None:
    body = b'{ "model":"claude-x", "stream":true,"messages":[ {"role":"user","content":"h\\u00e9 \\ud83d"} ],"new":{"a" : 1.0}}'
    envelope = peek(HTTPCall("POST", "", body))
    assert (envelope.model, envelope.stream) == ("claude-x", True)
    assert envelope.members["new"] == b'{"a" : 1.0}'
    assert json.loads(envelope.with_members({"model": b'"other"'}))["model"] == "other"


def test_no_stream_is_no_stream() -> None:
    for body in (body_of(), body_of(stream=False), body_of(stream=None), body_of(max_tokens=...)):
        assert peek(HTTPCall("POST", "", json.dumps(body).encode())).stream is False


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ([], None),
        ("x", None),
        (body_of(model=...), "model"),
        (body_of(model=""), "model"),
        (body_of(model=5), "model"),
        (body_of(messages=...), "messages"),
        (body_of(messages=[]), "messages"),
        (body_of(messages="x"), "messages"),
        (body_of(messages=["x"]), "messages[0]"),
        (body_of(messages=[USER, {"role": "user"}]), "messages[1].content"),
        (body_of(messages=[{"role": 5, "content": "a"}]), "messages[0].role"),
        (body_of(messages=[{"role": "user", "content": 5}]), "messages[0].content"),
        (body_of(messages=[{"role": "user", "content": None}]), "messages[0].content"),
        (body_of(messages=[{"role": "user", "content": ["x"]}]), "messages[0].content[0]"),
        (body_of(messages=[{"role": "user", "content": [{"text": "x"}]}]), "messages[0].content[0].type"),
        (body_of(messages=[{"role": "user", "content": [{"type": 5}]}]), "messages[0].content[0].type"),
        (body_of(max_tokens="5"), "max_tokens"),
        (body_of(max_tokens=-1), "max_tokens"),
        (body_of(max_tokens=True), "max_tokens"),
        (body_of(max_tokens=10**400), "max_tokens"),
        (body_of(stream="yes"), "stream"),
        (body_of(system=5), "system"),
        (body_of(tools={}), "tools"),
        (body_of(tools=[5]), "tools[0]"),
        (body_of(tool_choice="auto"), "tool_choice"),
        (body_of(thinking="on"), "thinking"),
        (body_of(temperature="hot"), "temperature"),
        (body_of(stop_sequences=[5]), "stop_sequences[0]"),
        (body_of(thread={"type": "create"}), "thread"),
    ],
    ids=lambda value: json.dumps(value)[:60],
)
def test_a_bad_shape_is_named_at_a_glance(body: object, param: str | None) -> None:
    with pytest.raises(BadRequest) as caught:
        peek(HTTPCall("POST", "", json.dumps(body).encode()))
    assert caught.value.param == param


@pytest.mark.parametrize("text", [b"", b"{", b"nul", b'{"model":NaN}', b'{"a":"\xff"}', b"[" * 100_000, b'{"a":' * 100_000])
def test_what_is_not_json_is_refused(text: bytes) -> None:
    with pytest.raises(BadRequest):
        peek(HTTPCall("POST", "", text))


@given(st.sampled_from(sorted({*body_of(), "stream", "system", "tools", "thinking", "top_k", "metadata"})), JSON_VALUES)
def test_a_glance_refuses_nothing_that_reading_takes(name: str, value: Any) -> None:
    data = json.dumps(body_of(**{name: value})).encode()
    try:
        FORMAT.decode_request(HTTPCall("POST", "/v1/messages", data), Losses())
    except BadRequest:
        return
    assert peek(HTTPCall("POST", "", data)).model
