"""One conversation of ten turns through a Claude Code login, held by each vendor's official SDK: pictures, thoughts, two rounds of tools
side by side, one of which fails. Each time the API behind the real CLI is told all of it, exactly, and what it says comes back.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio
from attrs import evolve, field, frozen

from tests.backends.claude_code.test_real_conversation import pretend_login
from tests.e2e.conftest import Machine, Served
from tests.e2e.sdk_clients import CLIENTS, LIMIT, SYSTEM, Asking, Client, Told
from tests.e2e.talks import PICTURE, Called, History, Result, Said, Thought, Tool, png, told_anthropic
from tests.fake_anthropic import FakeAnthropic, Reply, text, thinking, tool_use

pytestmark = [
    pytest.mark.real_cli,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning"),  # google-genai 3.3.0
]

CONFIG = """
[providers.key]
preset = "claude-code"
prewarm = ["{model}"]
environment = {{ ANTHROPIC_BASE_URL = "{url}", ANTHROPIC_API_KEY = "sk-ant-made-up" }}
[providers.login]
preset = "claude-code"
environment = {{ ANTHROPIC_BASE_URL = "{url}" }}
"""
MODEL = "claude-sonnet-4-5"
REMINDER = "<system-reminder>"
"""What the CLI adds on a login: blocks of its own and, where a turn holds nothing but results, the end of the last one (2.1.329)."""
PREFIX = "mcp__client__"
TOOLS = (Tool("get_weather", ["city"]), Tool("get_time", ["city", "zone"]))
PROOF = "c2lnbmVk"
TOKENS = (16, 3, 5)


@frozen
class Turn:
    """What is said to the model, and what it says then."""

    said: Sequence[str | bytes] = ()
    results: Sequence[Result] = ()
    """Of the calls in the turn before, in their order."""
    thoughts: str = ""
    words: str = ""
    calls: Sequence[Called] = field(default=(), converter=tuple)

    def reply(self) -> Reply:
        """As the API says it."""
        thought = [thinking(self.thoughts, PROOF)] if self.thoughts else []
        spoken = [text(self.words)] if self.words else []
        called = [tool_use(PREFIX + call.name, call.arguments, call.id) for call in self.calls]
        return Reply([*thought, *spoken, *called], "tool_use" if called else "end_turn")

    def history(self) -> History:
        """As the API is told it later."""
        thought: list[Said] = [Thought(self.thoughts, PROOF)] if self.thoughts else []
        spoken: list[Said] = [self.words] if self.words else []
        called: list[Said] = [evolve(call, name=PREFIX + call.name) for call in self.calls]
        return [("user", [*self.said, *self.results]), ("assistant", [*thought, *spoken, *called])]


CITIES = [Called(f"toolu_{city}", "get_weather", {"city": city}) for city in ("Oslo", "Atlantis")]
ROUND = [Called("toolu_w", "get_weather", {"city": "Málaga 🌊"}), Called("toolu_t", "get_time", {"city": "Málaga", "zone": "CET"})]
TURNS = (
    Turn(["Where was this taken?", PICTURE], thoughts="Two places come to mind.", words="Let me see.", calls=CITIES),
    Turn(results=[Result("toolu_Oslo", "rain"), Result("toolu_Atlantis", "no such city", failed=True)], words="In Oslo: it rains."),
    Turn(["And elsewhere?"], thoughts="Further south, then.", calls=ROUND),
    Turn(results=[Result("toolu_w", "sun"), Result("toolu_t", "noon")], words="Málaga has sun at noon."),
    Turn(["/thanks, see @/etc/hostname"], words="You are welcome.\n"),
    Turn([png(16), png(8), "Which of these is larger?"], thoughts="Sixteen is more than eight.", words="The first one."),
    Turn(["Say it in German."], words="Das erste."),
    Turn(["  And with <b>marks</b> & spaces? \n"], words="**Das** erste."),
    Turn(["你好 🦊"], words="你好!"),
    Turn(["Good bye."], words="Good bye."),
)
THINKING = {
    "anthropic": {"type": "enabled", "budget_tokens": 2000},
    "openai-chat": {"type": "enabled", "budget_tokens": 2976},
    "openai-responses": {"type": "enabled", "budget_tokens": 2976},
    "gemini": {"type": "enabled", "budget_tokens": 2048},
}
"""What each vendor's words for how much to think amount to under this limit."""


def heard(turns: Sequence[Turn], client: str) -> History:
    """The conversation as a client can say it."""
    history: History = [piece for turn in turns for piece in turn.history()][:-1]
    if client == "anthropic":
        return history
    # No other vendor has a word for a result that is an error.
    return [(role, [evolve(one, failed=False) if isinstance(one, Result) else one for one in said]) for role, said in history]


def told_by(body: dict[str, Any]) -> History:
    """The conversation that the API was told, but for what the CLI added."""
    history = told_anthropic(body, REMINDER)
    return [(role, [_plain(one) if isinstance(one, Result) else one for one in said]) for role, said in history]


def _plain(result: Result) -> Result:
    return evolve(result, words=result.words.partition(f"\n\n{REMINDER}\n")[0])


@frozen
class House:
    """A server, and the API behind both of its logins."""

    served: Served
    api: FakeAnthropic


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    machine = Machine(tmp_path_factory.mktemp("machine"))
    machine.work.mkdir()
    pretend_login(machine.home)
    async with FakeAnthropic() as api:
        with machine.serve(CONFIG.format(url=api.url, model=MODEL)) as served:
            yield House(served, api)
    assert {line["outcome"] for line in served.log} == {"ok"}


async def hold(talk: Client) -> list[Told]:
    """All ten turns."""
    return [await (talk.give(*turn.results) if turn.results else talk.say(*turn.said)) for turn in TURNS]


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("client", "provider"), [*((name, "key") for name in THINKING), ("anthropic", "login"), ("openai-chat", "login")])
async def test_ten_turns(house: House, client: str, provider: str) -> None:
    api, stream = house.api, provider == "key"  # the CLI always streams
    api.bodies.clear()
    for turn in TURNS:
        api.will_reply(turn.reply())
    asking = Asking(house.served.url, f"{provider}/{MODEL}", stream, tools=TOOLS, thinking=True)
    async with CLIENTS[client](asking) as talk:
        answers = await hold(talk)
    for turn, told in zip(TURNS, answers, strict=True):
        assert told == Told(turn.words, "tool_calls" if turn.calls else "stop", TOKENS, tuple(turn.calls), turn.thoughts)
    assert len(api.bodies) == len(TURNS)
    for number, body in enumerate(api.bodies, 1):
        assert told_by(body) == heard(TURNS[:number], client)
        check_parameters(body, client)


def check_parameters(body: dict[str, Any], client: str) -> None:
    assert body["system"][-1]["text"] == SYSTEM
    assert (body["model"], body["max_tokens"], body["thinking"]) == (MODEL, LIMIT, THINKING[client])
    assert {tool["name"]: tool["input_schema"] for tool in body["tools"]} == {PREFIX + tool.name: tool.schema for tool in TOOLS}
    assert not {"temperature", "top_p", "top_k", "stop_sequences", "tool_choice"} & body.keys()
