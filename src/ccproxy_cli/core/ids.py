"""Ids that fit: a call and its result agree on an id without any table between them."""

import hashlib
import re
from collections import Counter

from attrs import define, field

_LENGTH = 24


def fit_id(given: str, allowed: re.Pattern[str], prefix: str = "call_") -> str:
    """`given` if the whole of it is `allowed`, else `prefix` and 24 hexadecimal digits that depend on nothing but `given`.

    The same id maps to the same id in every request, so replayed history keeps its bytes and the vendor's prompt cache. Cutting
    long ids short instead would make two calls of one conversation collide.
    """
    return given if allowed.fullmatch(given) else prefix + digest_id(given)


def digest_id(text: str) -> str:
    """24 hexadecimal digits that depend on nothing but `text`."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_LENGTH]


@define
class UniqueIds:
    """Ids for the calls of one conversation: some providers number the calls of every turn from 0 again, others take an id once."""

    _allowed: re.Pattern[str]
    _used: Counter[str] = field(factory=Counter)

    def give(self, call_id: str) -> str:
        """An id that fits, and that no earlier call has: the given one if it can be."""
        fitted = fit_id(call_id, self._allowed)
        self._used[fitted] += 1
        return fitted if self._used[fitted] == 1 else "call_" + digest_id(f"{call_id}#{self._used[fitted]}")
