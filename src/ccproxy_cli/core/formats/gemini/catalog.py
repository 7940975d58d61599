"""Model lists and token counts, in both directions."""

from ccproxy_cli.core.catalog import ModelInfo, TokenCount, capabilities
from ccproxy_cli.core.errors import BadUpstream
from ccproxy_cli.core.extras import extras_of
from ccproxy_cli.core.formats._blame import parse
from ccproxy_cli.core.formats.gemini import spelling
from ccproxy_cli.core.formats.gemini.wire import KIT, NAME, CountWire, ModelListWire, ModelWire
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.jsontext import JSON, dumps

PAGE = 1000
"""The vendor's largest page, so one call lists every model."""
_METHODS = ("generateContent", "streamGenerateContent", "countTokens")
_PREFIX = "models/"


def models_call() -> HTTPCall:
    return HTTPCall("GET", "/models", query=f"pageSize={PAGE}")


def decode_models(body: bytes) -> tuple[ModelInfo, ...]:
    """The models of a list.

    Raises:
        BadUpstream: it is none.
    """
    return tuple(_model(wire) for wire in KIT.read(parse(body, BadUpstream), ModelListWire, BadUpstream).models or ())


def _model(wire: ModelWire) -> ModelInfo:
    return ModelInfo(
        wire.name.removeprefix(_PREFIX),
        display_name=wire.display_name,
        context_window=wire.input_token_limit,
        max_output=wire.output_token_limit,
        capabilities=capabilities({"thinking": wire.extras.get("thinking") is True}),
        extras=extras_of(NAME, wire.extras),
    )


def encode_models(models: tuple[ModelInfo, ...]) -> bytes:
    """All models as one page."""
    return dumps({"models": [_entry(model) for model in models]})


def encode_model(model: ModelInfo) -> bytes:
    """One model, as `GET /models/{id}` gives it."""
    return dumps(_entry(model))


def _entry(model: ModelInfo) -> dict[str, JSON]:
    own = spelling.members_of(model.extras)
    entry: dict[str, JSON] = {"name": f"{_PREFIX}{model.id}"}
    if model.display_name is not None or not own:
        entry["displayName"] = model.display_name or model.id
    if model.context_window is not None:
        entry["inputTokenLimit"] = model.context_window
    if model.max_output is not None:
        entry["outputTokenLimit"] = model.max_output
    if not own:
        entry |= {"version": "001", "supportedGenerationMethods": list(_METHODS)}
    return spelling.complete(entry, own)


def decode_count(body: bytes) -> TokenCount:
    """The answer of the token counter.

    Raises:
        BadUpstream: it is none.
    """
    wire = KIT.read(parse(body, BadUpstream), CountWire, BadUpstream)
    return TokenCount(wire.total_tokens or 0, extras=extras_of(NAME, wire.extras))


def encode_count(count: TokenCount) -> bytes:
    own = spelling.members_of(count.extras)
    return dumps(spelling.complete({"totalTokens": count.input_tokens}, own))
