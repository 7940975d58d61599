"""The `wrap` command as a user has it: what the program gets, how it ends, and that nothing stays behind."""

import asyncio
import contextlib
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pexpect
import psutil
import pytest

from ccproxy_cli.launch.shells import Shell
from tests.e2e.conftest import CCPROXY, WRAP, Ended, Machine
from tests.launch.conftest import state_of, wait_until

SHOW = "import json, os, sys; print(json.dumps([sys.argv[1:], dict(os.environ)]))"
ASK = """
import json, os, sys, urllib.error, urllib.request
body = json.dumps({"model": sys.argv[1], "messages": [{"role": "user", "content": "hello"}]}).encode()
headers = {"authorization": "Bearer " + os.environ["OPENAI_API_KEY"], "content-type": "application/json"}
request = urllib.request.Request(os.environ["OPENAI_BASE_URL"] + "/chat/completions", body, headers)
try:
    answer = json.load(urllib.request.urlopen(request))
    print(answer["choices"][0]["message"]["content"])
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
"""


def python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


async def shown(machine: Machine, *options: str, environment: dict[str, str] | None = None) -> tuple[dict[str, str], Ended]:
    ended = await machine.run(*WRAP, *options, "--", *python(SHOW), environment=environment)
    assert ended.code == 0, ended
    return json.loads(ended.out)[1], ended


# What the program gets


async def test_a_program_is_answered(machine: Machine) -> None:
    ended = await machine.run(*WRAP, "--model", "echo", "--", *python(ASK, "any-name"))
    assert ended == Ended(0, "hello\n", ended.err)
    assert re.fullmatch(r"ccproxy: 1 request, \d+ tokens in, \d+ out \(echo/echo\)\n", ended.err)


async def test_arguments_after_the_first_dashes_arrive_verbatim(machine: Machine) -> None:
    arguments = ["--port", "1", "--", "-x", "--model", "m", "--help", "", "a b"]
    ended = await machine.run(*WRAP, "--", *python(SHOW, *arguments))
    assert json.loads(ended.out)[0] == arguments


async def test_the_users_variables_arrive_literally_and_rivals_are_named_in_one_line(machine: Machine) -> None:
    nasty = {"A": "first\nsecond", "B": "$(id) `id` 'x' \"y\" ; z"}
    users = {"OPENAI_BASE_URL": "http://elsewhere", "ANTHROPIC_API_KEY": "mine", "ANTHROPIC_AUTH_TOKEN": "mine too"}
    environment, ended = await shown(machine, environment=nasty | users)
    assert {name: environment[name] for name in nasty} == nasty
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1", environment["OPENAI_BASE_URL"])
    assert environment["ANTHROPIC_API_KEY"] == environment["OPENAI_API_KEY"] != "mine"
    assert "ANTHROPIC_AUTH_TOKEN" not in environment
    assert ended.err.splitlines() == [
        "ccproxy: set aside for this program: ANTHROPIC_API_KEY, ANTHROPIC_AUTH_TOKEN, OPENAI_BASE_URL",
        "ccproxy: the program made no requests",
    ]


async def test_every_session_has_an_address_and_a_key_of_its_own(machine: Machine) -> None:
    sessions = await asyncio.gather(*(shown(machine) for _ in range(6)))
    keys = {environment["OPENAI_API_KEY"] for environment, _ in sessions}
    assert len(keys) == 6
    assert min(map(len, keys)) >= 40


async def test_only_the_program_is_let_in(machine: Machine) -> None:
    for key, status in (("", "401"), ("guessed", "401")):
        ended = await machine.run(*WRAP, "--model", "echo", "--", "env", f"OPENAI_API_KEY={key}", *python(ASK, "m"))
        assert ended.out.startswith(status)


async def test_wrap_inside_wrap_is_stopped_at_the_second_hop(machine: Machine) -> None:
    # The inner one takes the outer one for OpenAI: its address and key are in the environment it was given.
    inner = [*WRAP, "--backend", "openai", "--model", "echo", "--", *python(ASK, "m")]
    ended = await machine.run(*WRAP, "--model", "echo", "--", *inner)
    assert ended.out.startswith("508"), ended


