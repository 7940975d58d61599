"""A change of the configuration that cannot be followed is told, and does not keep later ones from being followed."""

import pytest

from ccproxy_cli.config.load import Loaded
from ccproxy_cli.config.origin import ConfigError, Problem
from ccproxy_cli.config.settings import Settings
from ccproxy_cli.launch.reload import Reloader


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (FileNotFoundError(2, "No such file or directory", ".env"), "No such file or directory"),  # an editor is at it
        (ConfigError([Problem("port 70000 is not between 0 and 65535")]), "port 70000"),
    ],
)
async def test_what_cannot_be_read_leaves_all_as_it_was(trouble: Exception, told: str) -> None:
    before, after = (Loaded(Settings(default_model=name), {}, None) for name in ("before", "after"))
    readings: list[Loaded | Exception] = [trouble, after]
    begun: list[Loaded] = []
    said: list[str] = []

    def read() -> Loaded:
        found = readings.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    reloader = Reloader(before, read, begun.append, said.append)
    await reloader.reload()
    assert not begun
    assert told in said[0]
    assert told in (reloader.problem or "")
    await reloader.reload()
    assert begun == [after]
    assert reloader.problem is None
