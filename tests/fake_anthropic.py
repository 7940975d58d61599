"""An Anthropic API on loopback that says what it is told to and remembers what it was asked.

    async with FakeAnthropic() as api:
        api.will_say(text("hello"))
        ...                          # a client that is pointed at api.url
        assert api.bodies[-1]["messages"] == ...

Without a script it answers every request with "hello".
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from attrs import Factory, frozen

Block = dict[str, Any]

USAGE = {"input_tokens": 11, "cache_creation_input_tokens": 2, "cache_read_input_tokens": 3, "output_tokens": 1}


def text(words: str) -> Block:
    return {"type": "text", "text": words}


def thinking(words: str, signature: str = "c2lnbmVk") -> Block:
    return {"type": "thinking", "thinking": words, "signature": signature}


def tool_use(name: str, arguments: Mapping[str, Any], call_id: str = "toolu_1") -> Block:
    return {"type": "tool_use", "id": call_id, "name": name, "input": dict(arguments)}


@frozen
class Reply:
    """One scripted answer."""

    blocks: Sequence[Block] = ()
    stop_reason: str = "end_turn"
    stop_sequence: str | None = None
    usage: Mapping[str, Any] = Factory(dict)
    """Over `USAGE`, in the last event."""
    status: int = 200
    error: Mapping[str, Any] | None = None
    """An error object: the whole body if the status is not 200, else an event after the blocks."""
    headers: Mapping[str, str] = Factory(dict)
    stall: bool = False
    """After the blocks, say nothing more and keep the connection open."""
    cut: bool = False
    """After the blocks, reset the connection."""
    before: float = 0.0
    """Seconds to wait before the first byte."""
    pause: float = 0.0
    """Seconds to wait after the blocks."""
    hold: asyncio.Event | None = None
    """Before the second delta of a stream, or before a whole answer, wait for this."""


def failure(status: int, kind: str, message: str, **headers: str) -> Reply:
    return Reply(status=status, error={"type": kind, "message": message}, headers={k.replace("_", "-"): v for k, v in headers.items()})


class FakeAnthropic:
    """The server. Listens while the context is open.

    Args:
        answer: decides on the answer by the request's body; without it there is the script.
    """

    def __init__(self, answer: Callable[[dict[str, Any]], Reply] | None = None) -> None:
        self.bodies: list[dict[str, Any]] = []
        """Of the requests to /v1/messages, parsed."""
        self.headers: list[Mapping[str, str]] = []
        self.calls: list[tuple[str, str]] = []
        """Method and path of every request."""
        self.gone = asyncio.Event()
        """A client has left before its answer was complete."""
        self._answer = answer
        self._script: deque[Reply] = deque()
        self._stop = asyncio.Event()
        self._port = 0

    @property
    def url(self) -> str:
        """Where the vendor's SDK is to be pointed."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def environment(self) -> dict[str, str]:
        """For programs that read the vendor's variables."""
        return {"ANTHROPIC_BASE_URL": self.url, "ANTHROPIC_API_KEY": "sk-ant-fake-key"}

    def will_say(self, *blocks: Block, **more: Any) -> None:
        """Queue one answer."""
        stop = "tool_use" if any(block["type"] == "tool_use" for block in blocks) else "end_turn"
        self._script.append(Reply(blocks, **{"stop_reason": stop, **more}))

    def will_reply(self, reply: Reply) -> None:
        """Queue one answer that is made already."""
        self._script.append(reply)

    def will_fail(self, status: int, kind: str, message: str, *, times: int = 1, **headers: str) -> None:
        """Queue refusals."""
        self._script.extend([failure(status, kind, message, **headers)] * times)

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=256 * 1024 * 1024)
        application.router.add_post("/v1/messages", self._messages)
        application.router.add_post("/v1/messages/count_tokens", self._count)
        application.router.add_route("*", "/{rest:.*}", self._other)
        self._runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._stop.set()
        await self._runner.cleanup()

    async def _other(self, request: web.Request) -> web.Response:
        self.calls.append((request.method, request.path))
        return web.json_response({})

    async def _count(self, request: web.Request) -> web.Response:
        self.calls.append((request.method, request.path))
        return web.json_response({"input_tokens": 77})

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.calls.append((request.method, request.path))
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        reply = self._answer(body) if self._answer else self._script.popleft() if self._script else Reply([text("hello")])
        try:
            await asyncio.sleep(reply.before)
            if reply.status != 200:
                error = {"type": "error", "error": reply.error, "request_id": "req_fake"}
                return web.json_response(error, status=reply.status, headers=dict(reply.headers))
            if not body.get("stream"):
                if reply.hold is not None:
                    await reply.hold.wait()
                return web.json_response(self._message(body, reply), headers=dict(reply.headers))
            return await self._stream(request, body, reply)
        except (asyncio.CancelledError, ConnectionResetError):
            self.gone.set()
            raise

    def _message(self, body: dict[str, Any], reply: Reply) -> dict[str, Any]:
        usage = {**USAGE, "output_tokens": 5, **reply.usage}
        stop = {"stop_reason": reply.stop_reason, "stop_sequence": reply.stop_sequence}
        number = len(self.bodies)
        head = {"id": f"msg_fake_{number}", "type": "message", "role": "assistant", "model": body["model"]}
        return {**head, "content": list(reply.blocks), **stop, "usage": usage}

    async def _stream(self, request: web.Request, body: dict[str, Any], reply: Reply) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream", **reply.headers})
        await response.prepare(request)

        async def send(kind: str, **members: Any) -> None:
            await response.write(f"event: {kind}\ndata: {json.dumps({'type': kind, **members})}\n\n".encode())

        message = {**self._message(body, reply), "content": [], "stop_reason": None, "stop_sequence": None, "usage": USAGE}
        await send("message_start", message=message)
        for index, block in enumerate(reply.blocks):
            start, deltas = _steps(block)
            await send("content_block_start", index=index, content_block=start)
            for delta in deltas:
                await send("content_block_delta", index=index, delta=delta)
                if reply.hold is not None:
                    await reply.hold.wait()
            if not (reply.stall or reply.cut) or index < len(reply.blocks) - 1:
                await send("content_block_stop", index=index)
        await asyncio.sleep(reply.pause)
        if reply.stall:
            await self._stop.wait()
        if reply.cut:
            await asyncio.sleep(0.2)  # a reset also throws away what the other side has not read yet
            assert request.transport is not None
            request.transport.abort()
            return response
        if reply.error is not None:
            await send("error", error=reply.error)
            return response
        delta = {"stop_reason": reply.stop_reason, "stop_sequence": reply.stop_sequence}
        await send("message_delta", delta=delta, usage={"output_tokens": 5, **reply.usage})
        await send("message_stop")
        return response


def _steps(block: Block) -> tuple[Block, list[Block]]:
    """A block as the API streams it: its empty start, and what fills it."""
    match block:
        case {"type": "text", "text": words}:
            size = max(5, len(words) // 50)
            pieces = [words[at : at + size] for at in range(0, len(words), size)]
            return {"type": "text", "text": ""}, [{"type": "text_delta", "text": piece} for piece in pieces]
        case {"type": "thinking", "thinking": words, "signature": signature}:
            deltas = [{"type": "thinking_delta", "thinking": words}, {"type": "signature_delta", "signature": signature}]
            return {"type": "thinking", "thinking": "", "signature": ""}, deltas
        case {"type": "tool_use", "input": arguments}:
            written = json.dumps(arguments)
            pieces = [written[:3], written[3:]]
            return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]
        case _:
            return block, []
