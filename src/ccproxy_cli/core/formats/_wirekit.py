"""Lossless wire types: what we know of a vendor's object becomes fields, the rest rides along in `extras`.

Law: `write(read(value, T)) == value` for every JSON value that `read` accepts. Unknown members, explicit nulls and unknown members of
tagged unions come back as they were; numbers and key order of what is not looked at are untouched.

Reading runs a converter without bookkeeping first and repeats with full bookkeeping only to say where a bad value stands.
"""

import re
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, TypeVar, Union, get_args, get_origin

import attrs
import cattrs
from cattrs import transform_error
from cattrs.cols import list_structure_factory
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from ccproxy_cli.core.errors import BadRequest, BadUpstream
from ccproxy_cli.core.extras import NOTE
from ccproxy_cli.core.jsontext import JSON

T = TypeVar("T")
W = TypeVar("W", bound="Wire")

SPELLED = NOTE + "spelled"
"""In the extras of a wire object: which of its members were spelled in snake_case though their names are in camelCase."""


@attrs.define(kw_only=True)
class Wire:
    """Base of every wire object.

    Subclasses declare the members they know, optional ones with default None. `TAGS` lists the values of the member `type` that select
    the class within a union; None among them stands for an absent `type`. A class with one tag writes it by itself; a class with
    several declares `type` as a field.

    A class with `SNAKE` set also takes the snake_case spelling of its camelCase members, as protobuf's JSON does, and notes under
    `SPELLED` in `extras` which ones were, so that they are written that way again.
    """

    TAGS: ClassVar[tuple[str | None, ...]] = ()
    SNAKE: ClassVar[bool] = False

    extras: dict[str, JSON] = attrs.field(factory=dict, repr=False)
    """Unknown members, and known ones that were explicitly null."""


@attrs.define
class Unknown:
    """A member of a union that has no class of its own, kept verbatim."""

    raw: dict[str, JSON]


class Kit:
    """Reads and writes the wire types of one format."""

    def __init__(self) -> None:
        self._fast = _converter(detailed=False)
        self._exact = _converter(detailed=True)

    def read(self, value: JSON, kind: type[T], blame: type[BadRequest] | type[BadUpstream], path: str = "") -> T:
        """Structure `value`.

        Args:
            path: where `value` stands in the whole body, for messages.

        Raises:
            BadRequest or BadUpstream, as `blame` says, naming the field.
        """
        try:
            return self._fast.structure(value, kind)
        except (ValueError, TypeError, KeyError, AttributeError, cattrs.BaseValidationError):
            field, message = self._locate(value, kind)
        where = ".".join(filter(None, (path, field))).replace(".[", "[")
        if blame is BadRequest:
            raise BadRequest(f"{where}: {message}" if where else message, where or None)
        raise BadUpstream(f"upstream sent a malformed answer at {where or 'its top level'}: {message}")

    def _locate(self, value: JSON, kind: type[Any]) -> tuple[str, str]:
        try:
            self._exact.structure(value, kind)
        except cattrs.BaseValidationError as error:
            first = transform_error(error, format_exception=_describe)[0]
            message, _, where = first.rpartition(" @ $")
            return where.removeprefix("."), message
        except (ValueError, TypeError) as error:
            return "", str(error)
        raise AssertionError("the two converters disagree")

    def write(self, wire: Wire) -> dict[str, JSON]:
        """The JSON object of `wire`."""
        result: dict[str, JSON] = self._fast.unstructure(wire)
        return result


def _describe(error: BaseException, _kind: type | None) -> str:
    if isinstance(error, KeyError):
        return "Field required"
    return str(error) or "invalid value"


def _converter(detailed: bool) -> cattrs.Converter:
    converter = cattrs.Converter(detailed_validation=detailed, omit_if_default=True, use_alias=True)
    converter.register_structure_hook_func(lambda kind: kind is Any, lambda value, _: value)
    converter.register_unstructure_hook_func(lambda kind: kind is Any, lambda value: value)
    for primitive in (str, int, float, bool):
        converter.register_structure_hook(primitive, _strict(primitive))
    converter.register_unstructure_hook(Unknown, lambda unknown: unknown.raw)
    converter.register_structure_hook_factory(_is_wire, lambda kind: _wire_reader(kind, converter))
    converter.register_unstructure_hook_factory(_is_wire, lambda kind: _wire_writer(kind, converter))
    converter.register_structure_hook_factory(_is_union, lambda kind: _union_reader(kind, converter))
    converter.register_unstructure_hook_factory(_is_union, lambda _: converter.unstructure)
    converter.register_structure_hook_factory(_is_list, lambda kind: _list_reader(kind, converter))
    return converter


def _is_wire(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Wire)


def _is_union(kind: Any) -> bool:
    return get_origin(kind) in (Union, types.UnionType)


def _is_list(kind: Any) -> bool:
    return get_origin(kind) is list


def _strict(primitive: type) -> Callable[[JSON, Any], JSON]:
    """JSON has no coercions: "5" is not 5, and true is not 1. An int is a fine float."""
    words = {str: "a string", int: "an integer", float: "a number", bool: "a boolean"}

    def check(value: JSON, _: Any) -> JSON:
        if type(value) is primitive or (primitive is float and type(value) is int):
            return value
        raise ValueError(f"expected {words[primitive]}, got {_json_word(value)}")

    return check


def _json_word(value: JSON) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"


