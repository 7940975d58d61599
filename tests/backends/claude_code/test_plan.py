"""A request, in the CLI's terms."""

import pytest

from ccproxy_cli.backends.claude_code.plan import Plan, known_as, make_plan
from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.formats.anthropic import FORMAT
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.jsontext import dumps
from ccproxy_cli.core.parts import Text
from ccproxy_cli.core.request import Message, Request, Role, Sampling, Tool
from tests.backends.claude_code.conftest import native, say


def plan(request: Request) -> tuple[Plan, list[str]]:
    losses = Losses()
    return make_plan(request, {}, losses, bare=True), [loss.field for loss in losses]


def test_all_turns_but_the_last_are_only_to_be_remembered() -> None:
    made, _ = plan(say("a", Message(Role.ASSISTANT, (Text("b"),)), "c", Message(Role.ASSISTANT, (Text("d"),)), "e"))
    frames = [made.frame(index) for index in range(5)]
    assert [frame["type"] for frame in frames] == ["user", "assistant", "user", "assistant", "user"]
    assert [frame.get("shouldQuery") for frame in frames] == [False, None, False, None, None]
    ids = [frame["message"].get("id") for frame in frames]
    assert len({made_id for made_id in ids if made_id}) == 2


def test_what_binds_a_process() -> None:
    assert plan(say("a"))[0].initialize == {"systemPrompt": ""}  # absent, the CLI would put its own words there
    made, _ = plan(say("a", tools=(Tool("look", None, {"type": "object"}),), instructions=(Text("One."), Text("Two."))))
    assert made.initialize == {"systemPrompt": "One.\n\nTwo.", "sdkMcpServers": ["client"]}


def test_a_clients_billing_line_is_no_prompt() -> None:
    system = [{"type": "text", "text": "x-anthropic-billing-header: cc_version=1;"}, {"type": "text", "text": "Be brief."}]
    body = {"model": "sonnet", "max_tokens": 9, "system": system, "messages": [{"role": "user", "content": "a"}]}
    assert plan(native(body))[0].system == "Be brief."


@pytest.mark.parametrize(("model", "lost"), [("opus", ["temperature"]), ("sonnet[1m]", ["temperature"]), ("claude-sonnet-4-5", [])])
def test_an_alias_has_the_abilities_of_the_newest_model(model: str, lost: list[str]) -> None:
    assert plan(say("a", model=model, sampling=Sampling(temperature=0.5)))[1] == lost


def test_the_users_own_facts_count() -> None:
    losses = Losses()
    make_plan(say("a", sampling=Sampling(temperature=0.5)), {"sampling": False}, losses, bare=True)
    assert [loss.field for loss in losses] == ["temperature"]


def test_beta_headers_are_the_clis_own() -> None:
    body = {"model": "sonnet", "max_tokens": 9, "messages": [{"role": "user", "content": "a"}]}
    call = HTTPCall("POST", "/v1/messages", dumps(body), {"anthropic-beta": "some-feature-2026-01-01"})
    assert plan(FORMAT.decode_request(call, Losses()))[1] == ["anthropic-beta"]


def test_what_is_no_model_is_refused_first() -> None:
    with pytest.raises(BadRequest) as caught:
        plan(say("a", model="--help"))
    assert caught.value.param == "model"


@pytest.mark.parametrize(
    ("model", "known"),
    [
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5-20250929"),
        ("anthropic.claude-opus-4-6-v1", "claude-opus-4-6"),
        ("us.anthropic.claude-sonnet-4-6[1m]", "claude-sonnet-4-6"),
        ("us.anthropic.claude-opus-5-5", "claude-opus-5-5"),
        ("claude-opus-4-1@20250805", "claude-opus-4-1-20250805"),
        ("claude-sonnet-4-5", "claude-sonnet-4-5"),
        ("sonnet", "claude-sonnet-5"),
        ("haiku[1m]", "claude-haiku-4-5-20251001"),
        ("arn:aws:bedrock:x/y", "arn:aws:bedrock:x/y"),
    ],
)
def test_a_model_by_any_name(model: str, known: str) -> None:
    assert known_as(model, {"haiku": "eu.anthropic.claude-haiku-4-5-20251001-v1:0"}) == known


def test_an_alias_has_the_abilities_of_what_the_cli_makes_of_it() -> None:
    losses = Losses()
    request = say("hi", model="sonnet", sampling=Sampling(temperature=0.5))
    make_plan(request, {}, losses, bare=True, resolved={"sonnet": "us.anthropic.claude-sonnet-4-5-20250929-v1:0"})
    assert [loss.field for loss in losses] == []


def test_of_the_vendors_tools_only_the_search_is_offered() -> None:
    contents = [{"role": "user", "parts": [{"text": "hi"}]}]
    asked = {"contents": contents, "tools": [{"googleSearch": {}}, {"urlContext": {}}, {"codeExecution": {}}]}
    losses = Losses()
    request = FORMATS["gemini"].decode_request(HTTPCall("POST", "/models/sonnet:generateContent", dumps(asked)), losses)
    made = make_plan(request, {}, losses, bare=False)
    assert made.bridge is not None
    assert made.bridge.verbatim == [{"type": "web_search_20250305", "name": "web_search"}]
    assert len(list(losses)) == 2


def test_an_agent_is_told_beside_its_own_rules_and_keeps_its_own_tools() -> None:
    losses = Losses()
    tools = (Tool("look"),)
    made = make_plan(say("hi", instructions=(Text("Be brief."),), tools=tools), {}, losses, bare=False, agent=True)
    assert made.initialize == {"appendSystemPrompt": "Be brief."}
    assert made.bridge is None
    assert [loss.field for loss in losses] == ["tools"]
    assert make_plan(say("hi"), {}, Losses(), bare=False, agent=True).initialize == {}
