"""A machine of its own for real programs: an empty home, nothing of the user's environment, our command by its module."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
from attrs import field, frozen

CCPROXY = (sys.executable, "-m", "ccproxy_cli")
WRAP = (*CCPROXY, "wrap")


@frozen
class Ended:
    """How a program ended, and what it said."""

    code: int
    out: str
    err: str


@frozen
class Served:
    """`ccproxy serve`, running."""

    url: str
    process: "subprocess.Popen[bytes]" = field(repr=False)
    stderr: Path

    @property
    def log(self) -> list[dict[str, Any]]:
        """A line for every finished request, in the order of their ends."""
        lines = [line for line in self.stderr.read_text().splitlines() if line.startswith("{")]
        return [line for line in map(json.loads, lines) if line["event"] == "request"]

    @property
    def children(self) -> list[psutil.Process]:
        """Processes below the server that still run."""
        below = psutil.Process(self.process.pid).children(recursive=True)
        return [process for process in below if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


@frozen
class Machine:
    """Where programs run."""

    home: Path

    @property
    def work(self) -> Path:
        return self.home / "work"

    @property
    def environment(self) -> dict[str, str]:
        """Also switches off what programs would do beside their task: updates, telemetry, questions about the folder."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "TERM": "xterm",
            "LANG": "C.UTF-8",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_TELEMETRY": "1",
            "DISABLE_ERROR_REPORTING": "1",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "LLM_USER_PATH": str(self.home / "llm"),
        }

    def configure(self, provider: str, **members: Any) -> None:
        """Configure one provider."""
        folder = self.home / ".config" / "ccproxy"
        folder.mkdir(parents=True, mode=0o700)
        lines = [f"[providers.{provider}]", *(f"{name} = {_toml(value)}" for name, value in members.items())]
        file = folder / "config.toml"
        file.touch(mode=0o600)
        file.write_text("\n".join(lines) + "\n")

    @contextlib.contextmanager
    def serve(self, config: str, *options: str, **environment: str) -> Iterator[Served]:
        """Serve what `config` says on a free port."""
        file = self.home / "ccproxy.toml"
        file.touch(mode=0o600)
        file.write_text(config)
        stderr = self.home / "serve.log"
        with (
            stderr.open("wb") as log,
            subprocess.Popen(
                [*CCPROXY, "serve", "--json", "--port", "0", "--config", str(file), *options],
                env=self.environment | environment,
                cwd=self.work,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            ) as process,
        ):
            assert process.stdout is not None
            try:
                banner = process.stdout.readline()
                assert banner, stderr.read_text()
                yield Served(json.loads(banner)["data"]["url"], process, stderr)
            finally:
                process.terminate()
                process.wait(20)

    async def run(self, *command: str, environment: Mapping[str, str] | None = None, stdin: bytes = b"") -> Ended:
        """Run a command to its end."""
        process = await asyncio.create_subprocess_exec(
            *command,
            env=self.environment | dict(environment or {}),
            cwd=self.work,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(100):
                out, err = await process.communicate(stdin)
        except BaseException:
            process.kill()
            await process.wait()
            raise
        assert process.returncode is not None
        return Ended(process.returncode, out.decode("utf-8", "replace"), err.decode("utf-8", "replace"))

    def files(self) -> Sequence[str]:
        """Everything below the home folder."""
        return sorted(str(path.relative_to(self.home)) for path in self.home.rglob("*") if path.is_file())


def _toml(value: object) -> str:
    """Strings, numbers and lists are written as in JSON."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {_toml(member)}" for name, member in value.items()) + " }"
    return json.dumps(value)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.work.mkdir()
    return made
