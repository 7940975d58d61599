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

    async def aclose(self) -> None:
        """Write what waits to be written, and let go of connections and files."""
        await self.later.flush()
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
    url = settings.store.url
    kind = url.partition(":")[0]
    here = stores_here(settings)
    match kind:
        case "memory":
            return here
        case "sqlite":
            from ccproxy_cli.stores.sqlite import SQLiteStore

            file = url.removeprefix("sqlite").removeprefix("://").replace("/~/", "~/", 1)
            path = Path(file).expanduser() if file else state_folder(environ) / FILE
            kept = Failover(SQLiteStore(path), time.monotonic, max_bytes=_ROOM)
            return Stores(here.hot if alone else kept, kept)
        case _:
            kept = Failover(_server(url), time.monotonic, max_bytes=_ROOM)
            return Stores(kept, kept, between_machines=True)


def _server(url: str) -> Store:
    try:
        from ccproxy_cli.stores.redis import RedisStore
    except ImportError as error:
        raise ConfigError([Problem("store.url: the client is not installed", fix="pip install 'ccproxy-cli[redis]'")]) from error
    try:
        return RedisStore(url)
    except ValueError as error:
        raise ConfigError([Problem(f"store.url: {error}")]) from error
