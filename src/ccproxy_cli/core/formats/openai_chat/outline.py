"""What routing rules may ask of a request: see `_outline`."""

import msgspec

from ccproxy_cli.core.formats._format import Envelope
from ccproxy_cli.core.formats._openai.outline import is_effort, is_small, reasons
from ccproxy_cli.core.formats._outline import WEB_SEARCH, Outline, read, types, wants_title

_NULL = msgspec.Raw(b"null")


class _Message(msgspec.Struct, gc=False):
    role: str = ""
    content: msgspec.Raw = _NULL


_messages = msgspec.json.Decoder(list[_Message])


def outline(envelope: Envelope) -> Outline:
    """The outline of a `POST /v1/chat/completions`."""
    members = envelope.members
    tools = types(members.get("tools"))
    messages = read(members.get("messages"), _messages) or []
    instructions = next((bytes(message.content) for message in messages[:1] if message.role in ("system", "developer")), None)
    searches = members.get("web_search_options", b"null") != b"null"
    return Outline(
        thinking=is_effort(members.get("reasoning_effort")) or reasons(members.get("reasoning")),
        images=b'"image_url"' in members.get("messages", b"") and any("image_url" in types(bytes(message.content)) for message in messages),
        web_search=searches or any(tool.startswith(WEB_SEARCH) for tool in tools),
        background=is_small(envelope.model) or wants_title(tools, instructions),
    )
