"""From a provider's settings and its preset's row to the backend that calls it."""

import functools
from collections.abc import Mapping, Sequence
from typing import cast
from urllib.parse import urlsplit

from ccproxy_cli.backends.addresses import Unset, address, model_path
from ccproxy_cli.backends.calling import Calling
from ccproxy_cli.backends.catalogue import described
from ccproxy_cli.backends.credentials import (
    AuthStyle,
    Credentials,
    EnvironmentKey,
    KeySource,
    LiteralKey,
    NoKey,
    Secret,
    parse_key_source,
)
from ccproxy_cli.backends.http import HTTPBackend
from ccproxy_cli.backends.learned import Learned
from ccproxy_cli.backends.presets import Preset
from ccproxy_cli.backends.profiles import profile_for
from ccproxy_cli.config.origin import ConfigError, Problem
from ccproxy_cli.config.secrets import is_loopback, literals
from ccproxy_cli.config.settings import ProviderSettings, TimeoutSettings
from ccproxy_cli.config.vendors import is_own
from ccproxy_cli.core.catalog import ModelInfo
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.ids import digest_id
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.observe.redact import Redactor
from ccproxy_cli.stores.base import Store

_EXAMPLES = {"base_url": "http://127.0.0.1:9000/v1", "format": "openai-chat"}


def http_backend(
    name: str,
    provider: ProviderSettings,
    preset: Preset,
    timeouts: TimeoutSettings,
    environ: Mapping[str, str],
    redactor: Redactor,
    store: Store | None = None,
) -> HTTPBackend:
    """The backend of one provider. Opens nothing yet.

    Args:
        store: where what its refusals teach is kept.

    Raises:
        ConfigError: the provider lacks what it needs.
    """
    format_name = provider.format or preset.format
    if format_name is None:
        raise _lacks(name, "format")
    try:
        base_url = address(preset, provider.base_url, environ)
    except Unset as error:
        raise _lacks(name, "base_url", error.variables) from error
    sources = _sources(name, provider, preset, base_url)
    for header, value in provider.headers.items():
        if literals(("headers", header), value):
            redactor.learn(value.rpartition(" ")[2])  # without the word that says of what kind it is
    own = is_own(preset, base_url)
    return HTTPBackend(
        name,
        FORMATS[format_name],
        base_url,
        Credentials(sources, AuthStyle.NONE if sources == [NoKey()] else _auth_style(preset, format_name), environ),
        functools.lru_cache(maxsize=256)(lambda model: profile_for(provider.preset, format_name, model, provider.profile, own_host=own)),
        timeouts,
        calling=_calling(provider, preset, base_url, environ),
        learned=Learned(store, f"{name}/{digest_id(f'{format_name} {base_url}')}"),
        described=functools.partial(described, preset=preset.name) if own else _as_it_is,
        redactor=redactor,
        listed=provider.models or (() if preset.lists_models else preset.default_models),
    )


def _as_it_is(model: ModelInfo) -> ModelInfo:
    return model


def _lacks(name: str, missing: str, variables: Sequence[str] = ()) -> ConfigError:
    example = f'providers.{name}.{missing}, such as "{_EXAMPLES[missing]}"'
    fix = f"Set {' and '.join(variables)}, or providers.{name}.{missing}" if variables else f"Set {example}"
    return ConfigError([Problem(f"provider {name} needs a {missing}", fix=fix)])


def _sources(name: str, provider: ProviderSettings, preset: Preset, base_url: str) -> list[KeySource]:
    """The keys of a provider. Those of the preset's own variables go to the preset's own address alone, unless the user says more."""
    if provider.api_key:
        try:
            return [parse_key_source(key) for key in dict.fromkeys(provider.api_key)]
        except ValueError as error:
            raise ConfigError([Problem(f"providers.{name}.api_key: {error}")]) from error
    if preset.key_example is not None:
        raise ConfigError([Problem(f"provider {name} needs an api_key", fix=f'Set providers.{name}.api_key = "{preset.key_example}".')])
    if not preset.key_variables:
        return [NoKey()]
    if is_own(preset, base_url):
        return [EnvironmentKey(preset.key_variables, preset.key_optional)]
    variable = preset.key_variables[0]
    if not preset.key_optional and not is_loopback(_host(base_url)):
        fix = f'Set providers.{name}.api_key = "env:{variable}" if that key is for there, another one, or "" for none.'
        raise ConfigError(
            [Problem(f"provider {name}: {variable} belongs elsewhere than {_host(base_url)}, and is not sent there unasked", fix=fix)]
        )
    return [NoKey()]


def _calling(provider: ProviderSettings, preset: Preset, base_url: str, environ: Mapping[str, str]) -> Calling:
    sources = {header.lower(): parse_key_source(value) for header, value in provider.headers.items()}
    plain = {header: source.key for header, source in sources.items() if isinstance(source, LiteralKey)}
    return Calling(
        model_path(preset, base_url),
        {**preset.query, **provider.query},
        {**preset.headers, **plain},
        {header: Secret(source, environ) for header, source in sources.items() if header not in plain},
        cast("Mapping[str, JSON]", provider.body),
        frozenset(preset.travelling) - sources.keys(),
        preset.lists_models,
    )


def _auth_style(preset: Preset, format_name: str) -> AuthStyle:
    """The preset's own way, or the format's when a preset is used in a format that another vendor made."""
    if format_name == preset.format or ((preset.format or "").startswith("openai") and format_name.startswith("openai")):
        return preset.auth
    return {"anthropic": AuthStyle.X_API_KEY, "gemini": AuthStyle.X_GOOG_API_KEY}.get(format_name, AuthStyle.BEARER)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""
