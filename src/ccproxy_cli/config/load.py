"""From everything a user may have said to one `Settings`, and where each value came from.

Strongest first: command line, environment, config file, `.env`, what was detected, defaults.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from types import MappingProxyType
from urllib.parse import urlsplit

from attrs import evolve, frozen

from ccproxy_cli.config import files
from ccproxy_cli.config.check import check
from ccproxy_cli.config.detect import ADDRESSES, ECHO, Probes, detect
from ccproxy_cli.config.environment import CONFIG_FILE, Environment, read_dotenv
from ccproxy_cli.config.found import Redirect, refuse_leading_away, refuse_reach
from ccproxy_cli.config.older_variables import add_older_variables
from ccproxy_cli.config.origin import DEFAULT, ConfigError, Kind, Layer, Origin, Path, Problem, Value, dotted, tree_of
from ccproxy_cli.config.secrets import is_literal, is_loopback, is_secret, is_weak, literals, reveal
from ccproxy_cli.config.settings import ClientSettings, ProviderSettings, Settings
from ccproxy_cli.config.structure import Fault, Faults, structure
from ccproxy_cli.config.vendors import Vendor, is_own

NO_PROBES = Probes()
NO_PRESETS: Mapping[str, Vendor] = MappingProxyType({})


@frozen
class Loaded:
    """The settings, and how they came to be."""

    settings: Settings
    origins: Mapping[Path, Origin]
    """Of every value that is not a default; a provider that was detected stands under its own path."""
    file: FilePath | None
    """The configuration file in force."""
    notices: tuple[str, ...] = ()
    """What the user should see when a server starts: what the current folder changes, and what a file of another proxy says in vain."""
    redirects: tuple[str, ...] = ()
    """What the user should always see: the current folder sends keys of the environment to an address of its own."""

    def origin(self, *path: str) -> Origin:
        """Where a value came from; that of the nearest parent, or the default, if nobody set it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.origins:
                return self.origins[path[:length]]
        return DEFAULT


def load(
    environ: Mapping[str, str],
    folder: FilePath,
    *,
    file: FilePath | None = None,
    command_line: Layer | None = None,
    probes: Probes = NO_PROBES,
    presets: Mapping[str, Vendor] = NO_PRESETS,
) -> Loaded:
    """Gather the settings.

    Args:
        environ: the process's environment.
        folder: the project folder, where `ccproxy.toml` and `.env` are looked for.
        file: the configuration file the user named; else CCPROXY_CONFIG names it, else the first one found is taken.
        command_line: values of options.
        probes: how to look for providers when none are configured.
        presets: the presets there are, by name.

    Raises:
        ConfigError: anything is wrong; all of it at once where possible.
    """
    environment = Environment(environ)
    dotenv = _own_dotenv(folder)
    config = _config_file(environ, folder, file)
    layers: list[Layer] = [command_line or {}, environment.layer(), config.values if config else {}, dotenv.layer()]
    merged: dict[Path, Value] = {}
    for layer in layers:
        for path, value in layer.items():
            merged.setdefault(path, value)
    environments = (environment, dotenv)
    _add_providers(merged, environments, probes, presets)
    _add_variables(merged, environments, presets)
    add_older_variables(merged, environments)
    if config is not None:
        _refuse_open_keys(config)
        if config.found:
            refuse_reach(config)
    _settle_references(merged, environ, dotenv, presets)
    settings = _settings(merged, config, presets)
    settings = _without_own_address(settings, merged)
    redirects = tuple(_redirects(settings, merged, config, dotenv, presets))
    refuse_leading_away(redirects)
    return Loaded(
        settings,
        {path: value.origin for path, value in merged.items()},
        config.path if config else None,
        tuple(_notices(config, dotenv, folder, presets)),
        tuple(map(str, redirects)),
    )


def _own_dotenv(folder: FilePath) -> Environment:
    path = folder / ".env"
    if os.name == "posix" and path.exists() and path.stat().st_uid not in (0, os.geteuid()):
        return Environment({}, Kind.DOTENV)
    return read_dotenv(path)


def _config_file(environ: Mapping[str, str], folder: FilePath, named: FilePath | None) -> files.ConfigFile | None:
    if named is None and (variable := environ.get(CONFIG_FILE)):
        named = FilePath(variable)
    if named is not None:
        return files.read(named.expanduser())
    path = files.find(environ, folder)
    return files.read(path, found=path.parent == folder) if path else None


def _add_providers(merged: dict[Path, Value], environments: Sequence[Environment], probes: Probes, presets: Mapping[str, Vendor]) -> None:
    """The configured providers, or else the detected ones; in either case the embedded model is there."""
    if not any(path[0] == "providers" and len(path) > 1 for path in merged):
        for found in detect(environments, probes, presets.values()):
            _add_provider(merged, found.name, found.settings, found.origin)
    if not any(path[:2] == ("providers", ECHO) for path in merged):
        _add_provider(merged, ECHO, ProviderSettings(ECHO), Origin(Kind.DETECTED, "embedded"))


