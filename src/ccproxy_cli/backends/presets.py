"""Providers as rows of data. Adding one is adding a row; whatever a row cannot say is a missing word in `Preset` or `Profile`.

Where a fact is not from the page under `docs`, its source stands beside it. Pages were read in 2026-11.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from attrs import frozen

from ccproxy_cli.backends.credentials import AuthStyle

_NOTHING: Mapping[str, str] = MappingProxyType({})
_VARIABLE = re.compile(r"\{([A-Z_]+)\}")


def variables_in(base_url: str) -> list[str]:
    """The environment variables that an address names."""
    return list(dict.fromkeys(_VARIABLE.findall(base_url)))


@frozen
class Preset:
    """What is known of a provider before the user says anything."""

    name: str
    format: str | None
    """The wire format it speaks; None for those that are no HTTP service."""
    base_url: str | None = None
    """Where the vendor's own SDK points by default, `{VARIABLE}` for what the environment says; None if the user must say."""
    auth: AuthStyle = AuthStyle.NONE
    key_variables: tuple[str, ...] = ()
    """Environment variables its own tools read the key from, in their order."""
    default_models: tuple[str, ...] = ()
    """Models to suggest where none is named and the provider has not been asked; the first is the default."""
    docs: str = ""
    """The vendor's API reference."""
    model_patterns: tuple[str, ...] = ()
    """Globs of the model names that are this provider's own, so that a bare name finds its way."""
    key_optional: bool = False
    """Works without a key, and takes one if it is there."""
    key_example: str | None = None
    """How a key is usually had, where no variable holds one."""
    hosts: tuple[str, ...] = ()
    """Globs of the host names that are the vendor's own besides that of `base_url`."""
    address_variables: tuple[str, ...] = ()
    """Environment variables its own tools read the address from, for those that have none of their own."""
    places: Mapping[str, str] = _NOTHING
    """What stands in `base_url` for a variable that is not set."""
    respelled: Mapping[str, str] = _NOTHING
    """Parts of a completed `base_url` that the vendor writes otherwise."""
    below: str = ""
    """Where the API begins below an address that is a bare host."""
    model_path: str = ""
    """Before the path of every call that is about a model, `{model}` for its name."""
    query: Mapping[str, str] = _NOTHING
    """Query parameters of every call."""
    headers: Mapping[str, str] = _NOTHING
    """Headers of every call; names in lower case."""
    travelling: tuple[str, ...] = ()
    """Of a client's headers, those that this provider reads besides its format's own; names in lower case."""
    variables: Mapping[str, tuple[str, ...]] = MappingProxyType({})
    """Environment variables that fill settings of a provider, and which: those of its own tools, and of the proxies people come from."""
    lists_models: bool = True
    """It has a list of what can be asked for."""
    known_by: str | None = None
    """For servers on this machine whose port is everybody's: the owner that their list of models names."""

    @property
    def needs(self) -> tuple[str, ...]:
        """Environment variables without which it has no address."""
        return tuple(name for name in variables_in(self.base_url or "") if name not in self.places)


_OPENAI_MODELS = ("gpt-*", "chatgpt-*", "o1*", "o3*", "o4*", "ft:gpt-*")
_AZURE_HOSTS = ("*.openai.azure.com", "*.services.ai.azure.com", "*.cognitiveservices.azure.com", "*.openai.azure.us")
_ATTRIBUTION = ("http-referer", "x-title", "x-openrouter-title", "x-openrouter-categories")

_CLAUDE = Preset(
    "claude-code",
    None,
    default_models=("sonnet", "opus", "haiku"),
    docs="https://docs.anthropic.com/en/docs/claude-code",
    model_patterns=("claude-*", "sonnet*", "opus*", "haiku*"),
)

