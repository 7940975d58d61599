"""The last conversation of `ask`, so that the next question can go on from it. One file of this user's, written anew each time."""

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

import cattrs
from attrs import evolve, frozen
from cattrs.strategies import configure_tagged_union

from ccproxy_cli.cli.asking import usage_error
from ccproxy_cli.config.origin import ConfigError
from ccproxy_cli.config.writing import write_private
from ccproxy_cli.core.extras import Extras
from ccproxy_cli.core.jsontext import JSONError, dumps, loads
from ccproxy_cli.core.parts import Media, Reasoning, Refusal, Source, Text
from ccproxy_cli.core.request import Message, Request, Role
from ccproxy_cli.core.response import Response

NAME = "conversation.json"
_VERSION = 1

_Kept: TypeAlias = Text | Media | Reasoning | Refusal
"""What people say to each other. Nobody runs a tool here, and a vendor's own doings are no part of what comes next."""


@frozen
class _Turn:
    role: Role
    parts: tuple[_Kept, ...]


@frozen
class Conversation:
    """What was said, and by whom it is answered."""

    model: str
    """As `provider/model`."""
    system: str
    turns: tuple[_Turn, ...]

    def continued_by(self, request: Request) -> Request:
        """A request that goes on from here."""
        before = tuple(Message(turn.role, turn.parts) for turn in self.turns)
        instructions = request.instructions or ((Text(self.system),) if self.system else ())
        return evolve(request, model=request.model or self.model, messages=before + request.messages, instructions=instructions)


def conversation_of(model: str, request: Request, response: Response) -> Conversation:
    """A request with its answer, to be gone on from."""
    said = [*request.messages, Message(Role.ASSISTANT, response.parts)]
    turns = (_Turn(message.role, tuple(map(_plain, (part for part in message.parts if isinstance(part, _Kept))))) for message in said)
    return Conversation(model, "".join(part.text for part in request.instructions if isinstance(part, Text)), tuple(turns))


def _plain(part: _Kept) -> _Kept:
    """A part without what was noted beside its words."""
    return evolve(part, citations=()) if isinstance(part, Text) else part


def save(folder: Path, conversation: Conversation) -> str | None:
    """Keep it in place of the one before. Returns why that could not be done, if it could not: an answer is not worth less for it."""
    data = {"version": _VERSION, **_converter().unstructure(conversation)}
    try:
        write_private(folder / NAME, dumps(data).decode(), over=True)
    except ConfigError as error:
        return f"this conversation cannot be continued: {error}"
    return None


def load(folder: Path) -> Conversation:
    """The last conversation.

    Raises:
        ConfigError: there is none that can be read.
    """
    path = folder / NAME
    try:
        data = loads(path.read_bytes())
    except FileNotFoundError:
        raise usage_error("there is no conversation to continue", "--continue") from None
    except (OSError, JSONError) as error:
        raise usage_error(f"{path} cannot be read: {error}", "--continue") from error
    if not isinstance(data, dict) or data.pop("version", None) != _VERSION:
        raise usage_error(f"{path} is of another version of this program", "--continue")
    try:
        return _converter().structure(data, Conversation)
    except (cattrs.BaseValidationError, ValueError, TypeError) as error:
        raise usage_error(f"{path} holds no conversation", "--continue") from error


@functools.cache
def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(omit_if_default=True)
    converter.register_structure_hook_func(_is_extras, lambda value, _: _extras(value))
    configure_tagged_union(Source, converter, tag_name="source")
    configure_tagged_union(_Kept, converter, tag_name="part")
    return converter


def _is_extras(kind: Any) -> bool:
    return bool(kind == Extras)


def _extras(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("extras are a table")
    return value
