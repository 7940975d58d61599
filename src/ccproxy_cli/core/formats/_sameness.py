"""What makes two requests of one format ask for the same thing, so that one answer serves both."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from attrs import field, frozen

from ccproxy_cli.core.http import HTTPCall
from ccproxy_cli.core.jsontext import JSON, canonical, loads

_OF_THE_CALL = frozenset({"model", "stream"})
"""Members that stand in every key, or in none, whatever the format."""


@frozen
class Sense:
    """A request reduced to what counts."""

    asked: bytes
    """The same for requests that ask for the same."""
    shape: bytes
    """The same for those whose answers also look the same, down to the frames."""


@frozen
class Sameness:
    """Which members of a format's requests count, and for what. Members that are null are as good as absent."""

    is_repeatable: Callable[[Mapping[str, JSON]], bool] = field(repr=False)
    """Whether one answer can serve twice. Not where it does something on the vendor's side, or where a stream says less than a body."""
    idle: frozenset[str] = frozenset()
    """Members that change nothing in an answer: who asks, and where to cache."""
    echoed: Mapping[str, JSON] = MappingProxyType({})
    """Such members that an answer repeats, and what it says where the request says nothing."""
    shaping: frozenset[str] = frozenset()
    """Members that count for the frames of a stream alone."""
    shaping_query: frozenset[str] = frozenset()
    """Query parameters that count for the form of the answer alone."""
    defaults: Mapping[str, JSON] = MappingProxyType({})
    """What members say that are absent."""
    headers: tuple[str, ...] = ()
    """Those that change what the body means, or on whose account it is answered; several words in one are in no order."""

    def sense(self, call: HTTPCall, members: Mapping[str, bytes]) -> Sense | None:
        """What counts of a call with these top-level members; None if its answer serves only once.

        Raises:
            JSONError: a member is not JSON.
        """
        values = {name: loads(raw) for name, raw in members.items() if name not in _OF_THE_CALL}
        if not self.is_repeatable(values):
            return None
        said = {name: value for name, value in values.items() if value is not None and not self._is_default(name, value)}
        shaping = {name: value for name, value in said.items() if name in self.shaping or name in self.echoed}
        beside = self.idle | shaping.keys()
        headers = [sorted(word.strip() for word in call.headers.get(name, "").split(",")) for name in self.headers]
        query = sorted(pair for pair in call.query.split("&") if pair.partition("=")[0] in self.shaping_query)
        return Sense(
            canonical([headers, {name: value for name, value in said.items() if name not in beside}]),
            canonical([query, shaping]),
        )

    def _is_default(self, name: str, value: JSON) -> bool:
        return name in self.defaults and canonical(value) == canonical(self.defaults[name])
