"""Notices that the client has hung up, and ends the work that was done for it."""

import asyncio

from ccproxy_cli.server.asgi import Receive


class Hangup:
    """Cancels the task it was made in when the client leaves. Make it once the request's body has been read."""

    def __init__(self, receive: Receive) -> None:
        self.gone = False
        """The client left, and the task was cancelled for it."""
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._watcher = asyncio.get_running_loop().create_task(self._watch(receive))

    def stop(self) -> None:
        """Watch no longer: the answer is about to be complete."""
        self._watcher.cancel()

    async def _watch(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        self._task.cancel()
