"""A store in a file of this user's, shared by all processes of this machine that open it."""

import asyncio
import contextlib
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

from attrs import frozen
from typing_extensions import override

from ccproxy_cli.stores import sqlite_steps as steps
from ccproxy_cli.stores.base import Bucket, Spent, Store, StoreError

_T = TypeVar("_T")

_PRUNE_SECONDS = 60.0
_TOGETHER = 200
"""Steps that share a transaction at most."""


@frozen
class _Job(Generic[_T]):
    """One step, and who waits for it."""

    step: Callable[[sqlite3.Connection, float], _T]
    writes: bool
    done: "asyncio.Future[_T]"

    def tell(self, result: Any, error: Exception | None) -> None:
        """Answer from another thread. Nobody may be there any more: neither the one who asked nor their loop."""
        with contextlib.suppress(RuntimeError):
            self.done.get_loop().call_soon_threadsafe(self._settle, result, error)

    def _settle(self, result: Any, error: Exception | None) -> None:
        if self.done.done():
            return
        if error is None:
            self.done.set_result(result)
        else:
            self.done.set_exception(error)


_Jobs: TypeAlias = "queue.SimpleQueue[_Job[Any] | None]"


class SQLiteStore(Store):
    """State in a SQLite file. One thread does the steps, those that have gathered in one transaction. Opened by the first."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time, *, max_bytes: int = 512 * 2**20) -> None:
        """
        Args:
            clock: Unix seconds, for processes have nothing else in common.
            max_bytes: what the file may hold, about; beyond it the values that would end next make room.
        """
        self._path = path
        self._clock = clock
        self._max_bytes = max_bytes
        self._jobs: _Jobs | None = None
        self._thread: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"<SQLiteStore {self._path}>"

    def __str__(self) -> str:
        return f"the store in {self._path}"

    @override
    async def get(self, key: str) -> bytes | None:
        return await self._do(lambda connection, now: steps.get(connection, now, key), writes=False)

    @override
    async def put(self, key: str, value: bytes, lifetime: float) -> None:
        await self._do(lambda connection, now: steps.put(connection, now, key, value, lifetime))

    @override
    async def put_new(self, key: str, value: bytes, lifetime: float) -> bool:
        return await self._do(lambda connection, now: steps.put_new(connection, now, key, value, lifetime))

    @override
    async def delete(self, key: str) -> None:
        await self._do(lambda connection, now: steps.delete(connection, now, key))

    @override
    async def spend(self, bucket: Bucket, units: float, *, in_debt: bool = False) -> Spent:
        return await self._do(lambda connection, now: steps.spend(connection, now, bucket, units, in_debt))

    @override
    async def add(self, key: str, amounts: Mapping[str, float], lifetime: float) -> None:
        await self._do(lambda connection, now: steps.add(connection, now, key, amounts, lifetime))

    @override
    async def counters(self, prefix: str) -> Mapping[str, Mapping[str, float]]:
        return await self._do(lambda connection, now: steps.counters(connection, now, prefix), writes=False)

    @override
    async def aclose(self) -> None:
        """Do what was asked for, then close the file."""
        thread, jobs = self._thread, self._jobs
        self._thread = self._jobs = None
        if thread is not None and jobs is not None:
            jobs.put(None)
            await asyncio.to_thread(thread.join)

    async def _do(self, step: Callable[[sqlite3.Connection, float], _T], *, writes: bool = True) -> _T:
        if self._jobs is None:
            self._jobs = queue.SimpleQueue()
            self._thread = threading.Thread(target=self._work, args=(self._jobs,), name="ccproxy-store", daemon=True)
            self._thread.start()
        done: asyncio.Future[_T] = asyncio.get_running_loop().create_future()
        self._jobs.put(_Job(step, writes, done))
        return await done

    # In the thread

    def _work(self, jobs: _Jobs) -> None:
        connection: sqlite3.Connection | None = None
        pruned = -_PRUNE_SECONDS
        going = True
        while going:
            batch = _gathered(jobs)
            wanted = [job for job in batch if job is not None]
            connection = self._serve(connection, wanted)
            if connection is not None and time.monotonic() >= pruned + _PRUNE_SECONDS:
                pruned = time.monotonic()
                self._prune(connection)
            going = len(wanted) == len(batch)
        _close(connection)

    def _serve(self, connection: sqlite3.Connection | None, jobs: Sequence[_Job[Any]]) -> sqlite3.Connection | None:
        """Do the jobs and tell their results. Returns the connection to go on with; after a failure the file is opened anew."""
        results: list[Any] = []
        try:
            if connection is None:
                connection = steps.connect(self._path)
            with _transaction(connection, writes=any(job.writes for job in jobs)):
                now = self._clock()
                results = [job.step(connection, now) for job in jobs]
        except Exception as problem:  # noqa: BLE001 - the thread's edge: whoever waits must hear of it, and the thread must live on
            error = self._error(problem)
            for job in jobs:
                job.tell(None, error)
            _close(connection)
            return None
        for job, result in zip(jobs, results, strict=True):
            job.tell(result, None)
        return connection

    def _prune(self, connection: sqlite3.Connection) -> None:
        # Another process may be at it for long. If something worse is wrong, the next step will say so.
        with contextlib.suppress(sqlite3.Error):
            with _transaction(connection, writes=True):
                steps.prune(connection, self._clock(), self._max_bytes)
            steps.give_back(connection)

    def _error(self, problem: Exception) -> Exception:
        match problem:
            case StoreError():
                return problem
            case sqlite3.Error() | OSError():
                error = StoreError(f"{self} cannot be used: {problem}")
                error.__cause__ = problem
                return error
            case _:
                return problem


def _gathered(jobs: _Jobs) -> Sequence[_Job[Any] | None]:
    """What there is to do, once there is something; None, at its end, is the word to stop."""
    batch = [jobs.get()]
    with contextlib.suppress(queue.Empty):
        while batch[-1] is not None and len(batch) < _TOGETHER:
            batch.append(jobs.get_nowait())
    return batch


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection, *, writes: bool) -> Iterator[None]:
    # One that would begin by reading could not go on to write once another process has written.
    connection.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
    try:
        yield
    except BaseException:
        if connection.in_transaction:  # SQLite ends some by itself, as when the disk is full
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _close(connection: sqlite3.Connection | None) -> None:
    if connection is not None:
        connection.close()
