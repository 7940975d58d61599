"""Model lists and token counts, both ways."""

import json

import pytest
from google.genai import types as sdk

from ccproxy_cli.core.catalog import ModelInfo, TokenCount
from ccproxy_cli.core.errors import BadUpstream
from ccproxy_cli.core.formats.gemini import FORMAT

LIST = {
    "models": [
        {"name": "models/g-1", "displayName": "G 1", "inputTokenLimit": 10, "outputTokenLimit": 5, "version": "001", "thinking": True},
        {"name": "tunedModels/t", "supportedGenerationMethods": ["generateContent"]},
    ]
}


def test_a_list_is_written_as_it_was_read() -> None:
    models = FORMAT.decode_models(json.dumps(LIST).encode())
    assert [(model.id, model.display_name, model.context_window, model.max_output) for model in models] == [
        ("g-1", "G 1", 10, 5),
        ("tunedModels/t", None, None, None),
    ]
    assert json.loads(FORMAT.encode_models(models[:1])) == {"models": LIST["models"][:1]}
    assert (FORMAT.models_call().path, FORMAT.models_call().query) == ("/models", "pageSize=1000")


def test_a_foreign_model_is_what_the_official_sdk_expects() -> None:
    entry = json.loads(FORMAT.encode_model(ModelInfo("claude-x", created=1, owner="anthropic", max_output=5)))
    assert entry["name"] == "models/claude-x"
    assert entry["supportedGenerationMethods"] == ["generateContent", "streamGenerateContent", "countTokens"]
    model = sdk.Model.model_validate({name: value for name, value in entry.items() if name != "supportedGenerationMethods"})
    assert (model.display_name, model.output_token_limit) == ("claude-x", 5)
    assert "nextPageToken" not in json.loads(FORMAT.encode_models((ModelInfo("a"), ModelInfo("b"))))


def test_counts() -> None:
    assert FORMAT.decode_count is not None
    assert FORMAT.encode_count is not None
    body = {"totalTokens": 7, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 7}]}
    count = FORMAT.decode_count(json.dumps(body).encode())
    assert count.input_tokens == 7
    assert json.loads(FORMAT.encode_count(count)) == body
    assert json.loads(FORMAT.encode_count(TokenCount(3, estimated=True))) == {"totalTokens": 3}


@pytest.mark.parametrize("body", [b"", b"[]", b'{"models": 3}', b'{"models": [{}]}'])
def test_what_is_no_list_is_the_upstreams_fault(body: bytes) -> None:
    with pytest.raises(BadUpstream):
        FORMAT.decode_models(body)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"totalTokens": "x"}'])
def test_what_is_no_count_is_the_upstreams_fault(body: bytes) -> None:
    assert FORMAT.decode_count is not None
    with pytest.raises(BadUpstream):
        FORMAT.decode_count(body)
