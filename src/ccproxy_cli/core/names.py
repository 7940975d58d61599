"""Tool names that fit: long or oddly spelled names are replaced on the way out and restored on the way back.

The replacement depends on nothing but the name, so that a replayed conversation keeps its bytes and the provider's prompt cache.
"""

import hashlib
import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

from attrs import evolve

from ccproxy_cli.core.events import Event, PartStart
from ccproxy_cli.core.parts import Part, ToolCall, ToolResult
from ccproxy_cli.core.request import Request, Tool

_FITTING = re.compile(r"[a-zA-Z0-9_-]+")
_FOREIGN = re.compile(r"[^a-zA-Z0-9_-]")
_DIGITS = 8
NO_NAMES: Mapping[str, str] = MappingProxyType({})


def fit_name(name: str, limit: int) -> str:
    """`name` if it is letters, digits, `_` and `-` alone and no longer than `limit`; else its beginning and 8 hex digits of its hash."""
    if len(name) <= limit and _FITTING.fullmatch(name):
        return name
    spelled = _FOREIGN.sub("_", name)
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
    return f"{spelled[: limit - _DIGITS - 1]}_{digest}"


def fit_names(request: Request, fit_one: Callable[[str], str]) -> tuple[Request, Mapping[str, str]]:
    """The request with every tool's name fitted, and how to restore them.

    Names change everywhere alike: in the tools, the choice among them, and the calls and results of the history.

    Returns:
        The request itself and an empty table if all names fit.
    """
    fitted = _fitted(list(dict.fromkeys(_names(request))), fit_one)
    if not fitted:
        return request, NO_NAMES
    tools = request.tools and tuple(_renamed(tool, fitted) if isinstance(tool, Tool) else tool for tool in request.tools)
    choice = request.tool_choice and evolve(request.tool_choice, names=tuple(fitted.get(name, name) for name in request.tool_choice.names))
    messages = tuple(evolve(message, parts=tuple(_renamed_part(part, fitted) for part in message.parts)) for message in request.messages)
    restore = {fit: name for name, fit in fitted.items()}
    return evolve(request, tools=tools, tool_choice=choice, messages=messages), restore


def _fitted(names: Sequence[str], fit_one: Callable[[str], str]) -> dict[str, str]:
    """What stands for those names that do not fit. No two of the names go by one: it would be the wrong tool that is called then."""
    fits = {name: fit_one(name) for name in names}
    taken = {name for name, fit in fits.items() if fit == name}
    fitted: dict[str, str] = {}
    for name, fit in fits.items():
        if fit != name:
            again = itertools.count(2)
            while fit in taken:
                fit = fit_one(f"{name}#{next(again)}")
            taken.add(fit)
            fitted[name] = fit
    return fitted


def _names(request: Request) -> Iterator[str]:
    for tool in request.tools or ():
        if isinstance(tool, Tool):
            yield tool.name
    if request.tool_choice is not None:
        yield from request.tool_choice.names
    for message in request.messages:
        for part in message.parts:
            if isinstance(part, ToolCall | ToolResult) and part.name is not None:
                yield part.name


_Named = TypeVar("_Named", Tool, ToolCall, ToolResult)


def _renamed(named: _Named, fitted: Mapping[str, str]) -> _Named:
    return evolve(named, name=fitted[named.name]) if named.name is not None and named.name in fitted else named


def _renamed_part(part: Part, fitted: Mapping[str, str]) -> Part:
    match part:
        case ToolCall():
            return _renamed(part, fitted)
        case ToolResult():
            return _renamed(part, fitted)
        case _:
            return part


def restore_names(event: Event, restore: Mapping[str, str]) -> Event:
    """The event with the client's own name for the tool that is called."""
    match event:
        case PartStart(index, ToolCall(name=name) as call) if name in restore:
            return PartStart(index, evolve(call, name=restore[name]))
        case _:
            return event
