"""Model lists and token counts."""

import json

import pytest

from ccproxy_cli.core.catalog import ModelInfo, TokenCount
from ccproxy_cli.core.errors import BadUpstream
from ccproxy_cli.core.formats.openai_responses import FORMAT


def test_models_are_listed() -> None:
    listed = (
        b'{"object": "list", "data": [{"id": "a", "object": "model", "created": 5, "owned_by": "x", "context_length": 9}, {"id": "b"}]}'
    )
    models = FORMAT.decode_models(listed)
    assert [(model.id, model.created, model.owner, model.context_window) for model in models] == [("a", 5, "x", 9), ("b", None, None, None)]
    assert json.loads(FORMAT.encode_models(models))["data"] == [
        {"id": "a", "object": "model", "created": 5, "owned_by": "x", "context_length": 9},
        {"id": "b", "object": "model", "created": 0, "owned_by": ""},
    ]
    assert json.loads(FORMAT.encode_model(ModelInfo("c")))["id"] == "c"
    assert (FORMAT.models_call().method, FORMAT.models_call().path) == ("GET", "/models")


@pytest.mark.parametrize("body", [b"", b"[]", b'{"data": [{}]}'])
def test_what_is_no_list_is_the_upstreams_fault(body: bytes) -> None:
    with pytest.raises(BadUpstream):
        FORMAT.decode_models(body)


def test_tokens_are_counted() -> None:
    assert FORMAT.decode_count is not None
    assert FORMAT.encode_count is not None
    body = {"object": "response.input_tokens", "input_tokens": 11}
    assert FORMAT.decode_count(json.dumps(body).encode()).input_tokens == 11
    assert json.loads(FORMAT.encode_count(TokenCount(11, estimated=True))) == body
    for wrong in (b"", b"{}", b'{"input_tokens": true}', b'{"input_tokens": -1}'):
        with pytest.raises(BadUpstream):
            FORMAT.decode_count(wrong)