def pretend(machine: Machine, name: str) -> str:
    """A program of that name which only shows what it was given."""
    file = machine.work / name
    file.write_text(
        f"#!{sys.executable}\nimport json, os, pathlib, sys\nhome = os.environ.get('GEMINI_CLI_HOME')\n"
        "settings = json.loads((pathlib.Path(home) / '.gemini' / 'settings.json').read_text()) if home else None\n"
        "print(json.dumps([sys.argv[1:], dict(os.environ), settings]))\n"
    )
    file.chmod(0o700)
    return str(file)


async def test_codex_is_told_by_arguments_before_the_users_own(machine: Machine) -> None:
    ended = await machine.run(*WRAP, "--model", "echo", "--", pretend(machine, "codex"), "exec", "--", "-c", "x")
    arguments, environment, _ = json.loads(ended.out)
    assert arguments[-4:] == ["exec", "--", "-c", "x"]
    assert set(arguments[:-4:2]) == {"-c"}
    assert 'model_provider="ccproxy"' in arguments
    assert 'model="echo"' in arguments
    assert not any(environment["CCPROXY_SESSION_KEY"] in argument for argument in arguments)


async def test_a_window_that_is_known_is_told(machine: Machine) -> None:
    machine.configure("up", preset="anthropic", api_key="env:UP_KEY")
    ended = await machine.run(
        *WRAP, "--model", "up/claude-opus-4-5", "--", pretend(machine, "codex"), environment={"UP_KEY": "the-upstream-key"}
    )
    assert "model_context_window=200000" in json.loads(ended.out)[0]


async def test_a_program_that_has_to_be_told_a_model_gets_the_default_or_says_so(machine: Machine) -> None:
    machine.configure("up", preset="openai-compatible", base_url="http://127.0.0.1:9/v1", api_key="env:UP_KEY")
    keys = {"UP_KEY": "the-upstream-key"}
    ended = await machine.run(*WRAP, "--", pretend(machine, "pi"), environment=keys)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: pi calls only models that it is told of. Name one with --model.")
    ended = await machine.run(*WRAP, "--", pretend(machine, "pi"), environment={**keys, "CCPROXY_DEFAULT_MODEL": "up/m"})
    assert json.loads(ended.out)[0] == ["--provider", "ccproxy", "--model", "up/m"]


async def test_gemini_gets_a_home_of_its_own_that_does_not_stay(machine: Machine) -> None:
    users = machine.home / ".gemini"
    users.mkdir()
    (users / "settings.json").write_text('{"security": {"auth": {"selectedType": "oauth-personal"}}, "ui": {"theme": "x"}}')
    before = machine.files()
    program = pretend(machine, "gemini")
    ended = await machine.run(*WRAP, "--model", "echo", "--", program, environment={"GOOGLE_API_KEY": "mine"})
    _, environment, settings = json.loads(ended.out)
    assert settings == {"security": {"auth": {"selectedType": "gemini-api-key"}}, "ui": {"theme": "x"}}
    assert environment["GEMINI_MODEL"] == "echo"
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", environment["GOOGLE_GEMINI_BASE_URL"])
    assert "GOOGLE_API_KEY" not in environment
    assert not Path(environment["GEMINI_CLI_HOME"]).exists()
    assert set(machine.files()) == {*before, "work/gemini"}


async def test_a_home_that_cannot_be_made_is_told_in_one_line(machine: Machine) -> None:
    (machine.home / ".local").write_text("no folder")
    ended = await machine.run(*WRAP, "--model", "echo", "--", pretend(machine, "gemini"))
    assert (ended.code, ended.out) == (126, "")
    assert ended.err.startswith("ccproxy: a home of its own cannot be made: ")


@pytest.mark.parametrize(("program", "words"), [("codex", "codex -c"), ("gemini", "settings.json")])
async def test_print_env_says_what_variables_do_not_do(machine: Machine, program: str, words: str) -> None:
    ended = await machine.run(*WRAP, "--print-env", "sh", "--", program)
    assert ended.code == 0
    assert ended.out.count("export ") >= 1
    assert words in ended.err
    assert len(ended.err.splitlines()) == 1


