"""ASGI in our words: the types, and what a request's scope says, read once."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApp: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


def headers_of(scope: Scope) -> dict[str, str]:
    """The request's headers by lower-case name. Of repeated ones the last counts; those that decide who may ask are read from the scope."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def values_of(scope: Scope, name: bytes) -> list[bytes]:
    """Every value of a header."""
    return [value for found, value in scope["headers"] if found == name]
