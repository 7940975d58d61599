"""A backend over the real CLI, whose API is a fake on loopback."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from ccproxy_cli.backends.claude_code import ClaudeCodeBackend
from ccproxy_cli.config.settings import TimeoutSettings
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
