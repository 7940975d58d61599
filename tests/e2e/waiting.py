"""An SDK without `async`, for those who await: every call waits in a thread of its own, as an application's worker would."""

import asyncio
import functools
from collections.abc import AsyncIterator, Callable, Generator
from typing import Any

from attrs import define, frozen
from pydantic import BaseModel

_PLAIN = (BaseModel, str, int, dict, list, tuple, type(None))
"""What is handed on as it is."""
_END = object()


def _waiting(value: Any) -> Any:
    return value if isinstance(value, _PLAIN) else Waiting(value)


@frozen
class Waiting:
    """Any object of an SDK: its attributes, calls and steps."""

    inner: Any

    def __getattr__(self, name: str) -> Any:
        return _waiting(getattr(self.inner, name))

    def __call__(self, *arguments: Any, **named: Any) -> "_Call":
        return _Call(functools.partial(self.inner, *arguments, **named))

    async def __aiter__(self) -> AsyncIterator[Any]:
        steps = iter(self.inner)
        while (step := await asyncio.to_thread(next, steps, _END)) is not _END:
            yield step


@define(eq=False)
class _Call:
    """A call that is made when it is awaited, or when what it gives is entered."""

    make: Callable[[], Any]
    leave: Callable[..., Any] | None = None

    def __await__(self) -> Generator[Any, None, Any]:
        return self._made().__await__()

    async def _made(self) -> Any:
        return _waiting(await asyncio.to_thread(self.make))

    async def __aenter__(self) -> Any:
        manager = await asyncio.to_thread(self.make)
        self.leave = manager.__exit__
        return _waiting(await asyncio.to_thread(manager.__enter__))

    async def __aexit__(self, *problem: object) -> None:
        assert self.leave is not None
        await asyncio.to_thread(self.leave, *problem)
