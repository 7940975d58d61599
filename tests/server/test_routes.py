"""Paths mean what real clients mean by them."""

import pytest

from ccproxy_cli.server.routes import ENDPOINTS, Action, find, format_of, normal_path


@pytest.mark.parametrize(
    ("path", "action", "format_name", "canonical"),
    [
        ("/v1/messages", Action.GENERATE, "anthropic", "/v1/messages"),
        ("/messages", Action.GENERATE, "anthropic", "/v1/messages"),
        ("/v1/v1/messages/", Action.GENERATE, "anthropic", "/v1/messages"),
        ("/anthropic/v1/messages", Action.GENERATE, "anthropic", "/v1/messages"),
        ("//v1/messages", Action.GENERATE, "anthropic", "/v1/messages"),
        ("/v1/messages/count_tokens", Action.COUNT_TOKENS, "anthropic", "/v1/messages/count_tokens"),
        ("/messages/count_tokens/", Action.COUNT_TOKENS, "anthropic", "/v1/messages/count_tokens"),
        ("/v1/chat/completions", Action.GENERATE, "openai-chat", "/chat/completions"),
        ("/chat/completions", Action.GENERATE, "openai-chat", "/chat/completions"),
        ("/openai/v1/chat/completions/", Action.GENERATE, "openai-chat", "/chat/completions"),
        ("/openai/v1/models", Action.MODELS, "openai-chat", "/models"),
        ("/anthropic/v1/models", Action.MODELS, "anthropic", "/models"),
        ("/v1/models", Action.MODELS, None, "/models"),
    ],
)
def test_paths(path: str, action: Action, format_name: str | None, canonical: str) -> None:
    endpoint = ENDPOINTS[normal_path(path)]
    assert (endpoint.action, endpoint.format and endpoint.format.name, endpoint.canonical) == (action, format_name, canonical)


@pytest.mark.parametrize(
    ("path", "action", "canonical"),
    [
        ("/v1/responses", Action.GENERATE, "/responses"),
        ("/responses/input_tokens", Action.COUNT_TOKENS, "/responses/input_tokens"),
        ("/openai/v1/responses/compact", Action.ONLY_THERE, "/responses/compact"),
        ("/v1/embeddings", Action.ONLY_THERE, "/embeddings"),
        ("/openai/v1/completions", Action.ONLY_THERE, "/completions"),
        ("/v1beta/models/e:embedContent", Action.ONLY_THERE, "/models/e:embedContent"),
        ("/gemini/v1beta/models/e:batchEmbedContents", Action.ONLY_THERE, "/models/e:batchEmbedContents"),
        ("/v1/responses/resp_1", Action.KEPT, "/responses/resp_1"),
        ("/v1/v1/responses/resp_1/input_items", Action.KEPT, "/responses/resp_1/input_items"),
        ("/v1/responses/resp_1/cancel", Action.KEPT, "/responses/resp_1/cancel"),
    ],
)
def test_paths_of_answers_that_are_kept(path: str, action: Action, canonical: str) -> None:
    found = find(path)
    assert found is not None
    assert (found[0].action, found[0].canonical) == (action, canonical)


@pytest.mark.parametrize("path", ["/v1/responses/resp_1/give_up", "/v1/responses/a/b/c", "/responses/compact/x", "/v2/responses/resp_1"])
def test_nothing_else_is_below_an_answer(path: str) -> None:
    assert find(path) is None


def test_a_provider_may_be_called_as_a_path_is() -> None:
    found = find("/v1beta/models/responses/gpt-x:generateContent")
    assert found is not None
    assert (found[0].action, found[0].canonical) == (Action.GENERATE, "/models/responses/gpt-x:generateContent")


@pytest.mark.parametrize("path", ["/", "//", "/v1", "/v1/nope", "/v1/messagesx", "/v2/messages"])
def test_nothing_else_is_served(path: str) -> None:
    assert normal_path(path) not in ENDPOINTS


@pytest.mark.parametrize(
    ("path", "headers", "format_name"),
    [
        ("/v1/messages", {}, "anthropic"),
        ("/v1/chat/completions", {"anthropic-version": "x"}, "openai-chat"),
        ("/v1/models", {}, "openai-chat"),
        ("/v1/models", {"authorization": "Bearer x"}, "openai-chat"),
        ("/v1/models", {"anthropic-version": "2023-06-01"}, "anthropic"),
        ("/v1/models/claude", {"x-api-key": "k"}, "anthropic"),
        ("/anthropic/nope", {}, "anthropic"),
        ("/v1/messages/batches", {}, "anthropic"),
        ("/openai/v1/nope", {"x-api-key": "k"}, "openai-chat"),
        ("/nope", {}, "openai-chat"),
    ],
)
def test_refusals_are_in_the_words_of_whoever_asks(path: str, headers: dict[str, str], format_name: str) -> None:
    assert format_of(path, headers).name == format_name
