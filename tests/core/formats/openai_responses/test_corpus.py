"""Recorded traffic of the vendor and its copies: read and written again it is unchanged, and streams amount to what the official
SDK makes of them. Every exception has a name here, and anything else that differs fails."""

import json
from typing import Any

import pytest
from openai._models import construct_type
from openai._types import omit
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import ResponseStreamEvent

from ccproxy_cli.core.errors import UpstreamError
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.openai_responses import FORMAT
from ccproxy_cli.core.framing import SSEDecoder
from ccproxy_cli.core.http import HTTPCall, HTTPReply
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.relaytap import RelayTap
from ccproxy_cli.core.stream import explode, fold, in_order
from tests.core.formats.openai_responses.responses import events_of, read_answer, told, write_answer, written
from tests.corpus.entries import Entry, entries, needs_corpus

pytestmark = [needs_corpus, pytest.mark.corpus]

ALL = entries("openai-responses", "responses")
COUNTS = [entry for entry in entries("openai-responses", "input_tokens") if entry.ok]
REQUESTS = [entry for entry in ALL if entry.request is not None]
BODIES = [entry for entry in ALL if entry.ok and entry.response is not None]
ERRORS = [entry for entry in ALL if not entry.ok and entry.response is not None]

FAILED = frozenset(f"prism-php.prism__Fixtures_openai_stream-{name}-1__0" for name in ("rate-limited", "unknown-error-responses"))
"""Recorded streams that end in an error."""
STREAMS = [entry for entry in ALL if entry.ok and entry.stream is not None and entry.name not in FAILED]
EMPTY_END = frozenset(
    f"pydantic.pydantic-ai__test_codex_test_codex_{name}__0"
    for name in ("compaction_is_served_and_takes_neither_profile_flag", "drops_generic_settings_the_backend_rejects")
)
"""The ChatGPT backend ends with an empty `output`; we tell the items that came before."""
RENAMED = frozenset({"pydantic.pydantic-ai__test_openai_responses_test_openai_responses_raw_cot_stream_openrouter__0"})
"""The reasoning item has another id in every event; we keep the one it began with."""
SEALED = ("encrypted_content",)
"""The vendor seals reasoning and compactions anew in the last event (10 recordings); the seal at the item's own end is as good."""


def each(found: list[Entry]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("entry", found, ids=lambda entry: entry.name)


@each(REQUESTS)
def test_a_request_is_written_as_it_was_read(entry: Entry) -> None:
    assert entry.request is not None
    call, losses = HTTPCall("POST", "/responses", entry.request), Losses()
    FORMAT.peek(call)
    again = FORMAT.encode_request(FORMAT.decode_request(call, losses), Profile(), losses)
    assert json.loads(again.body) == json.loads(entry.request)
    assert not list(losses)


@each(BODIES)
def test_a_body_is_written_as_it_was_read(entry: Entry) -> None:
    assert entry.response is not None
    value = json.loads(entry.response)
    assert write_answer(read_answer(value)) == value


@each(BODIES)
def test_a_body_streams_to_itself(entry: Entry) -> None:
    assert entry.response is not None
    again = fold(events_of(written(list(explode(FORMAT.decode_response(entry.response))))))
    assert write_answer(again) == json.loads(entry.response)


@each(STREAMS)
def test_a_stream_amounts_to_what_the_official_sdk_makes_of_it(entry: Entry) -> None:
    assert entry.stream is not None
    assert comparable(write_answer(fold(events_of(entry.stream))), entry) == comparable(accumulated(entry.stream), entry)


@each(STREAMS)
def test_a_stream_written_again_amounts_to_the_same(entry: Entry) -> None:
    assert entry.stream is not None
    again = written(list(in_order(events_of(entry.stream))))
    assert comparable(accumulated(again), entry) == comparable(accumulated(entry.stream), entry)
    assert write_answer(fold(events_of(again))) == write_answer(fold(events_of(entry.stream)))
    assert told(again)[-1]["response"]["output"] == write_answer(fold(events_of(entry.stream)))["output"]


@each(STREAMS)
def test_a_stream_is_relayed_frame_by_frame(entry: Entry) -> None:
    assert entry.stream is not None
    tap = RelayTap(FORMAT)
    passed = tap.feed(entry.stream) + tap.close()
    assert tap.failure is None
    assert tap.usage is not None
    assert _frames(passed) == [frame for frame in _frames(entry.stream) if frame != b"[DONE]"]


@pytest.mark.parametrize("entry", [entry for entry in ALL if entry.name in FAILED], ids=lambda entry: entry.name)
def test_a_failed_stream_ends_in_an_error(entry: Entry) -> None:
    assert entry.stream is not None
    with pytest.raises(UpstreamError):
        fold(events_of(entry.stream))


@each(ERRORS)
def test_an_error_is_told_as_it_was_read(entry: Entry) -> None:
    assert entry.response is not None
    error = FORMAT.decode_error(HTTPReply(entry.meta["status"], entry.response, entry.meta.get("response_headers", {})))
    reply = FORMAT.encode_error(error, "")
    value, said = json.loads(entry.response), json.loads(reply.body)
    assert reply.status == entry.meta["status"]
    if "error" in value:
        assert said == value
    else:
        assert said["error"]["message"] == value["detail"]


@each(COUNTS)
def test_a_count_is_asked_for_and_told_as_it_was(entry: Entry) -> None:
    assert FORMAT.decode_count_request is not None
    assert FORMAT.encode_count_request is not None
    assert FORMAT.decode_count is not None
    assert FORMAT.encode_count is not None
    assert entry.request is not None
    assert entry.response is not None
    request = FORMAT.decode_count_request(HTTPCall("POST", "/responses/input_tokens", entry.request), Losses())
    assert json.loads(FORMAT.encode_count_request(request, Profile(), Losses()).body) == json.loads(entry.request)
    assert json.loads(FORMAT.encode_count(FORMAT.decode_count(entry.response))) == json.loads(entry.response)


def accumulated(data: bytes) -> dict[str, Any]:
    """What the SDK's own accumulator makes of a stream."""
    state: ResponseStreamState[Any] = ResponseStreamState(input_tools=omit, text_format=omit)
    last: Any = None
    for frame in _frames(data):
        if frame == b"[DONE]":
            break
        event: Any = construct_type(type_=ResponseStreamEvent, value=json.loads(frame))
        for seen in state.handle_event(event):
            if seen.type in ("response.completed", "response.incomplete"):
                last = seen
    value: dict[str, Any] = json.loads(last.response.to_json())
    return value


def comparable(value: dict[str, Any], entry: Entry) -> dict[str, Any]:
    """An answer without nulls, which the SDK tells only where they were, and without what is excepted by name."""
    output = [_item(item, entry) for item in value["output"]]
    return {**_without_nulls(value), "output": [] if entry.name in EMPTY_END else output}


def _item(item: dict[str, Any], entry: Entry) -> Any:
    left_out = (*SEALED, "parsed_arguments", "parsed", *(("id",) if entry.name in RENAMED else ()))
    found = {name: member for name, member in item.items() if name not in left_out}
    if isinstance(found.get("content"), list):
        found["content"] = [{name: member for name, member in part.items() if name != "parsed"} for part in found["content"]]
    return _without_nulls(found)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(member) for name, member in value.items() if member is not None}
    return [_without_nulls(member) for member in value] if isinstance(value, list) else value


def _frames(data: bytes) -> list[bytes]:
    decoder = SSEDecoder()
    return [frame.data for frame in (*decoder.feed(data), *decoder.close())]
