"""Which store a setting opens, and what of it is shared."""

import builtins
from pathlib import Path
from typing import Any

import pytest

from ccproxy_cli.config.origin import ConfigError
from ccproxy_cli.config.settings import Settings, StoreSettings
from ccproxy_cli.stores.failover import Failover
from ccproxy_cli.stores.memory import MemoryStore
from ccproxy_cli.stores.opening import open_stores
from tests.stores.redis_server import RedisServer


def settings(url: str) -> Settings:
    return Settings(store=StoreSettings(url))


async def test_memory_keeps_everything_here() -> None:
    stores = open_stores(settings("memory"), {}, alone=True)
    assert isinstance(stores.kept, MemoryStore)
    assert stores.hot is stores.kept
    await stores.aclose()


async def test_one_process_keeps_here_what_is_hot_and_in_the_file_what_is_to_last(tmp_path: Path) -> None:
    environ = {"XDG_STATE_HOME": str(tmp_path)}
    stores = open_stores(Settings(), environ, alone=True)
    assert isinstance(stores.hot, MemoryStore)
    assert not list(tmp_path.iterdir())
    await stores.kept.put("k", b"v", 60)
    stores.later.put("l", b"w", 60)
    await stores.aclose()
    assert (tmp_path / "ccproxy" / "state.db").is_file()
    again = open_stores(Settings(), environ, alone=True)
    assert [await again.kept.get(key) for key in "kl"] == [b"v", b"w"]
    await again.aclose()


async def test_several_processes_share_what_is_hot(tmp_path: Path) -> None:
    stores = open_stores(settings(f"sqlite:///{tmp_path}/mine.db"), {}, alone=False)
    assert stores.hot is stores.kept
    await stores.hot.put("k", b"v", 60)
    assert (tmp_path / "mine.db").is_file()
    await stores.aclose()


async def test_machines_share_everything(redis_server: RedisServer) -> None:
    one, other = (open_stores(settings(redis_server.url), {}, alone=True) for _ in range(2))
    await one.hot.put("opening", b"v", 60)
    assert await other.kept.get("opening") == b"v"
    assert isinstance(other.kept, Failover)
    for stores in (one, other):
        await stores.aclose()


def test_an_address_that_is_none_is_the_settings_fault() -> None:
    with pytest.raises(ConfigError, match="/zero is not the number of a database"):
        open_stores(settings("redis://127.0.0.1/zero"), {}, alone=True)


def test_a_client_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_redis(name: str, *arguments: Any) -> Any:
        if name == "ccproxy_cli.stores.redis":
            raise ImportError(name)
        return real(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", without_redis)
    with pytest.raises(ConfigError, match=r"pip install 'ccproxy-cli\[redis\]'"):
        open_stores(settings("redis://127.0.0.1/0"), {}, alone=True)
