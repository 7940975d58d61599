"""Server-sent events as bytes: frames out of a byte stream, and back. And the one vendor's other way, a JSON array that grows.

Law: however the bytes are cut, the frames are the same. Lines end in LF, CRLF or CR and nowhere else: the line separators of
Unicode are content. Follows the WHATWG rules for `text/event-stream`, plus one kindness: a last frame without its blank line counts.
"""

import re

from attrs import frozen

from ccproxy_cli.core.errors import BadUpstream

MAX_EVENT_BYTES = 8 * 1024 * 1024
"""No honest event is larger; a peer that sends more is cut off before it fills the memory."""


@frozen
class Frame:
    """One event of the stream."""

    data: bytes
    """The data lines, joined by LF. Never empty."""
    event: bytes = b""


class SSEDecoder:
    """Cuts a byte stream into frames. Comments, ids and retry hints are dropped."""

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._pending: list[bytes] = []  # pieces of an unfinished line, joined once: many small pieces must not cost quadratic time
        self._pending_bytes = 0
        self._data: list[bytes] = []
        self._data_bytes = 0
        self._event = b""
        self._first_line = True
        self._after_cr = False
        self._limit = max_event_bytes

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames completed by `chunk`.

        Raises:
            BadUpstream: one event outgrew the limit.
        """
        if self._after_cr and chunk:
            # The CR that ended the last chunk was a whole line end already; an LF here is its second half.
            self._after_cr = False
            if chunk.startswith(b"\n"):
                chunk = chunk[1:]
        if b"\r" in chunk:
            self._after_cr = chunk.endswith(b"\r")
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        frames: list[Frame] = []
        if self._first_line or self._pending or self._data or self._event or len(chunk) > self._limit:
            end = chunk.find(b"\n\n") + 2  # of the frame that had begun, or of one after it
            self._feed_lines(chunk[:end] if end > 1 else chunk, frames)
            chunk = chunk[end:] if end > 1 else b""
        *blocks, rest = chunk.split(b"\n\n")
        for block in blocks:
            if block.startswith(b"data: ") and b"\n" not in block and len(block) > 6:
                frames.append(Frame(block[6:]))
            else:
                self._block(block, frames)
        if rest:
            self._feed_lines(rest, frames)
        return frames

    def _block(self, block: bytes, frames: list[Frame]) -> None:
        """A whole frame without its blank line. Nearly all are one line of data, perhaps after one that names the event."""
        at = 0
        if block.startswith(b"event: "):
            at = block.find(b"\n") + 1
        if block.startswith(b"data: ", at) and block.find(b"\n", at) < 0 and len(block) > at + 6:
            frames.append(Frame(block[at + 6 :], block[7 : at - 1] if at else b""))
            return
        for line in block.split(b"\n"):
            self._line(line, frames)
        self._line(b"", frames)

    def _feed_lines(self, text: bytes, frames: list[Frame]) -> None:
        head, newline, rest = text.partition(b"\n")
        if not newline:
            self._hold(head)
            return
        if self._pending:
            self._hold(head)
            head = b"".join(self._pending)
            self._pending.clear()
            self._pending_bytes = 0
        self._line(head, frames)
        lines = rest.split(b"\n")
        self._hold(lines.pop())
        for line in lines:
            self._line(line, frames)

    def close(self) -> list[Frame]:
        """The frame that the stream's end completed, if any."""
        frames: list[Frame] = []
        if self._pending:
            line = b"".join(self._pending)
            self._pending.clear()
            self._line(line, frames)
        self._line(b"", frames)
        return frames

    def _hold(self, piece: bytes) -> None:
        if piece:
            self._pending.append(piece)
            self._pending_bytes += len(piece)
            self._check(self._pending_bytes + self._data_bytes)

    def _check(self, size: int) -> None:
        if size > self._limit:
            raise BadUpstream(f"upstream sent an event of more than {self._limit} bytes")

    def _line(self, line: bytes, frames: list[Frame]) -> None:
        if not line:
            if self._data:
                data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
                if data:
                    frames.append(Frame(data, self._event))
                self._data = []
                self._data_bytes = 0
            self._event = b""
            return
        if self._first_line:
            self._first_line = False
            line = line.removeprefix(b"\xef\xbb\xbf")
        name, _, value = line.partition(b":")
        if value.startswith(b" "):
            value = value[1:]
        if name == b"data":
            self._data.append(value)
            self._data_bytes += len(value)
            self._check(self._data_bytes)
        elif name == b"event":
            self._event = value


