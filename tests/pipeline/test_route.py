"""From model names to targets."""

import pytest

from ccproxy_cli.config.settings import ModelRule
from ccproxy_cli.core.errors import BadRequest, ErrorKind
from ccproxy_cli.pipeline.route import RouteTable, compile_pattern

TABLE = RouteTable(
    rules=(
        ModelRule("claude-*haiku*", ("up/gpt-4o-mini",)),
        ModelRule("fast", ("up/gpt-4.1-nano", "claude/haiku")),
        ModelRule("my-*", ("up/*",)),
        ModelRule("ft:*", ("up/ft:*-v2",)),
    ),
    families={"claude": ("claude-*", "sonnet"), "up": ("gpt-*",), "echo": ("echo",)},
)


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        ("claude-haiku-4-5", "up/gpt-4o-mini"),
        ("claude-3-5-haiku-latest", "up/gpt-4o-mini"),
        ("fast", "up/gpt-4.1-nano"),
        ("my-model", "up/model"),
        ("ft:abc", "up/ft:abc-v2"),
        ("claude/opus", "claude/opus"),
        ("up/meta/llama", "up/meta/llama"),
        ("claude-sonnet-4-5", "claude/claude-sonnet-4-5"),
        ("sonnet", "claude/sonnet"),
        ("gpt-5", "up/gpt-5"),
        ("echo", "echo/echo"),
    ],
)
def test_resolves(asked: str, target: str) -> None:
    assert str(TABLE.resolve(asked).target) == target


def test_a_star_rule_passes_the_whole_name() -> None:
    table = RouteTable((ModelRule("*", ("up/*",)),), {"up": ()})
    assert str(table.resolve("meta/llama-3").target) == "up/meta/llama-3"


def test_the_only_provider_takes_what_nobody_claims() -> None:
    table = RouteTable((), {"up": ("gpt-*",), "echo": ("echo",)}, sole="up")
    assert str(table.resolve("qwen3:8b").target) == "up/qwen3:8b"
    assert str(table.resolve("echo").target) == "echo/echo"


@pytest.mark.parametrize("asked", ["mistral-large", "nobody/gpt-4o", "", "claude/", "x" * 1_000_000])
def test_an_unknown_model_is_named_but_not_repeated_at_length(asked: str) -> None:
    with pytest.raises(BadRequest) as caught:
        TABLE.resolve(asked)
    assert caught.value.kind is ErrorKind.NOT_FOUND
    assert caught.value.param == "model"
    assert asked[:50] in caught.value.message
    assert len(caught.value.message) < 500


def test_no_model_has_an_endless_name() -> None:
    table = RouteTable([ModelRule("*a*b*c*", ("up/*",))], {"up": ()}, "up")
    assert str(table.resolve("m" * 4_000).target) == "up/" + "m" * 4_000
    for name in ("m" * 1_000_000, "a" * 1_000_000):  # which the pattern would take hours for
        with pytest.raises(BadRequest) as caught:
            table.resolve(name)
        assert caught.value.error.kind is ErrorKind.NOT_FOUND
        assert len(caught.value.error.message) < 200


@pytest.mark.parametrize(
    ("pattern", "name", "captured"),
    [("a.b", "a.b", None), ("*", "x\ny", "x\ny"), ("a*b*c", "a1b2c", "1"), ("claude-*", "claude-", "")],
)
def test_globs_match_literally_but_for_the_star(pattern: str, name: str, captured: str | None) -> None:
    match = compile_pattern(pattern).fullmatch(name)
    assert match is not None
    assert (match[1] if match.lastindex else None) == captured


@pytest.mark.parametrize(("pattern", "name"), [("a.b", "axb"), ("gpt", "gpt-4"), ("gpt-*", "xgpt-4"), ("a*b", "a")])
def test_globs_do_not_match_what_they_do_not_say(pattern: str, name: str) -> None:
    assert compile_pattern(pattern).fullmatch(name) is None
