"""What the configuration needs to know of a preset: whose addresses are whose, and which variables speak of it."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Protocol
from urllib.parse import SplitResult, urlsplit


class Vendor(Protocol):
    """A preset, as far as the configuration cares."""

    @property
    def name(self) -> str: ...
    @property
    def base_url(self) -> str | None: ...
    @property
    def hosts(self) -> tuple[str, ...]: ...
    @property
    def key_variables(self) -> tuple[str, ...]: ...
    @property
    def key_optional(self) -> bool: ...
    @property
    def address_variables(self) -> tuple[str, ...]: ...
    @property
    def variables(self) -> Mapping[str, tuple[str, ...]]: ...
    @property
    def needs(self) -> tuple[str, ...]:
        """Variables without which it has no address."""


def is_own(vendor: Vendor, given: str | None) -> bool:
    """Whether an address is the vendor's own, by scheme, host and port, whatever its path.

    Args:
        given: what the user wrote; None for the vendor's own.
    """
    if given is None:
        return True
    try:
        there = _place(urlsplit(given))
    except ValueError:  # it is no address
        return False
    if any(fnmatchcase(there[1] or "", pattern) for pattern in vendor.hosts):
        return there[::2] == ("https", 443)
    return vendor.base_url is not None and there == _place(urlsplit(vendor.base_url))


def _place(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
