"""JSON Schemas from other vendors, in the dialect this one takes. The client's own objects are never changed."""

from collections.abc import Mapping

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.anthropic.wire import NAME
from ccproxy_cli.core.jsontext import JSON, dumps_str

_COMBINATORS = ("anyOf", "oneOf", "allOf")
_SCHEMA_MAPS = ("properties", "$defs", "definitions", "patternProperties")
_SCHEMA_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_SCHEMAS = ("items", "not", "additionalItems")
_UNSUPPORTED = (
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
)
"""Constraints that structured output refuses; the official SDK moves the same ones into descriptions (anthropic 2.10)."""


def fit_parameters(schema: JSON | None, path: str, losses: Losses) -> dict[str, JSON]:
    """The `input_schema` of a tool: an object at the top, no combinators there, no name required twice.

    Raises:
        BadRequest: it describes something else than an object.
    """
    if schema is None:
        return {"type": "object"}
    if not isinstance(schema, dict):
        raise BadRequest(f"{path}: expected an object", path)
    kind = schema.get("type", "object")
    if kind != "object" and not (isinstance(kind, list) and "object" in kind):
        raise BadRequest(f"{path}.type: a tool's arguments are an object, not {dumps_str(kind)[:80]}", f"{path}.type")
    if "type" in schema and kind == "object" and _is_plain(schema):
        return schema
    fitted: dict[str, JSON] = {"type": "object", **schema}
    fitted["type"] = "object"
    for name in _COMBINATORS:
        if name in fitted:
            _merge_branches(fitted, name)
            losses.add(f"{path}.{name}", f"{NAME} takes no {name} at the top of a tool's schema, so the properties are merged")
    required = fitted.get("required")
    if isinstance(required, list) and all(isinstance(name, str) for name in required):
        fitted["required"] = list(dict.fromkeys(required))
    return fitted


def _is_plain(schema: Mapping[str, JSON]) -> bool:
    """Whether nothing at the top of a schema has to change, which is so for nearly every tool."""
    if not schema.keys().isdisjoint(_COMBINATORS):
        return False
    required = schema.get("required")
    if not isinstance(required, list):
        return True
    return all(type(name) is str for name in required) and len(set(required)) == len(required)


def _merge_branches(schema: dict[str, JSON], name: str) -> None:
    """Replace a combinator at the top by all properties of its branches; what all branches require stays required."""
    branches = [branch for branch in schema.pop(name) or [] if isinstance(branch, dict)]
    properties = dict(schema.get("properties") or {})
    required = [set(branch.get("required") or []) for branch in branches]
    for branch in branches:
        for key, value in (branch.get("properties") or {}).items():
            properties.setdefault(key, value)
    agreed = (set.union if name == "allOf" else set.intersection)(*required) if required else set()
    schema["properties"] = properties
    if agreed:
        schema["required"] = [*(schema.get("required") or []), *sorted(agreed)]


def close_schema(schema: JSON) -> JSON:
    """A schema for structured output: every object closed, constraints the vendor refuses told in words."""
    if not isinstance(schema, dict):
        return schema
    closed: dict[str, JSON] = {}
    for name, value in schema.items():
        if name in _SCHEMA_MAPS and isinstance(value, dict):
            closed[name] = {key: close_schema(inner) for key, inner in value.items()}
        elif name in _SCHEMA_LISTS and isinstance(value, list):
            closed[name] = [close_schema(inner) for inner in value]
        elif name in _SCHEMAS:
            closed[name] = close_schema(value)
        elif not _refused(name, value):
            closed[name] = value
    if _describes_object(schema):
        closed["additionalProperties"] = False
    told = ", ".join(f"{name}: {dumps_str(value)}" for name, value in schema.items() if _refused(name, value))
    if told:
        closed["description"] = f"{schema['description']} ({told})" if isinstance(schema.get("description"), str) else told
    return closed


def _refused(name: str, value: JSON) -> bool:
    return name in _UNSUPPORTED or (name == "minItems" and value not in (0, 1))


def _describes_object(schema: Mapping[str, JSON]) -> bool:
    kind = schema.get("type")
    return kind == "object" or (isinstance(kind, list) and "object" in kind) or (kind is None and "properties" in schema)
