"""What a server's refusals teach of it, in this format's names."""

from collections.abc import Mapping
from typing import Any

from ccproxy_cli.core.errors import APIError
from ccproxy_cli.core.facts import Facts, merged
from ccproxy_cli.core.profile import ReasoningStyle
from ccproxy_cli.core.unwelcome import facts_in, without

_NO_EFFORT = "output_config.effort"
_MEMBERS: Mapping[str, Facts] = {
    "thinking": {"reasoning": ReasoningStyle.NONE},
    "thinking.type.enabled": {"reasoning": ReasoningStyle.ADAPTIVE},
    "thinking.type.adaptive": {"reasoning": ReasoningStyle.BUDGET},
    "effort": {"without": frozenset({_NO_EFFORT})},
    "outputconfig": {"structured_output": False, "without": frozenset({_NO_EFFORT})},
    "outputconfig.format": {"structured_output": False},
    "metadata.userid": {"without": frozenset({"metadata"})},
    "tools[].custom.strict": {"without": frozenset({"tools[].strict"})},
    **without("temperature", "top_p", "top_k", "metadata", "tools[].strict", "tool_choice.disable_parallel_tool_use", _NO_EFFORT),
}
_ADAPTIVE = "adaptive thinking is not supported"
_LATE_SYSTEM = 'Unexpected role "system"'


def learn(error: APIError) -> dict[str, Any]:
    """Facts of the target's profile that its refusal of a request tells; none if it tells none."""
    facts = facts_in(error, _MEMBERS)
    if error.http_status == 400:
        if _ADAPTIVE in error.message:  # what it says of thinking as such is not meant
            facts = merged(facts, {"reasoning": ReasoningStyle.BUDGET})
        if _LATE_SYSTEM in error.message:
            facts = merged(facts, {"late_system": False})
    return facts
