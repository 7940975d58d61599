"""The law: a program run as our child cannot be told from the program run directly, by its exit, its signals or its descriptors."""

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pexpect
import psutil
import pytest

from ccproxy_cli.launch.child import CannotStart, find_program
from tests.launch.conftest import DRIVER, state_of, wait_until

Terminal = Callable[..., "pexpect.spawn[str]"]


def run(*command: str, **options: object) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run([*DRIVER, *command], capture_output=True, timeout=60, check=False, **options)  # type: ignore[call-overload,no-any-return]


def python(code: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", code, *arguments]


# How it ends


@pytest.mark.parametrize("code", [0, 1, 2, 77, 126, 127, 130, 143, 255])
def test_exit_code_is_the_childs(code: int) -> None:
    assert run("sh", "-c", f"exit {code}").returncode == code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGSEGV, signal.SIGPIPE, signal.SIGHUP])
def test_death_by_a_signal_is_death_by_that_signal(number: signal.Signals) -> None:
    assert run("sh", "-c", f"kill -{number.value} $$").returncode == -number


def test_shell_sees_128_plus_the_signal() -> None:
    line = " ".join([*DRIVER, "sh", "-c", "'kill -TERM $$'"])
    assert subprocess.run(["sh", "-c", f"{line}; echo $?"], capture_output=True, check=True).stdout == b"143\n"


def test_missing_program_is_127_in_one_line() -> None:
    done = run("no-such-program-anywhere")
    assert (done.returncode, done.stdout) == (127, b"")
    assert done.stderr.splitlines() == [b"no-such-program-anywhere: command not found"]


