"""The checks: each looks at one thing and says what it found. What they need to know of the machine is passed in."""

import os
import stat
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from attrs import frozen

from ccproxy_cli.backends.base import Health
from ccproxy_cli.backends.claude_code.cli import INSTALL_HINT, LOGIN_HINT, Cli, Login
from ccproxy_cli.backends.claude_code.user_settings import Override
from ccproxy_cli.backends.presets import PRESETS
from ccproxy_cli.config.detect import ECHO
from ccproxy_cli.config.files import ConfigFile
from ccproxy_cli.config.load import Loaded
from ccproxy_cli.config.origin import ConfigError, Kind
from ccproxy_cli.config.secrets import is_loopback, literals
from ccproxy_cli.config.settings import AgentSettings, ServerSettings, Settings
from ccproxy_cli.config.vendors import is_own
from ccproxy_cli.doctor.finding import Facts, Finding, MakePrivate, Status
from ccproxy_cli.doctor.listeners import Listener

# Installation


def versions(ccproxy: str, python: tuple[int, int, int], platform: str) -> Finding:
    """What runs here."""
    number = ".".join(map(str, python))
    title = f"ccproxy {ccproxy} on Python {number}, {platform}"
    if platform == "win32":
        return Finding("versions", Status.WARN, title, "`wrap` needs the signals and terminals of a POSIX system", "use it under WSL")
    return Finding("versions", Status.OK, title)


@frozen
class Binary:
    """A `ccproxy` found on PATH."""

    path: str
    ours: bool


def binaries(found: Sequence[Binary], own_folder: str) -> Finding:
    """Which program answers to `ccproxy`: other packages install one, too.

    Args:
        own_folder: where the program that runs now was started from.
    """
    if not found:
        return Finding("binaries", Status.WARN, "`ccproxy` is not on PATH", fix=f"add {own_folder} to PATH")
    first, *rest = found
    if first.ours:
        hidden = "; ".join(f"it hides {binary.path}{'' if binary.ours else ' of another package'}" for binary in rest)
        return Finding("binaries", Status.OK, f"`ccproxy` is {first.path}", hidden or None, facts={"path": first.path})
    fix = "call this one `ccproxy-cli`, a name no other package takes, or uninstall the other"
    return Finding("binaries", Status.WARN, f"`ccproxy` is {first.path}, which is another package's program", fix=fix)


def find_binaries(path: str, name: str = "ccproxy") -> list[Binary]:
    """Every program of that name on PATH, in the order of the search. An installer's script names the package it starts."""
    found: dict[str, Binary] = {}
    for folder in path.split(os.pathsep):
        file = Path(folder or os.curdir) / name
        if file.is_file() and os.access(file, os.X_OK):
            head = file.read_bytes()[:4096]
            found.setdefault(os.path.realpath(file), Binary(str(file), b"ccproxy_cli" in head))
    return list(found.values())


# Configuration


def configuration(loaded: Loaded | ConfigError) -> list[Finding]:
    """Whether the configuration can be used, and where it is."""
    if isinstance(loaded, ConfigError):
        return [
            Finding("config", Status.FAIL, problem.message, str(problem.origin), problem.fix)
            if problem.origin.kind is not Kind.DEFAULT
            else Finding("config", Status.FAIL, problem.message, fix=problem.fix)
            for problem in loaded.problems
        ]
    title = f"configured by {loaded.file}" if loaded.file else "no configuration file; what this machine offers is used"
    findings = [Finding("config", Status.OK, title, "; ".join(loaded.notices) or None)]
    for redirect in loaded.redirects:
        fix = "if that is not what you want, do not run ccproxy in this folder"
        findings.append(Finding("config", Status.WARN, redirect, fix=fix))
    return findings


