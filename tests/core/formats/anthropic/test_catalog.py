import json
from typing import Any

import pytest
from anthropic.types import ModelInfo as SDKModel

from ccproxy_cli.core.catalog import ModelInfo, TokenCount
from ccproxy_cli.core.errors import BadUpstream
from ccproxy_cli.core.formats.anthropic import FORMAT

LISTED: list[dict[str, Any]] = [
    {
        "type": "model",
        "id": "claude-x",
        "display_name": "Claude X",
        "created_at": "2026-02-04T00:00:00Z",
        "lifecycle": "active",
        "max_input_tokens": 200_000,
        "max_tokens": 64_000,
        "capabilities": {"image_input": {"supported": True}},
    },
    {
        "type": "model",
        "id": "claude-old",
        "display_name": "Claude Old",
        "created_at": "2024-02-29T10:11:12.345+02:00",
        "lifecycle": "retired",
    },
    {"type": "model", "id": "claude-odd", "display_name": "Claude Odd", "created_at": "long ago", "lifecycle": "active"},
]


def read(*models: dict[str, Any]) -> tuple[ModelInfo, ...]:
    return FORMAT.decode_models(json.dumps({"data": models, "has_more": False, "first_id": None, "last_id": None}).encode())


def test_models_are_asked_for_on_one_page() -> None:
    call = FORMAT.models_call()
    assert (call.method, call.path, call.query) == ("GET", "/v1/models", "limit=1000")
    assert call.headers["anthropic-version"]


def test_a_list_is_read_and_written_as_it_was() -> None:
    models = read(*LISTED)
    assert (models[0].id, models[0].display_name, models[0].created) == ("claude-x", "Claude X", 1_770_163_200)
    assert (models[0].context_window, models[0].max_output) == (200_000, 64_000)
    assert json.loads(FORMAT.encode_models(models)) == {"data": LISTED, "has_more": False, "first_id": "claude-x", "last_id": "claude-odd"}
    assert json.loads(FORMAT.encode_model(models[1])) == LISTED[1]


def test_models_of_others_are_listed_as_the_sdk_expects() -> None:
    entry = json.loads(FORMAT.encode_model(ModelInfo("gpt-x", created=1_700_000_000, owner="openai", extras={"openai-chat": {"x": 1}})))
    assert entry == {"type": "model", "id": "gpt-x", "display_name": "gpt-x", "created_at": "2023-11-14T22:13:20Z", "lifecycle": "active"}
    SDKModel.model_validate_json(json.dumps(entry), strict=True)
    assert json.loads(FORMAT.encode_models(())) == {"data": [], "has_more": False, "first_id": None, "last_id": None}


def test_a_count_is_read_and_written() -> None:
    assert FORMAT.decode_count is not None
    assert FORMAT.encode_count is not None
    body = b'{"input_tokens":12,"context_management":{"original_input_tokens":20}}'
    assert FORMAT.decode_count(body).input_tokens == 12
    assert json.loads(FORMAT.encode_count(FORMAT.decode_count(body))) == json.loads(body)
    assert json.loads(FORMAT.encode_count(TokenCount(7, estimated=True, extras={"x": {"y": 1}}))) == {"input_tokens": 7}


@pytest.mark.parametrize("body", [b"", b"[]", b'{"input_tokens":"5"}', b'{"data":{}}', b'{"data":[{}]}'])
def test_what_is_neither_is_the_upstreams_fault(body: bytes) -> None:
    assert FORMAT.decode_count is not None
    with pytest.raises(BadUpstream):
        FORMAT.decode_count(body)
    with pytest.raises(BadUpstream):
        FORMAT.decode_models(body)
