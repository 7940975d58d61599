"""What goes wrong behind the real CLI reaches the client under the right name."""

import asyncio
import json
import time
from pathlib import Path

import pytest

from ccproxy_cli.backends.base import EventStream
from ccproxy_cli.backends.claude_code.backend import ClaudeCodeBackend
from ccproxy_cli.backends.claude_code.cli import Cli, Login, ask_login
from ccproxy_cli.backends.claude_code.process import Child
from ccproxy_cli.core.errors import BadUpstream, ErrorKind, UpstreamError
from ccproxy_cli.core.events import Event, TextDelta
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.parts import Text
from ccproxy_cli.core.request import Message, Role
from tests.backends.claude_code.conftest import Make, fetch, say
from tests.fake_anthropic import FakeAnthropic, Reply, text, tool_use

pytestmark = pytest.mark.real_cli


@pytest.mark.parametrize(
    ("status", "word", "message", "kind"),
    [
        (400, "invalid_request_error", "messages.0: bad thing", ErrorKind.INVALID_REQUEST),
        (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", ErrorKind.CONTEXT_OVERFLOW),
        (401, "authentication_error", "invalid x-api-key", ErrorKind.AUTHENTICATION),
        (404, "not_found_error", "model: claude-sonnet-4-5", ErrorKind.NOT_FOUND),
        (429, "rate_limit_error", "slow down", ErrorKind.RATE_LIMIT),
        (529, "overloaded_error", "Overloaded", ErrorKind.OVERLOADED),
    ],
)
async def test_api_errors_keep_their_status(
    backend: ClaudeCodeBackend, api: FakeAnthropic, status: int, word: str, message: str, kind: ErrorKind
) -> None:
    api.will_fail(status, word, message, times=9)
    with pytest.raises(UpstreamError) as caught:
        await backend.send(say("hi"), Losses())
    error = caught.value.error
    assert (error.kind, error.http_status) == (kind, status)
    if kind is ErrorKind.CONTEXT_OVERFLOW:
        assert error.message.startswith("prompt is too long")
    elif status not in (401, 404):  # there the CLI has words of its own
        assert message in error.message
    assert not backend._runs


async def test_a_conversation_that_is_too_long_is_not_shortened(backend: ClaudeCodeBackend, api: FakeAnthropic) -> None:
    api.will_fail(400, "invalid_request_error", "prompt is too long: 262000 tokens > 200000 maximum", times=9)
    with pytest.raises(UpstreamError) as caught:
        await backend.send(say("word " * 120_000, Message(Role.ASSISTANT, (Text("word " * 60_000),)), "word " * 60_000), Losses())
    assert caught.value.error.kind is ErrorKind.CONTEXT_OVERFLOW
    assert [len(body["messages"]) for body in api.bodies] == [3]


async def test_a_long_wait_is_not_waited_out(backend: ClaudeCodeBackend, api: FakeAnthropic) -> None:
    api.will_fail(429, "rate_limit_error", "slow down", times=9, retry_after="40")
    with pytest.raises(UpstreamError) as caught:
        await backend.send(say("hi"), Losses())
    assert caught.value.error.kind is ErrorKind.RATE_LIMIT
    assert 40 <= int(caught.value.error.retry_after or 0) <= 50
    assert len(api.bodies) == 1


async def test_one_bad_moment_of_the_api_is_not_seen(backend: ClaudeCodeBackend, api: FakeAnthropic) -> None:
    api.will_fail(529, "overloaded_error", "Overloaded")
    response, _ = await fetch(backend, say("hi"))
    assert response.id == "msg_fake_2"


async def test_a_usage_limit_tells_when_it_ends(make: Make, api: FakeAnthropic) -> None:
    reset = str(int(time.time()) + 3600)
    limits = {"anthropic_ratelimit_unified_status": "rejected", "anthropic_ratelimit_unified_reset": reset}
    claim = {"anthropic_ratelimit_unified_representative_claim": "five_hour"}
    message = "This request would exceed your account's rate limit. Please try again later."
    api.will_fail(429, "rate_limit_error", message, times=9, retry_after="3600", **limits, **claim)
    token = {"ANTHROPIC_API_KEY": None, "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-made-up"}
    with pytest.raises(UpstreamError) as caught:
        await make(environment=token).send(say("hi"), Losses())
    assert caught.value.error.kind is ErrorKind.RATE_LIMIT
    assert 3500 <= int(caught.value.error.retry_after or 0) <= 3700


async def test_logged_out_is_told_with_its_remedy(make: Make, api: FakeAnthropic) -> None:
    backend = make(environment={"ANTHROPIC_API_KEY": None})
    with pytest.raises(UpstreamError, match="claude auth login") as caught:
        await backend.send(say("hi"), Losses())
    assert (caught.value.error.kind, caught.value.error.http_status) == (ErrorKind.AUTHENTICATION, 401)
    assert api.bodies == []
    health = await backend.health()
    assert not health.ok
    assert "claude auth login" in health.detail


async def test_a_broken_connection_is_no_end(backend: ClaudeCodeBackend, api: FakeAnthropic) -> None:
    for _ in range(4):
        api.will_say(text("half an"), cut=True)
    stream = await backend.send(say("hi"), Losses())
    seen: list[Event] = []
    with pytest.raises(BadUpstream, match="broke off"):
        await drain(stream, seen)
    await stream.aclose()
    words = "".join(event.text for event in seen if isinstance(event, TextDelta))
    assert words == "half an"


async def drain(stream: EventStream, seen: list[Event]) -> None:
    async for batch in stream:
        seen += batch


async def test_an_error_in_the_middle_is_no_end(backend: ClaudeCodeBackend, api: FakeAnthropic) -> None:
    api.will_say(text("half an"), error={"type": "overloaded_error", "message": "Overloaded"})
    with pytest.raises((BadUpstream, UpstreamError)):
        await fetch(backend, say("hi"))


async def test_health_names_the_program_and_the_login(backend: ClaudeCodeBackend) -> None:
    health = await backend.health()
    assert health.ok
    assert Path(health.detail.partition(",")[0]).name == "claude"
    assert "api_key" in health.detail


async def test_models_are_what_the_login_may_use(backend: ClaudeCodeBackend, api: FakeAnthropic) -> None:
    known = {model.id: model for model in await backend.models()}
    assert {"opus", "sonnet", "haiku"} <= known.keys()
    assert known["opus"].display_name == "Opus"
    assert any(name.startswith("claude-opus-") for name in known)
    capabilities = known["opus"].extras["anthropic"]["capabilities"]
    assert capabilities["effort"]["high"] == {"supported": True}
    assert api.bodies == []
    assert await backend.models() == tuple(known.values())
    await fetch(backend, say("hi", model="some-model-of-mine"))
    assert {model.id for model in await backend.models()} == known.keys()


async def test_a_model_is_asked_for_by_any_name_it_is_listed_under(backend: ClaudeCodeBackend, api: FakeAnthropic) -> None:
    full = next(model.id for model in await backend.models() if model.id.startswith("claude-haiku"))
    for name in ("haiku", full):
        await fetch(backend, say("hi", model=name))
    assert [body["model"] for body in api.bodies] == [full, full]


async def test_without_a_cli_the_models_are_its_aliases(make: Make) -> None:
    assert [model.id for model in await make(executable="/nowhere/claude").models()] == ["sonnet", "opus", "haiku"]


async def test_what_is_left_of_a_subscription_is_told_once_it_is_known(make: Make, api: FakeAnthropic) -> None:
    soon = str(int(time.time()) + 3000)
    window = {"utilization": "0.91", "reset": soon, "status": "allowed_warning"}
    headers = {"anthropic-ratelimit-unified-status": "allowed_warning", "anthropic-ratelimit-unified-reset": soon}
    headers |= {"anthropic-ratelimit-unified-representative-claim": "five_hour"}
    headers |= {f"anthropic-ratelimit-unified-5h-{name}": value for name, value in window.items()}
    api.will_say(text("hello"), headers=headers)
    backend = make(environment={"ANTHROPIC_API_KEY": None, "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-made-up"})
    assert "limit" not in (await backend.health()).detail
    await fetch(backend, say("hi"))
    assert (await backend.health()).detail.endswith("five hour limit used to 91%, new in 50 min")


def subscribe(home: Path) -> None:
    """What a login by browser leaves there. Made up, and never read by anything but the CLI."""
    expires = int(time.time() * 1000) + 36_000_000
    tokens = {"accessToken": "sk-ant-oat01-made-up", "refreshToken": "sk-ant-ort01-made-up", "expiresAt": expires}
    login = {**tokens, "scopes": ["user:inference", "user:profile"], "subscriptionType": "max"}
    (home / ".claude").mkdir()
    (home / ".claude" / ".credentials.json").write_text(json.dumps({"claudeAiOauth": login}))


async def test_the_subscription_is_known_without_an_answer(make: Make, tmp_path: Path) -> None:
    subscribe(tmp_path / "home")
    backend = make(environment={"ANTHROPIC_API_KEY": None})
    assert await backend.account() == "Claude Max"
    assert "max" in (await backend.health()).detail
    assert await make().account() is None


async def test_however_many_want_to_know_one_process_is_asked(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Cli] = []

    async def ask(cli: Cli, environment: dict[str, str]) -> Login | None:
        asked.append(cli)
        return await ask_login(cli, environment)

    monkeypatch.setattr("ccproxy_cli.backends.claude_code.backend.ask_login", ask)
    backend = make()
    states = await asyncio.gather(*(backend.health() for _ in range(20)))
    assert all(state.ok for state in states)
    assert len(asked) == 1


async def test_tokens_are_estimated(backend: ClaudeCodeBackend) -> None:
    count = await backend.count_tokens(say("word " * 1000), Losses())
    assert count.estimated
    assert 800 < count.input_tokens < 2000


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The CLI is left alone for a while when its answer is complete."""
    end = Child.end

    async def end_later(child: Child) -> None:
        await child.exited(1.0)
        await end(child)

    monkeypatch.setattr(Child, "kill", lambda _: None)
    monkeypatch.setattr(Child, "end", end_later)


LOGINS: dict[str, dict[str, str | None]] = {
    "key": {},
    "login": {"ANTHROPIC_API_KEY": None, "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-made-up"},
    "cloud": {
        "CLAUDE_CODE_USE_FOUNDRY": "1",
        "ANTHROPIC_FOUNDRY_API_KEY": "made-up",
        "ANTHROPIC_API_KEY": None,
        "ANTHROPIC_BASE_URL": None,
    },
}
LIMIT = Reply([text("so much to s")], "max_tokens", pause=0.5)
ENDS = {
    "unknown tool": Reply([tool_use("Bash", {"command": "ls"})], "tool_use", pause=0.5),
    "refusal": Reply([text("no")], "refusal", pause=0.5),
    "stop": Reply([text("yes")], pause=0.5),
}


@pytest.mark.usefixtures("unhurried")
@pytest.mark.parametrize(
    ("login", "reply"), [*((login, LIMIT) for login in LOGINS), *(("key", reply) for reply in ENDS.values())], ids=[*LOGINS, *ENDS]
)
async def test_one_request_is_asked_once(make: Make, api: FakeAnthropic, login: str, reply: Reply) -> None:
    base = {"ANTHROPIC_FOUNDRY_BASE_URL": api.url} if login == "cloud" else {}
    api.will_reply(reply)
    await fetch(make(environment={**LOGINS[login], **base}), say("hi"))
    assert len(api.bodies) == 1
