import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.anthropic import FORMAT
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.parts import CacheMark, Opaque, Text
from ccproxy_cli.core.profile import Profile
from ccproxy_cli.core.request import (
    ChoiceMode,
    Output,
    OutputKind,
    Role,
    Sampling,
    Thinking,
    ThinkingMode,
    Tool,
    ToolChoice,
)
from tests.core.formats.anthropic.asking import at, body_of, call_of, decoded, encoded, peek, places
from tests.strategies import JSON_VALUES

SCHEMA = {"type": "object", "properties": {"b": {}, "a": {}}}
USER = {"role": "user", "content": "hello"}

MEANINGS: list[tuple[dict[str, Any], str, object]] = [
    ({"system": "s"}, "instructions", (Text("s"),)),
    (
        {"system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}, {"type": "new"}]},
        "instructions",
        (Text("s", cache=CacheMark()), Opaque("anthropic", {"type": "new"})),
    ),
    ({"tools": []}, "tools", ()),
    (
        {"tools": [{"name": "t", "description": "d", "input_schema": SCHEMA, "strict": True}]},
        "tools",
        (Tool("t", "d", SCHEMA, strict=True),),
    ),
    ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools", (Opaque("anthropic", {"type": "bash_20250124", "name": "bash"}),)),
    ({"tool_choice": {"type": "auto"}}, "tool_choice", ToolChoice(ChoiceMode.AUTO)),
    ({"tool_choice": {"type": "any"}}, "tool_choice", ToolChoice(ChoiceMode.REQUIRED)),
    ({"tool_choice": {"type": "none"}}, "tool_choice", ToolChoice(ChoiceMode.NONE)),
    ({"tool_choice": {"type": "tool", "name": "t"}}, "tool_choice", ToolChoice(ChoiceMode.REQUIRED, ("t",))),
    ({"tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}, "parallel_tool_calls", False),
    ({"tool_choice": {"type": "auto", "disable_parallel_tool_use": False}}, "parallel_tool_calls", True),
    ({"max_tokens": 0}, "max_tokens", 0),
    ({"temperature": 0, "top_p": 0.5, "top_k": 7}, "sampling", Sampling(0, 0.5, 7)),
    ({"stop_sequences": ["a", " "]}, "stop", ("a", " ")),
    ({"thinking": {"type": "enabled", "budget_tokens": 2000}}, "thinking", Thinking(ThinkingMode.BUDGET, 2000)),
    (
        {"thinking": {"type": "adaptive", "display": "omitted"}, "output_config": {"effort": "max"}},
        "thinking",
        Thinking(ThinkingMode.ADAPTIVE, effort="max", display="omitted"),
    ),
    ({"thinking": {"type": "disabled"}}, "thinking", Thinking(ThinkingMode.DISABLED)),
    ({"thinking": {"type": "between_tools"}}, "thinking", Thinking(extras={"anthropic": {"type": "between_tools"}})),
    ({"output_config": {"effort": "low"}}, "thinking", Thinking(effort="low")),
    (
        {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        "output",
        Output(OutputKind.JSON_SCHEMA, SCHEMA),
    ),
    ({"metadata": {"user_id": "u"}}, "user", "u"),
    ({"cache_control": {"type": "ephemeral", "ttl": "5m"}}, "cache", CacheMark("5m")),
    ({"stream": True}, "stream", True),
]
KEPT: list[dict[str, Any]] = [
    {"system": ""},
    {"system": []},
    {"system": None, "tools": None, "thinking": None, "stream": None, "metadata": None},
    {"tools": [{"type": "custom", "name": "t", "input_schema": SCHEMA, "defer_loading": True}]},
    {"tools": [{"name": "t", "input_schema": SCHEMA, "input_examples": [{"a": 1}], "strict": None}]},
    {"tool_choice": {"type": "auto", "hint": 1}},
    {"output_config": {}},
    {"output_config": {"effort": None, "task_budget": {"total": 5}}},
    {"output_config": {"effort": "high", "format": {"type": "grammar", "text": "x"}}},
    {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA, "name": "n"}, "task_budget": {}}},
    {"output_format": {"type": "json_schema", "schema": SCHEMA}},
    {"output_format": {"type": "regex", "pattern": "x"}},
    {"output_format": {"type": "json_schema", "schema": SCHEMA}, "output_config": {"format": {"type": "json_schema", "schema": {}}}},
    {"metadata": {}},
    {"metadata": {"user_id": None, "trace": "t"}},
    {"metadata": {"user_id": "u", "trace": "t"}},
    {"context_management": {"edits": [{"type": "clear_thinking_20251015"}]}, "speed": "fast", "mcp_servers": []},
    {"messages": [USER, {"role": "system", "content": "late", "output_config": {"effort": "low"}}]},
    {"messages": [USER, USER, {"role": "assistant", "content": "a"}, {"role": "assistant", "content": ""}]},
    {"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}, {"role": "assistant", "content": []}]},
    {"thinking": {"type": "enabled", "budget_tokens": 2000, "display": None}},
]


@pytest.mark.parametrize(
    ("members", "name", "value"), MEANINGS, ids=lambda value: json.dumps(value)[:50] if isinstance(value, dict) else ""
)
def test_a_member_means(members: dict[str, Any], name: str, value: object) -> None:
    request = decoded(**members)
    assert getattr(request, name) == value
    assert encoded(request) == body_of(**members)


@pytest.mark.parametrize("members", KEPT, ids=lambda members: json.dumps(members)[:60])
def test_whatever_is_spelled_oddly_is_spelled_so_again(members: dict[str, Any]) -> None:
    assert encoded(decoded(**members)) == body_of(**members)


REFUSED: list[tuple[object, str | None]] = [
    ([], None),
    (None, None),
    ("hello", None),
    (body_of(model=...), "model"),
    (body_of(model=""), "model"),
    (body_of(model=None), "model"),
    (body_of(model=5), "model"),
    (body_of(messages=...), "messages"),
    (body_of(messages=[]), "messages"),
    (body_of(messages={}), "messages"),
    (body_of(messages=None), "messages"),
    (body_of(messages=["hi"]), "messages[0]"),
    (body_of(messages=[{"role": "user"}]), "messages[0].content"),
    (body_of(messages=[{"content": "a"}]), "messages[0].role"),
    (body_of(messages=[{"role": "tool", "content": "a"}]), "messages[0].role"),
    (body_of(messages=[{"role": 1, "content": "a"}]), "messages[0].role"),
    (body_of(messages=[{"role": "user", "content": ""}]), "messages[0].content"),
    (body_of(messages=[{"role": "user", "content": []}]), "messages[0].content"),
    (body_of(messages=[{"role": "assistant", "content": ""}, USER]), "messages[0].content"),
    (body_of(messages=[{"role": "user", "content": None}]), "messages[0].content"),
    (body_of(messages=[{"role": "user", "content": 7}]), "messages[0].content"),
    (body_of(max_tokens=...), "max_tokens"),
    (body_of(max_tokens=None), "max_tokens"),
    (body_of(max_tokens=-1), "max_tokens"),
    (body_of(max_tokens="5"), "max_tokens"),
    (body_of(max_tokens=True), "max_tokens"),
    (body_of(max_tokens=1.5), "max_tokens"),
    (body_of(max_tokens=10**400), "max_tokens"),
    (body_of(system=5), "system"),
    (body_of(system=[{"text": "x"}]), "system[0].type"),
    (body_of(system=[{"type": "text"}]), "system[0].text"),
    (body_of(tools={}), "tools"),
    (body_of(tools=[{"input_schema": {}}]), "tools[0].name"),
    (body_of(tools=[{"name": "", "input_schema": {}}]), "tools[0].name"),
    (body_of(tools=[{"name": "t", "input_schema": "x"}]), "tools[0].input_schema"),
    (body_of(tools=[{"name": "t", "type": 5}]), "tools[0].type"),
    (body_of(tool_choice="auto"), "tool_choice"),
    (body_of(tool_choice={}), "tool_choice.type"),
    (body_of(tool_choice={"type": "some"}), "tool_choice.type"),
    (body_of(tool_choice={"type": "tool"}), "tool_choice.name"),
    (body_of(thinking={"type": "enabled"}), "thinking.budget_tokens"),
    (body_of(thinking=True), "thinking"),
    (body_of(temperature="hot"), "temperature"),
    (body_of(stop_sequences="x"), "stop_sequences"),
    (body_of(stop_sequences=[1]), "stop_sequences[0]"),
    (body_of(stream="yes"), "stream"),
    (body_of(metadata={"user_id": 5}), "metadata.user_id"),
    (body_of(output_config={"format": {"type": "json_schema"}}), "output_config.format.schema"),
    (body_of(output_config={"format": {"type": "json_schema", "schema": 5}}), "output_config.format.schema"),
    (body_of(cache_control={}), "cache_control.type"),
]


@pytest.mark.parametrize(("body", "param"), REFUSED, ids=lambda value: json.dumps(value)[:70])
def test_a_bad_member_is_named(body: object, param: str | None) -> None:
    with pytest.raises(BadRequest) as caught:
        FORMAT.decode_request(call_of(body), Losses())
    assert caught.value.param == param
    assert caught.value.message


@pytest.mark.parametrize("text", [b"", b"{", b"{}x", b'{"model": NaN}', b"\xff", b'{"a":"\xff"}', b"[" * 100_000])
def test_what_is_not_json_is_refused(text: bytes) -> None:
    with pytest.raises(BadRequest):
        FORMAT.decode_request(HTTPCall("POST", "/v1/messages", text), Losses())


def test_a_thread_is_refused_in_the_words_that_make_the_sdk_resend_its_history() -> None:
    with pytest.raises(BadRequest) as caught:
        decoded(thread={"type": "create"})
    error = json.loads(FORMAT.encode_error(caught.value.error, "r").body)["error"]
    assert error["type"] == "invalid_request_error"
    assert error["details"] == {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}


def test_version_and_betas_are_sent_on_as_they_came() -> None:
    call = call_of(body_of(), anthropic_version="2023-06-01", anthropic_beta="a,b", x_api_key="secret")
    again = FORMAT.encode_request(
        FORMAT.decode_request(HTTPCall("POST", "/", call.body, call.headers, "beta=true"), Losses()), Profile(), Losses()
    )
    assert again.query == "beta=true"
    assert dict(again.headers) == {"content-type": "application/json", "anthropic-version": "2023-06-01", "anthropic-beta": "a,b"}


def test_a_request_of_this_format_is_no_loss_to_itself_and_every_other_reader_hears_of_the_rest() -> None:
    request = decoded(speed="fast", messages=[{"role": "system", "content": "s"}, USER])
    own, other = Losses(), Losses()
    encoded(request, losses=own)
    other.add_foreign(request.extras, "openai-chat", "")
    assert [loss.field for loss in own] == []
    assert [loss.field for loss in other] == ["speed"]
    assert [message.role for message in request.messages] == [Role.SYSTEM, Role.USER]


def test_the_token_counter_needs_no_limit() -> None:
    assert FORMAT.decode_count_request is not None
    assert FORMAT.encode_count_request is not None
    call = call_of(body_of(max_tokens=..., tools=[{"name": "t", "input_schema": SCHEMA}]))
    request = FORMAT.decode_count_request(call, Losses())
    again = FORMAT.encode_count_request(request, Profile(), Losses())
    assert (again.path, json.loads(again.body)) == ("/v1/messages/count_tokens", json.loads(call.body))


# Laws.

RICH = body_of(
    system=[{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
    tools=[{"name": "t", "input_schema": SCHEMA}],
    tool_choice={"type": "auto"},
    thinking={"type": "enabled", "budget_tokens": 2000},
    output_config={"effort": "low"},
    metadata={"user_id": "u"},
    messages=[
        USER,
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "x", "signature": "s"},
                {"type": "tool_use", "id": "t1", "name": "t", "input": {"a": 1}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "text", "text": "ok"}]},
                {"type": "image", "source": {"type": "url", "url": "http://x/y"}},
                {"type": "document", "source": {"type": "content", "content": [{"type": "text", "text": "p"}]}},
            ],
        },
    ],
)


PLACES = places(RICH)
OBJECTS = [path for path in PLACES if isinstance(at(RICH, path), dict)]


@given(st.lists(st.tuples(st.sampled_from(OBJECTS), st.sampled_from(["zz", "beta_x", "Ünknown"]), JSON_VALUES), max_size=4))
def test_unknown_members_anywhere_come_back(added: list[tuple[tuple[str | int, ...], str, object]]) -> None:
    body = json.loads(json.dumps(RICH))
    for path, name, value in added:
        at(body, path)[name] = value
    losses = Losses()
    assert encoded(FORMAT.decode_request(call_of(body), Losses()), losses=losses) == body
    assert len(losses) == 0


@given(st.sampled_from(PLACES[1:]), JSON_VALUES)
def test_any_value_anywhere_is_read_or_refused(path: tuple[str | int, ...], value: object) -> None:
    body = json.loads(json.dumps(RICH))
    at(body, path[:-1])[path[-1]] = value
    call = call_of(body)
    try:
        request = FORMAT.decode_request(call, Losses())
    except BadRequest:
        return
    assert encoded(request) == body
    peek(call)  # what is read in full is not refused at a glance
