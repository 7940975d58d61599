"""How much to think, for every kind of model."""

from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.parts import Proof, Reasoning, Text, ToolCall, ToolResult
from ccproxy_cli.core.profile import Profile, ReasoningStyle
from ccproxy_cli.core.request import ChoiceMode, Role, Sampling, Thinking, ThinkingMode, Tool, ToolChoice
from tests.core.formats.anthropic.asking import FOREIGN, HELLO, encoded, lost, said

EVERY_EFFORT = frozenset({"low", "medium", "high", "xhigh", "max"})
ADAPTIVE = Profile(reasoning=ReasoningStyle.ADAPTIVE, efforts=EVERY_EFFORT)
ADAPTIVE_FEW = Profile(reasoning=ReasoningStyle.ADAPTIVE, efforts=frozenset({"low", "medium", "high"}))
BUDGET = Profile(reasoning=ReasoningStyle.BUDGET, max_output=64000)
TOOL = Tool("t", parameters={"type": "object"})


def asked(profile: Profile, thinking: Thinking | None, /, **changes: Any) -> tuple[dict[str, Any], dict[str, str]]:
    losses = Losses()
    request = evolve(FOREIGN, thinking=thinking, **{"max_tokens": None, **changes})
    return encoded(request, profile, losses), lost(losses)


@pytest.mark.parametrize(
    ("profile", "asked_for", "thinking", "effort", "is_lost"),
    [
        (Profile(), Thinking(effort="high"), None, None, True),
        (Profile(), Thinking(effort="none"), None, None, False),
        (Profile(), None, None, None, False),
        (ADAPTIVE, None, None, None, False),
        (ADAPTIVE, Thinking(effort="none"), {"type": "disabled"}, None, False),
        (ADAPTIVE, Thinking(ThinkingMode.DISABLED), {"type": "disabled"}, None, False),
        (ADAPTIVE, Thinking(effort="minimal"), {"type": "adaptive"}, "low", False),
        (ADAPTIVE, Thinking(effort="xhigh"), {"type": "adaptive"}, "xhigh", False),
        (ADAPTIVE_FEW, Thinking(effort="xhigh"), {"type": "adaptive"}, "high", True),
        (ADAPTIVE_FEW, Thinking(effort="max"), {"type": "adaptive"}, "high", True),
        (ADAPTIVE_FEW, Thinking(effort="loads"), {"type": "adaptive"}, None, True),
        (ADAPTIVE, Thinking(ThinkingMode.BUDGET, 1024), {"type": "adaptive"}, "low", False),
        (ADAPTIVE, Thinking(ThinkingMode.BUDGET, 7000), {"type": "adaptive"}, "medium", False),
        (ADAPTIVE, Thinking(ThinkingMode.BUDGET, 12000), {"type": "adaptive"}, "high", False),
        (ADAPTIVE, Thinking(ThinkingMode.BUDGET, 31999), {"type": "adaptive"}, "xhigh", False),
        (ADAPTIVE, Thinking(ThinkingMode.ADAPTIVE), {"type": "adaptive"}, None, False),
        (ADAPTIVE, Thinking(effort="low", display="detailed"), {"type": "adaptive", "display": "summarized"}, "low", False),
        (ADAPTIVE, Thinking(effort="low", display="omitted"), {"type": "adaptive", "display": "omitted"}, "low", False),
        (Profile(reasoning=ReasoningStyle.EFFORT), Thinking(effort="low"), None, "low", False),
        (BUDGET, Thinking(effort="none"), None, None, False),
        (BUDGET, Thinking(effort="minimal"), {"type": "enabled", "budget_tokens": 1024}, None, False),
        (BUDGET, Thinking(effort="low"), {"type": "enabled", "budget_tokens": 2048}, None, False),
        (BUDGET, Thinking(effort="medium"), {"type": "enabled", "budget_tokens": 8192}, None, False),
        (BUDGET, Thinking(effort="high"), {"type": "enabled", "budget_tokens": 16384}, None, False),
        (BUDGET, Thinking(effort="xhigh"), {"type": "enabled", "budget_tokens": 24576}, None, False),
        (BUDGET, Thinking(effort="max"), {"type": "enabled", "budget_tokens": 32000}, None, False),
        (BUDGET, Thinking(ThinkingMode.BUDGET, 500), {"type": "enabled", "budget_tokens": 1024}, None, False),
        (BUDGET, Thinking(ThinkingMode.BUDGET, 5000), {"type": "enabled", "budget_tokens": 5000}, None, False),
        (BUDGET, Thinking(ThinkingMode.ADAPTIVE), {"type": "enabled", "budget_tokens": 8192}, None, False),
    ],
)
def test_thinking_is_asked_for(
    profile: Profile, asked_for: Thinking | None, thinking: dict[str, Any] | None, effort: str | None, is_lost: bool
) -> None:
    body, losses = asked(profile, asked_for)
    assert body.get("thinking") == thinking
    assert body.get("output_config", {}).get("effort") == effort
    assert bool(losses) == is_lost


