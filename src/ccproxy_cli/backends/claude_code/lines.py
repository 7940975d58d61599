"""Cuts the CLI's standard output into lines, as bytes: a line may be megabytes, and a character may arrive in two pieces."""

from ccproxy_cli.core.errors import BadUpstream

MAX_LINE_BYTES = 64 * 1024 * 1024
"""One frame can hold a whole answer or a large image; beyond this the CLI is broken."""


class LineSplitter:
    """Law: however the bytes are cut, the lines are the same. Lines end in LF; empty ones are dropped."""

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self._pieces: list[bytes] = []  # joined once per line, so that many small pieces do not cost quadratic time
        self._held = 0
        self._limit = limit

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that `chunk` completes.

        Raises:
            BadUpstream: one line outgrew the limit.
        """
        first, newline, rest = chunk.partition(b"\n")
        self._hold(first)
        if not newline:
            return []
        lines = [self._take(), *rest.split(b"\n")]
        self._hold(lines.pop())
        return [line for line in lines if line]

    def close(self) -> bytes:
        """What stood after the last line end."""
        return self._take()

    def _hold(self, piece: bytes) -> None:
        self._held += len(piece)
        if self._held > self._limit:
            raise BadUpstream(f"Claude Code sent a line of more than {self._limit} bytes")
        if piece:
            self._pieces.append(piece)

    def _take(self) -> bytes:
        line = b"".join(self._pieces)
        self._pieces.clear()
        self._held = 0
        return line
