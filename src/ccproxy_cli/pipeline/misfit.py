"""Requests that were written for another model.

A route may lead a client to a model it has never heard of. What the client says suits the model it asked for, and a provider of its own
format, which is given the client's bytes, may refuse what this one does not take: `max_tokens` of a reasoning model, say. Such a request
is then treated as if it had come in another format, and so bent to what the model can take.
"""

import re
from collections.abc import Collection

from attrs import evolve

from ccproxy_cli.core.errors import APIError, ErrorKind
from ccproxy_cli.core.extras import NOTE, Losses
from ccproxy_cli.core.request import Request
from ccproxy_cli.pipeline.route import Target

_MOST = 256
"""Facts that are kept: models are few, and names of members come from upstreams."""

_REFUSALS = (ErrorKind.INVALID_REQUEST, ErrorKind.UNPROCESSABLE)
_QUOTED = "'{}'"
_WORDS = re.compile(
    "|".join(
        (
            r"unsupported (parameter|value)",  # OpenAI, recorded answers, 2026
            r"(not supported|not available) (with|by|for|on|in) this model",  # OpenAI, Anthropic, recorded answers, 2026
            r"(does not|doesn't) support",  # all, recorded answers, 2026
            r"extra inputs are not permitted|extra_forbidden",  # Anthropic, Mistral, API errors in public issues, 2025
            r"property \S+ is unsupported",  # Groq, API errors in public issues, 2025
            r"\w+: \d+ > \d+, which is the maximum allowed",  # Anthropic on `max_tokens`, API errors in public issues, 2025
            r"unrecognized request argument|unknown parameter",  # OpenAI and its like, API errors in public issues, 2024 to 2026
            r"thinking is not enabled|thinking level|thinking budget",  # Gemini, API errors in public issues, 2026
        )
    ),
    re.IGNORECASE,
)


class Misfits:
    """What requests have turned out to say that a model does not take, so that the next one need not be refused first."""

    def __init__(self) -> None:
        self._refused: dict[str, set[str]] = {}
        self._count = 0

    def suits(self, target: Target, members: Collection[str]) -> bool:
        """Whether nothing is known against sending these members to a model."""
        refused = self._refused.get(str(target)) if self._refused else None
        return refused is None or refused.isdisjoint(members)

    def learn(self, target: Target, error: APIError, members: Collection[str]) -> bool:
        """Whether a refusal says that the model does not take something that others do. The member it names is remembered."""
        if error.kind not in _REFUSALS or error.http_status not in (400, 422) or not _WORDS.search(error.message):
            return False
        # Not every server has a place for the name beside the words.
        named = error.param or next((name for name in members if _QUOTED.format(name) in error.message), None)
        if named in members and named is not None and self._count < _MOST:
            self._refused.setdefault(str(target), set()).add(named)
            self._count += 1
        return True


def as_if_foreign(request: Request, spoken: str, losses: Losses) -> Request:
    """The request without what marks it as one in its own format, and without what only that format says."""
    for name in request.extras.get(spoken, ()):
        if not name.startswith(NOTE):
            losses.add(name, "the model that this is led to may not take it")
    return evolve(request, extras={name: members for name, members in request.extras.items() if name != spoken})
