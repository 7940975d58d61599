"""A program's own home: the user's, but for one file, and nothing of it stays."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from ccproxy_cli.launch.homecopy import HomeCopy, private_home

COPY = HomeCopy("TOOL_HOME", ".tool", "settings.json", {"auth": {"kind": "key", "only": None}, "old": None})


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path)}


def settings(home: Path) -> object:
    return json.loads((home / ".tool" / "settings.json").read_text())


def test_a_user_without_settings_gets_just_ours(environ: dict[str, str]) -> None:
    with private_home(COPY, environ) as home:
        assert settings(home) == {"auth": {"kind": "key"}}
        assert stat.S_IMODE(home.stat().st_mode) == stat.S_IMODE((home / ".tool").stat().st_mode) == 0o700
        assert stat.S_IMODE((home / ".tool" / "settings.json").stat().st_mode) == 0o600
        assert Path(environ["HOME"]) in home.parents
    assert not home.exists()


def test_the_users_own_settings_are_kept_and_not_touched(environ: dict[str, str]) -> None:
    users = Path(environ["HOME"]) / ".tool"
    (users / "memory").mkdir(parents=True)
    text = '{ // mine\n "auth": {"kind": "login", "only": "login", "more": 1}, /* "x": */ "url": "http://a//b", "old": 1 }'
    (users / "settings.json").write_text(text)
    (users / "notes.md").write_text("notes")
    with private_home(COPY, environ) as home:
        assert settings(home) == {"auth": {"kind": "key", "more": 1}, "url": "http://a//b"}
        assert (home / ".tool" / "notes.md").read_text() == "notes"
        (home / ".tool" / "memory" / "new").write_text("kept")
    assert (users / "memory" / "new").read_text() == "kept"
    assert (users / "settings.json").read_text() == text
    assert (users / "notes.md").read_text() == "notes"


def test_what_the_program_makes_is_the_users(environ: dict[str, str]) -> None:
    users = Path(environ["HOME"]) / ".tool"
    with private_home(COPY, environ) as home:
        (home / ".tool" / "history").mkdir()
        (home / ".tool" / "history" / "1").write_text("said")
    assert sorted(path.name for path in users.iterdir()) == ["history"]
    assert (users / "history" / "1").read_text() == "said"
    (users / "trusted.json").write_text("old")
    with private_home(COPY, environ) as home:
        new = home / ".tool" / "new"
        new.write_text("new")
        new.replace(home / ".tool" / "trusted.json")
    assert (users / "trusted.json").read_text() == "new"
    assert sorted(path.name for path in users.iterdir()) == ["history", "trusted.json"]


@pytest.mark.parametrize("text", ["", "{", "[1]", '"x"', '{"auth": 3}', "\udcff"])
def test_settings_that_are_none_stand_in_nobodys_way(environ: dict[str, str], text: str) -> None:
    users = Path(environ["HOME"]) / ".tool"
    users.mkdir()
    (users / "settings.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with private_home(COPY, environ) as home:
        assert settings(home) == {"auth": {"kind": "key"}}


def test_a_home_that_the_user_has_moved_is_the_one_that_counts(environ: dict[str, str], tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    (moved / ".tool").mkdir(parents=True)
    (moved / ".tool" / "settings.json").write_text('{"a": 1}')
    with private_home(COPY, environ | {"TOOL_HOME": str(moved)}) as home:
        assert settings(home) == {"a": 1, "auth": {"kind": "key"}}


def test_what_a_killed_one_left_is_removed_by_the_next(environ: dict[str, str]) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with private_home(COPY, environ) as home:
        left = home.parent / f"home-{ended.pid}-x"
        left.mkdir()
        living = home.parent / f"home-{os.getppid()}-x"
        living.mkdir()
        with private_home(COPY, environ):
            assert not left.exists()
            assert living.exists()
            assert home.exists()


def test_it_is_gone_after_an_error_too(environ: dict[str, str]) -> None:
    with pytest.raises(RuntimeError), private_home(COPY, environ) as home:
        raise RuntimeError
    assert not home.exists()
