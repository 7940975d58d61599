"""Which servers run on this machine: one small file each, locked for as long as the server lives.

The lock is what counts. The kernel drops it however a server ends, so a file without a lock is left over from one that was killed, and no
reused process id is ever taken for a server.
"""

import contextlib
import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import asdict, frozen

from ccproxy_cli.stores import place

_POLL_SECONDS = 0.05


@frozen
class Running:
    """One running server."""

    pid: int
    url: str
    port: int
    started: float
    """Unix seconds."""
    version: str
    log: str | None = None
    """Where its output goes, if it runs in the background."""


def state_folder(environ: Mapping[str, str]) -> Path:
    """Where servers leave their files: the runtime folder, which a restart empties, or else the state folder."""
    runtime = environ.get("XDG_RUNTIME_DIR")
    return Path(runtime) / "ccproxy" if runtime else place.state_folder(environ)


def make_private(folder: Path) -> None:
    """Create the folder for this user alone."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


@contextlib.contextmanager
def registered(folder: Path, running: Running) -> Iterator[None]:
    """Leave word of a server while the context lasts.

    Raises:
        OSError: the folder cannot be written.
    """
    make_private(folder)
    path = folder / f"{running.port}.json"
    file = _locked(path)
    try:
        os.write(file, json.dumps(asdict(running)).encode())
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        os.close(file)


def _locked(path: Path) -> int:
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        # Whoever found the file unlocked may have removed it between our two calls: then the lock is on nothing.
        with contextlib.suppress(FileNotFoundError):
            if os.fstat(file).st_ino == path.stat().st_ino:
                os.ftruncate(file, 0)
                return file
        os.close(file)


def _is_locked(path: Path) -> bool:
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def running(folder: Path) -> Sequence[Running]:
    """The servers that live, by port. Files of dead ones are removed."""
    found: list[Running] = []
    for path in folder.glob("*.json"):
        if not _is_locked(path):
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            continue
        with contextlib.suppress(OSError, ValueError, TypeError):  # still being written
            found.append(Running(**json.loads(path.read_text())))
    return sorted(found, key=lambda server: server.port)


def stop(folder: Path, server: Running, seconds: float) -> bool:
    """Ask a server to end, and wait until it has; False if it has not in time.

    Raises:
        PermissionError: it belongs to another user.
    """
    with contextlib.suppress(ProcessLookupError):
        os.kill(server.pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    path = folder / f"{server.port}.json"
    while _is_locked(path):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True
