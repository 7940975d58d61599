"""What one format says and the vocabulary does not: carried along as extras, or reported as losses. Never dropped in silence."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TypeAlias

from attrs import define, field, frozen

from ccproxy_cli.core.errors import BadRequest
from ccproxy_cli.core.jsontext import JSON

Extras: TypeAlias = Mapping[str, Mapping[str, JSON]]
"""Unknown members of one object, by the name of the format they came in. They re-emerge only into that format."""

NOTE = "$"
"""Extras whose names begin with this are a codec's notes on how something was spelled, not members: they never go out as such."""

VITAL = "!"
"""Extras whose names begin with this must not be left out: what they name, such as the turns a vendor keeps, is part of the question."""

ANSWER = "answer."
"""What a loss's path begins with where the answer lost something, not the question."""

_FREE_MAPS = frozenset({"metadata", "client_metadata", "labels", "logit_bias"})
"""Members that clients fill as they like: empty, they say nothing."""

NO_EXTRAS: Extras = MappingProxyType({})


def extras_of(format_name: str, members: Mapping[str, JSON]) -> Extras:
    """Extras holding `members` for one format, or the shared empty mapping."""
    return {format_name: members} if members else NO_EXTRAS


def refuse_vital(extras: Extras, target: str | None = None) -> None:
    """For where nothing is encoded, and so no losses are recorded, such as an estimate.

    Raises:
        BadRequest: an extra that belongs to another format than `target` is vital.
    """
    for origin, members in extras.items():
        for name in members:
            if origin != target and name.startswith(VITAL):
                raise _kept_elsewhere(name)


def _kept_elsewhere(name: str) -> BadRequest:
    said = name.removeprefix(VITAL)
    return BadRequest(f"{said}: names something only its own vendor keeps; send it in full instead", said)


@frozen
class Loss:
    """One thing the target format or model could not be told."""

    field: str
    """Where it stood in the request, such as `messages[2].content[0].cache_control`."""
    why: str
    """One clause in plain words, such as `openai-chat has no top_k`."""


@define
class Losses:
    """The losses of one request, in order of discovery, each field once."""

    strict: bool = False
    """The client would rather be refused than lose anything."""
    _by_field: dict[str, Loss] = field(factory=dict)

    def add(self, path: str, why: str) -> None:
        self._by_field.setdefault(path, Loss(path, why))

    def add_foreign(self, extras: Extras, target: str, path: str) -> None:
        """Record every extra that belongs to another format than `target`. Nulls, empty lists and notes say nothing and are no loss;
        an empty object mostly asks for something, with its defaults.

        Raises:
            BadRequest: one of them is vital.
        """
        for origin, members in extras.items():
            if origin != target:
                for name, value in members.items():
                    if name.startswith(VITAL):
                        raise _kept_elsewhere(name)
                    blank = value is None or value == [] or (value == {} and name in _FREE_MAPS)
                    if not blank and not name.startswith(NOTE):
                        self.add(f"{path}.{name}" if path else name, f"{target} has no place for it")

    def refuse_if_strict(self) -> None:
        """To be called when the request is fully encoded and nothing has been sent. What an answer lost is recorded and no more: it is
        paid for, and a client is better served with the rest of it than without.

        Raises:
            BadRequest: the client was strict and something was lost of its request.
        """
        lost = [loss for loss in self if not loss.field.startswith(ANSWER)] if self.strict else []
        if lost:
            what = "; ".join(f"{loss.field}: {loss.why}" for loss in lost)
            raise BadRequest(f"cannot be carried over without loss: {what}", lost[0].field)

    def __iter__(self) -> Iterator[Loss]:
        return iter(self._by_field.values())

    def __len__(self) -> int:
        return len(self._by_field)
