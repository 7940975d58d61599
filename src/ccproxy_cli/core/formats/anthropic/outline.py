"""What routing rules may ask of a request: see `_outline`."""

import msgspec

from ccproxy_cli.core.formats._format import Envelope
from ccproxy_cli.core.formats._outline import WEB_SEARCH, Outline, Typed, read, wants_title

_SMALL = "haiku"
"""Claude Code, opencode and others ask this family for their chores (seen 2026-11)."""
_NULL = msgspec.Raw(b"null")


class _Block(Typed, gc=False):
    content: msgspec.Raw = _NULL


class _Message(msgspec.Struct, gc=False):
    content: str | list[_Block] = ""


class _Wanted(msgspec.Struct, gc=False):
    format: msgspec.Raw = _NULL


_messages = msgspec.json.Decoder(list[_Message])
_results = msgspec.json.Decoder(str | list[Typed] | None)
_typed = msgspec.json.Decoder(Typed)
_tools = msgspec.json.Decoder(list[Typed])
_wanted = msgspec.json.Decoder(_Wanted)


def outline(envelope: Envelope) -> Outline:
    """The outline of a `POST /v1/messages`."""
    members = envelope.members
    thinking, tools = read(members.get("thinking"), _typed), read(members.get("tools"), _tools)
    wanted = read(members.get("output_config"), _wanted)
    # Claude Code asks for a title as a JSON object with that member, without tools (2.1.197, seen 2026-11).
    titled = not tools and wanted is not None and b'"title"' in bytes(wanted.format)
    return Outline(
        thinking=thinking is not None and thinking.type in ("enabled", "adaptive"),
        images=_has_images(members.get("messages", b"")),
        web_search=any(tool.type.startswith(WEB_SEARCH) for tool in tools or ()),
        background=_SMALL in envelope.model or titled or wants_title(tools, members.get("system")),
    )


def _has_images(messages: bytes) -> bool:
    if b'"image"' not in messages:
        return False
    for message in read(messages, _messages) or ():
        for block in message.content if isinstance(message.content, list) else ():
            inner = read(bytes(block.content), _results) if block.type == "tool_result" else None
            if block.type == "image" or (isinstance(inner, list) and any(part.type == "image" for part in inner)):
                return True
    return False
