"""`config`: what is configured, where it came from, and where a model name leads."""

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs
from attrs import frozen

from ccproxy_cli.cli.gather import gather
from ccproxy_cli.cli.result import Cell, Result, Table
from ccproxy_cli.config.files import user_folder
from ccproxy_cli.config.load import Loaded
from ccproxy_cli.config.origin import ConfigError, Kind, Origin, Problem, dotted
from ccproxy_cli.config.origin import Path as Key
from ccproxy_cli.config.secrets import STORE_URL, is_secret, masked, without_password
from ccproxy_cli.config.settings import ModelRule, ProviderSettings, Settings
from ccproxy_cli.config.structure import did_you_mean

if TYPE_CHECKING:
    from ccproxy_cli.pipeline.route import Target


def show(config: str | None) -> Result:
    """Every setting, its value and its source."""
    loaded = gather(config)
    rows: list[tuple[str | Cell, ...]] = []
    data: list[dict[str, Any]] = []
    for key, value in _settings(loaded.settings):
        origin = loaded.origin(*key)
        shown = without_password(value) if key == STORE_URL else _masked(value) if is_secret(key) else value
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
    loaded = gather(config, look_for_servers=False)
    if loaded.file:
        return Result("config path", {"path": str(loaded.file), "exists": True}, (str(loaded.file),))
    place = user_folder(os.environ) / "config.toml"
    note = "note: there is no configuration file yet; ccproxy.toml in the current folder would come first"
    return Result("config path", {"path": str(place), "exists": False}, (str(place),), (note,))


@frozen
class Case:
    """A request whose route is asked for."""

    model: str
    client: str | None = None
    thinking: bool = False
    images: bool = False
    web_search: bool = False
    background: bool = False
    tokens: int = 0


def explain(case: Case, config: str | None) -> Result:
    """The route that such a request takes."""
    from ccproxy_cli.core.formats import Outline
    from ccproxy_cli.pipeline.allowed import Allowed
    from ccproxy_cli.pipeline.facts import StatedFacts
    from ccproxy_cli.wiring import route_table

    loaded = gather(config)
    settings = loaded.settings
    if case.client is not None and case.client not in settings.clients:
        message = f"there is no client {case.client!r}{did_you_mean(case.client, settings.clients)}"
        raise ConfigError([Problem(message, Origin(Kind.COMMAND_LINE, "--client"))])
    Allowed({name: client.models for name, client in settings.clients.items()}).check(case.client, case.model)
    outline = Outline(case.thinking, case.images, case.web_search, case.background)
    route = route_table(settings).resolve(case.model, StatedFacts(case.client, outline, case.tokens))
    chain = [_described(target, settings) for target in route.targets]
    where = str(loaded.origin(*(route.setting or ("providers", route.target.provider))))
    data = {"model": case.model, **chain[0], "why": route.why, "where": where, "chain": chain}
    rows: list[tuple[str | Cell, ...]] = [("model", case.model)]
    for number, (target, told) in enumerate(zip(route.targets, chain, strict=True)):
        by = f"{told['preset']}{' at ' + told['base_url'] if told['base_url'] else ''}"
        rows += [("then to" if number else "goes to", Cell(str(target), "strong")), ("provider", by)]
    rows.append(("because", f"{route.why} ({where})"))
    return Result("config explain", data, (Table(("", ""), tuple(rows)),))


def _described(target: "Target", settings: Settings) -> dict[str, Any]:
    provider = settings.providers.get(target.provider, ProviderSettings(target.provider))
    return {"provider": target.provider, "target_model": target.model, "preset": provider.preset, "base_url": provider.base_url}
