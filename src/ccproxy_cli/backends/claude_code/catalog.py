"""The models a Claude Code login may use: the aliases every version knows, or what the CLI itself said when it was last started."""

from collections.abc import Mapping

from ccproxy_cli.core.catalog import ModelInfo
from ccproxy_cli.core.extras import NO_EXTRAS
from ccproxy_cli.core.jsontext import JSON

_OWNER = "anthropic"

ALIASES = tuple(ModelInfo(name, f"Claude {name.title()} (newest)", owner=_OWNER) for name in ("sonnet", "opus", "haiku"))


def models_of(welcome: Mapping[str, JSON]) -> tuple[ModelInfo, ...]:
    """The models in the answer to `initialize`; none if it names none."""
    listed = welcome.get("models")
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    return tuple(
        ModelInfo(row["value"], row.get("displayName"), owner=_OWNER, extras=NO_EXTRAS)
        for row in rows
        if isinstance(row.get("value"), str) and row["value"] != "default"
    )
