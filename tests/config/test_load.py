"""One table of sources: whatever is set in a stronger one wins, and its place is known."""

import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from attrs import evolve

from ccproxy_cli.backends.presets import PRESETS
from ccproxy_cli.config.detect import Probes, Running
from ccproxy_cli.config.load import Loaded, check_exposure, load
from ccproxy_cli.config.origin import ConfigError, Kind, Origin, Value
from ccproxy_cli.config.secrets import PLACEHOLDER
from ccproxy_cli.config.settings import ModelRule, ProviderSettings, Settings

KEY = "sk-0123456789abcdef0123"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty project folder."""
    path = tmp_path / "project"
    path.mkdir()
    return path


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The environment of a user without any configuration."""
    return {"HOME": str(tmp_path / "home"), "XDG_CONFIG_HOME": str(tmp_path / "xdg")}


def write(path: Path, text: str, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def loaded(environ: Mapping[str, str], folder: Path, text: str = "") -> Loaded:
    """What a project's `ccproxy.toml` amounts to."""
    write(folder / "ccproxy.toml", text)
    return load(environ, folder, presets=PRESETS)


def problems(environ: Mapping[str, str], folder: Path, text: str = "") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(environ, folder, text)
    return [str(problem) for problem in caught.value.problems]


SOURCES = ("command line", "environment", "file", "dotenv")


@pytest.mark.parametrize("strongest", range(len(SOURCES) + 1))
def test_the_strongest_source_wins(strongest: int, folder: Path, environ: dict[str, str]) -> None:
    given = dict.fromkeys(SOURCES[strongest:])
    command_line: dict[tuple[str, ...], Value] = {}
    if "command line" in given:
        command_line["server", "port"] = Value(1001, Origin(Kind.COMMAND_LINE, "--port"))
    if "environment" in given:
        environ["PORT"] = "1002"
    if "file" in given:
        write(folder / "ccproxy.toml", "[server]\nport = 1003")
    if "dotenv" in given:
        write(folder / ".env", "# mine\nPORT=1004")
    result = load(environ, folder, command_line=command_line)
    expected = [
        (1001, "command line: --port"),
        (1002, "environment: PORT"),
        (1003, f"{folder}/ccproxy.toml:2"),
        (1004, f"{folder}/.env:2 PORT"),
        (8000, "default"),
    ]
    assert (result.settings.server.port, str(result.origin("server", "port"))) == expected[strongest]


@pytest.mark.parametrize(
    ("name", "value", "path", "expected"),
    [
        ("HOST", "127.0.0.2", ("server", "host"), "127.0.0.2"),
        ("PORT", "81", ("server", "port"), 81),
        ("LOG_LEVEL", "DEBUG", ("server", "log_level"), "debug"),
        ("REQUEST_TIMEOUT", "7.5", ("timeouts", "first_byte"), 7.5),
        ("REQUEST_TIMEOUT", "7", ("timeouts", "idle"), 7.0),
        ("TOKEN", "abc", ("server", "token"), "abc"),
        ("DEFAULT_MODEL", "echo/echo", ("default_model",), "echo/echo"),
    ],
)
def test_each_variable_fills_its_setting(
    name: str, value: str, path: tuple[str, ...], expected: object, folder: Path, environ: dict[str, str]
) -> None:
    prefixed = load({**environ, f"CCPROXY_{name}": value}, folder)
    plain = load({**environ, name: value}, folder)
    both = load({**environ, name: "1", f"CCPROXY_{name}": value}, folder)
    own_only = name in ("TOKEN", "DEFAULT_MODEL")
    for result, holds in ((prefixed, True), (plain, not own_only), (both, True)):
        found: object = result.settings
        for part in path:
            found = getattr(found, part)
        assert (found == expected) is holds


def test_the_sample_of_the_documentation_loads(folder: Path, environ: dict[str, str]) -> None:
    result = loaded(
        environ,
        folder,
        """
        [server]
        host = "127.0.0.1"            # anything else needs a token
        port = 8000
        token = "env:CCPROXY_TOKEN"
        [providers.claude]
        preset = "claude-code"
        [providers.up]
        preset = "openai"
        base_url = "http://127.0.0.1:9000/v1"
        format = "openai-chat"
        api_key = "env:OPENAI_API_KEY"
        [models]
        "claude-*haiku*" = "up/gpt-4o-mini"
        "claude-*" = ["claude/sonnet", "up/gpt-4o"]
        "*" = "up/*"
        [timeouts]
        first_byte = 60
        idle = 60
        """,
    )
    assert list(result.settings.providers) == ["claude", "up", "echo"]
    assert result.settings.models == (
        ModelRule("claude-*haiku*", ("up/gpt-4o-mini",)),
        ModelRule("claude-*", ("claude/sonnet", "up/gpt-4o")),
        ModelRule("*", ("up/*",)),
    )
    assert result.settings.timeouts.idle == 60
    assert str(result.origin("models", "*")) == f"{folder}/ccproxy.toml:16"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ccproxy.toml", '[server]\nport = 1\n[models]\n"a" = "echo/x"\n"b" = "echo/y"'),
        ("ccproxy.json", '{"server": {"port": 1}, "models": {"a": "echo/x", "b": "echo/y"}}'),
        ("ccproxy.yaml", "server:\n  port: 1\nmodels:\n  a: echo/x\n  b: echo/y\n"),
    ],
)
def test_every_kind_of_file_says_the_same(name: str, text: str, folder: Path, environ: dict[str, str]) -> None:
    write(folder / name, text)
    settings = load(environ, folder).settings
    assert settings.server.port == 1
    assert settings.models == (ModelRule("a", ("echo/x",)), ModelRule("b", ("echo/y",)))


