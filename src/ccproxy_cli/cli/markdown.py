"""Shows Markdown while it is still arriving.

A terminal cannot take back what has scrolled away, so what is complete is printed for good, and only the last block, which the next word
may still change, is drawn again and again.
"""

import re
import time
from typing import TYPE_CHECKING, Self

from attrs import define, field

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ITEM = re.compile(r"(?:[-*+]|\d{1,9}[.)])(?:\s|$)")

FRAME_SECONDS = 0.08
"""Between two drawings: as often as the eye follows, and not for every word."""


@define
class Blocks:
    """Cuts growing Markdown into blocks: paragraphs, whole lists, whole fenced code."""

    _lines: list[str] = field(factory=list)
    _partial: str = ""
    _fence: str = ""
    _blank: bool = False

    def feed(self, text: str) -> list[str]:
        """Take more text; the blocks that nothing can change any more."""
        finished: list[str] = []
        *lines, self._partial = (self._partial + text).split("\n")
        for line in lines:
            finished.extend(self._take(line))
        return finished

    @property
    def rest(self) -> str:
        """The unfinished end."""
        return "\n".join([*self._lines, self._partial])

    def _take(self, line: str) -> list[str]:
        finished: list[str] = []
        fence = _FENCE.match(line)
        if self._fence:
            if fence and fence[1].startswith(self._fence) and not line.strip().strip(fence[1][0]):
                self._fence = ""
        elif not line.strip():
            self._blank = bool(self._lines)
        else:
            if self._blank and not self._continues(line):
                finished.append("\n".join(self._lines))
                self._lines.clear()
            self._blank = False
            self._fence = fence[1] if fence else ""
        self._lines.append(line)
        return finished

    def _continues(self, line: str) -> bool:
        """Indented lines belong to the item above, and items to the list above."""
        return line[0] in " \t" or bool(_ITEM.match(line) and self._lines and _ITEM.match(self._lines[0]))


@define
class _Tail:
    """The last lines of the unfinished block that fit the screen."""

    text: str = ""

    def __rich_console__(self, console: "Console", options: "ConsoleOptions") -> "RenderResult":
        from rich.markdown import Markdown
        from rich.segment import Segment

        lines = console.render_lines(Markdown(self.text), options.update(height=None), pad=False)
        for line in lines[-max(1, console.size.height - 2) :]:
            yield from line
            yield Segment.line()


class LiveMarkdown:
    """Prints Markdown as it comes. A context manager: what is still open is printed at its end."""

    def __init__(self, console: "Console") -> None:
        from rich.live import Live

        self._console = console
        self._blocks = Blocks()
        self._tail = _Tail()
        self._drawn = 0.0
        self._live = Live(self._tail, console=console, auto_refresh=False, transient=True, vertical_overflow="crop")

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._tail.text = ""
        self._live.stop()
        self._print(self._blocks.rest)

    def feed(self, text: str) -> None:
        """Show more text."""
        finished = self._blocks.feed(text)
        if finished:
            self._tail.text = ""
            self._live.refresh()
            for block in finished:
                self._print(block)
        now = time.monotonic()
        if finished or now - self._drawn >= FRAME_SECONDS:
            self._drawn = now
            self._tail.text = self._blocks.rest
            self._live.refresh()

    def _print(self, block: str) -> None:
        from rich.markdown import Markdown

        if block.strip():
            self._console.print(Markdown(block.rstrip()))
            self._console.print()
