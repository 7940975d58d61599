"""What routing rules may ask of a request: see `_outline`."""

import msgspec

from ccproxy_cli.core.formats._format import Envelope
from ccproxy_cli.core.formats._outline import WEB_SEARCH, Outline, Typed, read, types, wants_title

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
_typed = msgspec.json.Decoder(Typed)
_wanted = msgspec.json.Decoder(_Wanted)


def outline(envelope: Envelope) -> Outline:
    """The outline of a `POST /v1/messages`."""
    members = envelope.members
    thinking, tools = read(members.get("thinking"), _typed), types(members.get("tools"))
    wanted = read(members.get("output_config"), _wanted)
    # Claude Code asks for a title as a JSON object with that member, without tools (2.1.197, seen 2026-11).
    titled = not tools and wanted is not None and b'"title"' in bytes(wanted.format)
    return Outline(
        thinking=thinking is not None and thinking.type in ("enabled", "adaptive"),
        images=_has_images(members.get("messages", b"")),
        web_search=any(tool.startswith(WEB_SEARCH) for tool in tools),
        background=_SMALL in envelope.model or titled or wants_title(tools, members.get("system")),
    )


def _has_images(messages: bytes) -> bool:
    if b'"image"' not in messages:
        return False
    for message in read(messages, _messages) or ():
        for block in message.content if isinstance(message.content, list) else ():
            if block.type == "image" or (block.type == "tool_result" and "image" in types(bytes(block.content))):
                return True
    return False
