"""Tool calls of a stream, which come in fragments: which fragment belongs to which call."""

from typing import Any

from attrs import define, field, frozen

from ccproxy_cli.core.errors import BadUpstream
from ccproxy_cli.core.formats.openai_chat import spelling
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.parts import ToolKind

_FRAGMENT = frozenset({"index", "id", "type", "function", "custom"})
_BODY = frozenset({"name", "arguments", "input"})


@frozen
class Fragment:
    """One entry of a delta's `tool_calls`, or its `function_call`."""

    index: int | None
    id: str
    name: str
    text: str
    kind: ToolKind
    members: dict[str, JSON]
    """What else it holds, and how it was spelled."""


def read_fragment(raw: JSON) -> Fragment:
    """Raises `BadUpstream` if it is none."""
    if type(raw) is not dict:
        raise BadUpstream("upstream sent a tool call that is not an object")
    custom = raw.get("custom")
    kind = ToolKind.FUNCTION if custom is None else ToolKind.CUSTOM
    body = custom if custom is not None else raw.get("function")
    if body is None:
        body = {}
    index = raw.get("index")
    if type(body) is not dict or (index is not None and type(index) is not int):
        raise BadUpstream("upstream sent a malformed tool call")
    members = {} if raw.keys() <= _FRAGMENT else {name: value for name, value in raw.items() if name not in _FRAGMENT}
    if not body.keys() <= _BODY:
        members |= spelling.dotted(kind.value, {name: value for name, value in body.items() if name not in _BODY})
    if raw.get("type") is None:
        members |= spelling.note(spelling.NO_TYPE)
    text = _string(body, "arguments" if custom is None else "input")
    return Fragment(index, _string(raw, "id"), _string(body, "name"), text, kind, members)


def read_legacy_fragment(raw: JSON) -> Fragment:
    """A piece of a `function_call`. Raises `BadUpstream` if it is none."""
    if type(raw) is not dict:
        raise BadUpstream("upstream sent a function call that is not an object")
    members = spelling.dotted("function", {name: value for name, value in raw.items() if name not in _BODY})
    members |= spelling.note(spelling.LEGACY)
    return Fragment(None, "function_call", _string(raw, "name"), _string(raw, "arguments"), ToolKind.FUNCTION, members)


def _string(holder: dict[str, Any], name: str) -> str:
    value = holder.get(name)
    if value is None:
        return ""
    if type(value) is not str:
        raise BadUpstream(f"upstream sent a tool call whose {name} is not a string")
    return value


@define(eq=False)
class Call:
    """A call under way. Its part starts when its name is known; what came before waits."""

    id: str = ""
    name: str = ""
    part: int | None = None
    """Index of its part, once started."""
    waiting: str = ""


@define
class Calls:
    """The open calls of one answer."""

    open: list[Call] = field(factory=list)
    """In the order they began."""
    _by_index: dict[int, Call] = field(factory=dict)
    _by_id: dict[str, Call] = field(factory=dict)

    def find(self, fragment: Fragment) -> Call:
        """The call a fragment belongs to: by its index, else by its id (Mistral), else the last one unless it names a function."""
        if fragment.index is not None:
            call = self._by_index.get(fragment.index)
            if call is not None and fragment.name and fragment.id and call.id and call.id != fragment.id:
                call = None  # some servers number every call 0 and tell them apart by their ids alone
        elif fragment.id:
            call = self._by_id.get(fragment.id)
        else:
            call = self.open[-1] if self.open and not fragment.name else None
        if call is None:
            call = Call()
            self.open.append(call)
        if fragment.index is not None:
            self._by_index[fragment.index] = call
        if fragment.id:
            self._by_id.setdefault(fragment.id, call)
        call.id = call.id or fragment.id
        call.name = call.name or fragment.name
        return call

    def clear(self) -> None:
        self.open.clear()
        self._by_index.clear()
        self._by_id.clear()
