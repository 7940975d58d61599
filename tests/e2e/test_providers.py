"""Providers with ways of their own, through a real server and the vendors' SDKs: Azure's paths, several keys, lasting lessons."""

import json
from collections.abc import AsyncIterator
from typing import Any

import anthropic
import openai
import pytest

from tests.backends.samples import CHAT_BODY
from tests.e2e.conftest import Machine, Served
from tests.raw_upstream import Heard, RawUpstream, json_reply

KEYS = {"FIRST_KEY": "first-key-0123456789", "SECOND_KEY": "second-key-0123456789"}
TOOL = {"name": "look", "input_schema": {"type": "object", "properties": {}}}


@pytest.fixture
async def upstream() -> AsyncIterator[RawUpstream]:
    async with RawUpstream() as upstream:
        yield upstream


def azure(upstream: RawUpstream) -> str:
    return f"""
        [providers.work]
        preset = "azure-deployments"
        base_url = "{upstream.url}"
        api_key = ["env:FIRST_KEY", "env:SECOND_KEY"]
        headers = {{ X-Team = "blue" }}
        query = {{ api-version = "2025-01-01" }}
        models = ["my-deployment"]
    """


async def asked(served: Served, **more: Any) -> Any:
    async with anthropic.AsyncAnthropic(base_url=served.url, api_key="any", max_retries=0) as client:
        said: Any = {"max_tokens": 99, "messages": [{"role": "user", "content": "Hi"}], "tools": [TOOL], **more}
        return await client.messages.with_raw_response.create(model="work/my-deployment", **said)


async def test_azure_is_called_as_azure_wants(machine: Machine, upstream: RawUpstream) -> None:
    upstream.will(json_reply(CHAT_BODY))
    with machine.serve(azure(upstream), **KEYS) as served:
        await asked(served)
        async with openai.AsyncOpenAI(base_url=f"{served.url}/v1", api_key="any", max_retries=0) as client:
            await client.chat.completions.create(model="work/my-deployment", messages=[{"role": "user", "content": "Hi"}])
            assert "my-deployment" in [model.id async for model in client.models.list()]
    translated, relayed = upstream.heard
    assert translated.path == relayed.path == "/openai/deployments/my-deployment/chat/completions?api-version=2025-01-01"
    assert [heard.headers["api-key"] for heard in upstream.heard] == list(KEYS.values())
    assert [heard.headers["x-team"] for heard in upstream.heard] == ["blue", "blue"]


async def test_a_limited_key_rests_and_the_client_does_not_notice(machine: Machine, upstream: RawUpstream) -> None:
    async def limit_the_first(heard: Heard) -> None:
        limited = heard.headers["api-key"] == KEYS["FIRST_KEY"]
        refusal = {"error": {"message": "too many", "code": "rate_limit_exceeded"}}
        await (json_reply(refusal, 429, retry_after="60") if limited else json_reply(CHAT_BODY))(heard)

    upstream.will(limit_the_first)
    with machine.serve(azure(upstream), **KEYS) as served:
        for _ in range(3):
            assert (await (await asked(served)).parse()).content[0].text
        log = served.stderr.read_text()
    assert [heard.headers["api-key"] for heard in upstream.heard].count(KEYS["FIRST_KEY"]) == 1
    assert not [key for key in KEYS.values() if key in log]


async def test_what_a_refusal_taught_outlives_the_server(machine: Machine, upstream: RawUpstream) -> None:
    async def refuse_users(heard: Heard) -> None:
        refusal = {"error": {"message": "Unrecognized request argument supplied: user", "type": "invalid_request_error"}}
        await (json_reply(refusal, 400) if "user" in heard.json else json_reply(CHAT_BODY))(heard)

    upstream.will(refuse_users)
    with machine.serve(azure(upstream), **KEYS) as served:
        first = await asked(served, metadata={"user_id": "u"})
        again = await asked(served, metadata={"user_id": "u"})
    with machine.serve(azure(upstream), **KEYS) as served:
        later = await asked(served, metadata={"user_id": "u"})
    assert ["user" in heard.json for heard in upstream.heard] == [True, False, False, False]
    assert {reply.headers["x-ccproxy-losses"] for reply in (first, again, later)} == {"user"}
    assert json.loads(await later.text())["content"][0]["type"] == "text"
