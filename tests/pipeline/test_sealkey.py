"""The key of the seals survives a restart, belongs to one user, and does without a disk."""

import asyncio
import os
import stat
import threading
from pathlib import Path

import pytest

from ccproxy_cli.core.seal import KEY_LENGTH
from ccproxy_cli.pipeline.sealkey import SharedKey, StoredKey, key_path
from ccproxy_cli.stores.failover import Failover
from ccproxy_cli.stores.memory import MemoryStore
from tests.stores.conftest import Clock
from tests.stores.shaky import Shaky


@pytest.mark.parametrize(
    ("environ", "path"),
    [
        ({"XDG_STATE_HOME": "/state", "HOME": "/home/me"}, "/state/ccproxy/seal.key"),
        ({"HOME": "/home/me"}, "/home/me/.local/state/ccproxy/seal.key"),
    ],
)
def test_it_is_kept_in_the_state_folder(environ: dict[str, str], path: str) -> None:
    assert str(key_path(environ)) == path


def test_it_is_made_when_first_asked_for_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "state" / "ccproxy" / "seal.key"
    stored = StoredKey(path)
    assert not path.exists()
    key = stored()
    assert len(key) == KEY_LENGTH
    assert stored() == StoredKey(path)() == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [each.name for each in path.parent.iterdir()] == ["seal.key"]


def test_all_who_ask_at_once_get_the_same(tmp_path: Path) -> None:
    path = tmp_path / "seal.key"
    barrier = threading.Barrier(8)
    keys: list[bytes] = []

    def ask() -> None:
        barrier.wait()
        keys.append(StoredKey(path)())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


@pytest.mark.parametrize(("content", "mode"), [(b"", 0o600), (b"short", 0o600), (b"x" * 33, 0o600), (b"x" * KEY_LENGTH, 0o644)])
def test_what_nobody_could_rely_on_is_replaced(tmp_path: Path, content: bytes, mode: int) -> None:
    path = tmp_path / "seal.key"
    path.write_bytes(content)
    path.chmod(mode)
    key = StoredKey(path)()
    assert key != content
    assert StoredKey(path)() == key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_link_is_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_bytes(b"x" * KEY_LENGTH)
    elsewhere.chmod(0o600)
    path = tmp_path / "seal.key"
    path.symlink_to(elsewhere)
    assert StoredKey(path)() != elsewhere.read_bytes()
    assert elsewhere.read_bytes() == b"x" * KEY_LENGTH


def test_without_a_place_to_keep_it_a_key_lives_as_long_as_the_process(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    stored = StoredKey(blocked / "ccproxy" / "seal.key")
    assert stored() == stored()
    assert stored() != StoredKey(blocked / "ccproxy" / "seal.key")()
    assert os.listdir(tmp_path) == ["file"]


async def test_instances_agree_on_one_key() -> None:
    store = MemoryStore(Clock())
    one, other = SharedKey(lambda: b"1" * KEY_LENGTH, store), SharedKey(lambda: b"2" * KEY_LENGTH, store)
    assert (one(), other()) == (b"1" * KEY_LENGTH, b"2" * KEY_LENGTH)
    assert await one.agree()
    assert await other.agree()
    assert one() == other() == b"1" * KEY_LENGTH


async def test_an_instance_that_starts_without_its_store_agrees_later() -> None:
    there = MemoryStore(Clock())
    assert await SharedKey(lambda: b"1" * KEY_LENGTH, there).agree()
    shaky = Shaky(there, is_there=False)
    store = Failover(shaky, Clock(), first_pause=0)
    late = SharedKey(lambda: b"2" * KEY_LENGTH, store)
    assert not await late.agree()
    assert late() == b"2" * KEY_LENGTH
    shaky.is_there = True
    async with asyncio.timeout(20):
        while not await late.agree():
            await asyncio.sleep(0)
    assert late() == b"1" * KEY_LENGTH
    await store.aclose()
