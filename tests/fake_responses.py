"""An OpenAI Responses API on loopback: answers by looking at what it is asked, and refuses what the vendor's own types do not know or its
rules forbid. Keeps nothing between requests.

async with FakeResponses(lambda body: Reply("hello")) as api:
    ...  # a client that is pointed at api.url
    assert api.bodies[-1]["input"] == ...
"""

import itertools
import json
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Self

from aiohttp import web

from tests.fake_openai import Body, Reply, too_busy
from tests.vendor_rules import broken_rules
from tests.vendor_types import misfit

SEALED = "gAAAAABsealed-by-the-responses-api=="
"""What it seals its thoughts as, for clients that ask for it."""
USAGE = {
    "input_tokens": 20,
    "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 27,
}


class FakeResponses:
    """The server. Listens while the context is open.

    Args:
        is_lenient: takes what its published types do not know. The vendor's own Codex says such things (0.169, seen 2026-11-20).
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
        """Where the vendor's SDK is to be pointed."""
        return f"http://127.0.0.1:{self._port}/v1"

    async def __aenter__(self) -> Self:
        application = web.Application(client_max_size=64 * 1024 * 1024)
        application.router.add_post("/v1/responses", self._responses)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        await self._runner.cleanup()

    async def _responses(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.bodies.append(body)
        if not self._is_lenient and (problem := next(_problems(body), None)):
            self.refusals.append(problem)
            error = {"message": problem, "type": "invalid_request_error", "param": None, "code": None}
            return web.json_response({"error": error}, status=400)
        reply = self._answer(body)
        if reply.busy is not None:
            return too_busy(reply.busy)
        whole = self._whole(body, reply)
        if not body.get("stream"):
            return web.json_response(whole)
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for number, event in enumerate(_events(whole)):
            data = json.dumps({**event, "sequence_number": number})
            await response.write(f"event: {event['type']}\ndata: {data}\n\n".encode())
        return response

    def _whole(self, body: Body, reply: Reply) -> Body:
        number = len(self.bodies)
        cut = reply.finish == "length"
        return {
            "id": f"resp_{number:048}",
            "object": "response",
            "created_at": 1_700_000_000,
            "model": body["model"],
            "status": "incomplete" if cut else "completed",
            "error": None,
            "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
            "output": list(_items(body, reply, number)),
            "parallel_tool_calls": body.get("parallel_tool_calls", True),
            "tool_choice": body.get("tool_choice", "auto"),
            "tools": body.get("tools", []),
            "usage": USAGE,
        }


def _items(body: Body, reply: Reply, number: int) -> Iterator[Body]:
    if reply.thoughts:
        reasoning: Body = {"id": f"rs_{number:048}", "type": "reasoning", "summary": []}
        if (body.get("reasoning") or {}).get("summary"):
            reasoning["summary"] = [{"type": "summary_text", "text": reply.thoughts}]
        if "reasoning.encrypted_content" in (body.get("include") or ()):
            reasoning["encrypted_content"] = SEALED
        yield reasoning
    if reply.text:
        part = {"type": "output_text", "text": reply.text, "annotations": [], "logprobs": []}
        yield {"id": f"msg_{number:048}", "type": "message", "role": "assistant", "status": "completed", "content": [part]}
    for index, call in enumerate(reply.calls):
        named = {"call_id": f"call_{number}_{index}", "name": call.name, "arguments": json.dumps(call.arguments)}
        yield {"id": f"fc_{number:024}{index:024}", "type": "function_call", "status": "completed", **named}


def _events(whole: Body) -> Iterator[Body]:
    begun = {**whole, "status": "in_progress", "output": [], "usage": None, "incomplete_details": None}
    yield {"type": "response.created", "response": begun}
    yield {"type": "response.in_progress", "response": begun}
    for index, item in enumerate(whole["output"]):
        where = {"output_index": index, "item_id": item["id"]}
        hollow = {"content": [], "summary": [], "arguments": "", "status": "in_progress"}
        opened = {name: hollow.get(name, value) for name, value in item.items() if name != "encrypted_content"}
        yield {"type": "response.output_item.added", "output_index": index, "item": opened}
        match item["type"]:
            case "reasoning":
                yield from _summaries(item["summary"], where)
            case "message":
                yield from _words(item["content"][0], where)
            case _:
                yield from _pieces("function_call_arguments", item["arguments"], where)
                yield {"type": "response.function_call_arguments.done", **where, "name": item["name"], "arguments": item["arguments"]}
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    yield {"type": f"response.{whole['status']}", "response": whole}


def _words(part: Body, where: Body) -> Iterator[Body]:
    place = {**where, "content_index": 0}
    yield {"type": "response.content_part.added", **place, "part": {**part, "text": ""}}
    yield from _pieces("output_text", part["text"], {**place, "logprobs": []})
    yield {"type": "response.output_text.done", **place, "text": part["text"], "logprobs": []}
    yield {"type": "response.content_part.done", **place, "part": part}


def _summaries(summaries: list[Body], where: Body) -> Iterator[Body]:
    for number, summary in enumerate(summaries):
        place = {**where, "summary_index": number}
        yield {"type": "response.reasoning_summary_part.added", **place, "part": {**summary, "text": ""}}
        yield from _pieces("reasoning_summary_text", summary["text"], place)
        yield {"type": "response.reasoning_summary_text.done", **place, "text": summary["text"]}
        yield {"type": "response.reasoning_summary_part.done", **place, "part": summary}


def _pieces(kind: str, words: str, place: Body) -> Iterator[Body]:
    for start in range(0, len(words), 7):
        yield {"type": f"response.{kind}.delta", **place, "delta": words[start : start + 7]}


def _problems(body: Body) -> Iterator[str]:
    # The type of sealed reasoning demands the id that it had, which the API can do without: a client that stores nothing may not know it.
    items = [{"id": "", **item} if item.get("type") == "reasoning" else item for item in body["input"]]
    asked = {**body, "input": items}
    asked.pop("stream", None)
    rules = (
        why for why in broken_rules("openai-responses", asked) if not why.startswith("input: foreign id")
    )  # its clients send them back
    return itertools.chain(filter(None, [misfit("openai-responses", asked)]), rules)
