"""What a failure means for the request it befell, and for the target that failed."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

from attrs import evolve, frozen

from ccproxy_cli.core.errors import BadRequest, BadUpstream, ErrorKind, Fate, UpstreamError

Failure: TypeAlias = BadRequest | BadUpstream | UpstreamError

FAILURES = (BadRequest, BadUpstream, UpstreamError)


@frozen
class Verdict:
    again: bool = False
    """The same target may do better in a moment."""
    elsewhere: bool = False
    """Another target may do better."""
    rest: float = 0.0
    """For how long the target is to be left alone, in cool-downs."""


_PASSING = Verdict(again=True, elsewhere=True, rest=1)
_THIS_TARGET = Verdict(elsewhere=True)
"""Says nothing of the next request."""
_NOT_SOON = Verdict(elsewhere=True, rest=10)
"""Waiting helps, but not any wait that a client has patience for."""

VERDICTS: Mapping[ErrorKind, Verdict] = MappingProxyType(
    {
        ErrorKind.RATE_LIMIT: _PASSING,  # the window moves on by itself
        ErrorKind.OVERLOADED: _PASSING,
        ErrorKind.INTERNAL: _PASSING,
        ErrorKind.BAD_UPSTREAM: _PASSING,  # 500 and 502 as well: all vendors' SDKs try those again
        ErrorKind.UPSTREAM_TIMEOUT: Verdict(elsewhere=True, rest=1),  # it may still be at work, and who waits as long again gains nothing
        ErrorKind.QUOTA: _NOT_SOON,
        ErrorKind.BILLING: _NOT_SOON,
        # Another target has another key, other models, another window. The same one says the same again.
        ErrorKind.AUTHENTICATION: _THIS_TARGET,
        ErrorKind.PERMISSION: _THIS_TARGET,
        ErrorKind.NOT_FOUND: _THIS_TARGET,
        ErrorKind.CONTEXT_OVERFLOW: _THIS_TARGET,
        ErrorKind.TOO_LARGE: _THIS_TARGET,
    }
)
"""What is not here is the request's own fault, which every target would find."""

ABOUT_KEYS = frozenset({ErrorKind.RATE_LIMIT, ErrorKind.QUOTA, ErrorKind.BILLING})
"""What is said of one key, not of the target."""

NEVER = Verdict()
"""Nobody would do better, or nobody is to try."""


def verdict(failure: Failure) -> Verdict:
    """What to do about a failure that came before any content."""
    match failure:
        case BadRequest():  # it cannot be said to this target, or not without loss; another may speak the client's own format
            return _THIS_TARGET
        case BadUpstream():  # an answer came, and cost what it cost
            return Verdict(elsewhere=True, rest=1)
        case UpstreamError(fate=Fate.BEGUN):
            return NEVER
        case UpstreamError(error=error, fate=fate):
            found = VERDICTS.get(error.kind, NEVER)
            if fate is Fate.UNSENT:
                return evolve(found, again=True)
            if error.origin is None and error.status is None:
                # Our own account. Nobody knows whether the request was read; and where we are full ourselves it has waited already.
                return evolve(found, again=False, rest=0 if error.kind is ErrorKind.OVERLOADED else found.rest)
            return found if error.should_retry is None else evolve(found, again=error.should_retry)
