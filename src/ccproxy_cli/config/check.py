"""What types cannot say of the settings: numbers out of their range, names that lead nowhere, keys that would travel openly."""

import math
from collections.abc import Collection, Iterator, Mapping
from urllib.parse import SplitResult, urlsplit

from ccproxy_cli.config.agent import check_agents
from ccproxy_cli.config.origin import Path
from ccproxy_cli.config.secrets import CLIENT, HEADER_NAME, NEVER_SET, is_literal, is_loopback, looks_real, reference_fault
from ccproxy_cli.config.settings import LimitSettings, ProviderSettings, Settings
from ccproxy_cli.config.structure import Fault, did_you_mean
from ccproxy_cli.core.facts import FACTS, read_fact

LOG_LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("anthropic", "openai-chat", "openai-responses", "gemini")
STORES = ("memory", "sqlite", "redis", "rediss", "unix")


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
    yield from _least(("server",), server, max_body_mb=1)
    yield from _above_zero(("timeouts",), settings.timeouts, "connect", "first_byte", "idle", "total")
    yield from _least(("timeouts",), settings.timeouts, grace=0)
    yield from _least(("retries",), settings.retries, attempts=1, first_wait=0, longest_wait=0, cool_down=0)
    yield from _check_limits(("limits",), settings.limits)
    yield from _check_limits(("limits", "overall"), settings.limits.overall)
    yield from _above_zero(("cache",), settings.cache, "ttl")
    yield from _least(("cache",), settings.cache, max_mb=1)
    yield from _check_store(settings.store.url)
    yield from _check_providers(settings, presets)
    yield from check_agents(settings)
    yield from _check_clients(settings)
    yield from _check_rules(settings)


def _least(here: Path, table: object, **least: float) -> Iterator[Fault]:
    """The numbers of a table that are below what they must be."""
    for name, bound in least.items():
        value = getattr(table, name)
        if value is not None and not bound <= value < math.inf:
            yield Fault((*here, name), f"{name} must be at least {bound}")


def _above_zero(here: Path, table: object, *names: str) -> Iterator[Fault]:
    for name in names:
        value = getattr(table, name)
        if value is not None and not 0 < value < math.inf:
            yield Fault((*here, name), f"{name} must be more than 0")


def _check_limits(here: Path, limits: LimitSettings) -> Iterator[Fault]:
    yield from _above_zero(here, limits, "requests_per_minute", "tokens_per_minute")
    yield from _least(here, limits, concurrency=1, burst_size=1)
    if limits.burst_size is not None and limits.requests_per_minute is None and here[0] == "limits":
        yield Fault((*here, "burst_size"), "burst_size means nothing without requests_per_minute")


def _check_store(url: str) -> Iterator[Fault]:
    here = ("store", "url")
    kind = url.partition(":")[0]
    if kind not in STORES:
        yield Fault(here, f"unknown store {kind!r}{did_you_mean(kind, STORES)}")
    elif kind in ("redis", "rediss") and not _has_host(url):
        yield Fault(here, f"{kind}: must name a host, such as redis://127.0.0.1:6379/0")
    elif kind == "sqlite" and url != "sqlite" and not (url.startswith("sqlite:///") and url != "sqlite:///"):
        yield Fault(here, "sqlite:/// must be followed by the path of a file")
    elif kind == "memory" and url != "memory":
        yield Fault(here, "nothing can follow memory")


def _has_host(url: str) -> bool:
    try:
        return bool(urlsplit(url).netloc)
    except ValueError:
        return False


def _check_clients(settings: Settings) -> Iterator[Fault]:
    tokens: dict[str, str] = {}
    for name, client in settings.clients.items():
        here = ("clients", name)
        if not client.token:
            yield Fault((*here, "token"), "token is empty")
        elif client.token in tokens or client.token == settings.server.token:
            yield Fault(
                (*here, "token"), f"the token is also that of {tokens.get(client.token, 'the server')}: nobody could tell them apart"
            )
        tokens.setdefault(client.token, name)
        if not client.models:
            yield Fault((*here, "models"), 'models is empty, so the client could ask for nothing; "*" is everything')
        yield from _check_limits((*here, "limits"), client.limits)


def _check_providers(settings: Settings, presets: Collection[str]) -> Iterator[Fault]:
    for name, provider in settings.providers.items():
        here = ("providers", name)
        if "/" in name or not name:
            yield Fault(here, f"a provider's name cannot be {name!r}: it stands before the slash in provider/model")
        if presets and provider.preset not in presets:
            yield Fault((*here, "preset"), f"unknown preset {provider.preset!r}{did_you_mean(provider.preset, presets)}")
        if provider.format is not None and provider.format not in FORMATS:
            yield Fault((*here, "format"), f"unknown format {provider.format!r}{did_you_mean(provider.format, FORMATS)}")
        yield from _check_keys((*here, "api_key"), provider.api_key)
        yield from _check_headers((*here, "headers"), provider.headers)
        if provider.base_url is not None:
            yield from _check_url((*here, "base_url"), provider.base_url, (*provider.api_key, *provider.headers.values()))
        yield from _check_profile((*here, "profile"), provider.profile)
        yield from _check_claude(here, provider)


