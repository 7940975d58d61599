"""Where this user's state lies on disk."""

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path


def state_folder(environ: Mapping[str, str]) -> Path:
    """The folder that outlives a restart of the machine."""
    state = environ.get("XDG_STATE_HOME") or os.path.join(environ.get("HOME") or os.path.expanduser("~"), ".local", "state")
    return Path(state) / "ccproxy"


def make_private_file(path: Path) -> None:
    """Make a file for this user alone, and its folder if that is missing; take from others what they may do with one that is there.

    One that is there is not opened: to close it again would take SQLite's locks from whoever else in this process uses it
    (https://www.sqlite.org/howtocorrupt.html, "Posix advisory locks canceled by a separate thread doing close()", read 2026-11).

    Raises:
        OSError: it cannot be made, is no plain file, or is somebody else's.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.getuid():
            raise PermissionError(errno.EPERM, "not a file of this user's", str(path)) from None
        if stat.S_IMODE(status.st_mode) & 0o077:
            path.chmod(0o600)
