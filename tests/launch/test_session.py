"""Where a wrapped program's requests go, and what is counted of them."""

import pytest
from attrs import evolve

from ccproxy_cli.config.settings import ModelRule, ProviderSettings, RouteRule, ServerSettings, Settings
from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.response import Usage
from ccproxy_cli.launch.session import Tally, routes_to, routes_with_default, routes_within, session_settings, window_of
from ccproxy_cli.pipeline.exchange import Exchange
from ccproxy_cli.pipeline.route import RouteTable
from ccproxy_cli.server.visit import Visit

TABLE = RouteTable(
    [ModelRule("fast-*", ("up/gpt-*",))], {"claude": ("claude-*", "sonnet*"), "openai": ("gpt-*",), "up": (), "echo": ("echo",)}, None
)


def routed(table: RouteTable, *names: str) -> list[str]:
    return [str(table.resolve(name).target) for name in names]


@pytest.mark.parametrize(
    ("model", "backend", "target"),
    [
        ("gpt-4o", None, "openai/gpt-4o"),
        ("fast-4o", None, "up/gpt-4o"),
        ("up/anything", None, "up/anything"),
        ("gpt-4o", "up", "up/gpt-4o"),
        ("up/gpt-4o", "up", "up/gpt-4o"),
        ("org/model", "up", "up/org/model"),
    ],
)
def test_a_model_that_was_asked_for_answers_everything(model: str, backend: str | None, target: str) -> None:
    assert set(routed(routes_to(TABLE, model, backend), "claude-opus-4-8", "gpt-4o", "fast-x", "echo", "claude/sonnet")) == {target}


def test_a_name_with_stand_ins_keeps_them() -> None:
    table = evolve(TABLE, rules=[ModelRule("quick", ("up/a", "openai/b"))])
    assert list(map(str, routes_to(table, "quick", None).resolve("anything").targets)) == ["up/a", "openai/b"]


def test_a_model_that_nobody_serves_is_refused_before_the_program_starts() -> None:
    with pytest.raises(BadRequest):
        routes_to(TABLE, "nobodys", None)


def test_within_a_provider_its_own_names_stay() -> None:
    table = routes_within(TABLE, "openai", "openai/gpt-default")
    assert routed(table, "gpt-5.1", "claude-opus-4-8", "openai/o3", "fast-x") == [
        "openai/gpt-5.1", "openai/gpt-default", "openai/o3", "openai/gpt-default",
    ]  # fmt: skip


def test_a_provider_whose_names_are_unknown_takes_them_all() -> None:
    assert routed(routes_within(TABLE, "up", None), "claude-opus-4-8", "up/x") == ["up/claude-opus-4-8", "up/x"]


def test_without_a_wish_the_users_routes_hold_and_the_default_takes_the_rest() -> None:
    names = ("fast-4o", "sonnet", "gpt-4o", "up/x", "echo", "nobodys")
    assert routed(routes_with_default(TABLE, "claude/sonnet"), *names[:-1]) == routed(TABLE, *names[:-1])
    assert routed(routes_with_default(TABLE, "claude/sonnet"), "nobodys") == ["claude/sonnet"]


def test_a_sole_provider_still_takes_every_name() -> None:
    table = RouteTable([], {"up": (), "echo": ("echo",)}, "up")
    assert routed(routes_with_default(table, None), "anything", "echo") == ["up/anything", "echo/echo"]


def test_rules_by_content_hold_for_a_program_unless_it_was_given_a_model() -> None:
    rules = (RouteRule(("up/deep",), thinking=True),)
    table = evolve(TABLE, by_content=rules)
    assert routes_with_default(table, "claude/sonnet").by_content == rules
    assert not routes_to(table, "gpt-4o", None).by_content
    assert not routes_within(table, "up", None).by_content


