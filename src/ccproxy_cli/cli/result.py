"""What a command found out: one value, shown to people by `render` and to programs as a versioned envelope."""

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from attrs import frozen

SCHEMA = 1
"""Version of the envelope. It grows when a key changes its meaning or goes away; new keys may come at any time."""

FAILURE = 1
USAGE = 2
INTERRUPTED = 130

Tone: TypeAlias = Literal["plain", "good", "warning", "bad", "dim", "strong"]


@frozen
class Cell:
    text: str
    tone: Tone = "plain"


@frozen
class Table:
    """Rows under headings, for people."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | Cell, ...], ...]
    title: str | None = None


@frozen
class Failure:
    """One thing that went wrong."""

    code: str
    """A word that stays the same, for programs."""
    message: str
    fix: str | None = None


View: TypeAlias = str | Cell | Table
"""A piece of what people see: a line, a coloured line, a table."""


@frozen
class Result:
    command: str
    data: Any = None
    """What programs read: plain JSON values."""
    view: Sequence[View] = ()
    """What people read on standard output."""
    messages: tuple[str, ...] = ()
    """Remarks beside the answer; people read them on standard error."""
    errors: tuple[Failure, ...] = ()
    code: int | None = None
    """Exit code, where it is another than success or failure."""
    told: bool = False
    """The view shows the errors already: people need not read them twice."""

    @property
    def exit_code(self) -> int:
        """0, or 1 if anything went wrong, unless the command chose one."""
        if self.code is not None:
            return self.code
        return FAILURE if self.errors else 0

    @property
    def status(self) -> str:
        """Derived, never set: `success`, `error`, or `partial` where there are errors and an answer."""
        if not self.exit_code:
            return "success"
        return "partial" if self.data else "error"

    def envelope(self) -> dict[str, Any]:
        """The JSON that `--json` prints."""
        return {
            "schema": SCHEMA,
            "command": self.command,
            "status": self.status,
            "data": self.data,
            "messages": list(self.messages),
            "errors": [{"code": error.code, "message": error.message, "fix": error.fix} for error in self.errors],
            "exit_code": self.exit_code,
        }
