"""ASGI in our words: the types, and what a request's scope says, read once."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from attrs import define

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


@define
class Head:
    """A request's head, read once."""

    method: str
    path: str
    """Normal: see `routes.normal_path`."""
    query: bytes
    headers: dict[str, str]
    """By lower-case name, as Latin-1. Of repeated ones the last counts."""
    repeated: frozenset[str] | None
    """Names that came more than once; None if none did."""

    @classmethod
    def of(cls, scope: Scope, path: str) -> "Head":
        pairs = scope["headers"]
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in pairs}
        repeated = None
        if len(headers) < len(pairs):
            names = [name.decode("latin-1") for name, _ in pairs]
            repeated = frozenset(name for name in headers if names.count(name) > 1)
        return cls(scope["method"], path, scope["query_string"], headers, repeated)

    def repeats(self, name: str) -> bool:
        return self.repeated is not None and name in self.repeated
