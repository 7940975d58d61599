"""What the user's own settings of Claude Code say about where it goes. Names of variables alone are looked at: keys may be their values."""

import json
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

_LEADING = frozenset(
    {
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_BASE_URL",
        "CLAUDE_CODE_USE_BEDROCK",
        "CLAUDE_CODE_USE_FOUNDRY",
        "CLAUDE_CODE_USE_VERTEX",
    }
)


@frozen
class Override:
    """Variables under `env` in a settings file. They win over the environment that the program is started in (2.1.329, measured)."""

    path: Path
    names: tuple[str, ...]


def find_override(environ: Mapping[str, str], home: Path) -> Override | None:
    """The variables that lead Claude Code, when the user runs it, somewhere else than its environment says; None if there are none."""
    path = Path(environ.get("CLAUDE_CONFIG_DIR") or home / ".claude") / "settings.json"
    try:
        tree = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    variables = tree.get("env") if isinstance(tree, dict) else None
    names = sorted(_LEADING & set(variables)) if isinstance(variables, dict) else []
    return Override(path, tuple(names)) if names else None
