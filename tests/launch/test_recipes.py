"""What programs are told, and what they are not."""

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from ccproxy_cli.launch.filling import Told, Tree, fill_tree
from ccproxy_cli.launch.programs import CLAUDE, GENERIC, RECIPES, recipe_for
from ccproxy_cli.launch.recipes import Recipe, arguments_for, changes, child_environment, left_to_do

ROOT, TOKEN = "http://127.0.0.1:4321", "the-token"
EVERY = [*RECIPES, GENERIC]
MODELS = ["up/gpt-4o", 'a "quoted" \\']


def told(model: str | None = None, context: int | None = None) -> Told:
    return Told(ROOT, TOKEN, model, context)


def leaves(tree: Tree) -> Iterator[Tree]:
    """All that is said, the names of members too."""
    match tree:
        case Mapping():
            for name, member in tree.items():
                yield name
                yield from leaves(member)
        case str():
            yield tree
        case Sequence():
            for member in tree:
                yield from leaves(member)
        case _:
            yield tree


@pytest.mark.parametrize(
    ("program", "name"),
    [
        ("claude", "claude"),
        ("/opt/bin/claude", "claude"),
        ("./llm", "llm"),
        ("python", "generic"),
        ("claude.py", "generic"),
        ("", "generic"),
    ],
)
def test_a_program_is_known_by_its_file_name(program: str, name: str) -> None:
    assert recipe_for(program).name == name


@pytest.mark.parametrize("recipe", EVERY, ids=lambda recipe: recipe.name)
@pytest.mark.parametrize("context", [None, 128_000])
@pytest.mark.parametrize("model", [None, *MODELS])
def test_every_row_can_be_filled_in(recipe: Recipe, model: str | None, context: int | None) -> None:
    made = changes(recipe, told(model, context))
    arguments = arguments_for(recipe, told(model, context))
    settings = list(leaves(fill_tree(recipe.home.changes, told(model, context)))) if recipe.home else []
    said = [value for value in (*made.values(), *arguments, *settings) if isinstance(value, str)]
    assert not any("$" in value.replace("$CCPROXY_SESSION_KEY", "") for value in said)
    assert any(ROOT in value for value in said) or (recipe.needs_model and model is None)
    assert not any(TOKEN in argument for argument in arguments)
    assert any(TOKEN in value for value in said) or (recipe.needs_model and model is None)
    assert not set(recipe.rivals) & {name for name, value in made.items() if value is not None}


@pytest.mark.parametrize("recipe", [recipe for recipe in EVERY if recipe.name not in ("generic", "llm")], ids=lambda recipe: recipe.name)
@pytest.mark.parametrize("model", MODELS)
def test_a_model_and_its_window_reach_every_program_with_a_place_for_them(recipe: Recipe, model: str) -> None:
    made = changes(recipe, told(model, 123_456))
    settings = list(leaves(fill_tree(recipe.home.changes, told(model, 123_456)))) if recipe.home else []
    said = [*made.values(), *arguments_for(recipe, told(model, 123_456)), *settings]
    assert any(isinstance(value, str) and (model in value or json.dumps(model) in value) for value in said)
    if recipe.name not in ("aider", "gemini"):  # neither takes a window from outside
        assert any("123456" in str(value) for value in said)
    assert not any("123456" in str(value) for value in changes(recipe, told(model)).values())


def test_no_row_gives_the_same_program_twice() -> None:
    programs = [program for recipe in RECIPES for program in recipe.programs]
    assert len(programs) == len(set(programs))


def test_claude_code_shows_one_key_and_keeps_every_model_slot() -> None:
    made = changes(CLAUDE, told("up/gpt-4o"))
    assert made["ANTHROPIC_AUTH_TOKEN"] == "the-token"
    assert made["ANTHROPIC_API_KEY"] is None
    assert {name for name, value in made.items() if value == "up/gpt-4o"} == set(CLAUDE.model_variables)
    assert not set(CLAUDE.model_variables) & set(changes(CLAUDE, told()))


def test_opencode_gets_one_configuration_whatever_the_model_is_called() -> None:
    made = changes(recipe_for("opencode"), told('up/"odd"'))
    configuration = json.loads(made["OPENCODE_CONFIG_CONTENT"] or "")
    assert configuration["model"] == 'ccproxy/up/"odd"'
    assert list(configuration["provider"]["ccproxy"]["models"]) == ['up/"odd"']
    assert configuration["provider"]["anthropic"]["options"] == {"baseURL": "http://127.0.0.1:4321/v1", "apiKey": "the-token"}
    assert "model" not in json.loads(changes(recipe_for("opencode"), told())["OPENCODE_CONFIG_CONTENT"] or "")


