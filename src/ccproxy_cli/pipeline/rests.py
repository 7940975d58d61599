"""Cool-downs: which targets have failed of late and are left alone while a chain has others.

Each process keeps its own account and shares it through the store, where it looks no more than once a second for each target, and only for
chains. After a rest one request tries the target while the others still go on to the next; how that one fares decides for all.
"""

import asyncio
import contextlib
import math
from collections.abc import Callable

from attrs import define

from ccproxy_cli.core.ids import digest_id
from ccproxy_cli.stores.base import Store, StoreError

_GLANCE = 1.0
"""Seconds for which what the store said of a target holds."""
_MOST = 1000
"""Targets that are remembered: their names may come from clients."""
_LONGEST = 3600.0
"""Seconds; a vendor that names a longer wait is asked again nevertheless."""
_PROBATION = 60.0
"""Seconds after a rest in which a target still has to prove itself. One that nobody asked for until then is as good as any."""


@define
class _Rest:
    until: float
    """Unix seconds."""
    probing: bool = False
    """A request of this process is trying the target."""


class Rests:
    """What is known of targets that failed. Nothing is asked of the store for those of single-target routes."""

    def __init__(self, clock: Callable[[], float], *, store: Store | None = None, probe: float = 120.0) -> None:
        """
        Args:
            clock: Unix seconds, which processes on several machines share.
            probe: seconds after which a request that tries a target for the others is given up on.
        """
        self._clock = clock
        self._store = store
        self._probe = probe
        self._rests: dict[str, _Rest] = {}
        self._looked: dict[str, float] = {}
        self._telling: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """How many targets are known to have failed."""
        return len(self._rests)

    def is_resting(self, target: str) -> bool:
        """Whether the target is known to have failed of late and not to have answered since. Asks nobody."""
        return self._current(target) is not None

    async def leaves_alone(self, target: str) -> bool:
        """Whether a request that has other targets should leave this one alone.

        If not, and it had rested, the request tries it for all: `answered`, `failed` or `dropped` has to follow.
        """
        await self._look(target)
        rest = self._current(target)
        if rest is None:
            return False
        return self._clock() < rest.until or not await self._claim(target, rest)

    async def failed(self, target: str, seconds: float) -> None:
        """The target has failed and is to rest for so long."""
        seconds = min(seconds, _LONGEST)
        rest = _Rest(self._clock() + seconds)
        self._remember(target, rest)
        if self._store is not None:
            try:
                await self._store.put(_key(target), repr(rest.until).encode(), seconds + _PROBATION)
                await self._store.delete(_probe_key(target))
            except StoreError:
                return

    def answered(self, target: str) -> None:
        """The target has answered: it need not rest. Returns at once: of an answer that nobody has begun to read, nobody would notice that
        its client has left meanwhile."""
        if self._rests.pop(target, None) is not None and self._store is not None:
            self._note_look(target)  # what the store says is out of date for a moment
            telling = asyncio.get_running_loop().create_task(self._tell_answered(target, self._store))
            self._telling.add(telling)
            telling.add_done_callback(self._telling.discard)

    async def _tell_answered(self, target: str, store: Store) -> None:
        with contextlib.suppress(StoreError):
            await store.delete(_key(target))
            await store.delete(_probe_key(target))

    async def dropped(self, target: str) -> None:
        """The request that tried the target has ended without telling anything about it."""
        rest = self._rests.get(target)
        if rest is not None and rest.probing:
            rest.probing = False
            if self._store is not None:
                try:
                    await self._store.delete(_probe_key(target))
                except StoreError:
                    return

    def _current(self, target: str) -> _Rest | None:
        rest = self._rests.get(target)
        if rest is not None and not rest.probing and self._clock() >= rest.until + _PROBATION:
            del self._rests[target]
            return None
        return rest

    async def _look(self, target: str) -> None:
        """Take over what other processes know, if that may have changed."""
        now = self._clock()
        if self._store is None or now - self._looked.get(target, -math.inf) < _GLANCE:
            return
        try:
            told = await self._store.get(_key(target))
        except StoreError:
            return
        self._note_look(target)
        rest = self._rests.get(target)
        if told is None:
            if rest is not None and not rest.probing:
                del self._rests[target]
        elif rest is None:
            self._remember(target, _Rest(_until(told)))
        else:
            rest.until = _until(told)

    def _note_look(self, target: str) -> None:
        self._looked.pop(target, None)
        self._looked[target] = self._clock()
        if len(self._looked) > _MOST:
            del self._looked[next(iter(self._looked))]

    async def _claim(self, target: str, rest: _Rest) -> bool:
        """Be the one that tries the target, if nobody does."""
        if rest.probing:
            return False
        rest.probing = True  # at once: others come while the store is asked
        try:
            won = self._store is None or await self._store.put_new(_probe_key(target), b"", self._probe)
        except StoreError:
            won = True
        except BaseException:
            rest.probing = False
            raise
        rest.probing = won
        return won

    def _remember(self, target: str, rest: _Rest) -> None:
        self._rests.pop(target, None)
        self._rests[target] = rest
        if len(self._rests) > _MOST:
            del self._rests[next(iter(self._rests))]


def _key(target: str) -> str:
    return f"cooldown/rest/{digest_id(target)}"


def _probe_key(target: str) -> str:
    return f"cooldown/probe/{digest_id(target)}"


def _until(told: bytes) -> float:
    """When a rest ends by what the store says; long ago if that is nothing of ours."""
    try:
        until = float(told)
    except ValueError:
        return 0.0
    return until if math.isfinite(until) else 0.0
