"""Service tiers, as both formats tell them in answers."""

from collections.abc import Mapping

from ccproxy_cli.core.jsontext import JSON

_TIERS = frozenset({"default", "flex", "priority", "scale", "fast", "ultrafast"})
"""The vendor's own (openai 3.51). Compatible servers have words that its clients would refuse."""


def read_tier(members: Mapping[str, JSON]) -> str | None:
    """What an answer was served at."""
    tier = members.get("service_tier")
    return tier if isinstance(tier, str) and tier in _TIERS else None
