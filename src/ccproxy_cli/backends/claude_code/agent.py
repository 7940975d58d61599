"""How the CLI is started where the user wants an agent: with tools of its own, in one directory, under one permission mode.

All of it comes from the configuration. A request chooses no more than the model and what is said. What guards a login that behaves like
an API guards this one too (`command`), but for reading: the CLI itself keeps its tools to the directory (2.1.329 against a fake API, with
absolute paths, `..`, links and shell commands; writes to `.git`, `.claude` and shell profiles are refused even inside of it).
"""

import os
from collections.abc import Mapping

from ccproxy_cli.backends.claude_code.command import COMMON_ARGUMENTS, check_model
from ccproxy_cli.config.agent import TOOLS
from ccproxy_cli.config.settings import AgentSettings
from ccproxy_cli.core.jsontext import dumps_str

_ENVIRONMENT = {
    # nothing that would go on after the answer
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
}


def agent_arguments(program: str, model: str, agent: AgentSettings) -> list[str]:
    """The whole command line. Without `--bare`, which takes away most of the tools."""
    settings = dumps_str({"permissions": {"allow": list(agent.allowed_tools)}, "disableAllHooks": True})
    given = ("--tools", ",".join(TOOLS), "--settings", settings, "--permission-mode", agent.permission_mode)
    return [program, *COMMON_ARGUMENTS, *given, "--model", check_model(model)]


def agent_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The child's whole environment, from what any child gets. Whatever its tools run inherits it."""
    return {**environment, **_ENVIRONMENT}


def agent_directory(agent: AgentSettings) -> str:
    """Where it works."""
    return os.path.expanduser(agent.directory)
