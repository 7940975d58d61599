"""When an answer is complete, when it is broken, and what of it may be seen."""

from typing import Any

import pytest

from ccproxy_cli.backends.claude_code.answer import Answer, ended_early
from ccproxy_cli.backends.claude_code.toolbridge import ToolBridge
from ccproxy_cli.core.errors import BadUpstream, ErrorKind, UpstreamError
from ccproxy_cli.core.events import Event, ResponseEnd, ResponseStart, TextDelta
from ccproxy_cli.core.formats.anthropic.stream_decoder import StreamDecoder
from ccproxy_cli.core.parts import Text, ToolCall
from ccproxy_cli.core.response import FinishReason
from ccproxy_cli.core.stream import fold


def raw(kind: str, **members: Any) -> dict[str, Any]:
    return {"type": "stream_event", "event": {"type": kind, **members}}


def start(message_id: str = "msg_1") -> dict[str, Any]:
    message: dict[str, Any] = {"id": message_id, "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None}
    return raw("message_start", message={**message, "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}})


def block(*deltas: dict[str, Any], **content: Any) -> list[dict[str, Any]]:
    steps = [raw("content_block_delta", index=0, delta=delta) for delta in deltas]
    return [raw("content_block_start", index=0, content_block=content), *steps, raw("content_block_stop", index=0)]


def words(text: str) -> list[dict[str, Any]]:
    return block({"type": "text_delta", "text": text}, type="text", text="")


def stop(reason: str) -> list[dict[str, Any]]:
    delta = {"stop_reason": reason, "stop_sequence": None}
    return [raw("message_delta", delta=delta, usage={"output_tokens": 3}), raw("message_stop")]


SUCCESS = {"type": "result", "is_error": False, "num_turns": 1, "result": "words"}


def failed(text: str, status: int | None) -> dict[str, Any]:
    return {"type": "result", "is_error": True, "num_turns": 1, "result": text, "api_error_status": status}


def answer(*tools: str) -> Answer:
    return Answer(StreamDecoder, ToolBridge([{"name": name} for name in tools]), lambda: 0.0)


def feed(reading: Answer, *frames: dict[str, Any]) -> list[Event]:
    return [event for frame in frames for event in reading.feed(frame)]


def test_success_is_held_until_the_result_confirms_it() -> None:
    reading = answer()
    events = feed(reading, start(), *words("hi"), *stop("end_turn"))
    assert not any(isinstance(event, ResponseEnd) for event in events)
    assert not reading.done
    events += feed(reading, SUCCESS)
    assert reading.done
    assert fold(events).parts == (Text("hi"),)
    assert fold(events).finish.reason is FinishReason.STOP


def test_nothing_is_seen_before_there_is_content() -> None:
    reading = answer()
    assert feed(reading, start()) == []
    assert [type(event) for event in feed(reading, words("hi")[0])] == [ResponseStart, type(feed(answer(), start(), words("x")[0])[1])]


def test_an_empty_answer_is_an_answer() -> None:
    events = feed(answer(), start(), *stop("end_turn"), SUCCESS)
    assert fold(events).parts == ()


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("max_tokens", FinishReason.LENGTH),
        ("refusal", FinishReason.REFUSAL),
        ("model_context_window_exceeded", FinishReason.CONTEXT_FULL),
        ("tool_use", FinishReason.TOOL_CALLS),
    ],
)
def test_where_the_cli_would_go_on_the_answer_ends(reason: str, finish: FinishReason) -> None:
    reading = answer()
    events = feed(reading, start(), *words("part"), stop(reason)[0])
    assert reading.done
    assert fold(events).finish.reason is finish


def test_calls_have_the_clients_names() -> None:
    reading = answer("my.tool")
    (offered,) = reading._bridge._names  # type: ignore[union-attr]
    delta = {"type": "input_json_delta", "partial_json": '{"a":1}'}
    events = feed(reading, start(), *block(delta, type="tool_use", id="toolu_1", name=offered, input={}), stop("tool_use")[0])
    (part,) = fold(events).parts
    assert isinstance(part, ToolCall)
    assert (part.name, part.arguments, part.call_id) == ("my.tool", '{"a":1}', "toolu_1")


def test_a_second_turn_is_not_the_clients() -> None:
    reading = answer()
    events = feed(reading, start(), *words("mine"), *stop("weird"), start("msg_2"))
    assert reading.done
    assert fold(events).parts == (Text("mine"),)


def test_a_turn_that_broke_before_its_content_may_begin_anew() -> None:
    reading = answer()
    retry = {"type": "system", "subtype": "api_retry", "retry_delay_ms": 600, "error_status": None}
    events = feed(reading, start("msg_1"), raw("message_stop"), retry, start("msg_2"), *words("hi"), *stop("end_turn"), SUCCESS)
    assert fold(events).id == "msg_2"


def test_a_turn_that_broke_in_its_content_is_an_error() -> None:
    reading = answer()
    events = feed(reading, start(), *words("half"))
    assert any(isinstance(event, TextDelta) for event in events)
    with pytest.raises(BadUpstream, match="broke off"):
        reading.feed(raw("message_stop"))


def test_an_error_result_after_a_complete_turn_is_an_error() -> None:
    reading = answer()
    feed(reading, start(), *words("Please run /login"), *stop("end_turn"))
    with pytest.raises(UpstreamError) as caught:
        reading.feed(failed("Invalid API key · Please run /login", 401))
    assert caught.value.error.kind is ErrorKind.AUTHENTICATION


def test_synthetic_messages_are_never_content() -> None:
    reading = answer()
    synthetic = {
        "type": "assistant",
        "error": "rate_limit",
        "message": {"model": "<synthetic>", "content": [{"type": "text", "text": "x"}]},
    }
    assert reading.feed(synthetic) == []
    with pytest.raises(UpstreamError) as caught:
        reading.feed(failed("You've hit your limit", None))
    assert caught.value.error.kind is ErrorKind.RATE_LIMIT


def test_success_without_an_answer_is_an_error() -> None:
    with pytest.raises(BadUpstream, match="not complete"):
        answer().feed(SUCCESS)
    with pytest.raises(BadUpstream, match="not complete"):
        feed(answer(), start(), *words("half"), SUCCESS)


def test_a_long_wait_ends_the_answer() -> None:
    retry = {"type": "system", "subtype": "api_retry", "retry_delay_ms": 90_000, "error_status": 529, "error": "overloaded"}
    with pytest.raises(UpstreamError) as caught:
        answer().feed(retry)
    assert (caught.value.error.kind, caught.value.error.retry_after) == (ErrorKind.OVERLOADED, "90")


def test_an_error_event_in_the_stream_is_an_error() -> None:
    with pytest.raises(UpstreamError) as caught:
        feed(answer(), start(), raw("error", error={"type": "overloaded_error", "message": "Overloaded"}))
    assert caught.value.error.kind is ErrorKind.OVERLOADED


@pytest.mark.parametrize(
    ("status", "words", "message"),
    [
        (0, "", "Claude Code ended before the answer was complete"),
        (None, "", "Claude Code ended before the answer was complete"),
        (1, "a\nb", "Claude Code failed with 1 before the answer was complete: b"),
        (-9, "", "Claude Code was ended by signal 9 before the answer was complete"),
    ],
)
def test_an_early_end_tells_how(status: int | None, words: str, message: str) -> None:
    error = ended_early(status, words).error
    assert (error.kind, error.message) == (ErrorKind.BAD_UPSTREAM, message)
