"""What each model family and provider can take, as rows of data: the fact, where it is from, and when it was checked.

Rows apply from top to bottom, later ones over earlier ones; the user's own overrides come last. A model that no row knows gets
the defaults of its format, which suit a modern model.
"""

import re
from collections.abc import Mapping
from typing import Any

from attrs import evolve, frozen

from ccproxy_cli.core.facts import read_facts, with_facts
from ccproxy_cli.core.profile import Profile, ReasoningStyle

_LOW_TO_HIGH = frozenset({"low", "medium", "high"})


@frozen
class Row:
    """One fact about models whose names match."""

    formats: tuple[str, ...]
    pattern: str
    """Regular expression, matched at the start of the model name or of what follows its last slash."""
    facts: Mapping[str, Any]
    """Field of `Profile` to value."""
    source: str
    preset: str | None = None
    """Only for this provider."""


def _anthropic(pattern: str, source: str, **facts: Any) -> Row:
    return Row(("anthropic",), pattern, facts, source)


def _openai(pattern: str, source: str, preset: str | None = None, **facts: Any) -> Row:
    return Row(("openai-chat", "openai-responses"), pattern, facts, source, preset)


def _gemini(pattern: str, source: str, **facts: Any) -> Row:
    return Row(("gemini",), pattern, facts, source)


_GEMINI_PAGE = "Gemini API: models, thinking and thought-signature pages, 2026-11"
_MODELS_PAGE = "Anthropic models overview, output limits, 2026-11"
_LIVE = "recorded live answers, 2026-09"

