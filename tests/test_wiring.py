"""What the settings say reaches the backends."""

import asyncio
from pathlib import Path

import pytest

from ccproxy_cli.config.settings import ProviderSettings, Settings
from ccproxy_cli.core.errors import ErrorKind, UpstreamError
from ccproxy_cli.core.extras import Losses
from ccproxy_cli.core.parts import Text
from ccproxy_cli.core.request import Message, Request, Role
from ccproxy_cli.wiring import build_pipeline


async def test_no_more_wait_for_a_claude_process_than_the_queue_takes(tmp_path: Path) -> None:
    program = tmp_path / "claude"
    program.write_text("#!/bin/sh\nexec cat >/dev/null\n")
    program.chmod(0o700)
    provider = ProviderSettings("claude-code", executable=str(program), max_children=1, pool_size=0, queue=0)
    pipeline = build_pipeline(Settings(providers={"claude": provider}))
    backend, request = pipeline.backends["claude"], Request("sonnet", (Message(Role.USER, (Text("hello"),)),))
    first = asyncio.ensure_future(backend.send(request, Losses()))
    await asyncio.sleep(0)
    with pytest.raises(UpstreamError) as refused:
        await backend.send(request, Losses())
    assert refused.value.error.kind is ErrorKind.OVERLOADED
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await pipeline.aclose()