@pytest.mark.parametrize("name", ["ccproxy.toml", "ccproxy.json", "ccproxy.yaml"])
def test_an_empty_file_is_no_configuration(name: str, folder: Path, environ: dict[str, str]) -> None:
    write(folder / name, "")
    assert load(environ, folder).settings == load(environ, folder.parent / "other").settings


def test_the_project_comes_before_the_user_and_a_named_file_before_both(folder: Path, environ: dict[str, str], tmp_path: Path) -> None:
    user = write(tmp_path / "xdg" / "ccproxy" / "config.toml", "[server]\nport = 1")
    assert load(environ, folder).file == user
    project = write(folder / "ccproxy.toml", "[server]\nport = 2")
    assert load(environ, folder).file == project
    named = write(tmp_path / "named.toml", "[server]\nport = 3")
    assert load({**environ, "CCPROXY_CONFIG": str(named)}, folder).file == named
    other = write(tmp_path / "other.toml", "[server]\nport = 4")
    assert load({**environ, "CCPROXY_CONFIG": str(named)}, folder, file=other).settings.server.port == 4


WRONG = [
    ("[server]\nprot = 1", ["2: unknown key 'prot', did you mean 'port'?"]),
    ("[servr]\nport = 1", ["1: unknown key 'servr', did you mean 'server'?"]),
    ("[server]\nzzz = 1", ["2: unknown key 'zzz'; known here: host, port, token"]),
    ('[server]\nport = "80"', ["2: port: expected a whole number, got a string"]),
    ("[server]\nport = true", ["2: port: expected a whole number, got true"]),
    ("server = 5", ["1: server: expected a table, got the number 5"]),
    ("[server]\nport = 70000", ["2: port 70000 is not between 0 and 65535"]),
    ('[server]\nlog_level = "warn"', ["2: unknown log level 'warn', did you mean 'warning'?"]),
    ("[timeouts]\nidle = 0", ["2: idle must be more than 0"]),
    ('[providers.up]\nbase_url = "http://x"', ["1: 'preset' is missing"]),
    ('[providers.up]\npreset = "opnai"', ["2: unknown preset 'opnai', did you mean 'openai'?"]),
    ('[providers.up]\npreset = "openai"\nformat = "chat"', ["3: unknown format 'chat'"]),
    ('[providers.up]\npreset = "openai"\nbase_url = "localhost:9"', ["3: base_url must be an http or https address"]),
    ('[providers.up]\npreset = "openai"\nbase_url = "https://a:99999/v1"', ["3: base_url must be an http or https address"]),
    ('[providers.up]\npreset = "openai"\nbase_url = "https://[a/v1"', ["3: base_url must be an http or https address"]),
    ('[providers.up]\npreset = "openai"\nbase_url = "https://a:b@c"', ["3: base_url must not hold a user name"]),
    (
        '[providers.up]\npreset = "openai"\nbase_url = "http://api.example.com/v1"\napi_key = "env:K"',
        ["3: http://api.example.com/v1 would carry the key unencrypted"],
    ),
    ('[providers.up]\npreset = "openai"\napi_key = "keyring:x"', ["3: `keyring:` must be followed by SERVICE/NAME"]),
    ('[providers.up]\npreset = "openai"\napi_key = ["env:A", "client"]', ["3: client cannot be one of several keys"]),
    ('[providers.up]\npreset = "openai"\nheaders = { Host = "evil.example" }', ["3: 'Host' is not a header that can be set"]),
    ('[providers.up]\npreset = "openai"\nheaders = { "X A" = "b" }', ["3: 'X A' is not a header that can be set"]),
    ('[providers.up]\npreset = "openai"\nheaders = { X-A = "a\\r\\nb" }', ["3: the value of X-A must be printable ASCII"]),
    ('[providers.up]\npreset = "openai"\nheaders = { X-A = "client" }', ["3: X-A cannot be the caller's key"]),
    ('[providers.up]\npreset = "openai"\nprofile = { max_ouput = 1 }', ["3: unknown key 'max_ouput', did you mean 'max_output'?"]),
    (
        '[providers.up]\npreset = "openai"\nprofile = { reasoning = "often" }',
        ["3: reasoning: expected one of none, effort, budget, adaptive"],
    ),
    ('[providers.up]\npreset = "openai"\nprofile = { sampling = 0 }', ["3: sampling: expected true or false"]),
    ('[providers.up]\npreset = "openai"\nprofile = { without = "seed" }', ["3: without: expected a list of strings"]),
    ('[providers.up]\npreset = "claude-code"\nbase_url = "http://127.0.0.1:1"', ["3: base_url means nothing to claude-code"]),
    ('[providers.up]\npreset = "claude-code"\napi_key = "env:K"', ["3: api_key means nothing to claude-code"]),
    ('[providers.up]\npreset = "claude-code"\nmax_children = 0', ["3: max_children must be at least 1"]),
    ('[providers.up]\npreset = "claude-code"\npool_size = -1', ["3: pool_size must be at least 0"]),
    ('[providers.up]\npreset = "claude-code"\nprewarm = ["sonnet", "--x"]', ["3: prewarm: '--x' is not the name of a model"]),
    ('[providers.up]\npreset = "claude-code"\npool_idle = 0', ["3: pool_idle must be more than 0"]),
    ('[providers.up]\npreset = "openai"\n[models]\na = "upp/x"', ["4: 'upp/x' names no provider, did you mean 'up'?"]),
    ('[[rules]]\nto = "echo/x"\n[[rules]]\nto = ["ecko/x"]\nmin_tokens = -1', ["4: 'ecko/x' names no provider", "5: min_tokens must"]),
    ('[[rules]]\nto = "echo/x"\n[[rules]]\nthiking = true\nto = 3', ["4: unknown key 'thiking', did you mean 'thinking'?", "5: to: exp"]),
    ("[[rules]]\nthinking = true", ["1: 'to' is missing"]),
    ("[[rules]]\nto = []", ["2: there must be a target"]),
    ("rules = 3", ["1: rules: expected a list of tables, got the number 3"]),
    ('[rules]\nto = "echo/x"', ["1: rules: expected a list of tables, got a table"]),
    ('rules = [\n  { to = "echo/x" },\n  { to = "echo/x", client = "bob" },\n]', ["3: there is no client 'bob'"]),
    ('[providers.up]\npreset = "openai"\nprewarm = ["x"]\npool_size = 3', ["3: prewarm means nothing to openai", "4: pool_size means"]),
    ("[limits]\nrequests_per_minute = 0\nconcurrency = 0", ["2: requests_per_minute must be more than 0", "3: concurrency must be at"]),
    ("[limits]\ntokens_per_minute = inf\nburst_size = 2", ["2: tokens_per_minute must be more than 0", "3: burst_size means nothing"]),
    ("[retries]\nattempts = 0\nfirst_wait = nan", ["2: attempts must be at least 1", "3: first_wait must be at least 0"]),
    ("[cache]\nttl = 0\nmax_mb = 0", ["2: ttl must be more than 0", "3: max_mb must be at least 1"]),
    (
        '[providers.up]\npreset = "openai"\nconcurrency = 0\nqueue = -1',
        ["3: concurrency must be at least 1", "4: queue must be at least 0"],
    ),
    ('[models]\na = "gpt-4o"', ["2: 'gpt-4o' is not of the form provider/model"]),
    ("[models]\na = 3\nb = []", ['2: a: expected "provider/model"', '3: b: expected "provider/model"']),
    ("[server]\nport = 1\nport = 2", ["3: not TOML: cannot overwrite a value"]),
    ("[server", ["1: not TOML: expected"]),
    ("[server]\nprot = 1\n[timeouts]\nidle = true", ["2: unknown key 'prot'", "4: idle: expected a number, got true"]),
]


