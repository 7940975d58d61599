"""The client's tools inside the CLI: offered to it as an MCP server of ours, called by the model, run by nobody here.

The CLI lists the tools once and then asks for each call to be run. Those requests are never answered: the model's turn already holds the
calls, it belongs to the client, and the process ends with it. The client's next request brings the results and the whole history.
"""

import re
from collections.abc import Mapping, Sequence

from ccproxy_cli.backends.claude_code.command import TOOL_SERVER
from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.ids import digest_id
from ccproxy_cli.core.jsontext import JSON

_PREFIX = f"mcp__{TOOL_SERVER}__"
_FITS = re.compile(rf"[A-Za-z0-9_-]{{1,{64 - len(_PREFIX)}}}")
"""The API's rule for names of tools, less the prefix that the CLI puts before them."""
_LONGEST_DESCRIPTION = 4000
"""The CLI cuts descriptions after 4,096 characters (2.1.329)."""
_SAID_BY_MCP = frozenset({"name", "description", "input_schema", "type", "cache_control"})
_HOSTED = re.compile(r"web_search_\d{8}")
"""Tools that run at the vendor and need no beta header, which the CLI would not send. It passes on what they say (2.1.329)."""
_PROTOCOL = "2025-06-18"
_METHOD_NOT_FOUND = -32601


def to_cli(name: str) -> str:
    """The client's name of a tool as the model will see it. Depends on the name alone, so replayed calls agree with offered tools."""
    return _PREFIX + _fitted(name)


def _fitted(name: str) -> str:
    if _FITS.fullmatch(name):
        return name
    readable = re.sub(r"[^A-Za-z0-9_-]", "_", name)
    return f"{readable[:24]}_{digest_id(name)}"


class ToolBridge:
    """One request's tools.

    Raises, when made:
        BadRequest: a tool that cannot be offered.
    """

    def __init__(self, tools: Sequence[Mapping[str, JSON]]) -> None:
        self._names: dict[str, str] = {}
        self._hosted: set[str] = set()
        self._offered: list[JSON] = []
        self._verbatim: list[JSON] = []
        self._short = True
        for index, tool in enumerate(tools):
            self._add(tool, f"tools[{index}]")

    def _add(self, tool: Mapping[str, JSON], path: str) -> None:
        if (kind := str(tool.get("type") or "custom")) != "custom":
            if not _HOSTED.fullmatch(kind):
                raise BadRequest(f"{path}: the tool {kind[:80]!r} runs at the vendor, which Claude Code does not offer", path)
            self._hosted.add(str(tool.get("name")))
            self._verbatim.append(_unmarked(tool))
            self._short = False
            return
        name, description = tool["name"], tool.get("description") or ""
        if to_cli(name) in self._names:
            raise BadRequest(f"{path}.name: two tools have the name {name[:80]!r}", f"{path}.name")
        self._names[to_cli(name)] = name
        schema = tool.get("input_schema") or {"type": "object"}
        self._offered.append({"name": _fitted(name), "description": description, "inputSchema": schema})
        self._verbatim.append({**_unmarked(tool), "name": to_cli(name)})
        self._short = self._short and len(description) <= _LONGEST_DESCRIPTION and _SAID_BY_MCP.issuperset(tool)

    @property
    def verbatim(self) -> list[JSON] | None:
        """The tools as the API should get them, where MCP cannot say all there is to say; else None."""
        return None if self._short else self._verbatim

    def to_cli(self, name: str) -> str:
        """What the model calls the client's tool, or the vendor's."""
        return name if name in self._hosted and to_cli(name) not in self._names else to_cli(name)

    def to_client(self, name: str) -> str:
        """The client's own name of what the model called."""
        return self._names.get(name, name.removeprefix(_PREFIX))

    def answer(self, message: Mapping[str, JSON]) -> JSON | None:
        """What to answer to an MCP message of the CLI; None for calls, which stay open."""
        match message.get("method"):
            case "tools/call":
                return None
            case "initialize":
                asked = message.get("params", {}).get("protocolVersion", _PROTOCOL)
                server = {"name": TOOL_SERVER, "version": "1"}
                return _result(message, {"protocolVersion": asked, "capabilities": {"tools": {}}, "serverInfo": server})
            case "tools/list":
                return _result(message, {"tools": self._offered})
            case "ping":
                return _result(message, {})
            case str() as method if method.startswith("notifications/"):
                return _result(message, {})
            case method:
                error = {"code": _METHOD_NOT_FOUND, "message": f"no method {method!r} here"}
                return {"jsonrpc": "2.0", "id": message.get("id"), "error": error}


def _unmarked(tool: Mapping[str, JSON]) -> dict[str, JSON]:
    return {name: value for name, value in tool.items() if name != "cache_control"}


def _result(message: Mapping[str, JSON], result: JSON) -> JSON:
    return {"jsonrpc": "2.0", "id": message.get("id", 0), "result": result}
