"""A server follows its configuration file while it serves, and no bad edit harms it."""

import http.client
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.cli.conftest import PROGRAM, Cli, Upstream

ECHO = '[providers.echo]\npreset = "echo"\n'


class Live:
    """A server of its own session, so that no terminal speaks to it, and what it says."""

    def __init__(self, process: "subprocess.Popen[str]", url: str) -> None:
        self.process = process
        self.url = url
        self._connections = ExitStack()

    def close(self) -> None:
        self._connections.close()

    def hears(self, words: str) -> str:
        """Wait for a line on standard error."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if words in line:
                return line
        raise AssertionError(f"it never said {words!r}")

    def get(self, path: str) -> dict[str, Any]:
        reply = self.request("GET", path)
        found: dict[str, Any] = json.loads(reply.read())
        return found

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> http.client.HTTPResponse:
        """The answer, on a connection that stays open."""
        connection = self._connections.enter_context(closing(http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)))
        connection.request(method, path, None if body is None else json.dumps(body), {"content-type": "application/json"})
        return connection.getresponse()

    def ask(self, model: str, key: str = "") -> int:
        question = [{"role": "user", "content": "hello"}]
        with closing(http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=30)) as connection:
            body = json.dumps({"model": model, "max_tokens": 9, "messages": question})
            connection.request("POST", "/v1/messages", body, {"content-type": "application/json", "x-api-key": key})
            return connection.getresponse().status


@contextmanager
def live(cli: Cli, *arguments: str) -> Iterator[Live]:
    """A server that runs as long as the block."""
    with subprocess.Popen(
        [*PROGRAM, "serve", "--json", "--port", "0", "--log-level", "error", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=dict(cli.environ),
        cwd=cli.folder,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        server = Live(process, json.loads(process.stdout.readline())["data"]["url"])
        try:
            yield server
        finally:
            server.close()
            process.terminate()


def replace(path: Path, text: str) -> None:
    """Write as editors do: beside it, and then in its place."""
    draft = path.with_name("draft~")
    draft.write_text(text)
    draft.chmod(0o600)
    os.replace(draft, path)


def test_a_change_is_in_force_and_drops_no_stream(cli: Cli, upstream: Upstream) -> None:
    path = cli.configure(upstream.config)
    question = {"model": "m", "stream": True, "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}
    with live(cli) as server:
        replies = [server.request("POST", "/v1/messages", question) for _ in range(100)]
        assert {reply.status for reply in replies} == {200}
        for number in range(3):
            rule = f'[models]\n"new-{number}" = "echo/echo"\n'
            replace(path, ECHO + rule)  # the provider of the streams is gone
            server.hears("has changed and is in force")
            assert server.ask(f"new-{number}") == 200
        assert server.ask("new-0") == 404
        assert server.ask("m") == 404
        upstream.go.set()
        texts = [reply.read().decode() for reply in replies]
        assert all("over." in text and "message_stop" in text for text in texts)
        assert len(upstream.requests) == 100


def test_bad_edits_change_nothing_and_are_told(cli: Cli) -> None:
    path = cli.configure(ECHO)
    with live(cli) as server:
        for number in range(10):
            replace(path, f"{ECHO}[server]\nprot = {number}\n")
            line = server.hears("the configuration stays as it was")
            assert f"{path}:4: unknown key 'prot', did you mean 'port'?" in line
            assert server.ask("echo") == 200
        state = server.get("/ready")["configuration"]
        assert state["ok"] is False
        assert "did you mean" in state["detail"]
        replace(path, ECHO)
        server.hears("is as it was, and in force")
        assert server.get("/ready")["configuration"] == {"ok": True, "detail": "in force"}


def test_a_new_token_is_asked_for_at_once(cli: Cli) -> None:
    path = cli.configure(ECHO)
    with live(cli) as server:
        assert server.ask("echo") == 200
        replace(path, f'{ECHO}[server]\ntoken = "f3a9c1d7e5b20846af17"\n')
        server.hears("in force")
        assert server.ask("echo") == 401
        assert server.ask("echo", "f3a9c1d7e5b20846af17") == 200


def test_what_cannot_change_is_named(cli: Cli) -> None:
    path = cli.configure(ECHO)
    with live(cli) as server:
        replace(path, f'{ECHO}[server]\nhost = "127.0.0.2"\n[store]\nurl = "memory"\n[timeouts]\ngrace = 3\n[models]\na = "echo/echo"\n')
        assert "server.host stays 127.0.0.1 until" in server.hears("server.host")
        server.hears("store.url stays as it was until")
        server.hears("timeouts.grace stays 10 until")
        server.hears("in force")
        assert server.ask("a") == 200


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_hangup_means_look_again_where_there_is_no_terminal(workers: str, cli: Cli) -> None:
    path = cli.configure(f'{ECHO}[models]\na = "echo/echo"\n')
    with live(cli, "--workers", workers) as server:
        server.process.send_signal(signal.SIGHUP)  # nothing has changed: nothing is said
        path.write_text(f"{ECHO}[server]\nprot = 1\n")
        server.process.send_signal(signal.SIGHUP)
        server.hears("stays as it was")
        assert server.ask("a") == 200


def test_workers_without_a_store_in_common_are_told_of(cli: Cli) -> None:
    cli.configure(f'{ECHO}[store]\nurl = "memory"\n')
    with live(cli, "--workers", "2") as server:
        assert "each of the 2 processes" in server.hears("store.url is memory")


def test_every_worker_follows(cli: Cli) -> None:
    path = cli.configure(ECHO)
    with live(cli, "--workers", "2") as server:
        replace(path, f'{ECHO}[models]\na = "echo/echo"\n')
        server.hears("in force")
        deadline = time.monotonic() + 60  # who of the two answers is chance, and only one says when it is ready
        while not all(server.ask("a") == 200 for _ in range(20)):
            assert time.monotonic() < deadline


@pytest.mark.parametrize("name", [".env", "ccproxy.toml"])
def test_a_file_that_comes_into_being_counts(name: str, cli: Cli) -> None:
    Path(cli.environ["CCPROXY_CONFIG"]).unlink()
    plain = Cli(cli.folder, {**cli.environ, "CCPROXY_CONFIG": ""})
    with live(plain) as server:
        text = "CCPROXY_DEFAULT_MODEL=echo\n" if name == ".env" else f'{ECHO}[models]\na = "echo/echo"\n'
        replace(cli.folder / name, text)
        server.hears("in force")
        assert server.ask("echo") == 200