def _wire_reader(kind: type[W], converter: cattrs.Converter) -> Callable[[JSON, Any], W]:
    known = frozenset(field.alias for field in attrs.fields(kind) if field.name != "extras")
    implied = len(kind.TAGS) == 1 and "type" not in known
    skipped = known | {"type"} if implied else known
    spellings = {snake: name for name in known if (snake := snake_case(name)) != name} if kind.SNAKE else {}
    inner = make_dict_structure_fn(kind, converter, extras=override(omit=True), _cattrs_use_alias=True)

    def read(value: JSON, _: Any) -> W:
        if type(value) is not dict:
            raise ValueError(f"expected an object, got {_json_word(value)}")
        respelled = [spellings[name] for name in value if name in spellings] if spellings else []
        if respelled:
            value = _camel_case(value, spellings)
        wire = inner(value, kind)
        for name, member in value.items():
            if name not in skipped or member is None:
                if kind.SNAKE and name.startswith(NOTE):  # would be taken for a note of ours
                    raise ValueError(f"unknown name {name[:40]!r}")
                wire.extras[name] = member
        if respelled:
            wire.extras[SPELLED] = respelled
        return wire

    return read


def snake_case(name: str) -> str:
    """The snake_case spelling of a camelCase name."""
    return re.sub(r"[A-Z]", lambda match: "_" + match[0].lower(), name)


def _camel_case(value: Mapping[str, JSON], spellings: Mapping[str, str]) -> dict[str, JSON]:
    respelled: dict[str, JSON] = {}
    for name, member in value.items():
        said = spellings.get(name, name)
        if said in respelled:
            raise ValueError(f"{said} is given twice, in two spellings")
        respelled[said] = member
    return respelled


def respell(value: dict[str, JSON], spelled: Iterable[str]) -> dict[str, JSON]:
    """`value` with the members named in `spelled` under their snake_case names."""
    names = {name: snake_case(name) for name in spelled}
    return {names.get(name, name): member for name, member in value.items()} if names else value


def _wire_writer(kind: type[Wire], converter: cattrs.Converter) -> Callable[[Wire], dict[str, JSON]]:
    inner = make_dict_unstructure_fn(kind, converter, extras=override(omit=True), _cattrs_omit_if_default=True, _cattrs_use_alias=True)
    names = {field.alias for field in attrs.fields(kind)}
    tag = {"type": kind.TAGS[0]} if len(kind.TAGS) == 1 and "type" not in names else {}

    def write(wire: Wire) -> dict[str, JSON]:
        value = {**tag, **inner(wire)}
        for name, member in wire.extras.items():
            value.setdefault(name, member)
        return respell(value, value.pop(SPELLED, ())) if kind.SNAKE else value

    return write


def _list_reader(kind: Any, converter: cattrs.Converter) -> Callable[[JSON, Any], list[Any]]:
    inner = list_structure_factory(kind, converter)

    def read(value: JSON, _: Any) -> list[Any]:
        if type(value) is not list:
            raise ValueError(f"expected a list, got {_json_word(value)}")
        items: list[Any] = inner(value, kind)
        return items

    return read


def _union_reader(kind: Any, converter: cattrs.Converter) -> Callable[[JSON, Any], Any]:
    """Picks the arm of a union by the value's JSON type, and among objects by `type`."""
    arms = get_args(kind)
    by_json_type: dict[type, Any] = {}
    by_tag: dict[str | None, type[Wire]] = {}
    objects: list[type[Wire]] = []
    for arm in arms:
        if arm is type(None):
            continue
        if _is_wire(arm):
            objects.append(arm)
            by_tag.update(dict.fromkeys(arm.TAGS, arm))
        elif arm is not Unknown:
            by_json_type[get_origin(arm) or arm] = arm
    if float in by_json_type:
        by_json_type.setdefault(int, float)
    optional = type(None) in arms
    open_ended = Unknown in arms
    plain = frozenset(by_json_type) & _PRIMITIVES  # need no reader of their own
    hooks = {json_type: (arm, converter.get_structure_hook(arm)) for json_type, arm in by_json_type.items() if not _is_any(arm)}
    readers = {arm: converter.get_structure_hook(arm) for arm in objects}
    lone = objects[0] if len(objects) == 1 and not open_ended and not objects[0].TAGS else None
    expected = " or ".join(_arm_words(by_json_type, objects, open_ended))

    def read(value: JSON, _: Any) -> Any:
        if (value is None and optional) or type(value) in plain:
            return value
        if type(value) is dict and (objects or open_ended):
            if lone is not None:
                return readers[lone](value, lone)
            tag = value.get("type")
            arm = by_tag.get(tag) if tag is None or type(tag) is str else None
            if arm is not None:
                return readers[arm](value, arm)
            if open_ended:
                return Unknown(value)
            raise ValueError(f"unknown type {tag!r}, expected one of {sorted(filter(None, by_tag))}")
        found = hooks.get(type(value))
        if found is None:
            raise ValueError(f"expected {expected}, got {_json_word(value)}")
        arm, hook = found
        return hook(value, arm)

    return read


_PRIMITIVES = frozenset({str, int, float, bool})


def _is_any(kind: Any) -> bool:
    return kind is Any


def _arm_words(by_json_type: Mapping[type, Any], objects: list[type], open_ended: bool) -> list[str]:
    words = {str: "a string", list: "a list", int: "an integer", float: "a number", bool: "a boolean", dict: "an object"}
    found = [words[json_type] for json_type in by_json_type if json_type in words and not (json_type is int and float in by_json_type)]
    return found + (["an object"] if objects or open_ended else [])
