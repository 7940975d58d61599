"""The programs: where they are, and how each is asked for a task without a user in front of it."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from attrs import Factory, frozen

from ccproxy_cli.backends.claude_code.cli import find_cli
from tests.e2e.conftest import Machine

FOLDER = Path(os.environ.get("CCPROXY_CLIENTS") or Path(__file__).parents[3] / ".clients").absolute()
"""Where `.ci/clients` puts what is not a dependency of the tests."""
PROMPT = "{prompt}"
"""Stands for the task among a program's arguments."""
_PLACES = (FOLDER / "npm" / "node_modules" / ".bin", FOLDER / "aider" / "bin", Path(sys.executable).parent)


def installed(name: str) -> str:
    """The program's path. Nothing is skipped when it is missing: who asks for these tests wants to know."""
    cli = find_cli() if name == "claude" else None
    found = cli.path if cli is not None else shutil.which(name, path=os.pathsep.join(map(str, _PLACES)))
    assert found, f"{name} is not in {FOLDER}: run .ci/clients"
    return found


@frozen
class Program:
    """One real program."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = Factory(dict)
    """Switches off what it would do beside the task."""
    loses_last_newline: bool = False
    """Its editor does."""

    def command(self, name: str, prompt: str) -> tuple[str, ...]:
        return (installed(name), *(prompt if argument == PROMPT else argument for argument in self.arguments))


TOOLS = """
def write_file(path: str, content: str) -> str:
    "Write a file."
    open(path, "w", encoding="utf-8").write(content)
    return "wrote " + path
"""

PROGRAMS: Mapping[str, Program] = {
    "aider": Program(
        (
            "--edit-format", "whole", "--message", PROMPT, "--yes-always", "--no-git", "--no-check-update", "--analytics-disable",
            "--no-show-release-notes", "--no-show-model-warnings", "--no-pretty",
        ),
        {"LITELLM_LOCAL_MODEL_COST_MAP": "True"},
    ),
    "claude": Program(("-p", PROMPT, "--permission-mode", "acceptEdits")),
    "cline": Program(("--json", PROMPT)),
    "cn": Program(("-p", PROMPT, "--auto"), {"CONTINUE_TELEMETRY_ENABLED": "0"}),
    "codex": Program(("exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", PROMPT)),
    "gemini": Program(("-p", PROMPT, "--yolo"), {"GEMINI_CLI_TRUST_WORKSPACE": "true"}),
    "llm": Program(("-m", "gpt-4.1", "--functions", TOOLS, "--no-log", PROMPT)),
    "opencode": Program(("run", PROMPT), {"OPENCODE_DISABLE_MODELS_FETCH": "1", "OPENCODE_DISABLE_AUTOUPDATE": "1"}),
    "pi": Program(("-p", "--offline", PROMPT)),
    "qwen": Program((PROMPT, "--yolo")),
}  # fmt: skip


def of_the_user(machine: Machine) -> dict[str, str]:
    """What a user may have set that must not lead a program elsewhere, and the Node that came with the programs, if one did."""
    path = os.pathsep.join((str(FOLDER / "node" / "bin"), machine.environment["PATH"]))
    return {"OPENAI_API_KEY": "the-users-own", "UP_KEY": "the-upstream-key", "TMPDIR": str(machine.home), "PATH": path}
