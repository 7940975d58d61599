"""What vendors say when they do not take a member, and what they say when they mean something else."""

from typing import Any

import pytest
from attrs import evolve, fields
from hypothesis import given, settings
from hypothesis import strategies as st

from ccproxy_cli.core.errors import APIError, ErrorKind
from ccproxy_cli.core.facts import merged, news_in, read_facts, with_facts, write_facts
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.leaving_out import ESSENTIAL
from ccproxy_cli.core.profile import Profile, ReasoningStyle
from ccproxy_cli.core.unwelcome import unwelcome_members

CHAT, RESPONSES, MESSAGES, GEMINI = "openai-chat", "openai-responses", "anthropic", "gemini"
NONE, BUDGET, ADAPTIVE = ReasoningStyle.NONE, ReasoningStyle.BUDGET, ReasoningStyle.ADAPTIVE


def error(message: str, param: str | None = None, status: int = 400) -> APIError:
    return APIError(ErrorKind.INVALID_REQUEST, message, status, param)


def leaving(*paths: str) -> dict[str, Any]:
    return {"without": frozenset(paths)}


TAUGHT = [
    # OpenAI
    (
        CHAT,
        error(
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", "max_tokens"
        ),
        {"max_tokens_field": "max_completion_tokens"},
    ),
    (
        CHAT,
        error(
            "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.", "temperature"
        ),
        leaving("temperature"),
    ),
    (CHAT, error("Unsupported parameter: 'stop' is not supported with this model.", "stop"), {"stop_sequences": 0}),
    (CHAT, error("Unsupported parameter: 'parallel_tool_calls' is not supported with this model."), leaving("parallel_tool_calls")),
    (CHAT, error("Unrecognized request argument supplied: parallel_tool_calls"), leaving("parallel_tool_calls")),
    (CHAT, error("Unrecognized request arguments supplied: seed, user"), leaving("seed", "user")),
    (CHAT, error("Unrecognized request argument supplied: reasoning_effort"), {"reasoning": NONE}),
    (CHAT, error("Unsupported value: 'messages[0].role' does not support 'developer' with this model."), {"developer_role": False}),
    (
        CHAT,
        error(
            "Unsupported value: 'reasoning_effort' does not support 'minimal' with this model. "
            "Supported values are: 'low', 'medium', and 'high'.",
            "reasoning_effort",
        ),
        {"efforts": frozenset({"low", "medium", "high"})},
    ),
    (CHAT, error("Unknown parameter: 'tools[0].function.strict'.", "tools[0].function.strict"), leaving("tools[].function.strict")),
    (RESPONSES, error("Unsupported parameter: 'temperature' is not supported with this model.", "temperature"), leaving("temperature")),
    (RESPONSES, error("Encrypted content is not supported with this model.", "include"), leaving("include")),
    (
        RESPONSES,
        evolve(error("Your organization must be verified to generate reasoning summaries.", "reasoning.summary"), code="unsupported_value"),
        leaving("reasoning.summary"),
    ),
    (
        RESPONSES,
        error("Unsupported value: 'none' is not supported with the 'o3' model. Supported values are: 'low', 'high'.", "reasoning.effort"),
        {"efforts": frozenset({"low", "high"})},
    ),
    (
        RESPONSES,
        error("Unsupported value: 'low' is not supported with the 'm' model. Supported values are: 'medium'.", "text.verbosity"),
        {},
    ),
    (RESPONSES, error("Unsupported parameter: max_output_tokens"), leaving("max_output_tokens")),
    # Those that speak its language
    (
        CHAT,
        error('[{"type":"extra_forbidden","loc":["body","max_completion_tokens"],"msg":"Extra inputs are not permitted"}]', None, 422),
        {"max_tokens_field": "max_tokens"},
    ),
    (
        CHAT,
        error("[{'type': 'extra_forbidden', 'loc': ('body', 'stream_options'), 'msg': 'Extra inputs are not permitted'}]"),
        {"stream_usage": False},
    ),
    (
        CHAT,
        error('{"detail":[{"type":"extra_forbidden","loc":["body","messages",31,"assistant","reasoning_content"]}]}', None, 422),
        {"reasoning_replay": False},
    ),
    (
        CHAT,
        error('{"detail":[{"type":"extra_forbidden","loc":["body","messages",0,"user","name"],"msg":"Extra inputs"}]}', None, 422),
        leaving("messages[].name"),
    ),
    (CHAT, error("property 'safety_identifier' is unsupported"), {"user_field": "user"}),
    (CHAT, error("`reasoning_effort` is not supported with this model"), {"reasoning": NONE}),
    (CHAT, error("Model grok-4 does not support parameter presencePenalty."), leaving("presence_penalty")),
    (CHAT, error('"gemma3:4b" does not support thinking'), {"reasoning": NONE}),
    (
        CHAT,
        error("Failed to deserialize: messages[0].role: unknown variant `developer`, expected one of `system`, `user`"),
        {"developer_role": False},
    ),
    (CHAT, error("Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9."), {"short_call_ids": True}),
    (CHAT, error("Missing `reasoning_content` field in the assistant message at message index 2."), {"reasoning_replay": True}),
    (CHAT, error("This response_format type is unavailable now"), {}),
    (CHAT, error("'response_format.type' : 'json_schema' is not supported by this model"), {"structured_output": False}),
    (CHAT, error("Invalid JSON payload received. Unknown name \"seed\": Cannot find field."), leaving("seed")),
    # Anthropic
    (MESSAGES, error("temperature: Extra inputs are not permitted"), leaving("temperature")),
    (MESSAGES, error("`temperature` is deprecated for this model."), leaving("temperature")),
    (MESSAGES, error("`temperature` and `top_p` cannot both be specified for this model. Please use only one."), leaving("top_p")),
    (MESSAGES, error("tools.3.custom.strict: Extra inputs are not permitted"), leaving("tools[].strict")),
    (MESSAGES, error("adaptive thinking is not supported on this model"), {"reasoning": BUDGET}),
    (
        MESSAGES,
        error('"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and "output_config.effort".'),
        {"reasoning": ADAPTIVE},
    ),
    (MESSAGES, error("This model does not support the effort parameter."), leaving("output_config.effort")),
    (
        MESSAGES,
        error("This model does not support effort level 'xhigh'. Supported levels: high, low, max, medium."),
        {"efforts": frozenset({"high", "low", "max", "medium"})},
    ),
    (
        MESSAGES,
        error("output_config: Extra inputs are not permitted"),
        {"structured_output": False, **leaving("output_config.effort")},
    ),
    (MESSAGES, error('messages.3.role: Unexpected role "system". Allowed roles are "user" or "assistant".'), {"late_system": False}),
    # Google
    (GEMINI, error("Unknown name \"seed\" at 'generation_config': Cannot find field."), leaving("generationConfig.seed")),
    (
        GEMINI,
        error("Penalty is not enabled for this model"),
        leaving("generationConfig.presencePenalty", "generationConfig.frequencyPenalty"),
    ),
    (GEMINI, error("Thinking level is not supported for this model."), {"reasoning": BUDGET}),
    (GEMINI, error("Unable to submit request because thinking is not supported by this model."), {"reasoning": NONE}),
    (GEMINI, error("Unknown name \"parametersJsonSchema\" at 'tools[0].function_declarations[0]'"), {"json_schema": False}),
    (
        GEMINI,
        error("Function calling with a response mime type: 'application/json' is unsupported"),
        {"output_with_tools": False},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("format_name", "refusal", "facts"), TAUGHT, ids=[f"{name}: {said.message[:50]}" for name, said, _ in TAUGHT])
def test_what_refusals_teach(format_name: str, refusal: APIError, facts: dict[str, Any]) -> None:
    assert FORMATS[format_name].learn(refusal) == facts


SILENT = [
    "Invalid value for 'temperature': must be at most 2.",
    "max_tokens: 200000 > 64000, which is the maximum allowed number of output tokens",
    "messages.1.content.0: Expected `thinking` or `redacted_thinking`, but found `text`.",
    "prompt is too long: 210000 tokens > 200000 maximum",
    "No tool output found for function call call_1.",
    "The model `gpt-9` does not exist",
    '"tinyllama" does not support tools',
    "This model does not support image input",
    "Invalid 'messages[0].content': string too long.",
    "Please use a valid role: user, model.",
    "you must provide a model parameter",
]


@pytest.mark.parametrize("format_name", sorted(FORMATS))
@pytest.mark.parametrize("message", SILENT)
def test_what_is_no_lesson(format_name: str, message: str) -> None:
    assert FORMATS[format_name].learn(error(message)) == {}


@pytest.mark.parametrize(("format_name", "refusal", "facts"), TAUGHT)
@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 503])
def test_only_a_refusal_of_the_request_teaches(format_name: str, refusal: APIError, facts: object, status: int) -> None:
    assert FORMATS[format_name].learn(evolve(refusal, status=status)) == {}


