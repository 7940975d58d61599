"""How much may be asked for: how often, for how many tokens, and how much at once.

Each client has budgets of its own, whoever comes without a client's token shares one more set, and the server as a whole may have another:
a burst of one client takes nothing from the others but out of that. What an answer will cost is only known at its end, so tokens are
reserved by the size of the request and settled later, into debt if need be.

Whoever shares the store shares the budgets. A store that fails lets everybody in: limits are there for comfort, answers for work.
"""

import asyncio
import contextlib
import math
from collections.abc import Coroutine, Iterator, Mapping
from typing import Any

import attrs
from attrs import Factory, define, frozen

from ccproxy_cli.config.settings import ClientSettings, LimitSettings, Settings
from ccproxy_cli.core.errors import APIError, ErrorKind, UpstreamError
from ccproxy_cli.core.estimate import estimate_body
from ccproxy_cli.core.rates import NO_RATES, Measure, Rates, allowance, tighter
from ccproxy_cli.core.response import Usage
from ccproxy_cli.pipeline.exchange import Exchange
from ccproxy_cli.pipeline.slots import Slots
from ccproxy_cli.stores.base import Bucket, Store, StoreError

_MINUTE = 60.0
_RETRY_SOON = 1.0
"""Seconds: when a request that runs will end, nobody knows."""


@frozen
class Budget:
    """So many requests or tokens a minute."""

    measure: Measure
    per_minute: float
    bucket: Bucket

    @classmethod
    def of(cls, key: str, measure: Measure, per_minute: float, burst: float | None = None) -> "Budget":
        """A budget under a key of its own. Without a burst, a minute's worth may come at once."""
        return cls(measure, per_minute, Bucket(f"{key}/{measure}", per_minute / _MINUTE, max(1.0, burst or per_minute)))


@frozen
class Share:
    """What somebody may have."""

    whose: str
    """For messages."""
    budgets: tuple[Budget, ...]
    slots: Slots | None
    concurrency: int | None

    @classmethod
    def of(cls, store: Store, key: str, whose: str, limits: LimitSettings) -> "Share | None":
        """None if nothing is limited."""
        budgets = []
        if limits.requests_per_minute is not None:
            budgets.append(Budget.of(key, Measure.REQUESTS, limits.requests_per_minute, limits.burst_size))
        if limits.tokens_per_minute is not None:
            budgets.append(Budget.of(key, Measure.TOKENS, limits.tokens_per_minute))
        slots = None if limits.concurrency is None else Slots(store, f"{key}/slots", limits.concurrency)
        return cls(whose, tuple(budgets), slots, limits.concurrency) if budgets or slots is not None else None


@define
class Admission:
    """A request that was let in, and what it has taken."""

    rates: Rates = NO_RATES
    """What is left for its client."""
    slots: list[tuple[Slots, int]] = Factory(list)
    requests: list[Bucket] = Factory(list)
    """Out of which one was taken."""
    tokens: list[tuple[Bucket, float]] = Factory(list)
    """Reserved by estimate."""