@pytest.mark.parametrize(("text", "expected"), WRONG, ids=[text.replace("\n", " ") for text, _ in WRONG])
def test_what_is_wrong_is_told_with_its_line(text: str, expected: list[str], folder: Path, environ: dict[str, str]) -> None:
    found = problems(environ, folder, text)
    assert len(found) == len(expected)
    for line, start in zip(found, expected, strict=True):
        assert line.startswith(f"{folder}/ccproxy.toml:{start}")


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        ("c.json", '{\n "a": }', "c.json:2: not JSON"),
        ("c.yaml", "a: 1\nb: [", "c.yaml:2: not YAML"),
        ("c.toml", "[]", "c.toml:1: not TOML"),
    ],
)
def test_broken_files_name_the_line(name: str, text: str, where: str, folder: Path, environ: dict[str, str]) -> None:
    path = write(folder / name, text)
    with pytest.raises(ConfigError, match=where):
        load(environ, folder, file=path)


def test_a_missing_named_file_is_an_error(folder: Path, environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(environ, folder, file=folder / "nowhere.toml")


def test_wrong_variables_are_named(folder: Path, environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="environment: PORT: 'tcp://x' is not a whole number"):
        load({**environ, "PORT": "tcp://x"}, folder)
    with pytest.raises(ConfigError, match="environment: LOG_LEVEL: unknown log level 'loud'"):
        load({**environ, "LOG_LEVEL": "loud"}, folder)


def test_without_providers_what_is_there_is_used_best_first(folder: Path, environ: dict[str, str]) -> None:
    probes = Probes(claude_cli=lambda: "/bin/claude", servers=lambda: [Running("ollama", "127.0.0.1:11434")])
    keys = {"ANTHROPIC_API_KEY": "sk-ant-x", "OPENAI_API_KEY": "sk-x", "OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}
    keys |= {"GEMINI_API_KEY": "AIza-x"}
    result = load({**environ, **keys}, folder, probes=probes)
    assert result.settings.providers == {
        "claude": ProviderSettings("claude-code"),
        "anthropic": ProviderSettings("anthropic", api_key="env:ANTHROPIC_API_KEY"),
        "openai": ProviderSettings("openai", base_url="http://127.0.0.1:9/v1", api_key="env:OPENAI_API_KEY"),
        "gemini": ProviderSettings("gemini", api_key="env:GEMINI_API_KEY"),
        "ollama": ProviderSettings("ollama"),
        "echo": ProviderSettings("echo"),
    }
    assert list(result.settings.providers) == ["claude", "anthropic", "openai", "gemini", "ollama", "echo"]
    assert str(result.origin("providers", "openai", "preset")) == "detected: OPENAI_API_KEY and OPENAI_BASE_URL"


@pytest.mark.parametrize(
    ("environment", "name", "settings"),
    [
        ({"OPENROUTER_API_KEY": "k"}, "openrouter", ProviderSettings("openrouter", api_key="env:OPENROUTER_API_KEY")),
        ({"MISTRAL_API_KEY": "k"}, "mistral", ProviderSettings("mistral", api_key="env:MISTRAL_API_KEY")),
        ({"CCPROXY_GROQ_API_KEY": "k"}, "groq", ProviderSettings("groq", api_key="env:CCPROXY_GROQ_API_KEY")),
        (
            {"REQUESTY_API_KEY": "k", "REQUESTY_AUTO_CACHE": "true"},
            "requesty",
            ProviderSettings("requesty", api_key="env:REQUESTY_API_KEY", body={"requesty": {"auto_cache": True}}),
        ),
        (
            {"AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com"},
            "azure",
            ProviderSettings("azure", base_url="https://r.openai.azure.com", api_key="env:AZURE_OPENAI_API_KEY"),
        ),
        (
            {"AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com", "OPENAI_API_VERSION": "2025-01-01"},
            "azure",
            ProviderSettings(
                "azure-deployments",
                base_url="https://r.openai.azure.com",
                api_key="env:AZURE_OPENAI_API_KEY",
                query={"api-version": "2025-01-01"},
            ),
        ),
        (
            {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "https://r.openai.azure.com", "AZURE_API_VERSION": "2025-01-01"},
            "azure",
            ProviderSettings(
                "azure-deployments",
                base_url="https://r.openai.azure.com",
                api_key="env:OPENAI_API_KEY",
                query={"api-version": "2025-01-01"},
            ),
        ),
        (
            {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "https://router.requesty.ai/v1", "REQUESTY_AUTO_CACHE": "true"},
            "requesty",
            ProviderSettings(
                "requesty",
                base_url="https://router.requesty.ai/v1",
                api_key="env:OPENAI_API_KEY",
                body={"requesty": {"auto_cache": True}},
            ),
        ),
        (
            {"AWS_BEARER_TOKEN_BEDROCK": "k", "AWS_REGION": "us-west-2"},
            "bedrock",
            ProviderSettings("bedrock", api_key="env:AWS_BEARER_TOKEN_BEDROCK"),
        ),
        ({"AWS_BEARER_TOKEN_BEDROCK": "k"}, None, None),
        ({"AZURE_OPENAI_API_KEY": "k"}, None, None),
        ({"OLLAMA_API_KEY": "k"}, None, None),
        ({"GROQ_API_KEY": PLACEHOLDER}, None, None),
    ],
)
def test_keys_of_the_environment_are_enough(
    environment: dict[str, str], name: str | None, settings: ProviderSettings | None, folder: Path, environ: dict[str, str]
) -> None:
    providers = load({**environ, **environment}, folder, presets=PRESETS).settings.providers
    assert providers == ({name: settings} if name else {}) | {"echo": ProviderSettings("echo")}
    write(folder / ".env", "\n".join(f"{variable}={value}" for variable, value in environment.items()))
    assert list(load(environ, folder, presets=PRESETS).settings.providers) == list(providers)


def test_variables_of_a_vendors_tools_complete_a_configured_provider(folder: Path, environ: dict[str, str]) -> None:
    variables = {"AZURE_API_VERSION": "2025-01-01", "AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com"}
    provider = loaded({**environ, **variables}, folder, '[providers.mine]\npreset = "azure-deployments"').settings.providers["mine"]
    assert (provider.base_url, provider.query) == ("https://r.openai.azure.com", {"api-version": "2025-01-01"})
    text = '[providers.mine]\npreset = "azure-deployments"\nquery = { api-version = "mine" }'
    assert loaded({**environ, **variables}, folder, text).settings.providers["mine"].query == {"api-version": "mine"}


def test_with_providers_nothing_is_detected_and_echo_is_still_there(folder: Path, environ: dict[str, str]) -> None:
    result = loaded({**environ, "OPENAI_API_KEY": "sk-x"}, folder, '[providers.mine]\npreset = "ollama"')
    assert list(result.settings.providers) == ["mine", "echo"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("http://127.0.0.1:9", "http://127.0.0.1:9/v1beta"),
        ("http://127.0.0.1:9/", "http://127.0.0.1:9/v1beta"),
        ("http://127.0.0.1:9/v1alpha/", "http://127.0.0.1:9/v1alpha"),
        ("http://127.0.0.1:8000", None),  # what `serve` prints for clients
    ],
)
def test_googles_address_gets_its_version(folder: Path, environ: dict[str, str], written: str, meant: str | None) -> None:
    found = {"GEMINI_API_KEY": "AIza-x", "GOOGLE_GEMINI_BASE_URL": written}
    assert load({**environ, **found}, folder).settings.providers["gemini"].base_url == meant


def test_the_key_that_serve_prints_is_no_key_of_googles(folder: Path, environ: dict[str, str]) -> None:
    assert "gemini" not in load({**environ, "GEMINI_API_KEY": PLACEHOLDER}, folder).settings.providers


def test_our_own_address_is_not_taken_for_an_upstream(folder: Path, environ: dict[str, str]) -> None:
    pasted = {"OPENAI_API_KEY": "sk-x", "OPENAI_BASE_URL": "http://127.0.0.1:8000/v1"}
    assert load({**environ, **pasted}, folder).settings.providers["openai"].base_url is None
    placeholder = {"OPENAI_API_KEY": "ccproxy", "ANTHROPIC_API_KEY": "ccproxy"}
    assert list(load({**environ, **placeholder}, folder).settings.providers) == ["echo"]


def test_model_classes_lead_to_the_openai_provider(folder: Path, environ: dict[str, str]) -> None:
    older = {"OPENAI_API_KEY": "sk-x", "BIG_MODEL": "gpt-5", "SMALL_MODEL": "meta/mini"}
    result = load({**environ, **older}, folder)
    assert result.settings.models == (
        ModelRule("*opus*", ("openai/gpt-5",)),
        ModelRule("*sonnet*", ("openai/gpt-5",)),
        ModelRule("*haiku*", ("openai/meta/mini",)),
    )
    assert str(result.origin("models", "*sonnet*")) == "environment: BIG_MODEL"


def test_model_classes_of_the_environment_come_before_the_rules_of_the_file(folder: Path, environ: dict[str, str]) -> None:
    write(folder / ".env", "BIG_MODEL=echo/late\nSMALL_MODEL=echo/last")
    text = '[models]\n"*opus*" = "echo/file"\n"*" = "echo/echo"'
    rules = loaded({**environ, "SMALL_MODEL": "echo/first"}, folder, text).settings.models
    assert [(rule.pattern, rule.targets[0]) for rule in rules] == [
        ("*haiku*", "echo/first"),
        ("*opus*", "echo/file"),
        ("*", "echo/echo"),
        ("*sonnet*", "echo/late"),
    ]


def test_a_model_class_without_a_provider_is_an_error(folder: Path, environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="BIG_MODEL: no provider to serve 'gpt-5'"):
        load({**environ, "BIG_MODEL": "gpt-5"}, folder)


def test_the_preferred_provider_serves_the_model_classes(folder: Path, environ: dict[str, str]) -> None:
    older = {"OPENAI_API_KEY": "sk-x", "GEMINI_API_KEY": "AIza-x", "BIG_MODEL": "gemini-2.5-pro", "PREFERRED_PROVIDER": "google"}
    rules = load({**environ, **older}, folder).settings.models
    assert rules[0] == ModelRule("*opus*", ("gemini/gemini-2.5-pro",))


def test_limit_and_headers_of_older_proxies_are_the_upstreams(folder: Path, environ: dict[str, str]) -> None:
    older = {"OPENAI_API_KEY": "sk-x", "MAX_TOKENS_LIMIT": "4096", "CUSTOM_HEADER_X_TEAM": "blue", "ANTHROPIC_API_KEY": "sk-ant-x"}
    settings = load({**environ, **older}, folder).settings
    assert (settings.providers["openai"].profile, settings.providers["openai"].headers) == ({"max_output": 4096}, {"x-team": "blue"})
    assert (settings.providers["anthropic"].profile, settings.providers["anthropic"].headers) == ({}, {})
    with pytest.raises(ConfigError, match="MAX_TOKENS_LIMIT: 'lots' is not a whole number"):
        load({**environ, **older, "MAX_TOKENS_LIMIT": "lots"}, folder)


def test_the_client_key_of_older_proxies(folder: Path, environ: dict[str, str]) -> None:
    older = {"OPENAI_API_KEY": "sk-x", "BIG_MODEL": "gpt-5"}
    result = load({**environ, **older, "ANTHROPIC_API_KEY": "shared-secret"}, folder)
    assert result.settings.server.token == "env:ANTHROPIC_API_KEY"
    assert "anthropic" not in result.settings.providers
    real = load({**environ, **older, "ANTHROPIC_API_KEY": "sk-ant-api03-x"}, folder)
    assert real.settings.server.token is None
    assert "anthropic" in real.settings.providers


def test_keys_of_dotenv_reach_the_providers(folder: Path, environ: dict[str, str]) -> None:
    write(folder / ".env", "export OPENAI_API_KEY='sk-from-file' # mine\nMY_KEY=\"sk-mine\"\nnot a line\n")
    assert load(environ, folder).settings.providers["openai"].api_key == ("sk-from-file",)
    assert load(environ, folder).notices == (f"using {folder}/.env of the current folder (OPENAI_API_KEY)",)
    (folder / ".env").chmod(0o644)
    assert "can be read by other users" in load(environ, folder).notices[1]
    text = '[providers.a]\npreset = "openai"\n[providers.b]\npreset = "openai"\napi_key = "env:MY_KEY"'
    providers = loaded(environ, folder, text).settings.providers
    assert (providers["a"].api_key, providers["b"].api_key) == (("sk-from-file",), ("sk-mine",))
    process = loaded({**environ, "MY_KEY": "sk-process"}, folder, text).settings.providers
    assert process["b"].api_key == ("env:MY_KEY",)


def test_a_key_that_others_can_read_is_refused(folder: Path, environ: dict[str, str]) -> None:
    path = write(folder / "ccproxy.toml", f'[providers.up]\npreset = "openai"\napi_key = "{KEY}"', 0o644)
    with pytest.raises(ConfigError, match=f"toml:3: holds a key .* Run: chmod 600 {path}") as caught:
        load(environ, folder)
    assert KEY not in str(caught.value)
    path.chmod(0o600)
    assert load(environ, folder).settings.providers["up"].api_key == (KEY,)
    named = write(folder / "claude.toml", f'[providers.c]\npreset = "claude-code"\nenvironment = {{ ANTHROPIC_API_KEY = "{KEY}" }}', 0o604)
    with pytest.raises(ConfigError, match="toml:3: holds a key"):
        load(environ, folder, file=named)


@pytest.mark.parametrize("harmless", ["env:OPENAI_API_KEY", "client", "ollama"])
def test_what_is_no_secret_may_be_read_by_anyone(harmless: str, folder: Path, environ: dict[str, str]) -> None:
    write(folder / "ccproxy.toml", f'[providers.up]\npreset = "openai"\napi_key = "{harmless}"', 0o644)
    assert load(environ, folder).settings.providers["up"].api_key == (harmless,)


@pytest.mark.parametrize(
    "line", ['api_key = "command:pass show key"', 'executable = "./claude"', 'environment = { NODE_OPTIONS = "-r ./x" }']
)
def test_a_found_file_may_not_run_anything_and_a_named_one_may(line: str, folder: Path, environ: dict[str, str]) -> None:
    preset = "anthropic" if line.startswith("api_key") else "claude-code"
    (problem,) = problems(environ, folder, f'[providers.up]\npreset = "{preset}"\n{line}')
    assert problem.startswith(f"{folder}/ccproxy.toml:3: a file found in the current folder may not set {line.partition(' ')[0]}")
    assert load(environ, folder, file=folder / "ccproxy.toml").settings.providers["up"].preset == preset


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('[server]\nhost = "0.0.0.0"', "server.host"),
        ('[server]\nallowed_origins = ["https://example.org"]', "server.allowed_origins"),
        ('[server]\nallowed_hosts = ["example.org"]', "server.allowed_hosts"),
        ('[clients.me]\ntoken = "env:T"', "clients.me.token"),
        ('[store]\nurl = "redis://example.org"', "store.url"),
        ('[store]\nurl = "sqlite:////tmp/x"', "store.url"),
    ],
)
def test_a_found_file_lets_nobody_in(text: str, key: str, folder: Path, environ: dict[str, str]) -> None:
    (problem,) = problems(environ, folder, text)
    assert problem.startswith(f"{folder}/ccproxy.toml:2: a file found in the current folder may not set {key} like this")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("reddis://x", "2: unknown store 'reddis', did you mean 'redis'?"),
        ("redis://", "2: redis: must name a host"),
        ("sqlite:///", "2: sqlite:/// must be followed by the path of a file"),
    ],
)
def test_a_store_must_be_one(url: str, message: str, folder: Path, environ: dict[str, str]) -> None:
    path = write(folder / "mine.toml", f'[store]\nurl = "{url}"')
    with pytest.raises(ConfigError) as caught:
        load(environ, folder, file=path)
    assert str(caught.value).startswith(f"{path}:{message}")


