"""The official SDKs hold conversations through `ccproxy serve`, and the upstream is told exactly what they said.

Upstreams are the real Claude CLI, on a key and on a login, and HTTP APIs of either format: the SDK's own, where its bytes are relayed, and
the other, where they are translated.
"""

from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any, TypeAlias

import pytest
import pytest_asyncio
from attrs import field, frozen
from pydantic import BaseModel

from tests.backends.claude_code.test_real_conversation import pretend_login
from tests.e2e.conftest import Machine, Served
from tests.e2e.talks import (
    ANSWERS,
    HISTORY,
    LIMIT,
    QUESTIONS,
    SYSTEM,
    TALKS,
    Answer,
    AnthropicTalk,
    Called,
    History,
    OpenAITalk,
    Result,
    Thought,
    Tool,
    rules_openai,
    told_anthropic,
    told_openai,
)
from tests.fake_anthropic import FakeAnthropic, text, thinking, tool_use
from tests.fake_anthropic import Reply as AnthropicReply
from tests.fake_openai import Call, FakeOpenAI, Reply

pytestmark = [pytest.mark.real_cli, pytest.mark.asyncio(loop_scope="module")]

# What the CLI adds of its own (2.1.329): an invoice line and a sentence about itself before the client's system prompt, and cache marks; a
# text that begins with a slash comes in two pieces; tools have a longer name. On a login, reminders of the date, the model and its
# surroundings in blocks of their own. After an answer that was cut at the token limit it asks on by itself, until it is ended for that.
ADDED_SYSTEM = ("x-anthropic-billing-header: ", "You are a Claude agent, built on Anthropic's Claude Agent SDK.")
REMINDER = "<system-reminder>"
TOOL_PREFIX = "mcp__client__"

CONFIG = """
[providers.claude]
preset = "claude-code"
environment = {{ ANTHROPIC_BASE_URL = "{anthropic}", ANTHROPIC_API_KEY = "sk-ant-made-up" }}
[providers.login]
preset = "claude-code"
environment = {{ ANTHROPIC_BASE_URL = "{anthropic}" }}
[providers.anthropic]
preset = "anthropic"
base_url = "{anthropic}"
api_key = "sk-ant-made-up"
[providers.openai]
preset = "openai"
base_url = "{openai}"
api_key = "sk-made-up"
"""
CLAUDE = "claude-sonnet-4-5"
MODELS = {"claude": f"claude/{CLAUDE}", "login": f"login/{CLAUDE}", "anthropic": f"anthropic/{CLAUDE}", "openai": "openai/gpt-4o"}
ANTHROPIC_TOKENS = (16, 3, 5)
"""What the fake tells of every answer: all of the prompt, how many of them from a cache, and of the answer."""
OPENAI_TOKENS = (20, 4, 7)
OPENAI_USAGE = {"prompt_tokens": 20, "completion_tokens": 7, "total_tokens": 27, "prompt_tokens_details": {"cached_tokens": 4}}


@frozen
class Says:
    """What a model says, whichever API it is behind."""

    words: str
    calls: Sequence[Call] = ()
    thoughts: str | None = None
    cut: bool = False
    """It reached the token limit."""


@frozen
class House:
    """One server for all tests, and the fakes behind it."""

    served: Served
    anthropic: FakeAnthropic
    openai: FakeOpenAI
    script: dict[str, Says] = field(repr=False)
    """What is said to whom last said these words."""

    def told(self, provider: str) -> list[History]:
        """Every conversation that a provider's upstream was asked to go on with."""
        if provider == "openai":
            assert not self.openai.refusals
            return [told_openai(body) for body in self.openai.bodies]
        return [told_anthropic(body, REMINDER) for body in self.asked_anthropic()]

    def asked_anthropic(self) -> list[dict[str, Any]]:
        """Without what the CLI asks on by itself."""
        return [body for body in self.anthropic.bodies if _last_words(told_anthropic(body, REMINDER)) in self.script]

    def rules(self, provider: str) -> str:
        """The client's system prompt, as the upstream was given it last."""
        if provider == "openai":
            (rules,) = rules_openai(self.openai.bodies[-1])
            return rules
        system = self.asked_anthropic()[-1]["system"]
        *added, own = [system] if isinstance(system, str) else [block["text"] for block in system]
        expected = () if provider == "anthropic" else ADDED_SYSTEM
        assert [words[: len(start)] for words, start in zip(added, expected, strict=True)] == list(expected)
        return str(own)


def _last_words(history: History) -> str:
    said = [piece.words if isinstance(piece, Result) else piece for piece in history[-1][1] if isinstance(piece, str | Result)]
    return said[-1]


