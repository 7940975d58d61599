"""A Gemini server that stumbles over JSON Schema is asked again in the older dialect, once, and then always."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from attrs import evolve

from ccproxy_cli.backends.http import HTTPBackend
from ccproxy_cli.core.errors import UpstreamError
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.request import Output, OutputKind, Tool
from tests.backends.samples import ASKED
from tests.backends.test_http import backend_at, collected
from tests.raw_upstream import RawUpstream, Script, json_reply

SCHEMA = {"type": "object", "properties": {"n": {"type": ["integer", "null"], "exclusiveMinimum": 1}}, "additionalProperties": False}
ANSWER = {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hi."}]}, "finishReason": "STOP", "index": 0}]}
WITH_TOOL = evolve(ASKED, tools=(Tool("count", parameters=SCHEMA),))
WORDINGS = [
    "Invalid JSON payload received. Unknown name \"parametersJsonSchema\" at 'tools[0].function_declarations[0]': Cannot find field.",
    "* GenerateContentRequest.tools[0].function_declarations[0].parameters_json_schema: unsupported keyword exclusiveMinimum",
    "Invalid value at 'generation_config.response_json_schema'",
    "Proto field is not repeating, cannot start list.",
]


def refusal(message: str, status: int = 400) -> Script:
    return json_reply({"error": {"code": status, "message": message, "status": "INVALID_ARGUMENT"}}, status)


@pytest.fixture
async def upstream() -> AsyncIterator[RawUpstream]:
    async with RawUpstream() as upstream:
        yield upstream


@pytest.fixture
async def backend(upstream: RawUpstream) -> AsyncIterator[HTTPBackend]:
    made = backend_at(upstream.url, "gemini")
    yield made
    await made.aclose()


def declared(heard: Any) -> Any:
    return heard.json["tools"][0]["functionDeclarations"][0]


@pytest.mark.parametrize("wording", WORDINGS)
async def test_the_second_try_is_in_the_older_dialect_and_remembered(upstream: RawUpstream, backend: HTTPBackend, wording: str) -> None:
    upstream.will(refusal(wording), json_reply(ANSWER))
    for _ in range(2):
        await collected(await backend.send(WITH_TOOL, Losses()))
    first, second, third = upstream.heard
    assert "parametersJsonSchema" in declared(first)
    assert declared(second) == declared(third)
    assert "parametersJsonSchema" not in declared(second)
    assert declared(second)["parameters"]["type"] == "OBJECT"


async def test_another_model_is_asked_in_the_newer_dialect(upstream: RawUpstream, backend: HTTPBackend) -> None:
    upstream.will(refusal(WORDINGS[0]), json_reply(ANSWER))
    await collected(await backend.send(WITH_TOOL, Losses()))
    await collected(await backend.send(evolve(WITH_TOOL, model="another"), Losses()))
    assert "parametersJsonSchema" in declared(upstream.heard[-1])


async def test_the_shape_of_the_answer_is_told_in_the_older_dialect_too(upstream: RawUpstream, backend: HTTPBackend) -> None:
    upstream.will(refusal(WORDINGS[2]), json_reply(ANSWER))
    await collected(await backend.send(evolve(ASKED, output=Output(OutputKind.JSON_SCHEMA, SCHEMA)), Losses()))
    first, second = (heard.json["generationConfig"] for heard in upstream.heard)
    assert "responseJsonSchema" in first
    assert "responseJsonSchema" not in second
    assert second["responseSchema"]["type"] == "OBJECT"


@pytest.mark.parametrize(
    ("request_", "message", "status"),
    [
        (ASKED, WORDINGS[0], 400),
        (WITH_TOOL, "Please use a valid role: user, model.", 400),
        (WITH_TOOL, WORDINGS[0], 500),
    ],
    ids=["nothing to say otherwise", "about something else", "no refusal"],
)
async def test_nothing_is_tried_twice_without_a_reason(
    upstream: RawUpstream, backend: HTTPBackend, request_: Any, message: str, status: int
) -> None:
    upstream.will(refusal(message, status))
    with pytest.raises(UpstreamError):
        await backend.send(request_, Losses())
    assert len(upstream.heard) == 1


async def test_a_second_refusal_is_told_and_nothing_is_remembered(upstream: RawUpstream, backend: HTTPBackend) -> None:
    upstream.will(refusal(WORDINGS[0]), refusal('Unknown name "nullable"'), json_reply(ANSWER))
    with pytest.raises(UpstreamError, match="nullable"):
        await backend.send(WITH_TOOL, Losses())
    await collected(await backend.send(WITH_TOOL, Losses()))
    assert "parametersJsonSchema" in declared(upstream.heard[2])


async def test_a_client_of_the_format_hears_of_its_own_schema(upstream: RawUpstream, backend: HTTPBackend) -> None:
    body = (
        b'{"contents":[{"role":"user","parts":[{"text":"hi"}]}],"tools":[{"functionDeclarations":'
        b'[{"name":"f","parametersJsonSchema":{"type":"object","properties":{"a":{"const":1}}}}]}]}'
    )
    asked = FORMATS["gemini"].decode_request(HTTPCall("POST", "/models/m:generateContent", body), Losses())
    upstream.will(refusal(WORDINGS[0]))
    with pytest.raises(UpstreamError):
        await backend.send(asked, Losses())
    assert len(upstream.heard) == 1
