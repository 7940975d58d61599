"""The composition root: from settings to a pipeline. The only importer of concrete backends.

Each backend is imported when a provider asks for it: the HTTP client alone takes longer to load than the embedded model to answer.
"""

import os
import time

from ccproxy_cli.backends.addresses import is_own
from ccproxy_cli.backends.base import Backend
from ccproxy_cli.backends.presets import PRESETS
from ccproxy_cli.config.settings import ProviderSettings, Settings
from ccproxy_cli.observe.redact import Redactor
from ccproxy_cli.pipeline.limits import Limits
from ccproxy_cli.pipeline.pipeline import Pipeline
from ccproxy_cli.pipeline.route import RouteTable
from ccproxy_cli.pipeline.sealkey import StoredKey, key_path
from ccproxy_cli.stores.memory import MemoryStore

ECHO = "echo"


def build_pipeline(settings: Settings, redactor: Redactor | None = None) -> Pipeline:
    """A pipeline over the configured providers, the embedded model always among them. Opens nothing yet.

    Args:
        redactor: learns every key that is sent and cleans every error; the log wants the same one.

    Raises:
        ConfigError: a provider lacks what it needs.
    """
    redactor = Redactor() if redactor is None else redactor
    backends = {name: _backend(name, provider, settings, redactor) for name, provider in _providers(settings).items()}
    limits = Limits.of(settings, MemoryStore(time.monotonic))
    return Pipeline(route_table(settings), backends, seal_key=StoredKey(key_path(os.environ)), limits=limits)


def _providers(settings: Settings) -> dict[str, ProviderSettings]:
    providers = {**settings.providers}
    providers.setdefault(ECHO, ProviderSettings(ECHO))
    return providers


def _backend(name: str, provider: ProviderSettings, settings: Settings, redactor: Redactor) -> Backend:
    match provider.preset:
        case "echo":
            from ccproxy_cli.backends.echo import EchoBackend

            return EchoBackend(name)
        case "claude-code":
            from ccproxy_cli.backends.claude_code.backend import ClaudeCodeBackend

            return ClaudeCodeBackend(
                name,
                executable=provider.executable,
                environment=provider.environment,
                timeouts=settings.timeouts,
                max_children=provider.max_children,
                pool_size=provider.pool_size,
                pool_idle=provider.pool_idle,
                prewarm=provider.prewarm,
                overrides=provider.profile,
                agent=provider.agent,
            )
        case _:
            from ccproxy_cli.backends.provider import http_backend

            return http_backend(name, provider, PRESETS[provider.preset], settings.timeouts, os.environ, redactor)


def route_table(settings: Settings) -> RouteTable:
    """Where each model name leads. Needs no backend."""
    providers = _providers(settings)
    families = {
        name: (*provider.models, *(PRESETS[provider.preset].model_patterns if _claims_names(provider) else ()))
        for name, provider in providers.items()
    }
    others = [name for name, provider in providers.items() if provider.preset != ECHO]
    lone = others[0] if len(others) == 1 and providers[others[0]].preset != "claude-code" else None
    return RouteTable(settings.models, families, lone)


def _claims_names(provider: ProviderSettings) -> bool:
    """A preset pointed elsewhere serves whatever that server has, not the vendor's models. An agent is never met by chance."""
    return is_own(PRESETS[provider.preset], provider.base_url) and provider.agent is None
