"""Requests with thinking that other proxies are known to have broken, each under its symptom.

That proofs reach their issuer byte for byte is proven for all recorded conversations in `tests/corpus/test_proofs.py`, and that a proof
which is refused is left out once in `tests/pipeline/test_reasoning.py`.
"""

import json
from collections.abc import Callable

import pytest

from tests.known_bugs.asking import CHAT_TOOL, called, chat, claude, parts, responses, thought, used, words_in
from tests.known_bugs.through import Body, sent, told

Look = Callable[[Body], object]
CASES: dict[str, tuple[str, Body, str, str | None, Look, object]] = {
    "thinking by a budget does not meet a forced tool": (
        "openai-chat",
        chat(tools=[CHAT_TOOL], tool_choice="required", reasoning_effort="high"),
        "anthropic",
        "claude-sonnet-4-5",
        lambda body: (body.get("thinking") or {}).get("type") == "enabled" and body["tool_choice"]["type"] == "any",
        False,
    ),
    "nor does it after the tools have answered": (
        "openai-chat",
        chat(*called("call_1"), tools=[CHAT_TOOL], tool_choice="required", reasoning_effort="high"),
        "anthropic",
        "claude-sonnet-4-5",
        lambda body: ((body.get("thinking") or {}).get("type"), body["tool_choice"]["type"]),
        (None, "any"),
    ),
    "a budget for thinking leaves room for the answer": (
        "openai-chat",
        chat(reasoning_effort="high", max_completion_tokens=5000),
        "anthropic",
        "claude-sonnet-4-5",
        lambda body: 1024 <= body["thinking"]["budget_tokens"] < body["max_tokens"] == 5000,
        True,
    ),
    "a limit that leaves no room for thinking is kept, and the thinking is not": (
        "openai-chat",
        chat(reasoning_effort="high", max_completion_tokens=500),
        "anthropic",
        "claude-sonnet-4-5",
        lambda body: (body["max_tokens"], "thinking" in body and body["thinking"]["type"] == "enabled"),
        (500, False),
    ),
    "thinking goes back with the calls it led to": (
        "anthropic",
        claude(*used(thought())),
        "anthropic",
        None,
        lambda body: body["messages"][1]["content"][0],
        thought(),
    ),
    "thinking without words is still thinking": (
        "anthropic",
        claude(*used(thought(""))),
        "anthropic",
        None,
        lambda body: body["messages"][1]["content"][0],
        thought(""),
    ),
    "sealed thinking goes back": (
        "anthropic",
        claude(*used({"type": "redacted_thinking", "data": "c2VhbGVk"})),
        "anthropic",
        None,
        lambda body: body["messages"][1]["content"][0],
        {"type": "redacted_thinking", "data": "c2VhbGVk"},
    ),
    "a signature is sent to nobody but its issuer": (
        "anthropic",
        claude(*used(thought(signature="c2lnbmVkIGJ5IGNsYXVkZQ=="))),
        "gemini",
        None,
        lambda body: "c2lnbmVkIGJ5IGNsYXVkZQ==" in words_in(body),
        False,
    ),
    "sealed reasoning of another vendor is no signature": (
        "openai-responses",
        responses(
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAAAABsealed"}, {"role": "assistant", "content": "Hi"}
        ),
        "anthropic",
        None,
        lambda body: "gAAAA" in words_in(body) or "thinking" in words_in(body["messages"]),
        False,
    ),
    "another vendor's thinking is not told as words": (
        "anthropic",
        claude(
            {"role": "assistant", "content": [thought("My secret plan."), {"type": "text", "text": "Hi"}]},
            {"role": "user", "content": "Go on"},
        ),
        "openai-chat",
        None,
        lambda body: "secret plan" in words_in(body),
        False,
    ),
    "a call that Gemini did not make has the documented stand-in for a signature": (
        "anthropic",
        claude(*used()),
        "gemini",
        None,
        lambda body: next(part for part in parts(body) if "functionCall" in part)["thoughtSignature"],
        "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=",
    ),
    "nothing stands in for a signature that is there": (
        "gemini",
        {
            "contents": [
                {"role": "user", "parts": [{"text": "Hi"}]},
                {
                    "role": "model",
                    "parts": [
                        {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "b25l"},
                        {"functionCall": {"name": "f", "args": {}}},
                    ],
                },
                {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "x"}}}] * 2},
            ]
        },
        "gemini",
        None,
        lambda body: [part.get("thoughtSignature") for part in parts(body) if "functionCall" in part],
        ["b25l", None],
    ),
    "the stand-in is never sent to Claude": (
        "gemini",
        {
            "contents": [
                {"role": "user", "parts": [{"text": "Hi"}]},
                {
                    "role": "model",
                    "parts": [
                        {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="}
                    ],
                },
                {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": {"output": "x"}}}]},
            ]
        },
        "anthropic",
        None,
        lambda body: "c2tpcF90" in words_in(body) or "thinking" in words_in(body["messages"]),
        False,
    ),
    "a compatible server's reasoning details go back": (
        "openai-chat",
        chat({"role": "assistant", "content": "Hi", "reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}]}),
        "openai-chat",
        None,
        lambda body: body["messages"][1]["reasoning_details"],
        [{"type": "reasoning.encrypted", "data": "x"}],
    ),
    "a signature beside a compatible server's call goes back": (
        "openai-chat",
        chat(
            *(
                message
                if "tool_calls" not in message
                else {**message, "tool_calls": [{**message["tool_calls"][0], "extra_content": {"google": {"thought_signature": "c2ln"}}}]}
                for message in called("call_1")
            )
        ),
        "openai-chat",
        None,
        lambda body: body["messages"][1]["tool_calls"][0]["extra_content"],
        {"google": {"thought_signature": "c2ln"}},
    ),
}


@pytest.mark.parametrize("symptom", CASES)
def test_a_request_known_to_break_elsewhere(symptom: str) -> None:
    source, body, target, model, look, wanted = CASES[symptom]
    assert look(told(source, body, target, model)) == wanted


def test_signed_thinking_is_not_respelled() -> None:
    words = 'Mixed "quotes", \\ and é\u2028 — 🦊'
    assert json.loads(sent("anthropic", claude(*used(thought(words))), "anthropic").body)["messages"][1]["content"][0]["thinking"] == words
