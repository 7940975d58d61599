"""Requests that other proxies are known to have broken, each under its symptom.

What holds for all requests is proven elsewhere: that they fit the vendor's types and break none of its rules, so that ids fit and results
follow their calls (`tests/corpus/test_requests_between_formats.py`), and that a conversation stays as it was told
(`tests/corpus/test_growing_conversations.py`).
"""

import json
from collections.abc import Callable

import pytest

from ccproxy_cli.core.formats import FORMATS
from tests.known_bugs.asking import (
    CHAT_TOOL,
    CLAUDE_CODE,
    CLAUDE_TOOL,
    FORMAT,
    LONG,
    PICTURE,
    SHAPE,
    called,
    chat,
    claude,
    declared,
    responses,
    used,
    words_in,
)
from tests.known_bugs.through import Body, sent, told
from tests.vendor_rules import broken_rules
from tests.vendor_types import misfit

Look = Callable[[Body], object]
CASES: dict[str, tuple[str, Body, str, str | None, Look, object]] = {
    "an id that is too long is shortened, for the call and its result alike": (
        "openai-chat",
        chat(*called(LONG)),
        "openai-responses",
        None,
        lambda body: (
            len({item["call_id"] for item in body["input"] if "call_id" in item}),
            max(len(item.get("call_id", "")) for item in body["input"]) <= 64,
        ),
        (1, True),
    ),
    "two long ids that begin alike stay two": (
        "openai-chat",
        chat(*called(LONG + "1", LONG + "2")),
        "openai-responses",
        None,
        lambda body: len({item["call_id"] for item in body["input"] if "call_id" in item}),
        2,
    ),
    "an id with letters that Claude does not take is spelled otherwise": (
        "openai-chat",
        chat(*called("call:1.a|b")),
        "anthropic",
        None,
        lambda body: [
            body["messages"][1]["content"][0]["id"].replace("_", "").isalnum(),
            body["messages"][1]["content"][0]["id"] == body["messages"][2]["content"][0]["tool_use_id"],
        ],
        [True, True],
    ),
    "an id is no longer than the strictest of Chat's servers takes": (
        "openai-responses",
        responses(
            {"type": "function_call", "call_id": "call_" + "x" * 50, "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_" + "x" * 50, "output": "done"},
        ),
        "openai-chat",
        None,
        lambda body: (
            body["messages"][1]["tool_calls"][0]["id"] == body["messages"][2]["tool_call_id"],
            len(body["messages"][2]["tool_call_id"]) <= 40,
        ),
        (True, True),
    ),
    "a shape for the answer is no forced tool": (
        "openai-chat",
        chat(response_format=FORMAT, reasoning_effort="high"),
        "anthropic",
        None,
        lambda body: ("tools" in body, "tool_choice" in body, body["output_config"]["format"]["schema"]["required"]),
        (False, False, ["a"]),
    ),
    "no limit is the model's own, not a small number": (
        "openai-chat",
        chat(),
        "anthropic",
        None,
        lambda body: body["max_tokens"] >= 32_000,
        True,
    ),
    "a limit below the least is raised to it": (
        "anthropic",
        claude(max_tokens=5),
        "openai-responses",
        None,
        lambda body: body["max_output_tokens"],
        16,
    ),
    "Gemini is given schemas as they are, without what only names them": (
        "anthropic",
        claude(tools=[CLAUDE_TOOL]),
        "gemini",
        None,
        lambda body: (
            "$schema" in words_in(body),
            "input_examples" in words_in(body),
            declared(body)["parametersJsonSchema"]["properties"]["b"]["additionalProperties"],
        ),
        (False, False, {"type": "string"}),
    ),
    "an older Gemini is given no word that its dialect lacks": (
        "anthropic",
        claude(tools=[CLAUDE_TOOL]),
        "gemini",
        "gemini-2.0-flash",
        lambda body: sorted(
            word
            for word in ("$schema", "propertyNames", "exclusiveMinimum", "const", "allOf", "oneOf")
            if f'"{word}"' in words_in(declared(body)["parameters"])
        ),
        [],
    ),
    "an older Gemini is given one type at a time": (
        "anthropic",
        claude(tools=[CLAUDE_TOOL]),
        "gemini",
        "gemini-2.0-flash",
        lambda body: '"type": [' in words_in(declared(body)),
        False,
    ),
    "a name that is required twice is required once": (
        "openai-chat",
        chat(tools=[CHAT_TOOL]),
        "anthropic",
        None,
        lambda body: body["tools"][0]["input_schema"]["required"],
        ["a", "b"],
    ),
    "a shape for the answer is not thinned out": (
        "openai-chat",
        chat(response_format=FORMAT),
        "gemini",
        None,
        lambda body: body["generationConfig"]["responseJsonSchema"]["additionalProperties"],
        False,
    ),
    "settings that nobody made are not sent as nulls": (
        "openai-chat",
        chat(temperature=None, top_p=None, stop=None),
        "gemini",
        None,
        lambda body: "null" in words_in(body),
        False,
    ),
    "a picture in a tool's result is not dropped": (
        "anthropic",
        claude(*used(results=([PICTURE],))),
        "gemini",
        None,
        lambda body: "iVBORw0KGgo=" in words_in(body),
        True,
    ),
    "a picture does not come between two results": (
        "anthropic",
        claude(*used(results=([PICTURE], "done"))),
        "openai-chat",
        None,
        lambda body: [message["role"] for message in body["messages"]],
        ["user", "assistant", "tool", "tool", "user"],
    ),
    "results of one turn come together and before other words": (
        "openai-chat",
        chat(*called("call_1", "call_2"), {"role": "user", "content": "And?"}),
        "anthropic",
        None,
        lambda body: [block["type"] for block in body["messages"][2]["content"]],
        ["tool_result", "tool_result", "text"],
    ),
    "a late instruction does not come between a call and its result": (
        "openai-chat",
        chat(called("call_1")[0], {"role": "system", "content": "Be brief."}, called("call_1")[1]),
        "anthropic",
        "claude-sonnet-4-5",
        lambda body: body["messages"][2]["content"][0]["type"],
        "tool_result",
    ),
    "the whole conversation is sent": (
        "anthropic",
        claude({"role": "assistant", "content": "One"}, {"role": "user", "content": "Two"}),
        "openai-responses",
        None,
        lambda body: [word for word in ("Hi", "One", "Two") if word in words_in(body["input"])],
        ["Hi", "One", "Two"],
    ),
    "a hosted tool is no tool without a name": (
        "openai-responses",
        responses(tools=[{"type": "image_generation"}]),
        "anthropic",
        None,
        lambda body: any(not tool.get("name") for tool in body.get("tools") or ()),
        False,
    ),
    "tools in a namespace are tools": (
        "openai-responses",
        responses(
            {"type": "function_call", "call_id": "call_1", "name": "read", "namespace": "files", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "call_1", "output": "done"},
            tools=[{"type": "namespace", "name": "files", "description": "F", "tools": [{"type": "function", "name": "read"}]}],
        ),
        "anthropic",
        None,
        lambda body: (body["tools"][0]["name"], body["messages"][1]["content"][0]["name"]),
        ("files__read", "files__read"),
    ),
    "tools that come with the conversation are not stripped": (
        "openai-responses",
        responses(
            {
                "type": "additional_tools",
                "role": "developer",
                "tools": [{"type": "function", "name": "late", "parameters": SHAPE, "strict": True}],
            }
        ),
        "openai-responses",
        None,
        lambda body: body["input"][1]["tools"][0]["name"],
        "late",
    ),
    "what a hosted search found goes back only with its seal": (
        "anthropic",
        claude(
            {
                "role": "assistant",
                "content": [
                    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
                    {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
                    {"type": "text", "text": "Found."},
                ],
            },
            {"role": "user", "content": "Go on"},
        ),
        "openai-chat",
        None,
        lambda body: ("srvtoolu_1" in words_in(body), "Found." in words_in(body)),
        (False, True),
    ),
    "another vendor's hosted search does not go to Claude as one of its own, which has a seal": (
        "openai-responses",
        responses(
            {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}},
            {"role": "assistant", "content": "Found."},
            {"role": "user", "content": "Go on"},
        ),
        "anthropic",
        None,
        lambda body: ("tool_use" in words_in(body), "tool_result" in words_in(body), "Found." in words_in(body)),
        (False, False, True),
    ),
    "what a client notes for its own vendor is not sent on, nor whose account it is": (
        "anthropic",
        claude(metadata={"user_id": "user_1_account_2_session_3"}),
        "openai-responses",
        None,
        lambda body: ("metadata" in body, "account_2" in words_in(body)),
        (False, False),
    ),
    "a shape for the answer stands beside tools and thinking": (
        "openai-chat",
        chat(response_format=FORMAT, reasoning_effort="high", tools=[CHAT_TOOL]),
        "anthropic",
        None,
        lambda body: (body["output_config"]["format"]["type"], len(body["tools"]), "tool_choice" in body, body["thinking"]["type"]),
        ("json_schema", 1, False, "adaptive"),
    ),
}


