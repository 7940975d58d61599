"""A backend over the real CLI, whose API is a fake on loopback.

What holds of a process started for its request has to hold of one that waited for it, so tests of either run over both.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from ccproxy_cli.backends.base import EventStream
from ccproxy_cli.backends.claude_code.backend import ClaudeCodeBackend
from ccproxy_cli.config.settings import TimeoutSettings
from ccproxy_cli.core.events import Event
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.formats.anthropic import FORMAT
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.jsontext import dumps
from ccproxy_cli.core.parts import Text
from ccproxy_cli.core.request import Message, Request, Role
from ccproxy_cli.core.response import Response
from ccproxy_cli.core.stream import fold
from tests.fake_anthropic import FakeAnthropic

Make = Callable[..., ClaudeCodeBackend]


@pytest.fixture
async def api() -> AsyncIterator[FakeAnthropic]:
    async with FakeAnthropic() as fake:
        yield fake


class Patient(ClaudeCodeBackend):
    """Has a process ready for each request before it sends it, and keeps none afterwards."""

    async def send(self, request: Request, losses: Losses, client_key: str | None = None) -> EventStream:
        """As ever, later."""
        self._pool._always = frozenset({request.model})
        self.warm_up()
        try:
            await ready(self, 2.0)  # stand-ins may never be
        except asyncio.CancelledError:
            await self._pool.aclose()
            raise
        self._pool._active = False
        return await super().send(request, losses, client_key)


async def ready(backend: ClaudeCodeBackend, seconds: float = 15.0) -> int:
    """Wait until the backend has a process ready, or until it is of no use to wait. The process's id, or 0."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while backend._pool._keepers and not backend._pool.ready:
                await asyncio.sleep(0.01)
    return backend._pool.ready[0].pid if backend._pool.ready else 0


@pytest.fixture(params=[ClaudeCodeBackend, Patient], ids=["cold", "warm"])
def backend_class(request: pytest.FixtureRequest) -> type[ClaudeCodeBackend]:
    """Whether each request gets a fresh process or one that waited for it."""
    chosen: type[ClaudeCodeBackend] = request.param
    return chosen


@pytest.fixture
async def make(backend_class: type[ClaudeCodeBackend], api: FakeAnthropic, tmp_path: Path) -> AsyncIterator[Make]:
    """Builds backends whose CLI has a home of its own, and closes them."""
    made: list[ClaudeCodeBackend] = []
    home = tmp_path / "home"
    home.mkdir()

    def build(**more: Any) -> ClaudeCodeBackend:
        environment = {**api.environment, "HOME": str(home), **more.pop("environment", {})}
        environment = {name: value for name, value in environment.items() if value is not None}
        timeouts = more.pop("timeouts", TimeoutSettings(first_byte=30, idle=30, total=60))
        made.append(backend_class("claude", environment=environment, timeouts=timeouts, **{"pool_size": 1, **more}))
        return made[-1]

    yield build
    for backend in made:
        await backend.aclose()


@pytest.fixture
def backend(make: Make) -> ClaudeCodeBackend:
    """On an API key, so that the CLI adds nothing to the conversation."""
    return make()


async def fetch(backend: ClaudeCodeBackend, request: Request) -> tuple[Response, list[str]]:
    """The complete answer, and the fields that were lost on the way there."""
    losses = Losses()
    stream = await backend.send(request, losses)
    events: list[Event] = []
    try:
        async for batch in stream:
            events += batch
    finally:
        await stream.aclose()
    return fold(events), [loss.field for loss in losses]


def say(*messages: Message | str, **more: Any) -> Request:
    """A request of these messages; bare words are the user's."""
    said = tuple(Message(Role.USER, (Text(words),)) if isinstance(words, str) else words for words in messages)
    return Request(**{"model": "claude-sonnet-4-5", "messages": said, "max_tokens": 200, **more})


def native(body: dict[str, Any]) -> Request:
    """The request that an Anthropic client sends."""
    return FORMAT.decode_request(HTTPCall("POST", "/v1/messages", dumps(body)), Losses())
