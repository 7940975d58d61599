"""The law: a shell that takes the lines in has exactly the values, whatever is in them."""

import json
import shutil
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccproxy_cli.launch.shells import Shell, render_changes

NASTY = {
    "A": "plain",
    "B": "two words",
    "C": 'it\'s $(id) `id` "quoted" ; & | > # !',
    "D": "back\\slash \\' \\n",
    "E": "first\nsecond",
    "F": "",
    "G": "‘curly’ ‚low‛ é 🎉",
}
PRINT = "import json, os, sys; print(json.dumps({k: os.environ.get(k) for k in 'ABCDEFGX'}))"


@pytest.mark.parametrize("shell", ["sh", "bash", "fish"])
def test_shells_take_in_exactly_the_values(shell: str) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed here")
    text = render_changes({**NASTY, "X": None}, Shell.FISH if shell == "fish" else Shell.SH)
    script = f"{text}\n'{sys.executable}' -c \"{PRINT}\""
    done = subprocess.run([shell, "-c", script], capture_output=True, check=True, env={"PATH": "/usr/bin:/bin", "X": "users"})
    assert json.loads(done.stdout) == {**NASTY, "X": None}


@settings(max_examples=20, deadline=None)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40))
def test_any_value_survives_sh(value: str) -> None:
    script = f'{render_changes({"A": value}, Shell.SH)}\nprintf %s "$A"'
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=True)
    assert done.stdout == value.encode()


def test_powershell_doubles_every_quote_it_knows() -> None:
    text = render_changes({"A": "it's ‘so’", "X": None}, Shell.POWERSHELL)
    assert text.splitlines() == ["$env:A = 'it''s ‘‘so’’'", "Remove-Item Env:X -ErrorAction SilentlyContinue"]


def test_json_is_one_object_with_null_for_what_goes() -> None:
    assert json.loads(render_changes({**NASTY, "X": None}, Shell.JSON)) == {**NASTY, "X": None}
