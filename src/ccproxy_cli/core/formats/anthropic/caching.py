"""Cache breakpoints for clients whose own vendor caches by itself: without marks this one caches nothing."""

from collections.abc import Iterable

from attrs import evolve

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.anthropic.wire import NAME
from ccproxy_cli.core.parts import CacheMark, Media, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from ccproxy_cli.core.request import Message, Request, Role, Tool

MAX_MARKS = 4
"""The vendor refuses a fifth."""

_MARKED_TURNS = 2


def mark_cache(request: Request, losses: Losses) -> Request:
    """`request` with the client's own marks, or with marks after the tools, the instructions and the last two user messages."""
    count = sum(_marks(request))
    if count:
        return request if count <= MAX_MARKS else _without_surplus(request, count - MAX_MARKS, losses)
    users = [index for index, message in enumerate(request.messages) if message.role is Role.USER][-_MARKED_TURNS:]
    messages = tuple(evolve(m, parts=_marked(m.parts)) if index in users else m for index, m in enumerate(request.messages))
    instructions = tuple(part for part in _marked(request.instructions) if isinstance(part, Text | Opaque))
    tools = request.tools
    if tools and isinstance(tools[-1], Tool):
        tools = (*tools[:-1], evolve(tools[-1], cache=CacheMark()))
    return evolve(request, tools=tools, instructions=instructions, messages=messages)


def _marked(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """The same parts with a mark on the last that can have one."""
    for index in range(len(parts) - 1, -1, -1):
        part = parts[index]
        match part:
            case Text() | Media() | ToolCall() | ToolResult():
                return (*parts[:index], evolve(part, cache=CacheMark()), *parts[index + 1 :])
            case Reasoning() | Refusal() | Opaque():
                continue
    return parts


def _marks(request: Request) -> Iterable[bool]:
    yield request.cache is not None
    for tool in request.tools or ():
        yield isinstance(tool, Tool) and tool.cache is not None
    for part in (*request.instructions, *(part for message in request.messages for part in message.parts)):
        yield getattr(part, "cache", None) is not None


def _without_surplus(request: Request, surplus: int, losses: Losses) -> Request:
    """`request` without the earliest marks of its messages: later ones cache what those would have, and more."""
    losses.add("messages", f"{NAME} takes {MAX_MARKS} cache marks, so the {surplus} earliest in the messages are left out")
    messages: list[Message] = []
    for message in request.messages:
        parts: list[Part] = []
        for part in message.parts:
            match part:
                case Text() | Media() | ToolCall() | ToolResult() if part.cache is not None and surplus:
                    surplus -= 1
                    parts.append(evolve(part, cache=None))
                case _:
                    parts.append(part)
        messages.append(evolve(message, parts=tuple(parts)))
    return evolve(request, messages=tuple(messages))
