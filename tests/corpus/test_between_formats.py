"""Recorded answers and requests, translated into the other format and read there by that vendor's own SDK.

Every exception has a name and a reason in `EXCEPTIONS`; anything else that differs fails.
"""

import json
import re
from typing import Any

import pytest
from anthropic.types import Message as AnthropicMessage
from anthropic.types.message_create_params import MessageCreateParamsNonStreaming as AnthropicParams
from attrs import evolve, frozen
from openai.types.chat import ChatCompletion
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming as ChatParams
from pydantic import TypeAdapter

from ccproxy_cli.core.errors import BadRequest, UpstreamError
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.parts import Opaque, Reasoning, Refusal, Text, ToolCall
from ccproxy_cli.core.profile import Profile, ReasoningStyle
from ccproxy_cli.core.request import Message, Request, Role
from ccproxy_cli.core.response import FinishReason, Response
from ccproxy_cli.core.stream import explode, fold, in_order
from tests.corpus.entries import Entry, entries, needs_corpus

PAIRS = [("anthropic", "openai-chat"), ("openai-chat", "anthropic")]
ENDPOINTS = {"anthropic": "messages", "openai-chat": "chat"}
REQUEST = Request("m", (Message(Role.USER, (Text("hi"),)),), stream=True, stream_usage=True)
MOST_ABLE = Profile(reasoning=ReasoningStyle.EFFORT, top_k=False, max_output=64_000)
ADAPTIVE = Profile(reasoning=ReasoningStyle.ADAPTIVE, max_output=64_000, late_system=True)

pytestmark = [needs_corpus, pytest.mark.corpus]


@frozen
class Said:
    """What must survive: the words, the calls, the class of finish, the tokens."""

    texts: str
    thoughts: str
    calls: tuple[tuple[str, str], ...]
    finish: str
    tokens: tuple[int, int, int]


CLASSES = {FinishReason.STOP_SEQUENCE: "stop", FinishReason.CONTEXT_FULL: "length", FinishReason.PAUSE: "stop", FinishReason.OTHER: "stop"}


def said(response: Response) -> Said:
    reason = response.finish.reason
    refused = any(isinstance(part, Refusal) for part in response.parts)
    finish = "refused" if refused or reason in (FinishReason.REFUSAL, FinishReason.FILTERED) else CLASSES.get(reason, reason.value)
    return Said(
        "".join(part.text for part in response.parts if isinstance(part, Text | Refusal)),
        "".join(part.text for part in response.parts if isinstance(part, Reasoning)),
        tuple((part.name, canonical(part.arguments)) for part in response.parts if isinstance(part, ToolCall)),
        finish,
        (response.usage.total_input, response.usage.cache_read or 0, response.usage.output or 0),
    )


def canonical(arguments: str) -> str:
    return json.dumps(json.loads(arguments or "{}"), sort_keys=True)


def original(entry: Entry) -> Response:
    format_ = FORMATS[entry.format]
    if entry.response is not None:
        return format_.decode_response(entry.response)
    decoder = format_.stream_decoder()
    assert entry.stream is not None
    return fold([*decoder.feed(entry.stream), *decoder.close()])


def read_by_sdk(format_name: str, body: bytes) -> Said:
    """The answer as the vendor's own SDK types hold it, in our words."""
    if format_name == "anthropic":
        message = AnthropicMessage.model_validate_json(body, strict=True)
        usage = message.usage
        cached = usage.cache_read_input_tokens or 0
        texts = "".join(block.text for block in message.content if block.type == "text")
        thoughts = "".join(block.thinking for block in message.content if block.type == "thinking")
        calls = tuple((block.name, json.dumps(block.input, sort_keys=True)) for block in message.content if block.type == "tool_use")
        names = {"end_turn": "stop", "max_tokens": "length", "tool_use": "tool_calls", "refusal": "refused", "stop_sequence": "stop"}
        total = usage.input_tokens + cached + (usage.cache_creation_input_tokens or 0)
        return Said(texts, thoughts, calls, names[message.stop_reason or ""], (total, cached, usage.output_tokens))
    completion = ChatCompletion.model_validate_json(body, strict=True)
    choice = completion.choices[0]
    words = choice.message
    chat_usage = completion.usage
    assert chat_usage is not None
    details = chat_usage.prompt_tokens_details
    finish = {"content_filter": "refused"}.get(choice.finish_reason, choice.finish_reason)
    return Said(
        (words.content or "") + (words.refusal or ""),
        getattr(words, "reasoning_content", None) or "",
        tuple((call.function.name, canonical(call.function.arguments)) for call in words.tool_calls or () if call.type == "function"),
        "refused" if words.refusal else finish,
        (chat_usage.prompt_tokens, (details.cached_tokens or 0) if details else 0, chat_usage.completion_tokens),
    )


