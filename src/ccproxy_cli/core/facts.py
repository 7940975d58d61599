"""Single facts of a profile, as they are learned, kept and laid over one."""

import enum
from collections.abc import Mapping
from typing import Any, TypeAlias

from attrs import evolve, fields

from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.profile import Profile

Facts: TypeAlias = Mapping[str, Any]
"""Values by the names of the profile's fields. Those of `without` add to what is there, all others take its place."""


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
    if not isinstance(written, dict):
        return {}
    defaults = {field.name: field.default for field in fields(Profile)}
    read = {name: _read(value, defaults[name]) for name, value in written.items() if name in defaults}
    return {name: value for name, value in read.items() if value is not None}


def _read(value: JSON, default: object) -> object:
    match default:
        case enum.Enum():
            return next((member for member in type(default) if member.value == value), None)
        case frozenset():
            return frozenset(value) if isinstance(value, list) and all(isinstance(item, str) for item in value) else None
        case _:
            return value if type(value) is type(default) else None
