"""Who is running: told by locks, so that nothing left over is ever taken for a server."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

from ccproxy_cli.launch.register import Running, registered, running, state_folder, stop

SERVER = """
import os, sys, time
from pathlib import Path
from ccproxy_cli.launch.register import Running, registered
with registered(Path(sys.argv[1]), Running(os.getpid(), "http://x", 8000, 1.0, "1")):
    print("ready", flush=True)
    time.sleep(60)
"""


def one(port: int) -> Running:
    return Running(os.getpid(), f"http://127.0.0.1:{port}", port, 1.0, "1")


def start(folder: Path) -> "subprocess.Popen[bytes]":
    """A process that is registered until it dies."""
    process = subprocess.Popen([sys.executable, "-c", SERVER, str(folder)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.stdout.close()
    return process


def test_it_is_known_as_long_as_it_lasts(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with registered(folder, one(2)), registered(folder, one(1)):
        assert running(folder) == [one(1), one(2)]
        assert stat.S_IMODE((folder / "1.json").stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert running(folder) == []
    assert list(folder.iterdir()) == []


def test_private_even_where_everything_is_public(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with registered(tmp_path / "state", one(1)):
            assert stat.S_IMODE((tmp_path / "state" / "1.json").stat().st_mode) == 0o600
            assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    finally:
        os.umask(before)


def test_what_is_left_over_is_removed_and_written_over(tmp_path: Path) -> None:
    (tmp_path / "8000.json").write_text('{"pid": 1}' + " " * 500)
    assert running(tmp_path) == []
    assert not (tmp_path / "8000.json").exists()
    (tmp_path / "8000.json").write_text("x" * 500)
    with registered(tmp_path, one(8000)):
        assert running(tmp_path) == [one(8000)]


def test_a_killed_process_is_forgotten(tmp_path: Path) -> None:
    process = start(tmp_path)
    assert [server.pid for server in running(tmp_path)] == [process.pid]
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    assert running(tmp_path) == []


def test_stopping_waits_for_the_end(tmp_path: Path) -> None:
    process = start(tmp_path)
    (server,) = running(tmp_path)
    assert stop(tmp_path, server, 10)
    assert process.wait(10) == -signal.SIGTERM
    with registered(tmp_path, one(8001)):
        before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
        try:
            assert not stop(tmp_path, one(8001), 0.1)
        finally:
            signal.signal(signal.SIGTERM, before)


def test_where_the_files_are() -> None:
    assert state_folder({"XDG_RUNTIME_DIR": "/run/user/7", "HOME": "/h"}) == Path("/run/user/7/ccproxy")
    assert state_folder({"XDG_STATE_HOME": "/state", "HOME": "/h"}) == Path("/state/ccproxy")
    assert state_folder({"HOME": "/h"}) == Path("/h/.local/state/ccproxy")
