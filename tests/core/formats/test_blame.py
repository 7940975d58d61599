"""Whose fault a malformed message is."""

import pytest

from ccproxy_cli.core.errors import BadRequest, BadUpstream
from ccproxy_cli.core.formats._blame import Blame, blamed, parse


def test_a_client_is_told_the_field() -> None:
    error = blamed(BadRequest, "messages[0].role", "Field required")
    assert isinstance(error, BadRequest)
    assert (error.param, error.message) == ("messages[0].role", "messages[0].role: Field required")


def test_of_an_upstream_the_operator_is() -> None:
    error = blamed(BadUpstream, "output[0]", "expected an object")
    assert isinstance(error, BadUpstream)
    assert "upstream" in error.message
    assert "output[0]: expected an object" in error.message


@pytest.mark.parametrize("blame", [BadRequest, BadUpstream])
@pytest.mark.parametrize("body", [b"", b"{", b"NaN", b'{"a": "\xff"}', b"[" * 100_000])
def test_what_is_no_json_has_somebody_to_blame(blame: Blame, body: bytes) -> None:
    with pytest.raises(blame, match="not valid JSON"):
        parse(body, blame)


@pytest.mark.parametrize("blame", [BadRequest, BadUpstream])
def test_what_is_json_is_read(blame: Blame) -> None:
    assert parse(b'{"a": [1]}', blame) == {"a": [1]}