# Before anything is started


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["--", "no-such-program"], 127, "ccproxy: no-such-program: command not found"),
        (["--", "/etc/passwd"], 126, "ccproxy: /etc/passwd: permission denied"),
        ([], 2, "error: no program is named. Write: ccproxy wrap -- PROGRAM"),
        (["--backend", "nobody", "--", "true"], 2, "error: there is no provider named nobody"),
        (["--model", "nobodys", "--", "true"], 1, "error: model: nobodys is not served here"),
        (["--print-env", "csh"], 2, "error: csh is no shell known here"),
    ],
)
async def test_what_cannot_work_is_one_line(machine: Machine, arguments: list[str], code: int, line: str) -> None:
    ended = await machine.run(*WRAP, *arguments)
    assert (ended.code, ended.out) == (code, "")
    assert len(ended.err.splitlines()) == 1
    assert ended.err.startswith(line)


@pytest.mark.parametrize("shell", list(Shell))
async def test_print_env_is_for_the_server_that_serve_runs(machine: Machine, shell: Shell) -> None:
    ended = await machine.run(*WRAP, "--print-env", shell, environment={"PORT": "4321", "CCPROXY_TOKEN": "a-token-of-my-own-4711"})
    assert ended.code == 0
    assert "http://127.0.0.1:4321/v1" in ended.out
    assert "a-token-of-my-own-4711" in ended.out
    assert not ended.err


async def test_print_env_knows_programs_and_models(machine: Machine) -> None:
    ended = await machine.run(*WRAP, "--model", "up/gpt-4o", "--print-env", "json", "--", "claude")
    made = json.loads(ended.out)
    assert made["ANTHROPIC_MODEL"] == "up/gpt-4o"
    assert made["ANTHROPIC_API_KEY"] is None


# How it ends


@pytest.mark.parametrize("code", [0, 1, 130, 143, 255])
async def test_the_exit_code_is_the_programs(machine: Machine, code: int) -> None:
    assert (await machine.run(*WRAP, "--", "sh", "-c", f"exit {code}")).code == code


async def test_a_killed_program_is_seen_as_killed(machine: Machine) -> None:
    ended = await machine.run(*WRAP, "--", "sh", "-c", "kill -KILL $$")
    assert ended.code == -signal.SIGKILL
    assert ended.err == "ccproxy: the program made no requests\n"


async def test_stdin_arrives_unchanged(machine: Machine) -> None:
    data = os.urandom(10 * 1024 * 1024)
    digest = "import sys, hashlib; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())"
    ended = await machine.run(*WRAP, "--", *python(digest), stdin=data)
    assert ended.out.strip() == hashlib.sha256(data).hexdigest()


async def test_readers_that_leave_early_are_no_trouble(machine: Machine) -> None:
    line = " ".join([*WRAP, "--", "yes"])
    ended = await machine.run("bash", "-c", f"{line} 2>&1 | head -1")
    assert ended == Ended(0, "y\n", "")


@contextlib.contextmanager
def session(machine: Machine, *command: str) -> Iterator[tuple["subprocess.Popen[bytes]", int, int, str]]:
    """A running wrapper: the process, the program's pid, the port and the key."""
    announce = "import os; print(os.getpid(), os.environ['OPENAI_BASE_URL'], os.environ['OPENAI_API_KEY'], flush=True)\n"
    process = subprocess.Popen(
        [*WRAP, "--model", "echo", "--", *python(announce + (command[0] if command else "import time; time.sleep(60)"))],
        env=machine.environment, cwd=machine.work, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    assert process.stderr
    try:
        pid, url, key = process.stdout.readline().decode().split()
        yield process, int(pid), int(url.rpartition(":")[2].removesuffix("/v1")), key
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def listens(port: int) -> bool:
    with socket.socket() as knocking:
        return knocking.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, -15), (signal.SIGHUP, -1), (signal.SIGKILL, -9)])
def test_nothing_stays_when_the_wrapper_is_ended(machine: Machine, number: signal.Signals, code: int) -> None:
    with session(machine) as (process, child, port, _):
        assert listens(port)
        process.send_signal(number)
        assert process.wait(timeout=20) == code
        wait_until(lambda: state_of(child) in {"gone", "zombie"})
        assert not listens(port)


def test_no_key_is_in_any_argument_list(machine: Machine) -> None:
    with session(machine) as (process, child, _, key):
        assert psutil.Process(child).environ()["OPENAI_API_KEY"] == key
        assert key not in psutil.Process(process.pid).environ().values()
        everybody = [part for other in psutil.process_iter(["cmdline"]) for part in other.info["cmdline"] or ()]
        assert everybody
        assert not any(key in part for part in everybody)


