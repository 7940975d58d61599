"""The key of the seals: a file of this user's, so that conversations outlive the server that began them, or an entry of a shared store."""

import contextlib
import os
import secrets
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

from ccproxy_cli.core.seal import KEY_LENGTH
from ccproxy_cli.stores.base import Store
from ccproxy_cli.stores.place import state_folder

NAME = "seal.key"
_STORE_KEY = "seal/key"
_LIFETIME = 365 * 24 * 3600.0
"""Seconds since an instance last started."""


def key_path(environ: Mapping[str, str]) -> Path:
    """Where the key is kept."""
    return state_folder(environ) / NAME


class StoredKey:
    """Gives the key in a file, which is made when the key is first asked for.

    Without a place to keep one the key lives as long as the process: conversations that began before it go on without their reasoning.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._key: bytes | None = None

    def __repr__(self) -> str:
        return f"<StoredKey {self._path}>"

    def __call__(self) -> bytes:
        if self._key is None:
            try:
                self._key = _read(self._path) or _create(self._path)
            except OSError:
                self._key = secrets.token_bytes(KEY_LENGTH)
        return self._key


class SharedKey:
    """The key that instances on several machines agree on through their store; this machine's own until they have."""

    def __init__(self, own: Callable[[], bytes], store: Store) -> None:
        self._own = own
        self._store = store
        self._agreed: bytes | None = None

    def __call__(self) -> bytes:
        return self._own() if self._agreed is None else self._agreed

    async def agree(self) -> bool:
        """Take the key that is in the store, or put ours there. False if the store cannot be reached now: then ask again."""
        await self._store.put_new(_STORE_KEY, self._own(), _LIFETIME)
        key = await self._store.get(_STORE_KEY)
        if key is None or len(key) != KEY_LENGTH or not self._store.whole:
            return False
        self._agreed = key
        await self._store.put(_STORE_KEY, key, _LIFETIME)
        return True


def _read(path: Path) -> bytes | None:
    """The key in the file; None if there is no such file, or nobody could have made that key."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with open(file, "rb") as opened:
        status = os.fstat(file)
        ours = status.st_uid == os.getuid() and not stat.S_IMODE(status.st_mode) & 0o077
        key = opened.read(KEY_LENGTH + 1)
    return key if ours and len(key) == KEY_LENGTH else None


def _create(path: Path) -> bytes:
    """A new key in the file. Of several processes that do this at once one wins, and all use its key."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{NAME}.{secrets.token_hex(8)}")
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        with open(file, "wb") as opened:
            opened.write(secrets.token_bytes(KEY_LENGTH))
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        key = _read(path)
        if key is None:  # what is there is no key that may be used
            os.replace(draft, path)
            key = _read(path)
    finally:
        draft.unlink(missing_ok=True)
    if key is None:
        raise OSError(f"{path} cannot be used")
    return key
