"""The doctor asks the store, makes none, and says what to do."""

from pathlib import Path

from ccproxy_cli.config.settings import StoreSettings
from ccproxy_cli.doctor.finding import Status
from ccproxy_cli.doctor.keeping import keeping
from ccproxy_cli.stores.sqlite import SQLiteStore
from tests.stores.redis_server import running


async def test_memory_needs_no_look() -> None:
    assert await keeping(StoreSettings("memory"), {}) == []


async def test_a_file_is_looked_at_and_not_made(tmp_path: Path) -> None:
    environ = {"XDG_STATE_HOME": str(tmp_path)}
    path = tmp_path / "ccproxy" / "state.db"
    (finding,) = await keeping(StoreSettings(), environ)
    assert (finding.status, finding.title) == (Status.OK, f"state will be kept in {path}")
    assert not path.parent.exists()
    store = SQLiteStore(path)
    await store.put("k", b"v", 60)
    await store.aclose()
    (finding,) = await keeping(StoreSettings(), environ)
    assert (finding.status, finding.title) == (Status.OK, f"state is kept: the store in {path} answers")
    path.write_text("something else altogether " * 100)
    (finding,) = await keeping(StoreSettings(), environ)
    assert finding.status is Status.WARN
    assert "file is not a database" in finding.title
    assert finding.fix == "Move the file away, or let it and its folder be yours."


async def test_a_server_is_asked_and_its_password_not_told(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        (finding,) = await keeping(StoreSettings(server.url), {})
    assert finding.status is Status.OK
    (finding,) = await keeping(StoreSettings("redis://:pass-word@127.0.0.1:1/0"), {})
    assert finding.status is Status.WARN
    assert finding.title.startswith("the store at redis://127.0.0.1:1/0 cannot be used")
    assert "pass-word" not in repr(finding)
    (finding,) = await keeping(StoreSettings("redis://127.0.0.1/zero"), {})
    assert finding.status is Status.FAIL
