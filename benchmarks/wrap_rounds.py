"""What is left of `wrap` when it is started and ended many times, two at once: processes, listeners and files, of which there must be none.

    python benchmarks/wrap_rounds.py [ROUNDS]

Each round starts two sessions. In each a program that has to be told in a file (it passes for Gemini CLI) asks the server and shows what it
was given. One round in three ends by itself, one by SIGTERM to the wrapper, one by SIGKILL, after which the next session may tidy up.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

ROUNDS = 50
PROGRAM = f"""#!{sys.executable}
import json, os, sys, time, urllib.request
root, key = os.environ["GOOGLE_GEMINI_BASE_URL"], os.environ["GEMINI_API_KEY"]
body = json.dumps({{"contents": [{{"role": "user", "parts": [{{"text": sys.argv[1]}}]}}]}}).encode()
headers = {{"x-goog-api-key": key, "content-type": "application/json"}}
asked = urllib.request.Request(root + "/v1beta/models/any:generateContent", body, headers)
said = json.load(urllib.request.urlopen(asked))["candidates"][0]["content"]["parts"][0]["text"]
print(json.dumps([said, root, key, os.environ["GEMINI_CLI_HOME"], os.getpid()]), flush=True)
time.sleep(float(sys.argv[2]))
"""


def start(home: Path, words: str, stays: float) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "ccproxy_cli", "wrap", "--model", "echo", "--", str(home / "gemini"), words, str(stays)]
    environment = {"PATH": os.environ["PATH"], "HOME": str(home)}
    return subprocess.Popen(command, env=environment, cwd=home, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def listens(root: str) -> bool:
    with socket.socket() as knocking:
        return knocking.connect_ex(("127.0.0.1", int(root.rpartition(":")[2]))) == 0


def round_of(home: Path, number: int, seen: set[str]) -> list[str]:
    """What is wrong after two sessions side by side."""
    end = (None, signal.SIGTERM, signal.SIGKILL)[number % 3]
    words = [f"{side} {number}" for side in ("left", "right")]
    sessions = [start(home, said, 0 if end is None else 60) for said in words]
    wrong: list[str] = []
    told = []
    for said, session in zip(words, sessions, strict=True):
        assert session.stdout is not None
        told.append(json.loads(session.stdout.readline()))
        if told[-1][0] != said:
            wrong.append(f"asked {said!r}, heard {told[-1][0]!r}")
    for session in sessions:
        if end is not None:
            session.send_signal(end)
        session.wait(20)
        assert session.stdout is not None
        session.stdout.close()
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and any(lives(one[4]) or listens(one[1]) for one in told):
        time.sleep(0.05)
    wrong += [f"process {one[4]} is still there" for one in told if lives(one[4])]
    wrong += [f"somebody listens at {one[1]}" for one in told if listens(one[1])]
    for value in (value for one in told for value in (one[2], one[3])):
        if value in seen:
            wrong.append(f"{value} was given out twice")
        seen.add(value)
    return wrong


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "gemini").write_text(PROGRAM)
        (home / "gemini").chmod(0o700)
        seen: set[str] = set()
        wrong = [problem for number in range(rounds) for problem in round_of(home, number, seen)]
        start(home, "tidy", 0).communicate(timeout=30)  # removes what those left who were killed
        left = [str(path.relative_to(home)) for path in home.rglob("*") if path.is_file() and path.name != "gemini"]
    wrong += [f"{path} was left" for path in left]
    print("\n".join(wrong) or f"{rounds} rounds of two sessions: nothing is left")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