_VENDORS = (
    Preset(
        "anthropic",
        "anthropic",
        "https://api.anthropic.com",
        AuthStyle.X_API_KEY,
        ("ANTHROPIC_API_KEY",),
        ("claude-sonnet-5", "claude-opus-4-8", "claude-haiku-4-5"),
        "https://docs.anthropic.com/en/api/messages",
        model_patterns=("claude-*",),
    ),
    Preset(
        "openai",
        "openai-chat",
        "https://api.openai.com/v1",
        AuthStyle.BEARER,
        ("OPENAI_API_KEY",),
        ("gpt-5.4-mini", "gpt-5.1", "gpt-4o-mini"),
        "https://platform.openai.com/docs/api-reference/chat",
        model_patterns=_OPENAI_MODELS,
    ),
    Preset(
        "openai-responses",
        "openai-responses",
        "https://api.openai.com/v1",
        AuthStyle.BEARER,
        ("OPENAI_API_KEY",),
        ("gpt-5.4-mini", "gpt-5.1", "gpt-4o-mini"),
        "https://platform.openai.com/docs/api-reference/responses",
        model_patterns=_OPENAI_MODELS,
    ),
    Preset(
        "gemini",
        "gemini",
        "https://generativelanguage.googleapis.com/v1beta",
        AuthStyle.X_GOOG_API_KEY,
        ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        ("gemini-3.5-flash", "gemini-3.1-pro-preview", "gemini-2.5-flash"),
        "https://ai.google.dev/api/generate-content",
        model_patterns=("gemini-*", "gemma-*", "models/gemini-*"),
    ),
    Preset(
        "deepseek",
        "openai-chat",
        "https://api.deepseek.com",
        AuthStyle.BEARER,
        ("DEEPSEEK_API_KEY",),
        ("deepseek-v4-flash", "deepseek-v4-pro"),
        "https://api-docs.deepseek.com/api/create-chat-completion",
        model_patterns=("deepseek-*",),
    ),
    Preset(
        "mistral",
        "openai-chat",
        "https://api.mistral.ai/v1",
        AuthStyle.BEARER,
        ("MISTRAL_API_KEY",),
        ("mistral-medium-latest", "mistral-small-latest", "devstral-latest"),
        "https://docs.mistral.ai/api/endpoint/chat",
        model_patterns=("mistral-*", "ministral-*", "magistral-*", "codestral-*", "devstral-*", "voxtral-*", "pixtral-*", "open-mistral-*"),
    ),
    Preset(
        "xai",
        "openai-chat",
        "https://api.x.ai/v1",
        AuthStyle.BEARER,
        ("XAI_API_KEY",),
        ("grok-4.5", "grok-4.3"),
        "https://docs.x.ai/docs/api-reference#chat-completions",
        model_patterns=("grok-*",),
    ),
)

_CLOUDS = (
    # A deployment's name stands for the model; no api-version is needed.
    Preset(
        "azure",
        "openai-chat",
        None,
        AuthStyle.API_KEY,
        ("AZURE_OPENAI_API_KEY",),
        docs="https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle",
        hosts=_AZURE_HOSTS,
        address_variables=("AZURE_OPENAI_ENDPOINT",),
        below="/openai/v1",
        lists_models=False,  # its list names what could be deployed, not what is
    ),
    Preset(
        "azure-deployments",
        "openai-chat",
        None,
        AuthStyle.API_KEY,
        ("AZURE_OPENAI_API_KEY",),
        docs="https://learn.microsoft.com/azure/ai-foundry/openai/reference",
        hosts=_AZURE_HOSTS,
        address_variables=("AZURE_OPENAI_ENDPOINT",),
        below="/openai",
        model_path="/deployments/{model}",
        query=MappingProxyType({"api-version": "2024-10-21"}),  # the newest that is not a preview
        variables=MappingProxyType({"AZURE_API_VERSION": ("query", "api-version"), "OPENAI_API_VERSION": ("query", "api-version")}),
        lists_models=False,
    ),
    # The paths below it are those of Google's other API; host names as in google-genai 3.3.
    Preset(
        "vertex",
        "gemini",
        "https://{GOOGLE_CLOUD_LOCATION}-aiplatform.googleapis.com"
        "/v1/projects/{GOOGLE_CLOUD_PROJECT}/locations/{GOOGLE_CLOUD_LOCATION}/publishers/google",
        AuthStyle.BEARER,
        (),
        ("gemini-3.5-flash", "gemini-3.1-pro-preview", "gemini-2.5-flash"),
        "https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference",
        key_example="command:gcloud auth print-access-token",  # lives for an hour
        hosts=("aiplatform.googleapis.com", "*-aiplatform.googleapis.com", "aiplatform.*.rep.googleapis.com"),
        places=MappingProxyType({"GOOGLE_CLOUD_LOCATION": "global"}),
        respelled=MappingProxyType(
            {
                "//global-aiplatform.googleapis.com": "//aiplatform.googleapis.com",
                "//us-aiplatform.googleapis.com": "//aiplatform.us.rep.googleapis.com",
                "//eu-aiplatform.googleapis.com": "//aiplatform.eu.rep.googleapis.com",
            }
        ),
        lists_models=False,
    ),
    # Bedrock's models of other vendors than Anthropic; Claude there is reached through the Claude CLI.
    Preset(
        "bedrock",
        "openai-chat",
        "https://bedrock-runtime.{AWS_REGION}.amazonaws.com/openai/v1",
        AuthStyle.BEARER,
        ("AWS_BEARER_TOKEN_BEDROCK",),
        ("openai.gpt-oss-120b-1:0", "openai.gpt-oss-20b-1:0"),
        "https://docs.aws.amazon.com/bedrock/latest/userguide/inference-chat-completions.html",
        hosts=("bedrock-runtime.*.amazonaws.com",),
        lists_models=False,
    ),
)

