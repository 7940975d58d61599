"""What there is to tell a program, and the templates it is told in: text for variables and arguments, trees for settings files."""

import json
from collections.abc import Mapping, Sequence
from string import Template
from typing import TypeAlias

from attrs import field, frozen

Tree: TypeAlias = "str | int | bool | Mapping[str, Tree] | Sequence[Tree] | None"
"""JSON with words in it. A member whose word is not known is left out; one that is None takes the user's own out."""

KEY_VARIABLE = "CCPROXY_SESSION_KEY"
"""Holds the token for programs that are told the name of a variable rather than the key."""


_CAUTIOUS = 128_000
"""Tokens: most models of today take as many."""


@frozen
class Told:
    """What templates can say: `$root`, `$token`, `$model`, `$context`, and as JSON strings `$model_json` and `$qualified_json`; in trees
    also `$window`, which is the context or, where that is not known, a cautious guess."""

    root: str
    """Scheme, host and port of the server, without a path."""
    token: str = field(repr=False)
    """The one that the server takes."""
    model: str | None = None
    """What to ask for; None if the program may choose."""
    context: int | None = None
    """Tokens that fit into the model's window, where that is known."""

    @property
    def words(self) -> dict[str, str]:
        """By name, those that are known."""
        words = {"root": self.root, "token": self.token}
        if self.model is not None:
            # A provider of the name `ccproxy` qualifies a model in programs that keep a list of providers.
            qualified = f"ccproxy/{self.model}"
            words |= {"model": self.model, "model_json": json.dumps(self.model), "qualified_json": json.dumps(qualified)}
        if self.context is not None:
            words["context"] = str(self.context)
        return words


def fill_text(template: str, told: Told) -> str:
    """The text with its words in place. Raises KeyError for one that is not known."""
    return Template(template).substitute(told.words)


def fill_tree(template: Mapping[str, Tree], told: Told) -> dict[str, Tree]:
    """The tree with its words in place, also in the names of members. A number stands alone: `"$context"` becomes one."""
    made: dict[str, Tree] = {}
    for name, member in template.items():
        try:
            made[fill_text(name, told)] = _filled(member, told)
        except KeyError:
            continue
    return made


def _filled(template: Tree, told: Told) -> Tree:
    match template:
        case "$context":
            if told.context is None:
                raise KeyError("context")
            return told.context
        case "$window":
            return told.context or _CAUTIOUS
        case str():
            return fill_text(template, told)
        case Mapping():
            return fill_tree(template, told)
        case Sequence():
            return [_filled(member, told) for member in template]
        case _:
            return template