def test_the_limit_makes_room_for_a_budget_if_the_client_set_none() -> None:
    assert asked(Profile(reasoning=ReasoningStyle.BUDGET), Thinking(effort="high"))[0]["max_tokens"] == 16384 + 8192
    assert asked(Profile(reasoning=ReasoningStyle.BUDGET, max_output=20000), Thinking(effort="high"))[0]["max_tokens"] == 20000


def test_a_clients_limit_stands_and_the_budget_makes_room() -> None:
    body, losses = asked(BUDGET, Thinking(ThinkingMode.BUDGET, 31999), max_tokens=8000)
    assert (body["thinking"]["budget_tokens"], body["max_tokens"]) == (6976, 8000)
    assert set(losses) == {"thinking.budget"}
    assert asked(BUDGET, Thinking(effort="high"), max_tokens=1500)[0]["thinking"]["budget_tokens"] == 1499


def test_too_small_a_limit_turns_thinking_off() -> None:
    body, losses = asked(BUDGET, Thinking(effort="high"), max_tokens=1024)
    assert "thinking" not in body
    assert set(losses) == {"thinking"}


@given(st.integers(0, 100_000), st.none() | st.integers(0, 100_000), st.none() | st.integers(2000, 64_000))
def test_a_budget_is_always_legal(budget: int, limit: int | None, most: int | None) -> None:
    body, _ = asked(Profile(reasoning=ReasoningStyle.BUDGET, max_output=most), Thinking(ThinkingMode.BUDGET, budget), max_tokens=limit)
    if "thinking" in body:
        assert 1024 <= body["thinking"]["budget_tokens"] < body["max_tokens"]
    assert most is None or body["max_tokens"] <= most


def test_a_forced_choice_turns_a_budget_off_but_not_adaptive_thinking() -> None:
    forced: dict[str, Any] = {"tools": (TOOL,), "tool_choice": ToolChoice(ChoiceMode.REQUIRED)}
    body, losses = asked(BUDGET, Thinking(effort="high"), **forced)
    assert "thinking" not in body
    assert set(losses) == {"thinking"}
    assert "thinking" in asked(ADAPTIVE, Thinking(effort="high"), **forced)[0]


@pytest.mark.parametrize(("proofs", "kept"), [((Proof("anthropic", "s"),), True), ((), False), ((Proof("x", "s"),), False)])
def test_a_tool_loop_without_signed_thinking_turns_a_budget_off(proofs: tuple[Proof, ...], kept: bool) -> None:
    loop = (HELLO, said(Role.ASSISTANT, Reasoning("r", proofs), ToolCall("c", "t", "{}")), said(Role.TOOL, ToolResult("c", (Text("ok"),))))
    assert ("thinking" in asked(BUDGET, Thinking(effort="high"), messages=loop)[0]) == kept


def test_a_thinking_model_is_sent_no_sampling() -> None:
    body, losses = asked(BUDGET, Thinking(effort="low"), sampling=Sampling(0.5, 0.9, 3))
    assert body.keys().isdisjoint({"temperature", "top_p", "top_k"})
    assert set(losses) == {"temperature", "top_p", "top_k"}
    assert asked(BUDGET, Thinking(effort="low"), sampling=Sampling(1))[1] == {}
