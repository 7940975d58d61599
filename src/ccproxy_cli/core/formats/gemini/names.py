"""Names of tools that the vendor takes."""

import re

from ccproxy_cli.core.ids import digest_id

NAME_RULE = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}")
"""google-genai 3.3, on `FunctionDeclaration.name`. Older models took 64 characters, which the shortening below keeps to."""
_LONGEST = 64
_TAIL = 8


def fit_name(name: str) -> str:
    """`name` if the vendor takes it, else one that is made of it alone: no two names meet, and the same name is always the same."""
    if NAME_RULE.fullmatch(name):
        return name
    cleaned = re.sub(r"[^a-zA-Z0-9_.:-]", "_", name)
    if not NAME_RULE.match(cleaned):
        cleaned = f"_{cleaned}"
    return f"{cleaned[: _LONGEST - _TAIL - 1]}_{digest_id(name)[:_TAIL]}"
