"""Every official SDK through `ccproxy serve` to every vendor's API: sixteen combinations, each with `async` and without.

Each API refuses what does not fit its vendor's own types and rules, and was told exactly what was said.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
import pytest_asyncio
from attrs import frozen
from pydantic import BaseModel

from tests.e2e.conftest import Machine, Served
from tests.e2e.sdk_clients import CLIENTS, SYSTEM, TOO_BUSY, Asking, Told, refusal
from tests.e2e.talks import PICTURE, Called, History, Result, Thought, Tool
from tests.e2e.upstreams import Says, Upstream, listening, numbered, upstreams
from tests.fake_openai import Call

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning"),  # google-genai 3.3.0
]

every_client = pytest.mark.parametrize("client", CLIENTS)
every_upstream = pytest.mark.parametrize("upstream", upstreams())
every_way = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])


@frozen
class House:
    """One server for all tests, and the APIs behind it."""

    served: Served
    upstreams: Mapping[str, Upstream]

    def asking(self, upstream: str, *, stream: bool, **more: Any) -> Asking:
        return Asking(self.served.url, self.upstreams[upstream].model, stream, **more)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    machine, found = Machine(tmp_path_factory.mktemp("machine")), upstreams()
    machine.work.mkdir()
    async with listening(found) as config:
        with machine.serve(config) as served:
            yield House(served, found)
        assert served.process.returncode == 0
    assert {line["outcome"] for line in served.log} == {"ok", "upstream_error"}
    assert not [why for upstream in found.values() for why in upstream.refusals]


@pytest.fixture
def house(running: House) -> House:
    """The server, with APIs that have not been asked anything."""
    for upstream in running.upstreams.values():
        upstream.bodies.clear()
        upstream.script.clear()
    return running


@every_client
@every_upstream
@every_way
async def test_turns_with_a_picture(house: House, client: str, upstream: str, stream: bool) -> None:
    api = house.upstreams[upstream]
    api.script |= {"What is this?": Says("A grey square, eight by eight."), "Und auf Deutsch? 🦊": Says("Ein graues Quadrat aus", cut=True)}
    async with CLIENTS[client](house.asking(upstream, stream=stream)) as talk:
        first = await talk.say(PICTURE, "What is this?")
        second = await talk.say("Und auf Deutsch? 🦊")
    assert first == Told("A grey square, eight by eight.", "stop", api.tokens)
    assert second == Told("Ein graues Quadrat aus", "length", api.tokens)
    assert (first.pieces > 2) is stream
    asked: History = [("user", [PICTURE, "What is this?"])]
    answered: History = [*asked, ("assistant", ["A grey square, eight by eight."]), ("user", ["Und auf Deutsch? 🦊"])]
    assert api.told == [asked, answered]
    assert [api.rules(body) for body in api.bodies] == [SYSTEM, SYSTEM]


TOOLS = (Tool("get_weather", ["city"]), Tool("get_time", ["city", "zone"]))
CALLS = (Call("get_time", {"city": "Tromsø", "zone": "CET"}), Call("get_weather", {"city": "Tromsø"}))


@every_client
@every_upstream
@every_way
async def test_tools_side_by_side(house: House, client: str, upstream: str, stream: bool) -> None:
    api = house.upstreams[upstream]
    api.script |= {"Weather and time?": Says("Let me see.", CALLS), "rain": Says("It rains.")}
    async with CLIENTS[client](house.asking(upstream, stream=stream, tools=TOOLS)) as talk:
        first = await talk.say("Weather and time?")
        ids = [call.id for call in first.calls]
        second = await talk.give(Result(ids[0], "noon"), Result(ids[1], "rain"))
    called = tuple(Called(one.id, call.name, dict(call.arguments)) for one, call in zip(first.calls, CALLS, strict=True))
    assert first == Told("Let me see.", "tool_calls", api.tokens, called)
    assert second == Told("It rains.", "stop", api.tokens)
    question: History = [("user", ["Weather and time?"])]
    results = [Result(ids[0], "noon"), Result(ids[1], "rain")]
    whole = numbered([*question, ("assistant", ["Let me see.", *called]), ("user", [*results])])
    assert api.told == [question, whole]


SILENT = ("openai-chat", "openai-responses")
"""Chat has no words for wanting to see thoughts, and Responses shows them only to who asks."""


@every_client
@every_upstream
@every_way
async def test_thoughts_are_shown_and_their_proof_comes_home(house: House, client: str, upstream: str, stream: bool) -> None:
    api = house.upstreams[upstream]
    api.script |= {"Weather?": Says("", CALLS[1:], "The city is Tromsø."), "rain": Says("It rains.")}
    async with CLIENTS[client](house.asking(upstream, stream=stream, tools=TOOLS, thinking=True)) as talk:
        first = await talk.say("Weather?")
        assert first.thoughts == ("" if (client.removesuffix("-without-async"), upstream) == SILENT else "The city is Tromsø.")
        await talk.give(Result(first.calls[0].id, "rain"))
    (_, said) = api.told[-1][1]
    proofs = [piece.signature for piece in said if isinstance(piece, Thought) and piece.signature]
    assert proofs == ([api.proof] if api.proof else [])


@every_client
@every_upstream
@every_way
async def test_thoughts_that_led_to_words_alone_come_home_too(house: House, client: str, upstream: str, stream: bool) -> None:
    api = house.upstreams[upstream]
    api.script |= {"Weather?": Says("It rains.", (), "The city is Tromsø."), "Still?": Says("It does.")}
    async with CLIENTS[client](house.asking(upstream, stream=stream, thinking=True)) as talk:
        await talk.say("Weather?")
        await talk.say("Still?")
    (_, said) = api.told[-1][1]
    proofs = [piece.signature for piece in said if isinstance(piece, Thought) and piece.signature]
    assert proofs == ([api.proof] if api.proof else [])
    assert [piece for piece in said if isinstance(piece, str)] == ["It rains."]


class Square(BaseModel):
    """What the answer is to fit."""

    side: int
    colour: str


@every_client
@every_upstream
async def test_an_answer_in_a_given_shape(house: House, client: str, upstream: str) -> None:
    api = house.upstreams[upstream]
    api.script |= {"Describe it.": Says('{"side": 8, "colour": "grey"}')}
    async with CLIENTS[client](house.asking(upstream, stream=False, shape=Square)) as talk:
        told = await talk.say("Describe it.")
    assert told.parsed == Square(side=8, colour="grey")
    (body,) = api.bodies
    shape = api.shape(body)
    assert {name: member["type"].lower() for name, member in shape["properties"].items()} == {"side": "integer", "colour": "string"}
    assert shape["required"] == ["side", "colour"]


@every_client
@every_upstream
@every_way
async def test_too_many_requests(house: House, client: str, upstream: str, stream: bool) -> None:
    api = house.upstreams[upstream]
    api.script |= {"Hi": Says(busy=7)}
    async with CLIENTS[client](house.asking(upstream, stream=stream)) as talk:
        with pytest.raises(TOO_BUSY) as caught:
            await talk.say("Hi")
    assert refusal(caught.value) == (429, "7")
    assert len(api.bodies) == 1
