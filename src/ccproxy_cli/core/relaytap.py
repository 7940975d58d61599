"""The eye on a relayed stream: every frame is checked before it is forwarded, and what the answer cost is read off as it passes.

The bytes of a frame's data stay as the upstream wrote them, except for what no strict reader would take: half of a surrogate pair
becomes U+FFFD, and data folded over several lines becomes one line. Whatever is not the format, and the lack of an end, is an error.
"""

from collections.abc import Sequence

from ccproxy_cli.core.errors import BadUpstream, UpstreamError
from ccproxy_cli.core.events import CONTENT_EVENTS, Event, ResponseEnd, ResponseStart, StreamError
from ccproxy_cli.core.formats import Format
from ccproxy_cli.core.framing import Frame, SSEDecoder, encode_frame
from ccproxy_cli.core.jsontext import repair_surrogates
from ccproxy_cli.core.response import Usage


class RelayTap:
    """Holds one relayed stream's state."""

    def __init__(self, spoken: Format) -> None:
        self._cutter = SSEDecoder()
        self._decoder = spoken.stream_decoder()
        self.usage: Usage | None = None
        """Final once the answer is complete, until then what is known of the input side."""
        self.answer: str | None = None
        """The vendor's id of the answer, once it is told."""
        self.begun = False
        """Content has passed: a failure from now on is told in-band."""
        self.failure: BadUpstream | UpstreamError | None = None
        """What ended the stream; raise it after forwarding what `feed` returned."""
        self._closed = False

    @property
    def done(self) -> bool:
        """The answer is complete, or failed: nothing that follows is to be forwarded."""
        return self._closed or self._decoder.done or self.failure is not None

    def feed(self, chunk: bytes) -> bytes:
        """The whole frames that may go out now that `chunk` has come. Never raises: see `failure`."""
        out: list[bytes] = []
        if self.done:
            return b""
        try:
            for frame in self._cutter.feed(chunk):
                self._pass(frame, out)
                if self._decoder.done:
                    break
        except (BadUpstream, UpstreamError) as error:
            self.failure = error
        return b"".join(out)

    def close(self) -> bytes:
        """The frames that the end of the stream completes. Never raises: see `failure`."""
        out: list[bytes] = []
        if self.done:
            return b""
        try:
            for frame in self._cutter.close():
                self._pass(frame, out)
                if self._decoder.done:
                    break
            if not self._decoder.done:
                self._observe(self._decoder.close())
        except (BadUpstream, UpstreamError) as error:
            self.failure = error
        self._closed = True
        return b"".join(out)

    def _pass(self, frame: Frame, out: list[bytes]) -> None:
        data, event = frame.data, frame.event
        if not event.isascii():
            raise BadUpstream("the stream names an event in other than ASCII")
        if b"\n" in data:
            data = data.replace(b"\n", b" ")  # in JSON a bare line end can only stand between tokens
        if b"\\u" in data:
            data = repair_surrogates(data)
        if not (self.begun and event != b"error" and self._decoder.skim(frame.data)):  # nearly every frame is nothing but words
            self._observe(self._decoder.feed_frame(frame))
        out.append(encode_frame(data, event))

    def _observe(self, events: Sequence[Event]) -> None:
        for event in events:
            if isinstance(event, StreamError):
                raise UpstreamError(event.error)
            if isinstance(event, ResponseStart | ResponseEnd):
                self.usage = event.usage
                self.begun = self.begun or isinstance(event, ResponseEnd)
                self.answer = event.id if isinstance(event, ResponseStart) else self.answer
            elif isinstance(event, CONTENT_EVENTS):
                self.begun = True
