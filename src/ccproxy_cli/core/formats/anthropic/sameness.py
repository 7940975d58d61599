"""Which requests ask for the same (members and defaults from the vendor's reference, 2026-11)."""

from collections.abc import Mapping

from ccproxy_cli.core.formats._sameness import Sameness
from ccproxy_cli.core.jsontext import JSON


def _is_repeatable(values: Mapping[str, JSON]) -> bool:
    """Containers keep what was done in them."""
    return values.get("container") is None


SAMENESS = Sameness(
    _is_repeatable,
    idle=frozenset({"metadata"}),
    defaults={
        "service_tier": "auto",
        "stop_sequences": [],
        "temperature": 1,
        "tool_choice": {"type": "auto"},
        "tools": [],
    },
    headers=("anthropic-version", "anthropic-beta"),
)
