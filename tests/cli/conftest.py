"""The real program in a process of its own, with a home that holds nothing, and an upstream that can be made to wait."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field, frozen

PROGRAM = [sys.executable, "-m", "ccproxy_cli"]
ONLY_ECHO = '[providers.echo]\npreset = "echo"\n'


@frozen
class Ran:
    """A finished run."""

    code: int
    out: str
    err: str

    @property
    def envelope(self) -> dict[str, Any]:
        """The one line of JSON on standard output."""
        found: dict[str, Any] = json.loads(self.out)
        return found


@frozen
class Cli:
    """`ccproxy`, run by somebody who has nothing but the embedded model."""

    folder: Path
    environ: Mapping[str, str]

    def __call__(self, *arguments: str, stdin: bytes = b"", **environ: str) -> Ran:
        done = subprocess.run(
            [*PROGRAM, *arguments],
            input=stdin,
            capture_output=True,
            env={**self.environ, **environ},
            cwd=self.folder,
            timeout=60,
            check=False,
        )
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    def configure(self, text: str) -> Path:
        """Write the configuration file that every run reads."""
        path = Path(self.environ["CCPROXY_CONFIG"])
        path.write_text(text)
        path.chmod(0o600)
        return path


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """The program in an empty folder."""
    folder, home = tmp_path / "folder", tmp_path / "home"
    folder.mkdir()
    home.mkdir()
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ}
    environ = {**kept, "HOME": str(home), "XDG_RUNTIME_DIR": str(tmp_path), "CCPROXY_CONFIG": str(home / "config.toml"), "TERM": "xterm"}
    found = Cli(folder, environ)
    found.configure(ONLY_ECHO)
    return found


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    """A frame of a Chat Completions stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


@define
class Upstream:
    """A Chat Completions server on loopback that says a first word, and the rest once it is let go."""

    url: str = ""
    first: str = "Wait "
    rest: str = "over."
    finish: str = "stop"
    status: int = 200
    go: threading.Event = field(factory=threading.Event)
    asked: threading.Event = field(factory=threading.Event)
    requests: list[dict[str, Any]] = field(factory=list)

    @property
    def config(self) -> str:
        """A configuration in which everything goes there."""
        return f'[providers.up]\npreset = "openai"\nbase_url = "{self.url}/v1"\napi_key = "k"\nmodels = ["m"]\n'


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    """The server, and what it was sent."""
    found = Upstream()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.requests.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(found.status)
            if found.status != 200:
                body = b'{"error": {"message": "no such thing\\u001b[31m", "type": "invalid_request_error"}}'
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                return
            self.send_header("content-type", "text/event-stream")
            self.end_headers()
            self.wfile.write(chunk({"role": "assistant", "content": found.first}))
            self.wfile.flush()
            found.asked.set()
            found.go.wait(30)
            try:
                self.wfile.write(chunk({"content": found.rest}) + chunk({}, found.finish) + b"data: [DONE]\n\n")
            except OSError:
                self.close_connection = True

        def log_request(self, code: object = "-", size: object = "-") -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        found.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield found
        found.go.set()
        server.shutdown()
        thread.join()
