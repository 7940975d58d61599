"""The OpenAPI document, written from the table of routes, so that it names exactly what is served."""

from ccproxy_cli import __version__
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.server.routes import ENDPOINTS, Action, Endpoint

_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "x-api-key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "x-goog-api-key": {"type": "apiKey", "in": "header", "name": "x-goog-api-key"},
    "key": {"type": "apiKey", "in": "query", "name": "key"},
}
_ERRORS = {
    "400": "The request cannot be read, or cannot be said to the target.",
    "401": "The key is missing or wrong, here or upstream.",
    "403": "This host name or web origin is not allowed.",
    "404": "Nobody has this model, or nothing is served here.",
    "413": "The body is too large.",
    "415": "The body is not application/json.",
    "429": "The upstream limits the rate.",
    "502": "The upstream cannot be reached or broke its own format.",
    "504": "The upstream took too long.",
    "529": "Overloaded, here or upstream. Told as 503 in OpenAI's format.",
}
_BY_ID: JSON = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
_VENDORS = {
    "anthropic": "the Anthropic Messages API",
    "openai-chat": "the OpenAI Chat Completions API",
    "openai-responses": "the OpenAI Responses API",
    "gemini": "the Gemini API",
}
_OF_KEPT = {
    "get": "What was kept for the client of one answer.",
    "delete": "Keep an answer no longer.",
    "post": "Give up an answer that is still being made.",
}
"""What is done with a kept answer, by method."""


def openapi_document() -> JSON:
    """The document, as JSON values."""
    paths: dict[str, JSON] = {
        "/health": {"get": _status_operation("health", "Whether the server is alive.", secured=False)},
        "/ready": {"get": _status_operation("ready", "The state of every backend; 503 if none is usable.", secured=True)},
        "/schema": {"get": _status_operation("schema", "This document.", secured=True)},
    }
    for path, endpoint in ENDPOINTS.items():
        match endpoint.action:
            case Action.GENERATE | Action.COUNT_TOKENS | Action.ONLY_THERE:
                paths[path] = {"post": _post(path, endpoint)}
            case Action.MODELS:
                paths[path] = {"get": _get(path, endpoint, "The models that can be asked for.")}
                one = _get(path + "/{model_id}", endpoint, "One model.")
                one["parameters"] = [{"name": "model_id", "in": "path", "required": True, "schema": {"type": "string"}}]
                paths[path + "/{model_id}"] = {"get": one}
            case Action.KEPT:
                paths[path] = {
                    word: {**_get(path, endpoint, _OF_KEPT[word]), "operationId": _operation_id(word, path), "parameters": [_BY_ID]}
                    for word in map(str.lower, endpoint.methods)
                }
    return {
        "openapi": "3.1.0",
        "info": {"title": "ccproxy", "version": __version__, "description": "Any AI client to any AI backend."},
        "paths": paths,
        "components": {"securitySchemes": _SECURITY},
        "security": [{name: []} for name in _SECURITY],
    }


def _post(path: str, endpoint: Endpoint) -> dict[str, JSON]:
    vendor = _VENDORS[endpoint.format.name] if endpoint.format is not None else "its vendor"
    properties: dict[str, JSON] = {"model": {"type": "string"}, "messages": {"type": "array", "items": {"type": "object"}}}
    if endpoint.action is Action.ONLY_THERE:
        del properties["messages"]
    schema = {
        "type": "object",
        "required": list(properties),
        "properties": properties,
        "additionalProperties": True,
    }
    content: dict[str, JSON] = {"application/json": {"schema": {"type": "object"}}}
    if endpoint.action is Action.GENERATE:
        properties["stream"] = {"type": "boolean"}
        content["text/event-stream"] = {"schema": {"type": "string"}}
    return {
        "operationId": _operation_id("post", path),
        "summary": f"{endpoint.action.value.capitalize()} as in {vendor}.",
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
        "responses": {"200": {"description": "The answer, as that API gives it.", "content": content}, **_errors()},
    }


def _get(path: str, endpoint: Endpoint, summary: str) -> dict[str, JSON]:
    vendor = "the format that the headers tell" if endpoint.format is None else _VENDORS[endpoint.format.name]
    return {
        "operationId": _operation_id("get", path),
        "summary": f"{summary} In {vendor}.",
        "responses": {"200": {"description": "OK", "content": _json_object()}, **_errors()},
    }


def _status_operation(name: str, summary: str, *, secured: bool) -> dict[str, JSON]:
    operation: dict[str, JSON] = {
        "operationId": name,
        "summary": summary,
        "responses": {"200": {"description": "OK", "content": _json_object()}, **_errors()},
    }
    if not secured:
        operation["security"] = []
    return operation


def _errors() -> dict[str, JSON]:
    return {status: {"description": text, "content": _json_object()} for status, text in _ERRORS.items()}


def _json_object() -> JSON:
    return {"application/json": {"schema": {"type": "object"}}}


def _operation_id(method: str, path: str) -> str:
    return method + path.replace("{", "").replace("}", "").replace("/", "_")
