"""Which requests ask for the same (members and defaults from the vendor's reference, 2026-11)."""

from collections.abc import Mapping

from ccproxy_cli.core.formats._openai.sameness import ACCOUNT_HEADERS
from ccproxy_cli.core.formats._sameness import Sameness
from ccproxy_cli.core.jsontext import JSON


def _is_repeatable(values: Mapping[str, JSON]) -> bool:
    """A conversation on the vendor's side grows with each request, and one in the background has no answer yet."""
    return values.get("conversation") is None and not values.get("background")


SAMENESS = Sameness(
    _is_repeatable,
    echoed={"metadata": {}, "prompt_cache_key": None, "prompt_cache_retention": None, "safety_identifier": None, "user": None},
    shaping=frozenset({"stream_options"}),
    defaults={
        "background": False,
        "include": [],
        "parallel_tool_calls": True,
        "service_tier": "auto",
        "store": True,
        "temperature": 1,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1,
        "truncation": "disabled",
    },
    headers=ACCOUNT_HEADERS,
)
