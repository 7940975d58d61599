"""The official SDKs as applications use them, one class each, all asked in the same words: streaming or not, with tools, pictures, thinking
and shapes, each keeping its conversation as that vendor's own objects.
"""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Protocol

import anthropic
import openai
from attrs import field, frozen
from google import genai
from google.genai import errors, types
from pydantic import BaseModel

from tests.e2e.talks import Called, Result, Tool
from tests.e2e.waiting import Waiting

LIMIT = 4000
SYSTEM = "You are a patient guide.\nAnswer briefly."


@frozen
class Asking:
    """How a conversation is to be held."""

    url: str
    model: str
    stream: bool
    key: str = "any"
    tools: Sequence[Tool] = ()
    thinking: bool = False
    shape: type[BaseModel] | None = None


@frozen
class Told:
    """What an SDK made of an answer."""

    text: str
    finish: str
    """stop, length or tool_calls."""
    tokens: tuple[int, int, int]
    """All of the prompt, how many of them from a cache, and of the answer."""
    calls: tuple[Called, ...] = ()
    thoughts: str = ""
    pieces: int = field(default=0, eq=False)
    """Deltas of text; 0 without streaming."""
    parsed: BaseModel | None = None


class Client(Protocol):
    """One conversation."""

    async def say(self, *said: str | bytes) -> Told: ...
    async def give(self, *results: Result) -> Told: ...


class AnthropicClient:
    """By `anthropic`."""

    def __init__(self, sdk: anthropic.AsyncAnthropic, asking: Asking) -> None:
        self._sdk, self._asking = sdk, asking
        self._messages: list[Any] = []
        self._asked: dict[str, Any] = {"model": asking.model, "max_tokens": LIMIT, "system": SYSTEM, "messages": self._messages}
        if asking.tools:
            self._asked["tools"] = [{"name": tool.name, "input_schema": tool.schema} for tool in asking.tools]
        if asking.thinking:
            self._asked["thinking"] = {"type": "enabled", "budget_tokens": 2000}

    async def say(self, *said: str | bytes) -> Told:
        return await self._ask([_anthropic_block(piece) for piece in said])

    async def give(self, *results: Result) -> Told:
        return await self._ask([_anthropic_result(result) for result in results])

    async def _ask(self, content: list[Any]) -> Told:
        self._messages.append({"role": "user", "content": content})
        pieces = 0
        message: Any = None
        if self._asking.shape is not None:
            message = await self._sdk.messages.parse(**self._asked, output_format=self._asking.shape)
        elif self._asking.stream:
            async with self._sdk.messages.stream(**self._asked) as stream:
                async for _ in stream.text_stream:
                    pieces += 1
                message = await stream.get_final_message()
        else:
            message = await self._sdk.messages.create(**self._asked)
        self._messages.append({"role": "assistant", "content": message.content})
        usage, blocks = message.usage, message.content
        cached = usage.cache_read_input_tokens or 0
        return Told(
            "".join(block.text for block in blocks if block.type == "text"),
            {"end_turn": "stop", "max_tokens": "length", "tool_use": "tool_calls"}[message.stop_reason],
            (usage.input_tokens + cached + (usage.cache_creation_input_tokens or 0), cached, usage.output_tokens),
            tuple(Called(block.id, block.name, block.input) for block in blocks if block.type == "tool_use"),
            "".join(block.thinking for block in blocks if block.type == "thinking"),
            pieces,
            getattr(message, "parsed_output", None),
        )


def _anthropic_result(result: Result) -> dict[str, Any]:
    failed = {"is_error": True} if result.failed else {}
    return {"type": "tool_result", "tool_use_id": result.call_id, "content": result.words, **failed}


def _anthropic_block(piece: str | bytes) -> dict[str, Any]:
    if isinstance(piece, str):
        return {"type": "text", "text": piece}
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": base64.b64encode(piece).decode()}}


