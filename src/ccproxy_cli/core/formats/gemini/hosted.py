"""How hosted tools are declared, both ways."""

from collections.abc import Mapping
from types import MappingProxyType

from ccproxy_cli.core.extras import Losses, extras_of
from ccproxy_cli.core.formats.gemini.wire import NAME
from ccproxy_cli.core.hosted import HostedKind, HostedTool
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.parts import Opaque

_NAMES: Mapping[HostedKind, str] = MappingProxyType(
    {HostedKind.WEB_SEARCH: "googleSearch", HostedKind.WEB_FETCH: "urlContext", HostedKind.CODE_EXECUTION: "codeExecution"}
)
_KINDS = MappingProxyType({name.lower(): kind for kind, name in _NAMES.items()})
_EXCLUDED = ("excludeDomains", "exclude_domains")
_SETTINGS = ("allowed_domains", "blocked_domains", "location", "max_uses", "context_size")


def read_tool(name: str, value: JSON) -> HostedTool | None:
    """What a tool of the vendor's amounts to; None if no other vendor has one of its kind."""
    kind = _KINDS.get(name.replace("_", "").lower())
    if kind is None:
        return None
    settings = value if isinstance(value, dict) else {}
    blocked: list[JSON] = next((settings[each] for each in _EXCLUDED if isinstance(settings.get(each), list)), [])
    rest = {each: said for each, said in settings.items() if each not in _EXCLUDED}
    return HostedTool(kind, blocked_domains=tuple(map(str, blocked)), extras=extras_of(NAME, rest))


def write_tool(tool: HostedTool, path: str, losses: Losses) -> Opaque:
    """Another vendor's tool as this one's of its kind, which has no settings that they share: domains can be left out on Vertex alone."""
    losses.add_foreign(tool.extras, NAME, path)
    for name in _SETTINGS:
        if getattr(tool, name):
            losses.add(f"{path}.{name}", f"{NAME} has no such setting")
    return Opaque(NAME, {_NAMES[tool.kind]: {}}, tool)
