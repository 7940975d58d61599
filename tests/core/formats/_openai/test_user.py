"""Who the end user is."""

import json
from typing import Any

import pytest

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import Format
from ccproxy_cli.core.formats._openai.user import alias
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.profile import Profile
from tests.core.formats._openai.both import BOTH

ASKED: dict[str, dict[str, Any]] = {"openai-chat": {"messages": [{"role": "user", "content": "hi"}]}, "openai-responses": {"input": "hi"}}


@BOTH
@pytest.mark.parametrize(
    ("said", "known"),
    [
        ({}, None),
        ({"user": "ann"}, "ann"),
        ({"safety_identifier": "ann"}, "ann"),
        ({"user": "a team", "safety_identifier": "ann"}, "ann"),
        ({"user": None, "safety_identifier": "ann"}, "ann"),
        ({"user": "ann", "safety_identifier": None}, "ann"),
    ],
)
def test_a_user_goes_by_either_name_and_keeps_it(format_: Format, said: dict[str, Any], known: str | None) -> None:
    body = {"model": "m", **ASKED[format_.name], **said}
    request = format_.decode_request(HTTPCall("POST", "/", json.dumps(body).encode()), Losses())
    assert request.user == known
    assert json.loads(format_.encode_request(request, Profile(), Losses()).body) == body


def test_a_user_is_known_again_but_not_by_name() -> None:
    assert alias(None) is None
    assert alias("ann@example.test") == alias("ann@example.test") != alias("ben@example.test")
    assert "ann" not in (alias("ann@example.test") or "")
