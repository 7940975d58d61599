"""The only importer of claude-code-sdk, which takes most of a second to load: import this module late, and off the event loop.

The SDK holds the control protocol; starting, framing and ending the process is ours. Its own transport puts the system prompt on the
command line, caps frames at 1 MiB, lets a cancelled child live for ten seconds and loses spaces between two reads (0.0.25).
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from claude_code_sdk import ClaudeCodeOptions, SystemMessage, Transport, query
from claude_code_sdk.types import StreamEvent

from ccproxy_cli.backends.claude_code.session import Session
from ccproxy_cli.core.errors import BadUpstream
from ccproxy_cli.core.jsontext import JSON


class SessionTransport(Transport):
    """A process that runs already, as the SDK sees it. Closing is left to who started the process."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def connect(self) -> None:
        """Nothing to do."""

    async def write(self, data: str) -> None:
        """Send one frame."""
        await self._session.send(data)

    def read_messages(self) -> AsyncIterator[dict[str, Any]]:
        """The frames the SDK is to see."""
        return self._session.frames()

    async def close(self) -> None:
        """Nothing to do."""

    def is_ready(self) -> bool:
        """Always: it is made from a running process."""
        return True

    async def end_input(self) -> None:
        """Nothing to do: the CLI still needs answers when the last turn is said."""


async def converse(session: Session) -> AsyncIterator[Mapping[str, JSON]]:
    """Say the session's plan; the frames that come back, until the process ends.

    To be read to its end: the SDK's task group has to be left by the task that entered it. Whoever has enough ends the process.

    Raises:
        BadUpstream: the SDK gave up.
    """
    try:
        async for message in query(prompt=session.script(), options=ClaudeCodeOptions(), transport=SessionTransport(session)):
            match message:
                case StreamEvent(event=event):
                    yield {"type": "stream_event", "event": event}
                case SystemMessage(data={"frame": dict() as frame}):
                    yield frame
                case _:
                    pass
    except Exception as error:  # it raises bare Exception
        raise BadUpstream(f"Claude Code does not answer: {error}") from error
