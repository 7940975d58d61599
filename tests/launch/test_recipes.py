"""What programs are told, and what they are not."""

import json
import tomllib

import pytest

from ccproxy_cli.launch.recipes import (
    CLAUDE,
    GENERIC,
    RECIPES,
    Endpoint,
    Recipe,
    arguments_for,
    changes,
    child_environment,
    left_to_do,
    recipe_for,
)

ENDPOINT = Endpoint("http://127.0.0.1:4321", "the-token")
EVERY = [*RECIPES, GENERIC]


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
@pytest.mark.parametrize("model", [None, "up/gpt-4o", 'a "quoted" \\'])
def test_every_row_can_be_filled_in(recipe: Recipe, model: str | None) -> None:
    made = changes(recipe, ENDPOINT, model)
    arguments = arguments_for(recipe, ENDPOINT, model)
    told = [*(value for value in made.values() if value), *arguments]
    assert not any("$" in value for value in told)
    assert any(ENDPOINT.root in value for value in told)
    assert not any(ENDPOINT.token in argument for argument in arguments)
    assert any(value and ENDPOINT.token in value for value in made.values())
    assert not set(recipe.rivals) & {name for name, value in made.items() if value is not None}


def test_no_row_gives_the_same_program_twice() -> None:
    programs = [program for recipe in RECIPES for program in recipe.programs]
    assert len(programs) == len(set(programs))


def test_claude_code_shows_one_key_and_keeps_every_model_slot() -> None:
    made = changes(CLAUDE, ENDPOINT, "up/gpt-4o")
    assert made["ANTHROPIC_AUTH_TOKEN"] == "the-token"
    assert made["ANTHROPIC_API_KEY"] is None
    assert {name for name, value in made.items() if value == "up/gpt-4o"} == set(CLAUDE.model_variables)
    assert not set(CLAUDE.model_variables) & set(changes(CLAUDE, ENDPOINT, None))


def test_opencode_gets_one_configuration_whatever_the_model_is_called() -> None:
    made = changes(recipe_for("opencode"), ENDPOINT, 'up/"odd"')
    configuration = json.loads(made["OPENCODE_CONFIG_CONTENT"] or "")
    assert configuration["model"] == 'ccproxy/up/"odd"'
    assert list(configuration["provider"]["ccproxy"]["models"]) == ['up/"odd"']
    assert configuration["provider"]["anthropic"]["options"] == {"baseURL": "http://127.0.0.1:4321/v1", "apiKey": "the-token"}
    assert "model" not in json.loads(changes(recipe_for("opencode"), ENDPOINT, None)["OPENCODE_CONFIG_CONTENT"] or "")


def test_codex_is_told_by_arguments_that_are_toml() -> None:
    _, provider, _, details, _, model = arguments_for(recipe_for("codex"), ENDPOINT, 'up/"odd"')
    told = tomllib.loads(f"{provider}\n{details}\n{model}")
    assert (told["model"], told["model_provider"]) == ('up/"odd"', "ccproxy")
    assert told["model_providers"]["ccproxy"]["base_url"] == "http://127.0.0.1:4321/v1"
    assert changes(recipe_for("codex"), ENDPOINT, None)[told["model_providers"]["ccproxy"]["env_key"]] == "the-token"
    assert len(arguments_for(recipe_for("codex"), ENDPOINT, None)) == 4


@pytest.mark.parametrize("program", ["codex", "gemini"])
def test_what_variables_do_not_do_is_told(program: str) -> None:
    line = left_to_do(recipe_for(program), ENDPOINT, "m")
    assert line
    assert program in line
    assert "the-token" not in line
    assert "\n" not in line


def test_for_most_programs_variables_do_it_all() -> None:
    assert left_to_do(GENERIC, ENDPOINT, "m") is None


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
    assert "the-token" not in repr(ENDPOINT)
    assert "the-token" not in repr(child_environment(changes(GENERIC, ENDPOINT, None), {}))
