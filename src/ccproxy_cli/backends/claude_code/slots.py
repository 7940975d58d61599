"""How many processes may run at once, and how many requests may wait for one."""

import asyncio

from ccproxy_cli.core.errors import APIError, ErrorKind, UpstreamError


class Slots:
    """First come, first served; what does not fit is refused at once, so that nobody waits for nothing."""

    def __init__(self, running: int, waiting: int, patience: float) -> None:
        self._free = asyncio.Semaphore(running)
        self._waiting = 0
        self._most_waiting = waiting
        self._patience = patience

    async def take(self) -> None:
        """Wait for a slot, for at most `patience` seconds.

        Raises:
            UpstreamError: overloaded.
        """
        if self._waiting >= self._most_waiting:
            raise _overloaded(f"{self._waiting} requests already wait for a Claude Code process")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._patience):
                await self._free.acquire()
        except TimeoutError as error:
            raise _overloaded(f"no Claude Code process became free within {self._patience:g} seconds") from error
        finally:
            self._waiting -= 1

    def give_back(self) -> None:
        """Free a slot."""
        self._free.release()


def _overloaded(message: str) -> UpstreamError:
    return UpstreamError(APIError(ErrorKind.OVERLOADED, message, retry_after="5", should_retry=True))
