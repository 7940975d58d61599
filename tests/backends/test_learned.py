"""A refusal that names what a model does not take is learned from: the request goes once more without it, and so do all later ones."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ccproxy_cli.backends.http import HTTPBackend
from ccproxy_cli.backends.learned import Learned
from ccproxy_cli.core.errors import BadRequest, UpstreamError
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.profile import ReasoningStyle
from ccproxy_cli.core.request import Sampling, Thinking, Tool
from ccproxy_cli.stores.base import StoreError
from ccproxy_cli.stores.memory import MemoryStore
from tests.backends.samples import ASKED, CHAT_BODY, FRAMES, frame
from tests.backends.test_http import backend_at, collected
from tests.raw_upstream import Heard, RawUpstream, Script, json_reply, stream_reply

RICH = evolve(
    ASKED,
    tools=(Tool("look", parameters={"type": "object", "properties": {}, "required": [], "additionalProperties": False}, strict=True),),
    sampling=Sampling(temperature=0.5, top_p=0.9, frequency_penalty=0.1, presence_penalty=0.1, seed=7),
    stop=("END",),
    thinking=Thinking(effort="low"),
    parallel_tool_calls=False,
    user="u",
)


def refusal(message: str, status: int = 400, **more: Any) -> Script:
    return json_reply({"error": {"message": message, "type": "invalid_request_error", **more}}, status)


def unsupported(name: str) -> Script:
    return refusal(f"Unsupported parameter: '{name}' is not supported with this model.", param=name, code="unsupported_parameter")


@pytest.fixture
async def upstream() -> AsyncIterator[RawUpstream]:
    async with RawUpstream() as upstream:
        yield upstream


def chat_at(upstream: RawUpstream, learned: Learned | None = None) -> HTTPBackend:
    return backend_at(f"{upstream.url}/v1", "openai-chat", learned=learned)


async def asked(backend: HTTPBackend, request: Any = RICH, *, strict: bool = False) -> Losses:
    losses = Losses(strict)
    try:
        await collected(await backend.send(request, losses))
    finally:
        await backend.aclose()
    return losses


async def test_a_member_is_left_out_at_the_second_try_and_from_then_on(upstream: RawUpstream) -> None:
    backend = chat_at(upstream)
    upstream.will(unsupported("seed"), json_reply(CHAT_BODY))
    losses = await asked(backend)
    await asked(backend)
    first, second, third = (heard.json for heard in upstream.heard)
    assert first["seed"] == 7
    assert second == third == {name: value for name, value in first.items() if name != "seed"}
    assert "seed" in [loss.field for loss in losses]


async def test_a_member_by_another_name_takes_its_value_along(upstream: RawUpstream) -> None:
    backend = chat_at(upstream)
    upstream.will(unsupported("max_completion_tokens"), json_reply(CHAT_BODY))
    losses = await asked(backend, ASKED)
    first, second = (heard.json for heard in upstream.heard)
    assert (first["max_completion_tokens"], second["max_tokens"]) == (99, 99)
    assert not losses


async def test_stop_sequences_that_a_model_refuses_are_heeded_here(upstream: RawUpstream) -> None:
    backend = chat_at(upstream)
    said = {**CHAT_BODY, "choices": [{"index": 0, "message": {"role": "assistant", "content": "one END two"}, "finish_reason": "stop"}]}
    upstream.will(unsupported("stop"), json_reply(said))
    events = await collected(await backend.send(RICH, Losses()))
    await backend.aclose()
    assert "".join(getattr(event, "text", "") for event in events) == "one "
    assert "stop" not in upstream.heard[1].json


async def test_each_request_teaches_one_lesson(upstream: RawUpstream) -> None:
    backend = chat_at(upstream)
    upstream.will(unsupported("seed"), unsupported("user"), unsupported("user"), json_reply(CHAT_BODY))
    with pytest.raises(UpstreamError, match="'user'"):
        await asked(backend)
    assert len(upstream.heard) == 2
    with pytest.raises(UpstreamError, match="'user'"):
        await asked(backend)  # nothing was learned from a second try that failed, so it begins anew
    assert len(upstream.heard) == 3


async def test_another_model_is_asked_for_everything(upstream: RawUpstream) -> None:
    backend = chat_at(upstream)
    upstream.will(unsupported("seed"), json_reply(CHAT_BODY))
    await asked(backend)
    await asked(backend, evolve(RICH, model="another"))
    assert upstream.heard[-1].json["seed"] == 7


async def test_a_strict_client_is_refused_instead(upstream: RawUpstream) -> None:
    request = evolve(ASKED, sampling=Sampling(seed=7))
    upstream.will(unsupported("seed"), json_reply(CHAT_BODY))
    with pytest.raises(BadRequest, match="seed: this model takes no such thing"):
        await asked(chat_at(upstream), request, strict=True)
    assert len(upstream.heard) == 1


async def test_a_client_of_the_format_hears_of_its_own_member(upstream: RawUpstream) -> None:
    spoken = FORMATS["openai-chat"]
    own = spoken.decode_request(spoken.encode_request(RICH, backend_at("http://x")._profile_for("m"), Losses()), Losses())
    upstream.will(unsupported("seed"))
    with pytest.raises(UpstreamError):
        await asked(chat_at(upstream), own)
    assert len(upstream.heard) == 1


@pytest.mark.parametrize(
    ("format_name", "message", "fact"),
    [
        ("anthropic", "temperature: Extra inputs are not permitted", "temperature"),
        ("openai-responses", "Unsupported parameter: 'temperature' is not supported with this model.", "temperature"),
        ("gemini", "Invalid JSON payload received. Unknown name \"seed\" at 'generation_config': Cannot find field.", "seed"),
    ],
)
async def test_every_format_learns(upstream: RawUpstream, format_name: str, message: str, fact: str) -> None:
    backend = backend_at(upstream.url, format_name)
    upstream.will(refusal(message), refusal("something else"))
    with pytest.raises(UpstreamError, match="something else"):
        await asked(backend)
    first, second = (heard.body.decode() for heard in upstream.heard)
    assert (f'"{fact}"' in first, f'"{fact}"' in second) == (True, False)


async def test_a_refusal_at_the_head_of_a_stream_teaches_like_any_other(upstream: RawUpstream) -> None:
    backend = chat_at(upstream)
    refused = {"error": {"message": "Unsupported parameter: 'seed' is not supported with this model.", "code": 400}}
    upstream.will(stream_reply(frame(refused)), stream_reply(*FRAMES["openai-chat"]))
    await asked(backend, evolve(RICH, stream=True))
    first, second = upstream.heard
    assert ("seed" in first.json, "seed" in second.json) == (True, False)


async def test_who_leaves_while_a_lesson_is_written_down_ends_the_answer(upstream: RawUpstream) -> None:
    writing = asyncio.Event()

    class Slow(MemoryStore):
        async def put(self, key: str, value: bytes, lifetime: float) -> None:
            writing.set()
            await asyncio.Event().wait()

    upstream.will(unsupported("seed"), stream_reply(*FRAMES["openai-chat"][:3], hold=True))
    backend = chat_at(upstream, Learned(Slow(lambda: 0.0), "up"))
    sending = asyncio.ensure_future(backend.send(evolve(RICH, stream=True), Losses()))
    await asyncio.wait_for(writing.wait(), 5)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    await asyncio.wait_for(upstream.heard[1].gone.wait(), 5)
    await backend.aclose()


async def test_nothing_is_sent_again_once_an_answer_has_begun(upstream: RawUpstream) -> None:
    backend = chat_at(upstream)
    refused = {"error": {"message": "Unsupported parameter: 'seed' is not supported with this model.", "code": 400}}
    upstream.will(stream_reply(*FRAMES["openai-chat"][:2], frame(refused)))
    with pytest.raises(UpstreamError, match="'seed'"):
        await asked(backend, evolve(RICH, stream=True))
    assert len(upstream.heard) == 1


MEMBERS = [
    *("model", "messages", "messages[0].role", "messages[0].content", "tools", "tools[0].function.strict", "tools[0].function.name"),
    *("temperature", "top_p", "seed", "stop", "n", "user", "safety_identifier", "max_tokens", "max_completion_tokens"),
    *("tool_choice", "parallel_tool_calls", "reasoning_effort", "stream_options", "response_format"),
]


@given(st.lists(st.sampled_from(MEMBERS), min_size=1, max_size=6))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
async def test_never_more_than_one_more_request_and_never_less_of_the_question(refused: list[str]) -> None:
    async with RawUpstream() as upstream:
        backend = chat_at(upstream)
        upstream.will(*(unsupported(name) for name in refused), json_reply(CHAT_BODY))
        before = 0
        for _ in range(len(refused) + 1):
            with contextlib.suppress(UpstreamError):
                await collected(await backend.send(RICH, Losses()))
            assert len(upstream.heard) <= before + 2
            before = len(upstream.heard)
        await backend.aclose()
        for heard in upstream.heard:
            assert heard.json["messages"] == upstream.heard[0].json["messages"]
            assert [tool["function"]["name"] for tool in heard.json["tools"]] == ["look"]


# Remembering


async def test_what_was_learned_outlives_the_process(upstream: RawUpstream) -> None:
    store = MemoryStore(time.monotonic)
    upstream.will(unsupported("seed"), json_reply(CHAT_BODY))
    await asked(chat_at(upstream, Learned(store, "up")))
    await asked(chat_at(upstream, Learned(store, "up")))
    assert "seed" not in upstream.heard[2].json
    await asked(chat_at(upstream, Learned(store, "elsewhere")))
    assert "seed" in upstream.heard[3].json


class Counting(MemoryStore):
    """Counts what it is asked."""

    gets = puts = 0

    async def get(self, key: str) -> bytes | None:
        self.gets += 1
        return await super().get(key)

    async def put(self, key: str, value: bytes, lifetime: float) -> None:
        self.puts += 1
        await super().put(key, value, lifetime)


async def test_a_model_is_looked_up_once() -> None:
    store = Counting(time.monotonic)
    learned = Learned(store)
    for _ in range(3):
        assert await learned.of("m") == {}
    await learned.add("m", {"stop_sequences": 0})
    await learned.add("m", {"without": frozenset({"seed"})})
    assert await learned.of("m") == {"stop_sequences": 0, "without": frozenset({"seed"})}
    assert (store.gets, store.puts) == (1, 2)


class Away(MemoryStore):
    """A store that does not answer."""

    async def get(self, key: str) -> bytes | None:
        raise StoreError("away")

    async def put(self, key: str, value: bytes, lifetime: float) -> None:
        raise StoreError("away")


async def test_without_its_store_it_remembers_by_itself() -> None:
    learned = Learned(Away(time.monotonic))
    assert await learned.of("m") == {}
    await learned.add("m", {"reasoning": ReasoningStyle.NONE})
    assert await learned.of("m") == {"reasoning": ReasoningStyle.NONE}


@pytest.mark.parametrize("kept", [b"", b"not JSON", b"[]", b'{"stop_sequences": "many", "nonsense": 1}'])
async def test_what_cannot_be_read_is_nothing(kept: bytes) -> None:
    store = MemoryStore(time.monotonic)
    learned = Learned(store, "up")
    await store.put(learned._key("m"), kept, 60)
    assert await learned.of("m") == {}


async def test_names_that_clients_make_up_do_not_fill_the_memory() -> None:
    learned = Learned()
    await asyncio.gather(*(learned.of(f"model-{number}") for number in range(1000)))
    assert len(learned._known) == 256


async def test_a_pydantic_servers_list_of_what_it_refuses_is_understood(upstream: RawUpstream) -> None:
    listed = [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted", "input": 7}]

    async def one_then_the_other(heard: Heard) -> None:
        body = {"object": "error", "message": {"detail": listed}, "type": "invalid_request_error", "param": None, "code": None}
        await (json_reply(body, 422) if "seed" in heard.json else json_reply(CHAT_BODY))(heard)

    upstream.will(one_then_the_other)
    await asked(chat_at(upstream))
    assert len(upstream.heard) == 2
