"""All checks, in the order a person would go through them."""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from ccproxy_cli import __version__
from ccproxy_cli.backends.claude_code.backend import ClaudeCodeBackend
from ccproxy_cli.backends.claude_code.cli import ask_login, ask_version, find_cli
from ccproxy_cli.backends.claude_code.command import environment as cli_environment
from ccproxy_cli.backends.claude_code.user_settings import find_override
from ccproxy_cli.config import files
from ccproxy_cli.config.environment import read_dotenv
from ccproxy_cli.config.load import Loaded
from ccproxy_cli.config.origin import ConfigError, Kind
from ccproxy_cli.config.secrets import literals
from ccproxy_cli.config.settings import ProviderSettings, Settings
from ccproxy_cli.doctor import checks
from ccproxy_cli.doctor.finding import Finding, MakePrivate, Status
from ccproxy_cli.doctor.keeping import keeping
from ccproxy_cli.doctor.listeners import listener_on
from ccproxy_cli.stores.place import state_folder
from ccproxy_cli.wiring import build_pipeline

_CLAUDE = "claude-code"
"""The preset of the official CLI."""


def examine_files(environ: Mapping[str, str], folder: Path, named: Path | None) -> list[Finding]:
    """Whether what may hold keys is ours alone. Comes first: an open file keeps the configuration from being read.

    Args:
        named: the configuration file the user named.
    """
    own = files.user_folder(environ)
    findings = [checks.private(own, "the folder of your configuration")]
    for path in (named,) if named else files.candidates(environ, folder):
        if path.parent == own:
            findings.append(checks.private(path, "your configuration"))
        elif path.is_file() and _readable_with_keys(path):
            findings.append(checks.private(path, "it holds a key"))
    dotenv = folder / ".env"
    if _holds_keys_in_lines(dotenv):
        findings.append(checks.private(dotenv, "it holds a key"))
    findings.append(checks.private(state_folder(environ), "the folder of kept answers, usage and the key that seals reasoning"))
    return [finding for finding in findings if finding is not None]


def _holds_keys_in_lines(dotenv: Path) -> bool:
    try:
        values = read_dotenv(dotenv).values
    except ConfigError:  # nobody can use it then
        return False
    return any(literals(("environment", name), value) for name, value in values.items())


def _readable_with_keys(path: Path) -> bool:
    try:
        return checks.holds_keys(files.read(path))
    except ConfigError:  # said in the check of the configuration
        return False


def repair(finding: Finding) -> Finding:
    """Carry out a finding's repair and say so."""
    match finding.repair:
        case None:
            return finding
        case MakePrivate(path):
            target = Path(path)
            target.chmod(target.stat().st_mode & 0o700)
            return Finding(finding.check, Status.OK, f"{path} could be read by others and is private now", finding.detail)


async def examine(loaded: Loaded | ConfigError, environ: Mapping[str, str], home: Path, program: Path) -> list[Finding]:
    """Everything else. Sends no request to any model.

    Args:
        home: the user's own folder.
        program: what was started.
    """
    settings = loaded.settings if isinstance(loaded, Loaded) else Settings()
    listener = listener_on(settings.server.host, settings.server.port) if settings.server.port else None
    claude, providers = await asyncio.gather(_claude(loaded, environ), _providers(loaded))
    return [
        checks.versions(__version__, sys.version_info[:3], sys.platform),
        checks.binaries(checks.find_binaries(environ.get("PATH", os.defpath)), str(program.parent)),
        *checks.configuration(loaded),
        *await keeping(settings.store, environ),
        *claude,
        *providers,
        *checks.environment(environ, settings.server, listener),
        *checks.claude_settings(find_override(environ, home)),
        checks.port(settings.server, listener),
    ]


async def _claude(loaded: Loaded | ConfigError, environ: Mapping[str, str]) -> list[Finding]:
    if isinstance(loaded, ConfigError):
        return []
    providers = {name: provider for name, provider in loaded.settings.providers.items() if provider.preset == _CLAUDE}
    if not providers:
        return [checks.no_claude()] if find_cli() is None else []
    asked = await asyncio.gather(*(_ask_claude(name, provider, loaded, environ) for name, provider in providers.items()))
    return [finding for provider in asked for finding in (*checks.claude(provider), *checks.agent(provider))]


async def _ask_claude(name: str, provider: ProviderSettings, loaded: Loaded, environ: Mapping[str, str]) -> checks.ClaudeProvider:
    asked_for = loaded.origin("providers", name, "preset").kind is not Kind.DETECTED
    cli = find_cli(provider.executable)
    if cli is None:
        return checks.ClaudeProvider(name, asked_for, None, agent=provider.agent)
    surroundings = cli_environment(environ, provider.environment)
    version, login = await asyncio.gather(ask_version(cli, surroundings), ask_login(cli, surroundings))
    account = await _ask_account(name, provider) if login is not None and login.plan else None
    return checks.ClaudeProvider(name, asked_for, cli, version, login, account, provider.agent)


async def _ask_account(name: str, provider: ProviderSettings) -> str | None:
    """What is left of a subscription. Costs the start of a process, so it is asked of nothing else."""
    backend = ClaudeCodeBackend(name, executable=provider.executable, environment=provider.environment)
    try:
        return await backend.account()
    finally:
        await backend.aclose()


async def _providers(loaded: Loaded | ConfigError) -> list[Finding]:
    if isinstance(loaded, ConfigError):
        return [Finding("provider", Status.SKIP, "providers cannot be looked at before the configuration is right")]
    try:
        pipeline = build_pipeline(loaded.settings)
    except ConfigError as error:
        return checks.configuration(error)
    try:
        # The CLI has a check of its own, which tells more.
        names = [name for name, provider in loaded.settings.providers.items() if provider.preset != _CLAUDE]
        states = await asyncio.gather(*(pipeline.backends[name].health() for name in names))
    finally:
        await pipeline.aclose()
    lonely = checks.some_model(loaded.settings.providers)
    return [*checks.providers(loaded.settings, dict(zip(names, states, strict=True))), *([lonely] if lonely else [])]
