"""Model lists and token counts, in both directions."""

from datetime import UTC, datetime

from ccproxy_cli.core.catalog import ModelInfo, TokenCount, capabilities
from ccproxy_cli.core.errors import BadUpstream
from ccproxy_cli.core.extras import extras_of
from ccproxy_cli.core.formats._blame import parse
from ccproxy_cli.core.formats.anthropic.parts import own_members
from ccproxy_cli.core.formats.anthropic.request_encoder import VERSION
from ccproxy_cli.core.formats.anthropic.wire import KIT, NAME, CountWire, ModelListWire, ModelWire
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.jsontext import JSON, dumps

PAGE = 1000
"""The vendor's largest page, so one call lists every model."""


def models_call() -> HTTPCall:
    return HTTPCall("GET", "/v1/models", headers={"anthropic-version": VERSION}, query=f"limit={PAGE}")


def decode_models(body: bytes) -> tuple[ModelInfo, ...]:
    """The models of a list.

    Raises:
        BadUpstream: it is none.
    """
    return tuple(_model(wire) for wire in KIT.read(parse(body, BadUpstream), ModelListWire, BadUpstream).data)


def _model(wire: ModelWire) -> ModelInfo:
    members = {name: value for name, value in wire.extras.items() if name != "type"}
    created = _seconds(wire.created_at)
    if wire.created_at is not None and (created is None or _time(created) != wire.created_at):
        members["created_at"] = wire.created_at  # spelled as we would not spell it
    return ModelInfo(
        wire.id,
        display_name=wire.display_name,
        created=created,
        context_window=wire.max_input_tokens,
        max_output=wire.max_tokens,
        capabilities=_capabilities(wire.extras.get("capabilities")),
        extras=extras_of(NAME, members),
    )


_CAPABILITIES = {"thinking": "thinking", "image_input": "images", "pdf_input": "documents", "structured_outputs": "schema"}
"""The vendor's words (recorded 2026-09) and ours."""


def _capabilities(said: JSON) -> tuple[str, ...]:
    if not isinstance(said, dict):
        return ()
    return capabilities(
        {ours: isinstance(said.get(theirs), dict) and said[theirs].get("supported") is True for theirs, ours in _CAPABILITIES.items()}
    )


def _seconds(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def encode_models(models: tuple[ModelInfo, ...]) -> bytes:
    """All models as one page."""
    return dumps(
        {
            "data": [_entry(model) for model in models],
            "has_more": False,
            "first_id": models[0].id if models else None,
            "last_id": models[-1].id if models else None,
        }
    )


def encode_model(model: ModelInfo) -> bytes:
    """One model, as `GET /v1/models/{id}` gives it."""
    return dumps(_entry(model))


def _entry(model: ModelInfo) -> dict[str, JSON]:
    own = own_members(model.extras)
    entry: dict[str, JSON] = {
        "type": "model",
        "id": model.id,
        "display_name": model.display_name or model.id,
        # The vendor's type wants a date, and documents the epoch for one that is unknown.
        "created_at": own.pop("created_at", None) or _time(model.created or 0),
        "lifecycle": own.pop("lifecycle", "active"),
    }
    if model.context_window is not None:
        entry["max_input_tokens"] = model.context_window
    if model.max_output is not None:
        entry["max_tokens"] = model.max_output
    return {**own, **entry}


def decode_count(body: bytes) -> TokenCount:
    """The answer of the token counter.

    Raises:
        BadUpstream: it is none.
    """
    wire = KIT.read(parse(body, BadUpstream), CountWire, BadUpstream)
    return TokenCount(wire.input_tokens, extras=extras_of(NAME, wire.extras))


def encode_count(count: TokenCount) -> bytes:
    return dumps({"input_tokens": count.input_tokens, **own_members(count.extras)})
