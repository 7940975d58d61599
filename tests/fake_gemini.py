"""A Gemini API on loopback: answers by looking at what it is asked, and refuses what the vendor's own types or rules forbid.

async with FakeGemini(lambda body: Reply("hello")) as api:
    ...  # a client that is pointed at api.url
    assert api.bodies[-1]["contents"] == ...
"""

import base64
import itertools
import json
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from tests.fake_openai import Body, Reply
from tests.vendor_rules import broken_rules
from tests.vendor_types import misfit

SIGNATURE = base64.b64encode(b"signed by the gemini api").decode()
"""What it signs its thoughts with."""
USAGE = {"promptTokenCount": 20, "cachedContentTokenCount": 4, "candidatesTokenCount": 7, "totalTokenCount": 27}


class FakeGemini:
    """The server. Listens while the context is open.

    Args:
        is_lenient: takes what its published types do not know. The vendor's own Gemini CLI says such things (0.61, seen 2026-11-20).
    """

    def __init__(self, answer: Callable[[Body], Reply], *, is_lenient: bool = False) -> None:
        self._is_lenient = is_lenient
        self.bodies: list[Body] = []
        self.refusals: list[str] = []
        """What it had to refuse; empty if all requests were in order."""
        self._answer = answer
        self._port = 0

    @property
    def url(self) -> str:
        """Where a provider is to be pointed."""
        return f"http://127.0.0.1:{self._port}/v1beta"

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=64 * 1024 * 1024)
        application.router.add_post("/v1beta/models/{call}", self._generate)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        await self._runner.cleanup()

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        model, _, verb = request.match_info["call"].partition(":")
        body = await request.json()
        self.bodies.append(body)
        if not self._is_lenient and (problem := next(_problems(body), None)):
            self.refusals.append(problem)
            return web.json_response({"error": {"code": 400, "message": problem, "status": "INVALID_ARGUMENT"}}, status=400)
        reply = self._answer(body)
        if reply.busy is not None:
            return _too_busy(reply.busy)
        head = {"modelVersion": model, "responseId": f"answer-{len(self.bodies)}"}
        thinking = (body.get("generationConfig") or {}).get("thinkingConfig") or {}
        parts = list(_parts(reply, bool(thinking.get("includeThoughts") or thinking.get("include_thoughts"))))  # its SDK spells both ways
        finish = "MAX_TOKENS" if reply.finish == "length" else "STOP"
        if verb == "generateContent":
            candidate = {"content": {"parts": parts, "role": "model"}, "finishReason": finish, "index": 0}
            return web.json_response({"candidates": [candidate], "usageMetadata": USAGE, **head})
        assert (verb, request.query["alt"]) == ("streamGenerateContent", "sse")
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for part, last in _pieces(parts):
            candidate = {"content": {"parts": [part], "role": "model"}, "index": 0, **({"finishReason": finish} if last else {})}
            chunk = {"candidates": [candidate], "usageMetadata": USAGE, **head}
            await response.write(b"data: " + json.dumps(chunk).encode() + b"\r\n\r\n")
        return response


def _parts(reply: Reply, shown: bool) -> Iterator[Body]:
    signature = {"thoughtSignature": SIGNATURE} if reply.thoughts else {}
    if reply.thoughts and shown:
        yield {"text": reply.thoughts, "thought": True}
    if reply.text:
        yield {"text": reply.text, **({} if reply.calls else signature)}
    for number, call in enumerate(reply.calls):  # without ids, as most recorded calls are; only the first one is signed
        yield {"functionCall": {"name": call.name, "args": dict(call.arguments)}, **({} if number else signature)}


def _pieces(parts: list[Body]) -> Iterator[tuple[Body, bool]]:
    """Words in pieces, calls whole, and whether it is the last."""
    pieces: list[Body] = []
    for part in parts:
        words, plain = part.get("text", ""), {name: value for name, value in part.items() if name != "thoughtSignature"}
        pieces += [{**plain, "text": words[start : start + 7]} for start in range(0, len(words), 7)]
        if "functionCall" in part:
            pieces.append(part)
        elif "thoughtSignature" in part:
            pieces.append({"text": "", "thoughtSignature": part["thoughtSignature"]})
    for number, piece in enumerate(pieces):
        yield piece, number == len(pieces) - 1


def _too_busy(seconds: int) -> web.Response:
    delay = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{seconds}s"}
    error = {"code": 429, "message": "You exceeded your current quota.", "status": "RESOURCE_EXHAUSTED", "details": [delay]}
    return web.json_response({"error": error}, status=429)


def _problems(body: Any) -> Iterator[str]:
    return itertools.chain(filter(None, [misfit("gemini", body)]), broken_rules("gemini", body))
