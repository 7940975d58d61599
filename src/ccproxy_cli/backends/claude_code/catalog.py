"""The models a Claude Code login may use: the aliases every version knows, or what the CLI itself says when it is started."""

from collections.abc import Mapping

from ccproxy_cli.core.catalog import ModelInfo
from ccproxy_cli.core.extras import extras_of
from ccproxy_cli.core.jsontext import JSON

_OWNER = "anthropic"
_NATIVE = "anthropic"
_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_UNNAMED = "default"
"""The CLI's own choice among the others."""

ALIASES = tuple(ModelInfo(name, f"Claude {name.title()} (newest)", owner=_OWNER) for name in ("sonnet", "opus", "haiku"))


def models_of(welcome: Mapping[str, JSON]) -> tuple[ModelInfo, ...]:
    """The models in the answer to `initialize`, by the CLI's short names and then by the API's; none if it names none."""
    listed = welcome.get("models")
    rows = [row for row in listed if isinstance(row, dict) and row.get("value") != _UNNAMED] if isinstance(listed, list) else []
    found: dict[str, ModelInfo] = {}
    for member in ("value", "resolvedModel"):
        for row in rows:
            name = row.get(member)
            if isinstance(name, str) and name not in found:
                found[name] = ModelInfo(name, row.get("displayName"), owner=_OWNER, extras=extras_of(_NATIVE, _abilities(row)))
    return tuple(found.values())


def resolved_of(welcome: Mapping[str, JSON]) -> dict[str, str]:
    """What the CLI makes of its short names."""
    listed = welcome.get("models")
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    pairs = ((row.get("value"), row.get("resolvedModel")) for row in rows)
    return {short: full for short, full in pairs if isinstance(short, str) and isinstance(full, str)}


def _abilities(row: Mapping[str, JSON]) -> dict[str, JSON]:
    """What the CLI tells of a model, in the words of the vendor's own list."""
    abilities: dict[str, JSON] = {}
    if isinstance(efforts := row.get("supportedEffortLevels"), list):
        abilities["effort"] = {"supported": bool(efforts), **{effort: {"supported": effort in efforts} for effort in _EFFORTS}}
    types = {"adaptive": row.get("supportsAdaptiveThinking"), "disabled": row.get("supportsThinkingOff")}
    told = {name: {"supported": known} for name, known in types.items() if isinstance(known, bool)}
    if told:
        abilities["thinking"] = {"supported": True, "types": told}
    return {"capabilities": abilities} if abilities else {}
