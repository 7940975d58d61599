"""How a program is told of a server: the shape of a row, and what becomes of it in the program's environment, arguments and settings."""

import json
import shlex
from collections.abc import Mapping

from attrs import Factory, evolve, field, frozen

from ccproxy_cli.launch.filling import Told, fill_text, fill_tree
from ccproxy_cli.launch.homecopy import HomeCopy


@frozen
class Recipe:
    """One program, or all programs that no other row knows. Values and arguments are templates (`filling`)."""

    name: str
    tested: str
    """What the facts of this row were seen with, or where they were read."""
    programs: tuple[str, ...] = ()
    """File names of the program, without a folder."""
    variables: Mapping[str, str] = Factory(dict)
    """Always set."""
    model_variables: Mapping[str, str] = Factory(dict)
    """Set as well when a model was asked for: every slot in which the program keeps a model name."""
    context_variables: Mapping[str, str] = Factory(dict)
    """Set as well when that model's window is known."""
    arguments: tuple[str, ...] = ()
    """Put before the user's own, for a program that no variable can tell."""
    model_arguments: tuple[str, ...] = ()
    """Put there as well when a model was asked for."""
    context_arguments: tuple[str, ...] = ()
    """Put there as well when that model's window is known."""
    home: HomeCopy | None = None
    """For a program that has to be told in a file."""
    rivals: tuple[str, ...] = ()
    """Taken out: with one of these set the program would go elsewhere, or show another key."""
    needs_model: bool = False
    """It calls only models that it was told of."""


def changes(recipe: Recipe, told: Told) -> dict[str, str | None]:
    """What to set, by name, and what to take out, which has the value None."""
    templates = dict(recipe.variables)
    if told.model is not None:
        templates |= recipe.model_variables
        templates |= {} if told.context is None else recipe.context_variables
    made: dict[str, str | None] = {name: fill_text(text, told) for name, text in templates.items()}
    return made | {name: None for name in recipe.rivals if name not in made}


def arguments_for(recipe: Recipe, told: Told) -> tuple[str, ...]:
    """What the program is told before the user's own arguments."""
    templates = recipe.arguments
    if told.model is not None:
        templates += recipe.model_arguments
        templates += () if told.context is None else recipe.context_arguments
    return tuple(fill_text(text, told) for text in templates)


def left_to_do(recipe: Recipe, told: Told) -> str | None:
    """What has to be done by hand beside setting the variables, in one sentence. No token is in it."""
    open_told = evolve(told, token="YOUR_KEY")  # noqa: S106 - what to write in its place
    todo = []
    if recipe.home is not None:
        settings = json.dumps(_without_none(fill_tree(recipe.home.changes, open_told)))
        todo.append(f"in {recipe.home.shown}, too: {settings}")
    if arguments := arguments_for(recipe, open_told):
        todo.append(f"by its arguments, too: {recipe.name} {shlex.join(arguments)}")
    return f"{recipe.name} must be told {'; and '.join(todo)}" if todo else None


def _without_none(tree: object) -> object:
    """What there is to write: a member to take out may not be there at all."""
    if not isinstance(tree, Mapping):
        return tree
    return {name: _without_none(member) for name, member in tree.items() if member is not None}


_PROXY_VARIABLES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
_LOOPBACK = "127.0.0.1,localhost"


@frozen
class ChildEnvironment:
    variables: Mapping[str, str] = field(repr=False)
    """All of it."""
    set_aside: tuple[str, ...]
    """Names whose value, set by the user, the child does not get to see."""


def child_environment(wanted: Mapping[str, str | None], inherited: Mapping[str, str]) -> ChildEnvironment:
    """The user's environment with `wanted` applied; where it names an HTTP proxy, our address is excepted from it."""
    environment = dict(inherited)
    for name, value in wanted.items():
        environment.pop(name, None)
        if value is not None:
            environment[name] = value
    if any(environment.get(name) for name in _PROXY_VARIABLES):
        exceptions = environment.get("NO_PROXY") or environment.get("no_proxy")
        environment["NO_PROXY"] = environment["no_proxy"] = f"{exceptions},{_LOOPBACK}" if exceptions else _LOOPBACK
    set_aside = tuple(sorted(name for name, value in wanted.items() if inherited.get(name, value) != value and inherited.get(name)))
    return ChildEnvironment(environment, set_aside)