def _add_provider(merged: dict[Path, Value], name: str, settings: ProviderSettings, origin: Origin) -> None:
    for field in ("preset", "base_url", "api_key"):
        value = getattr(settings, field)
        if value:
            merged.setdefault(("providers", name, field), Value(list(value) if isinstance(value, tuple) else value, origin))


def _add_variables(merged: dict[Path, Value], environments: Sequence[Environment], presets: Mapping[str, Vendor]) -> None:
    """What the variables of a provider's own tools say of it, where the user does not."""
    named = {path[1]: value.value for path, value in merged.items() if path[0] == "providers" and path[2:] == ("preset",)}
    for name, preset in named.items():
        vendor = presets.get(preset) if isinstance(preset, str) else None
        if vendor is None:
            continue
        places = {**dict.fromkeys(vendor.address_variables, ("base_url",)), **vendor.variables}
        for environment in environments:
            for variable, path in places.items():
                if found := environment.get(variable):
                    value = {"true": True, "false": False}.get(found.value.lower(), found.value)
                    merged.setdefault(("providers", name, *path), Value(value, found.origin))


def _refuse_open_keys(config: files.ConfigFile) -> None:
    literal = [path for path, value in config.values.items() if literals(path, value.value)]
    if literal and files.open_to_others(config.path):
        raise ConfigError(
            [
                Problem(
                    "holds a key and can be read by other users of this machine", config.origin(literal[0]), f"Run: chmod 600 {config.path}"
                )
            ]
        )


def _settle_references(merged: dict[Path, Value], environ: Mapping[str, str], dotenv: Environment, presets: Mapping[str, Vendor]) -> None:
    """What refers to a variable that only `.env` has is settled here: nobody else knows that file."""
    for path, value in merged.items():
        if path[-1] in ("api_key", "token") or "headers" in path[2:-1]:
            merged[path] = evolve(value, value=_settled(value.value, environ, dotenv))
    for path, value in list(merged.items()):
        vendor = presets.get(value.value) if path[:1] == ("providers",) and path[2:] == ("preset",) else None
        if vendor is None or not is_own(vendor, _text_at(merged, (*path[:2], "base_url"))):
            continue
        name = next((name for name in vendor.key_variables if environ.get(name) or dotenv.values.get(name)), None)
        if name is not None and not environ.get(name):
            merged.setdefault((*path[:2], "api_key"), Value(dotenv.values[name], dotenv.origin(name)))


def _text_at(merged: Mapping[Path, Value], path: Path) -> str | None:
    value = merged[path].value if path in merged else None
    return value if isinstance(value, str) else None


def _settled(reference: object, environ: Mapping[str, str], dotenv: Environment) -> object:
    if isinstance(reference, list):
        return [_settled(item, environ, dotenv) for item in reference]
    if not isinstance(reference, str) or not reference.startswith("env:"):
        return reference
    name = reference.removeprefix("env:")
    return dotenv.values[name] if not environ.get(name) and dotenv.values.get(name) else reference


def _settings(merged: Mapping[Path, Value], config: files.ConfigFile | None, presets: Mapping[str, Vendor]) -> Settings:
    try:
        settings = structure(tree_of(merged))
        faults: Sequence[Fault] = tuple(check(settings, presets))
    except Faults as error:
        faults = error.faults
        settings = Settings()
    if faults:
        problems = [Problem(fault.message, _place(fault.path, merged, config)) for fault in faults]
        raise ConfigError(sorted(problems, key=lambda problem: _reading_order(problem.origin)))
    return settings


def _reading_order(origin: Origin) -> tuple[str, int]:
    where, _, line = origin.detail.rpartition(":")
    return (where, int(line)) if line.isdigit() else (origin.detail, 0)


def _place(path: Path, merged: Mapping[Path, Value], config: files.ConfigFile | None) -> Origin:
    if path in merged:
        return merged[path].origin
    below = [value.origin for known, value in merged.items() if known[: len(path)] == path or path[: len(known)] == known]
    if below and all(origin.kind is not Kind.FILE for origin in below):
        return below[0]
    return config.origin(path) if config else DEFAULT


def _without_own_address(settings: Settings, merged: Mapping[Path, Value]) -> Settings:
    """Drop a detected base URL that is our own server's: the lines that `serve` prints are meant for clients, and one of them may be us."""
    providers = dict(settings.providers)
    for name, provider in settings.providers.items():
        value = merged.get(("providers", name, "base_url"))
        if value is None or value.origin.kind is not Kind.DETECTED or provider.base_url is None:
            continue
        parts = urlsplit(provider.base_url)
        if parts.hostname and is_loopback(parts.hostname) and parts.port == settings.server.port:
            providers[name] = evolve(provider, base_url=None)
    return evolve(settings, providers=providers)


