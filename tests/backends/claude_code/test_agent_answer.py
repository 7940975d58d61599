"""An agent's turns become one answer in the grammar of every other, in which no call is left for the client."""

from typing import Any

import pytest

from ccproxy_cli.backends.claude_code.agent_answer import AgentAnswer
from ccproxy_cli.core.errors import BadUpstream, ErrorKind, UpstreamError
from ccproxy_cli.core.events import Event
from ccproxy_cli.core.formats.anthropic.stream_decoder import StreamDecoder
from ccproxy_cli.core.parts import Reasoning, Text
from ccproxy_cli.core.response import FinishReason, Response
from ccproxy_cli.core.stream import fold

DONE = {"type": "result", "subtype": "success", "is_error": False, "result": "done"}


def answer() -> AgentAnswer:
    return AgentAnswer(StreamDecoder, lambda: 0.0, lambda words: words.replace("secret", "****"))


def raw(kind: str, **members: Any) -> dict[str, Any]:
    return {"type": "stream_event", "event": {"type": kind, **members}}


def start(number: int = 1) -> dict[str, Any]:
    usage = {"input_tokens": 10, "cache_read_input_tokens": 2, "output_tokens": 1}
    message = {"id": f"msg_{number}", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": usage}
    return raw("message_start", message={**message, "stop_reason": None, "stop_sequence": None})


def words(text: str, index: int = 0) -> list[dict[str, Any]]:
    block = {"type": "text", "text": ""}
    delta = {"type": "text_delta", "text": text}
    return [
        raw("content_block_start", index=index, content_block=block),
        raw("content_block_delta", index=index, delta=delta),
        raw("content_block_stop", index=index),
    ]


def call(command: str, index: int, call_id: str) -> list[dict[str, Any]]:
    block = {"type": "tool_use", "id": call_id, "name": "Bash", "input": {}}
    delta = {"type": "input_json_delta", "partial_json": f'{{"command": "{command}"}}'}
    return [
        raw("content_block_start", index=index, content_block=block),
        raw("content_block_delta", index=index, delta=delta),
        raw("content_block_stop", index=index),
    ]


def result(call_id: str, content: str, **more: Any) -> dict[str, Any]:
    return {"type": "user", "message": {"content": [{"type": "tool_result", "tool_use_id": call_id, "content": content, **more}]}}


def end(reason: str) -> list[dict[str, Any]]:
    return [raw("message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage={"output_tokens": 7}), raw("message_stop")]


def told(*frames: dict[str, Any]) -> tuple[Response, AgentAnswer]:
    """What the frames amount to, if they are complete."""
    reading = answer()
    events: list[Event] = []
    for frame in frames:
        assert not reading.done
        events += reading.feed(frame)
    return fold(events), reading


def test_turns_are_strung_together() -> None:
    first = [start(), *words("I look."), *call("ls", 1, "a"), *end("tool_use"), result("a", "in.txt")]
    second = [start(2), *call("cat secret", 0, "b"), *end("tool_use"), result("b", "the secret", is_error=True)]
    response, reading = told(*first, *second, start(3), *words("There."), *end("end_turn"), DONE)
    assert reading.done
    assert response.id == "msg_1"
    assert response.parts == (
        Text("I look."),
        Reasoning("Bash: ls\n"),
        Reasoning("  in.txt\n"),
        Reasoning("Bash: cat ****\n"),
        Reasoning("  failed:\n  the ****\n"),
        Text("\n\nThere."),
    )
    assert response.finish.reason is FinishReason.STOP
    assert (response.usage.input, response.usage.cache_read, response.usage.output) == (30, 6, 21)


def test_results_find_their_calls_in_any_order() -> None:
    calls = [*call("one", 0, "a"), *call("two", 1, "b")]
    response, _ = told(start(), *calls, *end("tool_use"), result("a", "1"), result("b", "2"), start(2), *words("."), *end("end_turn"), DONE)
    assert [part.text for part in response.parts[:-1] if isinstance(part, Reasoning)] == [
        "Bash: one\n",
        "Bash: two\n",
        "Bash: one\n  1\n",
        "Bash: two\n  2\n",
    ]


def test_a_result_may_overtake_the_end_of_its_call() -> None:
    opening, filling, closing = call("ls", 0, "a")
    response, _ = told(
        start(), opening, filling, result("a", "x"), closing, *end("tool_use"), start(2), *words("."), *end("end_turn"), DONE
    )
    assert [part.text for part in response.parts if isinstance(part, Reasoning)] == ["Bash: ls\n", "  x\n"]


def test_it_is_busy_while_a_tool_runs() -> None:
    reading = answer()
    for frame in (start(), *call("ls", 0, "a")):
        assert not reading.busy
        reading.feed(frame)
    for frame in end("tool_use"):
        assert reading.busy
        if not reading.done:
            reading.feed(frame)
    reading.feed(result("a", "x"))
    assert not reading.busy


@pytest.mark.parametrize("reason", ["max_tokens", "refusal"])
def test_a_turn_that_is_cut_is_the_last(reason: str) -> None:
    response, reading = told(start(), *call("ls", 0, "a"), *end("tool_use"), result("a", ""), start(2), *words("So m"), *end(reason)[:1])
    assert reading.done
    assert response.finish.raw == reason


def test_an_error_between_turns_is_told() -> None:
    reading = answer()
    for frame in (start(), *call("ls", 0, "a"), *end("tool_use")[:1], result("a", "")):
        reading.feed(frame)
    with pytest.raises(UpstreamError) as caught:
        reading.feed({"type": "result", "is_error": True, "api_error_status": 529, "result": "API Error: Overloaded"})
    assert caught.value.error.kind is ErrorKind.OVERLOADED


def test_success_with_its_work_half_done_is_none() -> None:
    reading = answer()
    for frame in (start(), *call("ls", 0, "a"), *end("tool_use")[:1], result("a", "")):
        reading.feed(frame)
    with pytest.raises(BadUpstream, match="not complete"):
        reading.feed(DONE)


def test_a_turn_that_breaks_off_is_no_end() -> None:
    reading = answer()
    for frame in (start(), *words("half")[:2]):
        reading.feed(frame)
    with pytest.raises(BadUpstream, match="broke off"):
        reading.feed(start(2))
