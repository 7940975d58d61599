"""A process of its own that works on a store's file: `sqlite_driver.py PATH TASK`."""

import asyncio
import sys
from pathlib import Path

from ccproxy_cli.stores.base import Bucket
from ccproxy_cli.stores.sqlite import SQLiteStore

BUCKET = Bucket("limit/shared", rate=0.0001, size=50)


async def spend(store: SQLiteStore) -> None:
    """Try to spend 40 times, and print how often that was granted."""
    granted = 0
    for _ in range(40):
        granted += (await store.spend(BUCKET, 1)).granted
    print(granted)
    await store.aclose()


async def write_on(store: SQLiteStore) -> None:
    """Write pairs without an end, telling of each that is done."""
    number = 0
    while True:
        number += 1
        value = str(number).encode() * 1000
        await asyncio.gather(store.put("pair/a", value, 3600), store.put("pair/b", value, 3600))
        print(number, flush=True)


asyncio.run({"spend": spend, "write_on": write_on}[sys.argv[2]](SQLiteStore(Path(sys.argv[1]))))