def test_clients_are_told_apart(folder: Path, environ: dict[str, str]) -> None:
    path = write(folder / "mine.toml", '[clients.a]\ntoken = "env:A"\n[clients.b]\ntoken = "env:A"\n[clients.c]\ntoken = ""\nmodels = []')
    with pytest.raises(ConfigError) as caught:
        load(environ, folder, file=path)
    assert [problem.origin.detail.rpartition(":")[2] for problem in caught.value.problems] == ["4", "6", "7"]


AWAY = "https://example.org/v1"
HERE = "http://127.0.0.1:9/v1"
KEYS = {"OPENAI_API_KEY": "sk-of-the-environment", "GEMINI_API_KEY": "AIza-x", "OTHER": "other-secret"}


@pytest.mark.parametrize(
    "keys",
    [
        'api_key = "env:OPENAI_API_KEY"',
        'api_key = "env:OTHER"',
        'api_key = ["a-literal-one", "env:OTHER"]',
        'api_key = "keyring:ccproxy/openai"',
        'api_key = "client"',
        'headers = { X-Auth = "env:OTHER" }',
    ],
)
def test_a_found_file_may_not_lead_keys_to_another_machine(keys: str, folder: Path, environ: dict[str, str], tmp_path: Path) -> None:
    text = f'[providers.up]\npreset = "openai"\nbase_url = "{AWAY}"\n{keys}'
    (problem,) = problems({**environ, **KEYS}, folder, text)
    assert problem.startswith(f"{folder}/ccproxy.toml:3: not done unasked: {folder}/ccproxy.toml of the current folder sends")
    assert "secret" not in problem
    assert "sk-of" not in problem
    named = load({**environ, **KEYS}, tmp_path, file=folder / "ccproxy.toml", presets=PRESETS)
    assert (named.settings.providers["up"].base_url, named.redirects, named.notices) == (AWAY, (), ())
    here = loaded({**environ, **KEYS}, folder, text.replace(AWAY, HERE))
    assert [redirect.startswith(f"{folder}/ccproxy.toml of the current folder sends") for redirect in here.redirects] == [True]
    assert here.notices == (f"using {folder}/ccproxy.toml of the current folder",)


