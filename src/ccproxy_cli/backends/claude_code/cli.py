"""Where the official CLI is, which version it has, and whether it is logged in. It is always asked itself: its files are its own."""

import asyncio
import importlib.util
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from ccproxy_cli.core.errors import APIError, ErrorKind, UpstreamError
from ccproxy_cli.core.jsontext import JSON, JSONError, loads

INSTALL_HINT = "install it with `pip install 'ccproxy-cli[claude]'` or `npm install -g @anthropic-ai/claude-code`"
LOGIN_HINT = "run `claude auth login` on the machine that runs ccproxy"

_BUNDLE = "claude_agent_sdk"
"""The official package whose wheel holds the CLI."""
_ANSWER_WITHIN = 10.0
"""Seconds. `auth status` takes 0.3 s on a slow machine (2.1.329)."""


@frozen
class Cli:
    """A CLI that was found."""

    path: str
    origin: str
    """`configured`, `PATH` or `bundled`."""


@frozen
class Login:
    """What `claude auth status` says."""

    logged_in: bool
    method: str | None = None
    """`claude.ai`, `api_key`, `third_party`, ... in the CLI's words."""
    provider: str | None = None
    """`firstParty`, `bedrock`, `vertex`, ... in the CLI's words."""
    plan: str | None = None
    """The subscription, where there is one."""

    @property
    def summary(self) -> str:
        """One clause for people."""
        if not self.logged_in:
            return f"not logged in: {LOGIN_HINT}"
        return "logged in by " + ", ".join(filter(None, (self.method, self.plan, self.provider)))


def find_cli(configured: str | None = None) -> Cli | None:
    """The configured program (a path, or a name on PATH), else `claude` on PATH, else the one bundled with the official package.

    Something configured that is not there is not replaced by anything else.
    """
    if configured is not None:
        found = shutil.which(os.path.expanduser(configured))
        return Cli(os.path.abspath(found), "configured") if found else None
    if found := shutil.which("claude"):
        return Cli(os.path.abspath(found), "PATH")
    bundled = _bundled()
    return Cli(bundled, "bundled") if bundled else None


def require_cli(configured: str | None = None) -> Cli:
    """As `find_cli`.

    Raises:
        UpstreamError: there is none; tells how to get one.
    """
    if (cli := find_cli(configured)) is not None:
        return cli
    missing = f"the configured Claude Code program {configured!r} does not exist" if configured else "Claude Code is not installed"
    raise UpstreamError(APIError(ErrorKind.BAD_UPSTREAM, f"{missing}; {INSTALL_HINT}"))


def _bundled() -> str | None:
    # Looked for without importing: the package takes most of a second to load.
    spec = importlib.util.find_spec(_BUNDLE)
    for folder in () if spec is None else spec.submodule_search_locations or ():
        program = Path(folder) / "_bundled" / "claude"
        if program.is_file() and os.access(program, os.X_OK):
            return str(program)
    return None


async def ask_version(cli: Cli, environment: Mapping[str, str]) -> str | None:
    """Such as `2.1.329`; None if the program does not answer."""
    _, output = await _run(cli, environment, "--version")
    return output.split()[0] if output.strip() else None


async def ask_login(cli: Cli, environment: Mapping[str, str]) -> Login | None:
    """Whether the CLI has a login in `environment`; None if it cannot say."""
    _, output = await _run(cli, environment, "auth", "status")
    try:
        status = loads(output)
    except JSONError:
        return None
    if not isinstance(status, dict) or not isinstance(status.get("loggedIn"), bool):
        return None
    return Login(status["loggedIn"], _word(status, "authMethod"), _word(status, "apiProvider"), _word(status, "subscriptionType"))


def _word(status: Mapping[str, JSON], name: str) -> str | None:
    value = status.get(name)
    return value if isinstance(value, str) and value != "none" else None


async def _run(cli: Cli, environment: Mapping[str, str], *arguments: str) -> tuple[int | None, str]:
    try:
        process = await asyncio.create_subprocess_exec(
            cli.path,
            *arguments,
            env=dict(environment),
            cwd="/",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return None, ""
    try:
        output, _ = await asyncio.wait_for(process.communicate(), _ANSWER_WITHIN)
    except TimeoutError:
        return None, ""
    finally:
        if process.returncode is None:  # too slow, or nobody wants to know any more
            process.kill()
            await process.wait()
    return process.returncode, output.decode("utf-8", "replace")
