"""What a check found out."""

import enum
from collections.abc import Mapping
from typing import TypeAlias

from attrs import Factory, frozen

Facts: TypeAlias = Mapping[str, str | int | bool | None]


class Status(enum.StrEnum):
    OK = "ok"
    WARN = "warn"
    """Works, but probably not as meant."""
    FAIL = "fail"
    """Something that was asked for cannot work."""
    SKIP = "skip"
    """Could not be looked at, or does not matter here."""


@frozen
class MakePrivate:
    """A repair: let nobody but the owner read or write a file or folder of ours."""

    path: str

    @property
    def command(self) -> str:
        """What the user would type."""
        return f"chmod go-rwx {self.path}"


@frozen
class Finding:
    """One verdict."""

    check: str
    """The check's name: a word that stays the same, for programs."""
    status: Status
    title: str
    """One line for people."""
    detail: str | None = None
    fix: str | None = None
    """What to do about it, as exactly as can be said."""
    facts: Facts = Factory(dict)
    """What was found, for programs."""
    repair: MakePrivate | None = None
    """What `--fix` may do by itself: nothing that could be missed."""
