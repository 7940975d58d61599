"""Model lists and token counts."""

from ccproxy_cli.core.catalog import ModelInfo, TokenCount
from ccproxy_cli.core.errors import BadUpstream
from ccproxy_cli.core.formats.openai_responses import spelling
from ccproxy_cli.core.formats.openai_responses.wire import KIT, WireModel, WireModelList
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.jsontext import JSON, JSONError, dumps, loads

_WINDOWS = ("context_window", "context_length", "max_model_len")
"""What compatible servers call it; OpenAI does not say."""
_OUTPUTS = ("max_output_tokens", "max_completion_tokens")
_COUNT = "response.input_tokens"


def models_call() -> HTTPCall:
    return HTTPCall("GET", "/models")


def decode_models(body: bytes) -> tuple[ModelInfo, ...]:
    """A vendor's list. Raises `BadUpstream`."""
    listed = KIT.read(_loads(body, "model list"), WireModelList, BadUpstream)
    return tuple(_read_model(model) for model in listed.data)


def _loads(body: bytes, what: str) -> JSON:
    try:
        return loads(body)
    except JSONError as error:
        raise BadUpstream(f"upstream's {what} is not JSON: {error}") from error


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
    return {
        "id": model.id,
        "object": "model",
        "created": model.created or 0,
        "owned_by": model.owner or "",
        **spelling.own_members(model.extras),
    }


def decode_count(body: bytes) -> TokenCount:
    """An answer of the token counter. Raises `BadUpstream`."""
    match value := _loads(body, "token count"):
        case {"input_tokens": int() as count} if type(count) is int and count >= 0:
            return TokenCount(count, extras=spelling.ours({n: v for n, v in value.items() if n not in ("object", "input_tokens")}))
        case _:
            raise BadUpstream("upstream's token count holds no input_tokens")


def encode_count(count: TokenCount) -> bytes:
    return dumps({"object": _COUNT, "input_tokens": count.input_tokens, **spelling.own_members(count.extras)})