def test_codex_is_told_by_arguments_that_are_toml() -> None:
    arguments = arguments_for(recipe_for("codex"), told('up/"odd"', 128_000))
    assert set(arguments[::2]) == {"-c"}
    settings = tomllib.loads("\n".join(arguments[1::2]))
    provider = settings.pop("model_providers")["ccproxy"]
    assert settings == {
        "model": 'up/"odd"', "review_model": 'up/"odd"', "model_provider": "ccproxy", "model_context_window": 128_000,
    }  # fmt: skip
    assert provider["base_url"] == "http://127.0.0.1:4321/v1"
    assert changes(recipe_for("codex"), told())[provider["env_key"]] == "the-token"
    assert len(arguments_for(recipe_for("codex"), told())) == 4


def settings_of(program: str, model: str | None = "up/m", context: int | None = 64_000) -> dict[str, Any]:
    home = recipe_for(program).home
    assert home
    return fill_tree(home.changes, told(model, context))


def test_programs_that_list_models_are_told_of_ours() -> None:
    (qwen,) = settings_of("qwen")["modelProviders"]["openai"]
    assert qwen["generationConfig"] == {"contextWindowSize": 64_000}
    assert changes(recipe_for("qwen"), told("up/m"))[qwen["envKey"]] == TOKEN
    (pi,) = settings_of("pi")["providers"]["ccproxy"]["models"]
    assert (pi["id"], pi["contextWindow"]) == ("up/m", 64_000)
    (small,), (unknown,) = (settings_of("crush", context=context)["providers"]["ccproxy"]["models"] for context in (8_000, None))
    assert (small["context_window"], unknown["context_window"]) == (8_000, 128_000)
    crush = settings_of("crush")
    assert crush["providers"]["ccproxy"]["api_key"] == "$CCPROXY_SESSION_KEY"
    assert {slot["model"] for slot in crush["models"].values()} == {"up/m"}
    (continued,) = settings_of("cn", context=None)["models"]
    assert (continued["apiBase"], continued["defaultCompletionOptions"]) == (f"{ROOT}/v1", {})
    cline = settings_of("cline")
    assert cline["providers"][cline["lastUsedProvider"]]["settings"]["contextWindow"] == 64_000


@pytest.mark.parametrize("program", ["codex", "gemini", "qwen", "pi", "cn", "cline", "crush"])
def test_what_variables_do_not_do_is_told(program: str) -> None:
    line = left_to_do(recipe_for(program), told("m"))
    assert line
    assert program in line
    assert "the-token" not in line
    assert "\n" not in line


def test_for_most_programs_variables_do_it_all() -> None:
    assert left_to_do(GENERIC, told("m")) is None


def test_only_what_the_user_loses_is_named() -> None:
    inherited = {"A": "users", "B": "same", "C": "", "D": "users", "E": "kept"}
    made = child_environment({"A": "ours", "B": "same", "C": "ours", "D": None, "N": "ours", "M": None}, inherited)
    assert made.variables == {"A": "ours", "B": "same", "C": "ours", "N": "ours", "E": "kept"}
    assert made.set_aside == ("A", "D")


@pytest.mark.parametrize(
    ("inherited", "excepted"),
    [
        ({}, None),
        ({"HTTP_PROXY": ""}, None),
        ({"HTTP_PROXY": "http://proxy:3128"}, "127.0.0.1,localhost"),
        ({"https_proxy": "http://proxy:3128", "no_proxy": ".corp"}, ".corp,127.0.0.1,localhost"),
        ({"ALL_PROXY": "socks5://proxy", "NO_PROXY": ".corp", "no_proxy": ".corp"}, ".corp,127.0.0.1,localhost"),
    ],
)
def test_a_proxy_of_the_users_is_not_asked_for_our_address(inherited: dict[str, str], excepted: str | None) -> None:
    made = child_environment({}, inherited).variables
    assert made.get("NO_PROXY") == made.get("no_proxy") == excepted


def test_the_token_is_in_no_repr() -> None:
    assert "the-token" not in repr(told())
    assert "the-token" not in repr(child_environment(changes(GENERIC, told()), {}))
