"""The files of other proxies: what they say is done, and what nobody here can do is named with its line."""

import json
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ccproxy_cli.backends.presets import PRESETS
from ccproxy_cli.config import files
from ccproxy_cli.config.load import Loaded, load
from ccproxy_cli.config.origin import ConfigError
from ccproxy_cli.config.settings import ModelRule, RouteRule
from ccproxy_cli.config.writing import to_toml, write_private

ROUTER: Mapping[str, Any] = {
    "APIKEY": "$PROXY_TOKEN",
    "HOST": "127.0.0.1",
    "PORT": 3456,
    "LOG": True,
    "LOG_LEVEL": "warn",
    "API_TIMEOUT_MS": 600_000,
    "PROXY_URL": "http://127.0.0.1:7890",
    "Providers": [
        {
            "name": "cloud",
            "api_base_url": "https://models.example.org/api/v1/chat/completions",
            "api_key": "${CLOUD_KEY}",
            "models": ["big", "vendor/thinker"],
            "transformer": {"use": ["openrouter", ["maxtoken", {"max_tokens": 8192}], "enhancetool"]},
        },
        {"name": "google", "api_base_url": "https://generativelanguage.googleapis.com/v1beta/models/", "api_key": "$G_KEY"},
        {"name": "claude", "api_base_url": "https://relay.example.org/v1/messages", "transformer": {"use": ["Anthropic"]}},
        {"name": "home", "api_base_url": "http://localhost:11434/v1/chat/completions", "api_key": "ollama", "models": ["small"]},
    ],
    "Router": {
        "default": "cloud,big",
        "background": "home,small",
        "think": "cloud,vendor/thinker",
        "longContext": "google,gemini-2.5-pro",
        "longContextThreshold": 50_000,
        "webSearch": "google,gemini-2.5-flash",
        "custom": "cloud,big",
    },
}


def loaded(path: Path, text: str, **environ: str) -> Loaded:
    path.write_text(text)
    path.chmod(0o600)
    return load({"HOME": str(path.parent), **environ}, path.parent, file=path, presets=PRESETS)


def test_a_router_leads_as_it_did(tmp_path: Path) -> None:
    settings = loaded(tmp_path / "config.json", json.dumps(ROUTER)).settings
    server = settings.server
    assert (server.token, server.port, server.log_level, settings.timeouts.first_byte) == ("env:PROXY_TOKEN", 3456, "warning", 600)
    cloud, google, claude, home = (settings.providers[name] for name in ("cloud", "google", "claude", "home"))
    assert (cloud.preset, cloud.format, cloud.base_url) == ("openai-compatible", "openai-chat", "https://models.example.org/api/v1")
    assert (cloud.models, cloud.profile) == (("big", "vendor/thinker"), {"max_output": 8192})
    assert (google.preset, google.base_url) == ("gemini", "https://generativelanguage.googleapis.com/v1beta")
    assert (claude.format, claude.base_url) == ("anthropic", "https://relay.example.org")
    assert (home.preset, home.base_url) == ("ollama", "http://localhost:11434/v1")
    assert settings.rules[-4:] == (
        RouteRule(("google/gemini-2.5-pro",), min_tokens=50_000),
        RouteRule(("home/small",), background=True),
        RouteRule(("google/gemini-2.5-flash",), web_search=True),
        RouteRule(("cloud/vendor/thinker",), thinking=True),
    )
    assert settings.rules[:2] == (RouteRule(("cloud/*",), model="cloud,*"), RouteRule(("cloud/*",), model="cloud/*"))
    assert settings.models == (ModelRule("*", ("cloud/big",)),)


