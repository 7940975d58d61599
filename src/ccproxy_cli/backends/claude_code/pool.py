"""Processes kept ready, because starting one takes most of a second and binding one to a request some milliseconds.

A ready process is generic: it was told nothing yet but what its recipe says. How many there are follows the load by one rule: for each
model as many as lately had to work at once, at most `size`, and none for a model that nobody has asked for within `idle` seconds. They
are made when a request has got its first words, so that making them slows nobody down, and never while a request waits for a slot: a
ready process holds a slot like a working one, but gives it up to any request that needs it.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Collection

from attrs import define

from ccproxy_cli.backends.claude_code.frames import ask
from ccproxy_cli.backends.claude_code.process import Child
from ccproxy_cli.backends.claude_code.recipe import Recipe
from ccproxy_cli.backends.slots import Slots
from ccproxy_cli.core.errors import BadRequest, BadUpstream, UpstreamError

_READY_WITHIN = 20.0
"""Seconds from its start for a process to answer; 0.3 to 1 are usual (2.1.329)."""
_STILL_THERE_WITHIN = 2.0
"""Seconds for a ready process to answer when it is wanted; 1 to 10 milliseconds are usual (2.1.329)."""
_OLDEST = 3600.0
"""Seconds after which a ready process is replaced: to a login's conversations the CLI adds the date, which it looks up once."""
_SHORTEST_REST = 1.0
"""Seconds before another attempt, doubled each time."""
_LONGEST_REST = 300.0
_STATUS = {"subtype": "mcp_status"}


class NotSealed(BadUpstream):
    """The process did not confirm that it is connected to nothing, so none of its kind is kept."""


@define(eq=False)
class _Ready:
    """A process that waits for a request, or will soon."""

    recipe: Recipe
    child: Child | None = None
    answers: bool = False
    """It has started up and confirmed that it is as it should be."""
    taken: bool = False
    keeper: "asyncio.Task[None] | None" = None


@define
class _Demand:
    """How much one model has been asked for lately."""

    working: int = 0
    peak: int = 0
    """Most that worked at once."""
    peaked: float = -math.inf
    used: float = -math.inf
    answered: bool = False
    """Something came of it, so another process is worth its start. Logged out, say, it is not."""

    def begin(self, now: float, idle: float) -> None:
        self.working += 1
        self.used = now
        if self.working >= self.peak or now - self.peaked > idle:
            self.peak, self.peaked = self.working, now

    def end(self, now: float) -> None:
        self.working -= 1
        self.used = now

    def left(self, now: float, idle: float) -> float:
        """Seconds for which it is still worth having a process ready."""
        return idle if self.working else self.used + idle - now


