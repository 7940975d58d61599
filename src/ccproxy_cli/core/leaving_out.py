"""Takes out of a written request what its provider is known to refuse."""

from collections.abc import Iterable

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.jsontext import JSON

ESSENTIAL = frozenset(
    {"model", "messages", "input", "contents", "system", "systemInstruction", "instructions", "tools", "functions", "stream"}
)
"""Members that are the question itself, or how it is to be answered: never taken out whole, whoever says so."""


def leave_out(body: dict[str, JSON], paths: Iterable[str], losses: Losses) -> None:
    """Take members out of a body, and record each that was there.

    Args:
        paths: as in `Profile.without`: names with dots between them, `[]` behind those of lists.
    """
    for path in sorted(paths):
        if path not in ESSENTIAL and _taken(body, path.split(".")):
            losses.add(path.replace("[]", ""), "this model takes no such thing")


def _taken(value: JSON, names: list[str]) -> bool:
    """Whether there was something to take."""
    if not isinstance(value, dict):
        return False
    name, *rest = names
    if not rest:
        there = name in value
        value.pop(name, None)
        return there
    if name.endswith("[]"):
        items = value.get(name[:-2])
        taken = [_taken(item, rest) for item in items] if isinstance(items, list) else []
        return any(taken)
    return _taken(value.get(name), rest)
