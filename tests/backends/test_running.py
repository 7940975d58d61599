"""Model servers of this machine are known by what they answer, not by their ports."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from attrs import evolve

from ccproxy_cli.backends.presets import PRESETS, Preset
from ccproxy_cli.backends.running import running
from ccproxy_cli.core.http import HOP_HEADER

LIST = b'{"object": "list", "data": [{"id": "m", "object": "model", "owned_by": "%s"}]}'
Serve = Callable[..., int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server that answers one thing, and tells its port."""
    servers: list[ThreadingHTTPServer] = []

    def start(body: bytes, status: int = 200, seen: list[str] | None = None, hold: threading.Event | None = None) -> int:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if seen is not None:
                    seen.extend((self.path, self.headers.get(HOP_HEADER) or ""))
                if hold is not None:
                    hold.wait(10)
                with contextlib.suppress(ConnectionError):  # the other side may have given up
                    self.send_response(status)
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return int(server.server_address[1])

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def at(name: str, port: int) -> Preset:
    return evolve(PRESETS[name], base_url=f"http://127.0.0.1:{port}/v1")


def names(*presets: Preset) -> list[str]:
    return [server.preset for server in running(presets, patience=5)]


def closed() -> int:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        return int(holder.getsockname()[1])


def test_who_answers_as_it_does_is_running(serve: Serve) -> None:
    seen: list[str] = []
    vllm = at("vllm", serve(LIST % b"vllm", seen=seen))
    assert names(at("ollama", serve(b'{"object":"list","data":null}')), at("llamacpp", serve(LIST % b"llamacpp")), vllm) == [
        "ollama",
        "llamacpp",
        "vllm",
    ]
    assert seen == ["/v1/models", "1"]


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("vllm", LIST % b"claude", 200),  # a ccproxy, or anything else at a port that everybody uses
        ("llamacpp", b"<html>", 200),
        ("llamacpp", LIST % b"vllm", 200),
        ("vllm", LIST % b"vllm", 508),
        ("ollama", b"Directory listing", 200),
        ("lmstudio", b"", 404),
    ],
)
def test_somebody_else_at_the_port_is_not_taken_for_it(name: str, body: bytes, status: int, serve: Serve) -> None:
    assert names(at(name, serve(body, status))) == []


def test_nobody_is_running() -> None:
    assert names(*(at(name, closed()) for name in ("ollama", "lmstudio", "llamacpp", "vllm"))) == []
    assert running(PRESETS[name] for name in ("openai", "echo", "azure")) == []


def test_whoever_is_too_slow_is_given_up_on(serve: Serve) -> None:
    hold = threading.Event()
    slow = at("ollama", serve(LIST % b"library", hold=hold))
    quick = at("vllm", serve(LIST % b"vllm"))
    assert [server.preset for server in running([slow, quick], patience=0.5)] == ["vllm"]
    hold.set()
