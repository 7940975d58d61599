"""Model lists."""

from collections.abc import Mapping

from attrs import frozen

from ccproxy_cli.core.catalog import ModelInfo, Price, capabilities
from ccproxy_cli.core.errors import BadUpstream
from ccproxy_cli.core.extras import NO_EXTRAS, extras_of
from ccproxy_cli.core.formats._blame import parse
from ccproxy_cli.core.formats._openai.wire import KIT, WireModel, WireModelList
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.jsontext import JSON, dumps

_WINDOWS = ("context_window", "context_length", "max_model_len")
"""What Groq, OpenRouter and vLLM call it; OpenAI does not say."""
_OUTPUTS = ("max_completion_tokens", "max_output_tokens")


def models_call() -> HTTPCall:
    return HTTPCall("GET", "/models")


@frozen
class ModelLists:
    """Model lists as one of the formats reads and writes them: what it does not know of a model it keeps under its own name."""

    format: str

    def decode(self, body: bytes) -> tuple[ModelInfo, ...]:
        """A vendor's list.

        Raises:
            BadUpstream: it is none.
        """
        value = parse(body, BadUpstream)
        if isinstance(value, list):  # Together lists them bare
            value = {"data": value}
        listed = KIT.read(value, WireModelList, BadUpstream)
        return tuple(self._read(model) for model in listed.data)

    def _read(self, wire: WireModel) -> ModelInfo:
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
            price=_price(members.get("pricing")),
            capabilities=_capabilities(members),
            extras=extras_of(self.format, members),
        )

    def encode(self, models: tuple[ModelInfo, ...]) -> bytes:
        """The list for a client."""
        return dumps({"object": "list", "data": [self._write(model) for model in models]})

    def encode_one(self, model: ModelInfo) -> bytes:
        """One model for a client."""
        return dumps(self._write(model))

    def _write(self, model: ModelInfo) -> JSON:
        """Official clients require all four members, so what is unknown gets a value that claims least."""
        return {
            "id": model.id,
            "object": "model",
            "created": model.created or 0,
            "owned_by": model.owner or "",
            **model.extras.get(self.format, NO_EXTRAS),
        }


def _first_count(members: Mapping[str, JSON], names: tuple[str, ...]) -> int | None:
    return next((members[name] for name in names if type(members.get(name)) is int), None)


def _capabilities(members: Mapping[str, JSON]) -> tuple[str, ...]:
    """OpenRouter lists the parameters and kinds of input that a model takes, Mistral has a table (their model pages, 2026-11)."""
    taken, table, shape = members.get("supported_parameters"), members.get("capabilities"), members.get("architecture")
    parameters = taken if isinstance(taken, list) else []
    inputs = shape.get("input_modalities") if isinstance(shape, Mapping) else None
    kinds = inputs if isinstance(inputs, list) else []
    says = table if isinstance(table, Mapping) else {}
    return capabilities(
        {
            "thinking": "reasoning" in parameters or says.get("reasoning") is True,
            "tools": "tools" in parameters or says.get("function_calling") is True,
            "images": "image" in kinds or says.get("vision") is True,
            "documents": "file" in kinds,
            "schema": "structured_outputs" in parameters,
        }
    )


def _price(pricing: JSON) -> Price | None:
    """OpenRouter tells the price of one token, as text, and -1 where it depends on who answers (its models page, 2026-11)."""
    if not isinstance(pricing, Mapping):
        return None
    each = {name: _dollars(pricing.get(name)) for name in ("prompt", "completion", "input_cache_read", "input_cache_write")}
    prompt, completion = each["prompt"], each["completion"]
    if prompt is None or completion is None:
        return None
    return Price(prompt, completion, each["input_cache_read"], each["input_cache_write"])


def _dollars(each: JSON) -> float | None:
    try:
        dollars = float(each) if isinstance(each, str) else -1.0
    except ValueError:
        return None
    return round(dollars * 1_000_000, 6) if 0 <= dollars < 1 else None