def private(path: Path, why: str) -> Finding | None:
    """Whether only the owner can read or write a file or folder; None if it is so, or if there is nothing there."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return None
    if os.name != "posix" or not mode & 0o077:
        return None
    repair = MakePrivate(str(path))
    title = f"{path} can be read by others (mode {mode:03o})"
    return Finding("permissions", Status.WARN, title, why, f"run: {repair.command}", repair=repair)


def holds_keys(config: ConfigFile) -> bool:
    """Whether a secret stands in the file itself."""
    return any(literals(path, value.value) for path, value in config.values.items())


# Backends


@frozen
class ClaudeProvider:
    """A provider that is the official CLI, as far as it was found."""

    name: str
    asked_for: bool
    """Configured by the user, and not just there."""
    cli: Cli | None
    version: str | None = None
    login: Login | None = None
    account: str | None = None
    """The subscription and what is left of it, as far as the CLI tells."""
    agent: AgentSettings | None = None


def claude(provider: ClaudeProvider) -> list[Finding]:
    """Where the official CLI is, whether it runs and whether it is logged in."""
    bad = Status.FAIL if provider.asked_for else Status.WARN
    start = f"provider {provider.name}: "
    if provider.cli is None:
        return [Finding("claude-cli", bad, f"{start}Claude Code is not installed", fix=INSTALL_HINT)]
    place = f"{provider.cli.path} ({provider.cli.origin})"
    if provider.version is None:
        fix = f"see what it says: {provider.cli.path} --version"
        return [Finding("claude-cli", bad, f"{start}Claude Code does not answer", place, fix)]
    facts: Facts = {"provider": provider.name, "path": provider.cli.path, "origin": provider.cli.origin, "version": provider.version}
    installed = Finding("claude-cli", Status.OK, f"{start}Claude Code {provider.version}", place, facts=facts)
    match provider.login:
        case None:
            fix = f"see what it says: {provider.cli.path} auth status"
            return [installed, Finding("claude-login", bad, f"{start}Claude Code does not say whether it is logged in", fix=fix)]
        case Login(logged_in=True) as login:
            facts = {**_login_facts(provider.name, login), "account": provider.account}
            return [installed, Finding("claude-login", Status.OK, f"{start}{login.summary}", provider.account, facts=facts)]
        case Login() as login:
            facts = _login_facts(provider.name, login)
            return [installed, Finding("claude-login", bad, f"{start}not logged in", fix=LOGIN_HINT, facts=facts)]


def agent(provider: ClaudeProvider) -> list[Finding]:
    """Where the CLI may act on this machine by itself, and how far. Nothing if it may not."""
    if provider.agent is None:
        return []
    folder, rules = provider.agent.directory, provider.agent.allowed_tools
    title = f"provider {provider.name}: an agent in {folder}, {provider.agent.permission_mode}"
    detail = f"may also use {', '.join(rules)}" if rules else "may do nothing else"
    facts: Facts = {"provider": provider.name, "directory": folder, "mode": provider.agent.permission_mode, "allowed": ", ".join(rules)}
    return [Finding("claude-agent", Status.OK, title, detail, facts=facts)]


def _login_facts(name: str, login: Login) -> Facts:
    return {"provider": name, "logged_in": login.logged_in, "method": login.method, "plan": login.plan, "api_provider": login.provider}


def no_claude() -> Finding:
    """There is no such provider, and no CLI by chance."""
    return Finding("claude-cli", Status.SKIP, "Claude Code is not installed, and no provider needs it", fix=INSTALL_HINT)


def providers(settings: Settings, states: Mapping[str, Health]) -> list[Finding]:
    """Whether every other provider has its key and can be reached."""
    return [
        Finding(
            "provider",
            Status.OK if state.ok else Status.FAIL,
            f"provider {name}: {state.detail}",
            fix=None if state.ok else _provider_fix(settings, name),
            facts={"provider": name, "ok": state.ok},
        )
        for name, state in states.items()
    ]


def some_model(names: Collection[str]) -> Finding | None:
    """Whether there is anything to ask besides what is embedded."""
    if set(names) - {ECHO}:
        return None
    fix = "log in to Claude Code, set ANTHROPIC_API_KEY, OPENAI_API_KEY, GEMINI_API_KEY or another vendor's, or start Ollama or its like"
    return Finding("provider", Status.WARN, "nothing but the embedded echo model can be asked", fix=fix)


def _provider_fix(settings: Settings, name: str) -> str:
    provider = settings.providers[name]
    named = [key.removeprefix("env:") for key in (*provider.api_key, *provider.headers.values()) if key.startswith("env:")]
    preset = PRESETS[provider.preset]
    if not provider.api_key and is_own(preset, provider.base_url):
        named += preset.key_variables
    if named:
        return f"see that {' or '.join(named)} is set, and that the address is right: `ccproxy config show`"
    return f"see that providers.{name} has an api_key and the right base_url: `ccproxy config show`"


# The environment that programs see

_KEY_PAIRS = (
    ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "programs send both"),
    ("GEMINI_API_KEY", "GOOGLE_API_KEY", "Google's SDKs send the second"),
)
_CLOUDS = ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY")
_GOOGLE_CLOUD = "GOOGLE_GENAI_USE_VERTEXAI"
_ADDRESSES = ("ANTHROPIC_BASE_URL", "OPENAI_BASE_URL", "OPENAI_API_BASE", "GOOGLE_GEMINI_BASE_URL", "GEMINI_API_BASE")
_PROXIES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")


def environment(environ: Mapping[str, str], server: ServerSettings, listener: Listener | None) -> list[Finding]:
    """Variables that lead programs elsewhere than the user may think."""
    findings = [finding for name in _ADDRESSES if (finding := _address(name, environ.get(name), server, listener))]
    for one, other, what in _KEY_PAIRS:
        if environ.get(one) and environ.get(other):
            fix = "unset one of them"
            findings.append(Finding("environment", Status.WARN, f"{one} and {other} are both set, and {what}", fix=fix))
    for name in _CLOUDS:
        if environ.get(name):
            title = f"{name} is set: Claude Code goes there whatever ANTHROPIC_BASE_URL says"
            findings.append(Finding("environment", Status.WARN, title, fix=f"unset {name}, or start it by `ccproxy wrap -- claude`"))
    if environ.get(_GOOGLE_CLOUD, "").lower() in ("true", "1"):
        title = f"{_GOOGLE_CLOUD} is set: Google's SDKs and Gemini CLI go to Vertex whatever GOOGLE_GEMINI_BASE_URL says"
        fix = f"unset {_GOOGLE_CLOUD}, or start programs by `ccproxy wrap`"
        findings.append(Finding("environment", Status.WARN, title, fix=fix))
    if proxy := next((name for name in _PROXIES if environ.get(name)), None):
        exceptions = f"{environ.get('NO_PROXY', '')},{environ.get('no_proxy', '')}".split(",")
        if not {"127.0.0.1", "*"} & {word.strip() for word in exceptions}:
            title = f"{proxy} is set and NO_PROXY does not except 127.0.0.1: programs ask the proxy for this machine"
            findings.append(Finding("environment", Status.WARN, title, fix="add 127.0.0.1,localhost to NO_PROXY"))
    return findings or [Finding("environment", Status.OK, "no variable leads programs astray")]


def _address(name: str, value: str | None, server: ServerSettings, listener: Listener | None) -> Finding | None:
    if not value:
        return None
    parts = urlsplit(value)
    try:
        port = parts.port
    except ValueError:
        port = None
    if not parts.hostname:
        return Finding("environment", Status.WARN, f"{name} is not a URL", fix=f"unset {name}")
    if not (is_loopback(parts.hostname) and port == server.port):
        place = f"{parts.hostname}:{port}" if port else parts.hostname
        fix = f"unset {name}, or start programs by `ccproxy wrap`, if they are to come here"
        return Finding("environment", Status.WARN, f"{name} sends programs to {place}, past ccproxy", fix=fix)
    if listener is None:
        title = f"{name} sends programs to port {port} of this machine, and nothing listens there"
        return Finding("environment", Status.WARN, title, fix=f"run `ccproxy serve`, or unset {name}")
    return Finding("environment", Status.OK, f"{name} sends programs to this ccproxy")


def claude_settings(override: Override | None) -> list[Finding]:
    """Whether Claude Code's own settings file leads it elsewhere."""
    if override is None:
        return []
    title = f"{override.path} sets {', '.join(override.names)} for Claude Code, whatever its environment says"
    return [Finding("environment", Status.WARN, title, fix="take these lines out, or use `ccproxy wrap -- claude`")]


# The address to serve at


def port(server: ServerSettings, listener: Listener | None) -> Finding:
    """Whether `serve` can listen where it is told to."""
    place = f"{server.host}:{server.port}"
    if server.port == 0:
        return Finding("port", Status.OK, "`serve` picks a free port")
    if listener is None:
        return Finding("port", Status.OK, f"{place} is free")
    if listener.is_ours:
        return Finding("port", Status.OK, f"ccproxy is serving at {place}", f"pid {listener.pid}", facts={"pid": listener.pid})
    fix = "stop it, or serve on another port: `ccproxy serve --port 0`"
    return Finding("port", Status.WARN, f"{place} is taken by {listener}", fix=fix, facts={"pid": listener.pid})
