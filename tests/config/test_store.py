"""Where state is kept: who may say so, and that its password stays unseen."""

from pathlib import Path

import pytest

from ccproxy_cli.config.load import load
from ccproxy_cli.config.origin import ConfigError
from ccproxy_cli.config.secrets import without_password

SHARED = "redis://:pass/wo@rd@store.example:6379/0"


def write(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "mine.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_the_environment_names_a_store(tmp_path: Path) -> None:
    assert load({"CCPROXY_STORE": SHARED}, tmp_path).settings.store.url == SHARED
    assert load({"STORE": SHARED}, tmp_path).settings.store.url == "sqlite"


def test_a_file_that_lies_in_a_project_does_not(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"CCPROXY_STORE={SHARED}\n")
    with pytest.raises(ConfigError, match="may not say where state is kept") as caught:
        load({}, tmp_path)
    assert "pass" not in str(caught.value)


def test_a_password_makes_the_file_private(tmp_path: Path) -> None:
    path = write(tmp_path, f'[store]\nurl = "{SHARED}"\n', 0o644)
    with pytest.raises(ConfigError, match="holds a key and can be read by other users"):
        load({}, tmp_path, file=path)
    path.chmod(0o600)
    assert load({}, tmp_path, file=path).settings.store.url == SHARED
    open_one = write(tmp_path, '[store]\nurl = "redis://store.example/0"\n', 0o644)
    assert load({}, tmp_path, file=open_one).settings.store.url == "redis://store.example/0"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("mongodb://x", "unknown store 'mongodb'"),
        ("redis://", "must name a host"),
        ("redis://[::1/0", "must name a host"),
        ("sqlite:///", "sqlite:/// must be followed by the path"),
        ("sqlite:state.db", "sqlite:/// must be followed by the path"),
        ("sqlite://state.db", "sqlite:/// must be followed by the path"),
        ("memory://", "nothing can follow memory"),
    ],
)
def test_what_names_no_store_is_refused(url: str, why: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=why):
        load({"CCPROXY_STORE": url}, tmp_path)


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    assert "pass" not in repr(load({"CCPROXY_STORE": SHARED}, tmp_path).settings)
    assert without_password(SHARED) == "redis://:****@store.example:6379/0"
    assert without_password("redis://me:pass@[::1]:6379") == "redis://me:****@[::1]:6379"
    for url in ("sqlite", "sqlite:///a/b", "redis://store.example:6379/0", "redis://me@store.example/0"):
        assert without_password(url) == url
