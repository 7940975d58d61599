"""A backend over the real CLI, whose API is a fake on loopback."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from ccproxy_cli.backends.claude_code import ClaudeCodeBackend
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


@pytest.fixture
async def make(api: FakeAnthropic, tmp_path: Path) -> AsyncIterator[Make]:
    """Builds backends whose CLI has a home of its own, and closes them."""
    made: list[ClaudeCodeBackend] = []
    home = tmp_path / "home"
    home.mkdir()

    def build(**more: Any) -> ClaudeCodeBackend:
        environment = {**api.environment, "HOME": str(home), **more.pop("environment", {})}
        environment = {name: value for name, value in environment.items() if value is not None}
        timeouts = more.pop("timeouts", TimeoutSettings(first_byte=30, idle=30, total=60))
        made.append(ClaudeCodeBackend("claude", environment=environment, timeouts=timeouts, **more))
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
