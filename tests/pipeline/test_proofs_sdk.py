"""The vendors' own SDKs carry our envelopes: what they read off a stream, and hand back, brings every proof home."""

from collections.abc import Callable

import anthropic
import httpx2
import openai
import pytest
from google import genai
from google.genai import types

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.parts import Part, Proof, ProofKind, Reasoning, Text, ToolCall
from ccproxy_cli.core.request import Role
from ccproxy_cli.core.response import Finish, FinishReason, Response, Usage
from ccproxy_cli.core.stream import explode
from ccproxy_cli.pipeline.homing import bring_home
from ccproxy_cli.pipeline.proofs import Outbound
from tests.pipeline.echoes import ASKED, key

ODD = "+/+/" * 3
"""Base64 of which the URL-safe alphabet has another spelling."""
ANSWERS: dict[str, tuple[Part, ...]] = {
    "anthropic": (
        Reasoning("Let me see.", (Proof("anthropic", ODD),)),
        Reasoning("", (Proof("anthropic", "hidden", ProofKind.SEALED),)),
        Text("I read it."),
        ToolCall("toolu_1", "Read", '{"path":"a"}'),
    ),
    "openai-responses": (
        Reasoning("", (Proof("openai-responses", ODD, ProofKind.SEALED),)),
        ToolCall("call_1", "Read", '{"path":"a"}'),
    ),
    "gemini": (
        Reasoning("Let me see."),
        ToolCall("fc_1", "Read", '{"path":"a"}', proofs=(Proof("gemini", ODD),)),
        Text("I read them.", proofs=(Proof("gemini", "bGFzdA=="),)),
        Text("", proofs=(Proof("gemini", "Ymxhbms="),)),
        ToolCall("fc_2", "Read", '{"path":"b"}'),
    ),
}


def answered(issuer: str, client: str) -> bytes:
    """The stream that a client of that format gets."""
    response = Response("resp_1", "m", ANSWERS[issuer], Finish(FinishReason.TOOL_CALLS), Usage(1, 0, 0, 2, 0), created=1)
    outbound, encoder = Outbound(FORMATS[client], key), FORMATS[client].stream_encoder(ASKED)
    return b"".join(encoder.encode(ready) for event in explode(response) for ready in outbound.feed(event))


def upstream(*bodies: bytes) -> tuple[httpx2.Client, list[HTTPCall]]:
    """An HTTP client that is given these streams in turn, and what it was asked."""
    calls: list[HTTPCall] = []
    left = list(bodies)

    def reply(request: httpx2.Request) -> httpx2.Response:
        path = request.url.path.removeprefix("/v1beta")
        calls.append(HTTPCall(request.method, path, request.content, dict(request.headers), request.url.query.decode()))
        return httpx2.Response(200, content=left.pop(0), headers={"content-type": "text/event-stream"})

    return httpx2.Client(transport=httpx2.MockTransport(reply)), calls


def by_anthropic(body: bytes) -> HTTPCall:
    http, calls = upstream(body, body)
    sdk = anthropic.Anthropic(api_key="k", base_url="http://upstream.test", http_client=http, max_retries=0)
    asked = {"role": "user", "content": "hi"}
    with sdk.messages.stream(model="m", max_tokens=99, messages=[asked]) as stream:  # type: ignore[list-item]
        held = stream.get_final_message()
    said = {"role": "assistant", "content": held.content}
    with sdk.messages.stream(model="m", max_tokens=99, messages=[asked, said, asked]) as stream:  # type: ignore[list-item]
        stream.get_final_message()
    return calls[1]


def by_openai(body: bytes) -> HTTPCall:
    http, calls = upstream(body, body)
    sdk = openai.OpenAI(api_key="k", base_url="http://upstream.test/v1", http_client=http, max_retries=0)
    with sdk.responses.stream(model="m", input="hi") as stream:
        held = stream.get_final_response()
    history = [{"role": "user", "content": "hi"}, *(item.to_dict() for item in held.output), {"role": "user", "content": "go on"}]
    with sdk.responses.stream(model="m", input=history, store=False) as stream:  # type: ignore[arg-type]
        stream.get_final_response()
    return calls[1]


def by_google(body: bytes) -> HTTPCall:
    http, calls = upstream(body, body)
    options = types.HttpOptions(base_url="http://gemini.invalid", api_version="v1beta", httpx_client=http)
    chat = genai.Client(api_key="k", vertexai=False, http_options=options).chats.create(model="m")
    for text in ("hi", "go on"):
        for _ in chat.send_message_stream(text):
            pass
    return calls[1]


CLIENTS: dict[str, Callable[[bytes], HTTPCall]] = {"anthropic": by_anthropic, "openai-responses": by_openai, "gemini": by_google}


@pytest.mark.parametrize(("issuer", "client"), [(issuer, client) for issuer in ANSWERS for client in CLIENTS if client != issuer])
def test_an_sdk_hands_back_what_it_was_given(issuer: str, client: str) -> None:
    call = CLIENTS[client](answered(issuer, client))
    losses = Losses()
    home = bring_home(FORMATS[client].decode_request(call, Losses()), client, key, losses)
    said = [part for message in home.messages if message.role is Role.ASSISTANT for part in message.parts]
    proven = [part for part in said if isinstance(part, Reasoning | Text | ToolCall) and part.proofs]
    expected = [part for part in ANSWERS[issuer] if isinstance(part, Reasoning | Text | ToolCall) and part.proofs]
    assert [(type(part), part.proofs) for part in proven] == [(type(part), part.proofs) for part in expected]
    assert [part.text for part in proven if not isinstance(part, ToolCall)] == [
        part.text for part in expected if not isinstance(part, ToolCall)
    ]
    # Gemini's own thoughts have no proof of themselves, and do not go back.
    assert len(losses) == (1 if issuer == "gemini" else 0)
