"""A user of the real Claude CLI: what `ask` and `doctor` say when it is logged in, and what everybody is told when it is not."""

import json
import sys
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from ccproxy_cli.backends.claude_code.cli import LOGIN_HINT, find_cli
from tests.backends.claude_code.test_real_errors import subscribe
from tests.e2e.conftest import CCPROXY, Machine
from tests.e2e.talks import PICTURE, told_anthropic
from tests.fake_anthropic import FakeAnthropic, text
from tests.launch.conftest import wait_until

pytestmark = pytest.mark.real_cli

LOGGED_OUT = '[providers.claude]\npreset = "claude-code"\n'
"""No key here, and the home it runs in is empty."""


async def test_ask_is_answered(machine: Machine) -> None:
    picture = machine.work / "square.png"
    picture.write_bytes(PICTURE)
    async with FakeAnthropic() as api:
        api.will_say(text("A grey *square*."))
        machine.configure("claude", preset="claude-code", environment=api.environment)
        ended = await machine.run(*CCPROXY, "ask", "-m", "sonnet", "-s", "Be brief.", "-a", str(picture), "What is it?", stdin=b"piped in")
    assert (ended.code, ended.out, ended.err) == (0, "A grey *square*.\n", "")
    (body,) = api.bodies
    (told,) = told_anthropic(body)
    assert told[0] == "user"
    assert set(told[1]) == {"piped in\n\nWhat is it?", PICTURE}
    assert body["system"][-1]["text"] == "Be brief."


async def findings(machine: Machine, **environment: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and by name what the checks say."""
    ended = await machine.run(*CCPROXY, "doctor", "--json", environment=environment)
    envelope = json.loads(ended.out)
    assert (envelope["schema"], envelope["command"], envelope["exit_code"]) == (1, "doctor", ended.code)
    return ended.code, {finding["check"]: finding for finding in envelope["data"]["findings"]}


async def test_doctor_tells_path_version_and_login(machine: Machine) -> None:
    cli = find_cli()
    assert cli is not None
    version = (await machine.run(cli.path, "--version")).out.split()[0]
    async with FakeAnthropic() as api:
        machine.configure("claude", preset="claude-code", environment=api.environment)
        code, found = await findings(machine)
    assert code == 0
    place = {"provider": "claude", "path": cli.path, "origin": cli.origin, "version": version}
    assert (found["claude-cli"]["status"], found["claude-cli"]["facts"]) == ("ok", place)
    assert found["claude-login"]["status"] == "ok"
    assert found["claude-login"]["facts"].items() >= {"provider": "claude", "logged_in": True, "method": "api_key"}.items()
    assert not api.bodies  # no model was asked


async def test_the_subscription_is_told(machine: Machine) -> None:
    subscribe(machine.home)
    machine.configure("claude", preset="claude-code")
    _, found = await findings(machine)
    assert found["claude-login"]["facts"].items() >= {"logged_in": True, "plan": "max", "account": "Claude Max"}.items()
    listed = json.loads((await machine.run(*CCPROXY, "models", "--json")).out)["data"]
    assert listed["accounts"] == {"claude": "Claude Max"}
    assert "claude/sonnet" in {model["id"] for model in listed["models"]}


async def test_doctor_tells_how_to_log_in(machine: Machine) -> None:
    machine.configure("claude", preset="claude-code")
    code, found = await findings(machine, PATH="/usr/bin:/bin")
    assert code == 1
    assert found["binaries"]["fix"] == f"add {Path(sys.executable).parent} to PATH"
    assert found["claude-cli"]["status"] == "ok"
    login = found["claude-login"]
    assert (login["status"], login["fix"], login["facts"]["logged_in"]) == ("fail", LOGIN_HINT, False)


async def test_ask_tells_how_to_log_in(machine: Machine) -> None:
    machine.configure("claude", preset="claude-code")
    ended = await machine.run(*CCPROXY, "ask", "-m", "sonnet", "hello")
    assert (ended.code, ended.out) == (1, "")
    assert len(ended.err.splitlines()) == 1
    assert ended.err.startswith("error: ")
    assert LOGIN_HINT in ended.err


async def test_logged_out_is_a_401_that_sdks_do_not_repeat(machine: Machine) -> None:
    asked: dict[str, Any] = {"model": "sonnet", "messages": [{"role": "user", "content": "hello"}]}
    refusals: list[Any] = []
    with machine.serve(LOGGED_OUT) as served:
        async with (
            openai.AsyncOpenAI(base_url=f"{served.url}/v1", api_key="any", max_retries=2) as chat,
            anthropic.AsyncAnthropic(base_url=served.url, api_key="any", max_retries=2) as claude,
        ):
            for stream in (True, False):
                with pytest.raises(openai.AuthenticationError) as by_openai:
                    await chat.chat.completions.create(**asked, stream=stream)
                with pytest.raises(anthropic.AuthenticationError) as by_anthropic:
                    await claude.messages.create(**asked, max_tokens=9, stream=stream)
                refusals += [by_openai.value, by_anthropic.value]
        wait_until(lambda: not any("claude" in process.name() for process in served.children))
    assert [(line["status"], line["client_format"]) for line in served.log] == [(401, "openai-chat"), (401, "anthropic")] * 2
    for refusal in refusals:
        assert refusal.response.headers["x-should-retry"] == "false"
        assert refusal.response.headers["content-type"] == "application/json"
    for said in (refusal.body for refusal in refusals[::2]):
        assert (said["type"], said["code"], LOGIN_HINT in said["message"]) == ("invalid_request_error", "invalid_api_key", True)
    for said in (refusal.body for refusal in refusals[1::2]):
        assert (said["type"], said["error"]["type"], LOGIN_HINT in said["error"]["message"]) == ("error", "authentication_error", True)
