"""Tools that a vendor runs itself, of kinds that several vendors have: what is asked of them, and what they did."""

import enum

from attrs import fields, frozen

from ccproxy_cli.core.extras import NO_EXTRAS, Extras
from ccproxy_cli.core.jsontext import JSON


class HostedKind(enum.StrEnum):
    """What a hosted tool does. The values are also the names by which a choice among tools calls it."""

    WEB_SEARCH = "web_search"
    WEB_FETCH = "web_fetch"
    """Reads pages whose addresses are given."""
    CODE_EXECUTION = "code_execution"


@frozen
class Location:
    """Where the user roughly is."""

    city: str | None = None
    region: str | None = None
    country: str | None = None
    """Two letters, ISO 3166-1."""
    timezone: str | None = None
    """An IANA name."""

    @classmethod
    def of(cls, members: JSON) -> "Location | None":
        """From an object whose members have these names, as at most vendors; None if it is none."""
        if not isinstance(members, dict):
            return None
        return cls(**{field.name: value for field in fields(cls) if isinstance(value := members.get(field.name), str)})

    def members(self) -> dict[str, str]:
        """Undoes `of`."""
        return {field.name: value for field in fields(type(self)) if (value := getattr(self, field.name)) is not None}


@frozen
class HostedTool:
    """A hosted tool as a request declares it."""

    kind: HostedKind
    allowed_domains: tuple[str, ...] = ()
    """Nothing from elsewhere; no limit if empty."""
    blocked_domains: tuple[str, ...] = ()
    location: Location | None = None
    max_uses: int | None = None
    context_size: str | None = None
    """How much of what is found the model reads: `low`, `medium` or `high`."""
    extras: Extras = NO_EXTRAS


@frozen
class Source:
    """Something that was found."""

    url: str
    title: str | None = None


@frozen
class Found:
    """What came of using a hosted tool."""

    sources: tuple[Source, ...] = ()
    output: str = ""
    """What code printed."""
    error: str | None = None
    """Why it failed, in the vendor's words."""


@frozen
class HostedStep:
    """One use of a hosted tool, or one half of it: vendors tell the asking and the finding together or apart."""

    kind: HostedKind
    call_id: str = ""
    """Joins the two halves; empty where the vendor has no ids, and a finding belongs to the last asking."""
    asked: tuple[str, ...] | None = None
    """The queries, the addresses, or the one program. None: only what was found is told."""
    found: Found | None = None
    """None: not told, or not yet."""