def _check_claude(here: Path, provider: ProviderSettings) -> Iterator[Fault]:
    """The official CLI has a login of its own, and is led elsewhere by its own variables."""
    if provider.preset == "claude-code":
        for name, variable in (("base_url", "ANTHROPIC_BASE_URL"), ("api_key", "ANTHROPIC_API_KEY")):
            if getattr(provider, name):
                why = f"{name} means nothing to claude-code, which uses its own login; to lead it elsewhere set environment.{variable}"
                yield Fault((*here, name), f'{why}, or use preset "anthropic"')
        if provider.concurrency is not None:
            yield Fault((*here, "concurrency"), "concurrency means nothing to claude-code, whose processes are limited by max_children")
    else:
        unset = ProviderSettings(provider.preset)
        for name in _CLAUDE_ONLY:
            if getattr(provider, name) != getattr(unset, name):
                yield Fault((*here, name), f"{name} means nothing to {provider.preset}; it is for claude-code")
    yield from _least(here, provider, max_children=1, pool_size=0, concurrency=1, queue=0)
    for model in provider.prewarm:
        if not model or model.startswith("-") or model.split() != [model]:
            yield Fault((*here, "prewarm"), f"prewarm: {model!r} is not the name of a model")
    yield from _above_zero(here, provider, "pool_idle")


_CLAUDE_ONLY = ("executable", "environment", "max_children", "pool_size", "pool_idle", "prewarm")


def _check_profile(path: Path, profile: Mapping[str, object]) -> Iterator[Fault]:
    for name, value in profile.items():
        if name not in FACTS:
            yield Fault((*path, name), f"unknown key {name!r}{did_you_mean(name, FACTS)}")
            continue
        try:
            read_fact(name, value)
        except ValueError as error:
            yield Fault((*path, name), f"{name}: {error}")


def _check_keys(path: Path, keys: Collection[str]) -> Iterator[Fault]:
    if len(keys) > 1 and (CLIENT in keys or "" in keys):
        yield Fault(path, f"{CLIENT if CLIENT in keys else 'no key'} cannot be one of several keys")
    for key in keys:
        if fault := reference_fault(key):
            yield Fault(path, fault)


def _check_headers(path: Path, headers: Mapping[str, str]) -> Iterator[Fault]:
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name) or name.lower() in NEVER_SET:
            yield Fault((*path, name), f"{name!r} is not a header that can be set")
        elif not value.isascii() or not value.isprintable():
            yield Fault((*path, name), f"the value of {name} must be printable ASCII")
        elif value == CLIENT:
            yield Fault((*path, name), f"{name} cannot be the caller's key; use api_key")
        elif fault := reference_fault(value):
            yield Fault((*path, name), fault)


def _check_url(path: Path, url: str, secrets: Collection[str]) -> Iterator[Fault]:
    parts = _parts(url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        yield Fault(path, f"base_url must be an http or https address, got {url!r}")
    elif parts.username or parts.password:
        yield Fault(path, "base_url must not hold a user name or password; use api_key")
    elif parts.scheme == "http" and not is_loopback(parts.hostname) and any(not is_literal(key) or looks_real(key) for key in secrets):
        yield Fault(path, f"{url} would carry the key unencrypted to another machine; use https")


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    return None if port == 0 else parts


def _check_rules(settings: Settings) -> Iterator[Fault]:
    for number, rule in enumerate(settings.rules):
        here = ("rules", str(number))
        yield from _check_targets((*here, "to"), rule.to, settings)
        yield from _least(here, rule, min_tokens=0)
        if rule.client is not None and rule.client not in settings.clients:
            yield Fault((*here, "client"), f"there is no client {rule.client!r}{did_you_mean(rule.client, settings.clients)}")
    for model in settings.models:
        yield from _check_targets(("models", model.pattern), model.targets, settings)
    if settings.default_model == "":
        yield Fault(("default_model",), "default_model is empty")


def _check_targets(here: Path, targets: Collection[str], settings: Settings) -> Iterator[Fault]:
    names = list(settings.providers)
    if not targets:
        yield Fault(here, "there must be a target, provider/model")
    for target in targets:
        provider, slash, model = target.partition("/")
        if not slash or not model:
            yield Fault(here, f"{target!r} is not of the form provider/model; providers: {', '.join(names)}")
        elif provider not in names:
            yield Fault(here, f"{target!r} names no provider{did_you_mean(provider, names)}")
