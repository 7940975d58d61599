"""The watchdog knows which groups are left, and kills them when its pipe ends."""

import subprocess
import sys
from pathlib import Path

import psutil
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.backends.claude_code.leash import Leash
from ccproxy_cli.backends.claude_code.leash_watch import watch


@given(st.lists(st.tuples(st.sampled_from("+-"), st.integers(2, 6))))
def test_the_groups_that_are_left(orders: list[tuple[str, int]]) -> None:
    left: set[int] = set()
    for sign, group in orders:
        left = left | {group} if sign == "+" else left - {group}
    assert watch(f"{sign}{group}\n" for sign, group in orders) == left


@given(st.lists(st.text(max_size=6)))
def test_no_order_ever_means_everything(orders: list[str]) -> None:
    assert not watch(orders) & {0, 1, -1}


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
