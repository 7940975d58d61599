"""What routing reads of a call, and what it changes."""

import pytest

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.formats.gemini.envelope import path_of, peek, split_path
from ccproxy_cli.core.http import HTTPCall

BODY = b'{"contents": [ {"parts":[{"text":"\xc3\xa9"}]} ], "x": 1.50}'


def call(path: str, body: bytes = BODY, query: str = "") -> HTTPCall:
    return HTTPCall("POST", path, body, query=query)


@pytest.mark.parametrize(
    ("path", "model", "stream"),
    [
        ("/models/g-1:generateContent", "g-1", False),
        ("/models/g-1:streamGenerateContent", "g-1", True),
        ("/models/openrouter/x/y:8b:streamGenerateContent", "openrouter/x/y:8b", True),
        ("/publishers/google/models/g:generateContent", "publishers/google/models/g", False),
        ("/tunedModels/t:countTokens", "tunedModels/t", False),
    ],
)
def test_the_path_tells_model_and_stream(path: str, model: str, stream: bool) -> None:
    envelope = peek(call(path))
    assert (envelope.model, envelope.stream) == (model, stream)
    assert path_of(model, split_path(path)[1]) == path


def test_another_model_changes_the_path_alone() -> None:
    original = call("/models/mine:streamGenerateContent", query="alt=sse")
    changed = peek(original).for_model(original, "gemini-x")
    assert changed == HTTPCall("POST", "/models/gemini-x:streamGenerateContent", BODY, query="alt=sse")
    with pytest.raises(BadRequest):
        peek(original).for_model(original, "../x")


@pytest.mark.parametrize(
    "path", ["/models", "/models/x", "/models/:generateContent", "/models/a b:generateContent", "/models/../x:generateContent", "", "/"]
)
def test_a_path_that_names_no_model(path: str) -> None:
    with pytest.raises(BadRequest) as caught:
        peek(call(path))
    assert caught.value.kind.status == 404


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"contents": 3}', b'{"contents": "hi"}', b'{"contents": null}', b"\xff{}"])
def test_a_body_that_is_no_request(body: bytes) -> None:
    with pytest.raises(BadRequest):
        peek(call("/models/g:generateContent", body))


def test_a_count_may_hold_a_whole_request() -> None:
    assert peek(call("/models/g:countTokens", b'{"generateContentRequest": {}}')).model == "g"
