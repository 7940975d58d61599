"""What the environment of the proxies that people come from means here.

Those had a single upstream, which spoke Chat Completions. Their variables are about that one.
"""

from collections.abc import Iterator, Mapping, Sequence

from ccproxy_cli.config.detect import ECHO, is_client_key
from ccproxy_cli.config.environment import Environment, Found
from ccproxy_cli.config.origin import ConfigError, Kind, Path, Problem, Value

_OTHERS = ("anthropic", "claude-code", ECHO)
"""Presets that none of them had as its upstream."""
_HEADER = "CUSTOM_HEADER_"
_PREFERRED: Mapping[str, str] = {"google": "gemini", "anthropic": "anthropic", "openai": "openai"}
"""Values of PREFERRED_PROVIDER, and the preset that each means."""


def add_older_variables(merged: dict[Path, Value], environments: Sequence[Environment]) -> None:
    """Add what the variables say to what is configured, as far as the user says nothing else.

    Raises:
        ConfigError: a model is named that no provider could serve, or a limit is no number.
    """
    presets = {path[1]: value.value for path, value in merged.items() if path[0] == "providers" and path[2:] == ("preset",)}
    _add_model_classes(merged, environments, presets)
    for environment in environments:
        if (key := environment.get("ANTHROPIC_API_KEY")) and is_client_key(key, environments):
            merged.setdefault(("server", "token"), Value(f"env:{key.name}", key.origin))
        for name in _upstreams(presets)[:1]:
            for path, value in _about_the_upstream(environment):
                merged.setdefault(("providers", name, *path), value)


def _upstreams(presets: Mapping[str, str]) -> list[str]:
    return [name for name, preset in presets.items() if preset not in _OTHERS]


def _about_the_upstream(environment: Environment) -> Iterator[tuple[Path, Value]]:
    if found := environment.get("MAX_TOKENS_LIMIT"):
        if not found.value.isdigit():
            raise ConfigError([Problem(f"{found.value!r} is not a whole number", found.origin)])
        yield ("profile", "max_output"), Value(int(found.value), found.origin)
    for name, value in environment.values.items():
        header = name.removeprefix("CCPROXY_").removeprefix(_HEADER)
        if name.removeprefix("CCPROXY_").startswith(_HEADER) and header and value:
            yield ("headers", header.replace("_", "-").lower()), Value(value, environment.origin(name))


def _add_model_classes(merged: dict[Path, Value], environments: Sequence[Environment], presets: Mapping[str, str]) -> None:
    """BIG_MODEL and its like become rules: those of the environment before the file's, those of `.env` after them."""
    rules = {path: value for path, value in merged.items() if path[0] == "models"}
    preferred = next((found.value for environment in environments if (found := environment.get("PREFERRED_PROVIDER"))), None)
    before: dict[Path, Value] = {}
    after: dict[Path, Value] = {}
    for environment in environments:
        target = before if environment.kind is Kind.ENVIRONMENT else after
        for pattern, found in environment.model_classes():
            target.setdefault(("models", pattern), Value(_class_target(found, presets, preferred), found.origin))
    if before or after:
        for path in rules:
            del merged[path]
        for layer in (before, rules, after):
            for path, value in layer.items():
                merged.setdefault(path, value)


def _class_target(found: Found, presets: Mapping[str, str], preferred: str | None) -> str:
    """Where a model leads: a bare name means the upstream there was, unless another is preferred."""
    if found.value.partition("/")[0] in presets:
        return found.value
    wanted = [name for name, preset in presets.items() if preset == _PREFERRED.get(preferred or "")]
    candidates = wanted or _upstreams(presets)
    if not candidates:
        raise ConfigError([Problem(f"no provider to serve {found.value!r}", found.origin, "Set OPENAI_API_KEY, or write provider/model.")])
    return f"{candidates[0]}/{found.value}"