@pytest.mark.parametrize("url", ["https://api.openai.com/v1", "https://api.openai.com/elsewhere"])
def test_a_found_file_may_lead_keys_to_their_vendor(url: str, folder: Path, environ: dict[str, str]) -> None:
    text = f'[providers.up]\npreset = "openai"\nbase_url = "{url}"\napi_key = "env:OPENAI_API_KEY"'
    assert loaded({**environ, **KEYS}, folder, text).settings.providers["up"].base_url == url


def test_a_found_file_may_lead_its_own_key_anywhere(folder: Path, environ: dict[str, str]) -> None:
    text = f'[providers.up]\npreset = "openai"\nbase_url = "{AWAY}"\napi_key = "{KEY}"'
    assert loaded(environ, folder, text).settings.providers["up"].api_key == (KEY,)


@pytest.mark.parametrize(
    ("variable", "key", "more"),
    [
        ("OPENAI_BASE_URL", "OPENAI_API_KEY", {}),
        ("CCPROXY_OPENAI_BASE_URL", "OPENAI_API_KEY", {}),
        ("GOOGLE_GEMINI_BASE_URL", "GEMINI_API_KEY", {}),
        ("AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY", {"AZURE_OPENAI_API_KEY": "azure-key"}),
    ],
)
def test_a_dotenv_may_not_lead_keys_of_the_environment_to_another_machine(
    variable: str, key: str, more: dict[str, str], folder: Path, environ: dict[str, str]
) -> None:
    surroundings = {**environ, **{name: value for name, value in {**KEYS, **more}.items() if name == key}}
    write(folder / ".env", f"{variable}=https://example.org")
    with pytest.raises(ConfigError, match=f"not done unasked: .env of the current folder sends {key} to https://example.org"):
        load(surroundings, folder, presets=PRESETS)
    write(folder / ".env", f"{variable}=http://127.0.0.1:9")
    assert len(load(surroundings, folder, presets=PRESETS).redirects) == 1
    write(folder / ".env", f"{variable}=https://example.org\n{key}=its-own")
    assert load(environ, folder, presets=PRESETS).redirects == ()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_somebody_else_is_not_read_unasked(folder: Path, environ: dict[str, str]) -> None:
    for name in ("ccproxy.toml", ".env"):
        path = write(folder / name, "PORT=5" if name == ".env" else "", 0o644)
        os.chown(path, 12345, 12345)
    with pytest.raises(ConfigError, match="belongs to another user"):
        load(environ, folder)
    (folder / "ccproxy.toml").unlink()
    assert load(environ, folder).settings.server.port == 8000


