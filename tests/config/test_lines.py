"""Law: every key is found on the line where a person would look for it."""

import json
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.config.lines import json_lines, line_of, toml_lines, yaml_lines

KEYS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=8)
LEAVES = st.one_of(st.integers(-9, 9), st.booleans(), KEYS)
VALUES = st.recursive(LEAVES, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)), max_leaves=8)
TREES = st.dictionaries(KEYS, VALUES, max_size=4)


def paths(tree: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Of every key and every item of a list."""
    members = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for name, value in members:
        yield (*above, str(name))
        yield from paths(value, (*above, str(name)))


def toml_value(value: Any) -> str:
    match value:
        case list():
            return "[" + ", ".join(map(toml_value, value)) + ",]" if value else "[ ]"
        case dict():
            return "{ " + ", ".join(f"{toml_value(key)} = {toml_value(member)}" for key, member in value.items()) + " }"
        case _:
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def test_toml_keys_are_found_among_everything_toml_has() -> None:
    text = '''# ccproxy
title = "a = b # no comment"   # a comment with = and [brackets]

[server]
port = 1
"quoted key" = 2
'literal' = """
[not.a.table]
port = 3
"""
list = [
  "a = 1",   # [x]
  "b",
]
inline = { port = 4, host = "x" }
dotted.key = 5
[ providers . "my up" ]
api_key = \'\'\'
x = 1\'\'\'
last = true
[[rules]]
to = "x"
[rules.when]   # of the one above
day = 1979-05-27
[[rules]]
to = ["y"]'''
    tomllib.loads(text)
    lines = toml_lines(text)
    assert lines == {
        ("title",): 2,
        ("server",): 4,
        ("server", "port"): 5,
        ("server", "quoted key"): 6,
        ("server", "literal"): 7,
        ("server", "list"): 11,
        ("server", "list", "0"): 12,
        ("server", "list", "1"): 13,
        ("server", "inline"): 15,
        ("server", "inline", "port"): 15,
        ("server", "inline", "host"): 15,
        ("server", "dotted", "key"): 16,
        ("providers", "my up"): 17,
        ("providers", "my up", "api_key"): 18,
        ("providers", "my up", "last"): 20,
        ("rules",): 21,
        ("rules", "0"): 21,
        ("rules", "0", "to"): 22,
        ("rules", "0", "when"): 23,
        ("rules", "0", "when", "day"): 24,
        ("rules", "1"): 25,
        ("rules", "1", "to"): 26,
        ("rules", "1", "to", "0"): 26,
    }
    assert line_of(lines, ("rules", "1", "unheard", "of")) == 25
    assert line_of(lines, ("nowhere",)) == 1


@given(TREES)
def test_every_toml_key_has_its_line(tree: dict[str, Any]) -> None:
    plain = [f"{toml_value(name)} = {toml_value(value)}" for name, value in tree.items() if not isinstance(value, dict)]
    tables = [
        line
        for name, value in tree.items()
        if isinstance(value, dict)
        for line in (f"[{toml_value(name)}]", *(f"{toml_value(key)} = {toml_value(leaf)}" for key, leaf in value.items()))
    ]
    rows = plain + tables
    assert tomllib.loads("\n".join(rows)) == tree
    lines = toml_lines("\n".join(rows))
    assert set(lines) == set(paths(tree))
    for path, line in lines.items():
        row = rows[line - 1].lstrip("[")
        whole_table = len(path) > 1 and isinstance(tree[path[0]], dict)
        assert row.startswith(toml_value(path[1] if whole_table else path[0]))


@given(TREES)
def test_every_json_key_has_its_line(tree: dict[str, Any]) -> None:
    text = json.dumps(tree, indent=1, ensure_ascii=False)
    lines = json_lines(text)
    assert set(lines) == set(paths(tree))
    for path, line in lines.items():
        value: Any = tree
        for part in path[:-1]:
            value = value[int(part)] if isinstance(value, list) else value[part]
        written = json.dumps(path[-1], ensure_ascii=False) if isinstance(value, dict) else _first_row(value[int(path[-1])])
        assert text.split("\n")[line - 1].lstrip(" ").startswith(written)


def _first_row(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False).partition("\n")[0]


@pytest.mark.parametrize("flow", [True, False])
def test_yaml_keys_have_their_lines(flow: bool) -> None:
    tree = {"server": {"port": 1, "host": "x"}, "models": {"a*": ["x/y", "z/w"]}}
    text = yaml.safe_dump(tree, default_flow_style=flow, sort_keys=False)
    lines = yaml_lines(text)
    assert set(lines) == set(paths(tree))
    assert lines["models", "a*"] == (1 if flow else 5)
