"""`serve stop` and `serve status`."""

import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from ccproxy_cli.cli.result import Failure, Result, Table
from ccproxy_cli.launch import register
from ccproxy_cli.launch.register import Running

_STOP_SECONDS = 30.0
"""Longer than any sensible grace: streams that are open may end first."""


def _matching(port: int | None) -> Sequence[Running]:
    found = register.running(register.state_folder(os.environ))
    return [server for server in found if port is None or server.port == port]


def _none(command: str, port: int | None) -> Result:
    where = "" if port is None else f" on port {port}"
    return Result(command, errors=(Failure("not_running", f"no server is running{where}", "Start one with: ccproxy serve --detach"),))


def _data(server: Running) -> dict[str, Any]:
    return {
        "pid": server.pid,
        "url": server.url,
        "port": server.port,
        "started": datetime.fromtimestamp(server.started, UTC).isoformat(timespec="seconds"),
        "version": server.version,
        "log": server.log,
    }


def status(port: int | None) -> Result:
    """The running servers."""
    servers = _matching(port)
    if not servers:
        return _none("serve status", port)
    rows = tuple((server.url, str(server.pid), _age(time.time() - server.started), server.log or "") for server in servers)
    return Result("serve status", {"servers": [_data(server) for server in servers]}, (Table(("URL", "PID", "UP", "LOG"), rows),))


def stop(port: int | None) -> Result:
    """Stop the one running server, or the one on `port`."""
    servers = _matching(port)
    if not servers:
        return _none("serve stop", port)
    if len(servers) > 1:
        ports = ", ".join(str(server.port) for server in servers)
        return Result(
            "serve stop",
            {"servers": [_data(server) for server in servers]},
            errors=(Failure("several", f"several servers are running, on ports {ports}", "Say which: --port PORT"),),
        )
    (server,) = servers
    try:
        gone = register.stop(register.state_folder(os.environ), server, _STOP_SECONDS)
    except PermissionError:
        return Result("serve stop", errors=(Failure("not_yours", f"process {server.pid} belongs to another user"),))
    if not gone:
        fix = f"End it at once with: kill -9 {server.pid}"
        return Result("serve stop", errors=(Failure("still_running", f"{server.url} has not stopped in {_STOP_SECONDS:.0f} s", fix),))
    return Result("serve stop", {"servers": [_data(server)]}, (f"stopped {server.url}",))


def _age(seconds: float) -> str:
    minutes, seconds = divmod(int(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    words = [f"{days}d" if days else "", f"{hours}h" if hours else "", f"{minutes}m" if minutes else "", f"{seconds}s"]
    return " ".join([word for word in words if word][:2])
