"""Server-sent events as bytes: frames out of a byte stream, and back.

Law: however the bytes are cut, the frames are the same. Lines end in LF, CRLF or CR and nowhere else: the line separators of
Unicode are content. Follows the WHATWG rules for `text/event-stream`, plus one kindness: a last frame without its blank line counts.
"""

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
        head, newline, rest = chunk.partition(b"\n")
        if not newline:
            self._hold(head)
            return []
        frames: list[Frame] = []
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
        return frames

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
