"""What an agent does, in lines that people read beside its thoughts: each call as it is made, and how its result begins."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from ccproxy_cli.core.jsontext import JSON, JSONError, dumps_str, loads

_TELLING: Mapping[str, str] = MappingProxyType(
    {
        "Bash": "command",
        "Edit": "file_path",
        "Glob": "pattern",
        "Grep": "pattern",
        "NotebookEdit": "notebook_path",
        "Read": "file_path",
        "WebFetch": "url",
        "WebSearch": "query",
        "Write": "file_path",
    }
)
"""By tool: the argument that says what is about to happen."""
_MOST_LINES = 12
_LONGEST_LINE = 200
_INDENT = "  "


def call_in_words(name: str, arguments: str) -> str:
    """One line.

    Args:
        arguments: JSON, as the model wrote it.
    """
    try:
        given = loads(arguments)
    except JSONError:
        given = arguments
    told = given.get(_TELLING.get(name, "")) if isinstance(given, dict) else None
    words = told if isinstance(told, str) else dumps_str(given)
    return f"{name}: {_cut(' '.join(words.split()))}\n"


def result_in_words(content: JSON, failed: bool) -> str:
    """A few lines, set in below the call's.

    Args:
        content: a string or a list of blocks, as in a `tool_result`.
    """
    lines = [line for line in "\n".join(_texts(content)).splitlines() if line.strip()]
    shown = [f"{_INDENT}{_cut(line)}" for line in lines[:_MOST_LINES]]
    if len(lines) > _MOST_LINES:
        shown.append(f"{_INDENT}and {len(lines) - _MOST_LINES} lines more")
    if failed:
        shown.insert(0, f"{_INDENT}failed:")
    return "\n".join(shown or [f"{_INDENT}done"]) + "\n"


def _texts(content: JSON) -> Iterator[str]:
    for block in [{"type": "text", "text": content}] if isinstance(content, str) else content or ():
        if isinstance(block, dict):
            yield str(block["text"]) if "text" in block else f"({block.get('type')})"


def _cut(words: str) -> str:
    return words if len(words) <= _LONGEST_LINE else f"{words[: _LONGEST_LINE - 1]}…"
