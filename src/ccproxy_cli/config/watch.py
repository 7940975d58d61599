"""Notices that a configuration file has changed: written in place, replaced, made, deleted, or a link on its way turned elsewhere."""

import asyncio
import hashlib
import importlib
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from ccproxy_cli.config import files
from ccproxy_cli.config.environment import CONFIG_FILE

_SETTLE = 200
"""Milliseconds without a change after which a series of them counts as over: editors write in several steps."""


def watched_files(environ: Mapping[str, str], folder: Path, named: Path | None) -> Sequence[Path]:
    """The files that decide the configuration, those among them that may come into being later.

    Args:
        named: the file that the user named, else CCPROXY_CONFIG names one; then no other is looked for.
    """
    if named is None and (variable := environ.get(CONFIG_FILE)):
        named = Path(variable)
    places = [named.expanduser()] if named is not None else list(files.candidates(environ, folder))
    return [place.absolute() for place in (*places, folder / ".env")]


@frozen
class Watched:
    """Files, and what they said at some time."""

    paths: Sequence[Path]
    contents: Sequence[bytes | None]
    """A digest of each, None where there is no such file."""

    @classmethod
    def now(cls, paths: Sequence[Path]) -> "Watched":
        return cls(paths, [_digest(path) for path in paths])


async def changes(watched: Watched, stop: asyncio.Event, *, look_again: float = 5.0) -> AsyncGenerator[None]:
    """Yields whenever the files have come to say something else, until `stop` is set.

    Args:
        watched: what they said when the configuration was read.
        look_again: seconds after which the files are read even if the system has told nothing. Not every file system tells, and none tells
            what happened before it was asked.
    """
    # Loading it takes as long as half of this server's start, and nobody waits for the first change.
    library = await asyncio.to_thread(importlib.import_module, "watchfiles")
    # The folders are watched and not the files: a file that is replaced is another file, and of a link only the other end may change.
    folders = [str(folder) for folder in dict.fromkeys(_folders(watched.paths)) if folder.is_dir()]
    events = library.awatch(
        *folders,
        watch_filter=None,
        recursive=False,
        step=_SETTLE,
        debounce=5 * _SETTLE,
        rust_timeout=int(look_again * 1000),
        yield_on_timeout=True,
        stop_event=stop,
    )
    async for _ in events:
        now = Watched.now(watched.paths)
        if now != watched:
            watched = now
            yield


def _folders(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        yield path.parent
        yield path.resolve().parent


def _digest(path: Path) -> bytes | None:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError:
        return None
