"""Where a turn stands: a digest of all that was visibly said up to it.

Words alone are no name for a turn, for the same ones come in many conversations, and thoughts put before another conversation's words
would be told where they were never thought. What a client may change without changing the conversation is left out: instructions, which
often hold the time of day, thoughts, and white space, which some clients trim.
"""

import hashlib
from collections.abc import Iterable

from ccproxy_cli.core.parts import Inline, Media, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from ccproxy_cli.core.request import INSTRUCTING, Message, Role

_DIGITS = 48


class Trail:
    """Follows a conversation from its beginning. How it is cut into messages and parts makes no difference."""

    def __init__(self) -> None:
        self._said = hashlib.sha256()
        self._side = ""

    def follow(self, messages: Iterable[Message]) -> None:
        """Go on with these."""
        for message in messages:
            if message.role not in INSTRUCTING:
                self.hear(message.parts, answer=message.role is Role.ASSISTANT)

    def hear(self, parts: Iterable[Part], *, answer: bool) -> None:
        """Go on with what one side said."""
        side = "\0answer\0" if answer else "\0question\0"
        for part in parts:
            visible = _visible(part)
            if visible:
                if side != self._side:
                    self._side = side
                    self._add(side)
                self._add(visible)

    @property
    def place(self) -> str:
        """Where the conversation is now: digits that depend on nothing but what was said."""
        return self._said.hexdigest()[:_DIGITS]

    def _add(self, text: str) -> None:
        self._said.update(text.encode("utf-8", "surrogatepass"))


def _visible(part: Part) -> str:
    match part:
        case Text(text) | Refusal(text):
            return "".join(text.split())
        case ToolCall(call_id):
            return f"\0call {call_id}\0"
        case ToolResult(call_id, parts):
            return f"\0result {call_id}\0" + "".join(map(_visible, parts))
        case Media(kind, source):
            return f"\0{kind} {len(source.data) if isinstance(source, Inline) else source}\0"
        case Reasoning() | Opaque():  # clients of other formats are told no such thing
            return ""
