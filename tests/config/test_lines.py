"""Law: every key is found on the line where a person would look for it."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.config.lines import json_lines, line_of, toml_lines, yaml_lines

KEYS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=8)
LEAVES = st.one_of(st.integers(-9, 9), st.booleans(), KEYS, st.lists(KEYS, max_size=2))
TREES = st.dictionaries(KEYS, st.one_of(LEAVES, st.dictionaries(KEYS, LEAVES, max_size=3)), max_size=4)


def paths(tree: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in tree.items():
        yield (*above, name)
        if isinstance(value, dict):
            yield from paths(value, (*above, name))


def toml_value(value: Any) -> str:
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
last = true'''
    tomllib.loads(text)
    lines = toml_lines(text)
    assert lines == {
        ("title",): 2,
        ("server",): 4,
        ("server", "port"): 5,
        ("server", "quoted key"): 6,
        ("server", "literal"): 7,
        ("server", "list"): 11,
        ("server", "inline"): 15,
        ("server", "dotted", "key"): 16,
        ("providers", "my up"): 17,
        ("providers", "my up", "api_key"): 18,
        ("providers", "my up", "last"): 20,
    }
    assert line_of(lines, ("server", "inline", "port")) == 15
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
        assert rows[line - 1].lstrip("[").startswith(toml_value(path[-1]))


@given(TREES)
def test_every_json_key_has_its_line(tree: dict[str, Any]) -> None:
    text = json.dumps(tree, indent=1, ensure_ascii=False)
    lines = json_lines(text)
    assert set(lines) == set(paths(tree))
    for path, line in lines.items():
        assert text.split("\n")[line - 1].lstrip(" ").startswith(json.dumps(path[-1], ensure_ascii=False))


@pytest.mark.parametrize("flow", [True, False])
def test_yaml_keys_have_their_lines(flow: bool) -> None:
    tree = {"server": {"port": 1, "host": "x"}, "models": {"a*": ["x/y", "z/w"]}}
    text = yaml.safe_dump(tree, default_flow_style=flow, sort_keys=False)
    lines = yaml_lines(text)
    assert set(lines) == set(paths(tree))
    assert lines["models", "a*"] == (1 if flow else 5)
