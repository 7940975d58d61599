"""Every way in which a file changes is noticed, and nothing else is."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ccproxy_cli.config.watch import Watched, changes, watched_files


def in_place(file: Path) -> None:
    file.write_text("a = 2\n")


def by_renaming(file: Path) -> None:
    draft = file.with_name("draft~")
    draft.write_text("a = 2\n")
    os.replace(draft, file)


def by_deleting(file: Path) -> None:
    file.unlink()


def by_turning_a_link(file: Path) -> None:
    """As mounted settings of a cluster change: the file is a link through a folder that is itself a link, and only that one is replaced."""
    folder = file.parent
    link = folder / "..draft"
    link.symlink_to("..second")
    os.replace(link, folder / "..data")


@pytest.mark.parametrize("change", [in_place, by_renaming, by_deleting, by_turning_a_link])
async def test_a_change_is_noticed(change: Callable[[Path], None], tmp_path: Path) -> None:
    file = tmp_path / "ccproxy.toml"
    if change is by_turning_a_link:
        for name, text in (("..first", "a = 1\n"), ("..second", "a = 2\n")):
            (tmp_path / name).mkdir()
            (tmp_path / name / file.name).write_text(text)
        (tmp_path / "..data").symlink_to("..first")
        file.symlink_to("..data/ccproxy.toml")
    else:
        file.write_text("a = 1\n")
    await _noticed([file], lambda: change(file))


async def test_a_file_that_comes_into_being_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "ccproxy.toml"
    await _noticed([file], lambda: file.write_text("a = 1\n"))


async def test_other_files_and_equal_words_are_not(tmp_path: Path) -> None:
    file, other = tmp_path / "ccproxy.toml", tmp_path / "notes.txt"
    file.write_text("a = 1\n")

    def nothing() -> None:
        other.write_text("hello")
        file.write_text("a = 1\n")

    stop = asyncio.Event()
    noticed = changes(Watched.now([file]), stop, look_again=0.2)
    waiting = asyncio.ensure_future(anext(noticed))
    nothing()
    done, _ = await asyncio.wait({waiting}, timeout=1)
    assert not done
    in_place(file)
    await asyncio.wait_for(waiting, 30)
    stop.set()
    await noticed.aclose()


async def _noticed(paths: list[Path], change: Callable[[], object]) -> None:
    stop = asyncio.Event()
    noticed = changes(Watched.now(paths), stop, look_again=0.2)
    waiting = asyncio.ensure_future(anext(noticed))
    change()
    await asyncio.wait_for(waiting, 30)
    stop.set()
    await noticed.aclose()


def test_a_named_file_is_the_only_one_beside_the_environment_file(tmp_path: Path) -> None:
    environ = {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    assert watched_files(environ, tmp_path, tmp_path / "x.toml") == [tmp_path / "x.toml", tmp_path / ".env"]
    found = watched_files(environ, tmp_path, None)
    assert tmp_path / "ccproxy.toml" in found
    assert tmp_path / "xdg" / "ccproxy" / "config.toml" in found
