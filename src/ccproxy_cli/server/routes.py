"""Which path means what, as data: the vendors' own paths, our prefixes, and the aliases real clients need."""

import enum
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import assert_never

from attrs import evolve, frozen

from ccproxy_cli.core.formats import FORMATS, Format


class Action(enum.Enum):
    GENERATE = "generate"
    COUNT_TOKENS = "count tokens"
    MODELS = "models"
    """The list, or below it one model."""
    KEPT = "kept"
    """One answer that was kept for its client."""
    ONLY_THERE = "pass on"
    """What only a provider of the format itself can do."""


@frozen
class Endpoint:
    """What is served at a path."""

    action: Action
    format: Format | None
    """What the caller speaks; None if only its headers tell."""
    canonical: str
    """The path as the format itself has it, below the base URL."""
    holders: tuple[str, ...] = ()
    """For what is passed on: formats whose providers have it."""

    @property
    def methods(self) -> tuple[str, ...]:
        match self.action:
            case Action.MODELS:
                return ("GET", "HEAD")
            case Action.KEPT:
                if self.canonical.endswith("/cancel"):
                    return ("POST",)
                return ("GET",) if self.canonical.endswith("/input_items") else ("GET", "DELETE")
            case Action.GENERATE | Action.COUNT_TOKENS | Action.ONLY_THERE:
                return ("POST",)
            case _:
                assert_never(self.action)


_SHOWN_PATH = 100
"""Characters of a caller's path that an error repeats: errors must not amplify."""

BELOW = "/{id}"
"""Stands in a path for the id of a kept answer."""


def _paths(prefix: str, path: str) -> Iterator[str]:
    """A vendor's path with and without our prefix, and with `/v1` missing or doubled: SDKs disagree on whether a base URL ends in it, and
    one exported variable has to serve them all."""
    for start in ("", prefix):
        yield f"{start}/v1{path}"
        yield f"{start}{path}"
        yield f"{start}/v1/v1{path}"


def _endpoints() -> Iterator[tuple[str, Endpoint]]:
    anthropic, chat, responses, gemini = (FORMATS[name] for name in ("anthropic", "openai-chat", "openai-responses", "gemini"))
    for path in _paths("/anthropic", "/messages"):
        yield path, Endpoint(Action.GENERATE, anthropic, "/v1/messages")
        yield f"{path}/count_tokens", Endpoint(Action.COUNT_TOKENS, anthropic, "/v1/messages/count_tokens")
    for path in _paths("/openai", "/chat/completions"):
        yield path, Endpoint(Action.GENERATE, chat, "/chat/completions")
    for name in ("/embeddings", "/completions"):
        for path in _paths("/openai", name):
            yield path, Endpoint(Action.ONLY_THERE, chat, name, (chat.name, responses.name))  # one vendor's, at one base URL
    for path in _paths("/openai", "/responses"):
        yield path, Endpoint(Action.GENERATE, responses, "/responses")
        yield f"{path}/input_tokens", Endpoint(Action.COUNT_TOKENS, responses, "/responses/input_tokens")
        yield f"{path}/compact", Endpoint(Action.ONLY_THERE, responses, "/responses/compact", (responses.name,))
        yield path + BELOW, Endpoint(Action.KEPT, responses, "/responses" + BELOW)
        for name in ("input_items", "cancel"):
            yield f"{path}{BELOW}/{name}", Endpoint(Action.KEPT, responses, f"/responses{BELOW}/{name}")
    for path in ("/v1/models", "/models", "/v1/v1/models"):
        yield path, Endpoint(Action.MODELS, None, "/models")
        yield f"/anthropic{path}", Endpoint(Action.MODELS, anthropic, "/models")
        yield f"/openai{path}", Endpoint(Action.MODELS, chat, "/models")
    for path in ("/v1beta/models", "/v1beta/v1beta/models"):
        yield path, Endpoint(Action.MODELS, gemini, "/models")
        yield f"/gemini{path}", Endpoint(Action.MODELS, gemini, "/models")
    yield "/gemini/v1/models", Endpoint(Action.MODELS, gemini, "/models")


ENDPOINTS: Mapping[str, Endpoint] = MappingProxyType(dict(_endpoints()))
"""By normal path: one slash between words, none at the end."""


VERBS: Mapping[str, Action] = MappingProxyType(
    {
        "generateContent": Action.GENERATE,
        "streamGenerateContent": Action.GENERATE,
        "countTokens": Action.COUNT_TOKENS,
        "embedContent": Action.ONLY_THERE,
        "batchEmbedContents": Action.ONLY_THERE,
    }
)
"""What Gemini writes behind a model's name and a colon."""


def find(path: str) -> tuple[Endpoint, str | None] | None:
    """What is served at a normal path, and the model it names if it is one model of a list; None if nothing is."""
    endpoint = ENDPOINTS.get(path)
    if endpoint is not None:
        return endpoint, None
    start, kept, rest = path.partition("/responses/")
    if kept and "/models/" not in f"{start}/":  # a model of a provider called `responses` stands behind both
        name, slash, more = rest.partition("/")
        below = ENDPOINTS.get(f"{start}/responses{BELOW}{slash}{more}")
        return None if below is None else (evolve(below, canonical=below.canonical.replace(BELOW, f"/{name}")), None)
    start, _, model = path.partition("/models/")
    listed = ENDPOINTS.get(f"{start}/models")
    if listed is None or not model:
        return None
    _, colon, verb = model.rpartition(":")
    if colon and verb in VERBS:
        return Endpoint(VERBS[verb], FORMATS["gemini"], f"/models/{model}", ("gemini",)), None
    return listed, model


def nothing_at(path: str) -> str:
    """What whoever asks for a path is told that nothing is served at."""
    return f"{path[:_SHOWN_PATH]} is not served here: GET /schema lists what is"


def normal_path(path: str) -> str:
    """The path without the slashes that joining URLs leaves behind."""
    if "//" in path:
        path = "/" + "/".join(word for word in path.split("/") if word)
    return path.rstrip("/") or "/"


def format_of(path: str, headers: Mapping[str, str]) -> Format:
    """What whoever asks for `path` speaks, so that even a refusal is in their words: told by the path, else by the headers."""
    found = find(path)
    if found is not None and found[0].format is not None:
        return found[0].format
    if path.startswith(("/gemini/", "/v1beta")):
        return FORMATS["gemini"]
    if "/responses" in path:
        return FORMATS["openai-responses"]
    if path.startswith("/anthropic/") or "/messages" in path:
        return FORMATS["anthropic"]
    if path.startswith("/openai/") or "/chat/" in path:
        return FORMATS["openai-chat"]
    if "x-goog-api-key" in headers:
        return FORMATS["gemini"]
    return FORMATS["anthropic" if "anthropic-version" in headers or "x-api-key" in headers else "openai-chat"]
