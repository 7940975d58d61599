"""Who may ask. Pure checks on a request's head, before anything is routed or read.

A proxy on loopback is reachable by every web page the user opens: through a name that the attacker rebinds to 127.0.0.1, or by plain
cross-site requests. Names are therefore matched exactly, forwarding headers count for nothing, and every path is guarded alike.
"""

import hmac
from collections.abc import Iterable
from ipaddress import ip_address
from urllib.parse import unquote_to_bytes

from attrs import frozen

from ccproxy_cli.config.settings import ServerSettings
from ccproxy_cli.core.errors import APIError, ErrorKind
from ccproxy_cli.core.http import HOP_HEADER
from ccproxy_cli.server.asgi import Scope, values_of

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
OPEN_PATHS = frozenset({"/", "/health"})
"""Answered without a key: they tell nobody anything."""
_HOP = HOP_HEADER.encode()
_KEY_HEADERS = (b"x-api-key", b"x-goog-api-key")


@frozen
class Guard:
    """The rules, from the settings."""

    hosts: frozenset[str]
    """Names and addresses the server answers to; lower case, without port."""
    any_address: bool
    """Listens beyond loopback: any literal address is one of ours, and cannot be rebound."""
    origins: frozenset[str]
    token: bytes | None

    @classmethod
    def of(cls, settings: ServerSettings, token: str | None) -> "Guard":
        """The rules for `settings`; `token` is resolved already."""
        host = _bracketed(settings.host.lower())
        beyond = not _is_loopback(settings.host)
        names = LOOPBACK_NAMES | {host} | {_bracketed(name.lower().rstrip(".")) for name in settings.allowed_hosts}
        origins = frozenset(origin.lower().rstrip("/") for origin in settings.allowed_origins)
        return cls(frozenset(names), beyond, origins, token.encode() if token else None)

    def refuse(self, scope: Scope, path: str) -> APIError | None:
        """Why this request is not served, or None. Looks at the head only."""
        return (
            self._refuse_framing(scope)
            or self._refuse_host(scope)
            or self._refuse_browser(scope)
            or self._refuse_loop(scope)
            or self._refuse_key(scope, path)
        )

    def allowed_origin(self, scope: Scope) -> bytes | None:
        """The request's origin, if it is one the user has allowed."""
        for value in values_of(scope, b"origin"):
            if value.decode("latin-1").lower() in self.origins:
                return value
        return None

    def is_preflight(self, scope: Scope) -> bool:
        """A browser asks, without a key, whether a page of an allowed origin may ask."""
        return bool(scope["method"] == "OPTIONS" and self.allowed_origin(scope))

    def _refuse_framing(self, scope: Scope) -> APIError | None:
        """Two ways to tell where a body ends are how one request is smuggled inside another."""
        coding = values_of(scope, b"transfer-encoding")
        lengths = values_of(scope, b"content-length")
        if (coding and lengths) or len(lengths) > 1 or (coding and [value.strip().lower() for value in coding] != [b"chunked"]):
            return _refusal(ErrorKind.INVALID_REQUEST, "conflicting content-length and transfer-encoding", close=True)
        return None

    def _refuse_host(self, scope: Scope) -> APIError | None:
        hosts = values_of(scope, b"host")
        if len(hosts) != 1:
            return _refusal(ErrorKind.INVALID_REQUEST, "there must be exactly one Host header", close=True)
        name, port = _split_port(hosts[0].decode("latin-1").strip().lower())
        if port.strip("0123456789") or len(port) > 5:
            return _refusal(ErrorKind.INVALID_REQUEST, "the Host header is malformed", close=True)
        name = name.removesuffix(".")
        if name in self.hosts or (self.any_address and _is_address(name)):
            return None
        return _refusal(
            ErrorKind.PERMISSION, "this host name is not allowed: use localhost, or add it to server.allowed_hosts", "host_not_allowed"
        )

    def _refuse_browser(self, scope: Scope) -> APIError | None:
        origins = values_of(scope, b"origin")
        allowed = self.allowed_origin(scope)
        own = [value for host in values_of(scope, b"host") for value in (b"http://" + host, b"https://" + host)]
        if origins and (len(origins) > 1 or (allowed is None and origins[0].lower() not in own)):
            return _refusal(ErrorKind.PERMISSION, "this web origin is not allowed: add it to server.allowed_origins", "origin_not_allowed")
        if allowed is None and any(value.strip().lower() in (b"cross-site", b"same-site") for value in values_of(scope, b"sec-fetch-site")):
            return _refusal(ErrorKind.PERMISSION, "requests from other web sites are not allowed", "origin_not_allowed")
        return None

    def _refuse_loop(self, scope: Scope) -> APIError | None:
        if values_of(scope, _HOP):
            return _refusal(ErrorKind.LOOP, "this request comes from a ccproxy: an upstream is configured to be a ccproxy itself")
        return None

    def _refuse_key(self, scope: Scope, path: str) -> APIError | None:
        if self.token is None or path in OPEN_PATHS or self.is_preflight(scope):
            return None
        offered = list(client_keys(scope))
        # Every key is compared to the end, so that the time it takes tells nothing.
        if any([hmac.compare_digest(key, self.token) for key in offered]):  # noqa: C419
            return None
        message = "the API key is not the token of this ccproxy" if offered else "an API key is required: the token of this ccproxy"
        return APIError(ErrorKind.AUTHENTICATION, message, code="invalid_api_key", should_retry=False)


def client_keys(scope: Scope) -> Iterable[bytes]:
    """Every key the caller offers, in whichever place its vendor would look for it."""
    for value in values_of(scope, b"authorization"):
        kind, _, key = value.partition(b" ")
        if kind.lower() == b"bearer" and key.strip():
            yield key.strip()
    for name in _KEY_HEADERS:
        yield from (value for value in values_of(scope, name) if value)
    query: bytes = scope["query_string"]
    if b"key=" in query:
        for pair in query.split(b"&"):
            name_, _, value = pair.partition(b"=")
            if name_ == b"key" and value:
                yield unquote_to_bytes(value)


def _refusal(kind: ErrorKind, message: str, code: str | None = None, *, close: bool = False) -> APIError:
    return APIError(kind, message, code=code, headers={"connection": "close"} if close else None)


def _split_port(host: str) -> tuple[str, str]:
    if host.startswith("["):
        name, bracket, rest = host.partition("]")
        return name + bracket, rest.removeprefix(":") if rest.startswith(":") or not rest else "?"
    name, _, port = host.partition(":")
    return name, port


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _is_address(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host.lower() == "localhost" or (_is_address(host) and ip_address(host.strip("[]")).is_loopback)
