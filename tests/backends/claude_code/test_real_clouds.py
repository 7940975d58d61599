"""The real CLI on a cloud's models: the conversation arrives exactly, whoever bills for it."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from ccproxy_cli.core.errors import ErrorKind, UpstreamError
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.parts import Text
from ccproxy_cli.core.request import Message, Role, Sampling
from tests.backends.claude_code.conftest import Make, fetch, say
from tests.fake_anthropic import FakeAnthropic

pytestmark = pytest.mark.real_cli

CLOUDS = {
    "bedrock": {"CLAUDE_CODE_USE_BEDROCK": "1", "CLAUDE_CODE_SKIP_BEDROCK_AUTH": "1", "AWS_REGION": "us-east-1"},
    "vertex": {
        "CLAUDE_CODE_USE_VERTEX": "1",
        "CLAUDE_CODE_SKIP_VERTEX_AUTH": "1",
        "CLOUD_ML_REGION": "us-east5",
        "ANTHROPIC_VERTEX_PROJECT_ID": "mine",
    },
}
FOUNDRY = {"CLAUDE_CODE_USE_FOUNDRY": "1", "ANTHROPIC_FOUNDRY_API_KEY": "made-up"}
NO_KEY = {"ANTHROPIC_API_KEY": None, "ANTHROPIC_BASE_URL": None}
TALK = ("one", Message(Role.ASSISTANT, (Text("two"),)), "three")


class Cloud:
    """Refuses whatever it is asked, and remembers it."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        if body := await request.read():
            self.calls.append((request.path, json.loads(body)))
        return web.json_response({"message": "not today"}, status=400)


@pytest.fixture
async def cloud() -> AsyncIterator[Cloud]:
    made = Cloud()
    application = web.Application()
    application.router.add_route("*", "/{rest:.*}", made.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


def spoken(body: dict[str, Any]) -> list[tuple[str, str]]:
    return [(message["role"], "".join(block["text"] for block in message["content"])) for message in body["messages"]]


@pytest.mark.parametrize("name", CLOUDS)
async def test_nothing_is_added_and_nothing_lost_on_a_cloud(make: Make, cloud: Cloud, name: str) -> None:
    base = {f"ANTHROPIC_{name.upper()}_BASE_URL": cloud.url}
    backend = make(environment={**CLOUDS[name], **base, **NO_KEY})
    losses = Losses()
    with pytest.raises(UpstreamError, match="not today") as caught:
        await backend.send(say(*TALK, model="sonnet", sampling=Sampling(temperature=0.25)), losses)
    assert caught.value.error.kind is ErrorKind.INVALID_REQUEST
    path, body = cloud.calls[0]
    assert spoken(body) == [("user", "one"), ("assistant", "two"), ("user", "three")]
    assert (body["temperature"], body["max_tokens"]) == (0.25, 200)
    assert "thinking" not in body
    assert "claude-sonnet-" in path
    assert not list(losses)
    assert name in (await backend.health()).detail
    named = {model.id for model in await backend.models()}
    assert {"sonnet", "haiku"} <= named
    assert any(model.startswith(("us.anthropic.claude-", "claude-")) for model in named)


async def test_an_answer_from_a_cloud(make: Make, api: FakeAnthropic) -> None:
    backend = make(environment={**FOUNDRY, "ANTHROPIC_FOUNDRY_BASE_URL": api.url, **NO_KEY})
    response, _ = await fetch(backend, say(*TALK, model="claude-sonnet-4-5"))
    assert response.parts == (Text("hello"),)
    assert spoken(api.bodies[0]) == [("user", "one"), ("assistant", "two"), ("user", "three")]
