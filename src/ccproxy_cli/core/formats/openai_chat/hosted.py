"""Web search, both ways: a setting of the request here, not one of its tools. Only models made for it take that, and search always."""

from collections.abc import Mapping

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.openai_chat import spelling
from ccproxy_cli.core.formats.openai_chat.wire import NAME
from ccproxy_cli.core.hosted import HostedKind, HostedTool, Location
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.parts import Opaque

_MODELED = frozenset({"search_context_size", "user_location"})


def read_search(raw: Mapping[str, JSON]) -> Opaque:
    """`web_search_options` as the hosted tool it stands for."""
    size, place = raw.get("search_context_size"), raw.get("user_location")
    tool = HostedTool(
        HostedKind.WEB_SEARCH,
        location=Location.of(place.get("approximate")) if isinstance(place, dict) else None,
        context_size=size if isinstance(size, str) else None,
        extras=spelling.ours({name: value for name, value in raw.items() if name not in _MODELED}),
    )
    return Opaque(NAME, None, tool)


def write_search(tool: HostedTool, path: str, losses: Losses) -> dict[str, JSON]:
    """The `web_search_options` that a search tool of another vendor's amounts to."""
    losses.add_foreign(tool.extras, NAME, path)
    for name in ("allowed_domains", "blocked_domains", "max_uses"):
        if getattr(tool, name):
            losses.add(f"{path}.{name}", f"{NAME} has no such setting")
    written: dict[str, JSON] = {} if tool.context_size is None else {"search_context_size": tool.context_size}
    if tool.location is not None:
        written["user_location"] = {"type": "approximate", "approximate": tool.location.members()}
    return written
