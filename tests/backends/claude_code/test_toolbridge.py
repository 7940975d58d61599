"""The client's tools go in and come out under their own names."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.backends.claude_code.toolbridge import ToolBridge, to_cli
from ccproxy_cli.core.errors import BadRequest

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=90), min_size=1, max_size=5, unique=True))
def test_names_fit_the_api_and_come_back(names: list[str]) -> None:
    bridge = ToolBridge([{"name": name} for name in names])
    for name in names:
        offered = to_cli(name)
        assert offered.isascii()
        assert len(offered) <= 64
        assert offered.replace("-", "").replace("_", "").isalnum()
        assert bridge.to_client(offered) == name


def test_an_ordinary_name_is_only_prefixed() -> None:
    assert to_cli("get_weather") == "mcp__client__get_weather"
    assert ToolBridge([]).to_client("mcp__client__made_up") == "made_up"
    assert ToolBridge([]).to_client("Bash") == "Bash"


def ask(bridge: ToolBridge, method: str, **more: Any) -> Any:
    return bridge.answer({"jsonrpc": "2.0", "id": 7, "method": method, **more})


def test_answers_what_the_cli_asks() -> None:
    bridge = ToolBridge(
        [{"name": "a.b", "description": "x", "input_schema": SCHEMA, "cache_control": {"type": "ephemeral"}}, {"name": "b"}]
    )
    hello = ask(bridge, "initialize", params={"protocolVersion": "2099-01-01"})["result"]
    assert hello["protocolVersion"] == "2099-01-01"
    assert hello["capabilities"] == {"tools": {}}
    listed = ask(bridge, "tools/list")
    assert listed["id"] == 7
    assert [("mcp__client__" + tool["name"], tool["description"], tool["inputSchema"]) for tool in listed["result"]["tools"]] == [
        (to_cli("a.b"), "x", SCHEMA),
        (to_cli("b"), "", {"type": "object"}),
    ]
    assert ask(bridge, "ping")["result"] == {}
    assert ask(bridge, "resources/list")["error"]["code"] == -32601


def test_calls_stay_open() -> None:
    assert ask(ToolBridge([{"name": "a"}]), "tools/call", params={"name": "a", "arguments": {}}) is None


@pytest.mark.parametrize("more", [{"description": "d" * 4001}, {"strict": True}, {"input_examples": [{}]}])
def test_what_mcp_cannot_say_goes_to_the_api_as_it_is(more: dict[str, Any]) -> None:
    tool = {"name": "a", "input_schema": SCHEMA, "cache_control": {"type": "ephemeral"}, **more}
    assert ToolBridge([tool]).verbatim == [{"name": "mcp__client__a", "input_schema": SCHEMA, **more}]


def test_plain_tools_need_no_second_way() -> None:
    tool = {"name": "a", "type": "custom", "description": "d" * 4000, "input_schema": SCHEMA, "cache_control": {"type": "ephemeral"}}
    assert ToolBridge([tool]).verbatim is None


def test_hosted_tools_are_refused_by_name() -> None:
    with pytest.raises(BadRequest, match="code_execution_20250825") as caught:
        ToolBridge([{"name": "a"}, {"type": "code_execution_20250825", "name": "code_execution"}])
    assert caught.value.param == "tools[1]"


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(BadRequest) as caught:
        ToolBridge([{"name": "a"}, {"name": "a"}])
    assert caught.value.param == "tools[1].name"
