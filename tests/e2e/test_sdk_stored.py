"""Kept answers as the official SDK uses them: going on by id, looking up, paging, deleting."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest

from ccproxy_cli.config.settings import ProviderSettings, Settings
from ccproxy_cli.launch.serve import serving
from ccproxy_cli.server.app import create_app
from ccproxy_cli.wiring import build_pipeline
from tests.fake_openai import FakeOpenAI, Reply, words


@pytest.fixture
async def upstream() -> AsyncIterator[FakeOpenAI]:
    """Numbers its answers by the questions there are."""
    async with FakeOpenAI(lambda body: Reply(f"Answer {len(words(body, 'user'))}.")) as made:
        yield made


@pytest.fixture
async def client(upstream: FakeOpenAI, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[openai.AsyncOpenAI]:
    monkeypatch.setenv("HOME", str(tmp_path))
    provider = ProviderSettings("openai-compatible", base_url=upstream.url, api_key="k-0123456789")
    settings = Settings(providers={"up": provider})
    app = create_app(settings, build_pipeline(settings), log=lambda line: None)
    async with serving(app) as server, openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key="k", max_retries=0) as made:
        yield made


@pytest.mark.parametrize("stream", [False, True])
async def test_a_conversation_goes_on_by_id(client: openai.AsyncOpenAI, upstream: FakeOpenAI, stream: bool) -> None:
    async def said(text: str, **more: Any) -> Any:
        if not stream:
            return await client.responses.create(model="up/m", input=text, **more)
        async with client.responses.stream(model="up/m", input=text, **more) as events:
            return await events.get_final_response()

    first = await said("I am Ann.")
    second = await said("Who am I?", previous_response_id=first.id)
    assert second.output_text == "Answer 2."
    assert second.previous_response_id == first.id
    contents = [message["content"] for message in upstream.bodies[-1]["messages"]]
    assert contents == ["I am Ann.", "Answer 1.", "Who am I?"]
    found = await client.responses.retrieve(second.id)
    assert (found.id, found.output_text, found.status) == (second.id, "Answer 2.", "completed")
    items = [item async for item in client.responses.input_items.list(second.id, limit=2, order="asc")]
    assert [item.role for item in items] == ["user", "assistant", "user"]  # type: ignore[union-attr]
    await client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError, match="not found"):
        await client.responses.retrieve(first.id)
    with pytest.raises(openai.BadRequestError) as caught:
        await said("Who am I?", previous_response_id=first.id)
    assert (caught.value.code, caught.value.param) == ("previous_response_not_found", "previous_response_id")


async def test_an_answer_may_be_streamed_again(client: openai.AsyncOpenAI) -> None:
    first = await client.responses.create(model="up/m", input="Hi")
    texts = [
        event.delta async for event in await client.responses.retrieve(first.id, stream=True) if event.type == "response.output_text.delta"
    ]
    assert "".join(texts) == "Answer 1."
    async with client.responses.stream(response_id=first.id) as stream:
        again = await stream.get_final_response()
    assert (again.id, again.output_text, again.usage) == (first.id, "Answer 1.", first.usage)
    last = [event.type async for event in await client.responses.retrieve(first.id, stream=True, starting_after=5)]
    assert last[-1] == "response.completed"
    assert "response.created" not in last
    with pytest.raises(openai.BadRequestError, match="Cannot cancel"):
        await client.responses.cancel(first.id)
    with pytest.raises(openai.NotFoundError):
        await client.responses.cancel("resp_unknown")


async def test_the_next_question_may_come_with_the_last_word(client: openai.AsyncOpenAI) -> None:
    answers = [
        await client.responses.create(model="up/m", input="b", previous_response_id=event.response.id)
        async for event in await client.responses.create(model="up/m", input="a", stream=True)
        if event.type == "response.completed"
    ]
    assert [answer.output_text for answer in answers] == ["Answer 2."]


async def test_clients_with_keys_of_their_own_do_not_meet(client: openai.AsyncOpenAI) -> None:
    first = await client.responses.create(model="echo", input="a")
    with pytest.raises(openai.NotFoundError):
        await client.with_options(api_key="another").responses.retrieve(first.id)


async def test_many_conversations_do_not_mix(client: openai.AsyncOpenAI) -> None:
    async def talk(name: str) -> str:
        first = await client.responses.create(model="echo", input=name)
        second = await client.responses.create(model="echo", input="next", previous_response_id=first.id)
        page: Any = await client.responses.input_items.list(second.id, order="asc")
        return str(page.data[0].content[0].text)

    names = [f"name {number}" for number in range(20)]
    assert await asyncio.gather(*map(talk, names)) == names
