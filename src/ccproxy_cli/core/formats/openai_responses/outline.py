"""What routing rules may ask of a request: see `_outline`."""

import msgspec

from ccproxy_cli.core.formats._format import Envelope
from ccproxy_cli.core.formats._openai.outline import is_small, reasons
from ccproxy_cli.core.formats._outline import WEB_SEARCH, Outline, read, types, wants_title

_NULL = msgspec.Raw(b"null")


class _Item(msgspec.Struct, gc=False):
    role: str = ""
    content: msgspec.Raw = _NULL
    output: msgspec.Raw = _NULL


_items = msgspec.json.Decoder(list[_Item])


def outline(envelope: Envelope) -> Outline:
    """The outline of a `POST /v1/responses`. What is said elsewhere, in answers that are kept, is not looked up for it."""
    members = envelope.members
    tools = types(members.get("tools"))
    items = read(members.get("input"), _items) or []
    first = next((bytes(item.content) for item in items[:1] if item.role in ("system", "developer")), None)
    return Outline(
        thinking=reasons(members.get("reasoning")),
        images=b'"input_image"' in members.get("input", b"") and any(map(_has_image, items)),
        web_search=any(tool.startswith(WEB_SEARCH) for tool in tools),
        background=is_small(envelope.model) or wants_title(tools, members.get("instructions")) or wants_title(tools, first),
    )


def _has_image(item: _Item) -> bool:
    return "input_image" in (*types(bytes(item.content)), *types(bytes(item.output)))
