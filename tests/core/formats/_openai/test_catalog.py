"""Model lists, both ways."""

import json
from typing import Any

import pytest

from ccproxy_cli.core.catalog import ModelInfo
from ccproxy_cli.core.errors import BadUpstream
from ccproxy_cli.core.formats import Format
from tests.core.formats._openai.both import BOTH

LISTED = {
    "object": "list",
    "data": [
        {"id": "gpt-1", "object": "model", "created": 5, "owned_by": "openai"},
        {"id": "llama", "object": "model", "created": 6, "owned_by": "meta", "context_window": 8192, "max_completion_tokens": 1024},
    ],
}


def read(format_: Format, value: Any) -> tuple[ModelInfo, ...]:
    return format_.decode_models(json.dumps(value).encode())


@BOTH
def test_a_list_is_written_as_it_was_read(format_: Format) -> None:
    models = read(format_, LISTED)
    assert [(m.id, m.created, m.owner, m.context_window, m.max_output) for m in models] == [
        ("gpt-1", 5, "openai", None, None),
        ("llama", 6, "meta", 8192, 1024),
    ]
    assert json.loads(format_.encode_models(models)) == LISTED
    assert json.loads(format_.encode_model(models[1])) == LISTED["data"][1]


@BOTH
def test_what_compatible_servers_list_is_understood(format_: Format) -> None:
    (openrouter,) = read(format_, {"data": [{"id": "a/b", "name": "A: B", "created": 5, "context_length": 100}]})
    assert (openrouter.display_name, openrouter.context_window) == ("A: B", 100)
    (together,) = read(format_, [{"id": "a/b", "object": "model", "created": 0}])
    assert together.id == "a/b"


@BOTH
def test_models_of_others_have_every_member_that_clients_require(format_: Format) -> None:
    written = json.loads(format_.encode_model(ModelInfo("claude", display_name="Claude", extras={"anthropic": {"type": "model"}})))
    assert written == {"id": "claude", "object": "model", "created": 0, "owned_by": ""}


@BOTH
def test_the_list_is_asked_for(format_: Format) -> None:
    assert (format_.models_call().method, format_.models_call().path) == ("GET", "/models")


@BOTH
@pytest.mark.parametrize("body", [b"", b"5", b"{}", b'{"data": [{"name": "x"}]}', b'{"data": {}}', b"<html>"])
def test_what_is_no_list_is_the_upstreams_fault(format_: Format, body: bytes) -> None:
    with pytest.raises(BadUpstream):
        format_.decode_models(body)
