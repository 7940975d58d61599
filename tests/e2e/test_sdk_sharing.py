"""Several clients on one server, as their SDKs see it: answers that are given again, limits, and tokens of their own."""

from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio
from attrs import evolve, frozen

from tests.e2e.conftest import Machine, Served
from tests.e2e.sdk_clients import CLIENTS, TOO_BUSY, Asking, refusal
from tests.e2e.talks import Tool
from tests.e2e.upstreams import Says, Upstream, listening, upstreams
from tests.fake_openai import Call
from tests.server.conftest import until

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning"),  # google-genai 3.3.0
]

SHARING = """
[cache]
models = ["*"]
"""
LIMITED = """
[clients.ann-{0}]
token = "env:ANN_{0}"
limits = {{ requests_per_minute = 2 }}
[clients.bob-{0}]
token = "env:BOB_{0}"
"""
TOKENS = {f"{name}_{client}": f"{name}-91be07d1a4f6e8b3-{client}" for client in CLIENTS for name in ("ANN", "BOB")}


@frozen
class House:
    """One server for all tests, and the APIs behind it."""

    served: Served
    upstreams: Mapping[str, Upstream]

    def asking(self, upstream: str, key: str, *, stream: bool) -> Asking:
        tools = (Tool("get_weather", ["city"]),)
        return Asking(self.served.url, self.upstreams[upstream].model, stream, key, tools, thinking=upstream != "openai-chat")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    machine, found = Machine(tmp_path_factory.mktemp("machine")), upstreams()
    machine.work.mkdir()
    async with listening(found) as config:
        with machine.serve(config + SHARING + "".join(map(LIMITED.format, CLIENTS)), **TOKENS) as served:
            yield House(served, found)
    assert not [why for upstream in found.values() for why in upstream.refusals]
    assert not [token for token in TOKENS.values() if token in served.stderr.read_text()]


@pytest.fixture
def house(running: House) -> House:
    """The server, with APIs that have not been asked anything."""
    for upstream in running.upstreams.values():
        upstream.bodies.clear()
        upstream.script.clear()
    return running


@pytest.mark.parametrize("upstream", upstreams())
@pytest.mark.parametrize("client", CLIENTS)
async def test_the_same_question_is_answered_once_however_it_is_asked(house: House, client: str, upstream: str) -> None:
    api, seen = house.upstreams[upstream], len(house.served.log)
    api.script |= {
        "Weather?": Says("I will look.", [Call("get_weather", {"city": "Gent"})], thoughts="" if upstream == "openai-chat" else "Where?"),
        "And now?": Says("Déjà vu 🦊."),
    }
    for words, first in (("Weather?", False), ("And now?", True)):
        told = []
        for stream in (first, not first, first, not first):
            async with CLIENTS[client](house.asking(upstream, TOKENS[f"BOB_{client}"], stream=stream)) as talk:
                told.append(await talk.say(words))
        assert told[0].text == api.script[words].words
        assert [evolve(each, pieces=0) for each in told] == [evolve(told[0], pieces=0)] * 4
        assert [each.pieces > 0 for each in told] == [first, not first, first, not first]
    assert len(api.bodies) == 2
    await until(lambda: len(house.served.log) == seen + 8)  # a line is written when its client has its answer already
    assert [line["cache"] for line in house.served.log[seen:]] == ["miss", "hit", "hit", "hit"] * 2


@pytest.mark.parametrize("client", CLIENTS)
async def test_each_client_has_its_own_answers_and_its_own_limits(house: House, client: str) -> None:
    api, seen = house.upstreams["anthropic"], len(house.served.log)
    api.script |= {"Hi": Says("Hello.")}

    async def asks(key: str) -> None:
        async with CLIENTS[client](house.asking("anthropic", key, stream=False)) as talk:
            assert (await talk.say("Hi")).text == "Hello."

    ann, bob = TOKENS[f"ANN_{client}"], TOKENS[f"BOB_{client}"]
    for key in (bob, ann, bob, ann, bob):
        await asks(key)
    assert len(api.bodies) == 2
    with pytest.raises(TOO_BUSY, match=rf"client ann-{client}: 2 requests per minute") as caught:
        await asks(ann)
    status, seconds = refusal(caught.value)
    assert status == 429
    assert 1 <= int(seconds or 0) <= 30
    await asks(bob)
    with pytest.raises(Exception, match="token of this ccproxy"):
        await asks("sk-of-a-stranger")
    await until(lambda: len(house.served.log) == seen + 8)
    assert [line["client"] for line in house.served.log][-2:] == [f"bob-{client}", None]