def test_the_session_listens_on_loopback_whatever_the_user_serves_on() -> None:
    users = Settings(
        ServerSettings(host="0.0.0.0", port=80, token="env:T", allowed_hosts=("box",), allowed_origins=("https://x",)),
        {
            "a": ProviderSettings("anthropic", api_key="client"),
            "u": ProviderSettings("openai-compatible", base_url="http://u", format="anthropic", api_key="client"),
            "v": ProviderSettings("openai-compatible", base_url="http://v", api_key="client"),
            "w": ProviderSettings("openai", api_key="env:MINE"),
            "x": ProviderSettings("openai-compatible", base_url="http://x", format="gemini", api_key="client"),
        },
    )
    session = session_settings(users, "one-time")
    assert session.server == ServerSettings(port=0, token="one-time")
    assert session.server.host == "127.0.0.1"
    # The caller's key is our token here, and must not be sent to anyone.
    assert [key for provider in session.providers.values() for key in provider.api_key] == [
        "env:ANTHROPIC_API_KEY", "env:ANTHROPIC_API_KEY", "env:OPENAI_API_KEY", "env:MINE", "env:GEMINI_API_KEY",
    ]  # fmt: skip


def visit(route: str | None = None, usage: Usage | None = None, outcome: str | None = None, error: str | None = None) -> Visit:
    made = Visit("req_1", FORMATS["anthropic"], "POST", "/v1/messages", {}, None, None, status=200, outcome=outcome, error_type=error)
    made.exchange = Exchange("req_1", made.format, HTTPCall("POST", "/v1/messages", b"", {}), model="m", route=route, usage=usage)
    return made


def test_the_account_is_one_line() -> None:
    tally = Tally()
    assert str(tally) == "the program made no requests"
    tally.observe(visit("up/gpt-4o", Usage(input=1000, cache_read=200, output=34)))
    assert str(tally) == "1 request, 1,200 tokens in, 34 out (up/gpt-4o)"
    tally.observe(visit("up/gpt-4o", outcome="upstream_error", error="rate_limit"))
    tally.observe(visit("up/mini", Usage(), outcome="client_gone"))
    tally.observe(visit("up/mini", Usage()))
    assert str(tally) == ("4 requests, 1,200 tokens in, 34 out and 1 answer uncounted (up/gpt-4o ×2, up/mini ×2); failed: rate_limit")


@pytest.mark.parametrize(
    ("path", "counted"),
    [
        ("/v1beta/models/m:streamGenerateContent", 1),
        ("/v1beta/models/m:countTokens", 0),
        ("/v1beta/models/m", 0),
        ("/v1/responses", 1),
        ("/v1/responses/compact", 1),
        ("/v1/responses/resp_1", 0),
    ],
)
def test_only_questions_to_a_model_count(path: str, counted: int) -> None:
    tally, made = Tally(), visit("up/m", Usage(output=1))
    made.path = path
    tally.observe(made)
    assert tally.requests == counted


def test_refusals_before_the_pipeline_are_failures_and_questions_about_the_server_are_nothing() -> None:
    tally = Tally()
    tally.observe(Visit("req_1", FORMATS["anthropic"], "GET", "/health", {}, None, None, status=200))
    # Claude Code 2.1.329 sends this one without a key when it starts on a terminal.
    tally.observe(Visit("req_3", FORMATS["anthropic"], "HEAD", "/api/hello", {}, None, None, status=401, error_type="authentication"))
    assert str(tally) == "the program made no requests"
    tally.observe(Visit("req_2", FORMATS["anthropic"], "POST", "/v1/messages", {}, None, None, status=401, error_type="authentication"))
    assert str(tally) == "0 requests, 0 tokens in, 0 out; failed: authentication"


@pytest.mark.parametrize(
    ("model", "window"),
    [("up/claude-opus-4-5", 200_000), ("claude-opus-4-5-20251101", 200_000), ("up/unheard-of", None), ("echo/echo", None), (None, None)],
)
def test_a_programs_model_may_have_a_window_that_is_known(model: str | None, window: int | None) -> None:
    settings = Settings(providers={"up": ProviderSettings("anthropic"), "echo": ProviderSettings("echo")})
    table = RouteTable([], {"up": ("claude-*",), "echo": ("echo",)})
    assert window_of(settings, table, model) == window