def test_file_without_execute_permission_is_126_in_one_line(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text("#!/bin/sh\n")
    done = run(str(script))
    assert done.returncode == 126
    assert done.stderr.splitlines() == [f"{script}: permission denied".encode()]


def test_folder_is_126(tmp_path: Path) -> None:
    assert run(str(tmp_path)).returncode == 126


def test_broken_binary_is_126(tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(b"\x7fELF\x00\x00not a program")
    broken.chmod(0o755)
    done = run(str(broken))
    assert done.returncode == 126
    assert done.stderr.splitlines() == [f"{broken}: exec format error".encode()]


def test_script_without_an_interpreter_line_is_given_to_the_shell(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text('printf "%s|" "$@"; exit 9\n')
    script.chmod(0o755)
    done = run(str(script), "a b", "--", "-x")
    assert (done.returncode, done.stdout) == (9, b"a b|--|-x|")


def test_search_passes_over_what_cannot_be_executed(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, mode in ((first, 0o644), (second, 0o755)):
        folder.mkdir()
        (folder / "tool").write_text("#!/bin/sh\n")
        (folder / "tool").chmod(mode)
    assert find_program("tool", f"{first}:{second}") == str(second / "tool")
    with pytest.raises(CannotStart) as refused:
        find_program("tool", str(first))
    assert refused.value.code == 126
    with pytest.raises(CannotStart) as missing:
        find_program("", str(first))
    assert missing.value.code == 127


# Arguments and descriptors


def test_arguments_arrive_verbatim() -> None:
    arguments = ["--port", "1", "--", "-x", "", "a b", "$(id)", "*", "é\n"]
    done = run(*python("import sys; sys.stdout.write(repr(sys.argv[1:]))", *arguments))
    assert done.stdout.decode() == repr(arguments)


def test_ten_mebibytes_of_stdin_arrive_unchanged() -> None:
    data = os.urandom(10 * 1024 * 1024)
    digest = "import sys, hashlib; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())"
    assert run(*python(digest), input=data).stdout.decode().strip() == hashlib.sha256(data).hexdigest()


def test_reader_that_leaves_early_is_no_trouble() -> None:
    line = " ".join([*DRIVER, "sh", "-c", "'while echo y; do :; done'"])
    done = subprocess.run(["bash", "-c", f"{line} | head -1; echo ${{PIPESTATUS[0]}}"], capture_output=True, check=True, timeout=60)
    assert done.stdout in {b"y\n141\n", b"y\n1\n"}, "by SIGPIPE, or by the shell's own echo that failed"
    assert b"Traceback" not in done.stderr


def test_child_holds_no_descriptor_of_ours() -> None:
    done = run("sh", "-c", "ls /proc/self/fd | sort -n | tr '\\n' ' '")
    assert done.stdout.split()[:4] == [b"0", b"1", b"2", b"3"], "3 is the folder that ls reads"
    assert len(done.stdout.split()) == 4


def test_signals_are_as_they_would_be_without_us() -> None:
    show = "import signal; print([int(s) for s in (2, 3, 13, 15, 1) if signal.getsignal(s) == signal.SIG_IGN])"
    direct = subprocess.run(python(show), capture_output=True, check=True).stdout
    assert run(*python(show)).stdout == direct


def test_ignored_signal_stays_ignored() -> None:
    line = " ".join([*DRIVER, "sh", "-c", "'kill -HUP $PPID; kill -HUP $$; echo alive'"])
    done = subprocess.run(["sh", "-c", f"trap '' HUP; {line}"], capture_output=True, check=True, timeout=60)
    assert done.stdout == b"alive\n"


# On a terminal


def test_child_is_on_the_terminal(on_terminal: Terminal) -> None:
    terminal = on_terminal(*DRIVER, *python("import os; print([os.isatty(n) for n in (0, 1, 2)], os.getpgrp() == os.tcgetpgrp(0))"))
    terminal.expect_exact("[True, True, True] True")


def test_size_changes_arrive(on_terminal: Terminal) -> None:
    code = (
        "import os, signal\n"
        "signal.signal(signal.SIGWINCH, lambda *_: print('now', *os.get_terminal_size(), flush=True))\n"
        "print('ready', flush=True)\nwhile True: signal.pause()"
    )
    terminal = on_terminal(*DRIVER, *python(code))
    terminal.expect_exact("ready")
    terminal.setwinsize(40, 132)
    terminal.expect_exact("now 132 40")


COUNTING = """
import signal, sys, time
seen = []
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda number, frame: seen.append(signal.Signals(number).name))
print('ready', flush=True)
while not seen: time.sleep(0.02)
time.sleep(0.5)
print('seen', *seen, flush=True)
sys.exit(7)
"""


@pytest.mark.parametrize(("key", "name"), [("\x03", "SIGINT"), ("\x1c", "SIGQUIT")])
def test_a_key_interrupts_the_child_exactly_once_and_we_wait(on_terminal: Terminal, key: str, name: str) -> None:
    terminal = on_terminal(*DRIVER, *python(COUNTING))
    terminal.expect_exact("ready")
    terminal.send(key)
    terminal.expect_exact(f"seen {name}\r\n")
    terminal.expect(pexpect.EOF)
    assert terminal.wait() == 7


def test_a_child_that_dies_of_ctrl_c_takes_us_along(on_terminal: Terminal) -> None:
    terminal = on_terminal(*DRIVER, "sleep", "60")
    wait_until(lambda: bool(psutil.Process(terminal.pid).children()))
    wait_until(lambda: psutil.Process(terminal.pid).children()[0].name() == "sleep")
    terminal.send("\x03")
    terminal.expect(pexpect.EOF)
    terminal.wait()
    assert terminal.signalstatus == signal.SIGINT


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_ending_signals_are_passed_on_once(number: signal.Signals) -> None:
    process = subprocess.Popen([*DRIVER, *python(COUNTING)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    process.send_signal(number)
    assert process.stdout.readline() == f"seen {number.name}\n".encode()
    assert process.wait(timeout=20) == 7
    process.stdout.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_child_that_will_not_end_is_ended(number: signal.Signals) -> None:
    code = "import signal, time\nfor n in (1, 15): signal.signal(n, signal.SIG_IGN)\nprint('ready', flush=True)\ntime.sleep(60)"
    process = subprocess.Popen([*DRIVER, *python(code)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(number)
    assert process.wait(timeout=20) == -number
    process.stdout.close()


def test_nothing_outlives_a_wrapper_that_is_killed() -> None:
    process = subprocess.Popen([*DRIVER, "sh", "-c", "echo $$; exec sleep 60"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.kill()
    process.wait()
    wait_until(lambda: state_of(child) in {"gone", "zombie"})
    process.stdout.close()


# Job control, under a shell that has it


@pytest.fixture
def shell(on_terminal: Terminal) -> "pexpect.spawn[str]":
    terminal = on_terminal("bash", "--norc", "--noprofile", "-i")
    terminal.setecho(False)
    terminal.sendline("PS1='[pro''mpt]'; bind 'set enable-bracketed-paste off' 2>/dev/null")
    terminal.expect_exact("[prompt]")
    return terminal


TICKING = "import os, time\nprint('pid', os.getpid(), flush=True)\nwhile True: time.sleep(0.05)"


def child_pid(shell: "pexpect.spawn[str]") -> int:
    shell.expect(r"pid (\d+)")
    assert shell.match
    return int(shell.match[1])


def test_ctrl_z_stops_the_whole_job_and_fg_resumes_it(shell: "pexpect.spawn[str]", tmp_path: Path) -> None:
    script = tmp_path / "ticking.py"
    script.write_text(TICKING)
    shell.sendline(" ".join([*DRIVER, sys.executable, str(script)]))
    child = child_pid(shell)
    wrapper = psutil.Process(child).ppid()
    for _ in range(3):
        shell.send("\x1a")
        shell.expect_exact("[prompt]")
        wait_until(lambda: state_of(child) == state_of(wrapper) == "stopped")
        shell.sendline("fg")
        wait_until(lambda: "stopped" not in {state_of(child), state_of(wrapper)})
    shell.send("\x03")
    shell.expect_exact("[prompt]")
    wait_until(lambda: state_of(child) == "gone")


def test_a_child_that_stops_itself_stops_the_job(shell: "pexpect.spawn[str]", tmp_path: Path) -> None:
    script = tmp_path / "stopping.py"
    script.write_text(
        "import os, signal\nprint('pid', os.getpid(), flush=True)\nos.kill(os.getpid(), signal.SIGSTOP)\nprint('on', 'again')"
    )
    shell.sendline(" ".join([*DRIVER, sys.executable, str(script)]))
    child = child_pid(shell)
    shell.expect_exact("[prompt]")
    assert state_of(child) == "stopped"
    shell.sendline("fg")
    shell.expect_exact("on again")
    shell.expect_exact("[prompt]")


def test_a_shell_as_the_child_has_job_control_of_its_own(shell: "pexpect.spawn[str]") -> None:
    shell.sendline(" ".join([*DRIVER, "bash", "--norc", "--noprofile", "-i"]))
    shell.sendline("PS1='[in''ner]'")
    shell.expect_exact("[inner]")
    shell.sendline("cat")
    shell.sendline("hello")
    shell.expect_exact("hello")
    shell.send("\x1a")
    shell.expect_exact("[inner]")
    shell.sendline("kill %1; suspend -f")
    shell.expect_exact("[prompt]")
    shell.sendline("fg")
    shell.sendline("echo back ag''ain")
    shell.expect_exact("back again")
    shell.sendline("exit 5")
    shell.expect_exact("[prompt]")
    shell.sendline("echo code=$?")
    shell.expect_exact("code=5")


def test_terminal_modes_come_back_after_a_crash(shell: "pexpect.spawn[str]", tmp_path: Path) -> None:
    # A second command in the same line, since an interactive shell repairs the terminal itself once the line is done.
    script = tmp_path / "raw.py"
    script.write_text("import os, signal, tty\ntty.setraw(0)\nos.kill(os.getpid(), signal.SIGKILL)")
    modes = tmp_path / "modes"
    shell.sendline(f"stty -a > {modes}.before; {' '.join([*DRIVER, sys.executable, str(script)])}; stty -a > {modes}.after; echo do''ne")
    shell.expect_exact("done")
    assert Path(f"{modes}.after").read_text() == Path(f"{modes}.before").read_text()


def test_terminal_modes_a_program_set_on_purpose_stay(shell: "pexpect.spawn[str]", tmp_path: Path) -> None:
    modes = tmp_path / "modes"
    shell.sendline(f"{' '.join(DRIVER)} stty -ixon; stty -a > {modes}; echo do''ne")
    shell.expect_exact("done")
    assert "-ixon" in modes.read_text()
