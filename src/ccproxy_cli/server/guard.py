"""Who may ask. Pure checks on a request's head, before anything is routed or read.

A proxy on loopback is reachable by every web page the user opens: through a name that the attacker rebinds to 127.0.0.1, or by plain
cross-site requests. Names are therefore matched exactly, forwarding headers count for nothing, and every path is guarded alike.
"""

import hmac
from collections.abc import Mapping
from ipaddress import ip_address
from itertools import islice
from types import MappingProxyType
from urllib.parse import unquote_to_bytes

from attrs import field, frozen

from ccproxy_cli.config.settings import ServerSettings
from ccproxy_cli.core.errors import APIError, ErrorKind
from ccproxy_cli.core.http import HOP_HEADER
from ccproxy_cli.server.asgi import Head

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
NO_CLIENTS: Mapping[str, str] = MappingProxyType({})
OPEN_PATHS = frozenset({"/", "/health", "/api/hello"})
"""Answered without a key: they tell nobody anything. By the last one Claude Code sees, with no key, whether its API can be reached."""
_KEY_HEADERS = ("x-api-key", "x-goog-api-key")


@frozen
class Token:
    """A word that opens the door."""

    word: bytes = field(repr=False)
    client: str | None
    """Whose it is; None for the server's own."""


@frozen
class Caller:
    """Who asks, as far as the keys tell that came with the request."""

    token: Token | None
    """The one among the keys; None if there is none."""
    key: str | None = field(repr=False)
    """The first key that is no token of ours, so that it may be meant for a provider: what opens this door must not leave the house."""
    has_keys: bool


@frozen
class Guard:
    """The rules, from the settings."""

    hosts: frozenset[str]
    """Names and addresses the server answers to; lower case, without port."""
    any_address: bool
    """Listens beyond loopback: any literal address is one of ours, and cannot be rebound."""
    origins: frozenset[str]
    tokens: tuple[Token, ...]
    """One of them must come with each request; with none, whoever reaches the port may ask."""

    @classmethod
    def of(cls, settings: ServerSettings, token: str | None, clients: Mapping[str, str] = NO_CLIENTS) -> "Guard":
        """The rules for `settings`.

        Args:
            token: the server's own, resolved already.
            clients: the token of each client by the client's name, resolved already.
        """
        host = _bracketed(settings.host.lower())
        beyond = not _is_loopback(settings.host)
        names = LOOPBACK_NAMES | {host} | {_bracketed(name.lower().rstrip(".")) for name in settings.allowed_hosts}
        origins = frozenset(origin.lower().rstrip("/") for origin in settings.allowed_origins)
        tokens = [Token(word.encode(), name) for name, word in clients.items()]
        if token:
            tokens.append(Token(token.encode(), None))
        return cls(frozenset(names), beyond, origins, tuple(tokens))

    def caller(self, head: Head) -> Caller:
        """Who asks. Of several tokens a client's counts before the server's own, which comes last."""
        offered = client_keys(head)
        if not self.tokens:
            return Caller(None, offered[0].decode("latin-1") if offered else None, bool(offered))
        best, other = len(self.tokens), None
        for key in offered:
            found = None
            # Every key is compared with every token, and each to its end, so that the time it takes tells nothing.
            for index, token in enumerate(self.tokens):
                if hmac.compare_digest(key, token.word):
                    found = index
            if found is not None:
                best = min(best, found)
            elif other is None:
                other = key.decode("latin-1")
        return Caller(self.tokens[best] if best < len(self.tokens) else None, other, bool(offered))

    def refuse(self, head: Head, caller: Caller) -> APIError | None:
        """Why this request is not served, or None."""
        return (
            self._refuse_framing(head)
            or self._refuse_host(head)
            or self._refuse_browser(head)
            or self._refuse_loop(head)
            or self._refuse_key(head, caller)
        )

    def allowed_origin(self, head: Head) -> str | None:
        """The request's origin, if it is one the user has allowed."""
        origin = head.headers.get("origin")
        return origin if origin is not None and origin.lower() in self.origins else None

    def is_preflight(self, head: Head) -> bool:
        """A browser asks, without a key, whether a page of an allowed origin may ask."""
        return head.method == "OPTIONS" and self.allowed_origin(head) is not None

    def _refuse_framing(self, head: Head) -> APIError | None:
        """Two ways to tell where a body ends are how one request is smuggled inside another."""
        coding = head.headers.get("transfer-encoding")
        length = head.headers.get("content-length")
        several = head.repeats("content-length") or head.repeats("transfer-encoding") or (coding is not None and length is not None)
        if several or (coding is not None and coding.strip().lower() != "chunked"):
            return _refusal(ErrorKind.INVALID_REQUEST, "conflicting content-length and transfer-encoding", close=True)
        return None

    def _refuse_host(self, head: Head) -> APIError | None:
        host = head.headers.get("host")
        if host is None or head.repeats("host"):
            return _refusal(ErrorKind.INVALID_REQUEST, "there must be exactly one Host header", close=True)
        name, port = _split_port(host.strip().lower())
        if port.strip("0123456789") or len(port) > 5:
            return _refusal(ErrorKind.INVALID_REQUEST, "the Host header is malformed", close=True)
        name = name.removesuffix(".")
        if name in self.hosts or (self.any_address and _is_address(name)):
            return None
        return _refusal(
            ErrorKind.PERMISSION, "this host name is not allowed: use localhost, or add it to server.allowed_hosts", "host_not_allowed"
        )

    def _refuse_browser(self, head: Head) -> APIError | None:
        if "origin" not in head.headers and "sec-fetch-site" not in head.headers:
            return None
        origin = head.headers.get("origin")
        allowed = self.allowed_origin(head)
        own = (f"http://{head.headers['host']}", f"https://{head.headers['host']}")
        if origin is not None and (head.repeats("origin") or (allowed is None and origin.lower() not in own)):
            return _refusal(ErrorKind.PERMISSION, "this web origin is not allowed: add it to server.allowed_origins", "origin_not_allowed")
        if allowed is None and head.headers.get("sec-fetch-site", "").strip().lower() in ("cross-site", "same-site"):
            return _refusal(ErrorKind.PERMISSION, "requests from other web sites are not allowed", "origin_not_allowed")
        return None

    def _refuse_loop(self, head: Head) -> APIError | None:
        if HOP_HEADER in head.headers:
            return _refusal(ErrorKind.LOOP, "this request comes from a ccproxy: an upstream is configured to be a ccproxy itself")
        return None

    def _refuse_key(self, head: Head, caller: Caller) -> APIError | None:
        if not self.tokens or caller.token is not None or head.path in OPEN_PATHS or self.is_preflight(head):
            return None
        message = "the API key is not a token of this ccproxy" if caller.has_keys else "an API key is required: a token of this ccproxy"
        return APIError(ErrorKind.AUTHENTICATION, message, code="invalid_api_key", should_retry=False)


def client_keys(head: Head) -> list[bytes]:
    """Every key the caller offers, in whichever place its vendor would look for it, as the bytes that were sent."""
    found: list[bytes] = []
    kind, _, key = head.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and key.strip():
        found.append(key.strip().encode("latin-1"))
    found += [head.headers[name].encode("latin-1") for name in _KEY_HEADERS if head.headers.get(name)]
    if b"key=" in head.query:
        pairs = (pair.partition(b"=") for pair in head.query.split(b"&"))
        keys = (unquote_to_bytes(value) for name, _, value in pairs if name == b"key" and value)
        found += islice(keys, 1)  # nobody has more, and each one costs a comparison with every token
    return found


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
