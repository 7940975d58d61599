"""Shows results: to people with colour on a terminal and plainly in a pipe, to programs as JSON."""

import json
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from ccproxy_cli.cli.result import Cell, Result, Table, View

if TYPE_CHECKING:
    from rich.console import Console

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_STYLES = {"plain": "", "good": "green", "warning": "yellow", "bad": "bold red", "dim": "dim", "strong": "bold"}


def printable(text: str) -> str:
    """The text with control characters spelled out: what comes from a network must not drive a terminal."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def show(result: Result, *, as_json: bool) -> None:
    """Print a result: the answer on standard output, remarks and errors on standard error."""
    if as_json:
        print_json(result)
        return
    for piece in result.view:
        show_view(piece)
    for message in result.messages:
        complain(message)
    for error in () if result.told else result.errors:
        complain(f"{error.message}. {error.fix}" if error.fix else error.message, label="error")


def print_json(result: Result) -> None:
    """Print the envelope on one line."""
    sys.stdout.write(json.dumps(result.envelope(), ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()


def complain(message: str, *, label: str = "") -> None:
    """Say something on standard error."""
    prefix = f"{label}: " if label else ""
    if sys.stderr.isatty():
        from rich.text import Text

        styled = Text.assemble((prefix, "bold red"), printable(message)) if label else Text(printable(message), "dim")
        console(sys.stderr).print(styled, soft_wrap=True)
        return
    sys.stderr.write(f"{prefix}{printable(message)}\n")


def show_view(piece: View) -> None:
    """Print one piece on standard output."""
    if sys.stdout.isatty():
        _show_rich(piece)
        return
    match piece:
        case str():
            sys.stdout.write(printable(piece) + "\n")
        case Cell(text):
            sys.stdout.write(printable(text) + "\n")
        case Table():
            sys.stdout.write("".join(f"{line}\n" for line in plain_table(piece)))


def plain_table(table: Table) -> Sequence[str]:
    """Aligned columns without borders or cuts, for pipes."""
    heading = [table.columns] if any(table.columns) else []
    rows = [*heading, *([_text(cell) for cell in row] for row in table.rows)]
    widths = [max(len(row[index]) for row in rows) for index in range(len(table.columns))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return [table.title, *lines] if table.title else lines


def _text(cell: str | Cell) -> str:
    return printable(cell.text if isinstance(cell, Cell) else cell)


def _show_rich(piece: View) -> None:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    match piece:
        case str():
            console(sys.stdout).print(Text(printable(piece)), soft_wrap=True)
        case Cell(text, tone):
            console(sys.stdout).print(Text(printable(text), _STYLES[tone]), soft_wrap=True)
        case Table():
            shown = RichTable(box=box.SIMPLE_HEAD, title=piece.title, title_justify="left", header_style="bold", pad_edge=False)
            shown.show_header = any(piece.columns)
            for column in piece.columns:
                shown.add_column(column, overflow="fold")
            for row in piece.rows:
                shown.add_row(*(Text(_text(cell), _STYLES[cell.tone] if isinstance(cell, Cell) else "") for cell in row))
            console(sys.stdout).print(shown)


def console(stream: TextIO) -> "Console":
    """A Rich console that guesses at nothing: no markup, no emoji, no highlighting."""
    from rich.console import Console

    return Console(file=stream, markup=False, emoji=False, highlight=False)
