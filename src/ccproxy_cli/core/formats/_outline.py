"""What routing rules may ask of a request, read off its raw members: the request itself is not built for it."""

import re
from collections.abc import Sequence
from typing import TypeVar

import msgspec
from attrs import frozen

_T = TypeVar("_T")

_ABOUT_TITLES = re.compile(rb"\btitles?\b", re.IGNORECASE)
_BEGINNING = 600
"""Bytes of the instructions that say what a chore is: opencode's begin with "You are a title generator" (seen 2026-11)."""

WEB_SEARCH = "web_search"
"""How the hosted tool's type begins at Anthropic and OpenAI, a date following at some versions."""


@frozen
class Outline:
    """What there is in a request. Shapes that are not the format's count as nothing: saying so is for who reads it in full."""

    thinking: bool = False
    """The model is asked to think."""
    images: bool = False
    """There is an image in the conversation."""
    web_search: bool = False
    """A hosted web search is among the tools."""
    background: bool = False
    """An agent's small chore: the vendor's small model is asked, or a title is wanted and there are no tools to do anything else with."""


class Typed(msgspec.Struct, gc=False):
    """An object of which only the type counts."""

    type: str = ""


def read(text: bytes | None, decoder: "msgspec.json.Decoder[_T]") -> _T | None:
    """A member's value, None if it is not there or not of that shape."""
    if text is None:
        return None
    try:
        return decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


_typed = msgspec.json.Decoder(list[Typed])


def types(text: bytes | None) -> list[str]:
    """The types of the objects in a list, empty where one has none; nothing for anything else."""
    return [each.type for each in read(text, _typed) or ()]


def wants_title(tools: Sequence[object] | None, instructions: bytes | None) -> bool:
    """Whether a request is about a title, by how its instructions begin."""
    return not tools and instructions is not None and _ABOUT_TITLES.search(instructions[:_BEGINNING]) is not None
