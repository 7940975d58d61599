"""`models.yaml` of anthropic-proxy: a list of models, each with the address and the key of its own.

Source: its example file and the comments of its template, read 2026-11.
"""

from typing import Any

from ccproxy_cli.config.older.writing import Draft, provider_name, reference
from ccproxy_cli.config.origin import Path

NAME = "anthropic-proxy (models.yaml)"

_FORMATS = {"openai": "openai-chat", "anthropic": "anthropic", "gemini": "gemini"}
_KNOWN = ("model_id", "model_name", "api_base", "api_key", "api_key_name", "format", "direct", "max_tokens", "extra_headers")
_NEEDLESS = ("can_stream", "max_input_tokens", "context")
"""Every model streams here, and its window is the vendor's to enforce."""


def is_one(tree: Any) -> bool:
    """Whether a parsed file is of this kind."""
    models = tree.get("models") if isinstance(tree, dict) and tree.keys() == {"models"} else tree
    return isinstance(models, list) and bool(models) and all(isinstance(model, dict) and "model_id" in model for model in models)


def write(tree: Any, draft: Draft) -> None:
    """Say it in our words: what shares an address, a key and limits is one provider."""
    models, above = (tree["models"], ("models",)) if isinstance(tree, dict) else (tree, ())
    providers: dict[tuple[object, ...], str] = {}
    listed: dict[str, list[str]] = {}
    for number, model in enumerate(models):
        place = (*above, str(number))
        if not model.get("api_base"):
            draft.leave_out(place, f"{model['model_id']} has no api_base")
            continue
        name = _provider(model, place, providers, draft)
        known_there = str(model.get("model_name") or model["model_id"])
        listed.setdefault(name, []).append(known_there)
        draft.set(("models", str(model["model_id"])), f"{name}/{known_there}", place)
        draft.set(("providers", name, "models"), listed[name], place)
        draft.leave_out_rest(model, _KNOWN, place, needless=_NEEDLESS)


def _provider(model: dict[str, Any], place: Path, providers: dict[tuple[object, ...], str], draft: Draft) -> str:
    """The provider of a model, made where it is the first there."""
    address, limit, headers = str(model["api_base"]), _tokens(model.get("max_tokens")), model.get("extra_headers") or {}
    format_name = _FORMATS.get(str(model.get("format")), "anthropic" if model.get("direct") else None)
    # Without a key of its own it took whatever key the client sent.
    key = f"env:{model['api_key_name']}" if model.get("api_key_name") else reference(str(model.get("api_key") or "client"))
    same = (address.rstrip("/"), format_name, key, limit, tuple(sorted(headers.items())))
    if same in providers:
        return providers[same]
    name = provider_name(address, providers.values())
    providers[same] = name
    draft.provider(name, address, format_name, key, place)
    if limit is not None:
        draft.set(("providers", name, "profile", "max_output"), limit, (*place, "max_tokens"))
    if headers:
        draft.set(("providers", name, "headers"), headers, (*place, "extra_headers"))
    return name


def _tokens(value: Any) -> Any:
    """A number of tokens: 16K is 16,000."""
    if isinstance(value, str) and value[-1:] in "kK" and value[:-1].strip().isdigit():
        return int(value[:-1]) * 1000
    return int(value) if isinstance(value, str) and value.strip().isdigit() else value
