"""One request, several tries: the same target again, and the next one of its chain, as long as nothing of an answer has come.

Answers are handed on from their first content (`backends.base`), so whatever is raised before an `Answer` came before any content, and
whatever comes later is told in-band and never tried again.
"""

import asyncio
import math
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from email.utils import parsedate_to_datetime

from attrs import evolve

from ccproxy_cli.config.settings import RetrySettings
from ccproxy_cli.core.errors import APIError, ErrorKind, UpstreamError
from ccproxy_cli.pipeline.exchange import Answer, Exchange
from ccproxy_cli.pipeline.rests import Rests
from ccproxy_cli.pipeline.route import Target
from ccproxy_cli.pipeline.verdict import ABOUT_KEYS, FAILURES, NEVER, Failure, Verdict, verdict

Attempt = Callable[[Target], Awaitable[Answer]]
"""Asks one target. Raises `BadRequest`, `BadUpstream` or `UpstreamError` if there is no answer."""

_DETOUR = 1.0
"""Seconds: who is asked to wait for longer goes to the next target instead, if there is one."""
_SPREAD = 1.1
"""How much longer than asked for one waits at most."""


class Attempts:
    """Tries until somebody answers, the settings say it is enough, or trying is of no use."""

    def __init__(
        self,
        settings: RetrySettings,
        rests: Rests,
        *,
        acting: Collection[str] = (),
        keyless: Collection[str] = (),
        patience: float = 3600.0,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """
        Args:
            acting: providers that act on this machine. What they were asked once nobody is asked again: it may be done already.
            keyless: providers that are called with the key of whoever asks: what one key may not do, another may.
            patience: seconds since a request came within which the last of its tries must be answered.
            clock: seconds that only go forward, as in `Exchange.started`.
            wall: Unix seconds, for upstreams that name a time of day.
            chance: evenly between 0 and 1.
        """
        self._settings = settings
        self._rests = rests
        self._acting = frozenset(acting)
        self._keyless = frozenset(keyless)
        self._patience = patience
        self._clock = clock
        self._wall = wall
        self._sleep = sleep
        self._chance = chance

    async def answer(self, exchange: Exchange, targets: Sequence[Target], attempt: Attempt) -> Answer:
        """The answer of the first target that gives one.

        Raises:
            BadRequest, BadUpstream, UpstreamError: what the first target said, as if there were no others. It is what was asked for.
        """
        if len(targets) == 1:
            return await self._ask(exchange, targets[0], attempt, self._settings.longest_wait)
        first: Failure | None = None
        route = exchange.route
        left = deque(targets)
        rested: set[Target] = set()
        while left:
            target = left.popleft()
            # Those that rest come last, when all else has failed.
            if target not in rested and await self._rests.leaves_alone(str(target)):
                rested.add(target)
                left.append(target)
                continue
            longest = self._settings.longest_wait
            try:
                return await self._ask(exchange, target, attempt, min(longest, _DETOUR) if left else longest)
            except FAILURES as failure:
                if first is None:
                    first, route = failure, exchange.route
                if not self.leads_on(target, failure) or self._left(exchange) <= 0:
                    break
        assert first is not None
        exchange.route = route
        raise first

    def leads_on(self, target: Target, failure: Failure) -> bool:
        """Whether the next target is to be asked where this one has failed like that."""
        return self._judged(target, failure).elsewhere

    async def _ask(self, exchange: Exchange, target: Target, attempt: Attempt, longest: float) -> Answer:
        """Ask one target, again if that is worth it and takes no wait longer than `longest`."""
        name = str(target)
        # Once is enough where it is known that even that is likely to be in vain.
        tries = 1 if self._rests and self._rests.is_resting(name) else self._settings.attempts
        for number in range(1, tries + 1):
            exchange.turns_to(name, target.model)
            try:
                answer = await (self._in_time(exchange, target, attempt) if exchange.tries else attempt(target))
            except FAILURES as failure:
                found = self._judged(target, failure)
                exchange.failures.append(f"{name} {failure.error.kind.value[0]} {failure.error.status or ''}".rstrip())
                wait = self._wait(failure, number) if found.again and number < tries else math.inf
                if wait > longest * _SPREAD or wait >= self._left(exchange):
                    await self._note(name, failure, found)
                    raise
                await self._sleep(wait)
            except BaseException:
                await self._rests.dropped(name)
                raise
            else:
                if self._rests:
                    self._rests.answered(name)
                return answer
        raise AssertionError("nobody is asked less than once")

    def _judged(self, target: Target, failure: Failure) -> Verdict:
        if target.provider in self._acting:
            return NEVER
        found = verdict(failure)
        return evolve(found, rest=0) if target.provider in self._keyless and failure.error.kind in ABOUT_KEYS else found

    async def _in_time(self, exchange: Exchange, target: Target, attempt: Attempt) -> Answer:
        """Ask once more, within what is left of the client's patience. The first time, the backend's own limits are all there is."""
        try:
            async with asyncio.timeout(self._left(exchange)):
                return await attempt(target)
        except TimeoutError as error:
            message = f"no answer within {self._patience:g} seconds, after {exchange.tries} tries"
            raise UpstreamError(APIError(ErrorKind.UPSTREAM_TIMEOUT, message)) from error

    async def _note(self, name: str, failure: Failure, found: Verdict) -> None:
        """Let the target rest if it is to, for as long as it says itself if it does."""
        if not found.rest or not self._settings.cool_down:
            await self._rests.dropped(name)
            return
        said = self._said(failure)
        await self._rests.failed(name, found.rest * self._settings.cool_down if said is None else said)

    def _wait(self, failure: Failure, number: int) -> float:
        """Seconds until the next try, spread so that those who were refused together do not come back together."""
        said = self._said(failure)
        if said is not None:
            return said * (1 + (_SPREAD - 1) * self._chance())
        return min(self._settings.first_wait * 2.0 ** (number - 1), self._settings.longest_wait) * (0.5 + 0.5 * self._chance())

    def _said(self, failure: Failure) -> float | None:
        """Seconds for which an upstream wants to be left alone, if it says so."""
        said = failure.error.retry_after
        if said is None:
            return None
        try:
            seconds = float(said)
        except ValueError:
            try:
                seconds = parsedate_to_datetime(said).timestamp() - self._wall()
            except (ValueError, OverflowError):
                return None
        return max(seconds, 0.0) if seconds == seconds else None

    def _left(self, exchange: Exchange) -> float:
        return exchange.started + self._patience - self._clock()
