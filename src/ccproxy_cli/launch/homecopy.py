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

from ccproxy_cli.launch.filling import Told, Tree, fill_tree
from ccproxy_cli.launch.register import make_private, state_folder

_PREFIX = "home-"
_TOKENS = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)


@frozen
class HomeCopy:
    """What a program's own home must have otherwise than the user's."""

    variable: str
    """Tells the program where its home is."""
    usual: str
    """Where that is when the variable is unset, below the user's home."""
    file: str
    """The program's settings, below its home: JSON, perhaps with comments, or YAML. Only what lies beside it is linked to."""
    changes: Mapping[str, Tree] = Factory(dict)
    """Members to set, one object within the other; None takes a member out. A template."""
    names_file: bool = False
    """The variable names the file itself, and nothing beside it counts."""
    xdg: str | None = None
    """A variable of the XDG base directories that, where set, stands for the first two folders of `usual`."""

    @property
    def shown(self) -> str:
        """The settings file as a user would write it."""
        return "/".join(("~", *filter(None, (self.usual, self.file))))

    def users(self, environ: Mapping[str, str]) -> Path:
        """The user's own settings file."""
        if own := environ.get(self.variable):
            return Path(own) if self.names_file else Path(own, self.file)
        if self.xdg is not None and (base := environ.get(self.xdg)):
            return Path(base, *Path(self.usual).parts[2:], self.file)
        return Path(environ.get("HOME") or Path.home(), self.usual, self.file)


@contextlib.contextmanager
def private_home(copy: HomeCopy, environ: Mapping[str, str], told: Told) -> Iterator[Path]:
    """What the variable has to say, for as long as the context lasts: a copy of the user's home, or of the one file.

    Raises:
        OSError: it cannot be made.
    """
    parent = state_folder(environ)
    make_private(parent)
    _sweep(parent)
    home = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent))
    try:
        users = copy.users(environ)
        own = home / copy.file
        own.parent.mkdir(mode=0o700, exist_ok=True)
        if not copy.names_file and users.parent.is_dir():
            for entry in users.parent.iterdir():
                if entry.name != users.name:
                    (own.parent / entry.name).symlink_to(entry.absolute())
        settings = _changed(_read(users), fill_tree(copy.changes, told))
        file = os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(file, "w", encoding="utf-8") as stream:
            json.dump(settings, stream, indent=2, default=str)  # which is YAML, too, but for YAML's dates
        yield own if copy.names_file else home
        if not copy.names_file:
            _move_back(own, users.parent)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _move_back(own: Path, users: Path) -> None:
    """Give the user what the program has made or, by putting a new file in place of a link, changed. Folders of the user's stay."""
    made = [entry for entry in own.parent.iterdir() if not entry.is_symlink() and entry.name != own.name]
    if not made:
        return
    with contextlib.suppress(OSError):  # the program has ended, and nothing is to take the place of its exit code
        users.mkdir(mode=0o700, parents=True, exist_ok=True)
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
        if file.suffix in (".yaml", ".yml"):
            settings = _read_yaml(text)
        else:
            settings = json.loads(_TOKENS.sub(lambda token: token[0] if token[0].startswith('"') else "", text))
    except (OSError, ValueError):
        return {}
    return settings if isinstance(settings, dict) else {}


def _read_yaml(text: str) -> object:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


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
