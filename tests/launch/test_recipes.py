"""What programs are told, and what they are not."""

import json

import pytest

from ccproxy_cli.launch.recipes import CLAUDE, GENERIC, RECIPES, Endpoint, Recipe, changes, child_environment, recipe_for

ENDPOINT = Endpoint("http://127.0.0.1:4321", "the-token")
SERVED = [recipe for recipe in (*RECIPES, GENERIC) if recipe.refusal is None]


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


@pytest.mark.parametrize("recipe", SERVED, ids=lambda recipe: recipe.name)
@pytest.mark.parametrize("model", [None, "up/gpt-4o", 'a "quoted" \\'])
def test_every_row_can_be_filled_in(recipe: Recipe, model: str | None) -> None:
    made = changes(recipe, ENDPOINT, model)
    assert not any("$" in value for value in made.values() if value)
    assert any(value and ENDPOINT.root in value for value in made.values())
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


@pytest.mark.parametrize("program", ["codex", "gemini"])
def test_programs_of_formats_that_are_not_served_are_refused_in_one_sentence(program: str) -> None:
    refusal = recipe_for(program).refusal
    assert refusal
    assert program in refusal


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
