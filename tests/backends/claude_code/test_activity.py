"""What an agent does, in lines for people."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.backends.claude_code.activity import call_in_words, result_in_words


@pytest.mark.parametrize(
    ("name", "given", "told"),
    [
        ("Bash", {"command": "ls -la", "description": "List"}, "Bash: ls -la\n"),
        ("Bash", {"command": "first\n  second"}, "Bash: first second\n"),
        ("Write", {"file_path": "/w/a.txt", "content": "x"}, "Write: /w/a.txt\n"),
        ("Grep", {"pattern": "a.*b", "path": "/w"}, "Grep: a.*b\n"),
        ("Another", {"of": "its own"}, 'Another: {"of":"its own"}\n'),
        ("Read", {"file_path": 5}, 'Read: {"file_path":5}\n'),
    ],
)
def test_a_call_is_told_by_what_it_is_about(name: str, given: dict[str, Any], told: str) -> None:
    assert call_in_words(name, json.dumps(given)) == told


@given(st.text(), st.text())
def test_a_call_is_one_line_whatever_it_says(name: str, arguments: str) -> None:
    assert call_in_words("Bash", json.dumps({"command": arguments})).count("\n") == 1
    assert call_in_words("Bash", arguments).endswith("\n")
    assert len(call_in_words("Bash", arguments)) < 250


@pytest.mark.parametrize(
    ("content", "failed", "told"),
    [
        ("one\n\ntwo", False, "  one\n  two\n"),
        ([{"type": "text", "text": "one"}, {"type": "image", "source": {}}], False, "  one\n  (image)\n"),
        ("no such file", True, "  failed:\n  no such file\n"),
        ("", False, "  done\n"),
        (None, False, "  done\n"),
        ("\n".join("abcdefghijklmnop"), False, "".join(f"  {line}\n" for line in "abcdefghijkl") + "  and 4 lines more\n"),
    ],
)
def test_a_result_is_told_by_its_beginning(content: Any, failed: bool, told: str) -> None:
    assert result_in_words(content, failed) == told


@given(st.text(), st.booleans())
def test_a_result_is_short_whatever_it_says(content: str, failed: bool) -> None:
    told = result_in_words(content, failed)
    assert told.endswith("\n")
    assert len(told.split("\n")) <= 15
    assert max(map(len, told.split("\n"))) <= 202
