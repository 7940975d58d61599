"""A profile: what a target model and its provider can take. Facts as data, so that codecs hold no model names."""

import enum

from attrs import frozen

from ccproxy_cli.core.hosted import HostedKind


class ReasoningStyle(enum.Enum):
    """How a model is told how much to think."""

    NONE = "none"
    """It has no such switch."""
    EFFORT = "effort"
    """By a word. OpenAI reasoning models."""
    BUDGET = "budget"
    """By a number of tokens. Claude up to 4.5."""
    ADAPTIVE = "adaptive"
    """By a word, the amount is the model's own. Claude from 4.6."""


@frozen
class Profile:
    """One target's abilities. The defaults describe a modern model behind its own vendor's API."""

    max_output: int | None = None
    """Most output tokens; what a request without a limit is given where the format demands one."""
    reasoning: ReasoningStyle = ReasoningStyle.NONE
    efforts: frozenset[str] = frozenset({"low", "medium", "high"})
    sampling: bool = True
    """Takes temperature and top_p."""
    top_k: bool = False
    """A Chat provider that takes top_k although OpenAI does not."""
    late_system: bool = False
    """Takes system messages after the first turn."""
    developer_role: bool = False
    """Prefers the role `developer` to `system`."""
    max_tokens_field: str = "max_completion_tokens"
    """What a Chat provider calls the output limit."""
    stop_sequences: int | None = 4
    """How many a Chat provider takes; None is no limit, 0 none at all."""
    structured_output: bool = True
    reasoning_replay: bool = False
    """A Chat provider that wants the reasoning text of earlier turns back."""
    stream_usage: bool = True
    """A Chat provider that takes `stream_options.include_usage`."""
    prompt_cache_key: bool = False
    cache_marks: bool = False
    """A Chat provider that honours Anthropic-style `cache_control` on parts."""
    thinking_range: tuple[int, int] | None = None
    """Least and most thinking tokens that can be asked for; None takes any number."""
    thinking_off: bool = True
    """Thinking by a number of tokens can be switched off. Not on Gemini 2.5 Pro."""
    call_signatures: bool = False
    """Refuses earlier function calls without a signature, and takes the vendor's documented stand-in for one. Gemini 3."""
    result_media: bool = False
    """Takes images and documents inside a function's response. Gemini 3; older ones get them beside it."""
    output_with_tools: bool = True
    """Takes a shape for its answer next to function tools. Not Gemini 2."""
    json_schema: bool = True
    """A Gemini model that takes tools described in JSON Schema; without, they go out in the vendor's older dialect."""
    without: frozenset[str] = frozenset()
    """Members of a request that the provider refuses, by their paths in its format: `seed`, `tools[].function.strict`."""
    reasoning_object: bool = False
    """A Chat provider that is told how much to think by an object, which can hold a number of tokens. OpenRouter."""
    user_field: str = "safety_identifier"
    """What a Chat provider calls the id of the end user."""
    seed_field: str = "seed"
    """What a Chat provider calls the seed."""
    short_call_ids: bool = False
    """A Chat provider whose call ids are nine letters and digits. Mistral."""
    web_search: bool = True
    """The provider searches the web itself when asked to. Of Chat models only those made for it."""
    web_fetch: bool = True
    """The provider reads pages itself whose addresses are given."""
    code_execution: bool = True
    """The provider runs the model's code itself."""
    hosted_beside_functions: bool = True
    """Takes hosted tools next to functions. Not Gemini 2."""

    def hosts(self, kind: HostedKind) -> bool:
        """Whether the provider runs tools of that kind."""
        match kind:
            case HostedKind.WEB_SEARCH:
                return self.web_search
            case HostedKind.WEB_FETCH:
                return self.web_fetch
            case HostedKind.CODE_EXECUTION:
                return self.code_execution
