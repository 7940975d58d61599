"""A home folder of its own for one run of a program that takes some setting from nowhere but a file in its home.

All that the user keeps there is linked to, but for the one settings file: that is a copy, with what has to be different, and goes when
the program has ended. Whatever else the program made is then moved to where it would have made it. The folder lies below this program's
own, since other users may write to the system's temporary folder.
"""

import contextlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import Factory, frozen

from ccproxy_cli.launch.register import make_private, state_folder

_PREFIX = "home-"
_TOKENS = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)


@frozen
class HomeCopy:
    """What a program's own home must have otherwise than the user's."""

    variable: str
    """Tells the program where its home is; unset, that is the user's."""
    folder: str
    """The program's folder in the home."""
    file: str
    """Its settings in that folder: JSON, perhaps with comments."""
    changes: Mapping[str, Any] = Factory(dict)
    """Members to set, one object within the other; None takes a member out."""


@contextlib.contextmanager
def private_home(copy: HomeCopy, environ: Mapping[str, str]) -> Iterator[Path]:
    """A copy of the user's home, for as long as the context lasts.

    Raises:
        OSError: it cannot be made.
    """
    parent = state_folder(environ)
    make_private(parent)
    _sweep(parent)
    home = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent))
    try:
        users = Path(environ.get(copy.variable) or environ.get("HOME") or Path.home()) / copy.folder
        folder = home / copy.folder
        folder.mkdir(mode=0o700)
        if users.is_dir():
            for entry in users.iterdir():
                if entry.name != copy.file:
                    (folder / entry.name).symlink_to(entry.absolute())
        settings = _changed(_read(users / copy.file), copy.changes)
        file = os.open(folder / copy.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(file, "w", encoding="utf-8") as stream:
            json.dump(settings, stream, indent=2)
        yield home
        _move_back(folder, users, copy.file)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _move_back(folder: Path, users: Path, file: str) -> None:
    """Give the user what the program has made or, by putting a new file in place of a link, changed. Folders of the user's stay."""
    made = [entry for entry in folder.iterdir() if not entry.is_symlink() and entry.name != file]
    if not made:
        return
    with contextlib.suppress(OSError):  # the program has ended, and nothing is to take the place of its exit code
        users.mkdir(mode=0o700, exist_ok=True)
        for entry in made:
            if not (users / entry.name).is_dir():
                shutil.move(entry, users / entry.name)


def _sweep(parent: Path) -> None:
    """Remove what those left who were killed."""
    for folder in parent.glob(f"{_PREFIX}*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not _lives(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's
        pass
    return True


def _read(file: Path) -> dict[str, Any]:
    """The user's settings; none if there are none, or none that can be read."""
    try:
        text = file.read_text("utf-8-sig")
        settings = json.loads(_TOKENS.sub(lambda token: token[0] if token[0].startswith('"') else "", text))
    except (OSError, ValueError):
        return {}
    return settings if isinstance(settings, dict) else {}


def _changed(settings: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(settings)
    for name, change in changes.items():
        if change is None:
            made.pop(name, None)
        elif isinstance(change, Mapping):
            inner = made.get(name)
            made[name] = _changed(inner if isinstance(inner, Mapping) else {}, change)
        else:
            made[name] = change
    return made
