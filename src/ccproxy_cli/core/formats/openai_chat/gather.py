"""Adds up members of a stream that we do not know, the way official clients add up those they know."""

from collections.abc import MutableMapping

from ccproxy_cli.core.jsontext import JSON

_WORDS = frozenset({"channel", "format", "id", "index", "name", "role", "status", "type"})
"""Strings under these names are told again in every chunk, not continued."""


def gather(members: MutableMapping[str, JSON], name: str, value: JSON) -> None:
    """Add one chunk's `value` to what `members` holds under `name`: text and lists go on, objects go on inside, the rest is replaced.
    Entries of a list that carry an `index` go on where that index stood before."""
    before = members.get(name)
    if value is None:
        members.setdefault(name, None)
    elif isinstance(value, list):
        members[name] = _gather_list(before if isinstance(before, list) else [], value)
    elif isinstance(before, str) and isinstance(value, str) and name.rpartition(".")[2] not in _WORDS:
        members[name] = before + value
    elif isinstance(before, dict) and isinstance(value, dict):
        inner = dict(before)
        for inner_name, inner_value in value.items():
            gather(inner, inner_name, inner_value)
        members[name] = inner
    else:
        members[name] = value


def _gather_list(before: list[JSON], added: list[JSON]) -> list[JSON]:
    result = list(before)
    for entry in added:
        index = entry.get("index") if isinstance(entry, dict) else None
        at = next((n for n, known in enumerate(result) if isinstance(known, dict) and known.get("index") == index), None)
        if index is None or at is None:
            result.append(entry)
            continue
        merged = dict(result[at])
        for name, value in entry.items():
            gather(merged, name, value)
        result[at] = merged
    return result
