"""What a server's refusals teach of it, in this format's names."""

from collections.abc import Mapping
from typing import Any

from ccproxy_cli.core.errors import APIError
from ccproxy_cli.core.facts import Facts
from ccproxy_cli.core.profile import ReasoningStyle
from ccproxy_cli.core.unwelcome import facts_in, without

_NO_THINKING: Facts = {"reasoning": ReasoningStyle.NONE}
_NO_SCHEMA: Facts = {"structured_output": False}
_MEMBERS: Mapping[str, Facts] = {
    "reasoning": _NO_THINKING,
    "reasoning.effort": _NO_THINKING,
    "promptcachekey": {"prompt_cache_key": False},
    "text.format": _NO_SCHEMA,
    "text": _NO_SCHEMA,
    "strict": {"without": frozenset({"tools[].strict"})},
    **without(
        "temperature",
        "top_p",
        "parallel_tool_calls",
        "user",
        "safety_identifier",
        "include",
        "max_output_tokens",
        "reasoning.summary",
        "tools[].strict",
    ),
}


def learn(error: APIError) -> dict[str, Any]:
    """Facts of the target's profile that its refusal of a request tells; none if it tells none."""
    return facts_in(error, _MEMBERS)
