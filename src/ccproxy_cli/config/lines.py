"""On which line each key and each item of a list stands. An item's part of a path is its number from 0, as text.

The file has been parsed already, so these scanners only count; they check nothing.
"""

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
    """Of everything in a TOML file."""
    scanner = _TOML(_words(_TOML_WORD, text))
    scanner.document()
    return scanner.lines


def _words(pattern: re.Pattern[str], text: str) -> Iterator[tuple[str, int]]:
    line, position = 1, 0
    for match in pattern.finditer(text):
        line += text.count("\n", position, match.start())
        position = match.start()
        yield match[0], line


class _Scanner:
    """A word at a time, and the lines found so far."""

    def __init__(self, words: Iterator[tuple[str, int]]) -> None:
        self.lines: dict[Path, int] = {}
        self._words = words
        self.word, self.line = "", 1
        self.next()

    def next(self) -> None:
        """Go on to the next word; the empty one is the end."""
        self.word, self.line = next(self._words, ("", self.line))

    def found(self, path: Path) -> None:
        self.lines.setdefault(path, self.line)


class _TOML(_Scanner):
    def __init__(self, words: Iterator[tuple[str, int]]) -> None:
        super().__init__(words)
        self._lists: dict[Path, int] = {}
        """How many tables each list of tables has by now."""

    def document(self) -> None:
        table: Path = ()
        self._skip()
        while self.word:
            if self.word == "[":
                table = self._header()
            else:
                self._member(table)
            self._skip()

    def _skip(self) -> None:
        """Go on past line ends and comments."""
        while self.word == "\n" or self.word.startswith("#"):
            self.next()

    def _header(self) -> Path:
        line, names, brackets = self.line, [], 0
        while self.word and self.word != "\n":
            if self.word == "[":
                brackets += 1
            elif self.word not in ("]", ".") and not self.word.startswith("#"):
                names.append(_unquoted(self.word))
            self.next()
        path: Path = ()
        for name in names[:-1]:
            path = self._last((*path, name))
        path = (*path, names[-1])
        self.lines.setdefault(path, line)
        if brackets > 1:
            self._lists[path] = self._lists.get(path, 0) + 1
        path = self._last(path)
        self.lines.setdefault(path, line)
        return path

    def _last(self, path: Path) -> Path:
        """The table itself or, of a list of tables, the last one."""
        return (*path, str(self._lists[path] - 1)) if path in self._lists else path

    def _member(self, above: Path) -> None:
        line, path = self.line, above
        while self.word and self.word != "=":
            if self.word != ".":
                path = (*path, _unquoted(self.word))
            self.next()
        self.lines.setdefault(path, line)
        self.next()
        self._value(path)

    def _value(self, path: Path) -> None:
        """Go on past a value."""
        match self.word:
            case "[":
                self._items(path)
            case "{":
                self._table(path)
            case _:
                while self.word and self.word not in ("\n", ",", "]", "}"):
                    self.next()

    def _items(self, path: Path) -> None:
        self.next()
        self._skip()
        number = 0
        while self.word and self.word != "]":
            if self.word != ",":
                self.found((*path, str(number)))
                self._value((*path, str(number)))
                number += 1
            else:
                self.next()
            self._skip()
        self.next()

    def _table(self, path: Path) -> None:
        self.next()
        self._skip()
        while self.word and self.word != "}":
            if self.word == ",":
                self.next()
            else:
                self._member(path)
            self._skip()
        self.next()


def _unquoted(word: str) -> str:
    if word[:1] == "'":
        return word[1:-1]
    if word[:1] == '"':
        return word[1:-1].encode("latin-1", "backslashreplace").decode("unicode_escape")
    return word


_JSON_WORD = re.compile(r'"(?:\\.|[^"\\])*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def json_lines(text: str) -> Lines:
    """Of everything in a JSON file."""
    scanner = _JSON(_words(_JSON_WORD, text))
    scanner.value(())
    return scanner.lines


class _JSON(_Scanner):
    def value(self, path: Path) -> None:
        """Go on past a value."""
        match self.word:
            case "{":
                self._object(path)
            case "[":
                self._items(path)
            case _:
                self.next()

    def _object(self, path: Path) -> None:
        self.next()
        while self.word and self.word != "}":
            if self.word == ",":
                self.next()
                continue
            below = (*path, _unquoted(self.word))
            self.found(below)
            self.next()  # the colon
            self.next()
            self.value(below)
        self.next()

    def _items(self, path: Path) -> None:
        self.next()
        number = 0
        while self.word and self.word != "]":
            if self.word == ",":
                self.next()
                continue
            self.found((*path, str(number)))
            self.value((*path, str(number)))
            number += 1
        self.next()


def yaml_lines(text: str) -> Lines:
    """Of everything in a YAML file."""
    import yaml

    lines: dict[Path, int] = {}

    def walk(node: object, path: Path) -> None:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                below = (*path, str(key.value))
                lines.setdefault(below, key.start_mark.line + 1)
                walk(value, below)
        elif isinstance(node, yaml.SequenceNode):
            for number, item in enumerate(node.value):
                below = (*path, str(number))
                lines.setdefault(below, item.start_mark.line + 1)
                walk(item, below)

    walk(yaml.compose(text, Loader=yaml.SafeLoader), ())
    return lines
