"""Estimates of tokens, scaled by what answers of the same model were billed."""

import math
import time
from collections.abc import Callable, Mapping
from typing import Protocol

from attrs import evolve

from ccproxy_cli.backends.base import Backend, EstimatingBackend
from ccproxy_cli.core.catalog import TokenCount
from ccproxy_cli.core.estimate import Scale
from ccproxy_cli.core.request import Request
from ccproxy_cli.core.response import Usage
from ccproxy_cli.pipeline.recent import Recent

_MOST_MODELS = 1_000
"""Names come from clients."""
_LIFETIME = 7 * 24 * 3600.0
_PAUSE = 1.0
"""Seconds between two answers that are learned from, once a model's scale is settled: an estimate takes the reading of a whole request, and
of many answers at a time each says much the same."""


class Scales(Protocol):
    """Where scales are kept, by `provider/model`."""

    async def scale(self, target: str) -> Scale:
        """What was learned of the target; a new one if nothing was."""

    async def keep(self, target: str, scale: Scale) -> None:
        """Keep what was learned, for a while."""


class RecentScales:
    """The scales of the models of late, in memory."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """See `Recent`."""
        self._recent = Recent[Scale](clock, lambda _: 0, max_entries=_MOST_MODELS, max_bytes=2**20, lifetime=_LIFETIME)

    async def scale(self, target: str) -> Scale:
        return self._recent.get(target) or Scale()

    async def keep(self, target: str, scale: Scale) -> None:
        self._recent.put(target, scale)


class Calibration:
    """Learns from bills how far estimates are off, for backends whose vendors count nothing beforehand."""

    def __init__(self, backends: Mapping[str, Backend], scales: Scales, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` gives seconds that only go forward."""
        self._estimating = {name: backend for name, backend in backends.items() if isinstance(backend, EstimatingBackend)}
        self._scales = scales
        self._clock = clock
        self._next: dict[str, float] = {}
        """When a target whose scale is settled is learned of again."""

    async def scaled(self, target: str, count: TokenCount) -> TokenCount:
        """An estimate for `provider/model` as it will likely be billed. A vendor's own count stays as it is."""
        if not count.estimated:
            return count
        scale = await self._scales.scale(target)
        return evolve(count, input_tokens=max(1, round(count.input_tokens * scale.factor)))

    async def learn(self, target: str, request: Request, usage: Usage) -> None:
        """Compare a request's estimate with what its answer was billed."""
        backend = self._estimating.get(target.partition("/")[0])
        if backend is None or usage.input is None or self._clock() < self._next.get(target, -math.inf):
            return
        estimated = backend.estimate(request)
        if estimated is not None:
            scale = (await self._scales.scale(target)).after(estimated, usage.total_input)
            await self._scales.keep(target, scale)
            if scale.is_settled:
                if len(self._next) >= _MOST_MODELS:
                    self._next.clear()
                self._next[target] = self._clock() + _PAUSE
