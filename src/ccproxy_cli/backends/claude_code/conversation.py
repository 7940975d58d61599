"""A conversation in Anthropic's words, as turns that the CLI takes as they are.

The CLI reads what it is given: a turn may be run as a command, a file may be fetched, an image redrawn, a message dropped. Each rule
here answers one such finding (2.1.197 and 2.1.329 against a fake API), so that the API receives what the client sent, or the client is
told what it does not.
"""

from collections.abc import Iterator, Sequence

from attrs import define, field

from ccproxy_cli.backends.claude_code.toolbridge import to_cli
from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.ids import digest_id
from ccproxy_cli.core.imagesize import image_size
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.parts import Markable
from ccproxy_cli.core.request import Request

_LARGEST_SIDE = 2000
_LARGEST_DATA = 5 * 1024 * 1024
"""Pixels, and base64 characters, above which the CLI shrinks an image and says so to the model (2.1.329)."""
_THINKING = frozenset({"thinking", "redacted_thinking"})
_KEPT_CITATION = "web_search_result_location"
"""Citations of documents are emptied, those of the web are sent as they are (2.1.329)."""


@define
class Turn:
    """All that one side said before the other spoke."""

    role: str
    """`user` or `assistant`."""
    content: list[JSON] = field(factory=list)


def conversation(messages: Sequence[JSON], losses: Losses) -> list[Turn]:
    """The turns of a request body's `messages`; the last one is the user's.

    Raises:
        BadRequest: the CLI cannot be made to send it.
    """
    reader = _Reader(losses)
    for index, message in enumerate(messages):
        reader.read(message, f"messages[{index}]")
    turns = reader.turns
    if not turns or turns[-1].role != "user":
        where = f"messages[{len(messages) - 1}]"
        raise BadRequest(f"{where}: Claude Code cannot continue an answer that was begun; the last message must be the user's", where)
    for turn in turns:
        if turn.role == "user":
            turn.content = guarded(turn.content)
    return turns


def guarded(content: list[JSON]) -> list[JSON]:
    """The same text, cut so that it is not taken for a command.

    A turn whose last text begins with a slash is run by the CLI and not shown to the model: `/config` would change the user's own
    settings. Two adjacent texts read the same to the model.
    """
    last = max((index for index, block in enumerate(content) if block.get("type") == "text"), default=None)
    if last is None:
        return content
    text: str = content[last]["text"]
    rest = text.lstrip("/")
    if rest == text or not rest.strip():
        return content
    slashes = text[: len(text) - len(rest)]
    return [*content[:last], {"type": "text", "text": slashes}, {**content[last], "text": rest}, *content[last + 1 :]]


def note_cache_marks(request: Request, losses: Losses) -> None:
    """Record the client's cache marks that the CLI's own, at the system text and the last message, do not cover."""
    for index, message in enumerate(request.messages[:-1]):
        for position, part in enumerate(message.parts):
            if isinstance(part, Markable) and part.cache is not None:
                losses.add(f"messages[{index}].content[{position}].cache_control", "Claude Code sets its own cache marks")


class _Reader:
    """Gathers turns. Neighbours of one role are joined: the CLI would join them too, and add line ends of its own."""

    def __init__(self, losses: Losses) -> None:
        self.turns: list[Turn] = []
        self._losses = losses
        self._calls: set[str] = set()
        self._renamed: dict[str, str] = {}

    def read(self, message: JSON, path: str) -> None:
        role, content = message["role"], message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if role == "assistant":
            self._renamed = {}
            fitted = list(self._assistant(blocks, f"{path}.content"))
            if fitted and all(block.get("type") in _THINKING for block in fitted):
                self._losses.add(path, "Claude Code leaves out an answer that holds nothing but thinking")
                return
        elif role == "system":
            fitted = [_reminder(block) for block in self._user(blocks, f"{path}.content")]
            self._losses.add(f"{path}.role", "Claude Code has no system messages within a conversation; sent as a reminder of the user's")
        else:
            fitted = list(self._user(blocks, f"{path}.content"))
        self._add("assistant" if role == "assistant" else "user", fitted)

    def _add(self, role: str, blocks: list[JSON]) -> None:
        if not blocks:
            return
        if not self.turns or self.turns[-1].role != role:
            self.turns.append(Turn(role))
        self.turns[-1].content += blocks

    def _assistant(self, blocks: Sequence[JSON], path: str) -> Iterator[JSON]:
        for index, block in enumerate(blocks):
            where, block = f"{path}[{index}]", _unmarked(block)
            match block.get("type"):
                case "text":
                    if not all(one.get("type") == _KEPT_CITATION for one in block.get("citations") or ()):
                        del block["citations"]
                        self._losses.add(f"{where}.citations", "Claude Code empties the citations of earlier answers")
                    yield from self._text(block, where)
                case "tool_use":
                    yield {**block, "id": self._call_id(block["id"]), "name": to_cli(block["name"])}
                case _:
                    yield block

    def _call_id(self, call_id: str) -> str:
        """A second call of one id would be cut out of the conversation together with its result, so it gets another."""
        fresh = call_id if call_id not in self._calls else f"toolu_{digest_id(f'{call_id}#{len(self._calls)}')}"
        self._calls.add(fresh)
        self._renamed[call_id] = fresh
        return fresh

    def _user(self, blocks: Sequence[JSON], path: str) -> Iterator[JSON]:
        for index, block in enumerate(blocks):
            where, block = f"{path}[{index}]", _unmarked(block)
            match block.get("type"):
                case "text":
                    yield from self._text(block, where)
                case "image":
                    self._check_image(block, where)
                    yield block
                case "tool_result":
                    yield self._result(block, where)
                case _:
                    yield block

    def _text(self, block: dict[str, JSON], path: str) -> Iterator[JSON]:
        text: str = block["text"]
        if text.strip():
            yield block
        elif text:
            self._losses.add(path, "Claude Code leaves out text of nothing but white space")

    def _result(self, block: dict[str, JSON], path: str) -> JSON:
        block["tool_use_id"] = self._renamed.get(block["tool_use_id"], block["tool_use_id"])
        content = block.get("content")
        if not isinstance(content, list):
            return block
        block["content"] = [_unmarked(piece) for piece in content]
        for index, piece in enumerate(block["content"]):
            if piece.get("type") == "image":
                self._check_image(piece, f"{path}.content[{index}]")
        if block.get("is_error"):
            kept = [piece for piece in block["content"] if piece.get("type") == "text"]
            if len(kept) < len(block["content"]):
                self._losses.add(f"{path}.content", "Claude Code sends nothing but text in the result of a failed call")
                block["content"] = kept
        return block

    def _check_image(self, block: JSON, path: str) -> None:
        source = block.get("source") or {}
        if source.get("type") != "base64":
            return
        size = image_size(source.get("data", ""))
        if size is None:
            raise BadRequest(f"{path}: not a PNG, JPEG, GIF or WebP image", path)
        if max(size.width, size.height) > _LARGEST_SIDE or len(source["data"]) > _LARGEST_DATA:
            self._losses.add(path, f"Claude Code shrinks images of more than {_LARGEST_SIDE} pixels or {_LARGEST_DATA} characters")


def _unmarked(block: JSON) -> dict[str, JSON]:
    # The API takes four cache marks at most, and the CLI sets three of its own.
    return {name: value for name, value in block.items() if name != "cache_control"}


def _reminder(block: JSON) -> JSON:
    if block.get("type") != "text":
        return block
    return {**block, "text": f"<system-reminder>\n{block['text']}\n</system-reminder>"}
