"""The four vendors' APIs on loopback, all scripted in the same words, and what each was told, in the same words again."""

import base64
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any

from attrs import Factory, define, frozen

from tests.e2e.talks import Called, History, Result, Said, Thought, told_anthropic, told_openai
from tests.fake_anthropic import FakeAnthropic, failure, text, thinking, tool_use
from tests.fake_anthropic import Reply as AnthropicReply
from tests.fake_gemini import SIGNATURE, FakeGemini
from tests.fake_openai import Body, Call, FakeOpenAI, Reply
from tests.fake_responses import SEALED, FakeResponses
from tests.vendor_rules import broken_rules
from tests.vendor_types import misfit

STAND_IN = base64.b64encode(b"skip_thought_signature_validator").decode()
"""What the vendor documents for calls that its model did not make."""
SIGNED = "c2lnbmVkIGJ5IHRoZSBhbnRocm9waWMgYXBp"


@frozen
class Says:
    """What a model says to the words it is asked with, whichever API it is behind."""

    words: str = ""
    calls: Sequence[Call] = ()
    thoughts: str = ""
    cut: bool = False
    """It reached the token limit."""
    busy: int | None = None
    """It refuses for now, and names these seconds."""


@define
class Upstream:
    """One API."""

    model: str
    """As the client names it."""
    tokens: tuple[int, int, int]
    """What it tells of every answer: all of the prompt, how many of them from a cache, and of the answer."""
    read: Callable[[Body], History]
    rules: Callable[[Body], str]
    shape: Callable[[Body], Any]
    """The schema that an answer is to fit."""
    proof: str | None
    """What it signs or seals its thoughts with."""
    url: str = ""
    script: dict[str, Says] = Factory(dict)
    """By the last words of a request."""
    bodies: list[Body] = Factory(list)
    refusals: list[str] = Factory(list)

    @property
    def told(self) -> list[History]:
        return [numbered(self.read(body)) for body in self.bodies]

    def says(self, body: Body) -> Says:
        self.bodies.append(body)
        return self.script[_last_words(self.read(body))]


def numbered(history: History) -> History:
    """Ids of calls by their order: every API and every client has its own."""
    numbers: dict[str, str] = {}
    said: History = []
    for role, pieces in history:
        renamed: list[Said] = []
        for piece in pieces:
            match piece:
                case Called(call_id, name, arguments):
                    numbers[call_id] = f"#{len(numbers)}"
                    renamed.append(Called(numbers[call_id], name, arguments))
                case Result(call_id, words, failed):
                    renamed.append(Result(numbers[call_id], words, failed))
                case _:
                    renamed.append(piece)
        said.append((role, renamed))
    return said


def _last_words(history: History) -> str:
    pieces = [piece.words if isinstance(piece, Result) else piece for piece in history[-1][1] if isinstance(piece, str | Result)]
    return pieces[-1]


def reply_of(says: Says) -> Reply:
    return Reply(says.words, says.calls, CHAT_USAGE, "length" if says.cut else None, thoughts=says.thoughts, busy=says.busy)


def anthropic_reply_of(says: Says) -> AnthropicReply:
    if says.busy is not None:
        return failure(429, "rate_limit_error", "Too many requests.", retry_after=str(says.busy))
    blocks = [thinking(says.thoughts, SIGNED)] if says.thoughts else []
    if says.words:
        blocks.append(text(says.words))
    blocks += [tool_use(call.name, call.arguments, f"toolu_{number}") for number, call in enumerate(says.calls)]
    return AnthropicReply(blocks, "max_tokens" if says.cut else "tool_use" if says.calls else "end_turn")


CHAT_USAGE = {"prompt_tokens": 20, "completion_tokens": 7, "total_tokens": 27, "prompt_tokens_details": {"cached_tokens": 4}}


def told_responses(body: Body) -> History:
    """The conversation in a body for the Responses API, without its instructions. Tools answer on the user's side."""
    return _joined(_item(item) for item in body["input"] if item.get("role") not in ("system", "developer"))


def _item(item: dict[str, Any]) -> tuple[str, list[Said]]:
    match item:
        case {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}:
            return "assistant", [Called(call_id, name, json.loads(arguments))]
        case {"type": "function_call_output", "call_id": call_id, "output": str(words)}:
            return "user", [Result(call_id, words)]
        case {"type": "reasoning", "encrypted_content": str(sealed), "summary": summary}:
            return "assistant", [Thought("".join(one["text"] for one in summary), sealed)]
        case {"role": role, "content": content}:
            parts = [{"text": content}] if isinstance(content, str) else content
            return role, [part["text"] if "text" in part else _picture(part["image_url"]) for part in parts]
        case _:
            raise AssertionError(f"nobody said {item}")