ROWS: tuple[Row, ...] = (
    # Anthropic: output limits
    _anthropic(
        r".*", _MODELS_PAGE, max_output=64_000, reasoning=ReasoningStyle.ADAPTIVE, efforts=frozenset({"low", "medium", "high", "max"})
    ),
    _anthropic(r"claude-3-(opus|haiku|sonnet)", _MODELS_PAGE, max_output=4_096, reasoning=ReasoningStyle.NONE, structured_output=False),
    _anthropic(r"claude-3-5-", _MODELS_PAGE, max_output=8_192, reasoning=ReasoningStyle.NONE, structured_output=False),
    _anthropic(r"claude-3-7-", _MODELS_PAGE, max_output=64_000, reasoning=ReasoningStyle.BUDGET, structured_output=False),
    _anthropic(r"claude-opus-4(-0|-1)?(-2025\d+)?$", _MODELS_PAGE, max_output=32_000, reasoning=ReasoningStyle.BUDGET),
    _anthropic(r"claude-(sonnet|haiku|opus)-4-5|claude-sonnet-4(-0)?(-2025\d+)?$", _LIVE, reasoning=ReasoningStyle.BUDGET),
    _anthropic(r"claude-opus-4-[6-9]", _MODELS_PAGE, max_output=128_000),
    # `xhigh` refused by 4.6 ("Supported levels: high, low, max, medium"), accepted from 4.7
    _anthropic(r"claude-(opus|sonnet|haiku)-(4-[7-9]|[5-9])", _LIVE, efforts=frozenset({"low", "medium", "high", "xhigh", "max"})),
    # From 4.7 on only default sampling is accepted, in any API version
    _anthropic(r"claude-(opus|sonnet|haiku)-(4-[7-9]|[5-9])", "Anthropic migration guide 2026-10-21", sampling=False),
    _anthropic(r"claude-opus-(4-8|5)", _LIVE, late_system=True),
    # OpenAI: reasoning models
    _openai(r".*", "OpenAI API reference, 2026-11", prompt_cache_key=True, preset="openai"),
    _openai(r".*", "OpenAI API reference, 2026-11", prompt_cache_key=True, preset="openai-responses"),
    _openai(
        r"(o[1-9]|gpt-[5-9])(?!.*chat-latest)",
        "OpenAI: reasoning models refuse max_tokens, sampling and `stop`; recorded live answers, 2026-09",
        reasoning=ReasoningStyle.EFFORT,
        efforts=_LOW_TO_HIGH,
        sampling=False,
        stop_sequences=0,
        developer_role=True,
        max_tokens_field="max_completion_tokens",
    ),
    _openai(r"gpt-5(-mini|-nano)?(-2025|$)", _LIVE, efforts=frozenset({"minimal", "low", "medium", "high"})),
    _openai(r"gpt-5\.[1-4](?!.*(-pro|chat-latest))", _LIVE, efforts=frozenset({"none", "low", "medium", "high"}), sampling=True),
    _openai(r"gpt-5\.[2-9](?!.*(-pro|chat-latest))", _LIVE, efforts=frozenset({"none", "low", "medium", "high", "xhigh"})),
    _openai(r"gpt-5-pro", _LIVE, efforts=frozenset({"high"})),
    _openai(r"gpt-5\.\d-pro", _LIVE, efforts=frozenset({"medium", "high", "xhigh"})),
    _openai(r"o1-mini", _LIVE, developer_role=False),
    # Hosted tools: of Chat models only those made for searching search, and they always do
    Row(("openai-chat",), r".*", {"web_search": False, "web_fetch": False, "code_execution": False}, "OpenAI API reference, 2026-11"),
    Row(("openai-chat",), r"gpt-.*search", {"web_search": True}, "OpenAI: web search guide, 2026-11; others answer 400 (recorded 2026-09)"),
    _gemini(r"gemini-[12]", "recorded live answers, 2026-09: hosted tools beside functions from 3 on", hosted_beside_functions=False),
    # Gemini: tokens on 2.5, levels from 3 on
    _gemini(r".*", _GEMINI_PAGE, max_output=65_536),
    _gemini(r"gemini-(1|2\.0)", _GEMINI_PAGE, max_output=8_192, json_schema=False),
    _gemini(r"gemini-[12]", _LIVE, output_with_tools=False),
    _gemini(r"gemini-2\.5", _GEMINI_PAGE, reasoning=ReasoningStyle.BUDGET, thinking_range=(0, 24_576)),
    _gemini(r"gemini-2\.5-flash-lite", _GEMINI_PAGE, thinking_range=(512, 24_576)),
    _gemini(r"gemini-2\.5-pro", _GEMINI_PAGE, thinking_range=(128, 32_768), thinking_off=False),
    _gemini(
        r"gemini-([3-9]|flash-latest|pro-latest)",
        _LIVE,
        reasoning=ReasoningStyle.EFFORT,
        efforts=frozenset({"minimal", "low", "medium", "high"}),
        call_signatures=True,
        result_media=True,
    ),
    _gemini(r"gemini-3-pro", _GEMINI_PAGE, efforts=frozenset({"low", "high"})),
    # Other vendors that speak Chat Completions
    _openai(
        r".*",
        "DeepSeek API reference, chat completion and thinking mode, 2026-11",
        preset="deepseek",
        stop_sequences=16,
        structured_output=False,
        reasoning=ReasoningStyle.EFFORT,
        efforts=frozenset({"high", "max"}),
        reasoning_replay=True,
    ),
    _openai(
        r".*",
        "Mistral API reference, chat completion, 2026-11: a stream always ends with its usage; refuses what it does not know",
        preset="mistral",
        stop_sequences=None,
        stream_usage=False,
        seed_field="random_seed",
        short_call_ids=True,
        without=frozenset({"user", "safety_identifier"}),
    ),
    _openai(
        r"mistral-(small|medium)|magistral",
        "Mistral API reference, chat completion, 2026-11",
        preset="mistral",
        reasoning=ReasoningStyle.EFFORT,
        efforts=frozenset({"none", "high"}),
    ),
    _openai(r".*", "xAI API reference, chat completions, 2026-11", preset="xai", max_tokens_field="max_completion_tokens"),
    _openai(
        r"grok-(4|[5-9])(?!.*non-reasoning)",
        "xAI reasoning guide, 2026-11: reasoning models refuse these",
        preset="xai",
        stop_sequences=0,
        without=frozenset({"presence_penalty", "frequency_penalty"}),
    ),
    _openai(
        r"grok-(3-mini|4\.[3-9]|[5-9])(?!.*non-reasoning)",
        "xAI model pages, 2026-11",
        preset="xai",
        reasoning=ReasoningStyle.EFFORT,
        efforts=_LOW_TO_HIGH,
    ),
    _openai(r".*", "Amazon Bedrock user guide, chat completions, 2026-11", preset="bedrock", max_tokens_field="max_completion_tokens"),
    # Gateways
    _openai(
        r".*",
        "OpenRouter API reference, parameters, prompt caching and reasoning tokens pages, 2026-11",
        preset="openrouter",
        max_tokens_field="max_tokens",
        developer_role=False,
        top_k=True,
        cache_marks=True,
        reasoning=ReasoningStyle.EFFORT,
        reasoning_object=True,
        efforts=frozenset({"none", "minimal", "low", "medium", "high", "xhigh"}),
    ),
    _openai(
        r".*",
        "Groq OpenAI compatibility page, 2026-11: refuses messages[].name",
        preset="groq",
        max_tokens_field="max_completion_tokens",
        without=frozenset({"messages[].name"}),
    ),
    _openai(r"gpt-oss", "Groq reasoning page, 2026-11", preset="groq", reasoning=ReasoningStyle.EFFORT, efforts=_LOW_TO_HIGH),
    _openai(r".*", "Together OpenAI compatibility and parameters pages, 2026-11", preset="together", top_k=True),
    _openai(r".*", "Fireworks OpenAI compatibility page, 2026-11", preset="fireworks", top_k=True),
    # Servers on one's own machine
    _openai(r".*", "LM Studio OpenAI compatibility page, 2026-11", preset="lmstudio", top_k=True),
    _openai(r".*", "llama.cpp server README, 2026-11", preset="llamacpp", top_k=True, stop_sequences=None),
    _openai(r".*", "vLLM OpenAI-compatible server page, 2026-11", preset="vllm", top_k=True, stop_sequences=None),
    _openai(
        r".*",
        "Ollama OpenAI compatibility page, 2026-11: knows max_tokens only, any number of stop sequences",
        preset="ollama",
        max_tokens_field="max_tokens",
        stop_sequences=None,
        developer_role=False,
        sampling=True,
        reasoning=ReasoningStyle.EFFORT,
        efforts=_LOW_TO_HIGH | {"none"},
    ),
)

_COMPATIBLE = {"max_tokens_field": "max_tokens", "user_field": "user"}
"""Servers that copy OpenAI's API often know only the older names. Some ignore what they do not know, which would lose the limit in silence,
and some refuse it."""
_OPENAIS_OWN = frozenset({"openai", "azure", "azure-deployments"})
"""Presets of what is no copy."""


def profile_for(preset: str, format_name: str, model: str, overrides: Mapping[str, object], *, own_host: bool) -> Profile:
    """The abilities of `model` behind one provider.

    Args:
        own_host: the provider is the preset's own vendor, not another server that copies its API.
        overrides: the user's own facts, by the field names of `Profile`; those of `without` add to ours.
    """
    original = format_name != "openai-chat" or (own_host and preset in _OPENAIS_OWN)
    facts: dict[str, Any] = {} if original else dict(_COMPATIBLE)
    short = model.rpartition("/")[2]
    for row in ROWS:
        if format_name in row.formats and row.preset in (None, preset) and (re.match(row.pattern, model) or re.match(row.pattern, short)):
            facts.update(row.facts)
    return with_facts(evolve(Profile(), **facts), read_facts(dict(overrides)))
