"""The embedded model: repeats what it is told, calls tools when asked to, thinks when asked to. Needs no account and no network.

It answers like a model so that every part of the program, and every client, can be tried without one: it streams word by word, honours
`max_tokens`, stop sequences, tool choice and output schemas, and names the media it was shown.
"""

import asyncio
import hashlib
import re
from collections.abc import Iterator

from ccproxy_cli.backends.base import EventStream, Health
from ccproxy_cli.core.catalog import ModelInfo, TokenCount
from ccproxy_cli.core.errors import APIError, ErrorKind, UpstreamError
from ccproxy_cli.core.estimate import estimate_text, estimate_tokens
from ccproxy_cli.core.events import TextDelta
from ccproxy_cli.core.extras import Losses, refuse_vital
from ccproxy_cli.core.jsontext import JSON, dumps
from ccproxy_cli.core.parts import Inline, Link, Media, Part, PlainText, Reasoning, Text, ToolCall, ToolKind, ToolResult
from ccproxy_cli.core.request import ChoiceMode, OutputKind, Request, Role, ThinkingMode, Tool
from ccproxy_cli.core.response import Finish, FinishReason, Response, Usage
from ccproxy_cli.core.stream import explode

MODEL = "echo"
_DEEPEST = 16
"""Levels of nesting an invented value may have: schemas may refer to themselves."""
_WORDS = re.compile(r"\s*\S+|\s+$")


class EchoBackend:
    """The provider of the one model `echo`."""

    def __init__(self, name: str = "echo") -> None:
        self.name = name

    async def send(self, request: Request, losses: Losses, client_key: str | None = None) -> EventStream:
        if request.model != MODEL:
            raise UpstreamError(APIError(ErrorKind.NOT_FOUND, f"model: {request.model[:100]}", param="model", code="model_not_found"))
        refuse_vital(request.extras)
        losses.refuse_if_strict()
        return _stream(answer(request))

    async def count_tokens(self, request: Request, losses: Losses, client_key: str | None = None) -> TokenCount:
        refuse_vital(request.extras)
        return TokenCount(estimate_tokens(request), estimated=True)

    async def models(self) -> tuple[ModelInfo, ...]:
        return (ModelInfo(MODEL, display_name="Echo (embedded)", owner="ccproxy", context_window=1_000_000, max_output=1_000_000),)

    async def health(self) -> Health:
        return Health(True, "embedded, always there")

    async def aclose(self) -> None:
        """Nothing to end."""


async def _stream(response: Response) -> EventStream:
    for event in explode(response):
        if isinstance(event, TextDelta):
            for word in _WORDS.findall(event.text) or [event.text]:
                yield [TextDelta(event.index, word)]
                await asyncio.sleep(0)  # lets other streams, and the news that the client has gone, have their turn
        else:
            yield [event]


def answer(request: Request) -> Response:
    """What the embedded model says. The same request always gets the same answer."""
    parts: list[Part] = []
    if _wants_thinking(request):
        parts.append(Reasoning(f"The last message is {len(_prompt(request))} characters long."))
    calls = list(_calls(request))
    limit = request.max_tokens
    finish = Finish(FinishReason.TOOL_CALLS if calls else FinishReason.STOP)
    if calls:
        parts.extend(calls)
    else:
        text, stop = _cut_at_stop(_words(request), request.stop or ())
        finish = Finish(FinishReason.STOP_SEQUENCE, stop_sequence=stop) if stop else finish
        words = _WORDS.findall(text)
        if limit is not None and len(words) > limit:
            text, finish = "".join(words[:limit]), Finish(FinishReason.LENGTH)
        parts.append(Text(text))
    thinking = sum(estimate_text(part.text) for part in parts if isinstance(part, Reasoning))
    spoken = sum(
        estimate_text(part.text if isinstance(part, Text) else part.arguments) for part in parts if isinstance(part, Text | ToolCall)
    )
    usage = Usage(input=estimate_tokens(request), cache_read=0, cache_write=0, output=thinking + spoken, reasoning=thinking)
    return Response(_id("echo", request), request.model, tuple(parts), finish, usage)


def _id(prefix: str, request: Request, index: int = 0) -> str:
    seed = f"{index}|{len(request.messages)}|{_prompt(request)}"
    return f"{prefix}_{hashlib.sha256(seed.encode()).hexdigest()[:24]}"


def _wants_thinking(request: Request) -> bool:
    thinking = request.thinking
    return thinking is not None and thinking.mode is not ThinkingMode.DISABLED and thinking.effort != "none"