class Pool:
    """Gives out processes, ready ones if there are.

    Args:
        slots: bounds all processes, ready and working.
        recipe_of: what a model's processes are made by, as of now. May raise `UpstreamError`.
        start: starts one. May raise `UpstreamError`.
        size: ready processes at most, for each model; 0 for none.
        idle: seconds that a model's processes are kept ready after it was last asked for.
        always: models for which one process is kept ready from `keep_ready` on, whether or not they are asked for.
    """

    def __init__(
        self,
        slots: Slots,
        recipe_of: Callable[[str], Recipe],
        start: Callable[[Recipe], Awaitable[Child]],
        *,
        size: int,
        idle: float,
        always: Collection[str] = (),
    ) -> None:
        self._slots = slots
        self._recipe_of = recipe_of
        self._start = start
        self._size = size
        self._idle = idle
        self._always = frozenset(always)
        self._active = False
        self._ready: list[_Ready] = []  # oldest first
        self._keepers: set[asyncio.Task[None]] = set()
        self._demand: dict[str, _Demand] = {}
        self._troubles = 0
        self._trouble = ""
        self._rest_until = -math.inf
        self._alarm: asyncio.TimerHandle | None = None

    @property
    def ready(self) -> list[Child]:
        """The processes that wait for a request."""
        return [ready.child for ready in self._ready if ready.child is not None and ready.answers]

    @property
    def is_busy(self) -> bool:
        """Every slot is taken and none could be given up."""
        return self._slots.all_taken and not self._ready

    @property
    def trouble(self) -> str | None:
        """Why no process is made ready for now. Unredacted."""
        return self._trouble if _now() < self._rest_until else None

    def keep_ready(self) -> None:
        """From now on keep processes ready: whoever holds the pool means to stay."""
        self._active = self._size > 0
        self._refill_all()

    async def take(self, model: str) -> Child:
        """A process for one request: a ready one, else a fresh one as soon as there is room. To be given back when it is gone.

        Raises:
            UpstreamError: overloaded, or there is no CLI that could be started.
        """
        recipe = self._recipe_of(model)
        self._end_outdated(recipe)
        ready = self._claim(recipe)
        if ready is None:
            if self._slots.all_taken and self._ready:
                self._evict(self._ready[0])
            await self._slots.take()
        try:
            child = await self._alive(ready) or await self._start(recipe)
        except BaseException:
            self._slots.give_back()
            raise
        self._forget_unused()
        self._demand_for(model).begin(_now(), self._idle)
        return child

    def answered(self, model: str) -> None:
        """A request for `model` gets its answer, so the next one may soon follow."""
        self._demand_for(model).answered = True
        self._refill(model)

    def refused(self, model: str) -> None:
        """Requests for `model` are in vain for now."""
        self._demand_for(model).answered = False

    def finished(self, model: str) -> None:
        """A process that was taken for `model` has no more work, and is being ended."""
        self._demand_for(model).end(_now())

    def give_back(self, model: str) -> None:
        """It is gone."""
        self._slots.give_back()
        self._refill(model)
        self._refill_all()

    async def aclose(self) -> None:
        """End the ready ones, at once."""
        self._active = False
        for ready in tuple(self._ready):
            self._evict(ready)
        await asyncio.gather(*self._keepers, return_exceptions=True)
        if self._alarm is not None:
            self._alarm.cancel()

    # Taking

    def _claim(self, recipe: Recipe) -> _Ready | None:
        """One that fits, from now on the caller's. The newest, so that what is too much grows old; one that still starts is second best."""
        fitting = [ready for ready in self._ready if ready.recipe == recipe and ready.child is not None and ready.child.exit_status is None]
        best = max(enumerate(fitting), key=lambda place: (place[1].answers, place[0]), default=(0, None))[1]
        if best is not None:
            self._ready.remove(best)
            best.taken = True
            _stop(best)
        return best

    async def _alive(self, ready: _Ready | None) -> Child | None:
        """The process of `ready`, if it still answers. One that does not is ended."""
        if ready is None or (child := ready.child) is None:
            return None
        try:
            if ready.answers:
                await _prove(child, "ccproxy_still_there", _STILL_THERE_WITHIN)
        except BaseException as error:
            await child.end()
            if isinstance(error, BadUpstream):
                return None
            raise
        self._troubles = 0
        return child

    def _end_outdated(self, recipe: Recipe) -> None:
        for ready in [ready for ready in self._ready if ready.recipe.model == recipe.model and ready.recipe != recipe]:
            self._evict(ready)

    def _evict(self, ready: _Ready) -> None:
        """End one; its slot becomes free when it is gone."""
        self._ready.remove(ready)
        _stop(ready)

    # Keeping ready

    def _refill_all(self) -> None:
        for model in {*self._demand, *self._always}:
            self._refill(model)

    def _refill(self, model: str) -> None:
        if not self._active or _now() < self._rest_until:
            return
        for _ in range(self._wanted(model) - sum(ready.recipe.model == model for ready in self._ready)):
            try:
                recipe = self._recipe_of(model)
            except (BadRequest, UpstreamError):  # told to whoever asks next
                return
            if not self._slots.try_take():
                return
            self._grow(recipe)

    def _wanted(self, model: str) -> int:
        demand = self._demand.get(model)
        lately = demand.peak if demand is not None and demand.answered and demand.left(_now(), self._idle) > 0 else 0
        return min(self._size, max(lately, int(model in self._always)))

    def _grow(self, recipe: Recipe) -> None:
        ready = _Ready(recipe)
        self._ready.append(ready)
        ready.keeper = asyncio.get_running_loop().create_task(self._keep(ready))
        self._keepers.add(ready.keeper)
        ready.keeper.add_done_callback(lambda keeper: self._kept(ready, keeper))

    async def _keep(self, ready: _Ready) -> None:
        """Start it, and wait beside it until it is taken, not wanted, too old, or gone."""
        try:
            ready.child = child = await self._start(ready.recipe)
            await _prove(child, "ccproxy_ready", _READY_WITHIN)
            ready.answers = True
            oldest = _now() + _OLDEST
            while self._is_wanted(ready) and _now() < oldest:
                if await child.exited(self._patience(ready.recipe.model)):
                    raise BadUpstream("Claude Code ended while it waited")  # noqa: TRY301  handled like one that never came to wait
        except NotSealed as trouble:
            self._rest(trouble, _LONGEST_REST)
        except (BadUpstream, UpstreamError) as trouble:
            self._rest(trouble)
        finally:
            if not ready.taken:
                if ready in self._ready:
                    self._ready.remove(ready)
                if ready.child is not None:
                    await ready.child.end()

    def _is_wanted(self, ready: _Ready) -> bool:
        model = ready.recipe.model
        same = [other for other in self._ready if other.recipe.model == model]
        return len(same) - same.index(ready) <= self._wanted(model)

    def _patience(self, model: str) -> float:
        demand = self._demand.get(model)
        left = demand.left(_now(), self._idle) if demand is not None else 0.0
        return left if left > 0 else self._idle

    def _kept(self, ready: _Ready, keeper: "asyncio.Task[None]") -> None:
        self._keepers.discard(keeper)
        if not ready.taken:
            self._slots.give_back()
            self._refill_all()

    def _rest(self, trouble: BadUpstream | UpstreamError, seconds: float = 0.0) -> None:
        """Make no process for a while: longer each time, so that what cannot work is not tried over and over."""
        self._troubles += 1
        self._trouble = trouble.error.message
        seconds = seconds or min(_SHORTEST_REST * 2 ** min(self._troubles - 1, 20), _LONGEST_REST)
        self._rest_until = _now() + seconds
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm = asyncio.get_running_loop().call_later(seconds, self._refill_all)

    def _demand_for(self, model: str) -> _Demand:
        return self._demand.setdefault(model, _Demand())

    def _forget_unused(self) -> None:
        # Clients choose the names, so this must not grow without end.
        now = _now()
        self._demand = {model: demand for model, demand in self._demand.items() if demand.left(now, self._idle) > 0}


def _stop(ready: _Ready) -> None:
    if ready.keeper is not None:
        ready.keeper.cancel()


async def _prove(child: Child, name: str, within: float) -> None:
    """See that a process answers, and that no server is connected to it.

    Raises:
        NotSealed: it does not say so.
        BadUpstream: it does not answer.
    """
    if (await ask(child, name, _STATUS, within)).get("mcpServers") != []:
        raise NotSealed("Claude Code does not confirm that it is connected to nothing")


def _now() -> float:
    return time.monotonic()
