"""How many requests may be served at once, and how many may wait for that."""

import asyncio
import contextlib
from collections import deque

from ccproxy_cli.backends.pace import Pace
from ccproxy_cli.core.errors import APIError, ErrorKind, UpstreamError


class Slots:
    """First come, first served; what does not fit is refused at once, so that nobody waits for nothing.

    Args:
        what: what a slot stands for, in the words of the refusal.
        patience: seconds that a request may wait.
        pace: knows when those that are refused may come again.
    """

    def __init__(self, what: str, most: int, most_waiting: int, patience: float, pace: Pace | None = None) -> None:
        self._what = what
        self._most = most
        self._free = most
        self._pace = Pace() if pace is None else pace
        self._queue: deque[asyncio.Future[None]] = deque()
        self._most_waiting = most_waiting
        self._patience = patience

    @property
    def all_taken(self) -> bool:
        """Whoever wants one now has to wait."""
        return not self._free

    def try_take(self) -> bool:
        """Take a slot if one is free. There is none while somebody waits."""
        if not self._free:
            return False
        self._free -= 1
        return True

    async def take(self) -> None:
        """Wait for a slot, for at most `patience` seconds.

        Raises:
            UpstreamError: overloaded.
        """
        if self.try_take():
            return
        if len(self._queue) >= self._most_waiting:
            raise self._overloaded(f"{len(self._queue)} requests already wait for a {self._what}")
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            async with asyncio.timeout(self._patience):
                await turn
        except BaseException as error:
            self._leave(turn)
            if isinstance(error, TimeoutError):
                raise self._overloaded(f"no {self._what} became free within {self._patience:g} seconds") from error
            raise

    def give_back(self) -> None:
        """Free a slot, which goes to who has waited longest."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _leave(self, turn: "asyncio.Future[None]") -> None:
        if turn.done() and not turn.cancelled():  # its turn came in the very moment it gave up
            self.give_back()
        with contextlib.suppress(ValueError):
            self._queue.remove(turn)

    def _overloaded(self, message: str) -> UpstreamError:
        wait = str(self._pace.wait(len(self._queue), self._most))
        return UpstreamError(APIError(ErrorKind.OVERLOADED, message, retry_after=wait, should_retry=True))