class ChatClient:
    """By `openai`, Chat Completions."""

    def __init__(self, sdk: openai.AsyncOpenAI, asking: Asking) -> None:
        self._sdk, self._asking = sdk, asking
        self._messages: list[Any] = [{"role": "system", "content": SYSTEM}]
        self._asked: dict[str, Any] = {"model": asking.model, "max_completion_tokens": LIMIT, "messages": self._messages}
        if asking.tools:
            functions = [{"name": tool.name, "parameters": tool.schema, "strict": True} for tool in asking.tools]
            self._asked["tools"] = [{"type": "function", "function": function} for function in functions]
        if asking.thinking:
            self._asked["reasoning_effort"] = "medium"

    async def say(self, *said: str | bytes) -> Told:
        return await self._ask({"role": "user", "content": [_chat_part(piece) for piece in said]})

    async def give(self, *results: Result) -> Told:
        return await self._ask(*({"role": "tool", "tool_call_id": result.call_id, "content": result.words} for result in results))

    async def _ask(self, *messages: dict[str, Any]) -> Told:
        self._messages += messages
        pieces = 0
        completion: Any = None
        if self._asking.shape is not None:
            completion = await self._sdk.chat.completions.parse(**self._asked, response_format=self._asking.shape)
        elif self._asking.stream:
            async with self._sdk.chat.completions.stream(**self._asked, stream_options={"include_usage": True}) as stream:
                async for event in stream:
                    pieces += event.type == "content.delta" and bool(event.delta)
                completion = stream.current_completion_snapshot  # the final one refuses to be cut at the limit
        else:
            completion = await self._sdk.chat.completions.create(**self._asked)
        (choice,) = completion.choices
        message, usage = choice.message, completion.usage
        functions = [(call.id, call.function) for call in message.tool_calls or ()]
        kept: dict[str, Any] = {"role": "assistant", "content": message.content}  # what applications usually keep of it
        if functions:
            named = [{"id": call_id, "name": call.name, "arguments": call.arguments} for call_id, call in functions]
            kept["tool_calls"] = [{"id": one.pop("id"), "type": "function", "function": one} for one in named]
        self._messages.append(kept)
        return Told(
            message.content or "",
            choice.finish_reason,
            (usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens, usage.completion_tokens),
            tuple(Called(call_id, call.name, json.loads(call.arguments)) for call_id, call in functions),
            getattr(message, "reasoning_content", None) or "",
            pieces,
            getattr(message, "parsed", None),
        )


def _chat_part(piece: str | bytes) -> dict[str, Any]:
    if isinstance(piece, str):
        return {"type": "text", "text": piece}
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{base64.b64encode(piece).decode()}"}}


class ResponsesClient:
    """By `openai`, Responses. Nothing is stored, so thoughts come sealed and go back with the rest."""

    def __init__(self, sdk: openai.AsyncOpenAI, asking: Asking) -> None:
        self._sdk, self._asking = sdk, asking
        self._items: list[Any] = []
        self._asked: dict[str, Any] = {"model": asking.model, "max_output_tokens": LIMIT, "instructions": SYSTEM, "input": self._items}
        self._asked["store"] = False
        if asking.tools:
            functions = [{"name": tool.name, "parameters": tool.schema, "strict": True} for tool in asking.tools]
            self._asked["tools"] = [{"type": "function", **function} for function in functions]
        if asking.thinking:
            self._asked |= {"reasoning": {"effort": "medium", "summary": "auto"}, "include": ["reasoning.encrypted_content"]}

    async def say(self, *said: str | bytes) -> Told:
        return await self._ask({"role": "user", "content": [_responses_part(piece) for piece in said]})

    async def give(self, *results: Result) -> Told:
        outputs = ({"type": "function_call_output", "call_id": result.call_id, "output": result.words} for result in results)
        return await self._ask(*outputs)

    async def _ask(self, *items: dict[str, Any]) -> Told:
        self._items += items
        pieces = 0
        response: Any = None
        if self._asking.shape is not None:
            response = await self._sdk.responses.parse(**self._asked, text_format=self._asking.shape)
        elif self._asking.stream:
            async with self._sdk.responses.stream(**self._asked) as stream:
                async for event in stream:
                    pieces += event.type == "response.output_text.delta"
                    if event.type in ("response.completed", "response.incomplete"):  # the final one refuses to be cut at the limit
                        response = event.response
        else:
            response = await self._sdk.responses.create(**self._asked)
        self._items += response.output
        usage, calls = response.usage, [item for item in response.output if item.type == "function_call"]
        finish = "length" if response.status == "incomplete" else "tool_calls" if calls else "stop"
        return Told(
            response.output_text,
            finish,
            (usage.input_tokens, usage.input_tokens_details.cached_tokens, usage.output_tokens),
            tuple(Called(call.call_id, call.name, json.loads(call.arguments)) for call in calls),
            "".join(summary.text for item in response.output if item.type == "reasoning" for summary in item.summary),
            pieces,
            getattr(response, "output_parsed", None),
        )


