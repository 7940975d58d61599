"""`config`: what is configured, where it came from, and where a model name leads."""

import os
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from ccproxy_cli.cli.gather import gather
from ccproxy_cli.cli.result import Cell, Result, Table
from ccproxy_cli.config.files import user_folder
from ccproxy_cli.config.load import Loaded
from ccproxy_cli.config.origin import Kind, dotted
from ccproxy_cli.config.origin import Path as Key
from ccproxy_cli.config.secrets import is_secret, masked
from ccproxy_cli.config.settings import ModelRule, ProviderSettings, Settings


def show(config: str | None) -> Result:
    """Every setting, its value and its source."""
    loaded = gather(config)
    rows: list[tuple[str | Cell, ...]] = []
    data: list[dict[str, Any]] = []
    for key, value in _settings(loaded.settings):
        origin = loaded.origin(*key)
        shown = _masked(value) if is_secret(key) else value
        tone: Any = "dim" if origin.kind is Kind.DEFAULT else "plain"
        rows.append((Cell(dotted(key), tone), Cell(_text(shown), tone), Cell(str(origin), tone)))
        data.append({"key": dotted(key), "value": shown, "source": origin.kind.value, "where": origin.detail or None})
    notes = tuple(f"note: {text}" for text in (*loaded.notices, *loaded.redirects))
    return Result("config show", {"file": _path(loaded), "settings": data}, (Table(("SETTING", "VALUE", "SOURCE"), tuple(rows)),), notes)


def _masked(value: Any) -> Any:
    match value:
        case str():
            return masked(value)
        case [one]:
            return _masked(one)
        case list():
            return [_masked(item) for item in value]
        case _:
            return value


def _settings(settings: Settings) -> Iterator[tuple[Key, Any]]:
    for field in attrs.fields(Settings):
        yield from _leaves((field.name,), getattr(settings, field.name))


def _leaves(key: Key, value: Any) -> Iterator[tuple[Key, Any]]:
    if attrs.has(type(value)):
        for field in attrs.fields(type(value)):
            yield from _leaves((*key, field.name), getattr(value, field.name))
    elif isinstance(value, Mapping) and value:
        for name, member in value.items():
            yield from ((path, leaf) for path, leaf in _leaves((*key, name), member) if not _is_default(path, leaf))
    elif isinstance(value, tuple) and value and isinstance(value[0], ModelRule):
        yield from (((*key, rule.pattern), list(rule.targets)) for rule in value)
    elif isinstance(value, tuple) and value and attrs.has(type(value[0])):
        yield from (((*key, str(number)), _rule(rule)) for number, rule in enumerate(value))
    else:
        yield key, list(value) if isinstance(value, tuple) else dict(value) if isinstance(value, Mapping) else value


def _is_default(key: Key, leaf: Any) -> bool:
    """Whether a provider's setting is what it would be anyway: only the others are worth a line."""
    fields = {field.name: field.default for field in attrs.fields(ProviderSettings)}
    return leaf in ([], {}, None) or (key[-1] in fields and leaf == fields[key[-1]])


def _rule(rule: attrs.AttrsInstance) -> dict[str, Any]:
    """What a rule says: its defaults say nothing."""
    said = {field.name: (getattr(rule, field.name), field.default) for field in attrs.fields(type(rule))}
    return {name: list(value) if isinstance(value, tuple) else value for name, (value, default) in said.items() if value != default}


def _text(value: Any) -> str:
    match value:
        case {"to": list(targets), **conditions}:
            return ", ".join(targets) + "".join(f"; {name} = {_text(condition)}" for name, condition in conditions.items())
        case None | [] | {}:
            return "-"
        case list():
            return ", ".join(map(str, value))
        case bool():
            return str(value).lower()
        case _:
            return str(value)


def _path(loaded: Loaded) -> str | None:
    return str(loaded.file) if loaded.file else None


def path(config: str | None) -> Result:
    """The file in force, or where one would be looked for."""
    loaded = gather(config, look_for_ollama=False)
    if loaded.file:
        return Result("config path", {"path": str(loaded.file), "exists": True}, (str(loaded.file),))
    place = user_folder(os.environ) / "config.toml"
    note = "note: there is no configuration file yet; ccproxy.toml in the current folder would come first"
    return Result("config path", {"path": str(place), "exists": False}, (str(place),), (note,))


def explain(model: str, config: str | None) -> Result:
    """The route of a model name."""
    from ccproxy_cli.wiring import route_table

    loaded = gather(config)
    route = route_table(loaded.settings).resolve(model)
    provider = loaded.settings.providers[route.target.provider]
    rule = next((rule for rule in loaded.settings.models if f'"{rule.pattern}"' in route.why), None)
    where = str(loaded.origin("models", rule.pattern)) if rule else str(loaded.origin("providers", route.target.provider))
    data = {
        "model": model,
        "provider": route.target.provider,
        "target_model": route.target.model,
        "preset": provider.preset,
        "base_url": provider.base_url,
        "why": route.why,
        "where": where,
    }
    rows = (
        ("model", model),
        ("goes to", Cell(str(route.target), "strong")),
        ("because", f"{route.why} ({where})"),
        ("provider", f"{provider.preset}{' at ' + provider.base_url if provider.base_url else ''}"),
    )
    return Result("config explain", data, (Table(("", ""), rows),))
