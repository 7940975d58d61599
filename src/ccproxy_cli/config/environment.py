"""What environment variables say: settings of this program, and what the proxies that people come from called theirs."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any

from attrs import frozen

from ccproxy_cli.config.origin import ConfigError, Kind, Origin, Path, Problem, Value

Number = int | float


def _text(value: str) -> str:
    return value


def _integer(value: str) -> int:
    try:
        return int(value)
    except ValueError:
        raise ValueError("is not a whole number") from None


def _seconds(value: str) -> Number:
    try:
        return float(value)
    except ValueError:
        raise ValueError("is not a number of seconds") from None


def _lower(value: str) -> str:
    return value.lower()


@frozen
class Variable:
    """One variable and the settings it fills."""

    name: str
    """Also read with `CCPROXY_` in front, which wins."""
    paths: tuple[Path, ...]
    read: Callable[[str], Any] = _text


VARIABLES = (
    Variable("HOST", (("server", "host"),)),
    Variable("PORT", (("server", "port"),), _integer),
    Variable("LOG_LEVEL", (("server", "log_level"),), _lower),
    Variable("TOKEN", (("server", "token"),)),
    Variable("DEFAULT_MODEL", (("default_model",),)),
    Variable("STORE", (("store", "url"),)),
    # The HTTP clients of the proxies this name comes from apply it to every wait for bytes, not to the answer as a whole.
    Variable("REQUEST_TIMEOUT", (("timeouts", "first_byte"), ("timeouts", "idle")), _seconds),
)
OWN_ONLY = frozenset({"TOKEN", "DEFAULT_MODEL", "STORE"})
"""Too common a name to be read without the prefix."""

CONFIG_FILE = "CCPROXY_CONFIG"
"""Names the configuration file, as `--config` does."""

MODEL_CLASSES = (("*opus*", ("BIG_MODEL",)), ("*sonnet*", ("MIDDLE_MODEL", "BIG_MODEL")), ("*haiku*", ("SMALL_MODEL",)))
"""Patterns and the variables that say where they go: without a middle model the big one serves sonnet, too."""


@frozen
class Found:
    """A variable that is set."""

    name: str
    value: str
    origin: Origin


@frozen
class Environment:
    """Variables with their origins: the process's own, or those of a `.env` file."""

    values: Mapping[str, str]
    kind: Kind = Kind.ENVIRONMENT
    places: Mapping[str, str] = {}
    """For `.env`, `file:line` by name."""

    def get(self, *names: str) -> Found | None:
        """The first of `names` that is set and not empty; each is tried with the prefix first."""
        for name in names:
            for spelling in (f"CCPROXY_{name}", name) if name not in OWN_ONLY else (f"CCPROXY_{name}",):
                if value := self.values.get(spelling, "").strip():
                    return Found(spelling, value, self.origin(spelling))
        return None

    def origin(self, name: str) -> Origin:
        return Origin(self.kind, f"{self.places[name]} {name}" if name in self.places else name)

    def layer(self) -> Mapping[Path, Value]:
        """The settings these variables fill, model classes apart.

        Raises:
            ConfigError: a value is not of its kind.
        """
        return dict(self._leaves())

    def _leaves(self) -> Iterator[tuple[Path, Value]]:
        for variable in VARIABLES:
            if found := self.get(variable.name):
                if variable.name == "STORE" and self.kind is Kind.DOTENV:  # it came with a project, which is not to be told what is kept
                    raise ConfigError([Problem("may not say where state is kept", found.origin, "Set it in the environment itself.")])
                try:
                    value = variable.read(found.value)
                except ValueError as error:
                    raise ConfigError([Problem(f"{found.value!r} {error}", found.origin)]) from error
                for path in variable.paths:
                    yield path, Value(value, found.origin)

    def model_classes(self) -> Iterator[tuple[str, Found]]:
        """The patterns that the model class variables lead somewhere."""
        for pattern, names in MODEL_CLASSES:
            if found := self.get(*names):
                yield pattern, found


def read_dotenv(path: FilePath) -> Environment:
    """Read a `.env` file: `NAME=value` lines, `export` allowed, quotes removed, no expansion. Lines that are none of this are skipped.

    Raises:
        ConfigError: it exists and cannot be read.
    """
    try:
        text = path.read_text("utf-8-sig", errors="replace")
    except FileNotFoundError:
        return Environment({}, Kind.DOTENV)
    except OSError as error:
        raise ConfigError([Problem(f"cannot be read: {error.strerror}", Origin(Kind.DOTENV, str(path)))]) from error
    values: dict[str, str] = {}
    places: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        name = name.strip()
        if equals and name.isidentifier():
            values[name] = _unquoted(value.strip())
            places[name] = f"{path}:{number}"
    return Environment(values, Kind.DOTENV, places)


def _unquoted(value: str) -> str:
    if value[:1] in ("'", '"') and value[0] in value[1:]:
        return value[1 : value.index(value[0], 1)]
    return value.partition(" #")[0].rstrip()
