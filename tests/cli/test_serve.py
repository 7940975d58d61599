"""`serve` as a process: what it says, how it ends, and how it runs in the background."""

import http.client
import json
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pexpect
import pytest
from attrs import evolve

from tests.cli.conftest import ONLY_ECHO, PROGRAM, Cli, Upstream

TOKEN = "f3a9c1d7e5b20846af17"


@contextmanager
def server(cli: Cli, *arguments: str, **environ: str) -> Iterator[tuple["subprocess.Popen[str]", dict[str, str]]]:
    """A server in the foreground, and the data of its envelope."""
    with subprocess.Popen(
        [*PROGRAM, "serve", "--json", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**cli.environ, **environ},
        cwd=cli.folder,
    ) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            yield process, json.loads(line)["data"] if line else {}
        finally:
            if process.poll() is None:
                process.terminate()


def ask(url: str, headers: dict[str, str] | None = None) -> tuple[int, str]:
    """Status and text of one question."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    body = json.dumps({"model": "echo", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]})
    connection.request("POST", "/v1/messages", body, {"content-type": "application/json", **(headers or {})})
    reply = connection.getresponse()
    text = reply.read().decode()
    connection.close()
    return reply.status, text


def test_it_serves_and_stops_when_told(cli: Cli) -> None:
    with server(cli, "--port", "0") as (process, data):
        assert ask(data["url"])[0] == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()
    with pytest.raises(ConnectionRefusedError):
        ask(data["url"])


def test_people_see_the_address_the_backends_and_what_to_paste(cli: Cli) -> None:
    child = pexpect.spawn(
        PROGRAM[0],
        [*PROGRAM[1:], "serve", "--port", "0"],
        env={**cli.environ, "NO_COLOR": "1"},
        cwd=str(cli.folder),
        dimensions=(30, 100),
        encoding="utf-8",
        timeout=20,
    )
    child.expect(r"serves (http://127\.0\.0\.1:\d+)")
    url = child.match[1]
    child.expect("echo  echo")
    child.expect(f"export ANTHROPIC_BASE_URL={url}\r")
    child.expect(f"export OPENAI_BASE_URL={url}/v1\r")
    child.expect(f"export GOOGLE_GEMINI_BASE_URL={url}\r")
    child.expect("Ctrl-C stops it")
    assert ask(url)[0] == 200
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert "Traceback" not in child.before


def test_the_token_is_asked_for_and_never_printed(cli: Cli) -> None:
    with server(cli, "--port", "0", CCPROXY_TOKEN=TOKEN) as (process, data):
        assert ask(data["url"])[0] == 401
        assert ask(data["url"], {"x-api-key": TOKEN})[0] == 200
        assert TOKEN not in json.dumps(data)
        process.terminate()
        process.wait(10)
        assert process.stderr is not None
        assert TOKEN not in process.stderr.read()


def test_clients_come_by_tokens_of_their_own_that_are_never_printed(cli: Cli) -> None:
    cli.configure(f'{ONLY_ECHO}[clients.ann]\ntoken = "env:TOKEN_OF_ANN"\n')
    token = {"TOKEN_OF_ANN": "token-of-ann-4711"}
    with server(cli, "--port", "0", **token) as (process, data):
        assert data["environment"]["OPENAI_API_KEY"] == "<a client's token>"
        assert [ask(data["url"], {"x-api-key": key})[0] for key in ("token-of-ann-4711", "token-of-eve-4711")] == [200, 401]
        assert "token-of-ann" not in json.dumps(data)
        process.terminate()
        process.wait(10)
        assert process.stderr is not None
        log = process.stderr.read()
        assert '"client":"ann"' in log
        assert "token-of" not in log
    refused = cli("wrap", "--print-env", "sh", **token)
    assert (refused.code, refused.out) == (2, "")
    assert "tokens of their own" in refused.err


def test_a_provider_that_is_not_ready_is_named(cli: Cli) -> None:
    cli.configure('[providers.up]\npreset = "openai"\napi_key = "env:NOT_SET_ANYWHERE"\n')
    with server(cli, "--port", "0") as (process, _):
        assert process.stderr is not None
        assert process.stderr.readline().startswith("up is not ready: ")


def test_a_stream_may_end_first(cli: Cli, upstream: Upstream) -> None:
    cli.configure(upstream.config)
    with server(cli, "--port", "0") as (process, data):
        connection = http.client.HTTPConnection(urlsplit(data["url"]).netloc, timeout=20)
        body = json.dumps({"model": "m", "stream": True, "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]})
        connection.request("POST", "/v1/messages", body, {"content-type": "application/json"})
        reply = connection.getresponse()
        assert upstream.asked.wait(10)
        process.terminate()
        upstream.go.set()
        assert "over." in reply.read().decode()
        connection.close()
        assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("arguments", "environ", "complaint"),
    [
        (("--host", "0.0.0.0"), {}, "--host: 0.0.0.0 can be reached from other machines, and there is no token"),
        ((), {"HOST": "0.0.0.0"}, "HOST: 0.0.0.0 can be reached from other machines, and there is no token"),
        (("--host", "0.0.0.0"), {"CCPROXY_TOKEN": "sk-1234"}, "server.token is too short or too well known"),
    ],
)
def test_nobody_is_let_in_by_accident(arguments: tuple[str, ...], environ: dict[str, str], complaint: str, cli: Cli) -> None:
    ran = evolve(cli, environ={**cli.environ, **environ})("serve", "--port", "0", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert complaint in ran.err
    assert ran.err.count("\n") == 1
    assert "sk-1234" not in ran.err


def test_a_taken_port_is_one_clear_line(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = cli("serve", "--port", str(port))
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith(f"error: port {port} is in use")
    assert ran.err.count("\n") == 1


def test_in_the_background(cli: Cli) -> None:
    started = cli("serve", "--detach", "--port", "0", "--json")
    assert started.code == 0
    data = started.envelope["data"]
    try:
        assert ask(data["url"])[0] == 200
        (status,) = cli("serve", "status", "--json").envelope["data"]["servers"]
        assert (status["url"], status["pid"], status["log"]) == (data["url"], data["pid"], data["log"])
        assert data["url"] in cli("serve", "status").out
        again = cli("serve", "--detach", "--port", str(data["port"]))
        assert (again.code, again.out) == (1, "")
        assert "a server is running on port" in again.err
        for path in Path(data["log"]).parent.iterdir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(Path(data["log"]).parent.stat().st_mode) == 0o700
    finally:
        stopped = cli("serve", "stop")
    assert stopped.code == 0
    assert "/v1/messages" in Path(data["log"]).read_text()
    assert cli("serve", "status").code == 1
    with pytest.raises(ConnectionRefusedError):
        ask(data["url"])


def test_in_the_background_a_failure_is_told_in_front(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = cli("serve", "--detach", "--port", str(taken.getsockname()[1]))
    assert ran.code == 1
    assert "is in use" in ran.err


def test_a_killed_server_is_forgotten(cli: Cli) -> None:
    with server(cli, "--port", "0") as (process, data):
        assert cli("serve", "status").code == 0
        process.kill()
        process.wait(10)
    assert cli("serve", "status").code == 1
    assert not list((Path(cli.environ["XDG_RUNTIME_DIR"]) / "ccproxy").glob("*.json"))
    assert data["port"]


def test_a_home_that_cannot_be_written_is_no_reason_not_to_serve(cli: Cli, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    with server(cli, "--port", "0", XDG_RUNTIME_DIR=str(blocked)) as (_, data):
        assert ask(data["url"])[0] == 200


def test_several_servers_are_told_apart(cli: Cli) -> None:
    with server(cli, "--port", "0") as (one, first), server(cli, "--port", "0") as (other, second):
        refused = cli("serve", "stop")
        assert refused.code == 1
        assert "several servers are running" in refused.err
        assert cli("serve", "stop", "--port", str(first["port"])).code == 0
        assert one.wait(10) == 0
        assert ask(second["url"])[0] == 200
        assert cli("serve", "stop").code == 0
        assert other.wait(10) == 0