async def test_no_file_is_written(machine: Machine) -> None:
    before = machine.files()
    await machine.run(*WRAP, "--model", "echo", "--", *python(ASK, "m"))
    assert machine.files() == before


FAILING = """
import sys, time
from ccproxy_cli.launch import serve

async def fail(self, counter):
    if counter > 5:
        raise RuntimeError("made to fail")
    return False

serve.Server.on_tick = fail
from ccproxy_cli.__main__ import main
sys.argv = ["ccproxy", *sys.argv[1:]]
main()
"""


async def test_a_server_that_fails_leaves_the_program_alone(machine: Machine) -> None:
    slow = "import sys, time; time.sleep(3); print('still here'); sys.exit(7)"
    ended = await machine.run(sys.executable, "-c", FAILING, "wrap", "--", *python(slow))
    assert (ended.code, ended.out) == (7, "still here\n")
    assert ended.err.splitlines()[0] == "ccproxy: the server has failed, and the program is on its own now"
    assert "Traceback" not in ended.err


# On a terminal


@pytest.fixture
def on_terminal(machine: Machine) -> Iterator[Callable[..., "pexpect.spawn[str]"]]:
    started: list[pexpect.spawn[str]] = []

    def start(*command: str) -> "pexpect.spawn[str]":
        process = pexpect.spawn(
            command[0], list(command[1:]), env=machine.environment, cwd=str(machine.work), encoding="utf-8", timeout=30, dimensions=(24, 80)
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.close(force=True)


def test_ctrl_c_reaches_the_program_once_and_the_server_waits_for_it(on_terminal: Callable[..., "pexpect.spawn[str]"]) -> None:
    code = (
        "import signal, sys, time\nseen = []\nsignal.signal(signal.SIGINT, lambda *_: seen.append(1))\nprint('ready', flush=True)\n"
        "while not seen: time.sleep(0.02)\ntime.sleep(0.5)\nexec(sys.argv.pop(1))\nprint('seen', len(seen))\nsys.exit(9)"
    )
    terminal = on_terminal(*WRAP, "--model", "echo", "--", *python(code, ASK, "m"))
    terminal.expect_exact("ready")
    terminal.sendintr()
    terminal.expect_exact("hello")
    terminal.expect_exact("seen 1")
    terminal.expect_exact("ccproxy: 1 request,")
    terminal.expect(pexpect.EOF)
    assert terminal.wait() == 9


def test_ctrl_c_before_the_program_starts_ends_it_all(machine: Machine, on_terminal: Callable[..., "pexpect.spawn[str]"]) -> None:
    # A configuration that is a pipe keeps the command waiting for as long as the test holds the other end.
    pipe = machine.work / "pipe.toml"
    os.mkfifo(pipe)
    terminal = on_terminal("bash", "-c", f"{' '.join(WRAP)} --config {pipe} -- true; echo code=$?")
    held = [-1]

    def being_read() -> bool:
        with contextlib.suppress(OSError):
            held[0] = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        return held[0] >= 0

    wait_until(being_read)
    terminal.sendintr()
    terminal.expect_exact("code=130")
    os.close(held[0])


def test_the_whole_job_stops_and_resumes(on_terminal: Callable[..., "pexpect.spawn[str]"], tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"import sys\nsys.argv = ['', 'm']\nprint('rea' + 'dy', flush=True)\ninput()\n{ASK}")
    terminal = on_terminal("bash", "--norc", "--noprofile", "-i")
    terminal.sendline("PS1='[pro''mpt]'")
    terminal.expect_exact("[prompt]")
    terminal.sendline(" ".join([*WRAP, "--model", "echo", "--", sys.executable, str(script)]))
    terminal.expect_exact("ready")
    terminal.send("\x1a")
    terminal.expect_exact("Stopped")
    terminal.expect_exact("[prompt]")
    terminal.sendline("fg")
    terminal.sendline("")
    terminal.expect_exact("hello")
    terminal.expect_exact("ccproxy: 1 request,")
    terminal.expect_exact("[prompt]")


def test_help_shows_how(machine: Machine) -> None:
    done = subprocess.run([*CCPROXY, "wrap", "--help"], env=machine.environment, capture_output=True, check=True, text=True)
    assert "ccproxy wrap -- claude" in done.stdout