def _last_parts(request: Request) -> tuple[Part, ...]:
    for message in reversed(request.messages):
        if message.role in (Role.USER, Role.TOOL):
            return message.parts
    return ()


def _prompt(request: Request) -> str:
    return "\n".join(part.text for part in _last_parts(request) if isinstance(part, Text))


def _words(request: Request) -> str:
    if request.output is not None and request.output.kind is OutputKind.JSON_SCHEMA:
        return dumps(_instance(request.output.schema or {}, _prompt(request))).decode()
    if request.output is not None and request.output.kind is OutputKind.JSON_OBJECT:
        return dumps({"echo": _prompt(request)}).decode()
    return "\n".join(filter(None, (_say(part) for part in _last_parts(request))))


def _say(part: Part) -> str:
    match part:
        case Text(text):
            return text
        case Media(kind, Inline(media_type, data)):
            return f"[{kind.value}: {media_type}, {len(data) * 3 // 4} bytes]"
        case Media(kind, Link(url)):
            return f"[{kind.value}: {url}]"
        case Media(_, PlainText(text)):
            return text
        case Media(kind):
            return f"[{kind.value}]"
        case ToolResult():
            inner = "\n".join(filter(None, (_say(piece) for piece in part.parts)))
            return f"The tool {'failed' if part.is_error else 'answered'}: {inner}"
        case _:
            return ""


def _calls(request: Request) -> Iterator[ToolCall]:
    """A call of each tool the prompt names, or of the first one if the client demands a call."""
    choice = request.tool_choice
    if choice is not None and choice.mode is ChoiceMode.NONE:
        return
    tools = [tool for tool in request.tools or () if isinstance(tool, Tool)]
    if choice is not None and choice.names:
        tools = [tool for tool in tools if tool.name in choice.names]
    prompt = _prompt(request)
    wanted = [tool for tool in tools if re.search(rf"(?<!\w){re.escape(tool.name)}(?!\w)", prompt)]
    answered = any(isinstance(part, ToolResult) for part in _last_parts(request))
    if not wanted and tools and choice is not None and choice.mode is ChoiceMode.REQUIRED and not answered:
        wanted = tools[:1]
    if request.parallel_tool_calls is False:
        wanted = wanted[:1]
    for index, tool in enumerate(wanted):
        arguments = prompt if tool.kind is ToolKind.CUSTOM else dumps(_instance(tool.parameters or {}, prompt)).decode()
        yield ToolCall(_id("call", request, index), tool.name, arguments, kind=tool.kind)


def _instance(schema: JSON, text: str) -> JSON:
    """A small value that fits a JSON schema, strings taken from `text`. Knows what tool schemas commonly use."""
    root = schema if isinstance(schema, dict) else {}

    def build(schema: JSON, depth: int) -> JSON:
        if not isinstance(schema, dict) or depth > _DEEPEST:
            return None
        if "const" in schema:
            return schema["const"]
        if schema.get("enum"):
            return schema["enum"][0]
        if isinstance(schema.get("$ref"), str):
            return build(_definition(root, schema["$ref"]), depth + 1)
        for union in ("anyOf", "oneOf", "allOf"):
            if isinstance(schema.get(union), list) and schema[union]:
                return build(schema[union][0], depth + 1)
        kind = schema.get("type")
        match kind[0] if isinstance(kind, list) and kind else kind:
            case "string":
                longest = schema.get("maxLength")
                return text[:longest] if isinstance(longest, int) else text
            case "integer" | "number":
                return schema.get("minimum", 0)
            case "boolean":
                return True
            case "null":
                return None
            case "array":
                return [build(schema.get("items", {}), depth + 1)]
            case _:
                properties = schema.get("properties")
                members = properties if isinstance(properties, dict) else {}
                required = schema.get("required", list(members))
                return {name: build(members.get(name, {}), depth + 1) for name in required if isinstance(name, str)}

    return build(schema, 0)


def _definition(root: JSON, pointer: str) -> JSON:
    """What a local reference such as `#/$defs/Person` points at; nothing if it leads nowhere."""
    found = root
    for step in pointer.removeprefix("#").strip("/").split("/"):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _cut_at_stop(text: str, sequences: tuple[str, ...]) -> tuple[str, str | None]:
    found = [(text.find(sequence), sequence) for sequence in sequences if sequence and sequence in text]
    if not found:
        return text, None
    at, sequence = min(found)
    return text[:at], sequence
