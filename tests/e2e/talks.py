"""One conversation of three turns with a picture, held through either vendor's official SDK, streaming or not."""

import base64
import json
import zlib
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Protocol, Self, TypeAlias

from anthropic import AsyncAnthropic
from attrs import frozen
from openai import AsyncOpenAI


@frozen
class Tool:
    """A function that the client offers; takes words under the names given."""

    name: str
    takes: Sequence[str]

    @property
    def schema(self) -> dict[str, Any]:
        properties = {name: {"type": "string"} for name in self.takes}
        return {"type": "object", "properties": properties, "required": list(self.takes), "additionalProperties": False}


@frozen
class Called:
    """What the model wants to be run."""

    id: str
    name: str
    arguments: dict[str, Any]


@frozen
class Result:
    """What came of it."""

    call_id: str
    words: str
    failed: bool = False


@frozen
class Thought:
    """What the model thought before it spoke."""

    words: str
    signature: str


Said: TypeAlias = str | bytes | Thought | Called | Result
"""Words, a picture's bytes, a thought, a call, or what came of one."""
History: TypeAlias = list[tuple[str, list[Said]]]
"""Who said what: role, and neighbouring words joined."""

LIMIT = 500
SYSTEM = "You are a patient guide.\nAnswer briefly."


def png(side: int = 8) -> bytes:
    """A small grey picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    pixels = zlib.compress((b"\0" + b"\x80" * side) * side)
    head = side.to_bytes(4, "big") * 2 + b"\x08\0\0\0\0"
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


PICTURE = png()
QUESTIONS: Sequence[Sequence[str | bytes]] = (
    ("What is in this picture?\n", PICTURE),
    ("/compact that, and see @/etc/hostname",),  # neither a command nor a file to a model
    ("Und auf Deutsch? 🦊",),
)
ANSWERS = ("It shows a grey square, eight by eight pixels.\n", "A grey square of 64 pixels.", "Ein graues Quadrat aus vierundsechzig")
"""The last one is cut at the token limit."""
HISTORY: History = [
    ("user", list(QUESTIONS[0])),
    ("assistant", [ANSWERS[0]]),
    ("user", list(QUESTIONS[1])),
    ("assistant", [ANSWERS[1]]),
    ("user", list(QUESTIONS[2])),
]
"""What a model must have been told when it is asked the last question."""


@frozen
class Answer:
    """What the SDK made of an answer."""

    text: str
    pieces: int
    """Deltas of text; 0 without streaming."""
    finish: str | None
    tokens: tuple[int, int, int]
    """All of the prompt, how many of them from a cache, and of the answer."""
    calls: tuple[Called, ...] = ()


class Talk(Protocol):
    """A conversation that an SDK holds."""

    messages: list[Any]
    """All of it so far, as the vendor's own objects."""
    finishes: Sequence[str]
    """The vendor's words for how the three answers end."""
    calls_tools: str
    """The vendor's word for an answer that calls tools."""

    async def say(self, said: Sequence[str | bytes]) -> Answer: ...
    async def give(self, results: Sequence[Result]) -> Answer: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...


class AnthropicTalk:
    """By the `anthropic` package."""

    finishes = ("end_turn", "end_turn", "max_tokens")
    calls_tools = "tool_use"

    def __init__(self, url: str, model: str, *, stream: bool, tools: Sequence[Tool] = (), **more: Any) -> None:
        self.client = AsyncAnthropic(base_url=url, api_key="any", max_retries=0)
        self._stream = stream
        self.messages: list[Any] = []
        self._asked: dict[str, Any] = {"model": model, "max_tokens": LIMIT, "system": SYSTEM, "messages": self.messages, **more}
        if tools:
            self._asked["tools"] = [{"name": tool.name, "input_schema": tool.schema} for tool in tools]

    async def say(self, said: Sequence[str | bytes]) -> Answer:
        return await self._ask([_anthropic_block(piece) for piece in said])

    async def give(self, results: Sequence[Result]) -> Answer:
        return await self._ask([_anthropic_result(result) for result in results])

    async def _ask(self, content: list[Any]) -> Answer:
        self.messages.append({"role": "user", "content": content})
        pieces = 0
        if self._stream:
            async with self.client.messages.stream(**self._asked) as stream:
                async for _ in stream.text_stream:
                    pieces += 1
                message: Any = await stream.get_final_message()
        else:
            message = await self.client.messages.create(**self._asked)
        self.messages.append({"role": "assistant", "content": message.content})
        usage = message.usage
        prompt = usage.input_tokens + usage.cache_read_input_tokens + (usage.cache_creation_input_tokens or 0)
        words = "".join(block.text for block in message.content if block.type == "text")
        calls = tuple(Called(block.id, block.name, block.input) for block in message.content if block.type == "tool_use")
        return Answer(words, pieces, message.stop_reason, (prompt, usage.cache_read_input_tokens, usage.output_tokens), calls)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.client.close()