STRONG = "f3a9c1d7e5b20846af17"


@pytest.mark.parametrize(
    ("host", "token", "refusal"),
    [
        ("127.0.0.1", None, None),
        ("localhost", "x", None),
        ("::1", None, None),
        ("0.0.0.0", None, "no token to keep strangers out"),
        ("192.168.1.4", None, "no token to keep strangers out"),
        ("0.0.0.0", "short", "too short or too well known"),
        ("0.0.0.0", "sk-1234-sk-1234-sk-1234", "too short or too well known"),
        ("0.0.0.0", "your-proxy-token-here", "too short or too well known"),
        ("0.0.0.0", "aaaaaaaaaaaaaaaaaaaaaaaa", "too short or too well known"),
        ("0.0.0.0", STRONG, None),
        ("127.0.0.1", "env:NOT_SET", "NOT_SET is not set"),
        ("0.0.0.0", "env:STRONG", None),
    ],
)
def test_who_may_reach_the_server(host: str, token: str | None, refusal: str | None) -> None:
    settings = Settings()
    result = Loaded(evolve(settings, server=evolve(settings.server, host=host, token=token)), {}, None)
    environ = {"STRONG": STRONG}
    if refusal is None:
        expected = STRONG if token and token.startswith("env:") else token
        assert check_exposure(result, environ) == expected
        return
    with pytest.raises(ConfigError, match=refusal) as caught:
        check_exposure(result, environ)
    assert "\n" not in str(caught.value)


def test_secrets_have_no_repr() -> None:
    text = repr(Settings(providers={"up": ProviderSettings("openai", api_key=KEY)}))
    assert KEY not in text
