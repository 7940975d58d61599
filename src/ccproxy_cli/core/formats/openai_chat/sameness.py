"""Which requests ask for the same (members and defaults from the vendor's reference, 2026-11)."""

from collections.abc import Mapping

from ccproxy_cli.core.formats._openai.sameness import ACCOUNT_HEADERS
from ccproxy_cli.core.formats._sameness import Sameness
from ccproxy_cli.core.jsontext import JSON


def _is_repeatable(values: Mapping[str, JSON]) -> bool:
    """What is to be stored must be asked for each time; of several answers a stream is read as the first alone."""
    return values.get("store") is not True and values.get("n") in (None, 1)


SAMENESS = Sameness(
    _is_repeatable,
    idle=frozenset({"metadata", "prompt_cache_key", "prompt_cache_retention", "safety_identifier", "user"}),
    shaping=frozenset({"stream_options"}),
    defaults={
        "frequency_penalty": 0,
        "logit_bias": {},
        "logprobs": False,
        "n": 1,
        "parallel_tool_calls": True,
        "presence_penalty": 0,
        "response_format": {"type": "text"},
        "service_tier": "auto",
        "store": False,
        "temperature": 1,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1,
    },
    headers=ACCOUNT_HEADERS,
)
