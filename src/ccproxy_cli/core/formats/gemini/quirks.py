"""What a server's refusals teach of it, in this format's names."""

from collections.abc import Mapping
from typing import Any

from ccproxy_cli.core.errors import APIError
from ccproxy_cli.core.facts import Facts, merged
from ccproxy_cli.core.formats.gemini.errors import refuses_json_schema
from ccproxy_cli.core.profile import ReasoningStyle
from ccproxy_cli.core.unwelcome import facts_in

_GENERATION = ("seed", "topK", "topP", "temperature", "presencePenalty", "frequencyPenalty")
_PENALTIES = frozenset({"generationConfig.presencePenalty", "generationConfig.frequencyPenalty"})
_MEMBERS: Mapping[str, Facts] = {
    **{name.lower(): {"without": frozenset({f"generationConfig.{name}"})} for name in _GENERATION},
    "penalty": {"without": _PENALTIES},
    "thinking": {"reasoning": ReasoningStyle.NONE},
    "thinkingconfig": {"reasoning": ReasoningStyle.NONE},
    "thinkinglevel": {"reasoning": ReasoningStyle.BUDGET},
    "thinkingbudget": {"reasoning": ReasoningStyle.EFFORT},
    "includethoughts": {"without": frozenset({"generationConfig.thinkingConfig.includeThoughts"})},
}
_NO_SHAPE_BESIDE_TOOLS = "Function calling with a response mime type"
_NO_SHAPE = "JSON mode is not enabled"
_NO_LEVEL = "Thinking level is not supported"


def learn(error: APIError) -> dict[str, Any]:
    """Facts of the target's profile that its refusal of a request tells; none if it tells none. Wordings from API errors in public issues,
    2025 and 2026."""
    if error.http_status != 400:
        return {}
    if _NO_LEVEL in error.message:
        return {"reasoning": ReasoningStyle.BUDGET}
    facts = facts_in(error, _MEMBERS)
    if _NO_SHAPE_BESIDE_TOOLS in error.message:
        facts = merged(facts, {"output_with_tools": False})
    if _NO_SHAPE in error.message:
        facts = merged(facts, {"structured_output": False})
    if not facts and refuses_json_schema(error):
        return {"json_schema": False}
    return facts
