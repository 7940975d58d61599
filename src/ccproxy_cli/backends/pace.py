"""How long requests take lately, to tell whoever is turned away when there may be room again."""

import math
import time
from collections.abc import Callable, Hashable

_UNKNOWN = 5.0
"""Seconds that a request is taken to last before any has ended."""
_WEIGHT = 0.25
"""Of the newest request in the running mean."""
_LONGEST = 300.0
"""Seconds; nobody plans further ahead by such a guess."""


class Pace:
    """Watches requests begin and end.

    Args:
        now: seconds on a clock that never goes back.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._mean: float | None = None
        self._running: dict[Hashable, float] = {}

    def begin(self, request: Hashable) -> None:
        """`request` has got what it waited for."""
        self._running[request] = self._now()

    def end(self, request: Hashable) -> None:
        """It needs it no more. Silent about one that never began."""
        began = self._running.pop(request, None)
        if began is not None:
            took = self._now() - began
            self._mean = took if self._mean is None else self._mean + _WEIGHT * (took - self._mean)

    def wait(self, ahead: int, at_once: int) -> int:
        """Whole seconds, at least 1, until a request would be served that came now.

        Args:
            ahead: how many wait already.
            at_once: how many run side by side.
        """
        seconds = (ahead + 1) / at_once * self._typical()
        return max(1, math.ceil(min(seconds, _LONGEST)))

    def _typical(self) -> float:
        """A request's length: what it was lately or, if that is longer, what those that run have taken so far."""
        so_far = [self._now() - began for began in self._running.values()]
        known = _UNKNOWN if self._mean is None else self._mean
        return max(known, sum(so_far) / len(so_far)) if so_far else known
