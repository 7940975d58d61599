"""The vendor's own SDK, answered by a function instead of the vendor."""

from collections.abc import Callable, Sequence
from typing import Any

import httpx2
from google import genai
from google.genai import types

from ccproxy_cli.core.http import HTTPCall

Answer = tuple[int, str, bytes]
"""Status, content type, body."""


def client_of(answer: Callable[[HTTPCall], Answer]) -> genai.Client:
    """A client whose calls are given to `answer`, with the path below the API's version."""

    def handle(request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.removeprefix("/v1beta")
        status, kind, body = answer(HTTPCall(request.method, path, request.content, query=request.url.query.decode()))
        return httpx2.Response(status, headers={"content-type": kind}, content=body)

    options = types.HttpOptions(
        base_url="http://gemini.invalid",
        api_version="v1beta",
        httpx_client=httpx2.Client(transport=httpx2.MockTransport(handle)),
        retry_options=types.HttpRetryOptions(attempts=1),
    )
    return genai.Client(api_key="k", vertexai=False, http_options=options)


def read_body(body: bytes) -> types.GenerateContentResponse:
    """What the SDK reads from a complete answer."""
    return client_of(lambda _: (200, "application/json", body)).models.generate_content(model="m", contents="x")


def read_stream(data: bytes) -> list[types.GenerateContentResponse]:
    """What the SDK reads from a stream, chunk by chunk."""
    return list(client_of(lambda _: (200, "text/event-stream", data)).models.generate_content_stream(model="m", contents="x"))


def merged(chunks: Sequence[types.GenerateContentResponse]) -> dict[str, Any]:
    """An answer's chunks as one: plain words and plain thoughts joined, everything else part by part, the last word on the rest."""
    parts: list[dict[str, Any]] = []
    joined: dict[str, Any] = {"finish": None, "usage": None}
    for chunk in chunks:
        joined["usage"] = chunk.usage_metadata or joined["usage"]
        joined |= {name: value for name, value in (("id", chunk.response_id), ("model", chunk.model_version)) if value}
        candidate = chunk.candidates[0] if chunk.candidates else None
        if candidate is None:
            continue
        joined["finish"] = candidate.finish_reason or joined["finish"]
        for part in (candidate.content.parts if candidate.content else None) or ():
            _merge(parts, part.model_dump(exclude_none=True))
    return {**joined, "parts": parts}


def _merge(parts: list[dict[str, Any]], part: dict[str, Any]) -> None:
    plain = part.keys() <= {"text", "thought"} and "text" in part
    if plain and not part["text"]:
        return
    if plain and parts and parts[-1].keys() <= {"text", "thought"} and parts[-1].get("thought") == part.get("thought"):
        parts[-1] = {**part, "text": parts[-1]["text"] + part["text"]}
    else:
        parts.append(part)
