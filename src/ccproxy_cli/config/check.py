"""What types cannot say of the settings: numbers out of their range, names that lead nowhere, keys that would travel openly."""

from collections.abc import Collection, Iterator
from urllib.parse import urlsplit

import attrs

from ccproxy_cli.config.origin import Path
from ccproxy_cli.config.secrets import is_literal, is_loopback, looks_real
from ccproxy_cli.config.settings import ProviderSettings, Settings
from ccproxy_cli.config.structure import Fault, did_you_mean

LOG_LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("anthropic", "openai-chat", "openai-responses", "gemini")


def check(settings: Settings, presets: Collection[str] = ()) -> Iterator[Fault]:
    """What types cannot say.

    Args:
        presets: the presets there are; not checked when empty.
    """
    server = settings.server
    if not 0 <= server.port <= 65535:
        yield Fault(("server", "port"), f"port {server.port} is not between 0 and 65535")
    if server.log_level not in LOG_LEVELS:
        yield Fault(("server", "log_level"), f"unknown log level {server.log_level!r}{did_you_mean(server.log_level, LOG_LEVELS)}")
    if server.max_body_mb < 1:
        yield Fault(("server", "max_body_mb"), "max_body_mb must be at least 1")
    for field in attrs.fields(type(settings.timeouts)):
        value = getattr(settings.timeouts, field.name)
        if value < 0 or (value == 0 and field.name != "grace"):
            yield Fault(("timeouts", field.name), f"{field.name} must be more than 0 seconds")
    yield from _check_providers(settings, presets)
    yield from _check_rules(settings)


def _check_providers(settings: Settings, presets: Collection[str]) -> Iterator[Fault]:
    for name, provider in settings.providers.items():
        here = ("providers", name)
        if "/" in name or not name:
            yield Fault(here, f"a provider's name cannot be {name!r}: it stands before the slash in provider/model")
        if presets and provider.preset not in presets:
            yield Fault((*here, "preset"), f"unknown preset {provider.preset!r}{did_you_mean(provider.preset, presets)}")
        if provider.format is not None and provider.format not in FORMATS:
            yield Fault((*here, "format"), f"unknown format {provider.format!r}{did_you_mean(provider.format, FORMATS)}")
        if provider.api_key is not None and provider.api_key.startswith("keyring:"):
            yield Fault((*here, "api_key"), "keyring: is not supported; use env:NAME or command:PROGRAM ARGS")
        if provider.base_url is not None:
            yield from _check_url((*here, "base_url"), provider.base_url, provider.api_key)
        yield from _check_claude(here, provider)


def _check_claude(here: Path, provider: ProviderSettings) -> Iterator[Fault]:
    """The official CLI has a login of its own, and is led elsewhere by its own variables."""
    if provider.preset == "claude-code":
        for name, variable in (("base_url", "ANTHROPIC_BASE_URL"), ("api_key", "ANTHROPIC_API_KEY")):
            if getattr(provider, name) is not None:
                why = f"{name} means nothing to claude-code, which uses its own login; to lead it elsewhere set environment.{variable}"
                yield Fault((*here, name), f'{why}, or use preset "anthropic"')
    for name, least in (("max_children", 1), ("pool_size", 0)):
        if getattr(provider, name) < least:
            yield Fault((*here, name), f"{name} must be at least {least}")
    for model in provider.prewarm:
        if not model or model.startswith("-") or model.split() != [model]:
            yield Fault((*here, "prewarm"), f"prewarm: {model!r} is not the name of a model")
    if provider.pool_idle <= 0:
        yield Fault((*here, "pool_idle"), "pool_idle must be more than 0 seconds")


def _check_url(path: Path, url: str, key: str | None) -> Iterator[Fault]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        yield Fault(path, f"base_url must be an http or https address, got {url!r}")
    elif parts.username or parts.password:
        yield Fault(path, "base_url must not hold a user name or password; use api_key")
    elif parts.scheme == "http" and not is_loopback(parts.hostname) and key and (not is_literal(key) or looks_real(key)):
        yield Fault(path, f"{url} would carry the key unencrypted to another machine; use https")


def _check_rules(settings: Settings) -> Iterator[Fault]:
    names = list(settings.providers)
    for rule in settings.models:
        for target in rule.targets:
            provider, slash, model = target.partition("/")
            if not slash or not model:
                yield Fault(("models", rule.pattern), f"{target!r} is not of the form provider/model; providers: {', '.join(names)}")
            elif provider not in names:
                yield Fault(("models", rule.pattern), f"{target!r} names no provider{did_you_mean(provider, names)}")
    if settings.default_model == "":
        yield Fault(("default_model",), "default_model is empty")
