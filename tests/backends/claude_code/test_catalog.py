"""Models as the CLI tells them, whatever else it may tell."""

import pytest

from ccproxy_cli.backends.claude_code.catalog import ALIASES, models_of
from ccproxy_cli.core.jsontext import JSON

OPUS = {
    "value": "opus",
    "resolvedModel": "claude-opus-9",
    "displayName": "Opus",
    "supportedEffortLevels": ["low", "high"],
    "supportsAdaptiveThinking": True,
    "supportsThinkingOff": False,
}


def test_each_model_under_both_its_names() -> None:
    rows = [{**OPUS, "value": "default"}, OPUS, {"value": "sonnet[1m]", "resolvedModel": "claude-sonnet-9"}, {"value": "claude-opus-9"}]
    models = {model.id: model for model in models_of({"models": rows})}
    assert list(models) == ["opus", "sonnet[1m]", "claude-opus-9", "claude-sonnet-9"]
    assert {model.owner for model in models.values()} == {"anthropic"}
    assert models["opus"].display_name == "Opus"


def test_abilities_in_the_vendors_words() -> None:
    (model, _) = models_of({"models": [OPUS]})
    assert model.extras == {
        "anthropic": {
            "capabilities": {
                "effort": {
                    "supported": True,
                    "low": {"supported": True},
                    "medium": {"supported": False},
                    "high": {"supported": True},
                    "xhigh": {"supported": False},
                    "max": {"supported": False},
                },
                "thinking": {"supported": True, "types": {"adaptive": {"supported": True}, "disabled": {"supported": False}}},
            }
        }
    }


def test_what_is_not_told_is_not_made_up() -> None:
    (model,) = models_of({"models": [{"value": "haiku"}]})
    assert model.extras == {}
    assert model.display_name is None


@pytest.mark.parametrize("welcome", [{}, {"models": None}, {"models": ["opus"]}, {"models": [{}, {"value": 5}]}])
def test_nothing_is_nothing(welcome: dict[str, JSON]) -> None:
    assert models_of(welcome) == ()


def test_the_aliases_need_nobody() -> None:
    assert [model.id for model in ALIASES] == ["sonnet", "opus", "haiku"]
