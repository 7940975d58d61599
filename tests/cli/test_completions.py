"""The completion scripts: up to date, and believed by the shells themselves."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ccproxy_cli.cli.completions import scripts

FOLDER = Path(__file__).parents[2] / "completions"


@pytest.mark.parametrize("name", scripts())
def test_the_scripts_are_up_to_date(name: str) -> None:
    assert (FOLDER / name).read_text() == scripts()[name], "run: python -m ccproxy_cli.cli.completions"


def test_the_same_commands_give_the_same_scripts(tmp_path: Path) -> None:
    for seed in "12":
        folder = tmp_path / seed
        command = [sys.executable, "-m", "ccproxy_cli.cli.completions", str(folder)]
        subprocess.run(command, env={"PYTHONHASHSEED": seed}, check=True)
        assert {path.name: path.read_text() for path in folder.iterdir()} == scripts()


WORDS = [
    (["se"], {"serve"}),
    (["config", ""], {"show", "path", "explain"}),
    (["serve", "st"], {"stop", "status"}),
    (["ask", "--sch"], {"--schema"}),
    (["wrap", "--print-env", ""], {"sh", "fish", "powershell", "json"}),
    (["serve", "--port", "8000", "--log-level", "w"], {"warning"}),
]


@pytest.mark.parametrize("name", ["ccproxy", "ccproxy-cli"])
@pytest.mark.parametrize(("words", "expected"), WORDS, ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_bash_completes(name: str, words: list[str], expected: set[str]) -> None:
    script = (
        'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); complete -p "$1" >/dev/null && _ccproxy; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        ["bash", "-c", script, "bash", str(FOLDER / "ccproxy.bash"), name, *words], capture_output=True, text=True, check=True
    )
    found = set(done.stdout.split())
    assert found >= expected
    assert all(word.startswith(words[-1]) for word in found)


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize(("words", "expected"), WORDS, ids=lambda value: " ".join(value) if isinstance(value, list) else None)
def test_fish_completes(words: list[str], expected: set[str], tmp_path: Path) -> None:
    command = f'source {FOLDER / "ccproxy.fish"}; complete -C "ccproxy {" ".join(words)}"'
    environ = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["fish", "-c", command], capture_output=True, text=True, env=environ, check=True)
    assert {line.partition("\t")[0] for line in done.stdout.splitlines()} >= expected


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_reads_its_script() -> None:
    assert subprocess.run(["zsh", "-n", str(FOLDER / "_ccproxy")], capture_output=True, check=True).stderr == b""
    assert (FOLDER / "_ccproxy").read_text().startswith("#compdef ccproxy ccproxy-cli\n")
