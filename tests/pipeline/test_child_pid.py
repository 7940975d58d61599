"""The log names the process that answered, where there was one."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from ccproxy_cli.backends.base import Backend, EventStream, ProcessStream
from ccproxy_cli.backends.echo import EchoBackend
from ccproxy_cli.core.events import Event
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats import FORMATS
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.jsontext import dumps
from ccproxy_cli.core.request import Request
from ccproxy_cli.pipeline.exchange import Exchange
from ccproxy_cli.pipeline.pipeline import Pipeline
from ccproxy_cli.pipeline.route import RouteTable


class Process(ProcessStream):
    """Another stream, as if a process said it."""

    def __init__(self, stream: AsyncGenerator[list[Event], None]) -> None:
        self.child_pid = 4711
        self._stream = stream

    async def asend(self, value: None) -> list[Event]:
        return await self._stream.asend(value)

    async def athrow(self, kind: Any, value: Any = None, traceback: Any = None, /) -> list[Event]:
        return await self._stream.athrow(kind, value, traceback)

    async def aclose(self) -> None:
        await self._stream.aclose()


class Program(EchoBackend):
    """Answers by a process."""

    async def send(self, request: Request, losses: Losses, client_key: str | None = None) -> EventStream:
        return Process(await super().send(request, losses, client_key))


@pytest.mark.parametrize(("backend", "pid"), [(Program("echo"), 4711), (EchoBackend("echo"), None)])
@pytest.mark.parametrize("stream", [True, False])
async def test_the_process_is_noted(backend: Backend, pid: int | None, stream: bool) -> None:
    body = {"model": "echo/echo", "max_tokens": 9, "stream": stream, "messages": [{"role": "user", "content": "hi"}]}
    exchange = Exchange("req_1", FORMATS["anthropic"], HTTPCall("POST", "/v1/messages", dumps(body)))
    answer = await Pipeline(RouteTable((), {"echo": ()}), {"echo": backend}).generate(exchange)
    if answer.chunks is not None:
        await answer.chunks.aclose()
    assert exchange.child_pid == pid
