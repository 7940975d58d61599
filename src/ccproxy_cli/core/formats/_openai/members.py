"""Members that ride along: those of an inner object among those of the outer one, and notes on how things were spelled beside them."""

from collections.abc import Mapping

from ccproxy_cli.core.extras import NOTE
from ccproxy_cli.core.jsontext import JSON


def note(*names: str) -> dict[str, JSON]:
    """Members that say nothing but these notes."""
    return dict.fromkeys(names, True)


def dotted(prefix: str, members: Mapping[str, JSON]) -> dict[str, JSON]:
    """The members of an inner object, under names that can stand among those of the outer."""
    return {f"{prefix}.{name}": value for name, value in members.items()}


def inner_of(members: Mapping[str, JSON], prefix: str) -> dict[str, JSON]:
    """Undo `dotted`: those members that stood in the inner object `prefix`."""
    start = f"{prefix}."
    return {name[len(start) :]: value for name, value in members.items() if name.startswith(start)}


def outer_of(members: Mapping[str, JSON], inner: tuple[str, ...]) -> dict[str, JSON]:
    """Those members that stood in the object itself: no notes, and none of the `inner` objects'."""
    prefixes = tuple(f"{name}." for name in inner)
    return {name: value for name, value in members.items() if not name.startswith(NOTE) and not (prefixes and name.startswith(prefixes))}
