"""All that one request means to a CLI process, worked out before there is a process."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from attrs import evolve, frozen

from ccproxy_cli.backends.claude_code.command import check_model
from ccproxy_cli.backends.claude_code.conversation import Turn, conversation, note_cache_marks
from ccproxy_cli.backends.claude_code.parameters import controls
from ccproxy_cli.backends.claude_code.toolbridge import ToolBridge
from ccproxy_cli.backends.profiles import profile_for
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.jsontext import JSON, loads
from ccproxy_cli.core.left_behind import BILLING
from ccproxy_cli.core.request import Request

_NATIVE = "anthropic"
_ALIASES = {"opus": "claude-opus-5", "sonnet": "claude-sonnet-5", "haiku": "claude-haiku-5"}
"""Each alias is the newest model of its family, so its abilities are those of the newest generation, unless the CLI said otherwise."""
_CLOUD_NAME = re.compile(r"(?:[\w-]+\.)*anthropic\.(claude-.+?)(?:-v\d+(?::\d+)?)?|(claude-.+?)@(\w+)")
"""How clouds spell a model: `us.anthropic.claude-sonnet-4-5-20250929-v1:0`, `claude-opus-4-1@20250805`."""


@frozen
class Plan:
    """One request, in the CLI's terms."""

    model: str
    system: str
    """Empty for none: the CLI would put words of its own in an absent one's place."""
    controls: tuple[Mapping[str, JSON], ...]
    """Control requests to be made before the first turn."""
    turns: tuple[Turn, ...]
    bridge: ToolBridge | None = None
    agent: bool = False
    """The CLI works with its own tools, turn after turn, until it has done what it was asked to."""

    @property
    def initialize(self) -> dict[str, JSON]:
        """Members for the request that binds a waiting process to this plan."""
        if self.agent:  # which needs the CLI's own words on how to work
            return {"appendSystemPrompt": self.system} if self.system else {}
        servers = {} if self.bridge is None else {"sdkMcpServers": ["client"]}
        return {"systemPrompt": self.system, **servers}

    def frame(self, index: int) -> dict[str, JSON]:
        """The frame that says turn `index`. All but the last are to be remembered without an answer."""
        turn = self.turns[index]
        message: dict[str, JSON] = {"role": turn.role, "content": turn.content}
        if turn.role == "assistant":
            # Frames with one id would be merged into one message.
            message = {"id": f"msg_history_{index}", "type": "message", "model": self.model, **message}
        frame: dict[str, JSON] = {"type": turn.role, "message": message, "parent_tool_use_id": None, "session_id": "default"}
        if turn.role == "user" and index < len(self.turns) - 1:
            frame["shouldQuery"] = False
        return frame


def known_as(model: str, resolved: Mapping[str, str]) -> str:
    """The name under which the vendor describes what `model` can do.

    Args:
        resolved: what the CLI makes of its own short names.
    """
    name = model.partition("[")[0]
    name = resolved.get(name) or _ALIASES.get(name, name)
    if found := _CLOUD_NAME.fullmatch(name.partition("[")[0]):
        return found[1] or f"{found[2]}-{found[3]}"
    return name


def make_plan(
    request: Request,
    overrides: Mapping[str, object],
    losses: Losses,
    *,
    bare: bool,
    resolved: Mapping[str, str] = MappingProxyType({}),
    agent: bool = False,
) -> Plan:
    """Turn a request into a plan, by way of the Anthropic request it amounts to.

    Args:
        overrides: the user's own facts about the models, by the field names of `Profile`.
        bare: the CLI runs on an API key or a cloud and adds nothing of its own.
        resolved: what the CLI makes of its own short names, as far as it said.
        agent: the CLI works with its own tools.

    Raises:
        BadRequest: the request cannot be said to the CLI.
    """
    model = check_model(request.model)
    known = profile_for("claude-code", _NATIVE, known_as(model, resolved), overrides, own_host=True)
    profile = evolve(known, late_system=False, web_fetch=False, code_execution=False)
    call = FORMATS[_NATIVE].encode_request(request, profile, losses)
    if call.headers.get("anthropic-beta"):
        losses.add("anthropic-beta", "Claude Code chooses the vendor's beta features itself")
    body = loads(call.body)
    if agent:
        _leave_tools(body, losses)
    bridge = ToolBridge(body["tools"]) if body.get("tools") else None
    note_cache_marks(request, losses)
    return Plan(
        model=model,
        system=_system(body.get("system")),
        controls=tuple(controls(body, bridge, losses, bare=bare)),
        turns=tuple(conversation(body["messages"], losses)),
        bridge=bridge,
        agent=agent,
    )


def _leave_tools(body: dict[str, JSON], losses: Losses) -> None:
    """An agent that waited for the client to run a tool would wait with its work half done."""
    for name in ("tools", "tool_choice"):
        if body.pop(name, None):
            losses.add(name, "this Claude Code is an agent with tools of its own")


def _system(system: JSON) -> str:
    if isinstance(system, str):
        return system
    texts = [block["text"] for block in system or () if block.get("type") == "text"]
    # The CLI below sends a billing line of its own.
    return "\n\n".join(text for text in texts if not text.startswith(BILLING))