@given(st.sampled_from(sorted(FORMATS)), st.text() | st.sampled_from([said.message for _, said, _ in TAUGHT]), st.text() | st.none())
@settings(max_examples=100)
def test_whatever_is_said_is_a_fact_of_the_profile_and_spares_the_question(format_name: str, message: str, param: str | None) -> None:
    facts = FORMATS[format_name].learn(error(message, param))
    profile = with_facts(Profile(), facts)
    assert not {path.partition(".")[0] for path in profile.without} & (ESSENTIAL - {"tools", "messages"})
    assert all(path.endswith((".strict", ".name")) for path in profile.without if path.startswith(("tools", "messages")))


def test_paths_are_brought_to_one_spelling() -> None:
    said = "Unsupported parameter: 'toolConfig.3.maxTokens[12].x_y'"
    assert unwelcome_members(error(said)) == {"toolconfig[].maxtokens[].xy"}


# Facts


def test_facts_add_up() -> None:
    one, two = {"reasoning": NONE, **leaving("a")}, {"reasoning": BUDGET, **leaving("b"), "stop_sequences": 0}
    assert merged(one, two) == {"reasoning": BUDGET, **leaving("a", "b"), "stop_sequences": 0}
    profile = with_facts(Profile(without=frozenset({"c"})), merged(one, two))
    assert (profile.reasoning, profile.without, profile.stop_sequences) == (BUDGET, frozenset("abc"), 0)


def test_news_are_what_was_not_known() -> None:
    profile = Profile(without=frozenset({"a"}), stop_sequences=0)
    assert news_in({"stop_sequences": 0, **leaving("a")}, profile) == {}
    assert news_in({"stop_sequences": 0, **leaving("a", "b")}, profile) == leaving("a", "b")


@pytest.mark.parametrize(("format_name", "refusal", "facts"), TAUGHT)
def test_facts_survive_being_written(format_name: str, refusal: APIError, facts: dict[str, Any]) -> None:
    assert read_facts(write_facts(facts)) == facts


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(st.dictionaries(st.sampled_from([field.name for field in fields(Profile)]) | st.text(), JSON_VALUES) | JSON_VALUES)
@settings(max_examples=100)
def test_whatever_was_kept_gives_a_profile(written: Any) -> None:
    profile = with_facts(Profile(), read_facts(written))
    for field in fields(Profile):
        default = field.default
        assert default is None or type(getattr(profile, field.name)) is type(default)
