"""HTTP messages as values: what codecs read and write without knowing any client or server."""

from collections.abc import Mapping
from types import MappingProxyType

from attrs import frozen

NO_HEADERS: Mapping[str, str] = MappingProxyType({})
HOP_HEADER = "x-ccproxy-hop"
"""Marks our own calls to upstreams: a server that receives one is being called by itself or its like, and refuses."""
JSON_HEADERS: Mapping[str, str] = MappingProxyType({"content-type": "application/json"})


@frozen
class HTTPCall:
    """A request. Paths are below the vendor's base URL, `/v1` included where the vendor's own path has it."""

    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = NO_HEADERS
    """Names in lower case."""
    query: str = ""


@frozen
class HTTPReply:
    """A reply whose body is complete."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = JSON_HEADERS
    """Names in lower case."""
