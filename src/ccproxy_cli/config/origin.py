"""Where a value came from, and what is wrong with it: the words every complaint about configuration is made of."""

import enum
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from attrs import frozen

Path: TypeAlias = tuple[str, ...]
"""Names from the root of the configuration tree down to one value, such as `("server", "port")`."""


class Kind(enum.Enum):
    """The sources, strongest first."""

    COMMAND_LINE = "command line"
    ENVIRONMENT = "environment"
    FILE = "config file"
    DOTENV = ".env"
    DETECTED = "detected"
    DEFAULT = "default"


@frozen
class Origin:
    kind: Kind
    detail: str = ""
    """The flag, the variable, `file:line`, or what was found."""

    def __str__(self) -> str:
        match self.kind:
            case Kind.FILE | Kind.DOTENV:
                return self.detail
            case Kind.DEFAULT:
                return "default"
            case _:
                return f"{self.kind.value}: {self.detail}"


DEFAULT = Origin(Kind.DEFAULT)


@frozen
class Value:
    """One leaf of the tree: a scalar or a list, as its source wrote it."""

    value: Any
    origin: Origin


Layer: TypeAlias = Mapping[Path, Value]
"""What one source says, leaf by leaf, in its own order."""


def tree_of(layer: Layer) -> dict[str, Any]:
    """The leaves as the tree of tables they stand in."""
    tree: dict[str, Any] = {}
    for path, value in layer.items():
        here: Any = tree
        for name in path[:-1]:
            here = here.setdefault(name, {}) if isinstance(here, dict) else None
        if isinstance(here, dict) and (value.value != {} or path[-1] not in here):
            here[path[-1]] = value.value
    return tree


@frozen
class Problem:
    """One thing wrong with the configuration."""

    message: str
    origin: Origin = DEFAULT
    fix: str | None = None
    """What to type, or to write instead."""

    def __str__(self) -> str:
        text = self.message if self.origin is DEFAULT else f"{self.origin}: {self.message}"
        return f"{text}. {self.fix}" if self.fix else text


class ConfigError(Exception):
    """The configuration cannot be used; `problems` says all that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


def dotted(path: Path) -> str:
    """The path as TOML writes it: parts that are not bare words are quoted."""
    return ".".join(part if part.replace("-", "").replace("_", "").isalnum() else f'"{part}"' for part in path)