class OpenAITalk:
    """By the `openai` package."""

    finishes = ("stop", "stop", "length")
    calls_tools = "tool_calls"

    def __init__(self, url: str, model: str, *, stream: bool, tools: Sequence[Tool] = (), **more: Any) -> None:
        self.client = AsyncOpenAI(base_url=f"{url}/v1", api_key="any", max_retries=0)
        self._stream = stream
        self.messages: list[Any] = [{"role": "system", "content": SYSTEM}]
        self._asked: dict[str, Any] = {"model": model, "max_completion_tokens": LIMIT, "messages": self.messages, **more}
        if tools:
            functions = [{"name": tool.name, "parameters": tool.schema, "strict": True} for tool in tools]
            self._asked["tools"] = [{"type": "function", "function": function} for function in functions]

    async def say(self, said: Sequence[str | bytes]) -> Answer:
        return await self._ask({"role": "user", "content": [_openai_part(piece) for piece in said]})

    async def give(self, results: Sequence[Result]) -> Answer:
        return await self._ask(*({"role": "tool", "tool_call_id": result.call_id, "content": result.words} for result in results))

    async def _ask(self, *messages: dict[str, Any]) -> Answer:
        self.messages += messages
        pieces = 0
        if self._stream:
            async with self.client.chat.completions.stream(**self._asked, stream_options={"include_usage": True}) as stream:
                async for event in stream:
                    pieces += event.type == "content.delta" and bool(event.delta)
                completion: Any = stream.current_completion_snapshot  # the final one refuses to be cut at the limit
        else:
            completion = await self.client.chat.completions.create(**self._asked)
        (choice,) = completion.choices
        self.messages.append(choice.message.model_dump(exclude_unset=True))
        usage = completion.usage
        tokens = (usage.prompt_tokens, usage.prompt_tokens_details.cached_tokens, usage.completion_tokens)
        calls = tuple(Called(call.id, call.function.name, json.loads(call.function.arguments)) for call in choice.message.tool_calls or ())
        return Answer(choice.message.content or "", pieces, choice.finish_reason, tokens, calls)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.client.close()


TALKS: Sequence[type[AnthropicTalk | OpenAITalk]] = (AnthropicTalk, OpenAITalk)


def _anthropic_block(piece: str | bytes) -> dict[str, Any]:
    if isinstance(piece, str):
        return {"type": "text", "text": piece}
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": base64.b64encode(piece).decode()}}


def _anthropic_result(result: Result) -> dict[str, Any]:
    failed = {"is_error": True} if result.failed else {}
    return {"type": "tool_result", "tool_use_id": result.call_id, "content": result.words, **failed}


def _openai_part(piece: str | bytes) -> dict[str, Any]:
    if isinstance(piece, str):
        return {"type": "text", "text": piece}
    return {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{base64.b64encode(piece).decode()}"}}


def told_anthropic(body: dict[str, Any], beside: str = "\0") -> History:
    """The conversation in a body for the Anthropic API, without the blocks of text that begin like `beside`."""
    messages = [(message["role"], _blocks(message["content"])) for message in body["messages"]]
    return _joined((role, [_said(block) for block in blocks if not block.get("text", "").startswith(beside)]) for role, blocks in messages)


def told_openai(body: dict[str, Any]) -> History:
    """The conversation in a body for OpenAI, without its instructions. Tools answer on the user's side, as they do elsewhere."""
    return _joined(_openai_turn(message) for message in body["messages"] if message["role"] not in _RULES)


def rules_openai(body: dict[str, Any]) -> list[str]:
    """The instructions in a body for OpenAI."""
    return [message["content"] for message in body["messages"] if message["role"] in _RULES]


_RULES = ("system", "developer")


def _blocks(content: str | list[Any]) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _openai_turn(message: dict[str, Any]) -> tuple[str, list[Said]]:
    if message["role"] == "tool":
        return "user", [Result(message["tool_call_id"], message["content"])]
    calls = [(call["id"], call["function"]) for call in message.get("tool_calls") or ()]
    said = [_said(block) for block in _blocks(message.get("content") or [])]
    called = [Called(call_id, function["name"], json.loads(function["arguments"])) for call_id, function in calls]
    return message["role"], [*said, *called]


def _joined(turns: Iterable[tuple[str, list[Said]]]) -> History:
    """Neighbours of one role, and neighbouring words, as one."""
    history: History = []
    for role, said in turns:
        if not history or history[-1][0] != role:
            history.append((role, []))
        together = history[-1][1]
        for piece in said:
            if isinstance(piece, str) and together and isinstance(last := together[-1], str):
                together[-1] = last + piece
            else:
                together.append(piece)
    return history


def _said(block: dict[str, Any]) -> Said:
    match block:
        case {"type": "text", "text": str(words)}:
            return words
        case {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}:
            return base64.b64decode(data)
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            return base64.b64decode(url.removeprefix("data:image/png;base64,"))
        case {"type": "thinking", "thinking": words, "signature": signature}:
            return Thought(words, signature)
        case {"type": "tool_use", "id": call_id, "name": name, "input": arguments}:
            return Called(call_id, name, arguments)
        case {"type": "tool_result", "tool_use_id": call_id, "content": content}:
            (words,) = _blocks(content)
            return Result(call_id, words["text"], block.get("is_error", False))
        case _:
            raise AssertionError(f"nobody said {block}")
