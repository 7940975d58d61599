"""`config.json` of anthropic-proxy: four plain settings of the server, its models in a file beside it.

Source: the template it writes, read 2026-11.
"""

from typing import Any

from ccproxy_cli.config.older.writing import Draft

NAME = "anthropic-proxy (config.json)"

_KEYS = ("host", "port", "log_level")
_NEEDLESS = ("log_file_path",)
"""What is logged goes to standard error here, where whoever starts the server can lead it anywhere."""


def is_one(tree: Any) -> bool:
    """Whether a parsed file is of this kind."""
    return isinstance(tree, dict) and bool(tree) and tree.keys() <= {*_KEYS, *_NEEDLESS}


def write(tree: dict[str, Any], draft: Draft) -> None:
    """Say it in our words."""
    for name in _KEYS:
        if name in tree:
            value = tree[name]
            draft.set(("server", name), value.lower() if name == "log_level" and isinstance(value, str) else value, (name,))
