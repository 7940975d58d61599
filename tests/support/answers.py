"""What vendors can answer, each thing in the words of every format that has words for it."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from ccproxy_cli.core.hosted import HostedStep
from ccproxy_cli.core.parts import Opaque, Reasoning, Refusal, Text, ToolCall
from ccproxy_cli.core.response import FinishReason, Response
from tests.support.requests import PNG, Body


@frozen
class Answered:
    """One thing that can be answered."""

    bodies: Mapping[str, Body]
    """By format: a whole answer that holds it."""
    seen: Callable[[Response], object]
    """What of it an answer holds; what is false means nothing."""


def _claude(*blocks: Body, stop: str = "end_turn", sequence: str | None = None, **usage: Any) -> Body:
    shell = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": list(blocks)}
    return {**shell, "stop_reason": stop, "stop_sequence": sequence, "usage": {"input_tokens": 5, "output_tokens": 9, **usage}}


def _chat(message: Body, finish: str = "stop", details: Body | None = None, thought: int = 0, **choice: Any) -> Body:
    usage: Body = {"prompt_tokens": 20, "completion_tokens": 9, "total_tokens": 29, "prompt_tokens_details": details or {}}
    usage["completion_tokens_details"] = {"reasoning_tokens": thought}
    said = {"index": 0, "message": {"role": "assistant", "content": None, **message}, "finish_reason": finish, **choice}
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m", "choices": [said], "usage": usage}


def _responses(*items: Body, details: Body | None = None, thought: int = 0, reason: str | None = None) -> Body:
    cached = {"cached_tokens": 0, "cache_write_tokens": 0, **(details or {})}
    usage = {"input_tokens": 20, "input_tokens_details": cached, "output_tokens": 9, "total_tokens": 29}
    usage["output_tokens_details"] = {"reasoning_tokens": thought}
    shell = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "m",
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }
    ended = {"status": "incomplete" if reason else "completed", "incomplete_details": {"reason": reason} if reason else None}
    return {**shell, **ended, "output": list(items), "usage": usage}


def _gemini(*parts: Body, finish: str = "STOP", thought: int = 0, cached: int = 0, **candidate: Any) -> Body:
    usage = {"promptTokenCount": 20, "candidatesTokenCount": 9 - thought, "thoughtsTokenCount": thought, "cachedContentTokenCount": cached}
    said = {"content": {"role": "model", "parts": list(parts)}, "finishReason": finish, "index": 0, **candidate}
    return {"candidates": [said], "usageMetadata": usage, "modelVersion": "m", "responseId": "r"}


def _message(part: Body) -> Body:
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}


def _words(text: str = "Hi", **members: Any) -> Body:
    return _message({"type": "output_text", "text": text, "annotations": [], "logprobs": [], **members})


HI = {"type": "text", "text": "Hi"}
SEARCHED: list[Body] = [
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}},
    {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
]
CITED = {"type": "web_search_result_location", "url": "https://example.com", "title": "t", "encrypted_index": "x", "cited_text": "Hi"}
URL_CITED = {"type": "url_citation", "url": "https://example.com", "title": "t", "start_index": 0, "end_index": 2}
GROUNDED = {
    "groundingChunks": [{"web": {"uri": "https://example.com", "title": "t"}}],
    "groundingSupports": [{"segment": {"endIndex": 2, "text": "Hi"}, "groundingChunkIndices": [0]}],
}
RAN: list[Body] = [
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "code_execution", "input": {"code": "1"}},
    {
        "type": "code_execution_tool_result",
        "tool_use_id": "srvtoolu_1",
        "content": {"type": "code_execution_result", "stdout": "1", "stderr": "", "return_code": 0, "content": []},
    },
]
FETCHED: list[Body] = [
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_fetch", "input": {"url": "https://example.com"}},
    {
        "type": "web_fetch_tool_result",
        "tool_use_id": "srvtoolu_1",
        "content": {"type": "web_fetch_result", "url": "https://example.com", "content": {"type": "document", "source": {}}},
    },
]
PAGE_CITED: Body = {
    "type": "page_location",
    "cited_text": "Hi",
    "document_index": 0,
    "document_title": "a.pdf",
    "start_page_number": 1,
    "end_page_number": 2,
}
FILE_CITED: Body = {"type": "file_citation", "file_id": "file-1", "filename": "a.pdf", "index": 2}
_TWO = range(2)


def _sources(response: Response) -> object:
    return [(one.url, one.title) for part in response.parts if isinstance(part, Text) for one in part.citations]


def _asked_hosted(response: Response) -> object:
    meanings = [part.meaning for part in response.parts if isinstance(part, Opaque)]
    return [(step.kind, step.asked) for step in meanings if isinstance(step, HostedStep) and step.asked is not None]


def _calls() -> Mapping[str, Body]:
    named = [("f", f'{{"a":{number}}}') for number in _TWO]
    functions = [
        {"id": f"c{at}", "type": "function", "function": {"name": name, "arguments": text}} for at, (name, text) in enumerate(named)
    ]
    items = [
        {"type": "function_call", "id": f"fc_{at}", "call_id": f"c{at}", "name": name, "arguments": text, "status": "completed"}
        for at, (name, text) in enumerate(named)
    ]
    return {
        "anthropic": _claude(*({"type": "tool_use", "id": f"c{at}", "name": "f", "input": {"a": at}} for at in _TWO), stop="tool_use"),
        "openai-chat": _chat({"tool_calls": functions}, "tool_calls"),
        "openai-responses": _responses(*items),
        "gemini": _gemini(*({"functionCall": {"name": "f", "args": {"a": at}}} for at in _TWO)),
    }


def _finished(reason: FinishReason) -> Callable[[Response], object]:
    return lambda response: response.finish.reason is reason


def _refused(response: Response) -> object:
    return any(isinstance(part, Refusal) for part in response.parts) or response.finish.reason in (
        FinishReason.REFUSAL,
        FinishReason.FILTERED,
    )


ANSWERED: Mapping[str, Answered] = {
    "words": Answered(
        {
            "anthropic": _claude(HI),
            "openai-chat": _chat({"content": "Hi"}),
            "openai-responses": _responses(_words()),
            "gemini": _gemini({"text": "Hi"}),
        },
        lambda response: "".join(part.text for part in response.parts if isinstance(part, Text)),
    ),
    "thinking": Answered(
        {
            "anthropic": _claude({"type": "thinking", "thinking": "Hm.", "signature": "c2ln"}, HI),
            "openai-chat": _chat({"content": "Hi", "reasoning_content": "Hm."}),
            "openai-responses": _responses(
                {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm."}]}, _words()
            ),
            "gemini": _gemini({"text": "Hm.", "thought": True}, {"text": "Hi"}),
        },
        lambda response: "".join(part.text for part in response.parts if isinstance(part, Reasoning)),
    ),
    "calls side by side": Answered(
        _calls(),
        lambda response: [(part.name, part.arguments.replace(" ", "")) for part in response.parts if isinstance(part, ToolCall)],
    ),
    "refusal": Answered(
        {
            "anthropic": _claude(stop="refusal"),
            "openai-chat": _chat({"refusal": "No."}),
            "openai-responses": _responses(_message({"type": "refusal", "refusal": "No."})),
            "gemini": _gemini(finish="SAFETY"),
        },
        _refused,
    ),
    "why it was refused": Answered(
        {
            "anthropic": {**_claude(stop="refusal"), "stop_details": {"type": "refusal", "category": None, "explanation": "No."}},
            "openai-chat": _chat({"refusal": "No."}),
            "openai-responses": _responses(_message({"type": "refusal", "refusal": "No."})),
            "gemini": _gemini(finish="SAFETY", finishMessage="No."),
        },
        lambda response: response.finish.explanation or "".join(part.text for part in response.parts if isinstance(part, Refusal | Text)),
    ),
    "image": Answered(
        {
            "openai-responses": _responses({"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": PNG}),
            "gemini": _gemini({"inlineData": {"mimeType": "image/png", "data": PNG}}),
        },
        lambda response: PNG in str(response) or ("a line says so" if response.parts else None),
    ),
    "citations": Answered(
        {
            "anthropic": _claude({**HI, "citations": [CITED]}),
            "openai-chat": _chat({"content": "Hi", "annotations": [{"type": "url_citation", "url_citation": URL_CITED}]}),
            "openai-responses": _responses(_words(annotations=[URL_CITED])),
            "gemini": _gemini({"text": "Hi"}, groundingMetadata=GROUNDED),
        },
        _sources,
    ),
    "citations of documents": Answered(
        {
            "anthropic": _claude({**HI, "citations": [PAGE_CITED]}),
            "openai-responses": _responses(_words(annotations=[FILE_CITED])),
            "gemini": _gemini(
                {"text": "Hi"}, groundingMetadata={**GROUNDED, "groundingChunks": [{"retrievedContext": {"title": "a.pdf"}}]}
            ),
        },
        _sources,
    ),
    "what a web search did": Answered(
        {
            "anthropic": _claude(*SEARCHED, HI),
            "openai-responses": _responses(
                {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "x", "sources": []}}
            ),
            "gemini": _gemini({"text": "Hi"}, groundingMetadata={"webSearchQueries": ["x"]}),
        },
        _asked_hosted,
    ),
    "what code did that the vendor ran": Answered(
        {
            "anthropic": _claude(*RAN, HI),
            "openai-responses": _responses(
                {
                    "type": "code_interpreter_call",
                    "id": "ci_1",
                    "status": "completed",
                    "code": "1",
                    "container_id": "cntr_1",
                    "outputs": [{"type": "logs", "logs": "1"}],
                }
            ),
            "gemini": _gemini(
                {"executableCode": {"language": "PYTHON", "code": "1"}},
                {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
                {"text": "Hi"},
            ),
        },
        _asked_hosted,
    ),
    "which pages the vendor read": Answered(
        {
            "anthropic": _claude(*FETCHED, HI),
            "openai-responses": _responses(
                {
                    "type": "web_search_call",
                    "id": "ws_1",
                    "status": "completed",
                    "action": {"type": "open_page", "url": "https://example.com"},
                }
            ),
            "gemini": _gemini({"text": "Hi"}, urlContextMetadata={"urlMetadata": [{"retrievedUrl": "https://example.com"}]}),
        },
        _asked_hosted,
    ),
    "log probabilities": Answered(
        {
            "openai-chat": _chat(
                {"content": "Hi"}, logprobs={"content": [{"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}]}
            ),
            "openai-responses": _responses(_words(logprobs=[{"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": []}])),
            "gemini": _gemini({"text": "Hi"}, logprobsResult={"chosenCandidates": [{"token": "Hi", "logProbability": -0.5}]}),
        },
        lambda response: response.logprobs,
    ),
    "service tier": Answered(
        {
            "anthropic": _claude(HI, service_tier="priority"),
            "openai-chat": {**_chat({"content": "Hi"}), "service_tier": "priority"},
            "openai-responses": {**_responses(_words()), "service_tier": "priority"},
            "gemini": {
                **_gemini({"text": "Hi"}),
                "usageMetadata": {"promptTokenCount": 20, "candidatesTokenCount": 9, "serviceTier": "priority"},
            },
        },
        lambda response: response.service_tier,
    ),
    "ended at the limit": Answered(
        {
            "anthropic": _claude(HI, stop="max_tokens"),
            "openai-chat": _chat({"content": "Hi"}, "length"),
            "openai-responses": _responses(_words(), reason="max_output_tokens"),
            "gemini": _gemini({"text": "Hi"}, finish="MAX_TOKENS"),
        },
        _finished(FinishReason.LENGTH),
    ),
    "ended at a stop sequence": Answered(
        {"anthropic": _claude(HI, stop="stop_sequence", sequence="END")},
        lambda response: response.finish.stop_sequence or response.finish.reason is FinishReason.STOP,
    ),
    "tokens of prompt and answer": Answered(
        {
            "anthropic": _claude(HI),
            "openai-chat": _chat({"content": "Hi"}),
            "openai-responses": _responses(_words()),
            "gemini": _gemini({"text": "Hi"}),
        },
        lambda response: (response.usage.total_input, response.usage.output),
    ),
    "tokens read from a cache": Answered(
        {
            "anthropic": _claude(HI, cache_read_input_tokens=7),
            "openai-chat": _chat({"content": "Hi"}, details={"cached_tokens": 7}),
            "openai-responses": _responses(_words(), details={"cached_tokens": 7}),
            "gemini": _gemini({"text": "Hi"}, cached=7),
        },
        lambda response: response.usage.cache_read,
    ),
    "tokens written to a cache": Answered(
        {
            "anthropic": _claude(HI, cache_creation_input_tokens=7),
            "openai-chat": _chat({"content": "Hi"}, details={"cache_write_tokens": 7}),
            "openai-responses": _responses(_words(), details={"cache_write_tokens": 7}),
        },
        lambda response: response.usage.cache_write,
    ),
    "tokens of thinking": Answered(
        {
            "anthropic": _claude(HI, output_tokens_details={"thinking_tokens": 4}),
            "openai-chat": _chat({"content": "Hi"}, thought=4),
            "openai-responses": _responses(_words(), thought=4),
            "gemini": _gemini({"text": "Hi"}, thought=4),
        },
        lambda response: response.usage.reasoning,
    ),
}
