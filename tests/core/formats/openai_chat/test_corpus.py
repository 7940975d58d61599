"""Recorded traffic of the vendor and its copies: read and written again it is unchanged, and streams amount to what the official
SDK makes of them. Every exception has a name here, and anything else that differs fails."""

import json
from typing import Any

import pytest
from openai._models import construct_type
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.openai_chat import FORMAT
from ccproxy_cli.core.framing import SSEDecoder
from ccproxy_cli.core.http import HTTPCall, HTTPReply
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.stream import explode
from tests.core.formats.openai_chat.chat import ASKED, events_of, folded, looked_at, read_answer, write_answer, written
from tests.corpus.entries import Entry, entries, needs_corpus

pytestmark = [needs_corpus, pytest.mark.corpus]

CHAT = entries("openai-chat", "chat")
REQUESTS = [entry for entry in CHAT if entry.request is not None]
BODIES = [entry for entry in CHAT if entry.ok and entry.response is not None]
STREAMS = [entry for entry in CHAT if entry.ok and entry.stream is not None]
ERRORS = [entry for entry in CHAT if not entry.ok and entry.response is not None]

BROKEN_STREAMS = frozenset(
    {
        "pydantic.pydantic-ai__test_groq_test_tool_use_failed_error_streaming__0",
        "pydantic.pydantic-ai__test_openrouter_test_openrouter_stream_error__0",
    }
)
"""Recorded streams that hold an error instead of an answer."""
VERDICT_FIRST = frozenset({f"Mirascope.mirascope__json_azure_openai_gpt_5_mini_stream__{number}" for number in (0, 1)})
"""Azure's verdict on the prompt comes first, without id, model or time; the SDK keeps those blanks, we take the answer's."""
LATE_CHUNK = frozenset({"pydantic.pydantic-ai__test_openai_test_openai_moderation_stream__0"})
"""A last chunk without usage follows the one with it; the SDK forgets the usage, we keep it."""
ODD_LOGPROBS = frozenset(
    {
        f"social-growth-studio.req_llm__openrouter_deepseek_deepseek_{model}streaming__0"
        for model in ("r1_distill_qwen_14b_reasoning_", "r1_distill_qwen_14b_", "v3_1_terminus_")
    }
)
"""Log probabilities with members the SDK does not add up."""


