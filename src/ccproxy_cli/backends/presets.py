"""Providers as rows of data. Adding one is adding a row; whatever a row cannot say is a missing word in `Preset` or `Profile`."""

from collections.abc import Mapping
from types import MappingProxyType

from attrs import frozen

from ccproxy_cli.backends.credentials import AuthStyle


@frozen
class Preset:
    """What is known of a provider before the user says anything."""

    name: str
    format: str | None
    """The wire format it speaks; None for those that are no HTTP service."""
    base_url: str | None = None
    """Where the vendor's own SDK points by default; None if the user must say."""
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


_OPENAI_MODELS = ("gpt-*", "chatgpt-*", "o1*", "o3*", "o4*", "ft:gpt-*")

_ROWS = (
    Preset(
        "claude-code",
        None,
        default_models=("sonnet", "opus", "haiku"),
        docs="https://docs.anthropic.com/en/docs/claude-code",
        model_patterns=("claude-*", "sonnet*", "opus*", "haiku*"),
    ),
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
        ("gemini-3.5-flash", "gemini-3-pro-preview", "gemini-2.5-flash"),
        "https://ai.google.dev/api/generate-content",
        model_patterns=("gemini-*", "gemma-*", "models/gemini-*"),
    ),
    Preset(
        "ollama",
        "openai-chat",
        "http://127.0.0.1:11434/v1",
        AuthStyle.BEARER,
        ("OLLAMA_API_KEY",),
        docs="https://github.com/ollama/ollama/blob/main/docs/openai.md",
        key_optional=True,
    ),
    # Any other server that speaks Chat Completions: the user says where.
    Preset("openai-compatible", "openai-chat", None, AuthStyle.BEARER, key_optional=True),
    Preset("echo", None, default_models=("echo",), model_patterns=("echo",)),
)

PRESETS: Mapping[str, Preset] = MappingProxyType({preset.name: preset for preset in _ROWS})
