"""The arguments of a call, as an object and as text."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.arguments import FREE_TEXT, parse_arguments, unwrap_text, wrap_text
from ccproxy_cli.core.jsontext import JSONError
from ccproxy_cli.core.parts import ToolCall, ToolKind
from tests.strategies import JSON_VALUES


@given(st.text())
def test_free_text_survives_as_a_functions_argument(text: str) -> None:
    wrapped = wrap_text(text)
    assert unwrap_text(wrapped) == text
    assert parse_arguments(ToolCall("1", "t", wrapped)) == parse_arguments(ToolCall("1", "t", text, ToolKind.CUSTOM)) == {"input": text}
    assert list(json.loads(wrapped)) == FREE_TEXT["required"]


@pytest.mark.parametrize("arguments", ["", "{", "[]", '{"text": "a"}', '{"input": 5}', '"a"'])
def test_what_was_not_wrapped_is_the_text(arguments: str) -> None:
    assert unwrap_text(arguments) == arguments


@given(st.dictionaries(st.text(), JSON_VALUES))
def test_a_functions_arguments_are_an_object(value: dict[str, object]) -> None:
    assert parse_arguments(ToolCall("1", "f", json.dumps(value))) == value


@pytest.mark.parametrize("arguments", ["[]", "null", '"a"', "{", "{} {}"])
def test_and_nothing_else(arguments: str) -> None:
    with pytest.raises(JSONError):
        parse_arguments(ToolCall("1", "f", arguments))


@pytest.mark.parametrize("arguments", ["", " \n"])
def test_no_arguments_are_an_empty_object(arguments: str) -> None:
    assert parse_arguments(ToolCall("1", "f", arguments)) == {}
