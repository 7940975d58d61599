"""JSON Schema and the vendor's older dialect of it, an OpenAPI 3.0 subset with types in capitals. Nobody's own objects are changed.

`parametersJsonSchema` and `responseJsonSchema` take JSON Schema (recorded on Gemini 2.5 and 3, 2026-09), so that is what foreign
schemas go out as; `to_openapi` is for the model that refuses one. What the dialect knows is from google-genai 3.3, what it refuses
from public reports.
"""

from collections.abc import Callable, Mapping
from typing import TypeAlias

from ccproxy_cli.core.jsontext import JSON, dumps_str

_Inner: TypeAlias = Callable[[JSON], dict[str, JSON]]

_MAPS = ("properties", "$defs", "definitions", "patternProperties", "dependentSchemas")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_SINGLE = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames", "additionalItems")
_NUMERIC_TYPES = ("TYPE_UNSPECIFIED", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL")

_DEPTH = 6
"""How many references are unfolded within each other. A schema that contains itself is cut there."""
_COUNTS = ("minItems", "maxItems", "minProperties", "maxProperties", "minLength", "maxLength")
_KEPT: Mapping[str, tuple[type, ...]] = {
    **dict.fromkeys(("format", "title", "description", "pattern"), (str,)),
    **dict.fromkeys(("enum", "required"), (list,)),
    **dict.fromkeys(_COUNTS, (int,)),
    **dict.fromkeys(("minimum", "maximum"), (int, float)),
    "type": (str, list),
    "nullable": (bool,),
}
"""Keywords that mean the same in both, and what their values are."""
_SILENT = frozenset({"$schema", "$id", "$anchor", "$comment", "$defs", "definitions"}) | frozenset(
    {"additionalProperties", "strict", "examples", "default"}
)
"""Keywords whose loss changes nothing a model can see, or whose words would only confuse it."""
_FORMATS = {"STRING": frozenset({"enum", "date-time"}), "NUMBER": frozenset({"float", "double"}), "INTEGER": frozenset({"int32", "int64"})}


# Foreign schemas, outward


def fit_schema(schema: JSON) -> JSON:
    """`schema` without the members that only name it, which the vendor refuses (`Unknown name "$schema"`)."""
    if not isinstance(schema, dict):
        return schema
    fitted: dict[str, JSON] = {}
    for name, value in schema.items():
        if name in ("$schema", "$id"):
            continue
        if name in _MAPS and isinstance(value, dict):
            fitted[name] = {key: fit_schema(inner) for key, inner in value.items()}
        elif name in _LISTS and isinstance(value, list):
            fitted[name] = [fit_schema(inner) for inner in value]
        elif name in _SINGLE:
            fitted[name] = fit_schema(value)
        else:
            fitted[name] = value
    return fitted


# The older dialect, inward


def from_openapi(schema: JSON) -> JSON:
    """The JSON Schema that a schema of the older dialect, in either spelling of its names, amounts to."""
    if not isinstance(schema, dict):
        return schema
    plain: dict[str, JSON] = {}
    for written, value in schema.items():
        name: str = _OPENAPI_NAMES.get(written, written)
        if name == "type":
            plain["type"] = _plain_type(value)
        elif name in ("properties", "$defs") and isinstance(value, dict):
            plain[name] = {key: from_openapi(inner) for key, inner in value.items()}
        elif name in ("anyOf", "prefixItems") and isinstance(value, list):
            plain[name] = [from_openapi(inner) for inner in value]
        elif name in ("items", "additionalProperties"):
            plain[name] = from_openapi(value)
        elif name in _COUNTS and isinstance(value, str) and value.isdigit():
            plain[name] = int(value)
        elif name == "example":
            plain["examples"] = [value]
        elif name not in ("nullable", "propertyOrdering"):
            plain[name] = value
    if plain.get("format") == "enum":  # the dialect's own mark on strings that have an `enum`
        del plain["format"]
    return _or_null(plain) if schema.get("nullable") is True else plain


_OPENAPI_NAMES: Mapping[str, str] = {
    "any_of": "anyOf",
    "prefix_items": "prefixItems",
    "additional_properties": "additionalProperties",
    "property_ordering": "propertyOrdering",
    "min_items": "minItems",
    "max_items": "maxItems",
    "min_properties": "minProperties",
    "max_properties": "maxProperties",
    "min_length": "minLength",
    "max_length": "maxLength",
    "defs": "$defs",
    "ref": "$ref",
}


def _plain_type(value: JSON) -> JSON:
    if type(value) is int and 0 < value < len(_NUMERIC_TYPES):
        value = _NUMERIC_TYPES[value]
    if isinstance(value, list):
        return [_plain_type(item) for item in value]
    return value.lower() if isinstance(value, str) else value


def _or_null(schema: dict[str, JSON]) -> dict[str, JSON]:
    kind = schema.get("type")
    if isinstance(kind, str) and "enum" not in schema:
        return {**schema, "type": [kind, "null"]}
    if isinstance(schema.get("anyOf"), list):
        return {**schema, "anyOf": [*schema["anyOf"], {"type": "null"}]}
    if isinstance(kind, str):
        return {**schema, "type": [kind, "null"], "enum": [*schema["enum"], None]}
    return schema


# The older dialect, outward


def to_openapi(schema: JSON) -> dict[str, JSON]:
    """A JSON Schema in the older dialect. What the dialect cannot say is said in the description, so that the model still reads it."""
    definitions = _definitions(schema) if isinstance(schema, dict) else {}
    return _to_openapi(schema, definitions, _DEPTH)


def _definitions(schema: Mapping[str, JSON]) -> dict[str, JSON]:
    found: dict[str, JSON] = {}
    for place in ("$defs", "definitions"):
        if isinstance(schema.get(place), dict):
            found |= {f"#/{place}/{name}": value for name, value in schema[place].items()}
    return found


def _to_openapi(schema: JSON, definitions: Mapping[str, JSON], depth: int) -> dict[str, JSON]:
    if not isinstance(schema, dict):
        return {}  # `true` allows anything
    schema, depth = _unfolded(schema, definitions, depth)
    result: dict[str, JSON] = {}
    told: list[str] = []
    for name, value in schema.items():
        _carry(name, value, result, told, lambda inner: _to_openapi(inner, definitions, depth))
    _settle_type(result, told)
    _settle_enum(result, told)
    wanted = [name for name in result.pop("required", ()) if isinstance(name, str)]
    required = [name for name in dict.fromkeys(wanted) if name in result.get("properties", {})]
    if required:
        result["required"] = required
    if told:
        said = "; ".join(told)
        result["description"] = f"{result['description']} ({said})" if result.get("description") else said
    return result


def _unfolded(schema: dict[str, JSON], definitions: Mapping[str, JSON], depth: int) -> tuple[dict[str, JSON], int]:
    """`schema` with its reference and its `allOf` put in, and how many references may still be unfolded inside of it."""
    while "$ref" in schema:
        target = definitions.get(str(schema["$ref"]))
        rest = {name: value for name, value in schema.items() if name != "$ref"}
        schema = {**(target if isinstance(target, dict) and depth > 0 else {"type": "object"}), **rest}
        depth -= 1
    branches = schema.get("allOf")
    if not isinstance(branches, list):
        return schema, depth
    merged = {name: value for name, value in schema.items() if name != "allOf"}
    for branch in branches:
        if isinstance(branch, dict):
            _merge(merged, _unfolded(branch, definitions, depth)[0])
    return merged, depth


def _merge(merged: dict[str, JSON], branch: Mapping[str, JSON]) -> None:
    for name, value in branch.items():
        mine = merged.get(name)
        if isinstance(mine, dict) and isinstance(value, dict):
            merged[name] = {**value, **mine}
        elif name == "required" and isinstance(mine, list) and isinstance(value, list):
            merged[name] = [*mine, *value]
        else:
            merged.setdefault(name, value)


def _carry(name: str, value: JSON, result: dict[str, JSON], told: list[str], inner: _Inner) -> None:
    """Bring one keyword over, or tell of it."""
    match name, value:
        case "properties", dict():
            result["properties"] = {key: inner(schema) for key, schema in value.items()}
        case (("anyOf" | "oneOf"), list()):
            result["anyOf"] = [*result.get("anyOf", ()), *(inner(schema) for schema in value)]
        case "items", _:
            result["items"] = inner(value)
        case "prefixItems", list() if value:
            result["items"] = {"anyOf": [inner(schema) for schema in value]}
        case "const", _:
            result["enum"] = [value]
        case "exclusiveMinimum", int() if value is not True:
            result["minimum"] = value + 1
        case "exclusiveMaximum", int() if value is not True:
            result["maximum"] = value - 1
        case _ if name in _KEPT:
            if isinstance(value, _KEPT[name]):
                result[name] = value
        case (("properties" | "anyOf" | "oneOf" | "prefixItems"), _):
            pass
        case _ if name in _SILENT or name.startswith("x-"):
            pass
        case _:
            told.append(f"{name}: {value if isinstance(value, str) else dumps_str(value)}")


def _settle_type(result: dict[str, JSON], told: list[str]) -> None:
    """One type in capitals; null as `nullable`; several types as alternatives."""
    kinds = result.pop("type", None)
    named = [kind.upper() for kind in (kinds if isinstance(kinds, list) else [kinds]) if isinstance(kind, str)]
    if "NULL" in named and len(named) > 1:
        result["nullable"] = True
        named.remove("NULL")
    if len(named) > 1:
        result.setdefault("anyOf", [{"type": kind} for kind in named])
    elif named:
        result["type"] = named[0]
    options = result.get("anyOf")
    if isinstance(options, list):
        real = [option for option in options if option.get("type") != "NULL"]
        if len(real) < len(options):
            result["nullable"] = True
        if len(real) == 1:
            del result["anyOf"]
            for name, value in real[0].items():
                result.setdefault(name, value)
        else:
            result["anyOf"] = real
    if "type" not in result and "anyOf" not in result:
        implied = "OBJECT" if "properties" in result else "ARRAY" if "items" in result else "STRING" if "enum" in result else None
        if implied:
            result["type"] = implied
    kind = result.get("type")
    if kind == "ARRAY":
        result.setdefault("items", {"type": "STRING"})
    if "format" in result and result["format"] not in _FORMATS.get(str(kind), frozenset()):
        told.append(f"format: {result.pop('format')}")


def _settle_enum(result: dict[str, JSON], told: list[str]) -> None:
    """Only strings can be listed; null among them is what `nullable` says."""
    values = result.get("enum")
    if not isinstance(values, list):
        return
    if None in values:
        result["nullable"] = True
    listed = [value for value in values if value is not None]
    if any(not isinstance(value, str) for value in listed):
        told.append(f"one of {dumps_str(listed)}")
        if result.get("type") in ("INTEGER", "NUMBER", "BOOLEAN"):
            result["type"] = "STRING"
    result["enum"] = [value if isinstance(value, str) else dumps_str(value) for value in listed]
