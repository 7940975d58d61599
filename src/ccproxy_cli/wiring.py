"""The composition root: from settings to a pipeline. The only importer of concrete backends.

Each backend is imported when a provider asks for it: the HTTP client alone takes longer to load than the embedded model to answer.
"""

import functools
import os

from ccproxy_cli.backends.base import Backend
from ccproxy_cli.backends.credentials import AuthStyle, Credentials, NoKey, parse_key_source
from ccproxy_cli.backends.presets import PRESETS, Preset
from ccproxy_cli.backends.profiles import profile_for
from ccproxy_cli.config.origin import ConfigError, Problem
from ccproxy_cli.config.settings import ProviderSettings, Settings
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.observe.redact import Redactor
from ccproxy_cli.pipeline.pipeline import Pipeline
from ccproxy_cli.pipeline.route import RouteTable
from ccproxy_cli.pipeline.sealkey import StoredKey, key_path

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
    return Pipeline(route_table(settings), backends, seal_key=StoredKey(key_path(os.environ)))


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
            )
        case _:
            return _http_backend(name, provider, PRESETS[provider.preset], settings, redactor)


def _http_backend(name: str, provider: ProviderSettings, preset: Preset, settings: Settings, redactor: Redactor) -> Backend:
    from ccproxy_cli.backends.http import HTTPBackend

    base_url = provider.base_url or preset.base_url
    format_name = provider.format or preset.format
    if base_url is None or format_name is None:
        missing = "base_url" if base_url is None else "format"
        raise ConfigError(
            [Problem(f"provider {name} needs a {missing}", fix=f'Set providers.{name}.{missing}, such as "{_EXAMPLES[missing]}"')]
        )
    try:
        source = parse_key_source(provider.api_key, preset.key_variables, optional=preset.key_optional)
    except ValueError as error:
        raise ConfigError([Problem(f"providers.{name}.api_key: {error}")]) from error
    own_host = provider.base_url is None or provider.base_url.rstrip("/") == preset.base_url
    return HTTPBackend(
        name,
        FORMATS[format_name],
        base_url,
        Credentials(source, _auth_style(preset, format_name) if not isinstance(source, NoKey) else AuthStyle.NONE),
        functools.lru_cache(maxsize=256)(
            lambda model: profile_for(provider.preset, format_name, model, provider.profile, own_host=own_host)
        ),
        settings.timeouts,
        redactor=redactor,
        listed=provider.models,
    )


_EXAMPLES = {"base_url": "http://127.0.0.1:9000/v1", "format": "openai-chat"}


def _auth_style(preset: Preset, format_name: str) -> AuthStyle:
    """The preset's own way, or the format's when a preset is used in another format than its own."""
    if format_name == preset.format:
        return preset.auth
    return {"anthropic": AuthStyle.X_API_KEY, "gemini": AuthStyle.X_GOOG_API_KEY}.get(format_name, AuthStyle.BEARER)


def route_table(settings: Settings) -> RouteTable:
    """Where each model name leads. Needs no backend."""
    providers = _providers(settings)
    families = {
        name: (*provider.models, *(PRESETS[provider.preset].model_patterns if _is_vendors_own(provider) else ()))
        for name, provider in providers.items()
    }
    others = [name for name, provider in providers.items() if provider.preset != ECHO]
    lone = others[0] if len(others) == 1 and providers[others[0]].preset != "claude-code" else None
    return RouteTable(settings.models, families, lone)


def _is_vendors_own(provider: ProviderSettings) -> bool:
    """A preset pointed elsewhere serves whatever that server has, not the vendor's models."""
    return provider.base_url is None or provider.base_url.rstrip("/") == PRESETS[provider.preset].base_url
