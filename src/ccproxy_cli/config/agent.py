"""When a Claude Code login may act as an agent on this machine, and what it may be allowed to do."""

import os
import re
from collections.abc import Iterator

from ccproxy_cli.config.origin import Path
from ccproxy_cli.config.secrets import is_literal, is_loopback, is_weak
from ccproxy_cli.config.settings import AgentSettings, ServerSettings, Settings
from ccproxy_cli.config.structure import Fault, did_you_mean

TOOLS = ("Bash", "Edit", "Glob", "Grep", "NotebookEdit", "Read", "WebFetch", "WebSearch", "Write")
"""The CLI's tools that do their work while they are waited for. Its others start agents, timers and sessions that go on without us."""

MODES = ("dontAsk", "acceptEdits")
"""The CLI's permission modes that keep to the directory. In its plan mode it read files outside of it (2.1.329)."""

_RULE = re.compile(rf"(?:{'|'.join(TOOLS)})(?:\(.+\))?")


def check_agents(settings: Settings) -> Iterator[Fault]:
    """What is wrong with the agents there are, or with having them."""
    for name, provider in settings.providers.items():
        if provider.agent is None:
            continue
        here = ("providers", name, "agent")
        if provider.preset != "claude-code":
            yield Fault(here, f'agent means nothing to the preset {provider.preset!r}; there is one in "claude-code" alone')
        yield from _check_reach(here, settings.server)
        yield from _check_scope(here, provider.agent)


def _check_reach(here: Path, server: ServerSettings) -> Iterator[Fault]:
    """Others than the user of this machine could make the agent act on it."""
    beyond = [host for host in (server.host, *server.allowed_hosts) if not is_loopback(host)]
    if beyond:
        why = f"an agent acts on this machine, which others may reach as {beyond[0]}"
        yield Fault(here, f'{why}; set server.host = "127.0.0.1" without further allowed_hosts, or take the agent out')
    if server.token is None:
        yield Fault(here, 'an agent acts on this machine for whoever can reach the port; set server.token, such as "env:CCPROXY_TOKEN"')
    elif is_literal(server.token) and is_weak(server.token):
        yield Fault(here, "an agent acts on this machine, and server.token is easily guessed; take what `openssl rand -hex 24` makes")


def _check_scope(here: Path, agent: AgentSettings) -> Iterator[Fault]:
    folder, home = os.path.expanduser(agent.directory), os.path.expanduser("~")
    if not os.path.isabs(folder):
        yield Fault((*here, "directory"), f"directory must be an absolute path, got {agent.directory!r}")
    elif not os.path.isdir(folder):
        yield Fault((*here, "directory"), f"{folder} is no directory; make it, or name another")
    elif os.path.commonpath([real := os.path.realpath(folder), os.path.realpath(home)]) == real:
        yield Fault((*here, "directory"), f"{folder} holds all that is yours, keys included; name a directory of its own, below it")
    if agent.permission_mode == "bypassPermissions":
        yield Fault((*here, "permission_mode"), "bypassPermissions would leave the directory; name what may be done in allowed_tools")
    elif agent.permission_mode not in MODES:
        why = f"unknown permission mode {agent.permission_mode!r}{did_you_mean(agent.permission_mode, MODES)}"
        yield Fault((*here, "permission_mode"), why)
    for rule in agent.allowed_tools:
        if not _RULE.fullmatch(rule):
            why = f'{rule!r} is no rule such as "Bash(git diff *)"{did_you_mean(rule.partition("(")[0], TOOLS)}'
            yield Fault((*here, "allowed_tools"), why)
