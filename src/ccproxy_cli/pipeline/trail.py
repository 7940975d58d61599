"""Where a turn stands: a digest of all that was visibly said up to it.

Words alone are no name for a turn, for the same ones come in many conversations, and thoughts put before another conversation's words
would be told where they were never thought. What a client may change without changing the conversation is left out: instructions, which
often hold the time of day, thoughts, and white space around words, which some clients trim.
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
        """Whose words were said last."""
        self._words: list[str] = []
        """What `_speaker` is saying in one go."""
        self._speaker = ""

    def follow(self, messages: Iterable[Message]) -> None:
        """Go on with these."""
        for message in messages:
            if message.role not in INSTRUCTING:
                self.hear(message.parts, answer=message.role is Role.ASSISTANT)

    def hear(self, parts: Iterable[Part], *, answer: bool) -> None:
        """Go on with what one side said."""
        speaker = "\0answer\0" if answer else "\0question\0"
        for part in parts:
            match part:
                case Text(text) | Refusal(text):
                    if speaker != self._speaker:
                        self._end_words()
                        self._speaker = speaker
                    self._words.append(text)
                case ToolCall(call_id):
                    self._add(speaker, f"\0call {call_id}\0")
                case ToolResult(call_id, inner):
                    self._add(speaker, f"\0result {call_id}\0")
                    self.hear(inner, answer=answer)
                case Media(kind, source):
                    self._add(speaker, f"\0{kind} {len(source.data) if isinstance(source, Inline) else source}\0")
                case Reasoning() | Opaque():  # clients of other formats are told no such thing
                    pass

    @property
    def place(self) -> str:
        """Where the conversation is now: digits that depend on nothing but what was said."""
        said = self._said.copy()
        said.update(self._told(self._speaker, "".join(self._words).strip()))
        return said.hexdigest()[:_DIGITS]

    def _add(self, speaker: str, mark: str) -> None:
        self._end_words()
        self._said.update(self._told(speaker, mark))
        self._side = speaker

    def _end_words(self) -> None:
        words = "".join(self._words).strip()
        self._words.clear()
        if words:
            self._said.update(self._told(self._speaker, words))
            self._side = self._speaker

    def _told(self, speaker: str, text: str) -> bytes:
        return ((speaker if text and speaker != self._side else "") + text).encode("utf-8", "surrogatepass")
