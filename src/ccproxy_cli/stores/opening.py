"""From the settings to the stores of a server."""

import time
from collections.abc import Mapping
from pathlib import Path

from attrs import field, frozen

from ccproxy_cli.config.origin import ConfigError, Problem
from ccproxy_cli.config.settings import Settings
from ccproxy_cli.stores.base import Store
from ccproxy_cli.stores.behind import WriteBehind
from ccproxy_cli.stores.failover import Failover
from ccproxy_cli.stores.memory import MemoryStore
from ccproxy_cli.stores.place import state_folder

FILE = "state.db"
"""In the state folder."""
_ROOM = 32 * 2**20
"""Bytes for state in this process besides the response cache."""


@frozen
class Stores:
    """Where a server's state lives. Nothing is opened before it is used."""

    hot: Store
    """What requests ask for again and again, and nobody misses after a restart: limits, cool-downs, cached answers."""
    kept: Store
    """What is to be found again later: kept answers, remembered reasoning, what was learned of providers, usage."""
    between_machines: bool = False
    """Instances elsewhere may share it."""
    later: WriteBehind = field(init=False)
    """To `kept`, for what no request waits for."""

    @later.default
    def _behind(self) -> WriteBehind:
        return WriteBehind(self.kept)

    async def begin(self) -> None:
        """Open what is kept before the first request wants it, so that trouble is told before it costs anything."""
        if isinstance(self.kept, Failover):
            await self.kept.begin()

    async def aclose(self) -> None:
        """Write what waits to be written, and let go of connections and files."""
        try:
            await self.later.flush()
        finally:
            for store in {id(store): store for store in (self.hot, self.kept)}.values():
                await store.aclose()


def stores_here(settings: Settings | None = None) -> Stores:
    """Everything in this process."""
    cached = 0 if settings is None else settings.cache.max_mb << 20
    store = MemoryStore(time.monotonic, max_bytes=_ROOM + cached)
    return Stores(store, store)


def open_stores(settings: Settings, environ: Mapping[str, str], *, alone: bool) -> Stores:
    """The stores that the settings name.

    Args:
        alone: one process serves, so that what is hot need not leave it unless other machines share it.

    Raises:
        ConfigError: the store is none that there is, or its client is not installed.
    """
    here = stores_here(settings)
    if settings.store.url == "memory":
        return here
    kept = Failover(named_store(settings.store.url, environ), time.monotonic, max_bytes=_ROOM)
    between_machines = not is_file(settings.store.url)
    return Stores(here.hot if alone and not between_machines else kept, kept, between_machines=between_machines)


def is_file(url: str) -> bool:
    """Whether a store is a file of this machine's."""
    return url.partition(":")[0] == "sqlite"


def file_of(url: str, environ: Mapping[str, str]) -> Path:
    """The file that a store is in."""
    path = url.removeprefix("sqlite").removeprefix("://").replace("/~/", "~/", 1)
    return Path(path).expanduser() if path else state_folder(environ) / FILE


def named_store(url: str, environ: Mapping[str, str]) -> Store:
    """The store outside this process that the settings name, as it is. Raises `ConfigError` as `open_stores` does."""
    if is_file(url):
        from ccproxy_cli.stores.sqlite import SQLiteStore

        return SQLiteStore(file_of(url, environ))
    try:
        from ccproxy_cli.stores.redis import RedisStore
    except ImportError as error:
        raise ConfigError([Problem("store.url: the client is not installed", fix="pip install 'ccproxy-cli[redis]'")]) from error
    try:
        return RedisStore(url)
    except ValueError as error:
        raise ConfigError([Problem(f"store.url: {error}")]) from error
