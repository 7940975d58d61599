"""On which line each key of a file stands. The file has been parsed already, so these scanners only count; they check nothing."""

import re
from collections.abc import Iterator, Mapping

from ccproxy_cli.config.origin import Path

Lines = Mapping[Path, int]
"""Line numbers from 1. A key that is missing stands where its nearest known parent stands."""


def line_of(lines: Lines, path: Path) -> int:
    """The line of `path`, or of the nearest parent that has one."""
    for length in range(len(path), 0, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return 1


_TOML_WORD = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*"
    r"|[\[\]{}=.,\n]"
    r"|[^\s\[\]{}=.,\"'\#]+",
    re.DOTALL,
)


def toml_lines(text: str) -> Lines:
    """Of every table header and key, keys of inline tables excepted."""
    lines: dict[Path, int] = {}
    table: Path = ()
    words = _words(_TOML_WORD, text)
    for word, line in words:
        if word == "\n" or word.startswith("#"):
            continue
        if word == "[":
            table = _toml_header(words)
            lines.setdefault(table, line)
            continue
        path = (*table, *_toml_key(word, words))
        lines.setdefault(path, line)
        _skip_toml_value(words)
    return lines


def _words(pattern: re.Pattern[str], text: str) -> Iterator[tuple[str, int]]:
    line, position = 1, 0
    for match in pattern.finditer(text):
        line += text.count("\n", position, match.start())
        position = match.start()
        yield match[0], line


def _toml_header(words: Iterator[tuple[str, int]]) -> Path:
    parts: list[str] = []
    for word, _ in words:
        if word == "\n":
            break
        if word not in "[]." and not word.startswith("#"):
            parts.append(_unquoted(word))
    return tuple(parts)


def _toml_key(first: str, words: Iterator[tuple[str, int]]) -> Path:
    parts = [_unquoted(first)]
    for word, _ in words:
        if word == "=":
            break
        if word != ".":
            parts.append(_unquoted(word))
    return tuple(parts)


def _skip_toml_value(words: Iterator[tuple[str, int]]) -> None:
    depth = 0
    for word, _ in words:
        if word in ("[", "{"):
            depth += 1
        elif word in ("]", "}"):
            depth -= 1
        elif word == "\n" and depth == 0:
            return


def _unquoted(word: str) -> str:
    if word[:1] == "'":
        return word[1:-1]
    if word[:1] == '"':
        return word[1:-1].encode("latin-1", "backslashreplace").decode("unicode_escape")
    return word


_JSON_WORD = re.compile(r'"(?:\\.|[^"\\])*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def json_lines(text: str) -> Lines:
    """Of every key outside lists."""
    lines: dict[Path, int] = {}
    path: list[str] = []
    lists = 0
    last = ""
    for word, line in _words(_JSON_WORD, text):
        if word == "[":
            lists += 1
        elif word == "]":
            lists -= 1
        elif lists:
            pass
        elif word == "{":
            path.append("")
        elif word == "}":
            path.pop()
        elif word == ":" and path:
            path[-1] = _unquoted(last)
            lines.setdefault(tuple(path), line)
        last = word
    return lines


def yaml_lines(text: str) -> Lines:
    """Of every key outside lists."""
    import yaml

    lines: dict[Path, int] = {}

    def walk(node: object, path: Path) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                below = (*path, str(key.value))
                lines.setdefault(below, key.start_mark.line + 1)
                walk(value, below)

    walk(yaml.compose(text, Loader=yaml.SafeLoader), ())
    return lines
