"""Streams that fail or end too early, and that other proxies are known to have passed off as whole answers."""

import json

import pytest

from ccproxy_cli.core.errors import BadUpstream
from ccproxy_cli.core.formats import FORMATS
from tests.known_bugs.through import WORDS, Body, anthropic_stream, chat_call, chat_stream, gemini_stream, named, streamed, use

CREATED: Body = {
    "type": "response.created",
    "sequence_number": 0,
    "response": {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": "in_progress", "output": []},
}
CALL_ADDED: Body = {
    "type": "response.output_item.added",
    "sequence_number": 1,
    "output_index": 0,
    "item": {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": ""},
}
FAILING = {
    "anthropic": named({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
    "openai-chat": b'data: {"error": {"message": "Overloaded", "type": "server_error", "code": 503}}\n\n',
    "openai-responses": named({"type": "error", "sequence_number": 1, "code": "server_error", "message": "Overloaded", "param": None}),
    "gemini": b'data: {"error": {"code": 503, "message": "Overloaded", "status": "UNAVAILABLE"}}\r\n\r\n',
}
BEGUN = {
    "anthropic": anthropic_stream(WORDS).partition(b"event: content_block_stop")[0],
    "openai-chat": chat_stream({"content": "Hi"}, finish=None, end=""),
    "openai-responses": named(CREATED),
    "gemini": gemini_stream({"text": "Hi"}, {"text": "!"}).partition(b"\r\n\r\n")[0] + b"\r\n\r\n",
}


WHOLE = {
    "anthropic": anthropic_stream(WORDS),
    "openai-chat": chat_stream({"content": "Hi"}),
    "openai-responses": named(CREATED, {"type": "response.completed", "response": CREATED["response"] | {"status": "completed"}}),
    "gemini": gemini_stream({"text": "Hi"}),
}


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", FORMATS)
def test_an_error_in_a_stream_is_no_short_answer(source: str, target: str) -> None:
    assert "Overloaded" in json.dumps(streamed(source, BEGUN[source] + FAILING[source], target)[-1])


HALF_A_CALL = {
    "anthropic": anthropic_stream(use()).partition(b"event: content_block_stop")[0],
    "openai-chat": chat_stream(chat_call(id="call_1", name="rm", arguments='{"path": "/'), finish=None, end=""),
    "openai-responses": named(CREATED, CALL_ADDED),
    "gemini": gemini_stream({"functionCall": {"name": "f", "args": {}}}, {"text": "!"}).partition(b"\r\n\r\n")[0] + b"\r\n\r\n",
}


@pytest.mark.parametrize("source", FORMATS)
def test_half_a_call_at_the_end_of_the_bytes_is_an_error(source: str) -> None:
    with pytest.raises(BadUpstream):
        streamed(source, HALF_A_CALL[source], "anthropic")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_pieces_of_a_character_or_of_a_line_end_are_put_together(size: int, end: str) -> None:
    data, decoder = gemini_stream({"text": "天気🌧"}, end=end), FORMATS["gemini"].stream_decoder()
    events = [event for at in range(0, len(data), size) for event in decoder.feed(data[at : at + size])] + decoder.close()
    assert "".join(getattr(event, "text", "") for event in events) == "天気🌧"


@pytest.mark.parametrize("source", FORMATS)
def test_a_field_may_come_without_a_space_after_its_colon(source: str) -> None:
    data = WHOLE[source]
    assert streamed(source, data.replace(b": ", b":", 1).replace(b"\ndata: ", b"\ndata:"), "openai-chat") == streamed(
        source, data, "openai-chat"
    )
