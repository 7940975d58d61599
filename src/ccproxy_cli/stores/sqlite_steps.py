"""What a SQLite file holds, and each step of a store as statements. They block, and run inside a transaction of their caller's."""

import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path

from ccproxy_cli.stores import budget
from ccproxy_cli.stores.base import Bucket, Spent, StoreError
from ccproxy_cli.stores.place import make_private_file

VERSION = 1
"""Of the tables; it is `user_version` in the file."""

_TABLES = """
CREATE TABLE kept (key TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL, deadline REAL NOT NULL);
CREATE INDEX kept_by_deadline ON kept (deadline);
CREATE TABLE buckets (key TEXT PRIMARY KEY NOT NULL, held REAL NOT NULL, at REAL NOT NULL, deadline REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE counters (
    key TEXT NOT NULL, name TEXT NOT NULL, amount REAL NOT NULL, deadline REAL NOT NULL, PRIMARY KEY (key, name)
) WITHOUT ROWID;
"""

_BUSY_SECONDS = 2.0
"""How long a step waits while another process writes."""
_FREED_PAGES = 1000
"""How much of what has become free is given back to the disk at a time."""


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, made for this user alone if it is missing, and see to its tables.

    Raises:
        StoreError: its tables are of a later version.
        OSError, sqlite3.Error: it cannot be used.
    """
    make_private_file(path)
    # Steps begin and end their transactions themselves. The file is opened in the thread that uses it.
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, cached_statements=64)
    try:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # heeded by an empty file alone
        _write_ahead(connection)
        # What a crash of this program leaves is whole; one of the machine may take back the last steps, which a store may forget.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA secure_delete = ON")  # a conversation that is deleted is not to be found in the file
        _see_to_tables(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Let readers and a writer not wait for each other. Of several processes that ask for it first, SQLite refuses all but one at once."""
    deadline = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _see_to_tables(connection: sqlite3.Connection, path: Path) -> None:
    if _version(connection) == VERSION:  # as nearly always: this waits for no writer
        return
    connection.execute("BEGIN IMMEDIATE")
    version = _version(connection)
    if version > VERSION:
        raise StoreError(f"{path} was written by a later version of ccproxy")
    if version == 0:
        for statement in filter(str.strip, _TABLES.split(";")):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def get(connection: sqlite3.Connection, now: float, key: str) -> bytes | None:
    row = connection.execute("SELECT value FROM kept WHERE key = ? AND deadline > ?", (key, now)).fetchone()
    return None if row is None else row[0]


def put(connection: sqlite3.Connection, now: float, key: str, value: bytes, lifetime: float) -> None:
    connection.execute("INSERT OR REPLACE INTO kept (key, value, deadline) VALUES (?, ?, ?)", (key, value, now + lifetime))


def put_new(connection: sqlite3.Connection, now: float, key: str, value: bytes, lifetime: float) -> bool:
    done = connection.execute(
        "INSERT INTO kept (key, value, deadline) VALUES (?, ?, ?) ON CONFLICT (key)"
        " DO UPDATE SET value = excluded.value, deadline = excluded.deadline WHERE kept.deadline <= ?",
        (key, value, now + lifetime, now),
    )
    return done.rowcount == 1


def delete(connection: sqlite3.Connection, now: float, key: str) -> None:
    connection.execute("DELETE FROM kept WHERE key = ?", (key,))


def spend(connection: sqlite3.Connection, now: float, bucket: Bucket, units: float, in_debt: bool) -> Spent:
    row = connection.execute("SELECT held, at FROM buckets WHERE key = ?", (bucket.key,)).fetchone()
    held, at = (bucket.size, now) if row is None else row
    left, spent = budget.spend(bucket, held, now - at, units, in_debt=in_debt)
    deadline = now + budget.seconds_to_fill(bucket, left)
    connection.execute("INSERT OR REPLACE INTO buckets (key, held, at, deadline) VALUES (?, ?, ?, ?)", (bucket.key, left, now, deadline))
    return spent


def add(connection: sqlite3.Connection, now: float, key: str, amounts: Mapping[str, float], lifetime: float) -> None:
    connection.execute("DELETE FROM counters WHERE key = ? AND deadline <= ?", (key, now))
    connection.executemany(
        "INSERT INTO counters (key, name, amount, deadline) VALUES (?, ?, ?, ?) ON CONFLICT (key, name)"
        " DO UPDATE SET amount = amount + excluded.amount",
        [(key, name, float(amount), now + lifetime) for name, amount in amounts.items()],
    )
    connection.execute("UPDATE counters SET deadline = ? WHERE key = ?", (now + lifetime, key))


def counters(connection: sqlite3.Connection, now: float, prefix: str) -> Mapping[str, Mapping[str, float]]:
    found: dict[str, dict[str, float]] = {}
    rows = connection.execute(
        "SELECT key, name, amount FROM counters WHERE substr(key, 1, ?) = ? AND deadline > ?", (len(prefix), prefix, now)
    )
    for key, name, amount in rows:
        found.setdefault(key, {})[name] = amount
    return found


def prune(connection: sqlite3.Connection, now: float, max_bytes: int) -> None:
    """Let go of what is over, and then of the values that would end next until the rest fits."""
    for table in ("kept", "buckets", "counters"):
        connection.execute(f"DELETE FROM {table} WHERE deadline <= ?", (now,))  # noqa: S608
    while _bytes(connection) > max_bytes:
        done = connection.execute("DELETE FROM kept WHERE rowid IN (SELECT rowid FROM kept ORDER BY deadline LIMIT 16)")
        if not done.rowcount:
            break


def give_back(connection: sqlite3.Connection) -> None:
    """Give back to the disk some of what has become free. Outside a transaction."""
    connection.execute(f"PRAGMA incremental_vacuum({_FREED_PAGES})").fetchall()


def _bytes(connection: sqlite3.Connection) -> int:
    """What the tables take in the file."""
    pages, free, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size"))
    return int((pages - free) * size)
