"""The least a relay in Python can do: uvicorn, aiohttp, and the bytes from one to the other. What the server is measured against.

python benchmarks/bare_relay.py PORT UPSTREAM_URL
"""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

import aiohttp
import uvicorn

Message = MutableMapping[str, Any]
HEADERS = {"content-type": "application/json", "authorization": "Bearer sk-measured"}


class Relay:
    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]) -> None:
        if scope["method"] == "GET":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"ok"})
            return
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        if self._session is None:
            self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=False)
        async with self._session.post(self._upstream + scope["path"], data=body, headers=HEADERS) as reply:
            kind = reply.headers["content-type"].encode()
            await send({"type": "http.response.start", "status": reply.status, "headers": [(b"content-type", kind)]})
            async for piece in _pieces(reply):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})


async def _pieces(reply: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    async for piece in reply.content.iter_any():
        yield piece


if __name__ == "__main__":
    uvicorn.run(Relay(sys.argv[2]), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False, lifespan="off")