def encode_frame(data: bytes, event: bytes = b"") -> bytes:
    """One frame as bytes. `data` must hold no line ends, as compact JSON never does."""
    if event:
        return b"event: " + event + b"\ndata: " + data + b"\n\n"
    return b"data: " + data + b"\n\n"


def encode_comment(text: bytes) -> bytes:
    """A comment frame: keeps a connection alive and means nothing to any client."""
    return b": " + text + b"\n\n"


_MARKS = re.compile(rb'["\\{}\[\]]|[^\s,]')
"""What can matter outside of strings: everything but white space and commas."""
_INSIDE = re.compile(rb'["\\{}\[\]]')
_QUOTED = re.compile(rb'["\\]')


class JSONArrayDecoder:
    """Cuts a JSON array of objects that is still arriving into its objects, as frames. One bare object, which is how errors come, is an
    array of one."""

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._depth = 0
        """Brackets open inside of the current object, its own included."""
        self._quoted = False
        self._escaped = False
        self._array: bool | None = None
        """Inside of an array; None before its start."""
        self._ended = False
        self._limit = max_event_bytes

    def feed(self, chunk: bytes) -> list[Frame]:
        """The objects completed by `chunk`.

        Raises:
            BadUpstream: the bytes are no array of objects, or one object outgrew the limit.
        """
        frames: list[Frame] = []
        position, start = 0, 0
        while position < len(chunk):
            if self._escaped:
                self._escaped = False
                position += 1
                continue
            match = (_QUOTED if self._quoted else _INSIDE if self._depth else _MARKS).search(chunk, position)
            if match is None:
                break
            position = match.end()
            if self._depth == 0:
                start = match.start()
            if self._step(match[0]):
                frames.append(Frame(b"".join((*self._pending, chunk[start:position]))))
                self._pending.clear()
                self._pending_bytes = 0
        if self._depth:
            self._hold(chunk[start:])
        return frames

    def _step(self, mark: bytes) -> bool:
        """Take one mark; whether an object ended with it."""
        if self._quoted:
            self._escaped = mark == b"\\"
            self._quoted = mark != b'"'
        elif self._depth == 0:
            self._step_outside(mark)
        elif mark == b'"':
            self._quoted = True
        elif mark in b"{[":
            self._depth += 1
        elif mark in b"}]":
            self._depth -= 1
            self._ended = self._depth == 0 and not self._array
            return self._depth == 0
        return False

    def _step_outside(self, mark: bytes) -> None:
        if mark == b"{" and not self._ended:
            self._array = bool(self._array)
            self._depth = 1
        elif mark == b"[" and self._array is None:
            self._array = True
        elif mark == b"]" and self._array and not self._ended:
            self._ended = True
        elif not self._ended:
            raise BadUpstream("upstream sent something else than a JSON array of objects")

    def _hold(self, piece: bytes) -> None:
        self._pending.append(piece)
        self._pending_bytes += len(piece)
        if self._pending_bytes > self._limit:
            raise BadUpstream(f"upstream sent an event of more than {self._limit} bytes")

    def close(self) -> list[Frame]:
        """The stream ended.

        Raises:
            BadUpstream: in the middle of an object.
        """
        if self._depth:
            raise BadUpstream("the stream ended in the middle of a JSON object")
        return []
