"""What this machine offers without any configuration. The probes are passed in, so that this file touches nothing."""

import re
from collections.abc import Callable, Iterator, Sequence

from attrs import frozen

from ccproxy_cli.config.environment import Environment, Found
from ccproxy_cli.config.origin import Kind, Origin
from ccproxy_cli.config.secrets import PLACEHOLDER
from ccproxy_cli.config.settings import ProviderSettings

OLLAMA_URL = "http://127.0.0.1:11434/v1"

ECHO = "echo"

ADDRESSES = ("OPENAI_BASE_URL", "GOOGLE_GEMINI_BASE_URL")
"""Variables that lead a detected provider elsewhere than to its vendor."""


def _nothing() -> str | None:
    return None


@frozen
class Probes:
    """How to look around. Each answers with what it found, fit to be shown, or None."""

    claude_cli: Callable[[], str | None] = _nothing
    """Path of the Claude CLI."""
    ollama: Callable[[], str | None] = _nothing
    """Address of a local Ollama."""


@frozen
class Detected:
    """A provider that needs no configuration."""

    name: str
    settings: ProviderSettings
    origin: Origin


def detect(environments: Sequence[Environment], probes: Probes) -> Iterator[Detected]:
    """The providers there are, in order of preference: the user's own login, keys in the environment, what runs on this machine.

    Args:
        environments: strongest first.
    """
    if path := probes.claude_cli():
        yield Detected("claude", ProviderSettings("claude-code"), Origin(Kind.DETECTED, f"Claude CLI at {path}"))
    if (key := _first(environments, "ANTHROPIC_API_KEY")) and not is_client_key(key, environments):
        yield Detected("anthropic", ProviderSettings("anthropic", api_key=f"env:{key.name}"), Origin(Kind.DETECTED, key.name))
    if key := _first(environments, "OPENAI_API_KEY"):
        url = _first(environments, "OPENAI_BASE_URL")
        settings = ProviderSettings("openai", base_url=url.value if url else None, api_key=f"env:{key.name}")
        yield Detected("openai", settings, Origin(Kind.DETECTED, f"{key.name} and {url.name}" if url else key.name))
    if key := _first(environments, "GEMINI_API_KEY"):
        url = _first(environments, "GOOGLE_GEMINI_BASE_URL")
        settings = ProviderSettings("gemini", base_url=_versioned(url.value) if url else None, api_key=f"env:{key.name}")
        yield Detected("gemini", settings, Origin(Kind.DETECTED, f"{key.name} and {url.name}" if url else key.name))
    if address := probes.ollama():
        yield Detected("ollama", ProviderSettings("ollama"), Origin(Kind.DETECTED, f"Ollama at {address}"))


def is_client_key(key: Found, environments: Sequence[Environment]) -> bool:
    """Whether ANTHROPIC_API_KEY is what clients must send, as in the proxies that read BIG_MODEL, and no key of Anthropic's own."""
    return not key.value.startswith("sk-ant-") and any(True for environment in environments for _ in environment.model_classes())


def _versioned(url: str) -> str:
    """Google's tools take an address without the API's version, and add it themselves."""
    plain = url.rstrip("/")
    return plain if re.search(r"/v\d\w*$", plain) else f"{plain}/v1beta"


def _first(environments: Sequence[Environment], name: str) -> Found | None:
    found = next((found for environment in environments if (found := environment.get(name))), None)
    return None if found and found.value == PLACEHOLDER else found
