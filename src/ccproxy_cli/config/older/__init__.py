"""The files of the proxies that people come from, read as if they were ours.

Each module knows one kind: how to tell it, and what its words are in our tree. What has no place there is named, line by line.
"""

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from ccproxy_cli.config.lines import Lines
from ccproxy_cli.config.older import claude_code_router, flat, models_list
from ccproxy_cli.config.older.writing import Draft
from ccproxy_cli.config.origin import ConfigError, Kind, Layer, Origin, Problem


@frozen
class Older:
    """What such a file says, in our words."""

    kind: str
    """Whose it is."""
    values: Layer
    lines: Lines
    """Of our paths, in that file."""
    left_out: Sequence[Problem]
    """What has no place here."""


_KINDS = (claude_code_router, models_list, flat)


def read_older(tree: Any, file: str, lines: Lines) -> Older | None:
    """The settings in a file of another proxy; None if it is not one.

    Args:
        tree: the parsed file.
        file: its path, to be shown.

    Raises:
        ConfigError: it is one, but spoiled.
    """
    for kind in _KINDS:
        if kind.is_one(tree):
            draft = Draft(file, lines)
            try:
                kind.write(tree, draft)
            except (AttributeError, TypeError, ValueError) as error:  # a list where a table should be, or the like
                message = f"looks like a file of {kind.NAME}, but is not of the shape that such files have"
                raise ConfigError([Problem(message, Origin(Kind.FILE, file))]) from error
            return Older(kind.NAME, draft.values, draft.lines, tuple(draft.left_out))
    return None