_GATEWAYS = (
    Preset(
        "openrouter",
        "openai-chat",
        "https://openrouter.ai/api/v1",
        AuthStyle.BEARER,
        ("OPENROUTER_API_KEY",),
        docs="https://openrouter.ai/docs/api-reference/overview",
        headers=MappingProxyType({"x-title": "ccproxy"}),
        travelling=_ATTRIBUTION,
    ),
    Preset(
        "requesty",
        "openai-chat",
        "https://router.requesty.ai/v1",
        AuthStyle.BEARER,
        ("REQUESTY_API_KEY",),
        docs="https://docs.requesty.ai/features/auto-caching",
        headers=MappingProxyType({"x-title": "ccproxy"}),
        travelling=_ATTRIBUTION[:2],
        variables=MappingProxyType({"REQUESTY_AUTO_CACHE": ("body", "requesty", "auto_cache")}),
    ),
    Preset(
        "groq",
        "openai-chat",
        "https://api.groq.com/openai/v1",
        AuthStyle.BEARER,
        ("GROQ_API_KEY",),
        docs="https://console.groq.com/docs/openai",
    ),
    Preset(
        "together",
        "openai-chat",
        "https://api.together.ai/v1",
        AuthStyle.BEARER,
        ("TOGETHER_API_KEY",),
        docs="https://docs.together.ai/docs/inference/openai-compatibility",
        hosts=("api.together.xyz",),
    ),
    Preset(
        "fireworks",
        "openai-chat",
        "https://api.fireworks.ai/inference/v1",
        AuthStyle.BEARER,
        ("FIREWORKS_API_KEY",),
        docs="https://docs.fireworks.ai/tools-sdks/openai-compatibility",
        model_patterns=("accounts/fireworks/*",),
    ),
)

_LOCAL = (
    Preset(
        "ollama",
        "openai-chat",
        "http://127.0.0.1:11434/v1",
        AuthStyle.BEARER,
        ("OLLAMA_API_KEY",),
        docs="https://github.com/ollama/ollama/blob/main/docs/openai.md",
        key_optional=True,
    ),
    Preset(
        "lmstudio",
        "openai-chat",
        "http://127.0.0.1:1234/v1",
        AuthStyle.BEARER,
        ("LM_STUDIO_API_KEY",),
        docs="https://lmstudio.ai/docs/developer/openai-compat",
        key_optional=True,
    ),
    Preset(
        "llamacpp",
        "openai-chat",
        "http://127.0.0.1:8080/v1",
        AuthStyle.BEARER,
        ("LLAMA_API_KEY",),
        docs="https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md",
        key_optional=True,
        known_by="llamacpp",
    ),
    Preset(
        "vllm",
        "openai-chat",
        "http://127.0.0.1:8000/v1",
        AuthStyle.BEARER,
        ("VLLM_API_KEY",),
        docs="https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html",
        key_optional=True,
        known_by="vllm",
    ),
    # Any other server that speaks Chat Completions: the user says where.
    Preset("openai-compatible", "openai-chat", None, AuthStyle.BEARER, key_optional=True),
    Preset("echo", None, default_models=("echo",), model_patterns=("echo",)),
)

PRESETS: Mapping[str, Preset] = MappingProxyType({preset.name: preset for preset in (_CLAUDE, *_VENDORS, *_CLOUDS, *_GATEWAYS, *_LOCAL)})
