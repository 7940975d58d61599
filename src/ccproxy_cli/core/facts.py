"""Single facts of a profile, as they are learned, kept and laid over one."""

import contextlib
import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

from attrs import evolve, fields

from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.profile import Profile, ReasoningStyle

Facts: TypeAlias = Mapping[str, Any]
"""Values by the names of the profile's fields. Those of `without` add to what is there, all others take its place."""


FACTS: Mapping[str, Any] = MappingProxyType({field.name: field.type for field in fields(Profile)})
"""All there are, and of what kind each is."""


def with_facts(profile: Profile, facts: Facts) -> Profile:
    """The profile as the facts have it."""
    if not facts:
        return profile
    return evolve(profile, **merged({"without": profile.without}, facts))


def merged(known: Facts, more: Facts) -> dict[str, Any]:
    """Both, the later ones over the earlier."""
    both = {**known, **more}
    if "without" in known and "without" in more:
        both["without"] = known["without"] | more["without"]
    return both


def news_in(facts: Facts, profile: Profile) -> dict[str, Any]:
    """Those that would change the profile."""
    return {
        name: value
        for name, value in facts.items()
        if (not value <= profile.without if name == "without" else value != getattr(profile, name))
    }


def write_facts(facts: Facts) -> dict[str, JSON]:
    """As JSON."""
    return {name: _written(value) for name, value in sorted(facts.items())}


def _written(value: object) -> JSON:
    match value:
        case enum.Enum():
            return value.value
        case frozenset():
            return sorted(value)
        case _:
            return value


def read_facts(written: JSON) -> dict[str, Any]:
    """Undo `write_facts`. What is no fact of this version's profiles is left out: another may have written it."""
    read: dict[str, Any] = {}
    for name, value in written.items() if isinstance(written, dict) else ():
        with contextlib.suppress(ValueError):
            read[name] = read_fact(name, value)
    return read


def read_fact(name: str, value: JSON) -> object:
    """One fact as the profile holds it.

    Raises:
        ValueError: there is no such fact, or it is not of its kind.
    """
    kind = FACTS.get(name)
    if kind is bool or kind is str:
        return _checked(value, type(value) is kind, "true or false" if kind is bool else "a string")
    if kind is ReasoningStyle:
        known = {style.value: style for style in ReasoningStyle}
        return known[_checked(value, isinstance(value, str) and value in known, f"one of {', '.join(known)}")]
    if kind == frozenset[str]:
        return frozenset(_checked(value, isinstance(value, list) and all(isinstance(item, str) for item in value), "a list of strings"))
    if kind == int | None:
        return _checked(value, type(value) is int and value >= 0, "a whole number")
    if kind == tuple[int, int] | None:
        pair = isinstance(value, list) and len(value) == 2 and all(type(item) is int for item in value)
        return tuple(_checked(value, pair, "a list of two whole numbers"))
    raise ValueError(f"there is no {name}")


def _checked(value: Any, good: bool, wanted: str) -> Any:
    if not good:
        raise ValueError(f"expected {wanted}")
    return value