def test_what_a_router_says_in_vain_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    text = json.dumps(ROUTER, indent=1)
    rows = text.split("\n")
    first, *rest = loaded(path, text).notices
    assert first.startswith(f"{path} was written for claude-code-router")
    lines = {message.split(":")[1]: message for message in rest}
    assert len(lines) == len(rest) == 3
    for word, name in (("PROXY_URL", "PROXY_URL"), ("custom", "Router.custom"), ("transformer", "Providers.transformer.enhancetool")):
        row = next(number for number, row in enumerate(rows, 1) if f'"{word}"' in row)
        assert lines[str(row)].startswith(f"{path}:{row}: {name} is not carried over")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"Router": {"default": "clout,big"}}, '"default"'),
        ({"Router": {"think": "clout,big"}}, '"think"'),
        ({"PORT": "many"}, '"PORT"'),
    ],
)
def test_mistakes_are_told_in_the_lines_of_the_file(change: dict[str, Any], place: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    text = json.dumps({**ROUTER, **change}, indent=1)
    row = next(number for number, row in enumerate(text.split("\n"), 1) if place in row)
    with pytest.raises(ConfigError) as caught:
        loaded(path, text)
    assert str(caught.value).startswith(f"{path}:{row}: ")


@pytest.mark.parametrize(
    "spoiled",
    [
        {"Providers": [], "Router": "default"},
        {"Providers": [{"name": "a", "api_base_url": "https://a.example/v1", "transformer": ["maxtoken"]}]},
        {"Providers": [{"name": "a", "api_base_url": "https://a.example/v1", "transformer": {"m": "maxtoken"}}]},
        [{"model_id": "m", "api_base": "https://a.example/v1", "extra_headers": ["x"]}],
    ],
)
def test_a_file_of_another_shape_is_refused_in_one_line(spoiled: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not of the shape that such files have"):
        loaded(tmp_path / "config.json", json.dumps(spoiled))


def test_without_a_key_only_this_machine_is_served(tmp_path: Path) -> None:
    found = loaded(tmp_path / "config.json", json.dumps({"HOST": "0.0.0.0", "Providers": []}))
    assert found.settings.server.host == "127.0.0.1"
    assert any("HOST is not carried over" in notice for notice in found.notices)


MODELS = """# mine
- model_id: fast
  model_name: vendor/fast-1
  api_base: https://models.example.org/api/v1
  api_key_name: CLOUD_KEY
  can_stream: true
  max_tokens: 16K
  reasoning_effort: low
- model_id: slow
  api_base: "https://models.example.org/api/v1/"
  api_key_name: CLOUD_KEY
  max_tokens: 16K
- model_id: other-key
  api_base: https://models.example.org/api/v1
  max_tokens: 4000
- model_id: direct
  model_name: claude-x
  api_base: https://relay.example.org
  direct: true
  api_key: short
"""


def test_a_list_of_models_leads_as_it_did(tmp_path: Path) -> None:
    found = loaded(tmp_path / "models.yaml", MODELS)
    settings = found.settings
    assert {rule.pattern: rule.targets[0] for rule in settings.models} == {
        "fast": "example/vendor/fast-1",
        "slow": "example/slow",
        "other-key": "example-2/other-key",
        "direct": "example-3/claude-x",
    }
    first, second, third = (settings.providers[name] for name in ("example", "example-2", "example-3"))
    assert (first.api_key, first.profile, first.models) == (("env:CLOUD_KEY",), {"max_output": 16_000}, ("vendor/fast-1", "slow"))
    assert (second.api_key, second.profile) == (("client",), {"max_output": 4000})
    assert (third.format, third.base_url, third.api_key) == ("anthropic", "https://relay.example.org", ("short",))
    assert [notice for notice in found.notices if "carried" in notice] == [
        f"{tmp_path}/models.yaml:8: reasoning_effort is not carried over: there is nothing like it here"
    ]


def test_plain_settings_are_the_servers(tmp_path: Path) -> None:
    server = loaded(
        tmp_path / "config.json", '{"host": "127.0.0.1", "port": 8082, "log_level": "WARNING", "log_file_path": "/x"}'
    ).settings.server
    assert (server.host, server.port, server.log_level) == ("127.0.0.1", 8082, "warning")


@pytest.mark.parametrize("name", ["config.json", "models.yaml"])
def test_what_is_written_anew_amounts_to_the_same(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    before = loaded(path, json.dumps(ROUTER) if name.endswith("json") else MODELS)
    config = files.read(path)
    new = tmp_path / "new.toml"
    write_private(new, to_toml(config.values, ["a remark\nof two lines"]), over=False)
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    assert load({"HOME": str(tmp_path)}, tmp_path, file=new, presets=PRESETS).settings == before.settings


def test_a_file_is_never_written_over_unasked(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "config.toml"
    write_private(path, "a = 1\n", over=False)
    with pytest.raises(ConfigError, match="is there already"):
        write_private(path, "a = 2\n", over=False)
    assert path.read_text() == "a = 1\n"
    write_private(path, "a = 2\n", over=True)
    assert path.read_text() == "a = 2\n"
    assert [file.name for file in path.parent.iterdir()] == ["config.toml"]
