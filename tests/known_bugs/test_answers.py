"""Complete answers and errors that other proxies are known to have broken, each under its symptom."""

import json
from collections.abc import Callable

import pytest

from ccproxy_cli.core.formats import FORMATS
from tests.known_bugs.through import Body, answered, refused

CLAUDE: Body = {"id": "msg_1", "type": "message", "role": "assistant", "model": "c", "stop_sequence": None}
USED = [{"type": "tool_use", "id": f"toolu_{number}", "name": "f", "input": {"a": number}} for number in range(2)]
USAGE = {"input_tokens": 5, "cache_read_input_tokens": 7, "cache_creation_input_tokens": 2, "output_tokens": 9}
RESPONSE: Body = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": "completed"}


def claude(*blocks: Body, stop: str = "end_turn") -> Body:
    return {**CLAUDE, "content": list(blocks), "stop_reason": stop, "usage": USAGE}


Look = Callable[[Body], object]
CASES: dict[str, tuple[str, Body, str, Look, object]] = {
    "every parallel call is told, and the finish says so": (
        "anthropic",
        claude(*USED, stop="tool_use"),
        "openai-chat",
        lambda body: (len(body["choices"][0]["message"]["tool_calls"]), body["choices"][0]["finish_reason"]),
        (2, "tool_calls"),
    ),
    "tokens from a cache are in the prompt's sum": (
        "anthropic",
        claude({"type": "text", "text": "Hi"}),
        "openai-chat",
        lambda body: (body["usage"]["prompt_tokens"], body["usage"]["completion_tokens"], body["usage"]["total_tokens"]),
        (14, 9, 23),
    ),
    "tokens from a cache are not in the rest": (
        "openai-chat",
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "g",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 12, "completion_tokens": 2, "total_tokens": 14, "prompt_tokens_details": {"cached_tokens": 7}},
        },
        "anthropic",
        lambda body: (body["usage"]["input_tokens"], body["usage"]["cache_read_input_tokens"]),
        (5, 7),
    ),
    "a hosted search is no call for the client": (
        "openai-responses",
        {
            **RESPONSE,
            "output": [
                {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x"}},
                {
                    "type": "message",
                    "id": "msg_1",
                    "role": "assistant",
                    "status": "completed",
                    "content": [{"type": "output_text", "text": "Hi", "annotations": []}],
                },
            ],
        },
        "anthropic",
        lambda body: ([block["type"] for block in body["content"] if block["type"] == "tool_use"], body["stop_reason"]),
        ([], "end_turn"),
    ),
    "a blocked prompt is a refusal and no empty answer": (
        "gemini",
        {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 5}},
        "anthropic",
        lambda body: body["stop_reason"],
        "refusal",
    ),
    "thoughts are not in the text that is to be JSON": (
        "gemini",
        {
            "candidates": [
                {
                    "content": {"role": "model", "parts": [{"text": "Hm.", "thought": True}, {"text": '{"a": 1}'}]},
                    "finishReason": "STOP",
                }
            ]
        },
        "openai-chat",
        lambda body: json.loads(body["choices"][0]["message"]["content"]),
        {"a": 1},
    ),
    "an answer that ends after thinking is an empty one, and told as that": (
        "anthropic",
        claude({"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}, {"type": "text", "text": ""}),
        "openai-chat",
        lambda body: (body["choices"][0]["message"]["content"], body["choices"][0]["finish_reason"]),
        ("", "stop"),
    ),
}


@pytest.mark.parametrize("symptom", CASES)
def test_an_answer_known_to_break_elsewhere(symptom: str) -> None:
    source, body, target, look, wanted = CASES[symptom]
    assert look(answered(source, body, target)) == wanted


@pytest.mark.parametrize("target", FORMATS)
def test_a_refusal_that_is_not_the_vendors_own_shape_keeps_its_status(target: str) -> None:
    reply = refused("openai-responses", 400, {"detail": "Unsupported parameter: metadata"}, target)
    assert reply.status == 400
    assert b"Unsupported parameter: metadata" in reply.body


@pytest.mark.parametrize("body", ["<html>Bad Gateway</html>", "upstream connect error", '[{"error": {"code": 404, "message": "x"}}]', ""])
@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", FORMATS)
def test_an_error_of_any_body_keeps_its_status_and_has_a_type(source: str, target: str, body: str) -> None:
    reply = refused(source, 404, body, target)
    assert reply.status == 404
    assert "None" not in json.dumps(json.loads(reply.body)["error"])


@pytest.mark.parametrize("target", FORMATS)
def test_a_signature_that_is_missing_is_told_as_the_requests_fault(target: str) -> None:
    error = {"code": 400, "message": "Function call is missing a thought_signature", "status": "INVALID_ARGUMENT"}
    reply = refused("gemini", 400, {"error": error}, target)
    assert reply.status == 400
    assert b"missing a thought_signature" in reply.body


@pytest.mark.parametrize("target", FORMATS)
def test_an_overloaded_vendor_is_no_fault_of_ours(target: str) -> None:
    reply = refused("anthropic", 529, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, target)
    assert reply.status in (503, 529)


def test_a_quota_that_is_used_up_is_not_to_be_asked_again() -> None:
    error = {"message": "You exceeded your current quota", "type": "insufficient_quota", "param": None, "code": "insufficient_quota"}
    reply = refused("openai-chat", 429, {"error": error}, "anthropic")
    assert (reply.status, reply.headers["x-should-retry"]) == (429, "false")


def test_what_a_vendor_says_about_trying_again_reaches_its_clients() -> None:
    body = {"type": "error", "error": {"type": "rate_limit_error", "message": "Slow down"}}
    reply = refused("anthropic", 429, body, "anthropic", retry_after="34", x_should_retry="true")
    assert (reply.headers["retry-after"], reply.headers["x-should-retry"]) == ("34", "true")


@pytest.mark.parametrize("target", ["anthropic", "openai-chat", "openai-responses"])
def test_a_delay_in_the_body_becomes_a_header(target: str) -> None:
    delay = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}
    error = {"code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED", "details": [delay]}
    assert refused("gemini", 429, {"error": error}, target).headers["retry-after"] == "34"


@pytest.mark.parametrize("source", ["openai-chat", "openai-responses", "gemini"])
def test_a_conversation_that_is_too_long_is_told_in_the_words_that_clients_act_on(source: str) -> None:
    said = {
        "openai-chat": {
            "error": {
                "message": "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens.",
                "type": "invalid_request_error",
                "param": "messages",
                "code": "context_length_exceeded",
            }
        },
        "openai-responses": {
            "error": {
                "message": "Your input exceeds the context window of this model.",
                "type": "invalid_request_error",
                "param": "input",
                "code": "context_length_exceeded",
            }
        },
        "gemini": {
            "error": {
                "code": 400,
                "message": "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
                "status": "INVALID_ARGUMENT",
            }
        },
    }
    assert b"prompt is too long" in refused(source, 400, said[source], "anthropic").body
