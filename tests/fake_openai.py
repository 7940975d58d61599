"""An OpenAI-compatible API on loopback that answers by looking at what it is asked, and refuses what the vendor's own would refuse.

async with FakeOpenAI(lambda body: Reply("hello")) as api:
    ...  # a client that is pointed at api.url
    assert api.bodies[-1]["messages"] == ...
"""

import asyncio
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from attrs import Factory, frozen

Body = dict[str, Any]

_KNOWN = frozenset(
    {
        "model", "messages", "stream", "stream_options", "tools", "tool_choice", "parallel_tool_calls", "max_tokens",
        "max_completion_tokens", "temperature", "top_p", "stop", "n", "seed", "response_format", "reasoning_effort", "verbosity", "user",
        "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "metadata", "store", "service_tier", "frequency_penalty",
        "presence_penalty", "logprobs", "top_logprobs", "logit_bias", "modalities", "audio", "prediction", "web_search_options",
        "functions", "function_call",
    }
)  # fmt: skip
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@frozen
class Call:
    """A tool the model wants to be run."""

    name: str
    arguments: Mapping[str, Any]


@frozen
class Reply:
    """One answer: words, calls, or both."""

    text: str = ""
    calls: Sequence[Call] = ()
    usage: Mapping[str, Any] = Factory(lambda: {"prompt_tokens": 20, "completion_tokens": 7, "total_tokens": 27})
    finish: str | None = None
    """Default: as the calls have it."""
    hold: asyncio.Event | None = None
    """Before the second delta of a stream, or before a whole answer, wait for this."""
    thoughts: str = ""
    """What was thought before, where compatible servers tell it."""
    busy: int | None = None
    """Refuse for now, and name these seconds."""


def tool_names(body: Body) -> set[str]:
    """Of the functions the client offers."""
    return {tool["function"]["name"] for tool in body.get("tools", ())}


def words(body: Body, role: str) -> list[str]:
    """The text of every message of a role."""
    return [_text(message.get("content")) for message in body["messages"] if message["role"] == role]


def _text(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content or ())


class FakeOpenAI:
    """The server. Listens while the context is open."""

    def __init__(self, answer: Callable[[Body], Reply]) -> None:
        self.bodies: list[Body] = []
        self.headers: list[Mapping[str, str]] = []
        self.refusals: list[str] = []
        """What it had to refuse; empty if all requests were in order."""
        self.gone = asyncio.Event()
        """A client has left before its answer was complete."""
        self._answer = answer
        self._port = 0

    @property
    def url(self) -> str:
        """Where the vendor's SDK is to be pointed."""
        return f"http://127.0.0.1:{self._port}/v1"

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=64 * 1024 * 1024)
        application.router.add_post("/v1/chat/completions", self._completions)
        application.router.add_get("/v1/models", self._models)
        self._runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        await self._runner.cleanup()

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [{"id": "fake-1", "object": "model", "created": 1, "owned_by": "fake"}]})

    async def _completions(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.bodies.append(body)
        self.headers.append(dict(request.headers))
        problem = next(_problems(body), None)
        if problem is not None:
            self.refusals.append(problem)
            error = {"message": problem, "type": "invalid_request_error", "param": None, "code": None}
            return web.json_response({"error": error}, status=400)
        reply = self._answer(body)
        if reply.busy is not None:
            return too_busy(reply.busy)
        try:
            if body.get("stream"):
                return await self._stream(request, body, reply)
            if reply.hold is not None:
                await reply.hold.wait()
        except (asyncio.CancelledError, ConnectionResetError):
            self.gone.set()
            raise
        return self._whole(body, reply)

    def _whole(self, body: Body, reply: Reply) -> web.Response:
        message: Body = {"role": "assistant", "content": reply.text or None, "refusal": None}
        if reply.thoughts:
            message["reasoning_content"] = reply.thoughts
        if reply.calls:
            message["tool_calls"] = [_call(number, call) for number, call in enumerate(reply.calls)]
        choice = {"index": 0, "message": message, "finish_reason": _finish(reply), "logprobs": None}
        return web.json_response({**self._head(body), "object": "chat.completion", "choices": [choice], "usage": dict(reply.usage)})

    async def _stream(self, request: web.Request, body: Body, reply: Reply) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        head = {**self._head(body), "object": "chat.completion.chunk"}
        for number, (delta, finish) in enumerate(_deltas(reply)):
            if number == 2 and reply.hold is not None:
                await reply.hold.wait()
            chunk = {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
            await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        if (body.get("stream_options") or {}).get("include_usage"):
            await response.write(b"data: " + json.dumps({**head, "choices": [], "usage": dict(reply.usage)}).encode() + b"\n\n")
        await response.write(b"data: [DONE]\n\n")
        return response

    def _head(self, body: Body) -> Body:
        return {"id": f"chatcmpl-{len(self.bodies)}", "created": 1_700_000_000, "model": body["model"]}


def too_busy(seconds: int) -> web.Response:
    """The vendor's answer to too many requests."""
    error = {"message": "Rate limit reached.", "type": "requests", "param": None, "code": "rate_limit_exceeded"}
    return web.json_response({"error": error}, status=429, headers={"retry-after": str(seconds)})


def _call(number: int, call: Call) -> Body:
    return {"id": f"call_{number}", "type": "function", "function": {"name": call.name, "arguments": json.dumps(call.arguments)}}


def _finish(reply: Reply) -> str:
    return reply.finish or ("tool_calls" if reply.calls else "stop")


def _deltas(reply: Reply) -> Iterator[tuple[Body, str | None]]:
    yield {"role": "assistant", "content": "" if reply.text else None}, None
    if reply.thoughts:
        yield {"reasoning_content": reply.thoughts}, None
    for start in range(0, len(reply.text), 7):
        yield {"content": reply.text[start : start + 7]}, None
    for number, call in enumerate(reply.calls):
        whole = _call(number, call)
        arguments = whole["function"]["arguments"]
        whole["function"]["arguments"] = ""
        yield {"tool_calls": [{"index": number, **whole}]}, None
        for start in range(0, len(arguments), 11):
            yield {"tool_calls": [{"index": number, "function": {"arguments": arguments[start : start + 11]}}]}, None
    yield {}, _finish(reply)


def _problems(body: Body) -> Iterator[str]:
    """What the vendor answers 400 to."""
    for name in body.keys() - _KNOWN:
        yield f"Unrecognized request argument supplied: {name}"
    if body.get("tools") == []:
        yield "[] is too short - 'tools'"
    for name in tool_names(body):
        if not _NAME.fullmatch(name):
            yield f"Invalid 'tools[].function.name': {name}"
    open_calls: set[str] = set()
    for number, message in enumerate(body["messages"]):
        if message["role"] == "tool":
            if message["tool_call_id"] not in open_calls:
                yield f"messages[{number}]: role 'tool' must be a response to a preceding message with 'tool_calls'"
            open_calls.discard(message["tool_call_id"])
        elif open_calls:
            yield f"messages[{number}]: no response to tool_call_ids {sorted(open_calls)}"
        open_calls |= {call["id"] for call in message.get("tool_calls") or ()}
