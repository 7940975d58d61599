"""What a format is whose clients go on from an earlier answer by its id, and expect somebody to have kept it."""

from collections.abc import Mapping
from typing import Protocol

from attrs import frozen

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.request import Request


@frozen
class Kept:
    """One answer and all that led to it, in the words of its client's format."""

    body: bytes
    """The answer as its client could have got it in one piece."""
    asked: bytes
    """Everything that was said before it, as a JSON list."""


@frozen
class Named:
    """What a request relies on instead of saying it, and whether its own answer may be relied on later."""

    answer: str | None
    """Id of the answer it goes on from."""
    items: tuple[str, ...]
    """Ids of single things said earlier."""
    keep: bool


@frozen
class Wanted:
    """What a client wants of a kept answer."""

    answer: str
    """Its id: letters, digits, `_` and `-`."""
    asked: bool = False
    """Not the answer, but what led to it."""
    cancelled: bool = False
    """That it be given up."""
    after: int | None = None
    """As the events of a stream, beginning after the one of this number; None in one piece."""


class Keeping(Protocol):
    """How a format names kept answers, and how a request is written out in full."""

    def named(self, members: Mapping[str, bytes]) -> Named:
        """What a request of these top-level members names. Raises nothing: what is malformed is for `decode_request` to say."""

    def written_out(self, call: HTTPCall, members: Mapping[str, bytes], before: Kept | None, items: Mapping[str, bytes]) -> HTTPCall:
        """The call saying itself what it names: the answer it goes on from, and those of the items that are given."""

    def marked(self, request: Request, answer: str | None) -> Request:
        """The request so that its answer tells the client that it is kept, and which one it goes on from."""

    def new_id(self, token: str) -> str:
        """An id for an answer that is to be kept, from a token that nobody can guess."""

    def kept(self, call: HTTPCall, body: bytes) -> Kept:
        """What to keep of an answer to a call that was written out."""

    def items(self, kept: Kept) -> Mapping[str, bytes]:
        """What the answer said, by the ids under which requests may name it."""

    def wanted(self, call: HTTPCall) -> Wanted | None:
        """What a call to a kept answer's own path is about; None if no id could look like that.

        Raises:
            BadRequest: it is asked for in a way that is not served.
        """

    def encode_asked(self, kept: Kept, query: str) -> bytes:
        """A page of what led to the answer. Raises `BadRequest` for a query that means nothing."""

    def encode_streamed(self, kept: Kept, after: int) -> bytes:
        """The frames of the stream that the answer could have come in, beginning after the event of a number."""

    def encode_deleted(self, answer: str) -> bytes:
        """The news that an answer is kept no longer."""

    def unknown(self, answer: str) -> BadRequest:
        """Nobody keeps the answer that a client asks for."""

    def over(self) -> BadRequest:
        """An answer that is kept is complete, and cannot be given up."""

    def unknown_before(self, answer: str) -> BadRequest:
        """Nobody keeps the answer that a request goes on from."""
