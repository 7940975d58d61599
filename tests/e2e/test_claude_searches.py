"""Claude Code's own web search, which asks its vendor's hosted tool in a request of its own, with other vendors behind it."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from ccproxy_cli.backends.claude_code.cli import find_cli
from tests.e2e.conftest import WRAP, Machine

Body = dict[str, Any]
ADDRESS = "https://example.com/bonn"
SAID = "It is sunny in Bonn."


@asynccontextmanager
async def upstream(path: str, answer: Callable[[Body], list[Body]], bodies: list[Body]) -> AsyncIterator[str]:
    """An API that streams: where it listens."""

    async def serve(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        bodies.append(body)
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for event in answer(body):
            await response.write(b"data: %b\n\n" % json.dumps(event).encode())
        return response

    application = web.Application(client_max_size=64 * 1024 * 1024)
    application.router.add_post(path, serve)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def responses(body: Body) -> list[Body]:
    """Calls the client's search tool, searches when it is asked to, and then says what the client's tool told it."""
    kinds = [tool["type"] for tool in body.get("tools", ())]
    results = [item["output"] for item in body["input"] if item.get("type") == "function_call_output"]
    if kinds == ["web_search"]:
        mark = f"([example.com]({ADDRESS}))"
        cited = {
            "type": "url_citation",
            "start_index": len(SAID) + 1,
            "end_index": len(SAID) + 1 + len(mark),
            "url": ADDRESS,
            "title": "Bonn",
        }
        part = {"type": "output_text", "text": f"{SAID} {mark}", "annotations": [cited], "logprobs": []}
        items: list[Body] = [
            {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "weather in Bonn"}},
            {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]},
        ]
    elif results:
        part = {
            "type": "output_text",
            "text": f"I heard: {SAID in results[0] and ADDRESS in results[0]}.",
            "annotations": [],
            "logprobs": [],
        }
        items = [{"type": "message", "id": "msg_2", "role": "assistant", "status": "completed", "content": [part]}]
    else:
        call = {"name": "WebSearch", "arguments": '{"query":"weather in Bonn"}', "call_id": "call_1"}
        items = [{"type": "function_call", "id": "fc_1", "status": "completed", **call}]
    usage = {"input_tokens": 9, "output_tokens": 9, "total_tokens": 18}
    whole = {"id": "resp_1", "object": "response", "created_at": 1, "model": body["model"], "status": "completed", "usage": usage}
    told = [
        {"type": f"response.output_item.{step}", "output_index": at, "item": item}
        for at, item in enumerate(items)
        for step in ("added", "done")
    ]
    return [
        {"type": "response.created", "response": {**whole, "status": "in_progress", "output": []}},
        *told,
        {"type": "response.completed", "response": {**whole, "output": items}},
    ]


def gemini(body: Body) -> list[Body]:
    """The same."""
    kinds = [name for tool in body.get("tools", ()) for name in tool]
    parts = [part for content in body["contents"] for part in content["parts"]]
    results = [json.dumps(part["functionResponse"]["response"]) for part in parts if "functionResponse" in part]
    beside: Body = {}
    if kinds == ["googleSearch"]:
        said: Body = {"text": SAID}
        beside["groundingMetadata"] = {
            "webSearchQueries": ["weather in Bonn"],
            "groundingChunks": [{"web": {"uri": ADDRESS, "title": "Bonn"}}],
            "groundingSupports": [{"segment": {"endIndex": len(SAID), "text": SAID}, "groundingChunkIndices": [0]}],
        }
    elif results:
        said = {"text": f"I heard: {SAID in results[0] and ADDRESS in results[0]}."}
    else:
        said = {"functionCall": {"name": "WebSearch", "args": {"query": "weather in Bonn"}}}
    candidate = {"content": {"role": "model", "parts": [said]}, "finishReason": "STOP", "index": 0, **beside}
    return [{"candidates": [candidate], "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 9}, "responseId": "r"}]


@pytest.mark.real_cli
@pytest.mark.parametrize(
    ("preset", "path", "answer", "model"),
    [
        ("openai-responses", "/responses", responses, "gpt-4.1"),
        ("gemini", "/models/{model}:streamGenerateContent", gemini, "gemini-3.5-flash"),
    ],
)
async def test_claude_code_searches_with_another_vendors_search(
    machine: Machine, preset: str, path: str, answer: Callable[[Body], list[Body]], model: str
) -> None:
    cli, bodies = find_cli(), list[Body]()
    assert cli
    async with upstream(path, answer, bodies) as url:
        machine.configure("up", preset=preset, base_url=url, api_key="env:UP_KEY")
        ended = await machine.run(
            *WRAP, "--model", f"up/{model}", "--",
            cli.path, "-p", "What is the weather in Bonn? Search the web.", "--allowedTools", "WebSearch",
            environment={"UP_KEY": "k"},
        )  # fmt: skip
    assert "I heard: True." in ended.out, (ended, bodies[1:])
    assert ended.code == 0
