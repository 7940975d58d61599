"""A program's own home: the user's, but for one file, and nothing of it stays."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ccproxy_cli.launch.filling import Told
from ccproxy_cli.launch.homecopy import HomeCopy, private_home

COPY = HomeCopy("TOOL_HOME", "", ".tool/settings.json", {"auth": {"kind": "key", "only": None}, "old": None})
TOLD = Told("http://127.0.0.1:4321", "the-token", "up/m", None)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path)}


def settings(home: Path) -> object:
    return json.loads((home / ".tool" / "settings.json").read_text())


def test_a_user_without_settings_gets_just_ours(environ: dict[str, str]) -> None:
    with private_home(COPY, environ, TOLD) as home:
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
    with private_home(COPY, environ, TOLD) as home:
        assert settings(home) == {"auth": {"kind": "key", "more": 1}, "url": "http://a//b"}
        assert (home / ".tool" / "notes.md").read_text() == "notes"
        (home / ".tool" / "memory" / "new").write_text("kept")
    assert (users / "memory" / "new").read_text() == "kept"
    assert (users / "settings.json").read_text() == text
    assert (users / "notes.md").read_text() == "notes"


def test_what_the_program_makes_is_the_users(environ: dict[str, str]) -> None:
    users = Path(environ["HOME"]) / ".tool"
    with private_home(COPY, environ, TOLD) as home:
        (home / ".tool" / "history").mkdir()
        (home / ".tool" / "history" / "1").write_text("said")
    assert sorted(path.name for path in users.iterdir()) == ["history"]
    assert (users / "history" / "1").read_text() == "said"
    (users / "trusted.json").write_text("old")
    with private_home(COPY, environ, TOLD) as home:
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
    with private_home(COPY, environ, TOLD) as home:
        assert settings(home) == {"auth": {"kind": "key"}}


def test_a_home_that_the_user_has_moved_is_the_one_that_counts(environ: dict[str, str], tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    (moved / ".tool").mkdir(parents=True)
    (moved / ".tool" / "settings.json").write_text('{"a": 1}')
    with private_home(COPY, environ | {"TOOL_HOME": str(moved)}, TOLD) as home:
        assert settings(home) == {"a": 1, "auth": {"kind": "key"}}


def test_what_a_killed_one_left_is_removed_by_the_next(environ: dict[str, str]) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with private_home(COPY, environ, TOLD) as home:
        left = home.parent / f"home-{ended.pid}-x"
        left.mkdir()
        living = home.parent / f"home-{os.getppid()}-x"
        living.mkdir()
        with private_home(COPY, environ, TOLD):
            assert not left.exists()
            assert living.exists()
            assert home.exists()


def test_it_is_gone_after_an_error_too(environ: dict[str, str]) -> None:
    with pytest.raises(RuntimeError), private_home(COPY, environ, TOLD) as home:
        raise RuntimeError
    assert not home.exists()


def test_a_home_may_be_the_programs_own_folder(environ: dict[str, str]) -> None:
    users = Path(environ["HOME"]) / ".tool" / "agent"
    users.mkdir(parents=True)
    (users / "models.json").write_text('{"mine": 1}')
    (users / "notes.md").write_text("notes")
    (users.parent / "beside").write_text("not the program's home")
    copy = HomeCopy("TOOL_DIR", ".tool/agent", "models.json", {"url": "$root", "key": "$token", "$model": {"window": "$context"}})
    with private_home(copy, environ, TOLD) as home:
        assert json.loads((home / "models.json").read_text()) == {
            "mine": 1, "url": "http://127.0.0.1:4321", "key": "the-token", "up/m": {},
        }  # fmt: skip
        assert sorted(path.name for path in home.iterdir()) == ["models.json", "notes.md"]
        (home / "history").write_text("said")
    assert (users / "history").read_text() == "said"
    assert (users / "models.json").read_text() == '{"mine": 1}'
    assert copy.shown == "~/.tool/agent/models.json"


def test_a_program_may_be_told_of_the_file_alone(environ: dict[str, str], tmp_path: Path) -> None:
    users = tmp_path / ".tool"
    users.mkdir()
    (users / "keys.json").write_text('{"a": {"x": 1}}')
    (users / "beside").write_text("")
    copy = HomeCopy("TOOL_KEYS", ".tool", "keys.json", {"a": {"y": 2}}, names_file=True)
    with private_home(copy, environ, TOLD) as file:
        assert json.loads(file.read_text()) == {"a": {"x": 1, "y": 2}}
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert [path.name for path in file.parent.iterdir()] == ["keys.json"]
        (file.parent / "keys.json.lock").write_text("")
    assert not file.parent.exists()
    assert sorted(path.name for path in users.iterdir()) == ["beside", "keys.json"]
    moved = tmp_path / "moved.json"
    moved.write_text('{"b": 3}')
    with private_home(copy, environ | {"TOOL_KEYS": str(moved)}, TOLD) as file:
        assert json.loads(file.read_text()) == {"b": 3, "a": {"y": 2}}


@pytest.mark.parametrize("text", ["", ": : :", "- 1", "a: [", "&a [*a"])
def test_yaml_that_is_none_stands_in_nobodys_way(environ: dict[str, str], text: str) -> None:
    (Path(environ["HOME"]) / ".tool").mkdir()
    (Path(environ["HOME"]) / ".tool" / "c.yaml").write_text(text)
    with private_home(HomeCopy("T", ".tool", "c.yaml", {"a": 1}), environ, TOLD) as home:
        assert yaml.safe_load((home / "c.yaml").read_text()) == {"a": 1}


def test_yaml_stays_yaml(environ: dict[str, str]) -> None:
    (Path(environ["HOME"]) / ".tool").mkdir()
    (Path(environ["HOME"]) / ".tool" / "c.yaml").write_text("rules:\n  - be kind # always\nday: 2026-11-20\nmodels: [a]\n")
    with private_home(HomeCopy("T", ".tool", "c.yaml", {"models": [{"name": "$model"}]}), environ, TOLD) as home:
        told = yaml.safe_load((home / "c.yaml").read_text())
    assert told == {"rules": ["be kind"], "day": "2026-11-20", "models": [{"name": "up/m"}]}


def test_the_base_directories_of_the_user_count(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "data" / "tool").mkdir(parents=True)
    (tmp_path / "data" / "tool" / "t.json").write_text('{"mine": 1}')
    copy = HomeCopy("TOOL_DATA", ".local/share/tool", "t.json", xdg="XDG_DATA_HOME")
    with private_home(copy, environ | {"XDG_DATA_HOME": str(tmp_path / "data")}, TOLD) as home:
        assert json.loads((home / "t.json").read_text()) == {"mine": 1}