def each(found: list[Entry]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("entry", found, ids=lambda entry: entry.name)


@each(REQUESTS)
def test_a_request_is_written_as_it_was_read(entry: Entry) -> None:
    assert entry.request is not None
    call, losses, wanted = HTTPCall("POST", "/chat/completions", entry.request), Losses(), json.loads(entry.request)
    looked_at(call)
    if (wanted.get("n") or 1) > 1:  # one choice per request: the relay serves these
        with pytest.raises(BadRequest) as caught:
            FORMAT.decode_request(call, losses)
        assert caught.value.param == "n"
        return
    again = FORMAT.encode_request(FORMAT.decode_request(call, losses), Profile(), losses)
    assert json.loads(again.body) == wanted
    assert not list(losses)


@each(BODIES)
def test_a_body_is_written_as_it_was_read(entry: Entry) -> None:
    assert entry.response is not None
    value = json.loads(entry.response)
    assert write_answer(read_answer(value)) == value


@each(BODIES)
def test_a_body_streams_to_itself(entry: Entry) -> None:
    assert entry.response is not None
    response = FORMAT.decode_response(entry.response)
    again = FORMAT.decode_response(FORMAT.encode_response(folded(written(list(explode(response)))), ASKED))
    assert [_said(part) for part in again.parts] == [_said(part) for part in response.parts]
    assert (again.finish, again.usage, again.id, again.model) == (response.finish, response.usage, response.id, response.model)


@each([entry for entry in STREAMS if entry.name not in BROKEN_STREAMS])
def test_a_stream_amounts_to_what_the_official_sdk_makes_of_it(entry: Entry) -> None:
    assert entry.stream is not None
    by_sdk = accumulated(entry.stream)
    by_us = write_answer(folded(entry.stream))
    if len(by_sdk["choices"]) > 1:  # several choices: only the first is ours to fold
        by_sdk["choices"] = by_sdk["choices"][:1]
    assert comparable(by_us, entry) == comparable(by_sdk, entry)


@each([entry for entry in STREAMS if entry.name not in BROKEN_STREAMS])
def test_a_stream_written_again_amounts_to_the_same(entry: Entry) -> None:
    assert entry.stream is not None
    again = written(events_of(entry.stream))
    assert comparable(accumulated(again), entry) == comparable(accumulated(entry.stream), entry)
    assert write_answer(folded(again)) == write_answer(folded(entry.stream))


@pytest.mark.parametrize("entry", [entry for entry in STREAMS if entry.name in BROKEN_STREAMS], ids=lambda entry: entry.name)
def test_a_broken_stream_ends_in_an_error(entry: Entry) -> None:
    assert entry.stream is not None
    assert type(events_of(entry.stream)[-1]).__name__ == "StreamError"


@each(ERRORS)
def test_an_error_is_told_as_it_was_read(entry: Entry) -> None:
    assert entry.response is not None
    error = FORMAT.decode_error(HTTPReply(entry.meta["status"], entry.response, entry.meta.get("response_headers", {})))
    reply = FORMAT.encode_error(error, "")
    value, told = json.loads(entry.response), json.loads(reply.body)
    assert reply.status == entry.meta["status"]
    assert told["error"]["message"] == value["error"]["message"]
    assert isinstance(told["error"]["type"], str)
    if isinstance(value["error"].get("type"), str):
        assert told == value


def accumulated(data: bytes) -> dict[str, Any]:
    """What the SDK's own accumulator makes of a stream."""
    state, decoder = ChatCompletionStreamState(), SSEDecoder()
    for frame in (*decoder.feed(data), *decoder.close()):
        if frame.data == b"[DONE]":
            break
        parsed: Any = construct_type(type_=ChatCompletionChunk, value=json.loads(frame.data))
        state.handle_chunk(parsed)
    value: dict[str, Any] = json.loads(state.current_completion_snapshot.to_json())
    return value


WORDS_THE_SDK_ADDS_UP = ("role", "channel", "reasoning_details")
"""The SDK continues every string it does not know, also those that each chunk tells anew: `channel: analysisanalysis`. Their texts
are compared without the rest."""


def comparable(value: dict[str, Any], entry: Entry) -> dict[str, Any]:
    """Texts, calls, finish, log probabilities and usage, without nulls, which streams and bodies spell differently."""
    choices = []
    for choice in value["choices"]:
        message = {name: member for name, member in choice["message"].items() if name not in (*WORDS_THE_SDK_ADDS_UP, "parsed")}
        message["thoughts"] = [detail.get("text") for detail in choice["message"].get("reasoning_details") or ()]
        message["tool_calls"] = [_call(call) for call in message.get("tool_calls") or ()]
        odds = None if entry.name in ODD_LOGPROBS else choice.get("logprobs")
        choices.append({"message": message, "logprobs": odds, "finish_reason": choice["finish_reason"]})
    frame = () if entry.name in VERDICT_FIRST else ("id", "model", "created")
    members = frame if entry.name in LATE_CHUNK else (*frame, "usage")
    return {**{name: value.get(name) for name in members}, "choices": _without_nulls(choices)}


def _call(call: dict[str, Any]) -> dict[str, Any]:
    function = {name: member for name, member in call["function"].items() if name != "parsed_arguments"}
    return {"id": call["id"], "type": call["type"], "function": function}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(member) for name, member in value.items() if member is not None}
    return [_without_nulls(member) for member in value] if isinstance(value, list) else value


def _said(part: Any) -> tuple[str, str, str]:
    return type(part).__name__, getattr(part, "text", ""), getattr(part, "arguments", "")
