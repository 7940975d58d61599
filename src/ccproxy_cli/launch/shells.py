"""Changes to the environment as text that a shell, or a program, can take in."""

import enum
import json
import shlex
from collections.abc import Mapping
from typing import assert_never


class Shell(enum.StrEnum):
    SH = "sh"
    FISH = "fish"
    POWERSHELL = "powershell"
    JSON = "json"


# PowerShell ends a single-quoted string at any of these and takes a doubled one literally (about_Quoting_Rules).
_POWERSHELL_QUOTES = str.maketrans({quote: quote * 2 for quote in "'\u2018\u2019\u201a\u201b"})
_FISH_ESCAPES = str.maketrans({"\\": "\\\\", "'": "\\'"})


def render_changes(changes: Mapping[str, str | None], shell: Shell) -> str:
    """Lines that set each variable to exactly its value, or take it out where that is None; for JSON one object, with null for those."""
    match shell:
        case Shell.SH:
            lines = [f"unset {name}" if value is None else f"export {name}={shlex.quote(value)}" for name, value in changes.items()]
        case Shell.FISH:
            lines = [
                f"set -e {name}" if value is None else f"set -gx {name} '{value.translate(_FISH_ESCAPES)}'"
                for name, value in changes.items()
            ]
        case Shell.POWERSHELL:
            lines = [
                f"Remove-Item Env:{name} -ErrorAction SilentlyContinue"
                if value is None
                else f"$env:{name} = '{value.translate(_POWERSHELL_QUOTES)}'"
                for name, value in changes.items()
            ]
        case Shell.JSON:
            lines = [json.dumps(changes, indent=2)]
        case _:
            assert_never(shell)
    return "\n".join(lines)