def _picture(url: str) -> bytes:
    return base64.b64decode(url.removeprefix("data:image/png;base64,"))


def told_gemini(body: Body) -> History:
    """The conversation in a body for the Gemini API. Calls and results that have no ids are told by their place."""
    history: History = []
    called = 0
    for content in body["contents"]:
        said: list[Said] = []
        answered = called - sum("functionResponse" in part for part in content["parts"])
        for part in content["parts"]:
            if (signature := part.get("thoughtSignature")) and signature != STAND_IN:
                said.append(Thought("", signature))
            match part:
                case {"functionCall": call}:
                    said.append(Called(f"at {called}", call["name"], call.get("args") or {}))
                    called += 1
                case {"functionResponse": {"response": response}}:
                    said.append(Result(f"at {answered}", response["output"]))
                    answered += 1
                case {"inlineData": {"data": data}}:
                    said.append(base64.b64decode(data))
                case {"text": str(words), "thought": True}:
                    said.append(Thought(words, ""))
                case {"text": str(words)}:
                    said += [words] if words else []
                case _:
                    raise AssertionError(f"nobody said {part}")
        history.append(({"model": "assistant"}.get(content["role"], content["role"]), said))
    return _joined(history)


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


def _texts(content: Any) -> str:
    return content if isinstance(content, str) else "\n".join(part["text"] for part in content or ())


def _openai_rules(messages: Sequence[Any]) -> str:
    return "\n".join(_texts(message["content"]) for message in messages if message.get("role") in ("system", "developer"))


def _anthropic() -> Upstream:
    def shape(body: Body) -> Any:
        return body["output_config"]["format"]["schema"]

    return Upstream("anthropic/claude-opus-4-8", (16, 3, 5), told_anthropic, lambda body: _texts(body.get("system")), shape, SIGNED)


def _chat() -> Upstream:
    def shape(body: Body) -> Any:
        return body["response_format"]["json_schema"]["schema"]

    return Upstream("chat/gpt-5.4", (20, 4, 7), told_openai, lambda body: _openai_rules(body["messages"]), shape, None)


def _responses() -> Upstream:
    def rules(body: Body) -> str:
        return body.get("instructions") or _openai_rules(body["input"])

    def shape(body: Body) -> Any:
        return body["text"]["format"]["schema"]

    return Upstream("responses/gpt-5.4", (20, 4, 7), told_responses, rules, shape, SEALED)


def _gemini() -> Upstream:
    def rules(body: Body) -> str:
        return _texts((body.get("systemInstruction") or {}).get("parts"))

    def shape(body: Body) -> Any:
        asked = body["generationConfig"]
        return asked.get("responseJsonSchema") or asked["responseSchema"]

    return Upstream("gemini/gemini-3-flash", (20, 4, 7), told_gemini, rules, shape, SIGNATURE)


def upstreams() -> Mapping[str, Upstream]:
    return {"anthropic": _anthropic(), "openai-chat": _chat(), "openai-responses": _responses(), "gemini": _gemini()}


CONFIG = """
[providers.anthropic]
preset = "anthropic"
base_url = "{anthropic}"
api_key = "sk-ant-made-up"
[providers.chat]
preset = "openai"
base_url = "{chat}"
api_key = "sk-made-up"
[providers.responses]
preset = "openai-responses"
base_url = "{responses}"
api_key = "sk-made-up"
[providers.gemini]
preset = "gemini"
base_url = "{gemini}"
api_key = "made-up"
"""


@contextlib.asynccontextmanager
async def listening(found: Mapping[str, Upstream]) -> AsyncIterator[str]:
    """The APIs, and the configuration that names them. Each holds what it is asked to its vendor's types and rules."""

    def held(name: str, body: Body) -> Says:
        asked = {member: value for member, value in body.items() if member != "stream"}
        found[name].refusals += [*filter(None, [misfit(name, asked)]), *broken_rules(name, asked)]
        return found[name].says(body)

    async with (
        FakeAnthropic(lambda body: anthropic_reply_of(held("anthropic", body))) as anthropic,
        FakeOpenAI(lambda body: reply_of(held("openai-chat", body))) as chat,
        FakeResponses(lambda body: reply_of(found["openai-responses"].says(body))) as responses,
        FakeGemini(lambda body: reply_of(found["gemini"].says(body))) as gemini,
    ):
        yield CONFIG.format(anthropic=anthropic.url, chat=chat.url, responses=responses.url, gemini=gemini.url)
        for name, fake in (("openai-chat", chat), ("openai-responses", responses), ("gemini", gemini)):
            found[name].refusals += fake.refusals
