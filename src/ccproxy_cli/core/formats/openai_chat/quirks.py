"""What a server's refusals teach of it, in this format's names."""

import re
from collections.abc import Mapping
from typing import Any

from ccproxy_cli.core.errors import APIError
from ccproxy_cli.core.facts import Facts, merged
from ccproxy_cli.core.profile import ReasoningStyle
from ccproxy_cli.core.unwelcome import facts_in, without

_NO_THINKING: Facts = {"reasoning": ReasoningStyle.NONE}
_NO_SCHEMA: Facts = {"structured_output": False}
_MEMBERS: Mapping[str, Facts] = {
    "maxtokens": {"max_tokens_field": "max_completion_tokens"},
    "maxcompletiontokens": {"max_tokens_field": "max_tokens"},
    "stop": {"stop_sequences": 0},
    "reasoningeffort": _NO_THINKING,
    "reasoning": _NO_THINKING,
    "thinking": _NO_THINKING,
    "streamoptions": {"stream_usage": False},
    "streamoptions.includeusage": {"stream_usage": False},
    "promptcachekey": {"prompt_cache_key": False},
    "safetyidentifier": {"user_field": "user"},
    "responseformat": _NO_SCHEMA,
    "responseformat.type": _NO_SCHEMA,
    "responseformat.jsonschema": _NO_SCHEMA,
    "jsonschema": _NO_SCHEMA,
    "topk": {"top_k": False},
    "cachecontrol": {"cache_marks": False},
    "messages[].content[].cachecontrol": {"cache_marks": False},
    "messages[].role": {"developer_role": False},
    "messages[].assistant.reasoningcontent": {"reasoning_replay": False},
    "messages[].reasoningcontent": {"reasoning_replay": False},
    "messages[].user.name": {"without": frozenset({"messages[].name"})},
    "function.strict": {"without": frozenset({"tools[].function.strict"})},
    "strict": {"without": frozenset({"tools[].function.strict"})},
    **without(
        "temperature",
        "top_p",
        "frequency_penalty",
        "presence_penalty",
        "seed",
        "parallel_tool_calls",
        "user",
        "messages[].name",
        "tools[].function.strict",
        "response_format.json_schema.strict",
    ),
}
_DEVELOPER = re.compile(r"(?:variant|value:?|role:?|support) [`'\"]?developer")
"""DeepSeek, vLLM, OpenAI, in public issues until 2026."""
_CALL_ID = "must be a-z, A-Z, 0-9, with a length of 9"
_REPLAY = re.compile(r"(?:[Mm]issing|must be passed back)[^.]*reasoning_content|reasoning_content[^.]*must be passed back")
"""DeepSeek, in public issues, 2026."""


def learn(error: APIError) -> dict[str, Any]:
    """Facts of the target's profile that its refusal of a request tells; none if it tells none."""
    facts = facts_in(error, _MEMBERS)
    if error.http_status in (400, 422):
        if _DEVELOPER.search(error.message):
            facts = merged(facts, {"developer_role": False})
        if _CALL_ID in error.message:
            facts = merged(facts, {"short_call_ids": True})
        if _REPLAY.search(error.message):
            facts = merged(facts, {"reasoning_replay": True})
    return facts
