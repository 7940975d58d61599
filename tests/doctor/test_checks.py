"""Each check, told what the machine is like."""

import os
from pathlib import Path

import pytest

from ccproxy_cli.backends.base import Health
from ccproxy_cli.backends.claude_code.cli import Cli, Login
from ccproxy_cli.backends.claude_code.user_settings import Override
from ccproxy_cli.config.files import read
from ccproxy_cli.config.load import Loaded
from ccproxy_cli.config.origin import ConfigError, Kind, Origin, Problem
from ccproxy_cli.config.settings import AgentSettings, ProviderSettings, ServerSettings, Settings
from ccproxy_cli.doctor import checks
from ccproxy_cli.doctor.checks import Binary, ClaudeProvider
from ccproxy_cli.doctor.finding import Finding, MakePrivate, Status
from ccproxy_cli.doctor.listeners import Listener

SERVER = ServerSettings()
OURS = Listener(7, ("python", "/opt/bin/ccproxy", "serve"))
OTHER = Listener(8, ("/usr/bin/nginx",))


def statuses(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.check, finding.status.value) for finding in findings]


def test_every_complaint_says_what_to_do() -> None:
    complaints = [
        checks.versions("1", (3, 12, 0), "win32"),
        checks.binaries([], "/opt/bin"),
        checks.binaries([Binary("/usr/bin/ccproxy", ours=False)], "/opt/bin"),
        checks.no_claude(),
        checks.some_model(["echo"]),
        checks.port(SERVER, OTHER),
        *checks.claude(ClaudeProvider("c", True, None)),
        *checks.claude(ClaudeProvider("c", True, Cli("/bin/claude", "PATH")))[-1:],
        *checks.providers(Settings(providers={"up": ProviderSettings("openai")}), {"up": Health(False, "no API key")}),
        *checks.environment({"ANTHROPIC_BASE_URL": "http://127.0.0.1:8000"}, SERVER, None),
    ]
    for finding in complaints:
        assert finding
        assert finding.status is not Status.OK
        assert finding.fix


@pytest.mark.parametrize(
    ("found", "status", "detail"),
    [
        ([], "warn", None),
        ([("a", True)], "ok", None),
        ([("a", True), ("b", False)], "ok", "it hides b of another package"),
        ([("a", True), ("b", True)], "ok", "it hides b"),
        ([("b", False), ("a", True)], "warn", None),
    ],
)
def test_which_program_answers(found: list[tuple[str, bool]], status: str, detail: str | None) -> None:
    finding = checks.binaries([Binary(*binary) for binary in found], "/opt/bin")
    assert (finding.status, finding.detail) == (status, detail)


def test_programs_are_told_apart_by_the_package_they_start(tmp_path: Path) -> None:
    for name, package in (("one", "ccproxy_cli.__main__"), ("two", "other_proxy.cli"), ("three", "nothing")):
        (tmp_path / name).mkdir()
        file = tmp_path / name / "ccproxy"
        file.write_text(f"#!/usr/bin/python3\nfrom {package} import main\n")
        file.chmod(0o644 if name == "three" else 0o755)
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "ccproxy").symlink_to(tmp_path / "one" / "ccproxy")
    path = os.pathsep.join(str(tmp_path / name) for name in ("two", "missing", "three", "one", "link"))
    assert checks.find_binaries(path) == [Binary(str(tmp_path / "two/ccproxy"), False), Binary(str(tmp_path / "one/ccproxy"), True)]


@pytest.mark.parametrize("asked_for", [True, False])
def test_claude_code_matters_as_much_as_it_was_asked_for(asked_for: bool) -> None:
    bad = "fail" if asked_for else "warn"
    cli = Cli("/bin/claude", "PATH")
    table = [
        (ClaudeProvider("c", asked_for, None), [("claude-cli", bad)]),
        (ClaudeProvider("c", asked_for, cli), [("claude-cli", bad)]),
        (ClaudeProvider("c", asked_for, cli, "2.1.0"), [("claude-cli", "ok"), ("claude-login", bad)]),
        (ClaudeProvider("c", asked_for, cli, "2.1.0", Login(False)), [("claude-cli", "ok"), ("claude-login", bad)]),
        (ClaudeProvider("c", asked_for, cli, "2.1.0", Login(True, "claude.ai")), [("claude-cli", "ok"), ("claude-login", "ok")]),
    ]
    for provider, expected in table:
        assert statuses(checks.claude(provider)) == expected


def test_claude_code_is_reported_in_facts() -> None:
    provider = ClaudeProvider("c", True, Cli("/bin/claude", "PATH"), "2.1.0", Login(True, "claude.ai", "firstParty", "max"))
    installed, login = checks.claude(provider)
    assert installed.facts == {"provider": "c", "path": "/bin/claude", "origin": "PATH", "version": "2.1.0"}
    facts = {"provider": "c", "logged_in": True, "method": "claude.ai", "plan": "max", "api_provider": "firstParty"}
    assert login.facts == {**facts, "account": None}


def test_an_agent_is_told_with_its_limits() -> None:
    known = ClaudeProvider("c", True, None, agent=AgentSettings("/w", "acceptEdits", ("Bash(git *)", "WebSearch")))
    (finding,) = checks.agent(known)
    assert (finding.title, finding.detail) == ("provider c: an agent in /w, acceptEdits", "may also use Bash(git *), WebSearch")
    assert checks.agent(ClaudeProvider("c", True, None)) == []


