"""Which path means what, as data: the vendors' own paths, our prefixes, and the aliases real clients need."""

import enum
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from attrs import frozen

from ccproxy_cli.core.formats import FORMATS, Format


class Action(enum.Enum):
    GENERATE = "generate"
    COUNT_TOKENS = "count tokens"
    MODELS = "models"
    """The list, or below it one model."""
    ABSENT = "absent"
    """A vendor's path that is not served yet, known so that the refusal is in that vendor's words."""


@frozen
class Endpoint:
    """What is served at a path."""

    action: Action
    format: Format | None
    """What the caller speaks; None if only its headers tell."""
    canonical: str
    """The path as the format itself has it, below the base URL."""

    @property
    def methods(self) -> tuple[str, ...]:
        return ("GET", "HEAD") if self.action is Action.MODELS else ("POST",)


def _paths(prefix: str, path: str) -> Iterator[str]:
    """A vendor's path with and without our prefix, and with `/v1` missing or doubled: SDKs disagree on whether a base URL ends in it, and
    one exported variable has to serve them all."""
    for start in ("", prefix):
        yield f"{start}/v1{path}"
        yield f"{start}{path}"
        yield f"{start}/v1/v1{path}"


def _endpoints() -> Iterator[tuple[str, Endpoint]]:
    anthropic, chat = FORMATS["anthropic"], FORMATS["openai-chat"]
    for path in _paths("/anthropic", "/messages"):
        yield path, Endpoint(Action.GENERATE, anthropic, "/v1/messages")
        yield f"{path}/count_tokens", Endpoint(Action.COUNT_TOKENS, anthropic, "/v1/messages/count_tokens")
    for path in _paths("/openai", "/chat/completions"):
        yield path, Endpoint(Action.GENERATE, chat, "/chat/completions")
    for path in _paths("/openai", "/responses"):
        yield path, Endpoint(Action.ABSENT, chat, "/responses")
    for path in ("/v1/models", "/models", "/v1/v1/models"):
        yield path, Endpoint(Action.MODELS, None, "/models")
        yield f"/anthropic{path}", Endpoint(Action.MODELS, anthropic, "/models")
        yield f"/openai{path}", Endpoint(Action.MODELS, chat, "/models")


ENDPOINTS: Mapping[str, Endpoint] = MappingProxyType(dict(_endpoints()))
"""By normal path: one slash between words, none at the end."""


def normal_path(path: str) -> str:
    """The path without the slashes that joining URLs leaves behind."""
    if "//" in path:
        path = "/" + "/".join(word for word in path.split("/") if word)
    return path.rstrip("/") or "/"


def format_of(path: str, headers: Mapping[str, str]) -> Format:
    """What whoever asks for `path` speaks, so that even a refusal is in their words: told by the path, else by the headers."""
    endpoint = ENDPOINTS.get(path)
    if endpoint is not None and endpoint.format is not None:
        return endpoint.format
    if path.startswith("/anthropic/") or "/messages" in path:
        return FORMATS["anthropic"]
    if path.startswith("/openai/") or "/chat/" in path:
        return FORMATS["openai-chat"]
    return FORMATS["anthropic" if "anthropic-version" in headers or "x-api-key" in headers else "openai-chat"]