@pytest.mark.parametrize("symptom", CASES)
def test_a_request_known_to_break_elsewhere(symptom: str) -> None:
    source, body, target, model, look, wanted = CASES[symptom]
    assert look(told(source, body, target, model)) == wanted


def test_temperature_is_sent_with_the_last_version_that_takes_it() -> None:
    with_it = sent("openai-chat", chat(temperature=0.5), "anthropic", "claude-sonnet-4-5")
    without = sent("openai-chat", chat(), "anthropic", "claude-sonnet-4-5")
    assert (with_it.headers["anthropic-version"], json.loads(with_it.body)["temperature"]) == ("2023-06-01", 0.5)
    assert "temperature" not in json.loads(without.body)


def test_a_clients_betas_reach_their_vendor() -> None:
    call = sent("anthropic", claude(), "anthropic", headers={"anthropic-beta": "one-2026,two-2026", "anthropic-version": "2023-06-01"})
    assert call.headers["anthropic-beta"] == "one-2026,two-2026"


@pytest.mark.parametrize("target", FORMATS)
def test_every_call_goes_with_its_result(target: str) -> None:
    body = told("anthropic", claude(*used(results=("the first", "the second"))), target)
    (kept,) = {name: body[name] for name in ("messages", "input", "contents") if name in body}.values()
    assert sorted(word for word in ("the first", "the second") if word in words_in(kept)) == ["the first", "the second"]
    calls = {"anthropic": '"tool_use"', "openai-chat": '"function"', "openai-responses": '"function_call"', "gemini": '"functionCall"'}
    assert words_in(kept).count(calls[target]) >= 2


@pytest.mark.parametrize("target", ["openai-chat", "openai-responses", "gemini"])
def test_all_that_claude_code_says_is_taken_by_other_vendors(target: str) -> None:
    body = told("anthropic", CLAUDE_CODE, target)
    assert misfit(target, body) is None
    assert not broken_rules(target, body)
    assert "cc_version" not in words_in(body)
    assert all(word in words_in(body) for word in ("You are Claude Code.", "Please look", "ls -la", "README.md", "Be quick."))
