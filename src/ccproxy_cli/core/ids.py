"""Ids that fit: a call and its result agree on an id without any table between them."""

import hashlib
import re

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
