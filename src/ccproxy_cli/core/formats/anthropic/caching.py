"""Cache breakpoints for clients whose own vendor caches by itself: without marks this one caches nothing."""

from attrs import evolve, frozen

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.anthropic.wire import NAME
from ccproxy_cli.core.parts import CacheMark, Markable, Media, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from ccproxy_cli.core.request import AnyTool, Message, Role, Tool

MAX_MARKS = 4
"""The vendor refuses a fifth."""

_MARKED_TURNS = 2
_MARK = CacheMark()


@frozen
class Prompt:
    """What can be cached of a request, in the order in which the vendor caches it."""

    tools: tuple[AnyTool, ...] | None
    instructions: tuple[Text | Opaque, ...]
    messages: tuple[Message, ...]


def mark_cache(prompt: Prompt, whole: CacheMark | None, losses: Losses) -> Prompt:
    """`prompt` with the client's own marks, or with marks after the tools, the instructions and the last two user messages.

    Args:
        whole: the client's mark on the request itself.
    """
    count = _marks(prompt) + (whole is not None)
    if count:
        return prompt if count <= MAX_MARKS else _without_surplus(prompt, count - MAX_MARKS, losses)
    messages = list(prompt.messages)
    users = [index for index, message in enumerate(messages) if message.role is Role.USER]
    for index in users[-_MARKED_TURNS:]:
        message = messages[index]
        messages[index] = Message(message.role, _marked(message.parts), message.flat, message.name, message.extras)
    instructions = tuple([part for part in _marked(prompt.instructions) if isinstance(part, Text | Opaque)])
    tools = prompt.tools
    if tools and isinstance(tools[-1], Tool):
        tools = (*tools[:-1], evolve(tools[-1], cache=_MARK))
    return Prompt(tools, instructions, tuple(messages))


def _marked(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """The same parts with a mark on the last that can have one."""
    for index in range(len(parts) - 1, -1, -1):
        part = parts[index]
        match part:
            case Text():
                return (*parts[:index], Text(part.text, _MARK, part.extras, part.proofs), *parts[index + 1 :])
            case Media() | ToolCall() | ToolResult():
                return (*parts[:index], evolve(part, cache=_MARK), *parts[index + 1 :])
            case Reasoning() | Refusal() | Opaque():
                continue
    return parts


def _marks(prompt: Prompt) -> int:
    count = sum([isinstance(tool, Tool) and tool.cache is not None for tool in prompt.tools or ()])
    for parts in (prompt.instructions, *[message.parts for message in prompt.messages]):
        count += sum([isinstance(part, Markable) and part.cache is not None for part in parts])
    return count


def _without_surplus(prompt: Prompt, surplus: int, losses: Losses) -> Prompt:
    """`prompt` without the earliest marks of its messages: later ones cache what those would have, and more."""
    losses.add("messages", f"{NAME} takes {MAX_MARKS} cache marks, so the {surplus} earliest in the messages are left out")
    messages: list[Message] = []
    for message in prompt.messages:
        parts: list[Part] = []
        for part in message.parts:
            match part:
                case Text() | Media() | ToolCall() | ToolResult() if part.cache is not None and surplus:
                    surplus -= 1
                    parts.append(evolve(part, cache=None))
                case _:
                    parts.append(part)
        messages.append(evolve(message, parts=tuple(parts)))
    return evolve(prompt, messages=tuple(messages))
