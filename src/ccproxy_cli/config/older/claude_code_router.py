"""`config.json` of claude-code-router: a list of providers, and a router that leads by what is in a request.

Source: its README, version 1, read 2026-11.
"""

from typing import Any

from ccproxy_cli.config.older.writing import Draft, reference
from ccproxy_cli.config.origin import Path

NAME = "claude-code-router"

_LOG_LEVELS = {"fatal": "error", "error": "error", "warn": "warning", "info": "info", "debug": "debug", "trace": "debug"}
_LONG_CONTEXT = 60_000
"""Tokens, where the file does not say."""
_SITUATIONS: tuple[tuple[str, str], ...] = (
    ("background", "background"),
    ("image", "images"),
    ("webSearch", "web_search"),
    ("think", "thinking"),
)
"""What the router calls them, in the order it looks at them, and what our rules do. A long context comes before all of them."""
_DONE_ANYWAY = {"deepseek", "gemini", "groq", "openrouter", "reasoning", "cleancache", "sampling", "anthropic"}
"""Transformers whose work is part of every translation here."""
_TOP = ("Providers", "providers", "Router", "APIKEY", "HOST", "PORT", "LOG_LEVEL", "API_TIMEOUT_MS")
_NEEDLESS = ("LOG", "NON_INTERACTIVE_MODE", "CLAUDE_PATH")


def is_one(tree: Any) -> bool:
    """Whether a parsed file is of this kind."""
    return isinstance(tree, dict) and (isinstance(tree.get("Providers"), list) or isinstance(tree.get("Router"), dict))


def write(tree: dict[str, Any], draft: Draft) -> None:
    """Say it in our words."""
    _server(tree, draft)
    key = "Providers" if "Providers" in tree else "providers"
    names = [_provider(provider, (key, str(number)), draft) for number, provider in enumerate(tree.get(key) or ())]
    _router(tree.get("Router") or {}, [name for name in names if name], draft)
    draft.leave_out_rest(tree, _TOP, (), needless=_NEEDLESS)


def _server(tree: dict[str, Any], draft: Draft) -> None:
    if key := tree.get("APIKEY"):
        draft.set(("server", "token"), reference(str(key)), ("APIKEY",))
    if host := tree.get("HOST"):
        if key:
            draft.set(("server", "host"), host, ("HOST",))
        elif host not in ("127.0.0.1", "localhost"):
            draft.leave_out(("HOST",), "without an APIKEY only this machine is listened to")
    if "PORT" in tree:
        draft.set(("server", "port"), tree["PORT"], ("PORT",))
    if level := tree.get("LOG_LEVEL"):
        draft.set(("server", "log_level"), _LOG_LEVELS.get(str(level).lower(), level), ("LOG_LEVEL",))
    if timeout := tree.get("API_TIMEOUT_MS"):
        seconds = timeout / 1000 if isinstance(timeout, int | float) else timeout
        for name in ("first_byte", "idle"):
            draft.set(("timeouts", name), seconds, ("API_TIMEOUT_MS",))


def _provider(provider: Any, place: Path, draft: Draft) -> str | None:
    if not isinstance(provider, dict) or not provider.get("name") or not provider.get("api_base_url"):
        draft.leave_out(place, "a provider needs a name and an api_base_url")
        return None
    name = str(provider["name"]).replace("/", "-")
    transformer = provider.get("transformer") or {}
    used = dict(_used(transformer.get("use")))
    format_name = "anthropic" if {"Anthropic", "anthropic"} & used.keys() else "gemini" if "gemini" in used else None
    draft.provider(name, str(provider["api_base_url"]), format_name, reference(str(provider.get("api_key") or "")), place)
    if models := provider.get("models"):
        draft.set(("providers", name, "models"), models, (*place, "models"))
    for transformation, options in used.items():
        if transformation == "maxtoken" and isinstance(options.get("max_tokens"), int):
            draft.set(("providers", name, "profile", "max_output"), options["max_tokens"], (*place, "transformer"))
        elif transformation.lower() not in _DONE_ANYWAY or options:
            draft.leave_out((*place, "transformer", transformation))
    for model, transformations in transformer.items():
        if model != "use":
            for transformation, options in _used(transformations.get("use")):
                if transformation.lower() not in _DONE_ANYWAY or options:
                    draft.leave_out((*place, "transformer", model, transformation), "it is for a single model")
    draft.leave_out_rest(provider, ("name", "api_base_url", "api_key", "models", "transformer"), place)
    return name


def _used(transformations: Any) -> list[tuple[str, dict[str, Any]]]:
    """Transformers and their options: each is a name, or a list of a name and its options."""
    found = []
    for item in transformations or ():
        words = item if isinstance(item, list) and item else [item]
        options = words[1] if len(words) > 1 and isinstance(words[1], dict) else {}
        found.append((str(words[0]), options))
    return found


def _router(router: dict[str, Any], providers: list[str], draft: Draft) -> None:
    """A model named with its provider goes there, whatever is in the request; then the situations; then the default."""
    rules: list[dict[str, Any]] = []

    def add(word: str, rule: dict[str, Any]) -> None:
        draft.mark(("rules", str(len(rules))), ("Router", word))
        rules.append(rule)

    for name in providers:
        for separator in (",", "/"):
            add("", {"model": f"{name}{separator}*", "to": [f"{name}/*"]})
    if target := router.get("longContext"):
        add("longContext", {"min_tokens": router.get("longContextThreshold", _LONG_CONTEXT), "to": [_target(target)]})
    for word, condition in _SITUATIONS:
        if target := router.get(word):
            add(word, {condition: True, "to": [_target(target)]})
    if router:
        draft.set(("rules",), rules, ("Router",))
    if target := router.get("default"):
        draft.set(("models", "*"), _target(target), ("Router", "default"))
    known = ("default", "longContext", "longContextThreshold", *(word for word, _ in _SITUATIONS))
    draft.leave_out_rest(router, known, ("Router",))


def _target(text: Any) -> str:
    provider, _, model = str(text).partition(",")
    return f"{provider.strip().replace('/', '-')}/{model.strip()}"
