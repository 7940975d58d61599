"""Tool names that fit: long or oddly spelled names are replaced on the way out and restored on the way back.

The replacement depends on nothing but the name, so that a replayed conversation keeps its bytes and the provider's prompt cache.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from attrs import evolve

from ccproxy_cli.core.events import Event, PartStart
from ccproxy_cli.core.parts import Part, ToolCall, ToolResult
from ccproxy_cli.core.request import Message, Request, Tool

_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")
_DIGITS = 8
NO_NAMES: Mapping[str, str] = MappingProxyType({})


def fit_name(name: str, limit: int) -> str:
    """`name` if it is letters, digits, `_` and `-` alone and no longer than `limit`; else its beginning and 8 hex digits of its hash."""
    spelled = _FOREIGN.sub("_", name)
    if spelled == name and 0 < len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    return f"{spelled[: limit - _DIGITS - 1]}_{digest}"


def fit_names(request: Request, fit_one: Callable[[str], str]) -> tuple[Request, Mapping[str, str]]:
    """The request with every tool's name fitted, and how to restore them.

    Names change everywhere alike: in the tools, the choice among them, and the calls and results of the history.

    Returns:
        The request itself and an empty table if all names fit.
    """
    restore: dict[str, str] = {}

    def fit(name: str) -> str:
        fitted = fit_one(name)
        if fitted != name:
            restore[fitted] = name
        return fitted

    tools = request.tools and tuple(evolve(tool, name=fit(tool.name)) if isinstance(tool, Tool) else tool for tool in request.tools)
    choice = request.tool_choice and evolve(request.tool_choice, names=tuple(fit(name) for name in request.tool_choice.names))
    messages = tuple(_renamed(message, fit) for message in request.messages)
    if not restore:
        return request, NO_NAMES
    return evolve(request, tools=tools, tool_choice=choice, messages=messages), restore


def _renamed(message: Message, fit: Callable[[str], str]) -> Message:
    if not any(isinstance(part, ToolCall | ToolResult) for part in message.parts):
        return message
    return evolve(message, parts=tuple(_renamed_part(part, fit) for part in message.parts))


def _renamed_part(part: Part, fit: Callable[[str], str]) -> Part:
    match part:
        case ToolCall():
            return evolve(part, name=fit(part.name))
        case ToolResult(name=str() as name):
            return evolve(part, name=fit(name))
        case _:
            return part


def restore_names(event: Event, restore: Mapping[str, str]) -> Event:
    """The event with the client's own name for the tool that is called."""
    match event:
        case PartStart(index, ToolCall(name=name) as call) if name in restore:
            return PartStart(index, evolve(call, name=restore[name]))
        case _:
            return event
