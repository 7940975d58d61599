"""Function arguments that arrive in pieces: each names a place in the object by JSON path and gives a value, or more of a string.

Vertex sends them so when it is asked for `streamFunctionCallArguments` (google-genai 3.3, `PartialArg`).
"""

import itertools
import re

from ccproxy_cli.core.errors import BadUpstream
from ccproxy_cli.core.jsontext import JSON

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]")
_VALUES = ("stringValue", "numberValue", "boolValue", "nullValue")
_MOST_ITEMS = 100_000
"""Of a list: a place far beyond its end is no honest piece."""


class PartialArguments:
    """The arguments of one call, growing."""

    def __init__(self) -> None:
        self.value: dict[str, JSON] = {}
        self._growing: set[str] = set()
        """Paths of strings that will go on."""

    def feed(self, pieces: JSON) -> None:
        """Take the pieces of one chunk.

        Raises:
            BadUpstream: they do not fit.
        """
        if not isinstance(pieces, list):
            raise BadUpstream("upstream sent partial arguments that are not a list")
        for piece in pieces:
            path = piece.get("jsonPath") if isinstance(piece, dict) else None
            if not isinstance(path, str):
                raise BadUpstream("upstream sent a partial argument without a path")
            name = next((name for name in _VALUES if name in piece), None)
            if name is not None:
                self._put(path, None if name == "nullValue" else piece[name])
            if piece.get("willContinue") is True:
                self._growing.add(path)
            else:
                self._growing.discard(path)

    def _put(self, path: str, value: JSON) -> None:
        steps = _steps(path)
        place: JSON = self.value
        for step, following in itertools.pairwise(steps):
            place = _child(place, step, [] if isinstance(following, int) else {}, path)
        last = steps[-1]
        if path in self._growing and isinstance(value, str):
            before = _child(place, last, "", path)
            value = (before if isinstance(before, str) else "") + value
        _set(place, last, value, path)


def _steps(path: str) -> list[str | int]:
    steps: list[str | int] = []
    position = 1 if path.startswith("$") else 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise BadUpstream(f"upstream sent a partial argument at {path[:80]!r}, which is no path")
        name, index, single, double = match.groups()
        steps.append(int(index) if index is not None else name or re.sub(r"\\(.)", r"\1", single if single is not None else double))
        position = match.end()
    if not steps or isinstance(steps[0], int):
        raise BadUpstream(f"upstream sent a partial argument at {path[:80]!r}, which is not inside the arguments")
    return steps


def _child(place: JSON, step: str | int, default: JSON, path: str) -> JSON:
    """What is at a step inside of `place`, which is `default` if there is nothing yet."""
    if isinstance(place, dict) and isinstance(step, str):
        return place.setdefault(step, default)
    if isinstance(place, list) and isinstance(step, int):
        if step >= len(place):
            _set(place, step, default, path)
        return place[step]
    raise BadUpstream(f"upstream sent a partial argument at {path[:80]!r}, where another value stands")


def _set(place: JSON, step: str | int, value: JSON, path: str) -> None:
    if isinstance(place, dict) and isinstance(step, str):
        place[step] = value
    elif isinstance(place, list) and isinstance(step, int) and step < _MOST_ITEMS:
        place.extend([None] * (step + 1 - len(place)))
        place[step] = value
    else:
        raise BadUpstream(f"upstream sent a partial argument at {path[:80]!r}, where another value stands")
