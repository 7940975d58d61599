"""Parameters reach the API as they are, or the client is told."""

import json
from typing import Any

import pytest

from ccproxy_cli.backends.claude_code.parameters import controls
from ccproxy_cli.backends.claude_code.toolbridge import ToolBridge
from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.extras import Losses

BASE = {"model": "sonnet", "messages": [], "max_tokens": 100}


def bind(bare: bool = True, **members: Any) -> tuple[list[dict[str, Any]], dict[str, Any], dict[str, Any], list[str]]:
    losses = Losses()
    bridge = ToolBridge(members["tools"]) if "tools" in members else None
    requests = controls({**BASE, **members}, bridge, losses, bare=bare)
    settings = requests[-1]["settings"]
    return requests, json.loads(settings["env"].pop("CLAUDE_CODE_EXTRA_BODY")), settings, [loss.field for loss in losses]


def test_sampling_and_limits() -> None:
    members = {
        "temperature": 0.2,
        "top_p": 0.9,
        "top_k": 5,
        "stop_sequences": ["END"],
        "service_tier": "auto",
        "stream": True,
        "system": "s",
    }
    requests, extra, settings, losses = bind(True, **members)
    assert extra == {name: members[name] for name in ("temperature", "top_p", "top_k", "stop_sequences", "service_tier")} | {
        "max_tokens": 100
    }
    assert settings == {"env": {}, "effortLevel": "high"}
    assert losses == []
    assert requests[0] == {"subtype": "set_max_thinking_tokens", "max_thinking_tokens": 0}


@pytest.mark.parametrize(
    "thinking", [{"type": "enabled", "budget_tokens": 2000}, {"type": "disabled"}, {"type": "adaptive", "display": "summarized"}]
)
def test_thinking_is_said_in_the_clients_words(thinking: dict[str, Any]) -> None:
    requests, extra, _, _ = bind(thinking=thinking)
    assert extra["thinking"] == thinking
    assert len(requests) == 1


def test_effort_has_a_setting_of_its_own() -> None:
    _, extra, settings, losses = bind(output_config={"effort": "low", "later": 1})
    assert settings["effortLevel"] == "low"
    assert "output_config" not in extra
    assert losses == ["output_config.later"]
    with pytest.raises(BadRequest) as caught:
        bind(output_config={"effort": "heroic"})
    assert caught.value.param == "output_config.effort"


@pytest.mark.parametrize("spelling", ["output_config", "output_format"])
def test_the_shape_of_the_output(spelling: str) -> None:
    shape = {"type": "json_schema", "schema": {"type": "object"}}
    _, extra, _, losses = bind(True, **{spelling: {"format": shape} if spelling == "output_config" else shape})
    assert extra["output_config"] == {"format": shape}
    assert losses == []


def test_a_forced_tool_has_the_name_the_cli_knows() -> None:
    tools = [{"name": "look"}]
    assert bind(tools=tools, tool_choice={"type": "tool", "name": "look"})[1]["tool_choice"] == {
        "type": "tool",
        "name": "mcp__client__look",
    }
    assert bind(tools=tools, tool_choice={"type": "any"})[1]["tool_choice"] == {"type": "any"}
    assert "tools" not in bind(tools=tools)[1]
    assert bind(tools=[{"name": "look", "strict": True}])[1]["tools"] == [{"name": "mcp__client__look", "strict": True}]


def test_a_forced_tool_of_the_vendor_keeps_its_name() -> None:
    search = {"type": "web_search_20250305", "name": "web_search", "max_uses": 2}
    _, extra, _, losses = bind(
        tools=[search | {"cache_control": {"type": "ephemeral"}}], tool_choice={"type": "tool", "name": "web_search"}
    )
    assert (extra["tools"], extra["tool_choice"]) == ([search], {"type": "tool", "name": "web_search"})
    assert losses == []
    both = bind(tools=[search, {"name": "look"}], tool_choice={"type": "tool", "name": "look"})[1]
    assert (both["tools"], both["tool_choice"]["name"]) == ([search, {"name": "mcp__client__look"}], "mcp__client__look")


def test_the_context_is_kept_or_the_client_is_told() -> None:
    kept = {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}
    _, extra, _, losses = bind(context_management=kept)
    assert losses == []
    assert "context_management" not in extra
    assert bind(context_management={"edits": [{"type": "clear_tool_uses_20250919"}]})[3] == ["context_management"]


def test_metadata_is_the_logins_own() -> None:
    assert bind(metadata={"user_id": "u"})[1]["metadata"] == {"user_id": "u"}
    _, extra, _, losses = bind(bare=False, metadata={"user_id": "u"})
    assert "metadata" not in extra
    assert losses == ["metadata"]


@pytest.mark.parametrize("member", ["mcp_servers", "container"])
def test_what_changes_the_answer_is_refused(member: str) -> None:
    with pytest.raises(BadRequest) as caught:
        bind(True, **{member: ["x"]})
    assert caught.value.param == member
    bind(True, **{member: None})


def test_what_is_unknown_is_a_loss_and_goes_nowhere() -> None:
    _, extra, _, losses = bind(speed="fast", permission_mode="bypassPermissions", cache_control={"type": "ephemeral"}, inference_geo=None)
    assert sorted(losses) == ["permission_mode", "speed"]
    assert extra == {"max_tokens": 100}
