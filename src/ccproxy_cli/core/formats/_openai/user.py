"""Who the end user is, under both names the vendor has had for it, and under none that says who."""

import hashlib

from ccproxy_cli.core.extras import NOTE
from ccproxy_cli.core.jsontext import JSON

USER = NOTE + "user"
"""The end user's id was called `user`, not `safety_identifier`."""


def read_user(user: str | None, safety_identifier: str | None, members: dict[str, JSON]) -> str | None:
    """The end user's id. What it was called, or the other of two, is kept among the request's `members`."""
    if user is None:
        return safety_identifier
    if safety_identifier is None:
        members[USER] = True
        return user
    members["user"] = user
    return safety_identifier


def alias(user: str | None) -> str | None:
    """The id in a request of another format: never raw to another company."""
    return None if user is None else hashlib.sha256(user.encode()).hexdigest()
