"""The frames of one answer, as events. Decides when the answer is complete, when it is broken, and what of it the client may see.

The CLI is an agent: where an API would stop, it goes on. When the token limit, a refusal or a broken connection ends the model's turn it
puts in a message of its own and asks again; a tool call it runs. So the answer ends here with the model's first complete turn, and
a message without a stop reason is a broken one, whatever follows (2.1.329).
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from ccproxy_cli.backends.claude_code.toolbridge import ToolBridge
from ccproxy_cli.backends.claude_code.verdict import Notes, judge_result, judge_retry
from ccproxy_cli.core.errors import APIError, BadUpstream, ErrorKind, UpstreamError
from ccproxy_cli.core.events import Event, ResponseEnd, StreamError
from ccproxy_cli.core.jsontext import JSON
from ccproxy_cli.core.stream import is_content

_CLI_GOES_ON = frozenset({"tool_use", "max_tokens", "model_context_window_exceeded", "refusal", "pause_turn"})
"""Stop reasons after which the CLI sends further requests of its own. The model alone gives them, so no result need be awaited."""


class RawDecoder(Protocol):
    """Decodes the API's stream events, given as values."""

    def feed_event(self, event: dict[str, JSON]) -> list[Event]:
        """The events that one raw event amounts to. Raises `BadUpstream`."""


class Answer:
    """Holds the state of one answer. Nothing may be fed once it is `done`."""

    def __init__(self, decoder: Callable[[], RawDecoder], bridge: ToolBridge | None, now: Callable[[], float]) -> None:
        self.done = False
        """Complete: the process may end."""
        self.busy = False
        """A tool runs here: never, as tools are the client's."""
        self.begun = False
        """Content has been given out."""
        self._new_decoder = decoder
        self._decoder = decoder()
        self._bridge = bridge
        self._now = now
        self._notes = Notes()
        self._pending: list[Event] = []  # the start, until there is content: the CLI may still begin anew
        self._stop_reason: str | None = None
        self._end: list[Event] = []  # the success terminal, until the result confirms it

    def feed(self, frame: Mapping[str, JSON]) -> list[Event]:
        """The events that may go out now.

        Raises:
            UpstreamError: the API or the CLI reports an error.
            BadUpstream: the answer broke off.
        """
        self._notes.take(frame)
        match frame:
            case {"type": "stream_event", "event": dict() as event}:
                return self._feed_event(event)
            case {"type": "result"}:
                return self._feed_result(frame)
            case {"type": "system", "subtype": "api_retry"} if (error := judge_retry(frame)) is not None and self._stop_reason is None:
                raise UpstreamError(error)
            case _:
                return []

    def _feed_event(self, event: dict[str, JSON]) -> list[Event]:
        match event.get("type"):
            case "message_start":
                if self._stop_reason is not None:  # a turn that the client did not ask for
                    return self._finish()
                self._begin_anew()
            case "message_stop" if self._stop_reason is None:
                self._begin_anew()
                return []
            case "message_delta":
                self._stop_reason = (event.get("delta") or {}).get("stop_reason") or self._stop_reason
            case _:
                pass
        events = self._decode(event)
        if self._stop_reason in _CLI_GOES_ON and event.get("type") == "message_delta":
            events += self._decode({"type": "message_stop"})
            return events + self._finish()
        return events

    def _begin_anew(self) -> None:
        if self.begun:
            raise BadUpstream("the connection between Claude Code and the API broke off in the middle of the answer")
        self._decoder = self._new_decoder()
        self._pending = []

    def _decode(self, event: dict[str, JSON]) -> list[Event]:
        events = self._decoder.feed_event(self._renamed(event))
        ready: list[Event] = []
        for one in events:
            if isinstance(one, StreamError):
                raise UpstreamError(one.error)
            if isinstance(one, ResponseEnd) or self._end:
                self._end.append(one)
            elif self.begun or is_content(one):
                ready += [*self._pending, one]
                self._pending = []
                self.begun = True
            else:
                self._pending.append(one)
        return ready

    def _renamed(self, event: dict[str, JSON]) -> dict[str, JSON]:
        """Tool calls under the names that the client knows."""
        block = event.get("content_block")
        if self._bridge is None or not isinstance(block, dict) or block.get("type") != "tool_use":
            return event
        return {**event, "content_block": {**block, "name": self._bridge.to_client(str(block.get("name")))}}

    def _finish(self) -> list[Event]:
        self.done = True
        events, self._pending, self._end = self._pending + self._end, [], []
        self.begun = True
        return events

    def _feed_result(self, result: Mapping[str, JSON]) -> list[Event]:
        if (error := judge_result(result, self._notes, self._now())) is not None:
            raise UpstreamError(error)
        if not self._end:
            raise BadUpstream("Claude Code reports success, but the answer is not complete")
        return self._finish()


def ended_early(exit_status: int | None, last_words: str) -> UpstreamError:
    """The error for a process that ended before its answer did.

    Args:
        last_words: the end of its standard error, redacted.
    """
    how = (
        "ended" if exit_status in (None, 0) else f"was ended by signal {-exit_status}" if exit_status < 0 else f"failed with {exit_status}"
    )
    said = f": {last_words.splitlines()[-1][:300]}" if last_words else ""
    return UpstreamError(APIError(ErrorKind.BAD_UPSTREAM, f"Claude Code {how} before the answer was complete{said}"))
