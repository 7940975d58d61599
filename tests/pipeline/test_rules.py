"""Rules by what is in a request, and the models that clients may ask for."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.config.settings import ModelRule, RouteRule
from ccproxy_cli.core.errors import APIError, BadRequest, ErrorKind
from ccproxy_cli.core.formats import FORMATS, Outline
from ccproxy_cli.core.parts import Inline, Media, MediaKind, Text
from ccproxy_cli.core.request import Message, Request, Role, Thinking, ThinkingMode
from ccproxy_cli.core.response import Response
from ccproxy_cli.pipeline.allowed import Allowed
from ccproxy_cli.pipeline.facts import CallFacts, StatedFacts, facts_of
from ccproxy_cli.pipeline.route import RouteTable
from tests.pipeline.vendors import Scene, asked, says, told

NAMES = tuple(FORMATS)
RULES = (
    RouteRule(("up/tiny",), background=True),
    RouteRule(("up/seer", "other/seer"), images=True, thinking=False),
    RouteRule(("up/think-*",), model="claude-*", thinking=True),
    RouteRule(("up/long",), min_tokens=1000),
    RouteRule(("up/search",), web_search=True, client="alice"),
)
TABLE = RouteTable([ModelRule("*", ("up/*",))], {"up": (), "other": ()}, by_content=RULES)


@pytest.mark.parametrize(
    ("model", "facts", "target"),
    [
        ("m", StatedFacts(), "up/m"),
        ("m", StatedFacts(outline=Outline(background=True, images=True)), "up/tiny"),
        ("m", StatedFacts(outline=Outline(images=True)), "up/seer"),
        ("m", StatedFacts(outline=Outline(images=True, thinking=True)), "up/m"),
        ("claude-x", StatedFacts(outline=Outline(images=True, thinking=True)), "up/think-x"),
        ("m", StatedFacts(tokens=999), "up/m"),
        ("m", StatedFacts(tokens=1000), "up/long"),
        ("other/m", StatedFacts(tokens=1000), "up/long"),
        ("m", StatedFacts(outline=Outline(web_search=True)), "up/m"),
        ("m", StatedFacts("bob", Outline(web_search=True)), "up/m"),
        ("m", StatedFacts("alice", Outline(web_search=True)), "up/search"),
        ("m", None, "up/m"),
    ],
)
def test_the_first_rule_of_which_everything_holds_wins(model: str, facts: StatedFacts | None, target: str) -> None:
    assert str(TABLE.resolve(model, facts).target) == target


def test_a_route_says_which_rule_it_was_and_all_it_leads_to() -> None:
    route = TABLE.resolve("m", StatedFacts(outline=Outline(images=True)))
    assert (route.why, route.setting, [str(target) for target in route.targets]) == (
        "rule 2: no thinking, images",
        ("rules", "1"),
        ["up/seer", "other/seer"],
    )
    assert TABLE.resolve("claude-x", StatedFacts(outline=Outline(thinking=True))).why == 'rule 3: thinking, "claude-*"'
    assert TABLE.resolve("m").setting == ("models", "*")


class Unasked:
    """Facts that nobody may look at."""

    client = "bob"

    @property
    def outline(self) -> Outline:
        pytest.fail("nobody needs to know")

    def has_tokens(self, number: int) -> bool:
        pytest.fail("nobody needs to know")


def test_nothing_is_looked_at_that_decides_nothing() -> None:
    table = RouteTable(
        [ModelRule("*", ("up/*",))],
        {},
        by_content=[RouteRule(("up/a",), client="alice", images=True), RouteRule(("up/b",), model="x*", min_tokens=1)],
    )
    assert str(table.resolve("m", Unasked()).target) == "up/m"


# Facts of a call


def facts(name: str, body: dict[str, Any]) -> CallFacts:
    exchange = asked(FORMATS[name], "m", stream=False, **body)
    return CallFacts(None, exchange.format, exchange.call, exchange.format.peek(exchange.call))


@pytest.mark.parametrize("name", NAMES)
def test_a_long_input_is_one_by_what_it_says_not_by_its_bytes(name: str) -> None:
    words = {"anthropic": "messages", "openai-chat": "messages", "openai-responses": "input", "gemini": "contents"}[name]
    part = {"text": "word " * 2000} if name == "gemini" else "word " * 2000
    message = {"role": "user", "parts": [part]} if name == "gemini" else {"role": "user", "content": part}
    long = facts(name, {words: [message]})
    assert long.has_tokens(2000)
    assert not long.has_tokens(5000)
    assert not facts(name, {}).has_tokens(100)


def test_what_cannot_be_read_here_is_as_long_as_it_is() -> None:
    strange = facts("anthropic", {"messages": [{"role": "user", "content": [{"type": "new", "much": "x" * 40_000}]}], "max_tokens": {}})
    assert strange.has_tokens(9_000)
    assert not strange.has_tokens(15_000)


def test_a_request_of_no_format_has_facts_too() -> None:
    picture = Media(MediaKind.IMAGE, Inline("AAAA", "image/png"))
    request = Request("m", (Message(Role.USER, (Text("Look."), picture)),), thinking=Thinking(ThinkingMode.BUDGET, 2000))
    assert facts_of(request).outline == Outline(thinking=True, images=True)
    assert facts_of(request).has_tokens(100)


# Over real sockets


@pytest.mark.parametrize("name", NAMES)
async def test_a_rule_leads_a_clients_request(name: str) -> None:
    thinking: dict[str, Any] = {
        "anthropic": {"thinking": {"type": "adaptive"}},
        "openai-chat": {"reasoning_effort": "high"},
        "openai-responses": {"reasoning": {"effort": "high"}},
        "gemini": {"generationConfig": {"thinkingConfig": {"thinkingBudget": 2000}}},
    }[name]
    async with Scene([name, name]) as scene:
        rules = [ModelRule("*", ("one/*",))]
        scene.pipeline.routes = RouteTable(rules, {}, by_content=[RouteRule(("two/deep",), thinking=True)])
        for upstream in scene.upstreams:
            upstream.will(says(FORMATS[name], "Hi.", stream=False))
        plain = await scene.pipeline.generate(asked(FORMATS[name], "m", stream=False))
        deep = await scene.pipeline.generate(asked(FORMATS[name], "m", stream=False, **thinking))
        assert [answer.headers["x-ccproxy-route"] for answer in (plain, deep)] == ["one/m", "two/deep"]
        assert deep.headers["x-ccproxy-rule"] == "rule 1: thinking -> two/deep"
        assert scene.heard == [1, 1]


# What clients may ask for


@pytest.mark.parametrize("name", NAMES)
async def test_a_client_gets_what_it_may_ask_for_and_nothing_else(name: str) -> None:
    async with Scene([name]) as scene:
        scene.pipeline._allowed = Allowed({"alice": ["chain", "gpt-*"], "bob": ["*"]})
        scene.upstreams[0].will(says(FORMATS[name], "Hi.", stream=False))
        for client, model, served in [("alice", "chain", True), ("alice", "one/m", False), ("bob", "one/m", True), (None, "one/m", True)]:
            exchange = asked(FORMATS[name], model, stream=False)
            exchange.client = client
            answer = await told(scene.pipeline, exchange)
            assert isinstance(answer, Response if served else APIError), (client, model)
            if isinstance(answer, APIError):
                assert (answer.kind, answer.http_status, answer.param) == (ErrorKind.PERMISSION, 403, "model")
                assert "alice" in answer.message
        assert scene.heard == [3]


async def test_lists_show_only_what_may_be_asked_for() -> None:
    async with Scene(["openai-chat"]) as scene:
        scene.pipeline.routes = RouteTable([ModelRule("good", ("one/m",)), ModelRule("bad", ("one/m",))], {})
        scene.pipeline._allowed = Allowed({"alice": ["good"]})
        scene.upstreams[0].will(says(FORMATS["openai-chat"], "", stream=False))
        for client, names in (("alice", ["good"]), ("bob", ["good", "bad"])):
            exchange = asked(FORMATS["openai-chat"], "x", stream=False)
            exchange.client = client
            listed = json.loads((await scene.pipeline.list_models(exchange)).body)
            assert [model["id"] for model in listed["data"]] == names
        exchange.client = "alice"
        with pytest.raises(BadRequest) as caught:
            await scene.pipeline.get_model(exchange, "bad")
        assert caught.value.kind is ErrorKind.NOT_FOUND
        assert json.loads((await scene.pipeline.get_model(exchange, "good")).body)["id"] == "good"


@given(st.text(), st.lists(st.text(max_size=5), max_size=4))
def test_a_glob_allows_what_it_matches(model: str, globs: list[str]) -> None:
    allowed = Allowed({"a": globs})
    literal = [glob for glob in globs if "*" not in glob]
    if model in literal or "*" in globs:
        assert allowed.may_ask("a", model)
    elif len(literal) == len(globs):
        assert not allowed.may_ask("a", model)
    assert allowed.may_ask("b", model)
