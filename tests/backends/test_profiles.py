"""What is known of each model family."""

import pytest

from ccproxy_cli.backends.profiles import ROWS, profile_for
from ccproxy_cli.core.profile import Profile, ReasoningStyle

A, C = "anthropic", "openai-chat"


@pytest.mark.parametrize(
    ("preset", "format_name", "model", "facts"),
    [
        ("anthropic", A, "claude-sonnet-4-5", {"reasoning": ReasoningStyle.BUDGET, "max_output": 64_000, "sampling": True}),
        ("anthropic", A, "claude-sonnet-4-20250514", {"reasoning": ReasoningStyle.BUDGET, "max_output": 64_000}),
        ("anthropic", A, "claude-opus-4-1-20250805", {"reasoning": ReasoningStyle.BUDGET, "max_output": 32_000}),
        ("anthropic", A, "claude-3-haiku-20240307", {"reasoning": ReasoningStyle.NONE, "max_output": 4_096}),
        ("anthropic", A, "claude-opus-4-6", {"reasoning": ReasoningStyle.ADAPTIVE, "sampling": True, "max_output": 128_000}),
        ("anthropic", A, "claude-opus-4-8", {"reasoning": ReasoningStyle.ADAPTIVE, "sampling": False, "late_system": True}),
        ("anthropic", A, "claude-sonnet-5", {"reasoning": ReasoningStyle.ADAPTIVE, "sampling": False, "late_system": False}),
        ("openai", C, "gpt-4.1", {"reasoning": ReasoningStyle.NONE, "sampling": True, "max_tokens_field": "max_completion_tokens"}),
        ("openai", C, "gpt-5", {"reasoning": ReasoningStyle.EFFORT, "sampling": False, "stop_sequences": 0, "developer_role": True}),
        ("openai", C, "gpt-5-chat-latest", {"reasoning": ReasoningStyle.NONE, "sampling": True}),
        ("openai", C, "gpt-5.2", {"sampling": True, "efforts": frozenset({"none", "low", "medium", "high", "xhigh"})}),
        ("openrouter", C, "openai/o3", {"reasoning": ReasoningStyle.EFFORT}),
        (
            "openrouter",
            C,
            "openai/gpt-5",
            {"reasoning_object": True, "max_tokens_field": "max_tokens", "developer_role": False, "top_k": True},
        ),
        ("deepseek", C, "deepseek-v4-pro", {"reasoning_replay": True, "structured_output": False, "efforts": frozenset({"high", "max"})}),
        ("mistral", C, "mistral-large-latest", {"short_call_ids": True, "seed_field": "random_seed", "reasoning": ReasoningStyle.NONE}),
        ("groq", C, "openai/gpt-oss-120b", {"reasoning": ReasoningStyle.EFFORT, "max_tokens_field": "max_completion_tokens"}),
        ("xai", C, "grok-4.20-non-reasoning", {"stop_sequences": 4, "without": frozenset()}),
        ("azure", C, "my-deployment", {"max_tokens_field": "max_completion_tokens"}),
        ("openai", C, "gpt-4o-search-preview", {"web_search": True, "code_execution": False}),
        ("openai", C, "gpt-4.1", {"web_search": False}),
        ("openai-responses", "openai-responses", "gpt-4.1", {"web_search": True}),
        ("gemini", "gemini", "gemini-2.5-pro", {"web_search": True, "hosted_beside_functions": False}),
        ("gemini", "gemini", "gemini-3.5-flash", {"hosted_beside_functions": True}),
        ("vertex", "gemini", "gemini-2.5-pro", {"thinking_range": (128, 32_768)}),
        ("vllm", C, "Qwen/Qwen3-32B", {"max_tokens_field": "max_tokens", "stop_sequences": None}),
        ("ollama", C, "qwen3:8b", {"max_tokens_field": "max_tokens", "stop_sequences": None}),
    ],
)
def test_facts(preset: str, format_name: str, model: str, facts: dict[str, object]) -> None:
    profile = profile_for(preset, format_name, model, {}, own_host=True)
    assert {name: getattr(profile, name) for name in facts} == facts


def test_a_copy_of_openai_gets_the_limit_under_the_name_it_knows() -> None:
    assert profile_for("openai", C, "llama-3", {}, own_host=False).max_tokens_field == "max_tokens"
    assert profile_for("openai", C, "gpt-5", {}, own_host=False).max_tokens_field == "max_completion_tokens"


def test_the_user_has_the_last_word() -> None:
    assert profile_for("openai", C, "gpt-5", {"sampling": True}, own_host=True).sampling is True
    assert profile_for("openai", C, "gpt-5", {"reasoning": "none"}, own_host=True).reasoning is ReasoningStyle.NONE


def test_lists_of_a_configuration_file_become_what_the_profile_holds() -> None:
    profile = profile_for("openai", C, "m", {"without": ["seed"], "thinking_range": [1, 9]}, own_host=True)
    assert (profile.without, profile.thinking_range) == (frozenset({"seed"}), (1, 9))


def test_every_row_says_where_it_is_from_and_names_real_fields() -> None:
    for row in ROWS:
        assert row.source
        Profile(**row.facts)
