"""Configuration files: where they are looked for, and how each kind becomes a layer of values with their lines."""

import os
import stat
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from typing import Any

from attrs import frozen

from ccproxy_cli.config.lines import Lines, json_lines, line_of, toml_lines, yaml_lines
from ccproxy_cli.config.origin import ConfigError, Kind, Origin, Path, Problem, Value

PROJECT_NAMES = ("ccproxy.toml", "ccproxy.json", "ccproxy.yaml", "ccproxy.yml")
USER_NAMES = ("config.toml", "config.json", "config.yaml", "config.yml", "models.yaml")


@frozen
class ConfigFile:
    """One parsed file."""

    path: FilePath
    values: Mapping[Path, Value]
    lines: Lines
    found: bool
    """It was picked up from the project folder, not named by the user and not the user's own."""
    older: str | None = None
    """The proxy it was written for, if that was another."""
    left_out: Sequence[Problem] = ()
    """What such a file says and nothing here can do."""

    def origin(self, path: Path) -> Origin:
        """Where a key, or the table it belongs to, stands."""
        return Origin(Kind.FILE, f"{self.path}:{line_of(self.lines, path)}")


def user_folder(environ: Mapping[str, str]) -> FilePath:
    """Where the user's own configuration lives."""
    base = environ.get("XDG_CONFIG_HOME") or os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".config")
    return FilePath(base) / "ccproxy"


def candidates(environ: Mapping[str, str], folder: FilePath) -> Iterator[FilePath]:
    """The places to look, in order: the project folder, then the user's own."""
    yield from (folder / name for name in PROJECT_NAMES)
    yield from (user_folder(environ) / name for name in USER_NAMES)


def find(environ: Mapping[str, str], folder: FilePath) -> FilePath | None:
    """The first configuration file there is."""
    return next((path for path in candidates(environ, folder) if path.is_file()), None)


def read(path: FilePath, *, found: bool = False) -> ConfigFile:
    """Parse a file by its suffix.

    Args:
        found: it came from the project folder unasked. Then it must belong to this user, as a file that somebody else left in a shared
            folder could lead the user's keys anywhere.

    Raises:
        ConfigError: missing, unreadable, not what its suffix says, or somebody else's.
    """
    parse, locate = _PARSERS.get(path.suffix.lower(), _PARSERS[".toml"])
    try:
        text = path.read_text("utf-8-sig")
        if found and os.name == "posix" and path.stat().st_uid not in (0, os.geteuid()):
            raise ConfigError(
                [Problem("belongs to another user and is not read unasked", Origin(Kind.FILE, str(path)), "Name it with --config.")]
            )
    except OSError as error:
        raise ConfigError([Problem(f"cannot be read: {error.strerror}", Origin(Kind.FILE, str(path)))]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([Problem("is not UTF-8 text", Origin(Kind.FILE, str(path)))]) from error
    tree = parse(text, path)
    lines = locate(text) if text.strip() else {}
    if parse is not _toml:
        from ccproxy_cli.config.older import read_older  # few have such a file, and all would wait for it

        if older := read_older(tree, str(path), lines):
            return ConfigFile(path, older.values, older.lines, found, older.kind, older.left_out)
    if not isinstance(tree, dict):
        raise ConfigError([Problem("must hold a table of settings at its top", Origin(Kind.FILE, f"{path}:1"))])
    return ConfigFile(path, dict(_leaves(tree, (), path, lines)), lines, found)


def _leaves(tree: Mapping[Any, Any], above: Path, path: FilePath, lines: Lines) -> Iterator[tuple[Path, Value]]:
    for name, value in tree.items():
        here = (*above, str(name))
        if isinstance(value, dict) and value:
            yield from _leaves(value, here, path, lines)
        else:
            yield here, Value(value, Origin(Kind.FILE, f"{path}:{line_of(lines, here)}"))


def open_to_others(path: FilePath) -> bool:
    """Whether the group or others may read the file."""
    return os.name == "posix" and bool(stat.S_IMODE(path.stat().st_mode) & (stat.S_IRGRP | stat.S_IROTH))


def _toml(text: str, path: FilePath) -> Any:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message, _, place = str(error).partition(" (at ")
        line = place.removeprefix("line ").partition(",")[0]
        where = f"{path}:{line}" if line.isdigit() else f"{path}:{text.count(chr(10)) + 1}"
        raise ConfigError([Problem(f"not TOML: {_lower_first(message)}", Origin(Kind.FILE, where))]) from error


def _json(text: str, path: FilePath) -> Any:
    import json

    try:
        return json.loads(text) if text.strip() else {}
    except json.JSONDecodeError as error:
        raise ConfigError([Problem(f"not JSON: {_lower_first(error.msg)}", Origin(Kind.FILE, f"{path}:{error.lineno}"))]) from error


def _yaml(text: str, path: FilePath) -> Any:
    import yaml

    try:
        tree = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        message = getattr(error, "problem", None) or "cannot be parsed"
        raise ConfigError([Problem(f"not YAML: {message}", Origin(Kind.FILE, where))]) from error
    return {} if tree is None else tree


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


_PARSERS: Mapping[str, tuple[Callable[[str, FilePath], Any], Callable[[str], Lines]]] = {
    ".toml": (_toml, toml_lines),
    ".json": (_json, json_lines),
    ".yaml": (_yaml, yaml_lines),
    ".yml": (_yaml, yaml_lines),
}
