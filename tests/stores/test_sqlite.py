"""The store in a file: between processes, through crashes, within bounds, and for nobody else's eyes."""

import asyncio
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ccproxy_cli.stores import sqlite_steps as steps
from ccproxy_cli.stores.base import StoreError
from ccproxy_cli.stores.sqlite import SQLiteStore
from tests.stores.conftest import Clock

DRIVER = Path(__file__).with_name("sqlite_driver.py")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "state.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SQLiteStore]:
    made = SQLiteStore(path)
    yield made
    await made.aclose()


async def test_nothing_is_made_before_the_first_step(store: SQLiteStore, path: Path) -> None:
    assert not path.parent.exists()
    assert await store.get("k") is None
    assert path.exists()


async def test_what_was_put_is_there_when_the_file_is_opened_again(store: SQLiteStore, path: Path) -> None:
    await store.put("k", b"v", 60)
    await store.aclose()
    again = SQLiteStore(path)
    assert await again.get("k") == b"v"
    await again.aclose()


async def test_a_closed_store_opens_again(store: SQLiteStore) -> None:
    await store.put("k", b"v", 60)
    await store.aclose()
    assert await store.get("k") == b"v"


async def test_it_does_what_was_asked_before_it_closes(store: SQLiteStore, path: Path) -> None:
    puts = [asyncio.ensure_future(store.put(f"k/{index}", b"v", 60)) for index in range(500)]
    await asyncio.sleep(0)
    await store.aclose()
    await asyncio.gather(*puts)
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (500,)
    connection.close()


async def test_one_who_waits_no_longer_stops_nobody_else(store: SQLiteStore) -> None:
    given_up = asyncio.ensure_future(store.put("k", b"v", 60))
    await asyncio.sleep(0)
    given_up.cancel()
    assert await store.get("k") == b"v"


async def test_the_file_and_what_lies_beside_it_are_the_users_alone(store: SQLiteStore, path: Path) -> None:
    await store.put("k", b"v", 60)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    found = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert found == {"state.db": 0o600, "state.db-wal": 0o600, "state.db-shm": 0o600}


async def test_a_file_open_to_others_is_closed_to_them(store: SQLiteStore, path: Path) -> None:
    path.parent.mkdir()
    path.touch(0o644)
    await store.put("k", b"v", 60)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_link_is_not_followed(store: SQLiteStore, path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="not a file of this user's"):
        await store.put("k", b"v", 60)
    assert not (tmp_path / "elsewhere").exists()


async def test_a_file_of_a_later_version_is_left_alone(store: SQLiteStore, path: Path) -> None:
    await store.put("k", b"v", 60)
    await store.aclose()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {steps.VERSION + 1}")
    connection.close()
    with pytest.raises(StoreError, match="written by a later version"):
        await store.get("k")


async def test_a_file_that_is_no_store_is_left_alone(store: SQLiteStore, path: Path) -> None:
    path.parent.mkdir()
    path.write_text("Dear diary, today was long enough to fill a page of a database and more." * 20)
    with pytest.raises(StoreError, match="cannot be used: file is not a database"):
        await store.get("k")
    assert path.read_text().startswith("Dear diary")


async def test_it_works_again_once_its_folder_can_be_written(store: SQLiteStore, path: Path) -> None:
    path.parent.write_text("in the way")
    with pytest.raises(StoreError):
        await store.put("k", b"v", 60)
    path.parent.unlink()
    await store.put("k", b"v", 60)
    assert await store.get("k") == b"v"


async def test_a_key_that_is_no_text_fails_alone(store: SQLiteStore) -> None:
    with pytest.raises(UnicodeEncodeError):
        await store.put("\ud800", b"v", 60)
    await store.put("k", b"v", 60)
    assert await store.get("k") == b"v"


async def test_while_another_process_writes_a_step_waits(store: SQLiteStore, path: Path) -> None:
    await store.put("k", b"old", 60)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("UPDATE kept SET value = ?", (b"theirs",))
    assert await store.get("k") == b"old"
    put = asyncio.ensure_future(store.put("k", b"ours", 60))
    await asyncio.sleep(0.05)
    assert not put.done()
    other.execute("COMMIT")
    await put
    assert await store.get("k") == b"ours"
    other.close()


async def test_processes_share_one_budget(path: Path) -> None:
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, str(DRIVER), str(path), "spend", stdout=asyncio.subprocess.PIPE)
        for _ in range(4)
    ]
    granted = [int((await process.communicate())[0]) for process in processes]
    assert sum(granted) == 50


def test_a_killed_process_leaves_whole_transactions(path: Path) -> None:
    with subprocess.Popen([sys.executable, str(DRIVER), str(path), "write_on"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        told = [process.stdout.readline() for _ in range(30)][-1]
        process.kill()

    async def read() -> tuple[bytes | None, bytes | None]:
        store = SQLiteStore(path)
        try:
            return await store.get("pair/a"), await store.get("pair/b")
        finally:
            await store.aclose()

    first, second = asyncio.run(read())
    assert first is not None
    assert first == second
    assert int(first[: len(first) // 1000]) >= int(told)


async def test_the_dead_are_buried(path: Path) -> None:
    clock = Clock()
    store = SQLiteStore(path, clock)
    await store.put("k/1", b"v", 10)
    await store.add("c/1", {"n": 1}, 10)
    await store.put("k/2", b"v", 100)
    await store.aclose()
    clock.now += 50
    store = SQLiteStore(path, clock)
    await store.get("anything")
    await store.aclose()
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT key FROM kept").fetchall() == [("k/2",)]
        assert connection.execute("SELECT count(*) FROM counters").fetchone() == (0,)
    connection.close()


async def test_a_full_file_makes_room_from_what_would_end_next(path: Path) -> None:
    store = SQLiteStore(path, max_bytes=4 * 2**20)
    for index in range(80):
        await store.put(f"k/{index:02}", bytes(100_000), 1000 + index)
    await store.aclose()
    before = path.stat().st_size
    store = SQLiteStore(path, max_bytes=4 * 2**20)
    await store.get("anything")
    await store.aclose()
    with sqlite3.connect(path) as connection:
        left = [key for (key,) in connection.execute("SELECT key FROM kept ORDER BY key")]
    connection.close()
    assert left == [f"k/{index:02}" for index in range(80 - len(left), 80)]
    assert 20 <= len(left) <= 40
    assert path.stat().st_size < before


async def test_what_is_deleted_cannot_be_read_in_the_file(store: SQLiteStore, path: Path) -> None:
    await store.put("k", b"a secret conversation " * 500, 60)
    await store.aclose()
    await store.delete("k")
    await store.aclose()
    assert b"a secret conversation" not in path.read_bytes()
    assert not path.with_name("state.db-wal").exists()


def test_its_clock_is_the_walls(path: Path) -> None:
    async def put() -> None:
        store = SQLiteStore(path)
        await store.put("k", b"v", 60)
        await store.aclose()

    asyncio.run(put())
    connection = sqlite3.connect(path)
    (deadline,) = connection.execute("SELECT deadline FROM kept").fetchone()
    connection.close()
    assert deadline == pytest.approx(time.time() + 60, abs=30)