def answers(source: str) -> list[Entry]:
    return [entry for entry in entries(source, ENDPOINTS[source]) if entry.ok]


def requests(source: str) -> list[Entry]:
    return [entry for entry in entries(source, ENDPOINTS[source]) if entry.ok and entry.request is not None]


HOSTED = "holds what a vendor's hosted tool did, which has no place elsewhere"
CUSTOM = "calls a custom tool, whose free text is no JSON"


def answer_exception(response: Response) -> str | None:
    """Why an answer need not survive whole; None for nearly all."""
    if any(isinstance(part, Opaque) for part in response.parts):
        return HOSTED
    if any(isinstance(part, ToolCall) and not is_json(part.arguments) for part in response.parts):
        return CUSTOM
    return None


def is_json(text: str) -> bool:
    try:
        json.loads(text or "{}")
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_answers_survive(source: str, target: str, record_property: Any) -> None:
    kept, excused, broken = 0, {}, []
    for entry in answers(source):
        try:
            response = original(entry)
        except UpstreamError as error:  # a recorded answer that is an error
            excused[entry.name] = f"the recording is an error: {error}"
            continue
        if reason := answer_exception(response):
            excused[entry.name] = reason
            continue
        result = read_by_sdk(target, FORMATS[target].encode_response(evolve(response, created=1), REQUEST))
        if result == said(response):
            kept += 1
        else:
            broken.append(f"{entry.name}: {said(response)} became {result}")
    record_property("kept", kept)
    record_property("excused", excused)
    assert not broken, "\n".join(broken[:20]) + f"\n{len(broken)} of {kept + len(broken)}"
    assert kept > 100


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_streamed_answers_survive(source: str, target: str) -> None:
    format_ = FORMATS[target]
    kept, broken = 0, []
    for entry in answers(source):
        try:
            response = original(entry)
        except UpstreamError:
            continue
        if answer_exception(response):
            continue
        encoder, decoder = format_.stream_encoder(REQUEST), format_.stream_decoder()
        events = explode(evolve(response, created=1))
        frames = b"".join(encoder.encode(event) for event in (in_order(events) if format_.ordered else events))
        result = fold([*decoder.feed(frames), *decoder.close()])
        if said(result) == said(response):
            kept += 1
        else:
            broken.append(f"{entry.name}: {said(response)} became {said(result)}")
    assert not broken, "\n".join(broken[:20]) + f"\n{len(broken)} of {kept + len(broken)}"
    assert kept > 100


def walk(value: Any) -> None:
    """Pydantic reads the SDKs' iterables lazily: errors inside show only when they are gone through."""
    if isinstance(value, dict):
        for member in value.values():
            walk(member)
    elif value is not None and not isinstance(value, str | bytes) and hasattr(value, "__iter__"):
        for member in value:
            walk(member)


REFUSALS = {
    "no place": re.compile(r"audio|video|file|document|image|unsupported|not supported|belongs to another", re.IGNORECASE),
    "one answer only": re.compile(r"\bn\b"),
    "nothing but an empty message, which the vendor refuses itself": re.compile(r"at least one message with content"),
}
"""Why a request may be refused instead of sent: every refusal must fall under one of these."""


@pytest.mark.parametrize(("source", "target"), PAIRS)
def test_requests_fit_the_other_vendors_own_types(source: str, target: str) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(AnthropicParams if target == "anthropic" else ChatParams)
    profile = ADAPTIVE if target == "anthropic" else MOST_ABLE
    fit, refused, broken = 0, {}, []
    for entry in requests(source):
        losses = Losses()
        try:
            request = FORMATS[source].decode_request(HTTPCall("POST", "/", entry.request or b""), losses)
            call = FORMATS[target].encode_request(evolve(request, stream=None), profile, losses)
        except BadRequest as error:
            refused[entry.name] = error.message
            continue
        body = json.loads(call.body)
        try:
            walk(adapter.validate_python(body))
        except ValueError as error:
            broken.append(f"{entry.name}: {str(error)[:300]}")
            continue
        fit += 1
    unexplained = {name: why for name, why in refused.items() if not any(words.search(why) for words in REFUSALS.values())}
    assert not broken, "\n".join(broken[:20]) + f"\n{len(broken)} of {fit + len(broken)}"
    assert not unexplained
    assert fit > 200