class Limits:
    """The limits of one configuration."""

    def __init__(self, everybody: LimitSettings, clients: Mapping[str, ClientSettings], overall: LimitSettings, store: Store) -> None:
        """
        Args:
            everybody: for each client, and for all who come without a client's token together.
            overall: for all requests together.
        """
        self._store = store
        self._overall = Share.of(store, "limits/all", "this server", overall)
        self._others = Share.of(store, "limits/others", "requests without a client's token" if clients else "this server", everybody)
        self._clients = {
            name: Share.of(store, f"limits/client/{name}", f"client {name}", _in_place_of(everybody, client.limits))
            for name, client in clients.items()
        }
        self._work: set[asyncio.Task[None]] = set()

    @classmethod
    def of(cls, settings: Settings, store: Store) -> "Limits | None":
        """The configured limits; None if there are none, so that nobody need ask."""
        limits = cls(settings.limits, settings.clients, settings.limits.overall, store)
        return limits if any(limits._shares()) else None

    async def admit(self, exchange: Exchange) -> Admission:
        """Let a request in. Whoever takes the admission settles it, however the request ends.

        Raises:
            UpstreamError: there is nothing left for it; says for how long, and what there is left.
        """
        admission = Admission()
        try:
            for share in (self._clients.get(exchange.client or "", self._others), self._overall):
                if share is not None:
                    await self._take(share, admission, exchange)
        except BaseException:
            for bucket in admission.requests:
                self._begin(self._correct(bucket, -1.0))
            self._settle(admission, 0.0)
            raise
        return admission

    def settle(self, admission: Admission, usage: Usage | None, *, is_free: bool) -> None:
        """The request is over. Returns at once.

        Args:
            usage: what it cost. Of an answer that broke off nobody may know, and then the estimate stands.
            is_free: nothing was answered, or nothing new.
        """
        self._settle(admission, 0.0 if is_free else None if usage is None else float(usage.total_input + (usage.output or 0)))

    async def aclose(self) -> None:
        """Give back what is held."""
        await asyncio.gather(*self._work, *(share.slots.aclose() for share in self._shares() if share.slots is not None))

    async def _take(self, share: Share, admission: Admission, exchange: Exchange) -> None:
        """Take what one share has to give. A slot first: it can be given back without a trace."""
        if share.slots is not None and share.concurrency is not None:
            try:
                slot = await share.slots.take()
            except StoreError:
                pass
            else:
                if slot is None:
                    raise _refusal(share, Measure.CONCURRENCY, share.concurrency, _RETRY_SOON, admission.rates)
                admission.slots.append((share.slots, slot))
        for budget in share.budgets:
            units = 1.0 if budget.measure is Measure.REQUESTS else _reservation(budget.bucket, exchange)
            try:
                spent = await self._store.spend(budget.bucket, units)
            except StoreError:
                continue
            left = allowance(budget.per_minute, spent.left, budget.bucket.rate)
            rates = tighter(admission.rates, {budget.measure: left})
            if not spent.granted:
                raise _refusal(share, budget.measure, budget.per_minute, spent.wait, rates)
            admission.rates = rates
            if budget.measure is Measure.REQUESTS:
                admission.requests.append(budget.bucket)
            else:
                admission.tokens.append((budget.bucket, units))

    def _settle(self, admission: Admission, tokens: float | None) -> None:
        for slots, slot in admission.slots:
            slots.give_back(slot)
        for bucket, reserved in admission.tokens:
            if tokens is not None and tokens != reserved:
                self._begin(self._correct(bucket, tokens - reserved))

    async def _correct(self, bucket: Bucket, units: float) -> None:
        with contextlib.suppress(StoreError):  # the bucket will be full again in a minute anyway
            await self._store.spend(bucket, units, in_debt=True)

    def _shares(self) -> Iterator[Share]:
        for share in (self._overall, self._others, *self._clients.values()):
            if share is not None:
                yield share

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        task.add_done_callback(self._work.discard)


def _refusal(share: Share, measure: Measure, limit: float, wait: float, rates: Rates) -> UpstreamError:
    seconds = max(1, math.ceil(wait))
    what = "requests at once" if measure is Measure.CONCURRENCY else f"{measure} per minute"
    # Agents read the time from the words, in these words, where they do not from the header (Codex).
    message = f"Rate limit reached for {share.whose}: {limit:g} {what}. Please try again in {seconds}s."
    return UpstreamError(APIError(ErrorKind.RATE_LIMIT, message, retry_after=str(seconds), measure=measure, rates=rates))


def _reservation(bucket: Bucket, exchange: Exchange) -> float:
    """What the input will cost, as far as its bytes tell, but half a bucket at most: among many small requests a bucket is never full, and
    large ones must find their turn. The rest is settled like the output."""
    return min(float(estimate_body(exchange.call.body)), bucket.size / 2)


def _in_place_of(general: LimitSettings, own: LimitSettings) -> LimitSettings:
    """Each limit that the client has of its own, and the general one where it has none."""
    names = [field.name for field in attrs.fields(LimitSettings)]
    return LimitSettings(**{name: getattr(general if getattr(own, name) is None else own, name) for name in names})
