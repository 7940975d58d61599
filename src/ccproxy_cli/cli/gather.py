"""The settings of this run: the configuration of the user, this folder and this machine, gathered for a command."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import evolve

from ccproxy_cli.cli.render import complain
from ccproxy_cli.config.detect import Probes, Running
from ccproxy_cli.config.load import Loaded, load
from ccproxy_cli.config.origin import ConfigError, Kind, Origin, Problem, Value
from ccproxy_cli.config.settings import Settings

if TYPE_CHECKING:
    from ccproxy_cli.pipeline.pipeline import Pipeline


def gather(
    config: str | None = None, options: Mapping[tuple[str, ...], tuple[object, str]] | None = None, *, look_for_servers: bool = True
) -> Loaded:
    """Load the settings.

    Args:
        config: value of `--config`.
        options: settings given as options, each with the option's name; those that are None were not given.
        look_for_servers: ask for model servers on this machine. Commands that cannot end up there need not.

    Raises:
        ConfigError: as `load` does.
    """
    from ccproxy_cli.backends.presets import PRESETS

    given = {path: Value(value, Origin(Kind.COMMAND_LINE, name)) for path, (value, name) in (options or {}).items() if value is not None}
    probes = Probes(claude_cli=find_claude, servers=find_servers) if look_for_servers else Probes(claude_cli=find_claude)
    return load(os.environ, Path.cwd(), file=Path(config) if config else None, command_line=given, probes=probes, presets=PRESETS)


def warn_of_redirects(loaded: Loaded) -> None:
    """Tell the user, on standard error, where the current folder sends their keys."""
    for redirect in loaded.redirects:
        complain(f"note: {redirect}")


def find_claude() -> str | None:
    """Path of the Claude CLI that a provider without one of its own would run."""
    from ccproxy_cli.backends.claude_code.cli import find_cli

    found = find_cli()
    return None if found is None else found.path


def find_servers() -> Sequence[Running]:
    """Model servers that run on this machine."""
    from ccproxy_cli.backends.presets import PRESETS
    from ccproxy_cli.backends.running import running

    return running(PRESETS.values())


async def default_model(settings: Settings, pipeline: "Pipeline | None" = None) -> str:
    """The model used when none is named: the user's, else the first that the first provider suggests or, asked, lists.

    Args:
        pipeline: one that runs already; without it a provider that must be asked is connected to for the purpose.

    Raises:
        ConfigError: nobody has one.
    """
    from ccproxy_cli.backends.presets import PRESETS

    if settings.default_model:
        return settings.default_model
    for name, provider in settings.providers.items():
        if provider.agent is not None:  # which acts on this machine, so it has to be asked for by name
            continue
        preset = PRESETS[provider.preset]
        if provider.models:
            return f"{name}/{provider.models[0]}"
        suggested = preset.default_models[:1] if provider.base_url in (None, preset.base_url) else ()
        for model in suggested or await _listed(settings, name, pipeline) or preset.default_models:
            return f"{name}/{model}"
    raise ConfigError([Problem("no provider knows a model", fix="Name one with -m, or set default_model.")])


async def _listed(settings: Settings, provider: str, pipeline: "Pipeline | None") -> Sequence[str]:
    if pipeline is not None:
        return [model.id for model in await pipeline.models_of(provider)]
    from ccproxy_cli.wiring import build_pipeline

    pipeline = build_pipeline(only_provider(settings, provider))
    try:
        return await _listed(settings, provider, pipeline)
    finally:
        await pipeline.aclose()


def only_provider(settings: Settings, name: str | None) -> Settings:
    """The settings with one provider, or as they are if `name` is None.

    Raises:
        ConfigError: there is no such provider.
    """
    if name is None:
        return settings
    if name not in settings.providers:
        known = ", ".join(settings.providers)
        raise ConfigError([Problem(f"there is no provider {name!r}; there are: {known}", Origin(Kind.COMMAND_LINE, "--provider"))])
    own = [evolve(rule, targets=tuple(target for target in rule.targets if target.startswith(f"{name}/"))) for rule in settings.models]
    models = tuple(rule for rule in own if rule.targets)
    return evolve(settings, providers={name: settings.providers[name]}, models=models, rules=())
