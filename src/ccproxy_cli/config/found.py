"""What a configuration file may not say that nobody named: it came with a project, and somebody typed `ccproxy` in its folder.

Such a file may lead models to providers. It may not run a program, lead a login or what is kept away, or let others in.
"""

from ccproxy_cli.config.files import ConfigFile
from ccproxy_cli.config.origin import ConfigError, Path, Problem, dotted
from ccproxy_cli.config.secrets import is_loopback


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