def test_a_configuration_that_cannot_be_read_is_told_with_its_line() -> None:
    problem = Problem("unknown key `prot`", Origin(Kind.FILE, "/c.toml:3"), "Did you mean port?")
    (finding,) = checks.configuration(ConfigError([problem]))
    assert (finding.status, finding.detail, finding.fix) == (Status.FAIL, "/c.toml:3", "Did you mean port?")


def test_what_the_folder_redirects_is_a_warning() -> None:
    loaded = Loaded(Settings(), {}, Path("/p/ccproxy.toml"), ("using it",), ("it sends KEY elsewhere",))
    assert statuses(checks.configuration(loaded)) == [("config", "ok"), ("config", "warn")]


@pytest.mark.parametrize(("mode", "finds"), [(0o600, False), (0o640, True), (0o604, True), (0o602, True), (0o400, False)])
def test_only_the_owner_may_read(tmp_path: Path, mode: int, finds: bool) -> None:
    file = tmp_path / "config.toml"
    file.touch()
    file.chmod(mode)
    finding = checks.private(file, "why")
    assert (finding is not None) == finds
    if finding:
        assert finding.repair == MakePrivate(str(file))
    assert checks.private(tmp_path / "missing", "why") is None


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('[providers.a]\napi_key = "a-literal-key-of-some-length"', True),
        ('[server]\ntoken = "a-literal-key-of-some-length"', True),
        ('[providers.a]\napi_key = ["env:NAME", "a-literal-key-of-some-length"]', True),
        ('[providers.a]\nheaders = { Authorization = "Basic YS1saXRlcmFsLWtleQ==" }', True),
        ('[providers.a]\nheaders = { X-Title = "the title of a program", X-Auth = "env:NAME_OF_A_VARIABLE" }', False),
        ('[providers.a]\napi_key = ["keyring:service/name", "command:pass show some/key"]', False),
        ('[providers.a]\napi_key = "env:NAME_OF_A_VARIABLE"', False),
        ('[providers.a]\napi_key = "client"', False),
        ('[providers.a]\nbase_url = "http://a-literal-address.example"', False),
    ],
)
def test_a_key_in_a_file_is_seen(tmp_path: Path, text: str, holds: bool) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    assert checks.holds_keys(read(file)) == holds


@pytest.mark.parametrize(
    ("environ", "listener", "expected"),
    [
        ({}, None, ["ok"]),
        ({"ANTHROPIC_BASE_URL": "http://localhost:8000/v1"}, OURS, ["ok"]),
        ({"ANTHROPIC_BASE_URL": "http://localhost:8000"}, None, ["warn"]),
        ({"OPENAI_BASE_URL": "https://gateway.example/v1"}, OURS, ["warn"]),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"}, OURS, ["warn"]),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:99999/v1"}, OURS, ["warn"]),
        ({"OPENAI_API_BASE": "not a url"}, OURS, ["warn"]),
        ({"ANTHROPIC_API_KEY": "a", "ANTHROPIC_AUTH_TOKEN": "b"}, None, ["warn"]),
        ({"CLAUDE_CODE_USE_BEDROCK": "1"}, None, ["warn"]),
        ({"GOOGLE_GEMINI_BASE_URL": "http://localhost:8000"}, OURS, ["ok"]),
        ({"GEMINI_API_BASE": "https://gateway.example/v1beta"}, OURS, ["warn"]),
        ({"GEMINI_API_KEY": "a", "GOOGLE_API_KEY": "b"}, None, ["warn"]),
        ({"GOOGLE_GENAI_USE_VERTEXAI": "true"}, None, ["warn"]),
        ({"GOOGLE_GENAI_USE_VERTEXAI": "false"}, None, ["ok"]),
        ({"HTTP_PROXY": "http://proxy:3128"}, None, ["warn"]),
        ({"HTTP_PROXY": "http://proxy:3128", "no_proxy": "a, 127.0.0.1"}, None, ["ok"]),
        ({"HTTP_PROXY": "http://proxy:3128", "NO_PROXY": "*"}, None, ["ok"]),
    ],
)
def test_variables_that_lead_elsewhere(environ: dict[str, str], listener: Listener | None, expected: list[str]) -> None:
    findings = checks.environment(environ, SERVER, listener)
    assert [finding.status.value for finding in findings] == expected


def test_no_value_of_a_variable_is_shown() -> None:
    environ = {
        "ANTHROPIC_API_KEY": "secret-1", "ANTHROPIC_AUTH_TOKEN": "secret-2", "HTTP_PROXY": "http://user:secret-3@proxy",
        "OPENAI_BASE_URL": "https://user:secret-4@gateway.example/v1?key=secret-5",
    }  # fmt: skip
    assert "secret" not in repr(checks.environment(environ, SERVER, None))


def test_settings_of_claude_code_that_win_are_told() -> None:
    (finding,) = checks.claude_settings(Override(Path("/h/settings.json"), ("ANTHROPIC_BASE_URL",)))
    assert "ANTHROPIC_BASE_URL" in finding.title
    assert not checks.claude_settings(None)


@pytest.mark.parametrize(
    ("server", "listener", "status"),
    [
        (SERVER, None, "ok"),
        (SERVER, OURS, "ok"),
        (SERVER, OTHER, "warn"),
        (SERVER, Listener(), "warn"),
        (ServerSettings(port=0), None, "ok"),
    ],
)
def test_the_port(server: ServerSettings, listener: Listener | None, status: str) -> None:
    assert checks.port(server, listener).status == status
