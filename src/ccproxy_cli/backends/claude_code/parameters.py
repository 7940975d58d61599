"""A request's parameters as control requests, which the CLI takes on a process that is already running.

The environment variable CLAUDE_CODE_EXTRA_BODY, set late through `apply_flag_settings`, is merged into the API request as it is
(2.1.197 and 2.1.329). Only the members named here ever go there: never messages, system or model.
"""

from collections.abc import Mapping

from ccproxy_cli.backends.claude_code.toolbridge import ToolBridge, to_cli
from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.jsontext import JSON, dumps_str

_VERBATIM = ("max_tokens", "temperature", "top_p", "top_k", "stop_sequences", "service_tier")
_ELSEWHERE = frozenset({"model", "messages", "system", "tools", "tool_choice", "stream", "thinking", "output_config", "output_format"})
_COVERED = frozenset({"cache_control"})
"""The CLI marks the system text and the last message for caching by itself."""
_REFUSED = {
    "mcp_servers": "the vendor's MCP connector is not available through Claude Code",
    "container": "containers are not available through Claude Code",
}
_EFFORTS = frozenset({"low", "medium", "high", "xhigh", "max"})
_DEFAULT_EFFORT = "high"
"""What leaving the effort out means to the API (vendor's effort page, 2026); the CLI's own default is lower for some models."""


def controls(body: Mapping[str, JSON], bridge: ToolBridge | None, losses: Losses, *, bare: bool) -> list[dict[str, JSON]]:
    """The control requests that bind the parameters of an Anthropic request body.

    Raises:
        BadRequest: a parameter that changes what the answer means and cannot be carried.
    """
    for name, why in _REFUSED.items():
        if body.get(name):
            raise BadRequest(f"{name}: {why}", name)
    extra = {name: body[name] for name in _VERBATIM if name in body}
    requests: list[dict[str, JSON]] = []
    if "thinking" in body:
        extra["thinking"] = body["thinking"]
    else:
        # An API request without thinking has none; the CLI's default is all it can. Models that always think ignore this.
        requests.append({"subtype": "set_max_thinking_tokens", "max_thinking_tokens": 0})
    if "tool_choice" in body:
        extra["tool_choice"] = _choice(body["tool_choice"], bridge)
    if bridge is not None and bridge.verbatim is not None:
        extra["tools"] = bridge.verbatim
    effort = _output(body, extra, losses)
    _metadata(body, extra, losses, bare=bare)
    if not _keeps_all(body.get("context_management")):
        losses.add("context_management", "Claude Code does not send the beta header it needs")
    for name in body.keys() - _ELSEWHERE - _COVERED - {*_VERBATIM, *_REFUSED, "metadata", "context_management"}:
        if body[name] is not None:
            losses.add(name, "Claude Code has no place for it")
    variables = {"CLAUDE_CODE_EXTRA_BODY": dumps_str(extra)}
    requests.append({"subtype": "apply_flag_settings", "settings": {"env": variables, "effortLevel": effort}})
    return requests


def _choice(choice: JSON, bridge: ToolBridge | None) -> JSON:
    if choice.get("type") != "tool":
        return choice
    return {**choice, "name": to_cli(choice["name"]) if bridge is None else bridge.to_cli(choice["name"])}


def _output(body: Mapping[str, JSON], extra: dict[str, JSON], losses: Losses) -> str:
    """Put the shape of the output into `extra`; returns the effort, for which the CLI has a setting of its own and sends a beta header."""
    config = dict(body.get("output_config") or {})
    if "output_format" in body:  # the older spelling of the same thing, behind a beta header that the CLI does not send
        config.setdefault("format", body["output_format"])
    effort = config.pop("effort", None)
    if effort is not None and effort not in _EFFORTS:
        raise BadRequest(f"output_config.effort: expected one of {', '.join(sorted(_EFFORTS))}", "output_config.effort")
    if config.get("format") is not None:
        extra["output_config"] = {"format": config.pop("format")}
    for name, value in config.items():
        if value is not None:
            losses.add(f"output_config.{name}", "Claude Code has no place for it")
    return effort or _DEFAULT_EFFORT


def _keeps_all(management: JSON) -> bool:
    """Nothing of the context is to go, as Claude Code itself says in each of its requests."""
    edits = management.get("edits") if isinstance(management, dict) else None
    return all(edit.get("type") == "clear_thinking_20251015" and edit.get("keep") == "all" for edit in edits or ())


def _metadata(body: Mapping[str, JSON], extra: dict[str, JSON], losses: Losses, *, bare: bool) -> None:
    if not (metadata := body.get("metadata")):
        return
    if bare:
        extra["metadata"] = metadata
    else:
        losses.add("metadata", "a Claude Code login tells the vendor itself whose request it is")
