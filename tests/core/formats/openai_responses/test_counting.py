"""Token counts."""

import json

import pytest

from ccproxy_cli.core.catalog import TokenCount
from ccproxy_cli.core.errors import BadUpstream
from ccproxy_cli.core.formats.openai_responses import FORMAT


def test_tokens_are_counted() -> None:
    assert FORMAT.decode_count is not None
    assert FORMAT.encode_count is not None
    body = {"object": "response.input_tokens", "input_tokens": 11}
    assert FORMAT.decode_count(json.dumps(body).encode()).input_tokens == 11
    assert json.loads(FORMAT.encode_count(TokenCount(11, estimated=True))) == body
    for wrong in (b"", b"{}", b'{"input_tokens": true}', b'{"input_tokens": -1}'):
        with pytest.raises(BadUpstream):
            FORMAT.decode_count(wrong)
