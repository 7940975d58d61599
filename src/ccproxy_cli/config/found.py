"""What a configuration file may not say that nobody named: it came with a project, and somebody typed `ccproxy` in its folder.

Such a file may lead models to providers. It may not run a program, lead a login or what is kept away, or let others in.
"""

from collections.abc import Iterable
from urllib.parse import urlsplit

from attrs import frozen

from ccproxy_cli.config.files import ConfigFile
from ccproxy_cli.config.origin import ConfigError, Origin, Path, Problem, dotted
from ccproxy_cli.config.secrets import is_loopback


@frozen
class Redirect:
    """The current folder leads keys that it does not hold to an address of its own."""

    source: str
    """The file that does."""
    keys: tuple[str, ...]
    """As they are written: references, or `client`."""
    url: str
    origin: Origin
    own: bool
    """The address is that of the provider's own vendor."""

    def __str__(self) -> str:
        return f"{self.source} of the current folder sends {', '.join(key.removeprefix('env:') for key in self.keys)} to {self.url}"


def refuse_leading_away(redirects: Iterable[Redirect]) -> None:
    """Refuse to send keys from the environment, or of callers, to wherever a folder says. This machine is told of, and not refused.

    Raises:
        ConfigError: a folder leads them to another machine that is not their vendor's.
    """
    problems = []
    for redirect in redirects:
        if redirect.own or is_loopback(urlsplit(redirect.url).hostname or ""):
            continue
        named = f"Name the file, `--config {redirect.source}`, if that is what you want."
        fix = "Put the key there, too, or export the address." if redirect.source == ".env" else named
        problems.append(Problem(f"not done unasked: {redirect}", redirect.origin, fix))
    if problems:
        raise ConfigError(problems)


def refuse_reach(config: ConfigFile) -> None:
    """Refuse a file that reaches too far.

    Raises:
        ConfigError: it does; names every line.
    """
    problems = [
        Problem(
            f"a file found in the current folder may not set {_named(path)} like this", value.origin, f"Name it: --config {config.path}"
        )
        for path, value in config.values.items()
        if _reaches_too_far(path, value.value)
    ]
    if problems:
        raise ConfigError(problems)


def _reaches_too_far(path: Path, value: object) -> bool:
    match path:
        case ("providers", _, "executable" | "environment" | "agent", *_):
            return True
        case ("providers", _, *_):
            return _runs(value)
        case ("server", "allowed_hosts" | "allowed_origins") | ("clients", *_):
            return True
        case ("server", "host"):
            return not (isinstance(value, str) and is_loopback(value))
        case ("store", "url"):
            return value not in ("memory", "sqlite")
        case _:
            return False


def _named(path: Path) -> str:
    return path[2] if path[0] == "providers" else dotted(path)


def _runs(value: object) -> bool:
    values = value if isinstance(value, list) else [value]
    return any(isinstance(item, str) and item.startswith("command:") for item in values)
