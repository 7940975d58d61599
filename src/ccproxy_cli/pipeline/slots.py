"""How many requests run at once, counted over all processes that share a store.

A request that runs holds a numbered slot: a key that only one can have put. It is a lease, renewed while the request runs, so that the
slots of a process that dies come free by themselves.
"""

import asyncio
import secrets
from collections.abc import Coroutine
from typing import Any

from ccproxy_cli.stores.base import Store, StoreError

LEASE = 60.0
"""Seconds after which the slots of a dead process are free."""
_RENEWAL = 20.0
"""Seconds between renewals: two may fail before a lease runs out."""


class Slots:
    """A number of slots under one name."""

    def __init__(self, store: Store, key: str, most: int) -> None:
        """
        Args:
            key: begins the keys of the slots.
        """
        self._store = store
        self._key = key
        self._most = most
        self._holder = secrets.token_bytes(8)
        self._held: set[int] = set()
        """Slots whose keys are this process's, or may be."""
        self._taken: set[int] = set()
        """Of those, the ones that requests have."""
        self._spare: list[int] = []
        """Of those, the ones nobody needs any more and whose keys are still there."""
        self._next = 0
        """Where to look first: the slot that was free last."""
        self._work: set[asyncio.Task[Any]] = set()
        self._renewals: asyncio.Task[None] | None = None

    async def take(self) -> int | None:
        """A slot for a request, or None if all are taken.

        Raises:
            StoreError
        """
        slot = self._spare.pop() if self._spare else await self._lease()
        if slot is None and self._work:
            # What was given back a moment ago may still be on its way: who asks again at once must find it.
            await asyncio.wait({*self._work})
            slot = self._spare.pop() if self._spare else await self._lease()
        if slot is not None:
            self._taken.add(slot)
        return slot

    def give_back(self, slot: int) -> None:
        """The request is over. Returns at once, so that it can be called however a request ends."""
        self._taken.discard(slot)
        self._spare.append(slot)
        self._begin(self._return(slot))

    async def renew(self) -> None:
        """Make the leases new. One that had run out meanwhile may be another's by now: then there is one request too many for a while."""
        for slot in sorted(self._taken):
            if slot in self._taken:  # a request may have ended while the store was waited for
                await self._store.put(self._slot_key(slot), self._holder, LEASE)

    async def aclose(self) -> None:
        """Give back what is held."""
        if self._renewals is not None:
            self._renewals.cancel()
        for slot in tuple(self._taken):
            self.give_back(slot)
        await asyncio.gather(*self._work, return_exceptions=True)

    async def _lease(self) -> int | None:
        for offset in range(self._most):
            slot = (self._next + offset) % self._most
            if slot in self._held:
                continue
            self._held.add(slot)
            leasing = asyncio.ensure_future(self._store.put_new(self._slot_key(slot), self._holder, LEASE))
            self._watch(leasing)
            try:
                is_ours = await asyncio.shield(leasing)
            except asyncio.CancelledError:
                self._begin(self._give_back_if_leased(slot, leasing))
                raise
            except StoreError:
                self._held.discard(slot)
                raise
            if is_ours:
                self._next = slot
                self._keep_renewing()
                return slot
            self._held.discard(slot)
        return None

    async def _give_back_if_leased(self, slot: int, leasing: asyncio.Task[bool]) -> None:
        """The client left while its slot was being leased."""
        await asyncio.wait([leasing])
        if leasing.exception() is None and leasing.result():
            self.give_back(slot)
        else:
            self._held.discard(slot)

    async def _return(self, slot: int) -> None:
        if slot not in self._spare:
            return  # taken again
        self._spare.remove(slot)
        try:
            await self._store.delete(self._slot_key(slot))
        except StoreError:
            pass  # the lease runs out
        finally:
            self._held.discard(slot)

    def _keep_renewing(self) -> None:
        if self._renewals is None or self._renewals.done():
            self._renewals = asyncio.get_running_loop().create_task(self._renew_all())

    async def _renew_all(self) -> None:
        while self._held:
            await asyncio.sleep(_RENEWAL)
            try:
                await self.renew()
            except StoreError:
                continue

    def _slot_key(self, slot: int) -> str:
        return f"{self._key}/{slot}"

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._watch(asyncio.get_running_loop().create_task(work))

    def _watch(self, task: asyncio.Task[Any]) -> None:
        self._work.add(task)
        task.add_done_callback(self._work.discard)