def _from_anthropic(script: dict[str, Says], body: dict[str, Any]) -> AnthropicReply:
    says = script.get(_last_words(told_anthropic(body, REMINDER)), Says("nobody asked"))
    offered = [tool["name"] for tool in body.get("tools") or ()]
    blocks = [thinking(says.thoughts)] if says.thoughts is not None else []
    blocks.append(text(says.words))
    for number, call in enumerate(says.calls):
        (name,) = (name for name in offered if name in (call.name, TOOL_PREFIX + call.name))
        blocks.append(tool_use(name, call.arguments, f"toolu_{number}"))
    return AnthropicReply(blocks, "max_tokens" if says.cut else "tool_use" if says.calls else "end_turn")


def _from_openai(script: dict[str, Says], body: dict[str, Any]) -> Reply:
    says = script[_last_words(told_openai(body))]
    return Reply(says.words, says.calls, OPENAI_USAGE, "length" if says.cut else None)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    machine = Machine(tmp_path_factory.mktemp("machine"))
    machine.work.mkdir()
    pretend_login(machine.home)
    script: dict[str, Says] = {}
    async with FakeAnthropic(partial(_from_anthropic, script)) as anthropic, FakeOpenAI(partial(_from_openai, script)) as openai:
        with machine.serve(CONFIG.format(anthropic=anthropic.url, openai=openai.url)) as served:
            yield House(served, anthropic, openai, script)
    assert {line["outcome"] for line in served.log} == {"ok"}


@pytest.fixture
def house(running: House) -> House:
    """The server, with fakes that have not been asked anything."""
    running.anthropic.bodies.clear()
    running.openai.bodies.clear()
    running.script.clear()
    return running


TalkType: TypeAlias = type[AnthropicTalk | OpenAITalk]
every_talk = pytest.mark.parametrize("talk_type", TALKS)
every_way = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
ways = pytest.mark.parametrize(
    ("provider", "stream"),
    [("claude", True), ("anthropic", True), ("anthropic", False), ("openai", True), ("openai", False)],
)
"""The CLI always streams, so what it is told is the same either way."""


def tokens(provider: str) -> tuple[int, int, int]:
    return OPENAI_TOKENS if provider == "openai" else ANTHROPIC_TOKENS


@every_talk
@every_way
@pytest.mark.parametrize("provider", ["claude", "anthropic", "openai"])
async def test_three_turns_with_a_picture(house: House, provider: str, stream: bool, talk_type: TalkType) -> None:
    await three_turns(house, provider, stream, talk_type)


async def test_three_turns_on_a_login(house: House) -> None:
    await three_turns(house, "login", True, OpenAITalk)
    assert house.anthropic.headers[-1]["Authorization"] == "Bearer sk-ant-oat01-made-up"


async def three_turns(house: House, provider: str, stream: bool, talk_type: TalkType) -> None:
    for question, words in zip(QUESTIONS, ANSWERS, strict=True):
        house.script[str(question[0])] = Says(words, cut=words is ANSWERS[-1])
    async with talk_type(house.served.url, MODELS[provider], stream=stream) as talk:
        for question, words, finish in zip(QUESTIONS, ANSWERS, talk.finishes, strict=True):
            answer = await talk.say(question)
            assert answer == Answer(words, answer.pieces, finish, tokens(provider))
            assert answer.pieces > 3 if stream else answer.pieces == 0
    assert house.told(provider) == [HISTORY[:1], HISTORY[:3], HISTORY]
    assert house.rules(provider) == SYSTEM


TOOLS = (Tool("get_weather", ["city"]), Tool("get_time", ["city", "zone"]))
CALLS = (Call("get_time", {"city": "Tromsø", "zone": "CET"}), Call("get_weather", {"city": "Tromsø"}))


@every_talk
@ways
async def test_calls_side_by_side_and_one_that_fails(house: House, provider: str, stream: bool, talk_type: TalkType) -> None:
    house.script["Weather and time?"] = Says("Let me see.", CALLS)
    house.script["rain"] = Says("It rains.")
    async with talk_type(house.served.url, MODELS[provider], stream=stream, tools=TOOLS) as talk:
        answer = await talk.say(["Weather and time?"])
        ids = [call.id for call in answer.calls]
        called = tuple(Called(one.id, call.name, dict(call.arguments)) for one, call in zip(answer.calls, CALLS, strict=True))
        assert answer == Answer("Let me see.", answer.pieces, talk.calls_tools, tokens(provider), called)
        answer = await talk.give([Result(ids[0], "no clock", failed=True), Result(ids[1], "rain")])
        assert (answer.text, answer.finish) == ("It rains.", talk.finishes[0])

    prefix = TOOL_PREFIX if provider == "claude" else ""
    asked = [Called(call.id, prefix + call.name, call.arguments) for call in called]
    failed = Result(ids[0], "no clock")
    if talk_type is AnthropicTalk:  # the other one's clients cannot say it, and its API cannot be told but in words
        failed = Result(ids[0], "Error: no clock") if provider == "openai" else Result(ids[0], "no clock", failed=True)
    question: History = [("user", ["Weather and time?"])]
    whole: History = [*question, ("assistant", ["Let me see.", *asked]), ("user", [failed, Result(ids[1], "rain")])]
    assert house.told(provider) == [question, whole]
    body = house.openai.bodies[-1] if provider == "openai" else house.asked_anthropic()[-1]
    functions = [tool.get("function", tool) for tool in body["tools"]]
    offered = {tool["name"]: tool.get("input_schema") or tool["parameters"] for tool in functions}
    assert offered == {prefix + tool.name: tool.schema for tool in TOOLS}


