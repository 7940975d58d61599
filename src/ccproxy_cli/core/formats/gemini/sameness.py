"""Which requests ask for the same (members and defaults from the vendor's reference, 2026-11)."""

from collections.abc import Mapping

from ccproxy_cli.core.formats._sameness import Sameness
from ccproxy_cli.core.jsontext import JSON


def _is_repeatable(values: Mapping[str, JSON]) -> bool:
    """Of several answers a stream is read as the first alone."""
    settings = values.get("generationConfig") or values.get("generation_config")
    counts = [settings.get("candidateCount"), settings.get("candidate_count")] if isinstance(settings, dict) else []
    return all(count in (None, 1) for count in counts)


SAMENESS = Sameness(
    _is_repeatable,
    idle=frozenset({"labels"}),
    shaping_query=frozenset({"alt", "$alt"}),
    defaults={"generationConfig": {}, "safetySettings": [], "tools": []},
)
