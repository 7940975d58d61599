"""Streams of an upstream: the vendor's events to ours."""

from collections.abc import Collection, Mapping
from typing import Any

from ccproxy_cli.core.errors import BadUpstream
from ccproxy_cli.core.events import Event, Ping, ResponseEnd, ResponseStart, StreamError
from ccproxy_cli.core.formats._openai.tiers import read_tier
from ccproxy_cli.core.formats.openai_responses.errors import error_in_answer
from ccproxy_cli.core.formats.openai_responses.finish import finish_of, read_usage
from ccproxy_cli.core.formats.openai_responses.item_stream import ItemStream, Step
from ccproxy_cli.core.formats.openai_responses.response import GONE, logprobs_of, members_of
from ccproxy_cli.core.formats.openai_responses.wire import NAME
from ccproxy_cli.core.framing import Frame, SSEDecoder
from ccproxy_cli.core.jsontext import JSON, JSONError, loads

_TERMINALS = ("response.completed", "response.incomplete", "response.failed", "response.done")


class ResponsesStreamDecoder:
    """One stream's state."""

    def __init__(self) -> None:
        self.done = False
        self._frames = SSEDecoder()
        self._started = False
        self._begun_with: Collection[str] = ()
        self._items = ItemStream()
        self._steps: Mapping[str, Step] = {
            "response.created": self._start,
            "response.in_progress": self._start,
            "response.queued": self._start,
            "error": self._fail,
            "keepalive": self._ping,
            **dict.fromkeys(_TERMINALS, self._end),
        }

    # The protocol

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that `chunk` completes.

        Raises:
            BadUpstream: the bytes are not this format.
        """
        out: list[Event] = []
        for frame in () if self.done else self._frames.feed(chunk):
            self._take(frame, out)
        return out

    def feed_frame(self, frame: Frame) -> list[Event]:
        """The events of one frame, for callers that cut the frames themselves. Raises `BadUpstream`."""
        out: list[Event] = []
        self._take(frame, out)
        return out

    def skim(self, data: bytes) -> bool:
        """Never: see `StreamDecoder.skim`."""
        return False

    def close(self) -> list[Event]:
        """The events that the end of the bytes completes.

        Raises:
            BadUpstream: the answer was not complete.
        """
        out: list[Event] = []
        for frame in () if self.done else self._frames.close():
            self._take(frame, out)
        if not self.done:
            raise BadUpstream("the stream ended before the response did")
        return out

    def _take(self, frame: Frame, out: list[Event]) -> None:
        if self.done or frame.data.startswith(b"[DONE]"):
            return
        try:
            event = loads(frame.data)
        except JSONError as error:
            raise BadUpstream(f"upstream sent an event that is not JSON: {error}") from error
        if type(event) is not dict:
            raise BadUpstream("upstream sent an event that is not an object")
        kind = event.get("type")
        if kind is None:
            kind = "error" if event.get("error") else frame.event.decode("utf-8", "replace")
        if type(kind) is not str:
            raise BadUpstream("upstream sent an event whose type is not a string")
        step = self._items.steps.get(kind)
        try:
            if step is None:
                self._steps.get(kind, self._items.step)(event, out)
                return
            if not self._started:
                self._start({}, out)
            step(event, out)
        except (KeyError, TypeError, AttributeError) as error:
            raise BadUpstream(f"upstream sent a malformed {kind[:60]!r} event") from error

    # The response

    def _start(self, event: dict[str, Any], out: list[Event]) -> None:
        if self._started:
            out.append(Ping())
            return
        self._started = True
        response = event.get("response") or {}
        created = response.get("created_at")
        out.append(
            ResponseStart(
                id=_text(response.get("id")),
                model=_text(response.get("model")),
                created=int(created) if isinstance(created, int | float) else None,
                usage=read_usage(response.get("usage")),
                extras={NAME: members_of(response) if response else {}},
            )
        )
        self._begun_with = response.keys()

    def _end(self, event: dict[str, Any], out: list[Event]) -> None:
        response = event["response"]
        if response.get("status") in ("failed", "cancelled") or event["type"] == "response.failed":
            self._fail(response, out)
            return
        if not self._started:
            self._start({"response": {**response, "usage": None}}, out)
        self._items.hear(response.get("output") or (), out)
        if self._items.open:
            raise BadUpstream("upstream ended the response with items still open")
        self.done = True
        status = response.get("status") or event["type"].removeprefix("response.")
        gone = [name for name in self._begun_with if name not in response]
        out.append(
            ResponseEnd(
                finish=finish_of(status, response.get("incomplete_details"), self._items.said),
                usage=read_usage(response.get("usage")),
                extras={NAME: members_of(response) | ({GONE: gone} if gone else {})},
                service_tier=read_tier(response),
                logprobs=logprobs_of(response.get("output")),
            )
        )

    def _fail(self, event: dict[str, Any], out: list[Event]) -> None:
        self.done = True
        if not self._started:
            self._start(event if "response" in event else {}, out)
        out.append(StreamError(error_in_answer(event)))

    def _ping(self, _: dict[str, Any], out: list[Event]) -> None:
        out.append(Ping())


def _text(value: JSON) -> str:
    return value if isinstance(value, str) else ""
