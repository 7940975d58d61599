"""Model lists."""

from ccproxy_cli.core.catalog import ModelInfo
from ccproxy_cli.core.errors import BadUpstream
from ccproxy_cli.core.formats.openai_chat import spelling
from ccproxy_cli.core.formats.openai_chat.wire import KIT, WireModel, WireModelList
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.jsontext import JSON, JSONError, dumps, loads

_WINDOWS = ("context_window", "context_length", "max_model_len")
"""What Groq, OpenRouter and vLLM call it; OpenAI does not say."""
_OUTPUTS = ("max_completion_tokens", "max_output_tokens")


def models_call() -> HTTPCall:
    return HTTPCall("GET", "/models")


def decode_models(body: bytes) -> tuple[ModelInfo, ...]:
    """A vendor's list. Raises `BadUpstream`."""
    try:
        value = loads(body)
    except JSONError as error:
        raise BadUpstream(f"upstream's model list is not JSON: {error}") from error
    if isinstance(value, list):  # Together lists them bare
        value = {"data": value}
    listed = KIT.read(value, WireModelList, BadUpstream)
    return tuple(_read_model(model) for model in listed.data)


def _read_model(wire: WireModel) -> ModelInfo:
    members = dict(wire.extras)
    if wire.object is not None and wire.object != "model":
        members["object"] = wire.object
    name = members.get("display_name") or members.get("name")
    return ModelInfo(
        wire.id,
        display_name=name if isinstance(name, str) else None,
        created=None if wire.created is None else int(wire.created),
        owner=wire.owned_by,
        context_window=_first_count(members, _WINDOWS),
        max_output=_first_count(members, _OUTPUTS),
        extras=spelling.ours(members),
    )


def _first_count(members: dict[str, JSON], names: tuple[str, ...]) -> int | None:
    return next((members[name] for name in names if type(members.get(name)) is int), None)


def encode_models(models: tuple[ModelInfo, ...]) -> bytes:
    return dumps({"object": "list", "data": [_write_model(model) for model in models]})


def encode_model(model: ModelInfo) -> bytes:
    return dumps(_write_model(model))


def _write_model(model: ModelInfo) -> JSON:
    """Official clients require all four members, so what is unknown gets a value that claims least."""
    members = spelling.own_members(model.extras)
    return {
        "id": model.id,
        "object": "model",
        "created": model.created or 0,
        "owned_by": model.owner or "",
        **members,
    }
