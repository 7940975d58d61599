"""The command line is fixed, the environment is an allow-list."""

from itertools import pairwise

import pytest

from ccproxy_cli.backends.claude_code.command import FIXED_ENVIRONMENT, arguments, environment, is_bare, is_cloud
from ccproxy_cli.core.errors import BadRequest


def test_the_agent_is_switched_off() -> None:
    line = arguments("/bin/claude", "sonnet", bare=False)
    pairs = dict(pairwise(line))
    assert line[0] == "/bin/claude"
    assert pairs["--tools"] == ""
    assert pairs["--setting-sources"] == ""
    assert pairs["--permission-mode"] == "dontAsk"
    assert pairs["--model"] == "sonnet"
    assert {"--strict-mcp-config", "--disable-slash-commands", "--no-session-persistence"} <= set(line)
    assert not [word for word in line if "bypass" in word or "dangerously" in word]
    assert "--bare" not in line
    assert "--bare" in arguments("/bin/claude", "sonnet", bare=True)


@pytest.mark.parametrize("model", ["sonnet", "claude-opus-4-8", "sonnet[1m]", "us.anthropic.claude-v1:0", "arn:aws:bedrock/x"])
def test_names_of_models(model: str) -> None:
    assert arguments("claude", model, bare=False)[-1] == model


@pytest.mark.parametrize(
    "model", ["", "-p", "--dangerously-skip-permissions", "--mcp-config={}", "a b", "a\n", "../x", "$(id)", "a" * 201, "ü", "a\0b"]
)
def test_what_is_no_model_never_becomes_an_argument(model: str) -> None:
    with pytest.raises(BadRequest) as caught:
        arguments("claude", model, bare=False)
    assert caught.value.param == "model"
    assert caught.value.error.http_status == 404


def test_only_what_is_needed_is_inherited() -> None:
    ours = {
        "PATH": "/bin",
        "HOME": "/home/me",
        "CLAUDE_CONFIG_DIR": "/conf",
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:8000",
        "ANTHROPIC_API_KEY": "sk-ant-of-another-backend",
        "ANTHROPIC_AUTH_TOKEN": "token",
        "OPENAI_API_KEY": "sk-openai",
        "CLAUDECODE": "1",
        "NODE_OPTIONS": "--require /tmp/x.js",
        "LD_PRELOAD": "/tmp/x.so",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    child = environment(ours, {})
    assert {name: child[name] for name in child if name in ours} == {"PATH": "/bin", "HOME": "/home/me", "CLAUDE_CONFIG_DIR": "/conf"}


def test_the_users_variables_win_over_all_but_safety() -> None:
    configured = {
        "ANTHROPIC_BASE_URL": "http://gateway",
        "CLAUDE_CODE_MAX_RETRIES": "7",
        "HOME": "/h",
        "CLAUDE_CODE_DISABLE_ATTACHMENTS": "0",
    }
    child = environment({"HOME": "/home/me"}, configured)
    assert child["ANTHROPIC_BASE_URL"] == "http://gateway"
    assert child["CLAUDE_CODE_MAX_RETRIES"] == "7"
    assert child["HOME"] == "/h"
    assert {name: child[name] for name in FIXED_ENVIRONMENT} == FIXED_ENVIRONMENT


def test_only_on_a_key_the_clis_own_betas_are_off() -> None:
    name = "CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS"
    assert environment({}, {"ANTHROPIC_API_KEY": "sk"})[name] == "1"
    assert name not in environment({}, {})


def test_bare_only_where_a_key_of_this_backend_authenticates() -> None:
    assert is_bare({"ANTHROPIC_API_KEY": "sk"})
    assert not is_bare({})
    assert not is_bare({"ANTHROPIC_API_KEY": ""})
    assert not is_bare({"ANTHROPIC_API_KEY": "sk", "ANTHROPIC_AUTH_TOKEN": "t"})


@pytest.mark.parametrize("cloud", ["BEDROCK", "VERTEX", "FOUNDRY"])
def test_bare_on_a_cloud(cloud: str) -> None:
    name = f"CLAUDE_CODE_USE_{cloud}"
    assert is_bare({name: "1"})
    assert is_cloud({name: " True "})
    assert not is_bare({name: "0"})
    assert not is_cloud({"ANTHROPIC_API_KEY": "sk"})