def _responses_part(piece: str | bytes) -> dict[str, Any]:
    if isinstance(piece, str):
        return {"type": "input_text", "text": piece}
    url = f"data:image/png;base64,{base64.b64encode(piece).decode()}"
    return {"type": "input_image", "image_url": url, "detail": "auto"}


class GeminiClient:
    """By `google-genai`, without or with `async`."""

    def __init__(self, sdk: genai.Client, asking: Asking, *, wait: bool) -> None:
        self._sdk, self._asking, self._wait = sdk, asking, wait
        self._contents: list[types.Content] = []
        self._names: dict[str, str] = {}
        self._config = types.GenerateContentConfig(
            system_instruction=SYSTEM,
            max_output_tokens=LIMIT,
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        )
        if asking.tools:
            functions = [types.FunctionDeclaration(name=tool.name, parameters_json_schema=tool.schema) for tool in asking.tools]
            self._config.tools = [types.Tool(function_declarations=functions)]
        if asking.thinking:
            self._config.thinking_config = types.ThinkingConfig(thinking_level=types.ThinkingLevel.LOW, include_thoughts=True)
        if asking.shape is not None:
            self._config.response_mime_type, self._config.response_schema = "application/json", asking.shape

    async def say(self, *said: str | bytes) -> Told:
        text, media = types.Part.from_text, types.Part.from_bytes
        return await self._ask([text(text=one) if isinstance(one, str) else media(data=one, mime_type="image/png") for one in said])

    async def give(self, *results: Result) -> Told:
        parts = []
        for result in results:
            call_id, name = (None, result.call_id.removeprefix("by name: ")) if ": " in result.call_id else (result.call_id, None)
            answered = types.FunctionResponse(id=call_id, name=name or self._names[result.call_id], response={"output": result.words})
            parts.append(types.Part(function_response=answered))
        return await self._ask(parts)

    async def _ask(self, parts: list[types.Part]) -> Told:
        self._contents.append(types.Content(role="user", parts=parts))
        chunks = await self._answers()
        contents = [content for chunk in chunks if (content := chunk.candidates[0].content)]
        said = [part for content in contents for part in content.parts or ()]
        self._contents.append(types.Content(role="model", parts=said))
        usage, reason = chunks[-1].usage_metadata, chunks[-1].candidates[0].finish_reason
        calls = [part.function_call for part in said if part.function_call is not None]
        self._names |= {call.id: call.name for call in calls if call.id}
        finish = "tool_calls" if calls else {"STOP": "stop", "MAX_TOKENS": "length"}[reason.value]
        return Told(
            "".join(part.text or "" for part in said if not part.thought),
            finish,
            (
                usage.prompt_token_count,
                usage.cached_content_token_count or 0,
                usage.candidates_token_count + (usage.thoughts_token_count or 0),
            ),
            tuple(Called(call.id or f"by name: {call.name}", call.name, call.args or {}) for call in calls),
            "".join(part.text or "" for part in said if part.thought),
            sum(bool(part.text) for part in said) if self._asking.stream else 0,
            getattr(chunks[-1], "parsed", None),
        )

    async def _answers(self) -> list[Any]:
        asked: dict[str, Any] = {"model": self._asking.model, "contents": self._contents, "config": self._config}
        models = self._sdk.models
        if self._wait:
            if self._asking.stream:
                return await asyncio.to_thread(lambda: list(models.generate_content_stream(**asked)))
            return [await asyncio.to_thread(lambda: models.generate_content(**asked))]
        if self._asking.stream:
            return [chunk async for chunk in await self._sdk.aio.models.generate_content_stream(**asked)]
        return [await self._sdk.aio.models.generate_content(**asked)]