def _notices(config: files.ConfigFile | None, dotenv: Environment, folder: FilePath, presets: Mapping[str, Vendor]) -> Iterator[str]:
    if config is not None and config.found:
        yield f"using {config.path} of the current folder"
    if config is not None and config.older:
        yield f"{config.path} was written for {config.older}; `ccproxy config import {config.path}` writes it in this program's own words"
        yield from map(str, config.left_out)
    if used := [name for name in dotenv.values if _is_ours(name, presets)]:
        path = folder / ".env"
        yield f"using {path} of the current folder ({', '.join(used)})"
        if any(is_secret(("environment", name)) for name in used) and files.open_to_others(path):
            yield f"{path} holds a key and can be read by other users of this machine; chmod 600 {path}"


def _is_ours(name: str, presets: Mapping[str, Vendor]) -> bool:
    plain = name.removeprefix("CCPROXY_")
    vendors = {word for vendor in presets.values() for word in (*vendor.key_variables, *vendor.address_variables, *vendor.variables)}
    return plain != name or plain in vendors or plain in {
        "HOST", "PORT", "LOG_LEVEL", "REQUEST_TIMEOUT", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "BIG_MODEL",
        "MIDDLE_MODEL", "SMALL_MODEL", *ADDRESSES,
    }  # fmt: skip


def _redirects(
    settings: Settings, merged: Mapping[Path, Value], config: files.ConfigFile | None, dotenv: Environment, presets: Mapping[str, Vendor]
) -> Iterator[Redirect]:
    """Where the current folder leads what is kept elsewhere."""
    variables = (*ADDRESSES, *(variable for vendor in presets.values() for variable in vendor.address_variables))
    addresses = [dotenv.values.get(spelling, "") for name in variables for spelling in (name, f"CCPROXY_{name}")]
    for name, provider in settings.providers.items():
        led = [key for key in (*provider.api_key, *provider.headers.values()) if not is_literal(key)]
        if provider.base_url is None or not led:
            continue
        origin = merged[("providers", name, "base_url")].origin
        from_file = config is not None and config.found and origin.kind is Kind.FILE
        from_dotenv = any(address and provider.base_url.startswith(address.rstrip("/")) for address in addresses)
        if from_file or (from_dotenv and origin.kind in (Kind.DETECTED, Kind.DOTENV)):
            source = str(config.path) if from_file and config else ".env"
            vendor = presets.get(provider.preset)
            yield Redirect(source, tuple(led), provider.base_url, origin, vendor is not None and is_own(vendor, provider.base_url))


def check_exposure(loaded: Loaded, environ: Mapping[str, str]) -> str | None:
    """The server's own token, None for none, if the server may listen where it is told to.

    Raises:
        ConfigError: a token's variable is not set, or others than this machine could reach the server, or an agent on it, without a
            strong token.
    """
    server = loaded.settings.server
    token = _revealed(loaded, ("server", "token"), server.token, environ) if server.token else None
    tokens: dict[Path, str] = {("clients", name, "token"): client.token for name, client in reveal_clients(loaded, environ).items()}
    if token is not None:
        tokens["server", "token"] = token
    weak = next((path for path, word in tokens.items() if is_weak(word)), None)
    agent = next((name for name, provider in loaded.settings.providers.items() if provider.agent is not None), None)
    if agent is not None and weak is not None:
        why = f"provider {agent} is an agent that acts on this machine, and {dotted(weak)} is easily guessed"
        raise ConfigError([Problem(why, loaded.origin(*weak), "Take what `openssl rand -hex 24` makes.")])
    if is_loopback(server.host):
        return token
    where = f"{server.host} can be reached from other machines"
    fix = "Set CCPROXY_TOKEN to a secret that `openssl rand -hex 24` makes, or listen on 127.0.0.1."
    if not tokens:
        raise ConfigError([Problem(f"{where}, and there is no token to keep strangers out", loaded.origin("server", "host"), fix)])
    if weak is not None:
        fix = fix if weak == ("server", "token") else "Take what `openssl rand -hex 24` makes."
        raise ConfigError([Problem(f"{where}, and {dotted(weak)} is too short or too well known", loaded.origin(*weak), fix)])
    return token


def reveal_clients(loaded: Loaded, environ: Mapping[str, str]) -> dict[str, ClientSettings]:
    """The clients with the tokens themselves in place of the variables that hold them.

    Raises:
        ConfigError: a variable is not set, or nobody could tell two clients, or a client and the server's owner, apart.
    """
    own = loaded.settings.server.token
    seen = {reveal(own, environ): "the server"} if own else {}
    clients: dict[str, ClientSettings] = {}
    for name, client in loaded.settings.clients.items():
        path = ("clients", name, "token")
        token = _revealed(loaded, path, client.token, environ)
        if token in seen:
            raise ConfigError([Problem(f"{dotted(path)} is also the token of {seen[token]}", loaded.origin(*path))])
        seen[token] = f"client {name}"
        clients[name] = evolve(client, token=token)
    return clients


def _revealed(loaded: Loaded, path: Path, reference: str, environ: Mapping[str, str]) -> str:
    token = reveal(reference, environ)
    if not token:
        name = reference.removeprefix("env:")
        raise ConfigError([Problem(f"{name} is not set, and {dotted(path)} is to be read from it", loaded.origin(*path))])
    return token
