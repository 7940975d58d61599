"""JSON Schema and the vendor's older dialect of it."""

import json
from typing import Any

import pytest
from google.genai import types as sdk
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.formats.gemini.schema import fit_schema, from_openapi, to_openapi
from tests.strategies import JSON_VALUES

# Each line: a JSON Schema and what it is in the older dialect.
DOWN: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"type": "string"}, {"type": "STRING"}),
    ({"type": ["string", "null"]}, {"type": "STRING", "nullable": True}),
    ({"type": ["string", "integer"]}, {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]}),
    ({"const": "a"}, {"type": "STRING", "enum": ["a"]}),
    ({"enum": ["a", None]}, {"type": "STRING", "nullable": True, "enum": ["a"]}),
    ({"type": "integer", "enum": [1, 2]}, {"type": "STRING", "enum": ["1", "2"], "description": "one of [1,2]"}),
    ({"type": "integer", "exclusiveMinimum": 0}, {"type": "INTEGER", "minimum": 1}),
    ({"type": "integer", "exclusiveMaximum": 10}, {"type": "INTEGER", "maximum": 9}),
    (
        {"type": "number", "exclusiveMinimum": 0.5, "description": "How far."},
        {"type": "NUMBER", "description": "How far. (exclusiveMinimum: 0.5)"},
    ),
    ({"oneOf": [{"type": "string"}, {"type": "number"}]}, {"anyOf": [{"type": "STRING"}, {"type": "NUMBER"}]}),
    ({"anyOf": [{"type": "string", "minLength": 1}, {"type": "null"}]}, {"type": "STRING", "minLength": 1, "nullable": True}),
    (
        {"allOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"properties": {"b": {}}, "required": ["b"]}]},
        {"type": "OBJECT", "properties": {"a": {"type": "STRING"}, "b": {}}, "required": ["a", "b"]},
    ),
    ({"type": "array"}, {"type": "ARRAY", "items": {"type": "STRING"}}),
    (
        {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
        {"type": "ARRAY", "items": {"anyOf": [{"type": "STRING"}, {"type": "INTEGER"}]}},
    ),
    ({"type": "string", "format": "date-time"}, {"type": "STRING", "format": "date-time"}),
    ({"type": "string", "format": "uri"}, {"type": "STRING", "description": "format: uri"}),
    (
        {"$schema": "x", "type": "object", "additionalProperties": False, "propertyNames": {"pattern": "a"}, "default": {}},
        {"type": "OBJECT", "description": 'propertyNames: {"pattern":"a"}'},
    ),
    (
        {"type": "object", "properties": {"a": {}}, "required": ["a", "a", "gone"]},
        {"type": "OBJECT", "properties": {"a": {}}, "required": ["a"]},
    ),
    ({"type": "object", "required": ["a"]}, {"type": "OBJECT"}),
    (
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/x", "description": "d"}}, "$defs": {"x": {"type": "string"}}},
        {"type": "OBJECT", "properties": {"a": {"type": "STRING", "description": "d"}}},
    ),
    (
        {"properties": {"type": {"type": "string"}, "const": {"type": "string"}}},
        {"type": "OBJECT", "properties": {"type": {"type": "STRING"}, "const": {"type": "STRING"}}},
    ),
]


@pytest.mark.parametrize(("schema", "older"), DOWN, ids=[json.dumps(schema)[:60] for schema, _ in DOWN])
def test_the_older_dialect_says_what_it_can_and_tells_the_rest(schema: dict[str, Any], older: dict[str, Any]) -> None:
    before = json.dumps(schema)
    assert to_openapi(schema) == older
    assert json.dumps(schema) == before
    sdk.Schema.model_validate(older)


def test_a_schema_that_contains_itself_is_cut() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}, "label": {"type": "string"}}}
    older = to_openapi({"$ref": "#/$defs/node", "$defs": {"node": node}})
    depth, inner = 0, older
    while "properties" in inner:
        depth, inner = depth + 1, inner["properties"]["next"]
    assert 3 < depth < 10
    assert inner == {"type": "OBJECT"}
    assert "$ref" not in json.dumps(older)


@given(
    st.dictionaries(
        st.sampled_from(["type", "enum", "const", "anyOf", "allOf", "properties", "items", "required", "$ref", "format", "x"]), JSON_VALUES
    )
)
def test_any_schema_becomes_one_that_the_vendor_can_parse(schema: dict[str, Any]) -> None:
    written = json.dumps(to_openapi(schema))
    for keyword in ('"$ref"', '"oneOf"', '"allOf"', '"const"'):
        assert f"{keyword}:" not in written


UP: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"type": "STRING", "nullable": True}, {"type": ["string", "null"]}),
    ({"type": 3}, {"type": "integer"}),
    ({"type": "STRING", "format": "enum", "enum": ["a"]}, {"type": "string", "enum": ["a"]}),
    ({"type": "STRING", "enum": ["a"], "nullable": True}, {"type": ["string", "null"], "enum": ["a", None]}),
    ({"any_of": [{"type": "STRING"}], "nullable": True}, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
    (
        {"type": "ARRAY", "items": {"type": "NUMBER"}, "minItems": "2", "max_items": 3},
        {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 3},
    ),
    (
        {"type": "OBJECT", "properties": {"any_of": {"type": "BOOLEAN", "example": True}}, "propertyOrdering": ["any_of"]},
        {"type": "object", "properties": {"any_of": {"type": "boolean", "examples": [True]}}},
    ),
    ({"type": "object", "additionalProperties": {"type": "STRING"}}, {"type": "object", "additionalProperties": {"type": "string"}}),
]


@pytest.mark.parametrize(("older", "schema"), UP, ids=[json.dumps(older)[:60] for older, _ in UP])
def test_the_older_dialect_is_read_as_json_schema(older: dict[str, Any], schema: dict[str, Any]) -> None:
    assert from_openapi(older) == schema


@pytest.mark.parametrize(
    "schema",
    [schema for schema, _ in DOWN if not {"const", "oneOf", "allOf", "prefixItems", "$schema", "exclusiveMinimum"} & schema.keys()][:4],
)
def test_there_and_back_is_the_same_schema(schema: dict[str, Any]) -> None:
    again = from_openapi(to_openapi(schema))
    assert to_openapi(again) == to_openapi(schema)


def test_names_of_schemas_go_and_names_of_properties_stay() -> None:
    schema = {
        "$schema": "s",
        "$id": "i",
        "properties": {"$schema": {"type": "string"}, "a": {"$id": "x", "anyOf": [{"$schema": "y"}]}},
        "$defs": {"b": {"$id": "z", "items": {"$id": "q"}}},
        "const": {"$id": "kept"},
    }
    assert fit_schema(schema) == {
        "properties": {"$schema": {"type": "string"}, "a": {"anyOf": [{}]}},
        "$defs": {"b": {"items": {}}},
        "const": {"$id": "kept"},
    }