@contextlib.asynccontextmanager
async def _anthropic(asking: Asking) -> AsyncIterator[Client]:
    async with anthropic.AsyncAnthropic(base_url=asking.url, api_key=asking.key, max_retries=0) as sdk:
        yield AnthropicClient(sdk, asking)


@contextlib.asynccontextmanager
async def _chat(asking: Asking) -> AsyncIterator[Client]:
    async with openai.AsyncOpenAI(base_url=f"{asking.url}/v1", api_key=asking.key, max_retries=0) as sdk:
        yield ChatClient(sdk, asking)


@contextlib.asynccontextmanager
async def _responses(asking: Asking) -> AsyncIterator[Client]:
    async with openai.AsyncOpenAI(base_url=f"{asking.url}/v1", api_key=asking.key, max_retries=0) as sdk:
        yield ResponsesClient(sdk, asking)


@contextlib.asynccontextmanager
async def _waiting_anthropic(asking: Asking) -> AsyncIterator[Client]:
    with anthropic.Anthropic(base_url=asking.url, api_key=asking.key, max_retries=0) as sdk:
        yield AnthropicClient(Waiting(sdk), asking)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def _waiting_openai(asking: Asking, client: type[ChatClient | ResponsesClient]) -> AsyncIterator[Client]:
    with openai.OpenAI(base_url=f"{asking.url}/v1", api_key=asking.key, max_retries=0) as sdk:
        yield client(Waiting(sdk), asking)  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def _gemini(asking: Asking, *, wait: bool = False) -> AsyncIterator[Client]:
    options = types.HttpOptions(base_url=asking.url, retry_options=types.HttpRetryOptions(attempts=1))
    sdk = genai.Client(api_key=asking.key, vertexai=False, http_options=options)
    try:
        yield GeminiClient(sdk, asking, wait=wait)
    finally:
        await sdk.aio.aclose()
        sdk.close()


CLIENTS: Mapping[str, Callable[[Asking], contextlib.AbstractAsyncContextManager[Client]]] = {
    "anthropic": _anthropic,
    "openai-chat": _chat,
    "openai-responses": _responses,
    "gemini": _gemini,
    "anthropic-without-async": _waiting_anthropic,
    "openai-chat-without-async": lambda asking: _waiting_openai(asking, ChatClient),
    "openai-responses-without-async": lambda asking: _waiting_openai(asking, ResponsesClient),
    "gemini-without-async": lambda asking: _gemini(asking, wait=True),
}
TOO_BUSY = (anthropic.RateLimitError, openai.RateLimitError, errors.ClientError)
"""What the SDKs raise on 429."""


def refusal(error: BaseException) -> tuple[int, str | None]:
    """The status of an SDK's error, and after how many seconds it says to try again."""
    if isinstance(error, errors.ClientError):
        details = error.details["error"].get("details", ())
        delays = [detail["retryDelay"].removesuffix("s") for detail in details if detail["@type"].endswith("RetryInfo")]
        return error.code, next(iter(delays), None)
    assert isinstance(error, anthropic.APIStatusError | openai.APIStatusError)
    return error.status_code, error.response.headers.get("retry-after")