@pytest.mark.parametrize(("provider", "stream"), [("claude", True), ("anthropic", True), ("anthropic", False)])
async def test_thinking_is_shown_and_goes_back(house: House, provider: str, stream: bool) -> None:
    house.script["What is 3 x 17?"] = Says("51.", thoughts="3 x 17 is 51.")
    house.script["And 4 x?"] = Says("68.", thoughts="51 + 17.")
    more: dict[str, Any] = {"max_tokens": 3000, "thinking": {"type": "enabled", "budget_tokens": 1500}}
    async with AnthropicTalk(house.served.url, MODELS[provider], stream=stream, **more) as talk:
        await talk.say(["What is 3 x 17?"])
        await talk.say(["And 4 x?"])
        thought, said = talk.messages[1]["content"]
    assert (thought.thinking, thought.signature, said.text) == ("3 x 17 is 51.", "c2lnbmVk", "51.")
    asked: History = [("user", ["What is 3 x 17?"])]
    answered: History = [("assistant", [Thought("3 x 17 is 51.", "c2lnbmVk"), "51."])]
    assert house.told(provider) == [asked, [*asked, *answered, ("user", ["And 4 x?"])]]
    assert [body["thinking"] for body in house.asked_anthropic()] == [{"type": "enabled", "budget_tokens": 1500}] * 2


class Square(BaseModel):
    """What the answer is to fit."""

    side: int
    colour: str


SHAPE = {"side": "integer", "colour": "string"}


def types(schema: dict[str, Any]) -> dict[str, str]:
    """What an object must have, by name. SDKs write further members as they like."""
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    return {name: schema["properties"][name]["type"] for name in schema["required"]}


@every_talk
@pytest.mark.parametrize("provider", ["claude", "anthropic", "openai"])
async def test_an_answer_in_a_given_shape(house: House, provider: str, talk_type: TalkType) -> None:
    house.script["Describe it."] = Says('{"side": 8, "colour": "grey"}')
    async with talk_type(house.served.url, MODELS[provider], stream=False) as talk:
        messages: Any = [{"role": "user", "content": "Describe it."}]
        parsed: Any
        if isinstance(talk, AnthropicTalk):
            message = await talk.client.messages.parse(model=MODELS[provider], max_tokens=LIMIT, messages=messages, output_format=Square)
            parsed = message.parsed_output
        else:
            completion = await talk.client.chat.completions.parse(model=MODELS[provider], messages=messages, response_format=Square)
            parsed = completion.choices[0].message.parsed
    assert parsed == Square(side=8, colour="grey")
    if provider == "openai":
        told = house.openai.bodies[-1]["response_format"]
        assert (told["type"], types(told["json_schema"]["schema"])) == ("json_schema", SHAPE)
    else:
        told = house.asked_anthropic()[-1]["output_config"]["format"]
        assert (told["type"], types(told["schema"])) == ("json_schema", SHAPE)


async def test_what_only_the_vendor_knows_passes_where_the_formats_are_one(house: House) -> None:
    house.script["Hi"] = Says("Hello.")
    async with AnthropicTalk(house.served.url, MODELS["anthropic"], stream=True, extra_body={"shipped_today": [1.50, None]}) as talk:
        await talk.say(["Hi"])
    (body,) = house.anthropic.bodies
    assert body == {
        "model": CLAUDE,
        "max_tokens": LIMIT,
        "system": SYSTEM,
        "messages": [{"role": "user", "content": [text("Hi")]}],
        "stream": True,
        "shipped_today": [1.5, None],
    }


async def test_lists_of_models_and_counts(house: House) -> None:
    messages: Any = [{"role": "user", "content": "Hi"}]
    async with (
        AnthropicTalk(house.served.url, MODELS["anthropic"], stream=False) as claude,
        OpenAITalk(house.served.url, MODELS["openai"], stream=False) as chat,
    ):
        listed = [model.id async for model in claude.client.models.list()]
        assert listed == [model.id async for model in chat.client.models.list()]
        assert {"echo", "sonnet", "fake-1"} <= set(listed)
        assert (await claude.client.models.retrieve("echo")).id == (await chat.client.models.retrieve("echo")).id == "echo"
        relayed = await claude.client.messages.count_tokens(model=MODELS["anthropic"], messages=messages)
        estimated = await claude.client.messages.count_tokens(model=MODELS["claude"], messages=messages)
    assert relayed.input_tokens == 77
    assert 0 < estimated.input_tokens < 77
    assert not house.anthropic.bodies
