"""From a tree of plain values to `Settings`: what is there must be known, and of its type."""

import difflib
import types
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Union, get_args, get_origin

import attrs
import cattrs
from attrs import frozen
from cattrs.gen import make_dict_structure_fn

from ccproxy_cli.config.origin import Path
from ccproxy_cli.config.settings import ModelRule, Settings


@frozen
class Fault:
    """What is wrong with one place of the tree."""

    path: Path
    message: str


class Faults(Exception):
    """The tree is no `Settings`; `faults` says why, place by place."""

    def __init__(self, faults: Collection[Fault]) -> None:
        super().__init__("; ".join(fault.message for fault in faults))
        self.faults = tuple(faults)


def structure(tree: Mapping[str, Any]) -> Settings:
    """Build the settings.

    Raises:
        Faults: unknown keys and wrong types, all of them.
    """
    try:
        settings: Settings = _converter().structure(tree, Settings)
    except cattrs.BaseValidationError as error:
        raise Faults(list(_faults(error, ()))) from error
    except ValueError as error:
        raise Faults([Fault((), str(error))]) from error
    return settings


def _faults(error: BaseException, path: Path) -> Iterator[Fault]:
    match error:
        case cattrs.ForbiddenExtraKeysError():
            known = [field.name for field in attrs.fields(error.cl)]
            for name in sorted(error.extra_fields):
                yield Fault((*path, name), f"unknown key {name!r}{did_you_mean(name, known)}")
        case cattrs.IterableValidationError():
            items, rest = error.group_exceptions()
            for inner, index_note in items:
                yield from _faults(inner, (*path, str(index_note.index)))
            for other in rest:
                yield from _faults(other, path)
        case cattrs.ClassValidationError():
            members, rest = error.group_exceptions()
            for inner, member_note in members:
                yield from _faults(inner, (*path, member_note.name))
            for other in rest:
                yield from _faults(other, path)
        case KeyError():
            yield Fault(path[:-1], f"{error.args[0]!r} is missing")
        case _:
            yield Fault(path, f"{path[-1] if path else 'the file'}: {error}")


def did_you_mean(word: str, known: Collection[str]) -> str:
    """The tail of a sentence about an unknown word: the nearest known one, or all of them where none is near."""
    near = difflib.get_close_matches(word, known, 1, 0.6)
    if near:
        return f", did you mean {near[0]!r}?"
    return f"; known here: {', '.join(known)}" if known else ""


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
    for kind, word in ((str, "a string"), (int, "a whole number"), (float, "a number"), (bool, "true or false")):
        converter.register_structure_hook(kind, _strict(kind, word))
    converter.register_structure_hook_func(lambda kind: kind is object, lambda value, _: value)
    converter.register_structure_hook_factory(attrs.has, lambda kind: _table(kind, converter))
    converter.register_structure_hook_func(_is_optional, lambda value, kind: _optional(value, kind, converter))
    converter.register_structure_hook_func(lambda kind: kind == tuple[str, ...], _words)
    converter.register_structure_hook_func(lambda kind: kind == tuple[ModelRule, ...], _rules)
    converter.register_structure_hook_func(_is_list_of_tables, lambda value, kind: _tables(value, get_args(kind)[0], converter))
    converter.register_structure_hook_func(_is_mapping, lambda value, kind: _mapping(value, get_args(kind)[1], converter))
    return converter


def _strict(kind: type, word: str) -> Callable[[Any, Any], Any]:
    def read(value: Any, _: Any) -> Any:
        if type(value) is kind or (kind is float and type(value) is int):
            return value
        raise ValueError(f"expected {word}, got {_word(value)}")

    return read


def _word(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case str():
            return "a string"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return f"a {type(value).__name__}"


def _table(kind: type, converter: cattrs.Converter) -> Callable[[Any, Any], Any]:
    inner: Callable[[Any, Any], Any] = make_dict_structure_fn(
        kind, converter, _cattrs_forbid_extra_keys=True, _cattrs_detailed_validation=True
    )

    def read(value: Any, _: Any) -> Any:
        if type(value) is not dict:
            raise ValueError(f"expected a table, got {_word(value)}")
        return inner(value, kind)

    return read


def _is_mapping(kind: Any) -> bool:
    return get_origin(kind) is Mapping


def _is_optional(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType) and type(None) in get_args(kind)


def _optional(value: Any, kind: Any, converter: cattrs.Converter) -> Any:
    if value is None:
        return None
    (some,) = (arm for arm in get_args(kind) if arm is not type(None))
    return converter.structure(value, some)


def _mapping(value: Any, kind: Any, converter: cattrs.Converter) -> Any:
    return _members(value, lambda member: converter.structure(member, kind))


def _members(value: Any, read: Callable[[Any], Any]) -> dict[Any, Any]:
    """Read every member of a table, so that all that is wrong comes to light at once."""
    if type(value) is not dict:
        raise ValueError(f"expected a table, got {_word(value)}")
    found: dict[Any, Any] = {}
    errors: list[Exception] = []
    for name, member in value.items():
        try:
            found[name] = read(member)
        except (ValueError, cattrs.BaseValidationError) as error:
            error.add_note(cattrs.IterableValidationNote(f"in {name}", name, Mapping))
            errors.append(error)
    if errors:
        raise cattrs.IterableValidationError("table", errors, Mapping)
    return found


def _is_list_of_tables(kind: Any) -> bool:
    return get_origin(kind) is tuple and kind != tuple[ModelRule, ...] and attrs.has(get_args(kind)[0])


def _tables(value: Any, kind: Any, converter: cattrs.Converter) -> tuple[Any, ...]:
    if type(value) is not list:
        raise ValueError(f"expected a list of tables, got {_word(value)}")
    return tuple(_members(dict(enumerate(value)), lambda member: converter.structure(member, kind)).values())


def _words(value: Any, _: Any) -> tuple[str, ...]:
    if type(value) is str:
        return (value,)
    if type(value) is list and all(type(item) is str for item in value):
        return tuple(value)
    raise ValueError(f"expected a list of strings, got {_word(value)}")


def _rules(value: Any, _: Any) -> tuple[ModelRule, ...]:
    """A table in which the order of the patterns counts."""
    return tuple(ModelRule(pattern, targets) for pattern, targets in _members(value, _targets).items())


def _targets(value: Any) -> tuple[str, ...]:
    try:
        targets = _words(value, None)
    except ValueError:
        targets = ()
    if not targets or not all(targets):
        raise ValueError(f'expected "provider/model" or a list of these, got {_word(value)}')
    return targets
