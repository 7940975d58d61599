"""The log: exactly one line for every finished request, JSON unless a person watches, and never a prompt or a key."""

import functools
import logging
import time
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, BinaryIO

from attrs import define, fields
from typing_extensions import override

from ccproxy_cli.core.jsontext import dumps
from ccproxy_cli.observe.redact import Redactor

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

_LEVEL_OF_OUTCOME = {"ok": "info", "client_gone": "info", "rejected": "info", "internal": "error"}
"""Whatever is not here is an upstream's failure and a warning."""

_REJECTIONS_PER_SECOND = 10
"""A scanner on the port must not fill the disk."""
_SHOWN = 128
"""Characters of what a client chose freely."""
_LOSSES_SHOWN = 1024
"""The same of a list that it can make as long as its request."""


@define
class RequestLine:
    """What is logged of one finished request."""

    id: str
    client_format: str
    status: int | None
    """What the client got; None if it left before."""
    outcome: str
    """ok, rejected, upstream_error, upstream_timeout, stream_broken, client_gone, overloaded or internal."""
    method: str
    path: str
    client: str | None = None
    """Whose token came with it."""
    backend: str | None = None
    model: str | None = None
    """As the client wrote it."""
    stream: bool = False
    cache: str | None = None
    """hit, miss or off."""
    upstream_status: int | None = None
    error_type: str | None = None
    tries: int = 0
    """Requests sent upstream."""
    failures: str | None = None
    """Of several tries, those that failed: target, kind of error and status."""
    losses: str | None = None
    """The fields that were lost, of the request and of the answer: all that tells of a streamed one's."""
    ttfb_ms: float | None = None
    dur_ms: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0
    child_pid: int | None = None
    traceback: str | None = None
    """Of a bug of ours."""


_MEMBERS = tuple(field.name for field in fields(RequestLine) if field.name != "traceback")


class RequestLog:
    """Writes one line for each request."""

    def __init__(
        self, stream: BinaryIO, level: str = "info", redactor: Redactor | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._write = stream.write
        self._flush = stream.flush
        self._threshold = LEVELS[level]
        self._redactor = Redactor() if redactor is None else redactor
        self._clock = clock
        self._shown = functools.lru_cache(maxsize=1024)(self._redactor.text)  # the same few paths and models again and again
        self._second = 0
        self._rejections = 0
        self._render = _for_people if stream.isatty() else _for_programs

    def __call__(self, line: RequestLine) -> None:
        level = _LEVEL_OF_OUTCOME.get(line.outcome, "warning")
        if LEVELS[level] < self._threshold:
            return
        now = self._clock()
        if line.outcome == "rejected" and not self._may_log_rejection(int(now)):
            return
        members: dict[str, Any] = {"ts": _timestamp(now), "level": level, "event": "request"}
        members |= {name: getattr(line, name) for name in _MEMBERS}
        members["path"] = self._shown(line.path[:_SHOWN])
        if line.model is not None:
            members["model"] = self._shown(line.model[:_SHOWN])
        if line.losses is not None:
            members["losses"] = self._redactor.text(line.losses[:_LOSSES_SHOWN])
        if line.failures is not None:
            members["failures"] = self._redactor.text(line.failures[:_LOSSES_SHOWN])
        if line.traceback is not None:
            members["traceback"] = self._redactor.text(line.traceback)
        self._write(self._render(members))
        self._flush()

    def _may_log_rejection(self, second: int) -> bool:
        if second != self._second:
            self._second, self._rejections = second, 0
        self._rejections += 1
        return self._rejections <= _REJECTIONS_PER_SECOND


def _for_programs(members: Mapping[str, Any]) -> bytes:
    return dumps(members) + b"\n"


def _for_people(members: Mapping[str, Any]) -> bytes:
    """What somebody who watches the terminal wants to know; control characters of a client's choosing are shown, not obeyed."""
    target = f"{members['model']} -> {members['backend']}" if members["backend"] else members["model"] or ""
    trouble = "" if members["outcome"] == "ok" else f"{members['outcome']} {members['error_type'] or ''}"
    words = (
        members["ts"][11:19],
        str(members["status"] or "---"),
        members["method"],
        members["path"],
        f"by {members['client']}" if members["client"] else "",
        target,
        "stream" if members["stream"] else "",
        "kept" if members["cache"] == "hit" else "",
        f"{members['dur_ms']:.0f} ms",
        f"{members['tries']} tries" if members["tries"] > 1 else "",
        trouble.strip(),
        members["id"] if trouble else "",
    )
    line = "  ".join(word for word in words if word)
    shown = "".join(char if char.isprintable() else "?" for char in line)
    return "\n".join(filter(None, (shown, members.get("traceback", "")))).encode("utf-8", "replace") + b"\n"


class JSONFormatter(logging.Formatter):
    """Everything that libraries log, in lines of the same shape."""

    def __init__(self, redactor: Redactor | None = None) -> None:
        super().__init__()
        self._redactor = Redactor() if redactor is None else redactor

    @override
    def format(self, record: logging.LogRecord) -> str:
        members: dict[str, object] = {
            "ts": _timestamp(record.created),
            "level": record.levelname.lower(),
            "event": "log",
            "logger": record.name,
            "message": self._redactor.text(record.getMessage()),
        }
        if record.exc_info and record.exc_info[1] is not None:
            members["traceback"] = self._redactor.text("".join(traceback.format_exception(record.exc_info[1])))
        return dumps(members).decode()


def configure_logging(level: str = "info", redactor: Redactor | None = None) -> None:
    """Send what libraries log to stderr as JSON lines: their warnings, and more only when debugging."""
    handler = logging.StreamHandler()
    handler.setFormatter(JSONFormatter(redactor))
    logging.basicConfig(handlers=[handler], level=logging.INFO if level == "debug" else max(LEVELS[level], logging.WARNING), force=True)


def _timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
