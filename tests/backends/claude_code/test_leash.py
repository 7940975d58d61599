"""The watchdog knows which groups are left, and kills them when its pipe ends."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.backends.claude_code.leash import Leash
from ccproxy_cli.backends.claude_code.leash_watch import MARK, watch


@given(st.lists(st.tuples(st.sampled_from("+-"), st.integers(2, 6), st.sampled_from(["", "a", "b"]))))
def test_the_groups_that_are_left(orders: list[tuple[str, int, str]]) -> None:
    left: dict[int, str] = {}
    for sign, group, mark in orders:
        left.pop(group, None)
        if sign == "+":
            left[group] = mark
    assert watch(f"{sign}{group} {mark if sign == '+' else ''}".strip() + "\n" for sign, group, mark in orders) == left


@given(st.lists(st.text(max_size=6)))
def test_no_order_ever_means_everything(orders: list[str]) -> None:
    assert not watch(orders).keys() & {0, 1, -1}


def sleeper() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sleep", "600"], start_new_session=True)


def test_what_is_held_dies_with_the_leash_and_what_is_released_lives() -> None:
    held, released = sleeper(), sleeper()
    leash = Leash()
    leash.hold(held.pid)
    leash.hold(released.pid)
    leash.release(released.pid)
    leash.close()
    assert held.wait(5) == -9
    assert released.poll() is None
    released.kill()
    released.wait()


STRAYS = """
import os, subprocess, sys, time
stray = subprocess.Popen(["sleep", "600"], start_new_session=True)
print(stray.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="this kernel does not show environments")
def test_what_has_the_mark_dies_too_wherever_it_went() -> None:
    variables = {**os.environ, MARK: "mine"}
    parent = subprocess.Popen([sys.executable, "-c", STRAYS], start_new_session=True, env=variables, stdout=subprocess.PIPE)
    other = subprocess.Popen(["sleep", "600"], start_new_session=True, env={**os.environ, MARK: "mine-not"})
    assert parent.stdout is not None
    stray = psutil.Process(int(parent.stdout.readline()))
    leash = Leash()
    leash.hold(parent.pid, "mine")
    leash.close()
    assert parent.wait(5) == -15
    parent.stdout.close()
    _, alive = psutil.wait_procs([stray], timeout=5)
    assert not alive
    assert other.poll() is None
    other.kill()
    other.wait()


def test_a_killed_watchdog_is_replaced_and_told_everything() -> None:
    first, second = sleeper(), sleeper()
    leash = Leash()
    leash.hold(first.pid)
    assert leash.watchdog_id is not None
    watchdog = psutil.Process(leash.watchdog_id)
    watchdog.kill()
    watchdog.wait(5)
    leash.hold(second.pid)
    assert leash.watchdog_id != watchdog.pid
    leash.close()
    assert (first.wait(5), second.wait(5)) == (-9, -9)


def test_the_watchdog_needs_no_package() -> None:
    script = Path(sys.modules[watch.__module__].__file__ or "")
    done = subprocess.run([sys.executable, "-I", "-S", str(script)], input=b"+x\n-7\n\n", capture_output=True, timeout=20, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_closing_an_unused_leash_is_nothing() -> None:
    leash = Leash()
    leash.release(12345)
    leash.close()
    assert leash.watchdog_id is None
